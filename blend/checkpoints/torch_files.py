"""PyTorch's files without PyTorch: pickles with tensors, the zip archives and the older streams of `torch.save`.

Nothing is executed (see pickle_reader.py). Tensors are views of the file's memory map, checked against their storage.
"""

import io
import zipfile

import numpy as np

from blend.checkpoints.pickle_reader import NAMESPACE, Budget, Machine
from blend.errors import NetworkFileError, brief

MAGIC = 0x1950a86a20f9469cfc6c
_PROTOCOL = 1001
_MOST_COUNT = 2 ** 40       # numbers in a storage
_MOST_DIRECTORY = 2 ** 20   # bytes of a zip's table of contents; that of a large training state has 200,000
_MOST_MEMBER = 2 ** 24      # bytes of the pickle in a zip
_STORAGES = {"Float": "<f4", "Double": "<f8", "Half": "<f2", "Long": "<i8", "Int": "<i4", "Short": "<i2",
             "Char": "i1", "Byte": "u1", "Bool": "?", "BFloat16": "<u2"}


class Storage(object):
    """A PyTorch storage: numbers of one type in a row; `data` is None until the stream has come to them."""

    __slots__ = ("dtype", "count", "data")

    def __init__(self, dtype, count, data=None):
        self.dtype, self.count, self.data = np.dtype(dtype), count, data
        if type(count) is not int or not 0 <= count < _MOST_COUNT:
            raise NetworkFileError("a storage has %s elements" % brief(count))


class Tensor(object):
    """A view of a storage; `array()` checks it and gives it to NumPy."""

    __slots__ = ("_storage", "_offset", "_shape", "_strides")

    def __init__(self, storage, offset, shape, strides):
        if not isinstance(storage, Storage):
            raise NetworkFileError("a tensor has no storage")
        self._storage, self._offset, self._shape, self._strides = storage, offset, shape, strides

    def array(self):
        """The numbers, as a read-only view. NetworkFileError: they are not all in the storage."""
        storage, shape, strides = self._storage, self._shape, self._strides
        good = type(shape) is tuple is type(strides) and len(shape) == len(strides) <= 8
        whole = good and (self._offset,) + shape + strides
        if not good or not all(type(n) is int and 0 <= n < _MOST_COUNT for n in whole):
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
        flat = np.frombuffer(storage.data, storage.dtype)[self._offset:]
        return np.lib.stride_tricks.as_strided(flat, shape, [n * itemsize for n in strides], writeable=False)


class Module(object):
    """A network or a part of one in the pickles of stylegan2-ada-pytorch: its class's name and its attributes."""

    def __init__(self, meta):
        if not isinstance(meta, dict) or not isinstance(meta.get("state"), dict):
            raise NetworkFileError("a PyTorch module has no state")
        self.class_name, self.state = meta.get("class_name"), meta["state"]
        self.source = meta.get("module_src")
        if type(self.class_name) is not str:
            raise NetworkFileError("a PyTorch module has no class name")


def _names(budget):
    """What PyTorch's files ask for, as in pickle_reader.py; nested streams draw on the budget of the file."""

    def load_from_bytes(data):
        return _stream(memoryview(data), budget, nested=True)

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
    names.update(("torch %sStorage" % kind, dtype) for kind, dtype in _STORAGES.items())
    return names


def read(buffer):
    """What a pickle, a zip archive or a stream of `torch.save` holds: plain data, Tensors, Modules, Instances.

    NetworkFileError, ForbiddenGlobalError: as `Machine`.
    """
    view = memoryview(buffer)
    if view[:2] == b"PK":
        return _archive(view, Budget())
    return _stream(view, Budget())


def _stream(view, budget, nested=False):
    """A pickle; where it is the magic number, the rest of the older layout of `torch.save`."""
    names = {} if nested else _names(budget)
    if nested:
        names.update(("torch %sStorage" % kind, dtype) for kind, dtype in _STORAGES.items())
    storages = {}

    def persistent(pid):
        if type(pid) is not tuple or len(pid) not in (5, 6) or pid[0] != "storage" or (len(pid) == 6 and pid[5]):
            raise NetworkFileError("a storage is described in an unknown way")
        return _storage(storages, pid)

    def load(start, with_storages=False):
        machine = Machine(view, start, names, persistent if with_storages else None, budget)
        return machine.load(), machine.end

    first, end = load(0)
    if type(first) is not int or first != MAGIC:
        if nested:
            raise NetworkFileError("the bytes of a storage are not a PyTorch stream")
        return first
    protocol, end = load(end)
    system, end = load(end)
    known = type(protocol) is int and protocol == _PROTOCOL and isinstance(system, dict)
    if not known or system.get("little_endian") is not True:
        raise NetworkFileError("a PyTorch stream of an unknown protocol or byte order")
    value, end = load(end, True)
    keys, end = load(end)
    if type(keys) is not list or not all(type(key) is str for key in keys):
        raise NetworkFileError("a PyTorch stream without a list of its storages")
    for key in keys:
        storage = storages.get(key)
        if storage is None or storage.data is not None:
            raise NetworkFileError("a PyTorch stream has a storage that nothing uses, or uses twice")
        size = storage.count * storage.dtype.itemsize
        if view[end:end + 8] != storage.count.to_bytes(8, "little") or size > len(view) - end - 8:
            raise NetworkFileError("truncated: a storage of %d bytes is expected at byte %d" % (size, end))
        storage.data = view[end + 8:end + 8 + size]
        end += 8 + size
    return value


def _storage(storages, pid):
    """The storage of a persistent id ('storage', type, key, location, count[, None])."""
    _, dtype, key, _, count = pid[:5]
    if dtype not in _STORAGES.values() or type(key) is not str:
        raise NetworkFileError("a storage is described in an unknown way")
    if key not in storages:
        storages[key] = Storage(dtype, count)
    if storages[key].dtype != dtype or storages[key].count != count:
        raise NetworkFileError("storage %s is described in two ways" % brief(key))
    return storages[key]


class _Bounded(io.RawIOBase):
    """The file as zipfile sees it; a table of contents that claims to be huge is refused."""

    def __init__(self, view):
        self._view, self._at = view, 0

    def seekable(self):
        return True

    def seek(self, offset, whence=0):
        self._at = (0, self._at, len(self._view))[whence] + offset
        if self._at < 0:
            raise OSError("seek before the start")
        return self._at

    def tell(self):
        return self._at

    def read(self, count=-1):
        left = max(len(self._view) - self._at, 0)
        count = left if count is None or count < 0 else min(count, left)
        if count > _MOST_DIRECTORY:
            raise NetworkFileError("the zip archive has a table of contents of %d bytes" % count)
        data = bytes(self._view[self._at:self._at + count])
        self._at += count
        return data


def _archive(view, budget):
    """The value of the zip archive that `torch.save` writes: FOLDER/data.pkl, FOLDER/data/0 and so on."""
    members = _members(view)
    found = [name for name in members if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(found) != 1:
        raise NetworkFileError("a zip archive, but not a PyTorch file (there is no data.pkl in it)")
    folder = found[0][:-len("data.pkl")]
    if len(folder) > 256:
        raise NetworkFileError("a zip archive with a folder name of %d characters" % len(folder))
    if len(members[found[0]]) > _MOST_MEMBER:
        raise NetworkFileError("a pickle of %d bytes in a zip archive" % len(members[found[0]]))
    if bytes(members.get(folder + "byteorder", b"little")[:9]) != b"little":
        raise NetworkFileError("a PyTorch file of a big-endian machine; save it again on an ordinary one")
    storages = {}

    def persistent(pid):
        if type(pid) is not tuple or len(pid) != 5 or pid[0] != "storage":
            raise NetworkFileError("a storage is described in an unknown way")
        storage = _storage(storages, pid)
        storage.data = members.get("%sdata/%s" % (folder, pid[2]))
        if storage.data is None:
            raise NetworkFileError("storage %s is missing in the zip archive" % brief(pid[2]))
        return storage

    return Machine(members[found[0]], 0, _names(budget), persistent, budget).load()


def _members(view):
    """{name: bytes} of a zip archive's members, as views. They must be stored as they are, not compressed."""
    try:
        with zipfile.ZipFile(_Bounded(view)) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError, IndexError) as error:
        raise NetworkFileError("not a whole zip archive (%s)" % error)
    members = {}
    for info in infos:
        head = bytes(view[info.header_offset:info.header_offset + 30])
        start = info.header_offset + 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        if info.compress_type or info.flag_bits & 1 or info.file_size != info.compress_size:
            raise NetworkFileError("%s in the zip archive is compressed or encrypted, as PyTorch never does"
                                   % brief(info.filename))
        if head[:4] != b"PK\x03\x04" or start + info.file_size > len(view) or info.filename in members:
            raise NetworkFileError("%s in the zip archive is not where its table of contents says"
                                   % brief(info.filename))
        members[info.filename] = view[start:start + info.file_size]
    return members

