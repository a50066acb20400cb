"""Writes network files as pickles, opcode by opcode, straight from arrays: nothing is copied in memory.

Protocol 3 and the module names of old NumPy, so that NVIDIA's loader on TensorFlow 1.15 opens the files.
PyTorch's own streams are of protocol 2.
"""

import struct
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np

from blend.checkpoints.pickle_reader import EasyDict
from blend.errors import BlendError
from blend.networks.network import Network
from blend.system.files import write_array
from blend.system.pending import Pending, computed, settled

_STATE_VERSION = 4  # what stylegan2-ada-pytorch asks for at least; components, new in 3, are always written


class Global(NamedTuple):
    """A name that the reader looks up."""

    module: str
    name: str


class Call(NamedTuple):
    """What the reader calls, a Global, and with which arguments."""

    function: Global
    arguments: tuple


class Persistent(NamedTuple):
    """A persistent id: the reader finds what it stands for elsewhere."""

    pid: tuple


class Chunks(NamedTuple):
    """Bytes in pieces that are never put together here: bytes, and arrays, which are written in C order."""

    pieces: tuple


class Once(NamedTuple):
    """A value that is written where it comes first, and referred to after that."""

    value: Any


class Ordered(dict):
    """Is written as an OrderedDict."""


class Emitter(object):
    """Pickles plain data, arrays, Networks and the classes above into a binary file object."""

    def __init__(self, file, protocol=3):
        self._file, self._write = file, file.write
        self._protocol = protocol
        self._memo = {}

    def dump(self, value):
        self._write(struct.pack("<BB", 0x80, self._protocol))
        self._emit(value)
        self._write(b".")

    def _emit(self, value):
        if isinstance(value, np.generic):
            self._call("numpy.core.multiarray", "scalar", (value.dtype, value.tobytes()))
        elif isinstance(value, Network):
            self._global("dnnlib.tflib.network", "Network")
            self._write(b")\x81")
            self._emit(network_state(value))
            self._write(b"b")
        else:
            method = self._METHODS.get(type(value))
            if method is None and isinstance(value, np.dtype):
                method = Emitter._dtype
            if method is None:
                raise BlendError("a %s cannot be written to a network file" % type(value).__name__)
            method(self, value)

    def _global(self, module, name):
        key = (module, name)
        if key in self._memo:
            self._recall(key)
        else:
            self._write(("c%s\n%s\n" % key).encode("ascii"))
            self._remember(key)

    def _remember(self, key):
        self._memo[key] = len(self._memo)
        self._write(b"r" + struct.pack("<I", self._memo[key]))

    def _recall(self, key):
        self._write(b"j" + struct.pack("<I", self._memo[key]))

    def _call(self, module, name, args):
        self._global(module, name)
        self._emit(args)
        self._write(b"R")

    def _bool(self, value):
        self._write(b"\x88" if value else b"\x89")

    def _int(self, value):
        if -2 ** 31 <= value < 2 ** 31:
            self._write(b"J" + struct.pack("<i", value))
        else:
            data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            self._write(b"\x8a" + struct.pack("<B", len(data)) + data)

    def _text(self, value):
        if value in self._memo:  # long sources are shared by several networks
            self._recall(value)
            return
        data = value.encode("utf-8", "surrogatepass")
        self._write(b"X" + struct.pack("<I", len(data)) + data)
        self._remember(value)

    def _bytes(self, value):
        self._chunks(Chunks((value,)))

    def _chunks(self, value):
        size = sum(piece.nbytes if isinstance(piece, (np.ndarray, Pending)) else len(piece) for piece in value.pieces)
        if size >= 2 ** 32:
            raise BlendError("an array of %d bytes does not fit into this format" % size)
        self._write(b"B" + struct.pack("<I", size))
        for piece in value.pieces:
            if isinstance(piece, (np.ndarray, Pending)):
                write_array(self._file, computed(piece))
            else:
                self._write(piece)

    def _once(self, value):
        key = ("once", id(value.value))
        if key in self._memo:
            self._recall(key)
        else:
            self._emit(value.value)
            self._remember(key)

    def _called(self, value):
        self._call(value.function.module, value.function.name, value.arguments)

    def _persistent(self, value):
        self._emit(value.pid)
        self._write(b"Q")

    def _ordered(self, value):
        self._call("collections", "OrderedDict", ())
        self._items(value)

    def _tuple(self, value):
        self._write(b"(")
        for item in value:
            self._emit(item)
        self._write(b"t")

    def _list(self, value):
        self._write(b"](")
        for item in value:
            self._emit(item)
        self._write(b"e")

    def _dict(self, value):
        self._write(b"}")
        self._items(value)

    def _easy_dict(self, value):
        self._global("dnnlib.util", "EasyDict")
        self._write(b")\x81")
        self._items(value)

    def _items(self, value):
        self._write(b"(")
        for key, item in value.items():
            self._emit(key)
            self._emit(item)
        self._write(b"u")

    def _array(self, value):
        self._global("numpy.core.multiarray", "_reconstruct")
        self._global("numpy", "ndarray")
        self._emit((0,))
        self._emit(b"b")
        self._write(b"\x87R")
        self._write(b"(")
        for item in (1, tuple(int(n) for n in value.shape), value.dtype, False):
            self._emit(item)
        self._chunks(Chunks((value,)))
        self._write(b"tb")

    def _dtype(self, value):
        key = ("dtype", value.str)
        if key in self._memo:
            self._recall(key)
            return
        self._call("numpy", "dtype", (value.str[1:], 0, 1))
        self._emit((3, value.str[0], None, None, None, -1, -1, 0))
        self._write(b"b")
        self._remember(key)

    _METHODS = {
        type(None): lambda self, value: self._write(b"N"), bool: _bool, int: _int,
        float: lambda self, value: self._write(b"G" + struct.pack(">d", value)), str: _text,
        bytes: _bytes, memoryview: _bytes, bytearray: _bytes, tuple: _tuple, list: _list, dict: _dict,
        OrderedDict: _dict, EasyDict: _easy_dict, np.ndarray: _array,
        Pending: lambda self, value: self._array(value.array()), Ordered: _ordered, Chunks: _chunks,
        Global: lambda self, value: self._global(*value), Call: _called, Persistent: _persistent, Once: _once,
    }


def network_state(network):
    """The state dict that NVIDIA's `Network` pickles, with what its file said beyond it."""
    state = dict({"build_module_src": ""}, **network.extra)
    version = state.get("version")
    state["version"] = max(_STATE_VERSION, version) if isinstance(version, int) else _STATE_VERSION
    state["name"] = network.name
    state["static_kwargs"] = network.static_kwargs
    state["components"] = dict(network.components)
    state["build_func_name"] = network.build_func_name
    state["variables"] = [(name, _value(value)) for name, value in network.own_variables.items()]
    return state


def _value(value):
    value = settled(value)
    if isinstance(value, Pending):
        return value
    value = np.asarray(value)
    return value[()] if value.ndim == 0 else value
