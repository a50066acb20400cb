"""A pickle reader that executes nothing: it knows a fixed list of opcodes and of globals.

Python's own unpickler imports and calls what a file names. This one maps each allowed global to a small
function of ours that only arranges data; any other name is an error. Large byte strings stay where they are:
they become views of the file's memory map.
"""

import struct
import types
from collections import OrderedDict

import numpy as np

from blend.errors import ForbiddenGlobalError, NetworkFileError, brief

# Files of a 1024x1024 network have some 20,000 opcodes and 100 kB of text; with these, none takes 100 MB or a second.
_MOST_OPCODES = 150000
_MOST_TEXT = 2 ** 23
_LONGEST_NAME = 100
SIMPLE_DTYPES = frozenset(["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1", "?"])


class Budget(object):
    """What one file may cost, its nested streams included: opcodes (and values that an opcode copies), text, and the
    bytes of half precision that are widened, each of the file once.
    """

    def __init__(self, size=0):
        self.opcodes, self.text, self.half = _MOST_OPCODES, _MOST_TEXT, size

    def spend(self, opcodes):
        self.opcodes -= opcodes
        if self.opcodes < 0:
            raise NetworkFileError("more than %d opcodes; network files have far fewer" % _MOST_OPCODES)

    def spend_text(self, count):
        self.text -= count
        if self.text < 0:
            raise NetworkFileError("more than %d MB of text; weights are read as bytes only (a file that Python 3 "
                                   "wrote with pickle protocol 2 must be written again with 3 or newer)"
                                   % (_MOST_TEXT // 2 ** 20))

    def spend_half(self, count):
        self.half -= count
        if self.half < 0:
            raise NetworkFileError("its numbers of half precision are used more often than they are there")


class EasyDict(dict):
    """Stands for NVIDIA's `dnnlib.util.EasyDict`, so that it can be written back as one."""


class _Class(object):
    """Stands for a class that a file names."""

    def __init__(self, name):
        self.name = name


class PickledObject(object):
    """An object that a file makes; its `state` may not change afterwards, and it must be a part of the result."""


class Instance(PickledObject):
    """Stands for an object of class `cls` with the state that BUILD would have given it."""

    def __init__(self, cls):
        self.cls, self.state = cls, None


class Opaque(object):
    """Stands for whatever a file makes with a global that is not on the list: nothing is known of it but the name."""

    def __init__(self, name):
        self.name = name


class _Array(object):
    """A NumPy array between REDUCE (empty) and BUILD (filled)."""

    def __init__(self):
        self.value = None


class _Latin1(object):
    """A long Python 2 string: an array's bytes or a text, known only where it is used."""

    def __init__(self, view):
        self.view = view


class _Dtype(object):
    def __init__(self, dtype):
        self.dtype, self.built = dtype, False


def _new_dtype(code, *_flags):
    if not isinstance(code, str) or code.lstrip("<>|=") not in SIMPLE_DTYPES:
        raise NetworkFileError("arrays of type %s do not belong in a network file" % brief(code))
    return _Dtype(np.dtype(code))


def _array(shape, dtype, data, order):
    if type(shape) is not tuple or len(shape) > 8 or not all(type(n) is int and n >= 0 for n in shape):
        raise NetworkFileError("array has an impossible shape %s" % brief(shape))
    if type(data) not in (bytes, memoryview):
        raise NetworkFileError("the numbers of an array are a %s" % type(data).__name__)
    count = 1
    for n in shape:
        count *= n
    if count * dtype.dtype.itemsize != len(data):
        raise NetworkFileError("array of shape %r and type %s needs %d bytes, the file has %d for it" % (
            shape, dtype.dtype, count * dtype.dtype.itemsize, len(data)))
    return np.frombuffer(data, dtype.dtype, count).reshape(shape, order=order)


def _new_array(cls, _shape, _code):
    if cls is not _NDARRAY:
        raise NetworkFileError("array of an unknown class")
    return _Array()


def _scalar(dtype, data):
    return _array((), dtype, _as_bytes(data), "C")[()]


def _frombuffer(data, dtype, shape, order):
    array = _Array()
    array.value = _array(shape, dtype, data, order)
    return array


def _as_bytes(data):
    # Python 2 wrote bytes as text; read as latin1, each character is its byte.
    if isinstance(data, _Latin1):
        return data.view
    return data.encode("latin1") if isinstance(data, str) else data


def _encode(text, encoding):
    if encoding != "latin1":
        raise NetworkFileError("text is encoded as %s instead of latin1" % brief(encoding))
    return text.encode("latin1")


_NDARRAY = _Class("ndarray")
_NETWORK = _Class("Network")
NAMESPACE = _Class("Namespace")


def _listed(values=None):
    return values if type(values) is list else []


# Name in the file: what stands for it here, a name or class to instantiate or a function that arranges data.
# The reader calls any function that it finds here, and functions can come from nowhere else.
_GLOBALS = {
    "dnnlib.tflib.network Network": _NETWORK, "tfutil Network": _NETWORK,  # the latter of Progressive GAN
    "dnnlib.util EasyDict": EasyDict,
    "collections OrderedDict": OrderedDict,
    "numpy ndarray": _NDARRAY,
    "numpy dtype": _new_dtype,
    "_codecs encode": _encode,
    "builtins set": _listed, "__builtin__ set": _listed,  # members can be anything; they are not hashed
}
for _module in ("numpy.core", "numpy._core"):
    _GLOBALS[_module + ".multiarray _reconstruct"] = _new_array
    _GLOBALS[_module + ".multiarray scalar"] = _scalar
    _GLOBALS[_module + ".numeric _frombuffer"] = _frombuffer


class _Mark(object):
    pass


def forbidden(name):
    """The error for a global that is not on the list."""
    return ForbiddenGlobalError("asks for %s, which no network file needs; nothing was executed" % name)


class Machine(object):
    """Reads one pickle from a buffer. `load()` returns plain data, arrays, EasyDicts and Instances.

    start: where in the buffer; after `load`, `end` is where the pickle ends. names: globals that are allowed beside
    those of all network files, as in `_GLOBALS`. persistent: a function of a persistent id, for PyTorch's streams.
    budget: that of the file, where this pickle is a part of one. opaque: whether what other globals make becomes an
    Opaque. NetworkFileError: not a pickle, truncated, or malformed; or Python would make something else of it than this
    reader (values that change after an object was made of them, objects that are dropped).
    ForbiddenGlobalError: a global not on the list.
    """

    def __init__(self, buffer, start=0, names=None, persistent=None, budget=None, opaque=False):
        self._view = memoryview(buffer)
        self._position = start
        self._budget = budget or Budget()
        self._names = names or {}
        self._persistent_load = persistent
        self._opaque = opaque
        self._stack = []
        self._memo = {}
        self._objects = []
        self._frozen = {}  # {id: list, dict or tuple} of what objects were made of

    @property
    def end(self):
        return self._position

    def load(self):
        try:
            while True:
                self._budget.spend(1)
                code = self._take(1)[0]
                if code == ord("."):
                    value = self._stack.pop()
                    if self._stack:
                        raise NetworkFileError("the pickle ends with values left over")
                    self._check_used(value)
                    return _finished(value)
                step = _STEPS.get(code)
                if step is None:
                    raise NetworkFileError("opcode 0x%02x has no place in a network file" % code)
                step(self)
        except NetworkFileError as error:
            raise type(error)("%s (at byte %d)" % (error, self._position))
        except (IndexError, KeyError, ValueError, TypeError, AttributeError, struct.error,
                OverflowError, RecursionError, MemoryError) as error:
            raise NetworkFileError("not a valid pickle (%s: %s, at byte %d)" % (
                type(error).__name__, error, self._position))

    def _take(self, count):
        if count < 0 or count > len(self._view) - self._position:
            raise NetworkFileError("truncated: %d more bytes expected, %d left" % (
                count, len(self._view) - self._position))
        taken = self._view[self._position:self._position + count]
        self._position += count
        return taken

    def _number(self, code):
        return struct.unpack(code, self._take(struct.calcsize(code)))[0]

    def _line(self):
        length = bytes(self._view[self._position:self._position + _LONGEST_NAME]).find(b"\n")
        if length < 0:
            raise NetworkFileError("a name is too long, or not whole")
        return bytes(self._take(length + 1)[:-1]).decode("ascii")

    def _push(self, value):
        self._stack.append(value)

    def _remember(self, index):
        if isinstance(self._stack[-1], _Mark):
            raise NetworkFileError("a mark is remembered")
        self._memo[index] = self._stack[-1]

    def _pop_mark(self):
        for i in range(len(self._stack) - 1, -1, -1):
            if isinstance(self._stack[i], _Mark):
                values = self._stack[i + 1:]
                del self._stack[i:]
                return values
        raise NetworkFileError("no mark on the stack")

    def _global(self, module, name):
        self._budget.spend(4)
        key = "%s %s" % (module[:_LONGEST_NAME], name[:_LONGEST_NAME])
        stand_in = _GLOBALS.get(key) or self._names.get(key)
        if stand_in is None:
            dotted = "%s.%s" % (module[:_LONGEST_NAME], name[:_LONGEST_NAME])
            if not self._opaque:
                raise forbidden(dotted)
            stand_in = Opaque(dotted)
        self._push(stand_in)

    def _stack_global(self):
        name, module = self._stack.pop(), self._stack.pop()
        if type(name) is not str or type(module) is not str:
            raise NetworkFileError("a global has a name that is not text")
        self._global(module, name)

    def _reduce(self):
        args, function = self._stack.pop(), self._stack.pop()
        if function is EasyDict or function is OrderedDict:
            self._push(function())
            pairs = args[0] if args else ()
            self._budget.spend(len(pairs))
            for pair in pairs:
                if len(pair) != 2:
                    raise NetworkFileError("a dict is made of other things than pairs")
                self._set_items(list(pair))
        elif type(function) is types.FunctionType:
            self._budget.spend(len(args))
            for arg in args:
                self._spend_bytes(arg)
            self._freeze(args)
            self._push_result(function(*[_finished(arg) for arg in args]))
        elif isinstance(function, Opaque):
            self._push(function)
        else:
            raise NetworkFileError("a value that cannot be called is called")

    def _new_object(self):
        args, cls = self._stack.pop(), self._stack.pop()
        if isinstance(cls, Opaque):
            self._push(cls)
            return
        if args != ():
            raise NetworkFileError("an object is made with arguments")
        if cls is _NETWORK or cls is NAMESPACE:
            self._push_result(Instance(cls))
        elif cls is EasyDict or cls is OrderedDict:
            self._push(cls())
        else:
            raise NetworkFileError("an object of an unknown class is made")

    def _push_result(self, value):
        if isinstance(value, PickledObject):
            self._objects.append(value)
        self._push(value)

    def _build(self):
        state, target = self._stack.pop(), self._stack[-1]
        self._freeze(state)
        if isinstance(target, Instance):
            if target.state is not None or type(state) is not dict:
                raise NetworkFileError("an object's state is not a dict, a plain one, or is given twice")
            target.state = state
        elif isinstance(target, _Array):
            if target.value is not None:
                raise NetworkFileError("an array is filled twice")
            _version, shape, dtype, fortran, data = state
            self._spend_bytes(data)
            target.value = _array(shape, dtype, _as_bytes(data), "F" if fortran else "C")
        elif isinstance(target, _Dtype):
            if target.built:
                raise NetworkFileError("the type of an array is changed")
            target.built = True
            if state[1] in ("<", ">", "="):
                target.dtype = target.dtype.newbyteorder(state[1])
        elif type(target) is OrderedDict and type(state) is dict and list(state) == ["_metadata"]:
            pass  # PyTorch notes versions of modules as an attribute
        elif not isinstance(target, Opaque):
            raise NetworkFileError("a value that takes no state is given one")

    def _freeze(self, value):
        """From now on no list or dict in a value may change: Python has used it as it is now."""
        values = [value]
        while values:
            value = values.pop()
            if isinstance(value, (list, dict, tuple)) and id(value) not in self._frozen:
                self._frozen[id(value)] = value
                values.extend(value.values() if isinstance(value, dict) else value)

    def _changeable(self, target):
        if id(target) in self._frozen:
            raise NetworkFileError("a value is changed after an object was made of it")
        return target

    def _check_used(self, value):
        """Raise NetworkFileError if an object was made, by whose text Python runs, that is no part of the value."""
        seen, values = set(), [value]
        while values and self._objects:
            value = values.pop()
            if id(value) in seen or not isinstance(value, (list, dict, tuple, PickledObject)):
                continue
            seen.add(id(value))
            if isinstance(value, PickledObject):
                values.append(value.state)
            else:
                values.extend(value.values() if isinstance(value, dict) else value)
        if any(id(made_object) not in seen for made_object in self._objects):
            raise NetworkFileError("an object is made and then dropped")

    def _set_items(self, values):
        target = self._changeable(self._stack[-1])
        if isinstance(target, Opaque):
            return
        if not isinstance(target, dict) or len(values) % 2:
            raise NetworkFileError("items for something that is not a dict")
        for key, value in zip(values[::2], values[1::2]):
            key = self._stored(key)
            if type(key) not in (str, int, bool, bytes, type(None)) or type(key) is int and abs(key) >= 2 ** 31:
                # Hashing a nested tuple recurses in C: a crash, or time without end. Large numbers can share a hash.
                raise NetworkFileError("a dict has a key of type %s" % type(key).__name__)
            target[key] = self._stored(value)

    def _append(self, values):
        target = self._changeable(self._stack[-1])
        if isinstance(target, Opaque):
            return
        if type(target) is not list:
            raise NetworkFileError("items for something that is not a list")
        target.extend(self._stored(value) for value in values)

    def _tuple(self, values):
        self._push(tuple(_finished(value) for value in values))

    def _last(self, count):
        values = self._stack[len(self._stack) - count:]
        if len(values) != count or any(isinstance(value, _Mark) for value in values):
            raise IndexError("stack is empty")
        del self._stack[len(self._stack) - count:]
        return values

    def _text(self, count):
        self._push(self._decoded(count, "utf-8", "surrogatepass"))

    def _latin1(self, count):
        self._push(self._decoded(count, "latin1"))

    def _decoded(self, count, *encoding):
        data = self._take(count)
        self._budget.spend_text(count)
        return bytes(data).decode(*encoding)

    def _spend_bytes(self, value):
        # Text that becomes bytes is copied, each time that it is used.
        if type(value) is str:
            self._budget.spend_text(len(value))

    def _stored(self, value):
        """A value for a list or a dict, where a Python 2 string can only be text."""
        if isinstance(value, _Latin1):
            self._budget.spend_text(len(value.view))
            return bytes(value.view).decode("latin1")
        return _finished(value)

    def _persistent(self):
        if self._persistent_load is None:
            raise NetworkFileError("a persistent id stands outside a PyTorch stream")
        self._push(self._persistent_load(self._stack.pop()))

    def _instance(self):
        self._global(self._line(), self._line())  # names what it asks for
        raise NetworkFileError("the opcode INST has no place in a network file")

    def _long(self, count):
        self._push(int.from_bytes(bytes(self._take(count)), "little", signed=True))

    def _protocol(self):
        version = self._take(1)[0]
        if not 2 <= version <= 5:
            raise NetworkFileError("pickle protocol %d is not between 2 and 5" % version)


def _finished(value):
    """An array that is whole in place of its stand-in (which BUILD still had to fill)."""
    if isinstance(value, _Array) and value.value is not None:
        return value.value
    return value


_STEPS = {
    0x80: Machine._protocol,
    0x95: lambda m: m._take(8),  # FRAME
    ord("("): lambda m: m._push(_Mark()),
    ord("0"): lambda m: m._stack.pop(),
    ord("1"): lambda m: m._pop_mark(),
    ord("N"): lambda m: m._push(None),
    0x88: lambda m: m._push(True),
    0x89: lambda m: m._push(False),
    ord("J"): lambda m: m._push(m._number("<i")),
    ord("K"): lambda m: m._push(m._number("<B")),
    ord("M"): lambda m: m._push(m._number("<H")),
    ord("G"): lambda m: m._push(m._number(">d")),
    0x8a: lambda m: m._long(m._number("<B")),
    ord("U"): lambda m: m._latin1(m._number("<B")),
    ord("T"): lambda m: m._push(_Latin1(m._take(m._number("<i")))),
    0x8c: lambda m: m._text(m._number("<B")),
    ord("X"): lambda m: m._text(m._number("<I")),
    0x8d: lambda m: m._text(m._number("<Q")),
    ord("C"): lambda m: m._push(m._take(m._number("<B"))),
    ord("B"): lambda m: m._push(m._take(m._number("<I"))),
    0x8e: lambda m: m._push(m._take(m._number("<Q"))),
    0x96: lambda m: m._push(m._take(m._number("<Q"))),  # BYTEARRAY8
    ord(")"): lambda m: m._push(()),
    0x85: lambda m: m._tuple(m._last(1)),
    0x86: lambda m: m._tuple(m._last(2)),
    0x87: lambda m: m._tuple(m._last(3)),
    ord("t"): lambda m: m._tuple(m._pop_mark()),
    ord("]"): lambda m: m._push([]),
    0x8f: lambda m: m._push([]),  # EMPTY_SET
    0x90: lambda m: m._append(m._pop_mark()),  # ADDITEMS
    ord("a"): lambda m: m._append(m._last(1)),
    ord("e"): lambda m: m._append(m._pop_mark()),
    ord("}"): lambda m: m._push({}),
    ord("s"): lambda m: m._set_items(m._last(2)),
    ord("u"): lambda m: m._set_items(m._pop_mark()),
    ord("c"): lambda m: m._global(m._line(), m._line()),
    0x93: Machine._stack_global,
    ord("i"): Machine._instance,
    ord("Q"): Machine._persistent,
    ord("R"): Machine._reduce,
    0x81: Machine._new_object,
    ord("b"): Machine._build,
    ord("q"): lambda m: m._remember(m._number("<B")),
    ord("r"): lambda m: m._remember(m._number("<I")),
    0x94: lambda m: m._remember(len(m._memo)),  # MEMOIZE
    ord("h"): lambda m: m._push(m._memo[m._number("<B")]),
    ord("j"): lambda m: m._push(m._memo[m._number("<I")]),
}
