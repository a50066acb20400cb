"""Training pictures: a folder of images, or drawn ones."""

import os
import warnings
from concurrent import futures

import numpy as np
from PIL import Image

from blend.errors import BlendError
from blend.pictures import image_files
from blend.portraits import faces
from blend.system import progress

# Portraits from this seed on are never trained on: metrics compare against them.
HELD_OUT = 1000000
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_NAMED = 3     # images that an error names; of others it gives the number
_THREADS = 4   # that decode images at the same time


class Pictures(object):
    """`count` square pictures of one resolution; each is made once, by `draw(indices)`, and kept as bytes.

    held_out: Pictures of the same kind that are not among them, or None.
    """

    def __init__(self, count, resolution, draw, held_out=None):
        self.count, self.resolution, self.held_out = count, resolution, held_out
        self._draw = draw
        self._cache = np.zeros([count, resolution, resolution, 3], np.uint8)
        self._is_drawn = np.zeros(count, bool)

    def get(self, indices):
        """Return uint8 [N,R,R,3]."""
        missing = np.unique([i for i in indices if not self._is_drawn[i]]).astype(int)
        if len(missing):
            self._cache[missing] = self._draw(missing)
            self._is_drawn[missing] = True
        return self._cache[indices]


def drawn(style, resolution, count=20000):
    """`count` portraits in a style of `faces.STYLES`, with as many others held out."""
    def portraits(first_seed, held_out=None):
        return Pictures(count, resolution,
                        lambda indices: faces.draw(indices + first_seed, style, resolution), held_out)

    return portraits(0, portraits(HELD_OUT))


def folder(path, resolution):
    """The images below a folder, in the order of their names, cropped to a centred square and resized.

    All of them are decoded once before this returns. BlendError: no folder, no images in it, or images that cannot be
    read.
    """
    if not os.path.isdir(path):
        raise BlendError("%s: no such folder; --data is a folder of images, or photo or cartoon" % path)
    paths = sorted(os.path.join(base, name) for base, _, names in os.walk(path)
                   for name in names if name.lower().endswith(SUFFIXES))
    if not paths:
        raise BlendError("%s: no images to train on (%s)" % (path, " ".join(SUFFIXES)))
    check_images(paths)
    return Pictures(len(paths), resolution, lambda indices: _squares([paths[i] for i in indices], resolution))


def check_images(paths):
    """Raise one BlendError for all the images that cannot be read; a bar shows how far it is."""
    problems = []
    threads = futures.ThreadPoolExecutor(_THREADS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about data that do not matter here
        tasks = [threads.submit(_problem, path) for path in paths]
        try:
            with progress.counting("checking images", len(paths)) as bar:
                for task in tasks:
                    problems.extend(task.result())
                    bar.update()
        finally:
            for task in tasks:  # of a run that is stopped
                task.cancel()
            threads.shutdown()
    if problems:
        count = "%d of %d images: " % (len(problems), len(paths)) if len(problems) > 1 else ""
        more = " ..." if len(problems) > _NAMED else ""
        raise BlendError(count + "; ".join(problem[:200] for problem in problems[:_NAMED]) + more)


def _problem(path):
    """What is wrong with an image file, in words: a list of one text, or an empty one."""
    try:
        image_files.read(path)
    except BlendError as error:
        return [str(error)]
    return []


def _squares(paths, resolution):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.stack([read_square(path, resolution) for path in paths])


def read_square(path, resolution):
    """An image file as uint8 [R,R,3], read as `image_files.read` does. BlendError: it cannot be."""
    image = image_files.read(path)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    return np.asarray(image.resize((resolution, resolution), Image.LANCZOS))
