"""Image files that others made, as upright RGB. Only common formats are decoded, and nothing larger than a camera's."""

import contextlib
import threading

import numpy as np
from PIL import Image

from blend.errors import BlendError
from blend.system.files import open_regular, reason

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")  # by content, whatever the name says; Pillow would start programs for others
MOST_PIXELS = 2 ** 26
_LARGE = 2 ** 24  # pixels; above, one picture is decoded at a time: small files may take a gigabyte
_large = threading.Lock()
_ORIENTATION = 0x0112  # Exif 2.3, table 4; what undoes each of its values
_UPRIGHT = {2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM, 5: Image.TRANSPOSE,
            6: Image.ROTATE_270, 7: Image.TRANSVERSE, 8: Image.ROTATE_90}


def read(path):
    """An image file as a Pillow image in RGB, as a viewer shows it on white paper.

    It is turned as its EXIF data say, 16 bits are scaled to 8, and what is transparent lets white through.
    BlendError: it cannot be read, is animated, or has more than MOST_PIXELS pixels.
    """
    with _opened(path) as image:
        if image.width * image.height <= _LARGE:
            return _rgb(_upright(image))
        with _large:
            return _rgb(_upright(image))


@contextlib.contextmanager
def _opened(path):
    """Context: a Pillow image whose header is in order and whose pixels are not decoded yet."""
    try:
        with open_regular(path) as file, Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError("has %dx%d pixels, more than %d million; make it smaller" % (
                    image.width, image.height, MOST_PIXELS // 10 ** 6))
            if image.format != "MPO" and getattr(image, "is_animated", False):  # MPO: a photograph and its preview
                raise ValueError("is animated; save one of its pictures")
            yield image
    except Exception as error:  # decoders raise whatever their authors thought of
        words = reason(error) if isinstance(error, OSError) else str(error)
        words = "it is none" if "cannot identify image file" in words else words
        raise BlendError("%s: not a readable image (%s)" % (path, words or type(error).__name__))


def _upright(image):
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # broken EXIF data are no reason to refuse a picture that is whole
        orientation = None
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _rgb(image):
    if image.mode.startswith("I"):
        return _from_16_bits(image).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image)
        return paper.convert("RGB")
    return image.convert("RGB")


def _from_16_bits(image):
    """A gray image of 16 bits as one of 8."""
    values = np.array(image).astype(np.uint32)
    if isinstance(image.info.get("transparency"), int):
        values[values == image.info["transparency"]] = 65535
    values += 128
    return Image.fromarray((values // 257).astype(np.uint8))
