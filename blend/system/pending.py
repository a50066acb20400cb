"""Arrays that are made when they are needed, one after the other, so that a large file is written in little memory."""

import numpy as np


class Pending(object):
    """A float32 array of a known shape that `make()` computes, each time anew; it is not kept.

    NumPy's functions make it; what looks for an array's methods fails.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, shape, make):
        self.shape, self.make = tuple(shape), make
        self.ndim, self.size = len(self.shape), int(np.prod(self.shape, dtype=np.int64))
        self.nbytes = self.size * self.dtype.itemsize

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.make(), dtype)


def made(array):
    """An array itself; a Pending one computed."""
    return array.make() if isinstance(array, Pending) else array
