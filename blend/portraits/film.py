"""Camera and film: the square that is cut out, the tone curve, grain."""

import functools
from typing import NamedTuple

import numpy as np

from blend.portraits.maths import FLOAT, blur, length, to_srgb

CAMERA = np.array([0, 7.0, 14.2], FLOAT)
_DISTANCE = 13.0   # dm, at which lengths are as in the mesh
_BRIGHTEST = 8.0   # linear light that the tone curve's table ends at
_TABLE = 4096


class View(NamedTuple):
    """Where on the picture a point of the scene lies."""
    centre: np.ndarray     # [2] of the square, at _DISTANCE
    pixels_per_dm: float
    size: int              # samples across

    def project(self, points):
        """Points [N,3] to columns, rows (down) and depths [N,3]."""
        flat = _flat(points)
        half = self.size / 2
        return np.stack([(flat[:, 0] - self.centre[0]) * self.pixels_per_dm + half,
                         half - (flat[:, 1] - self.centre[1]) * self.pixels_per_dm, flat[:, 2]], 1).astype(FLOAT)


def _flat(points):
    """Perspective: x and y at _DISTANCE, and the depth."""
    ways = points - CAMERA
    scale = -_DISTANCE / ways[..., 2]
    return np.stack([ways[..., 0] * scale, ways[..., 1] * scale, -ways[..., 2]], -1)


def view(eyes, mouth, crop, size):
    """The View that FFHQ's alignment would cut: eyes [2,3], mouth [3], a styles.Crop."""
    flat = _flat(eyes)[:, :2]
    middle = flat.mean(0)
    down = _flat(mouth[None])[0, :2] - middle
    side = max(crop.eyes * length(flat[0] - flat[1]), crop.mouth * length(down)) * crop.margin
    return View(middle + crop.drop * down, float(size / side), size)


@functools.lru_cache(maxsize=None)
def _curve():
    """Of the square root of light: Narkowicz's fit of the ACES film curve (2016), in sRGB."""
    x = np.linspace(0, 1, _TABLE) ** 2 * _BRIGHTEST
    return to_srgb(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)).astype(FLOAT)


def develop(light, person, look, size):
    """Linear samples [S,S,3] to a picture uint8 [size,size,3]."""
    place = np.sqrt(np.clip(light * FLOAT(look.exposure / _BRIGHTEST), 0, 1))
    image = _curve()[(place * FLOAT(_TABLE - 1)).astype(np.int16)]
    image = _reduced(image, size)
    grey = image.mean(-1, keepdims=True)
    if look.sharpening:
        image = image + look.sharpening * (image - blur(image, 1))
    low, high = look.saturation
    image = grey + (image - grey) * FLOAT(low + (high - low) * person.camera.saturation)
    if look.vignette:
        y, x = np.mgrid[0:size, 0:size].astype(FLOAT) / size - FLOAT(0.5)
        image = image * (1 - look.vignette * person.camera.vignette * (x * x + y * y))[..., None]
    if look.grain:
        random = np.random.RandomState([13, person.background.seed])
        amount = look.grain * (0.3 + person.camera.grain)
        image = image + amount * random.standard_normal((size, size, 1)) + 0.4 * look.grain * random.standard_normal(
            (size, size, 3))
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


def _reduced(image, size):
    """Samples to pixels: each pixel weighs its own samples and, a third as much, those that touch it."""
    count = len(image) // size
    if count == 1:
        return image
    for axis in (0, 1):
        image = np.moveaxis(image, axis, 0)
        own = image.reshape((size, count) + image.shape[1:]).sum(1)
        before = np.concatenate([image[:1], image[count - 1:-1:count]])
        after = np.concatenate([image[count::count], image[-1:]])
        image = np.moveaxis((own + (before + after) / 3) / (count + FLOAT(2) / 3), 0, axis)
    return image
