"""Which bytes NVIDIA's loader is given: it executes the Python text that is stored in a network file.

The loader unpickles with Python's own pickle, which can understand the same bytes differently from our reader and find
another text in them. So what our reader saw in a file proves nothing of what the loader would do with that file, and
the loader never opens a file of the user's.
"""

import contextlib
import hashlib
import tempfile

import numpy as np

from blend import carried, zoo
from blend.checkpoints import tensorflow_pickle
from blend.errors import BlendError, NetworkFileError, brief
from blend.networks.stylegan2 import synthesis_layers
from blend.system import files

_BLOCK = 2 ** 20
_MOST_NUMBERS = 64  # in one argument of a build function; a low-pass filter has four


def admit(networks, trust=False):
    """An open file for NVIDIA's loader: what a parsed file holds, in bytes that may be executed.

    Where all text in the file is blend's own, our writer writes the networks anew, as our reader understood them. Other
    files are copied, byte by byte from the map that was read, if the user trusts them, or if the SHA-256 of the copy
    stands in the zoo: in the package's list, or in the user's own (`zoo add --sha256` is the user's word, as --trust
    is). The file that is returned has no name that others could use, and goes when it is closed.

    BlendError: the loader cannot read such networks, the text is not to be trusted, or there is no room.
    """
    _check_kind(networks)
    check(networks)
    with contextlib.ExitStack() as on_failure:
        try:
            stream = on_failure.enter_context(tempfile.TemporaryFile())  # of mode 0600, and unnamed
            _fill(stream, networks, trust)
            stream.seek(0)
        except OSError as error:
            raise BlendError("%s: cannot be copied for NVIDIA's loader to %s (%s); set TMPDIR to another folder" % (
                networks.path, tempfile.gettempdir(), files.reason(error)))
        on_failure.pop_all()
    return stream


def _fill(stream, networks, trust):
    """Write what may be executed of a parsed file to a stream. BlendError: nothing may."""
    if _is_own(networks):
        tensorflow_pickle.write(networks, stream)
    elif _copied(networks, stream) not in _published() and not trust:
        raise BlendError("%s: NVIDIA's code executes the Python text that is stored in this file; add --trust if you "
                         "know its maker, or leave the text out first: convert FILE OUT --format tensorflow "
                         "--own-source" % networks.path)


def check(networks):
    """Raise NetworkFileError unless NVIDIA's functions would build what is in a parsed file, and nothing larger."""
    for network in networks[:3]:
        try:
            if network is not None:
                _check_sizes(network)
                if network.is_generator:
                    _check_parts(network)
        except NetworkFileError as error:
            raise NetworkFileError("%s: %s" % (networks.path, error))


def _check_sizes(network):
    """Raise NetworkFileError if an argument is a long array or list: of psi, for instance, one would give huge w."""
    for part in [network] + list(network.components.values()):
        for key, value in part.static_kwargs.items():
            if isinstance(value, (np.ndarray, list, tuple)) and np.size(value) > _MOST_NUMBERS:
                raise NetworkFileError("%s is built with %d numbers for %s" % (part.name, np.size(value), brief(key)))


def _check_parts(network):
    """Raise NetworkFileError unless the parts of a generator are built with the arguments of the whole.

    NVIDIA's functions build each part with the arguments that the file has for it, and run it with those of the whole.
    In honest files these are the same; others could ask for any amount of memory.
    """
    expected = dict(network.architecture, dlatent_broadcast=synthesis_layers(network.resolution))
    for role, part in [("whole", network)] + list(network.components.items()):
        # With the whole's arguments where the part has none, so that both are completed in the same way.
        whole = network.changed(static_kwargs=dict(network.static_kwargs, **part.static_kwargs))
        broadcast = part.static_kwargs.get("dlatent_broadcast", expected["dlatent_broadcast"])
        given = dict(whole.architecture, dlatent_broadcast=broadcast)
        for key, value in expected.items():
            if not _is_same(given[key], value):
                raise NetworkFileError("the %s of %s is built with %s %s where the network has %s" % (
                    role, network.name, key, brief(given[key]), brief(value)))


def _is_same(given, expected):
    """Whether two plain values are equal; arrays, which a file may have in place of a number, never are."""
    if isinstance(given, tuple) and isinstance(expected, tuple):
        return len(given) == len(expected) and all(map(_is_same, given, expected))
    return isinstance(given, (int, float, str, type(None))) and given == expected


def _check_kind(networks):
    is_tensorflow = networks.format == tensorflow_pickle.NAME
    if not is_tensorflow or networks.G is None or networks.D is None:
        raise BlendError("%s: NVIDIA's code reads pickles of TensorFlow with G, D and Gs; this has %s" % (
            networks.path, "Gs alone" if is_tensorflow else "the format " + networks.format))


def _parts(networks):
    return [part for network in networks[:3] for part in [network] + list(network.components.values())]


def _is_own(networks):
    """Whether all text in a parsed file is blend's own, of today or of an earlier day."""
    return all(carried.own(part.extra.get("build_module_src"), carried.TENSORFLOW) for part in _parts(networks))


def _published():
    return frozenset(entry.sha256 for entry in zoo.entries() if entry.sha256 is not None)


def _copied(networks, stream):
    """Copy the file that networks were read from, whatever is at its path by now; the SHA-256 of what was copied."""
    if networks.file is None:
        raise BlendError("%s: was not read from a file; save the networks as a TensorFlow pickle, and load that"
                         % networks.path)
    digest = hashlib.sha256()
    for start in range(0, len(networks.file), _BLOCK):
        block = networks.file[start:start + _BLOCK]
        digest.update(block)
        stream.write(block)
    return digest.hexdigest()
