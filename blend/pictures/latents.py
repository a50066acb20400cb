"""What pictures are made of, as pure functions: latents, noise and labels from seeds and from what users give.

Nothing here depends on how many pictures are computed at once, on the device or on the engine.
"""

import numbers
import os

import numpy as np

from blend.errors import BlendError


def check_seed(seed):
    """A seed as an int. BlendError: it is no whole number from 0 to 2^32 - 1, which is what NumPy takes."""
    if not (isinstance(seed, numbers.Integral) and 0 <= seed < 2 ** 32):
        raise BlendError("a seed must be a whole number from 0 to 4294967295, not %r" % (seed,))
    return int(seed)


def check_seeds(seeds):
    """Seeds as a list of int. BlendError: they are no list of seeds."""
    try:
        return [check_seed(seed) for seed in seeds]
    except TypeError:
        raise BlendError("seeds must be a list of whole numbers, not %r" % (seeds,))


def fresh_seed():
    """A seed that nobody chose."""
    return int.from_bytes(os.urandom(4), "little")


def seeded(seed, latent_size, noise_shapes):
    """z [1,latent_size] of a seed, then its noise, float32 of these shapes: as NVIDIA's run_generator.py draws them.

    >>> z, noise = seeded(0, 512, [(1, 1, 4, 4), (1, 1, 8, 8)])
    >>> z.shape, len(noise)
    ((1, 512), 2)
    """
    random = np.random.RandomState(seed)
    z = random.randn(1, latent_size)
    return z, [random.randn(*shape).astype(np.float32) for shape in noise_shapes]


def random_noise(noise_seed, index, noise_shapes):
    """Noise of the picture that stands at an index among those of a call: float32 of these shapes.

    Each picture has a random generator of its own, seeded by both numbers.
    """
    random = np.random.RandomState([noise_seed, index])
    return [random.randn(*shape).astype(np.float32) for shape in noise_shapes]


def as_array(name, values):
    """What a user gives under a name, copied to a float32 array of one row a picture. BlendError: it is none."""
    try:
        array = np.array(values, np.float32)
    except (TypeError, ValueError):
        array = None
    if array is None or not array.ndim:
        raise BlendError("%s must be an array of numbers, one row for each picture" % name)
    return array


def check_z(z, latent_size):
    """z as float32 [N,latent_size]. BlendError: it is of another shape."""
    z = as_array("z", z)
    if z.shape != (len(z), latent_size):
        raise BlendError("z must have the shape [N,%d], not %r" % (latent_size, z.shape))
    return z


def check_w(w, layers, dlatent_size):
    """w as float32 [N,layers,dlatent_size]; one row [dlatent_size] goes to all layers. BlendError: another shape."""
    w = as_array("w", w)
    if w.ndim == 2:
        w = np.repeat(w[:, None], layers, 1)
    if w.shape[1:] != (layers, dlatent_size):
        raise BlendError("w must have the shape [N,%d] or [N,%d,%d], not %r" % (
            dlatent_size, layers, dlatent_size, w.shape))
    return w


def make_labels(labels, count, label_size):
    """None (zeros), a class number or an array, as float32 [count, label_size]. BlendError: it does not fit.

    >>> make_labels(1, 2, 3).tolist()
    [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    """
    rows = np.zeros([count, label_size], np.float32)
    if labels is None:
        return rows
    if isinstance(labels, numbers.Integral):
        if not label_size:
            raise BlendError("label %d does not exist: this network has no labels" % labels)
        if not 0 <= labels < label_size:
            raise BlendError("label %d does not exist: this network has %d classes" % (labels, label_size))
        rows[:, labels] = 1
        return rows
    labels = as_array("labels", labels)
    if labels.shape != rows.shape:
        raise BlendError("labels must have the shape %r, not %r" % (rows.shape, labels.shape))
    return labels
