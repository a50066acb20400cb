"""Arrays that are made when they are needed: files open at once, and large ones are written in little memory."""

import threading

import numpy as np


class Pending(object):
    """A float32 array of a known shape that `array()` computes, each time anew; it is not kept.

    make: a function of nothing that returns it. NumPy's functions take it; what looks for an array's methods fails.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, shape, make):
        self.shape, self._make = tuple(shape), make
        self.ndim, self.size = len(self.shape), int(np.prod(self.shape, dtype=np.int64))
        self.nbytes = self.size * self.dtype.itemsize

    def array(self):
        """The array."""
        return self._make()

    def turned(self, function):
        """The Pending of what a function that only turns or adds axes makes of the array."""
        shape = function(np.broadcast_to(np.float32(0), self.shape)).shape
        return Pending(shape, lambda: function(self.array()))

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array(), dtype)


class Kept(Pending):
    """One that is computed when it is first asked for, and then always the same array, read-only.

    Threads may ask at once.
    """

    def __init__(self, shape, make):
        super(Kept, self).__init__(shape, make)
        self._array, self._lock = None, threading.Lock()

    def array(self):
        with self._lock:
            if self._array is None:
                array = np.asarray(self._make(), np.float32).reshape(self.shape)
                array.setflags(write=False)
                self._array, self._make = array, None
            return self._array

    def __reduce__(self):
        return np.array, (self.array(),)  # a copy is a plain array


def settled(value):
    """A value itself; a Kept one as its array."""
    return value.array() if isinstance(value, Kept) else value


def computed(value):
    """A value itself; a Pending one as its array, which is not kept unless it says so."""
    return value.array() if isinstance(value, Pending) else value
