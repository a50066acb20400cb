"""PyTorch's files without PyTorch: pickles with tensors, the zip archives and the older streams of `torch.save`.

Nothing is executed (see pickle_reader.py). Tensors are views of the file's memory map, checked against their storage;
numbers of half precision are widened, which loses nothing.
"""

import io
import struct
import zipfile
from collections import OrderedDict
from typing import Any, Callable, NamedTuple

import numpy as np

from blend.checkpoints.pickle_reader import NAMESPACE, Budget, Machine, Opaque, PickledObject, forbidden
from blend.errors import NetworkFileError, brief

MAGIC = 0x1950a86a20f9469cfc6c
_PROTOCOL = 1001
_MOST_COUNT = 2 ** 40       # numbers in a storage
_MOST_DIRECTORY = 2 ** 20   # bytes of a zip's table of contents; that of a large training state has 200,000
_MOST_MEMBER = 2 ** 24      # bytes of the pickle in a zip
_MOST_UNUSED = 2 ** 20      # bytes of a file that belong to nothing in it
_LONGEST_KEY = 100          # of a storage
_MOST_STEPS = 10 ** 6       # of the search for what is unknown; a training state has some 10,000 values
_MOST_NAMED = 8
_BFLOAT16 = "bfloat16"
_STORAGES = {"Float": "<f4", "Double": "<f8", "Half": "<f2", "Long": "<i8", "Int": "<i4", "Short": "<i2",
             "Char": "i1", "Byte": "u1", "Bool": "?", "BFloat16": _BFLOAT16}
_PACKED = (".pkl", ".pt", ".pth", ".safetensors")
# What torch.save puts into its archives beside data.pkl and the storages.
_BESIDE = ("version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id",
           "data/serialization_id")
# Entries that hold networks: in them every global must be known.
_NETWORKS = frozenset(["G", "D", "G_ema", "g", "d", "g_ema", "latent_avg", "blend", "state_dict"])


class Unpickled(NamedTuple):
    """What a file holds. left_out: what of it is not read, in words. opaque: {entry that was skipped: global in it}.

    widened_bytes: a function of nothing that says how many bytes of half precision were widened so far.
    """

    value: Any
    left_out: tuple = ()
    opaque: dict = {}
    widened_bytes: Callable[[], int] = lambda: 0


class Storage(object):
    """A PyTorch storage: numbers of one type in a row; `data` is None until the stream has come to them.

    number_type: one of `_STORAGES`. dtype: NumPy's of that size, which has no bfloat16.
    """

    __slots__ = ("number_type", "dtype", "count", "data", "_budget", "_widened")

    def __init__(self, number_type, count, budget, data=None):
        self.number_type, self.dtype = number_type, np.dtype("<u2" if number_type == _BFLOAT16 else number_type)
        self.count, self.data, self._budget, self._widened = count, data, budget, None
        if type(count) is not int or not 0 <= count < _MOST_COUNT:
            raise NetworkFileError("a storage has %s elements" % brief(count))

    @property
    def is_half(self):
        """Whether it holds numbers of 16 bits, which are widened to float32."""
        return self.number_type in (_BFLOAT16, "<f2")

    def numbers(self):
        """All numbers, as a view; those of half precision as float32, widened once."""
        flat = np.frombuffer(self.data, self.dtype)
        if not self.is_half:
            return flat
        if self._widened is None:
            self._budget.spend_half(flat.nbytes)
            if self.number_type == _BFLOAT16:  # the upper half of a float32
                self._widened = np.left_shift(flat, 16, dtype=np.uint32).view(np.float32)
            else:
                self._widened = flat.astype(np.float32)
        return self._widened


class Tensor(object):
    """A view of a storage; `array()` checks it and gives it to NumPy. is_half: its numbers are widened."""

    __slots__ = ("_storage", "_offset", "_shape", "_strides")

    def __init__(self, storage, offset, shape, strides):
        if not isinstance(storage, Storage):
            raise NetworkFileError("a tensor has no storage")
        self._storage, self._offset, self._shape, self._strides = storage, offset, shape, strides

    @property
    def is_half(self):
        return self._storage.is_half

    def array(self):
        """The numbers, as a read-only view. NetworkFileError: they are not all in the storage."""
        storage, shape, strides = self._storage, self._shape, self._strides
        if not self._has_plain_numbers():
            raise NetworkFileError("a tensor has an impossible shape %s or stride %s" % (brief(shape), brief(strides)))
        itemsize, count, last = storage.dtype.itemsize, 1, self._offset
        for size, stride in zip(shape, strides):
            count *= size
            last += (size - 1) * stride
        if not count or last >= storage.count or count > storage.count:
            raise NetworkFileError("a tensor of shape %s lies outside its storage of %d numbers" % (
                brief(shape), storage.count))
        if storage.data is None or storage.count * itemsize != len(storage.data):
            raise NetworkFileError("a storage of %d numbers needs %d bytes, the file has %d for it" % (
                storage.count, storage.count * itemsize, len(storage.data or b"")))
        flat = storage.numbers()[self._offset:]
        steps = [n * flat.itemsize for n in strides]
        return np.lib.stride_tricks.as_strided(flat, shape, steps, writeable=False)

    def _has_plain_numbers(self):
        """Whether shape and strides are tuples of one length, and they and the offset numbers in range."""
        shape, strides = self._shape, self._strides
        if not (type(shape) is tuple is type(strides) and len(shape) == len(strides) <= 8):
            return False
        return all(type(n) is int and 0 <= n < _MOST_COUNT for n in (self._offset,) + shape + strides)


class Module(PickledObject):
    """A network or a part of one in the pickles of stylegan2-ada-pytorch: its class's name and its attributes."""

    def __init__(self, meta):
        if type(meta) is not dict or type(meta.get("state")) is not dict:
            raise NetworkFileError("a PyTorch module has no state, a plain dict")
        self.class_name, self.state = meta.get("class_name"), meta["state"]
        self.source = meta.get("module_src")
        if type(self.class_name) is not str:
            raise NetworkFileError("a PyTorch module has no class name")


def _names(budget):
    """What PyTorch's files ask for, as in pickle_reader.py; nested streams draw on the budget of the file."""

    def load_from_bytes(data):
        if type(data) not in (bytes, memoryview):  # an array is a buffer, too, of another form
            raise NetworkFileError("the bytes of a storage are a %s" % type(data).__name__)
        return _nested(memoryview(data), budget)

    def module(meta):
        return Module(meta)

    def tensor(storage, offset, shape, strides, _requires_grad=False, _hooks=None, _metadata=None):
        return Tensor(storage, offset, shape, strides)

    def parameter(data, _requires_grad=True, _hooks=None, _state=None):
        return data

    def size(numbers=()):
        return numbers

    names = {
        "torch_utils.persistence _reconstruct_persistent_obj": module,
        "torch._utils _rebuild_tensor_v2": tensor,
        "torch._utils _rebuild_parameter": parameter,
        "torch._utils _rebuild_parameter_with_state": parameter,
        "torch.storage _load_from_bytes": load_from_bytes,
        "torch Size": size,
        "argparse Namespace": NAMESPACE,
    }
    return dict(names, **_storage_names())


def _storage_names():
    """{name of a storage's class in a file: type of its numbers}."""
    return {"torch %sStorage" % name: number_type for name, number_type in _STORAGES.items()}


def read(buffer):
    """The Unpickled of a pickle, a zip archive or a stream of `torch.save`: plain data, Tensors, Modules, Instances.

    NetworkFileError, ForbiddenGlobalError: as `Machine`; or much of the file belongs to nothing in it.
    """
    view = memoryview(buffer)
    budget = Budget(len(view))
    unpickled = _archive(view, budget) if view[:2] == b"PK" else _stream(view, budget)
    return unpickled._replace(widened_bytes=lambda: len(view) - budget.half)


def _unused(count):
    """What is said of bytes that belong to nothing. NetworkFileError: they are too many."""
    if count > _MOST_UNUSED:
        raise NetworkFileError("%s of its bytes belong to nothing in it, behind its end or between its parts"
                               % format(count, ","))
    return ("%s bytes that belong to nothing in it" % format(count, ","),) if count else ()


def _known_only(value, left_out):
    """The Unpickled of what `torch.save` wrote, without the entries in which there is something unknown.

    ForbiddenGlobalError: it is the whole, or in a network.
    """
    entries = value if isinstance(value, dict) else {None: value}
    search, opaque = _Search(), OrderedDict()
    for key, entry in entries.items():
        name = search.unknown(entry)
        if name and (entries is not value or key in _NETWORKS):
            raise forbidden(name)
        if name:
            opaque[key] = name
    if opaque:
        value = type(value)((key, entry) for key, entry in value.items() if key not in opaque)
        skipped = ["%s, which holds %s: not built" % (brief(key), name) for key, name in opaque.items()]
        left_out += tuple(skipped[:_MOST_NAMED])
    return Unpickled(value, left_out, opaque)


class _Search(object):
    """Looks for what is Opaque in values that may share their parts."""

    def __init__(self):
        self._clean, self._steps_left = set(), _MOST_STEPS

    def unknown(self, value):
        """The name of something Opaque in a value, or None."""
        seen, values = set(), [value]
        while values:
            value = values.pop()
            self._steps_left -= 1
            if not self._steps_left:
                raise NetworkFileError("its entries hold the same values again and again")
            if isinstance(value, Opaque):
                return value.name
            if id(value) in seen or id(value) in self._clean:
                continue
            if isinstance(value, (list, dict, tuple, PickledObject)):
                seen.add(id(value))
                content = value.state if isinstance(value, PickledObject) else value
                values.extend(content.values() if isinstance(content, dict) else content or ())
        self._clean |= seen
        return None


def _stream(view, budget):
    """The Unpickled of a pickle; where it is the magic number, of the older layout of `torch.save`."""
    first, end = _pickle(view, 0, _names(budget), budget)
    if type(first) is not int or first != MAGIC:
        return Unpickled(first, _unused(len(view) - end))
    value, end = _legacy(view, end, _names(budget), budget, opaque=True)
    return _known_only(value, _unused(len(view) - end))


def _nested(view, budget):
    """The storage that is inside a pickle as a stream of its own."""
    names = _storage_names()
    first, end = _pickle(view, 0, names, budget)
    if type(first) is not int or first != MAGIC:
        raise NetworkFileError("the bytes of a storage are not a PyTorch stream")
    return _legacy(view, end, names, budget)[0]


def _pickle(view, start, names, budget, persistent=None, opaque=False):
    """(the value of the pickle at `start`, where it ends)."""
    machine = Machine(view, start, names, persistent, budget, opaque)
    return machine.load(), machine.end


def _legacy(view, end, names, budget, opaque=False):
    """(the value of a stream of the older layout, where its last storage ends); `end` is that of its magic number."""
    storages = {}

    def persistent(pid):
        if type(pid) is not tuple or len(pid) not in (5, 6) or pid[0] != "storage" or (len(pid) == 6 and pid[5]):
            raise NetworkFileError("a storage is described in an unknown way")
        return _storage(storages, pid, budget)

    protocol, end = _pickle(view, end, names, budget)
    system, end = _pickle(view, end, names, budget)
    is_known = type(protocol) is int and protocol == _PROTOCOL and isinstance(system, dict)
    if not is_known or system.get("little_endian") is not True:
        raise NetworkFileError("a PyTorch stream of an unknown protocol or byte order")
    value, end = _pickle(view, end, names, budget, persistent, opaque)
    if isinstance(value, Opaque):
        raise forbidden(value.name)
    keys, end = _pickle(view, end, names, budget)
    if type(keys) is not list or not all(type(key) is str for key in keys):
        raise NetworkFileError("a PyTorch stream without a list of its storages")
    return value, _fill(storages, keys, view, end)


def _fill(storages, keys, view, end):
    """Give each storage its bytes, which follow one another from `end` on. Returns where they end."""
    for key in keys:
        storage = storages.get(key)
        if storage is None or storage.data is not None:
            raise NetworkFileError("a PyTorch stream has a storage that nothing uses, or uses twice")
        size = storage.count * storage.dtype.itemsize
        if view[end:end + 8] != storage.count.to_bytes(8, "little") or size > len(view) - end - 8:
            raise NetworkFileError("truncated: a storage of %d bytes is expected at byte %d" % (size, end))
        storage.data = view[end + 8:end + 8 + size]
        end += 8 + size
    return end


def _storage(storages, pid, budget):
    """The storage of a persistent id ('storage', type, key, location, count[, None])."""
    _, number_type, key, _, count = pid[:5]
    if (type(number_type) is not str or number_type not in _STORAGES.values()
            or type(key) is not str or len(key) > _LONGEST_KEY):
        raise NetworkFileError("a storage is described in an unknown way")
    if key not in storages:
        storages[key] = Storage(number_type, count, budget)
    if storages[key].number_type != number_type or type(count) is not int or storages[key].count != count:
        raise NetworkFileError("storage %s is described in two ways" % brief(key))
    return storages[key]


class _Bounded(io.RawIOBase):
    """The file as zipfile sees it; a table of contents that claims to be huge is refused."""

    def __init__(self, view):
        self._view, self._position = view, 0

    def seekable(self):
        return True

    def seek(self, offset, whence=0):
        self._position = (0, self._position, len(self._view))[whence] + offset
        if self._position < 0:
            raise OSError("seek before the start")
        return self._position

    def tell(self):
        return self._position

    def read(self, count=-1):
        left = max(len(self._view) - self._position, 0)
        count = left if count is None or count < 0 else min(count, left)
        if count > _MOST_DIRECTORY:
            raise NetworkFileError("the zip archive has a table of contents of %d bytes" % count)
        data = bytes(self._view[self._position:self._position + count])
        self._position += count
        return data


def _archive(view, budget):
    """The Unpickled of the zip archive that `torch.save` writes: FOLDER/data.pkl, FOLDER/data/0 and so on."""
    members, unused = _members(view)
    pickles = [name for name in members if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise NetworkFileError("a zip archive, but not a PyTorch file (there is no data.pkl in it)" + _packed(members))
    folder, data = pickles[0][:-len("data.pkl")], members.pop(pickles[0])
    if len(folder) > 256:
        raise NetworkFileError("a zip archive with a folder name of %d characters" % len(folder))
    if len(data) > _MOST_MEMBER:
        raise NetworkFileError("a pickle of %d bytes in a zip archive" % len(data))
    if bytes(members.get(folder + "byteorder", b"little")[:9]) != b"little":
        raise NetworkFileError("a PyTorch file of a big-endian machine; save it again on an ordinary one")
    storages = {}

    def persistent(pid):
        if type(pid) is not tuple or len(pid) != 5 or pid[0] != "storage":
            raise NetworkFileError("a storage is described in an unknown way")
        storage = _storage(storages, pid, budget)
        storage.data = members.get("%sdata/%s" % (folder, pid[2]))
        if storage.data is None:
            raise NetworkFileError("storage %s is missing in the zip archive" % brief(pid[2]))
        return storage

    value, end = _pickle(data, 0, _names(budget), budget, persistent, opaque=True)
    used = {folder + name for name in _BESIDE if len(members.get(folder + name, b"")) < 256}
    used.update("%sdata/%s" % (folder, key) for key in storages)
    unused += len(data) - end + sum(len(member) for name, member in members.items() if name not in used)
    return _known_only(value, _unused(unused))


def _packed(names):
    """What to say where somebody packed a network file into an archive."""
    network_files = [name for name in names if name.endswith(_PACKED) and not name.endswith("/data.pkl")]
    return "; %s is in it: unpack it first" % brief(network_files[0]) if network_files else ""


def _members(view):
    """({name: bytes} of a zip archive's members, as views; how many bytes of it lie between them).

    NetworkFileError: they are not stored as they are, but compressed, or they overlap.
    """
    try:
        with zipfile.ZipFile(_Bounded(view)) as archive:
            infos, end = archive.infolist(), archive.start_dir
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError, IndexError,
            struct.error) as error:
        raise NetworkFileError("not a whole zip archive (%s)" % error)
    members, unused, position = {}, 0, 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        head = bytes(view[info.header_offset:info.header_offset + 30])
        start = info.header_offset + 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        if info.compress_type or info.flag_bits & 1 or info.file_size != info.compress_size:
            raise NetworkFileError("%s in the zip archive is compressed or encrypted, as PyTorch never does%s" % (
                brief(info.filename), _packed(info.filename for info in infos)))
        if head[:4] != b"PK\x03\x04" or start + info.file_size > len(view) or info.filename in members:
            raise NetworkFileError("%s in the zip archive is not where its table of contents says"
                                   % brief(info.filename))
        if info.header_offset < position:
            raise NetworkFileError("%s in the zip archive overlaps what is before it" % brief(info.filename))
        members[info.filename] = view[start:start + info.file_size]
        # After each member there may be a descriptor of 24 bytes.
        unused += max(info.header_offset - position - 24, 0)
        position = start + info.file_size
    return members, unused + max(end - position - 24, 0)
