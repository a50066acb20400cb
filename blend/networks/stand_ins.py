"""What stands for variables that a file lacks: the average w, and the stored noise.

Both are made when they are first asked for: files open at once.
"""

import threading

import numpy as np

from blend.networks import mapping

NO_AVERAGE = "no average w: the mean of the mapping network over %s latents stands for it" % format(
    mapping.LATENTS, ",")
NO_NOISE = "no noise buffers: noise of a fixed seed stands for them"


class Lazy(object):
    """An array that no file held: made when it is first asked for, and then always the same one.

    shape, size: as the array's. make: a function of nothing that returns it. Threads may ask at once.
    """

    def __init__(self, shape, make):
        self.shape, self.size = tuple(shape), int(np.prod(shape))
        self._make, self._array, self._lock = make, None, threading.Lock()

    def array(self):
        """The array, read-only."""
        with self._lock:
            if self._array is None:
                made = np.asarray(self._make(), np.float32).reshape(self.shape)
                made.setflags(write=False)
                self._array, self._make = made, None
            return self._array


def settled(value):
    """A variable as an array, made now if it is Lazy."""
    return value.array() if isinstance(value, Lazy) else value


def stand_in(name, shape, architecture, variables):
    """The Lazy for `dlatent_avg` or a noise buffer that a generator lacks.

    name: of the variable, in a generator; shape: that it should have; variables: {global name: array} of the others.
    """
    if name == "dlatent_avg":
        prefix = "G_mapping/"
        mine = {each[len(prefix):]: value for each, value in variables.items() if each.startswith(prefix)}
        return Lazy(shape, lambda: mapping.average(architecture, mine))
    seed = int(name[len("G_synthesis/noise"):])  # that of every network: G and Gs have the same noise
    return Lazy(shape, lambda: np.random.RandomState(seed).randn(*shape))
