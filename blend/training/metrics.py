"""Sliced Wasserstein distance on Laplacian pyramids (Karras et al. 2018, arXiv 1710.10196, section 5).

It needs no downloaded network: patches of two sets of pictures are compared, scale by scale.
"""

from collections import OrderedDict

import numpy as np

_PATCH = 7           # pixels of a patch's side
_PATCHES = 64        # of each picture and scale
_DIRECTIONS = 256    # random projections
_COARSEST = 16       # pixels of the smallest scale
_BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32) / 16


def sliced_wasserstein(first, second, seed=0):
    """Distances between two sets uint8 [N,R,R,3] of the same N, times 1000: OrderedDict of 'RxR' and 'mean'.

    Two disjoint sets of one kind give a floor above 0 that shrinks with N: quote it beside the result.
    """
    random = np.random.RandomState(seed)
    distances = OrderedDict()
    for level, second_level in zip(pyramid(first), pyramid(second)):
        a, b = descriptors(level, random), descriptors(second_level, random)
        directions = random.randn(a.shape[1], _DIRECTIONS).astype(np.float32)
        directions /= np.sqrt(np.sum(np.square(directions), 0, keepdims=True))
        gaps = [np.mean(np.abs(np.sort(a.dot(direction)) - np.sort(b.dot(direction)))) for direction in directions.T]
        distances["%dx%d" % (level.shape[1], level.shape[1])] = float(np.mean(gaps) * 1000)
    distances["mean"] = float(np.mean(list(distances.values())))
    return distances


def pyramid(pictures):
    """The Laplacian pyramid, finest first: a list of float32 [N,S,S,3], S = R, R/2, …, 16."""
    level, levels = pictures.astype(np.float32), []
    while level.shape[1] > _COARSEST:
        smaller = blur(level)[:, ::2, ::2]
        levels.append(level - blur(spread(smaller)) * 4)
        level = smaller
    return levels + [level]


def spread(pictures):
    """[N,S,S,C] to [N,2S,2S,C] with zeros between the pixels."""
    count, height, width, channels = pictures.shape
    wide = np.zeros([count, 2 * height, 2 * width, channels], np.float32)
    wide[:, ::2, ::2] = pictures
    return wide


def shifted(pictures, axis, radius, border):
    """A list of `pictures` moved along an axis by -radius … radius pixels; `border` is a mode of np.pad."""
    padding = [(radius, radius) if i == axis else (0, 0) for i in range(pictures.ndim)]
    padded, size = np.pad(pictures, padding, border), pictures.shape[axis]
    return [np.take(padded, np.arange(i, i + size), axis) for i in range(2 * radius + 1)]


def blur(pictures):
    """Binomial 5×5 filter with mirrored borders. [N,H,W,C]."""
    for axis in (1, 2):
        pictures = sum(weight * moved for weight, moved in zip(_BINOMIAL, shifted(pictures, axis, 2, "reflect")))
    return pictures


def descriptors(pictures, random):
    """Random patches [N · 64, 7 · 7 · 3], normalised to mean 0 and deviation 1 for each channel."""
    count, size = pictures.shape[:2]
    image = np.repeat(np.arange(count), _PATCHES)[:, None, None]
    top = random.randint(0, size - _PATCH + 1, count * _PATCHES)[:, None, None]
    left = random.randint(0, size - _PATCH + 1, count * _PATCHES)[:, None, None]
    window = np.arange(_PATCH)
    patches = pictures[image, top + window[None, :, None], left + window[None, None, :]]  # [M,7,7,3]
    patches = (patches - patches.mean((0, 1, 2))) / (patches.std((0, 1, 2)) + 1e-8)
    return patches.reshape(len(patches), -1)
