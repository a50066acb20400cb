"""Network files of every kind: one module for each, with the same verbs, and the choice between them.

A module has NAME, `recognise` (by content, never by name), `read` and `write`.
"""

import contextlib
import os
import struct
from collections import OrderedDict
from typing import NamedTuple

from blend.checkpoints import pytorch_pickle, rosinality, safetensors, state_dicts, tensorflow_pickle, torch_files
from blend.checkpoints.contents import Contents
from blend.checkpoints.pickle_reader import forbidden
from blend.errors import BlendError, NetworkFileError, brief
from blend.networks.network import checked
from blend.system.files import FileMap, check_target, open_regular, reason, replacing
from blend.system.pending import Pending

FORMATS = {module.NAME: module for module in (tensorflow_pickle, pytorch_pickle, rosinality, safetensors)}
_ENDINGS = {
    ".pkl": tensorflow_pickle.NAME, ".pt": rosinality.NAME, ".pth": rosinality.NAME, ".safetensors": safetensors.NAME,
}
# What files of other kinds begin with, and what to say of them.
_OTHER_FILES = (
    (b"version https://git-lfs", "a pointer of Git LFS in place of the file; fetch it with git lfs pull"),
    (b"\x1f\x8b", "compressed by gzip; unpack it first"), (b"\xfd7zXZ", "compressed by xz; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"), (b"7z\xbc\xaf", "a 7-Zip archive; unpack it first"),
    (b"\x89HDF", "an HDF5 file, not a StyleGAN2 network"), (b"\x89PNG", "a picture, not a network"),
    (b"\xff\xd8\xff", "a picture, not a network"),
    (b"GGUF", "a GGUF file, not a StyleGAN2 network"),
)
_MOST_NAMED = 8
_WIDENED = "half precision: its numbers are widened to float32, which is exact"
_READABLE = "; network files are NVIDIA's .pkl (TensorFlow or PyTorch), rosinality's .pt and blend's .safetensors"


class NetworkFile(Contents):
    """`Contents` that can be saved: what `load` returns, and what blending makes."""

    @property
    def resolution(self):
        """Pixels of a side of the pictures."""
        return self.Gs.resolution

    @property
    def sha256(self):
        """Hexadecimal SHA-256 of the file, of the very bytes that the arrays are views of; None without a file."""
        return None if self.file is None else self.file.sha256()

    def save(self, path, format=None):
        """Write a network file; the old file stays until the new one is whole.

        format: 'tensorflow', 'pytorch', 'rosinality' or 'safetensors'; None: by the ending of `path`.
        Returns a list of what the format cannot hold, in words. BlendError: nothing could be written.
        """
        return self.write(target_for(path, self.format, format))

    def write(self, target):
        """`save` to a Target. There is the old file or the whole new one."""
        with replacing(target.path, follow_links=True) as file:
            return FORMATS[target.format].write(self, file)


def load(path):
    """Read a network file of any format; arrays are read-only views of its memory map.

    Returns a NetworkFile. NetworkFileError names the file and what is wrong with it; nothing in the file is
    executed, whatever it says.

    >>> load("nowhere.pkl")
    Traceback (most recent call last):
    blend.errors.NetworkFileError: nowhere.pkl: no such file
    """
    return read(mapped(path), path)


def mapped(path):
    """The FileMap of a network file, of which nothing is read yet. NetworkFileError: there is no such file."""
    with _named(path):
        return FileMap.at(path)


def read(file, path):
    """The NetworkFile of a FileMap; path: how it is called. NetworkFileError as of `load`."""
    with _named(path):
        return parse(file)._replace(path=path, file=file)


@contextlib.contextmanager
def _named(path):
    """Context: errors say in which file they are."""
    try:
        yield
    except FileNotFoundError:
        raise NetworkFileError("%s: no such file" % path)
    except IsADirectoryError:
        raise NetworkFileError("%s: is a folder; give a file" % path)
    except NetworkFileError as error:
        raise type(error)("%s: %s" % (path, error))
    except (OSError, ValueError) as error:
        raise NetworkFileError("%s: cannot be read (%s)" % (path, reason(error)))


def parse(buffer):
    """The NetworkFile of a file's bytes; arrays are views of them. NetworkFileError: what is wrong with them."""
    try:
        module, contents = _read(memoryview(buffer))
        networks, idle = {}, OrderedDict()
        for role, network in contents.by_role.items():
            function = "discriminator" if role == "D" else "generator"
            tensorflow_pickle.check_plain(network)
            networks[role], names = checked(network, function)
            _check_size(networks[role], len(buffer))
            idle.update((name, idle.get(name, []) + [role]) for name in names)
        left_out = contents.left_out + tuple(_idle_in_words(idle))
        return NetworkFile(*contents._replace(format=module.NAME, left_out=left_out, **networks))
    except (ArithmeticError, AttributeError, BufferError, LookupError, MemoryError, RuntimeError, TypeError, ValueError,
            struct.error) as error:
        # The last net; the fuzzers of the tests take it for a fault.
        raise NetworkFileError("broken in an unforeseen way (%s: %s)" % (type(error).__name__, str(error)[:200]))


def _check_size(network, size):
    """Raise NetworkFileError if a network is much larger than its file: its variables are the same bytes.

    Reading costs nothing, but whatever is done with the network then would. Half precision becomes twice as large.
    """
    there = sum(value.nbytes for value in network.stored.values() if not isinstance(value, Pending))
    if there > 2 * size:
        raise NetworkFileError("network %s has %s bytes of weights, its file %s: they are the same ones again and again"
                               % (network.name, format(there, ","), format(size, ",")))


def _idle_in_words(idle):
    """What is said of variables that no graph uses, {name: roles}."""
    for name, roles in list(idle.items())[:_MOST_NAMED]:
        yield "the variable %s of %s, a number that no graph uses" % (brief(name), ", ".join(roles))
    if len(idle) > _MOST_NAMED:
        yield "%d more such variables" % (len(idle) - _MOST_NAMED)


def _read(view):
    """(module, Contents) of a file's bytes."""
    head = bytes(view[:1])
    if safetensors.recognise(view):
        return safetensors, safetensors.read(view)
    if bytes(view[:2]) != b"PK" and head not in (b"\x80", b"c", b"(", b"]", b"}"):
        _refuse(bytes(view[:512]))
    unpickled = torch_files.read(view)
    module, contents = _contents(unpickled.value)
    if contents is not None:
        left_out = contents.left_out + unpickled.left_out
        if unpickled.widened_bytes():
            left_out += (_WIDENED,)
        return module, contents._replace(left_out=left_out)
    if unpickled.opaque:
        raise forbidden(next(iter(unpickled.opaque.values())))
    if isinstance(unpickled.value, dict):
        rosinality.refuse_families(unpickled.value)
    raise NetworkFileError("holds a %s, not the networks (G, D, Gs) or Gs" % type(unpickled.value).__name__)


def _contents(value):
    """(module, Contents) of what a pickle or a file of PyTorch holds; Contents is None where it is no network."""
    for module in (tensorflow_pickle, pytorch_pickle, rosinality):
        if module.recognise(value):
            return module, module.read(value)
    state_dict = state_dicts.find(value)
    if state_dict is None:
        return None, None
    return FORMATS[state_dict.format], state_dicts.read(value, state_dict)


def _refuse(head):
    for start, description in _OTHER_FILES:
        if head.startswith(start):
            raise NetworkFileError("is " + description)
    if head.lstrip()[:1] == b"<":
        raise NetworkFileError("is a web page, not a network: the download went wrong")
    if head[257:262] == b"ustar":
        raise NetworkFileError("is a tar archive; unpack it first")
    raise NetworkFileError("not a network file" + _READABLE)


class Target(NamedTuple):
    """A file to write networks to, which was found fit for it, and the name of its format."""

    path: str
    format: str

    def check_apart(self, sources):
        """Raise BlendError if the file is one of those that NetworkFiles were read from, which it would replace."""
        for networks in sources:
            if networks.path is not None and os.path.exists(self.path) and os.path.samefile(networks.path, self.path):
                raise BlendError("%s: is one of the networks that are read; choose another name" % self.path)


def target_for(path, source_format=None, format=None, made_folder=None):
    """The Target of a path: of the format that is asked for, or by the path's ending.

    source_format: what the networks were read from; `.pkl` stays that, if they come from a pickle. made_folder: a
    folder that is made before the file is written, so it need not be there yet. BlendError: no such format or ending,
    no file can be written there, or a file that is no network would be lost.
    """
    if made_folder is None or os.path.dirname(os.path.abspath(path)) != os.path.abspath(made_folder):
        check_target(path)
    target = Target(path, _format_for(path, source_format, format))
    if os.path.splitext(path)[1].lower() not in _ENDINGS and os.path.isfile(path) and not _may_be_network(path):
        raise BlendError("%s: is there already and is no network; choose another name, or delete it" % path)
    return target


def _may_be_network(path):
    """Whether a file begins like one of the formats, or is empty."""
    try:
        with open_regular(path) as file:
            head = file.read(9)
    except OSError:
        return False
    return not head or head[:1] == b"\x80" or head[:2] == b"PK" or head[8:] == b"{"


def _format_for(path, source_format, format):
    if format is not None:
        if format not in FORMATS:
            raise BlendError("formats are %s, not %r" % (", ".join(FORMATS), format))
        return format
    ending = os.path.splitext(path)[1].lower()
    if ending == ".pkl" and source_format == pytorch_pickle.NAME:
        return pytorch_pickle.NAME
    if ending not in _ENDINGS:
        raise BlendError("%s: the ending says no format (%s do); say which of %s with --format" % (
            path, ", ".join(_ENDINGS), ", ".join(FORMATS)))
    return _ENDINGS[ending]
