"""Training pictures: a folder of images, or drawn draw."""

import os

import numpy as np
from PIL import Image

from blend.errors import BlendError
from blend.portraits import faces

# Portraits from this seed on are never trained on: metrics compare against them.
HELD_OUT = 1000000
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


class Pictures(object):
    """`count` square pictures of one resolution; each is made once, by `draw(indices)`, and kept as bytes.

    held_out: Pictures of the same kind that are not among them, or None.
    """

    def __init__(self, count, resolution, draw, held_out=None):
        self.count, self.resolution, self.held_out = count, resolution, held_out
        self._draw = draw
        self._cache = np.zeros([count, resolution, resolution, 3], np.uint8)
        self._made = np.zeros(count, bool)

    def get(self, indices):
        """Return uint8 [N,R,R,3]."""
        missing = np.unique([i for i in indices if not self._made[i]]).astype(int)
        if len(missing):
            self._cache[missing] = self._draw(missing)
            self._made[missing] = True
        return self._cache[indices]


def drawn(style, resolution, count=20000):
    """`count` portraits in a style of `faces.STYLES`, with as many others held out."""
    def pictures(first, held_out=None):
        return Pictures(count, resolution,
                        lambda indices: faces.draw(indices + first, style, resolution), held_out)
    return pictures(0, pictures(HELD_OUT))


def folder(path, resolution):
    """The images below a folder, in the order of their names, cropped to a centred square and resized.

    BlendError: no folder, no images in it, an image that cannot be read.
    """
    if not os.path.isdir(path):
        raise BlendError("%s: no such folder; --data is a folder of images, or photo or cartoon" % path)
    names = sorted(os.path.join(base, name) for base, _, files in os.walk(path)
                   for name in files if name.lower().endswith(SUFFIXES))
    if not names:
        raise BlendError("%s: no images to train on (%s)" % (path, " ".join(SUFFIXES)))
    return Pictures(len(names), resolution,
                    lambda indices: np.stack([read_square(names[i], resolution) for i in indices]))


def read_square(path, resolution):
    """An image file as uint8 [R,R,3]."""
    try:
        with Image.open(path) as image:
            image = image.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise BlendError("%s: not a readable image (%s)" % (path, error))
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    return np.asarray(image.resize((resolution, resolution), Image.LANCZOS))
