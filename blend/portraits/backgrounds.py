"""What is behind a person, far out of focus: linear colours [S,S,3]."""

import colorsys

import numpy as np
from PIL import Image

from blend.portraits.maths import FLOAT, smoothstep, to_linear


def draw(background, size, plain):
    """The background of a person. plain: one hue, as cartoons have it."""
    random = np.random.RandomState(background.seed)
    y, x = np.mgrid[0:size, 0:size].astype(FLOAT) / size
    if plain:
        return _hue(random, x, y)
    return _SCENES[background.scene](random, x, y).astype(FLOAT)


def _blurred(random, cells, size):
    """Smooth noise [S,S,1] in 0..1."""
    image = Image.fromarray((random.rand(cells, cells) * 255).astype(np.uint8))
    return np.asarray(image.resize((size, size), Image.BICUBIC), FLOAT)[..., None] / 255


def _grey(random, mean, deviation, tint):
    return to_linear(np.clip(mean + random.normal(0, deviation) + random.normal(0, tint, 3), 0.06, 0.95))


def _hue(random, x, y):
    hue, other = random.rand(), random.normal(0, 0.06)
    bright = colorsys.hsv_to_rgb(hue, 0.14 + 0.22 * random.rand(), 0.74 + 0.2 * random.rand())
    dark = colorsys.hsv_to_rgb((hue + other) % 1, 0.30 + 0.2 * random.rand(), 0.5 + 0.25 * random.rand())
    share = np.clip(1.25 * np.sqrt((x - 0.5) ** 2 + (y - 0.42) ** 2), 0, 1)[..., None]
    share = share * share * (3 - 2 * share)
    return (to_linear(bright) * (1 - share) + to_linear(dark) * share).astype(FLOAT)


def _studio(random, x, y):
    bright = _grey(random, 0.58, 0.2, 0.03)
    dark = bright * random.uniform(0.3, 0.75)
    centre = random.uniform(0.2, 0.8), random.uniform(0.2, 0.6)
    share = np.clip(1.2 * np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2), 0, 1)[..., None]
    return bright * (1 - share) + dark * share


def _outdoors(random, x, y):
    size = len(x)
    sky = to_linear(np.clip(np.array([0.72, 0.79, 0.86]) + random.normal(0, 0.08) + random.normal(0, 0.04, 3), 0, 1))
    green = to_linear(np.clip(np.array([0.36, 0.42, 0.27]) + random.normal(0, 0.08) + random.normal(0, 0.05, 3), 0, 1))
    height = random.uniform(0.1, 0.8)
    bushes = _blurred(random, random.randint(4, 8), size)
    low = smoothstep(-0.16, 0.16, y[..., None] - height + 0.35 * (bushes - 0.5))
    return sky * (1 - low) + green * low * (0.6 + 0.8 * _blurred(random, 9, size))


def _blobs(random, x, y):
    size = len(x)
    first, second = _grey(random, 0.5, 0.18, 0.05), _grey(random, 0.52, 0.18, 0.06)
    share = _blurred(random, 3, size)
    return (first * (1 - share) + second * share) * (0.75 + 0.5 * _blurred(random, random.randint(4, 7), size))


def _lamps(random, x, y):
    scene = _blobs(random, x, y) * 0.7
    for _ in range(random.randint(5, 14)):
        centre, radius = (random.rand(), 0.9 * random.rand()), random.uniform(0.02, 0.06)
        disc = smoothstep(1.25 * radius, 0.75 * radius, np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2))
        colour = to_linear(np.clip(np.array([1, 0.85, 0.65]) + random.normal(0, 0.15, 3), 0, 1))
        scene = scene + (disc * random.uniform(0.05, 0.25))[..., None] * colour
    return scene


def _bars(random, x, y):
    scene = _blobs(random, x, y)
    for _ in range(random.randint(1, 4)):
        centre, half = random.rand(), random.uniform(0.05, 0.22)
        bar = (smoothstep(half + 0.05, half - 0.05, np.abs(x - centre)) * random.uniform(0.3, 0.8))[..., None]
        scene = scene * (1 - bar) + bar * _grey(random, 0.55, 0.22, 0.05)
    return scene


_SCENES = {"studio": _studio, "outdoors": _outdoors, "blobs": _blobs, "lamps": _lamps, "bars": _bars}
