"""Unevenness: noise that tiles, made once, looked up at coordinates."""

import functools
from typing import NamedTuple

import numpy as np

from blend.portraits.maths import FLOAT

_SIZE = 512


class Noises(NamedTuple):
    """[512,512] with deviation 1, and the slopes [512,512,2] of a skin's relief."""
    coarse: np.ndarray
    fine: np.ndarray
    spots: np.ndarray
    relief: np.ndarray


def _tile(random, power, low, high=1e9):
    """Noise whose amplitude falls with frequency to the -power, between two frequencies."""
    along = np.fft.fftfreq(_SIZE) * _SIZE
    frequency = np.sqrt(along[:, None] ** 2 + along[None] ** 2)
    amplitude = np.where((frequency >= low) & (frequency <= high), np.maximum(frequency, 1) ** -power, 0)
    noise = np.fft.ifft2(np.fft.fft2(random.standard_normal((_SIZE, _SIZE))) * amplitude).real
    return (noise / noise.std()).astype(FLOAT)


@functools.lru_cache(maxsize=None)
def noises():
    """The Noises, made once."""
    random = np.random.RandomState(4)
    coarse, fine, spots = _tile(random, 0.9, 3), _tile(random, 0.2, 30, 200), _tile(random, 0, 20, 60)
    height = fine + 0.6 * spots
    slopes = np.stack([np.roll(height, -1, axis) - np.roll(height, 1, axis) for axis in (1, 0)], -1)
    return Noises(coarse, fine, spots, slopes)


def at(tile, u, v):
    """Values of a tile at coordinates [N] that repeat at 1."""
    column = (u * FLOAT(_SIZE)).astype(np.int32) & (_SIZE - 1)
    row = (v * FLOAT(_SIZE)).astype(np.int32) & (_SIZE - 1)
    return tile.reshape((_SIZE * _SIZE,) + tile.shape[2:])[row * _SIZE + column]
