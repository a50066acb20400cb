"""Pictures on disk: PNG files that carry their recipe, and grids with labels."""

import collections
from concurrent import futures

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from blend.pictures import png_text
from blend.system.files import replacing

RECIPE_KEY = "blend-recipe"
_COMPRESSION = 4  # files as small as at zlib's default 6, in a third of the time
_WAITING = 4
VIEWED = 192  # pixels of a side that small pictures are enlarged to, in figures
_PAPER, _INK, _FAINT = (255, 255, 255), (32, 32, 36), (110, 110, 118)


def to_image(array):
    """uint8 [H,W,C] of 1, 3 or 4 channels to a Pillow image."""
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


def save_png(image, path, recipe=None):
    """Write a Pillow image or uint8 [H,W,C] as a PNG with `recipe` (text) in a text chunk, all or nothing."""
    if isinstance(image, np.ndarray):
        image = to_image(image)
    info = PngImagePlugin.PngInfo()
    if recipe is not None:
        info.add_text(RECIPE_KEY, recipe)
    with replacing(path) as file:
        image.save(file, "PNG", pnginfo=info, compress_level=_COMPRESSION)


class Writer(object):
    """Context: `save_png` in a thread of its own, while the next pictures are computed; it waits at the end.

    done: called after each picture. At most `_WAITING` pictures wait, so that memory is bounded; an error of one is
    raised by a later call or at the end.
    """

    def __init__(self, done):
        self._done, self._waiting = done, collections.deque()

    def __enter__(self):
        self._thread = futures.ThreadPoolExecutor(1)
        return self

    def save(self, image, path, recipe=None):
        self._waiting.append(self._thread.submit(save_png, image, path, recipe))
        while len(self._waiting) > _WAITING or self._waiting and self._waiting[0].done():
            self._finish_one()

    def _finish_one(self):
        self._waiting.popleft().result()
        self._done()

    def __exit__(self, error_type, _error, _trace):
        try:
            while self._waiting and error_type is None:
                self._finish_one()
        finally:
            for writing in self._waiting:
                writing.cancel()
            self._thread.shutdown()


def read_recipe(path):
    """The recipe text of a PNG that `save_png` wrote, or None. OSError or ValueError: it cannot be read."""
    return png_text.read(path, RECIPE_KEY)


def tile(images, columns, rows):
    """uint8 [N,H,W,C] to one picture of columns × rows, filled row by row; missing places stay white."""
    height, width, channels = images.shape[1:]
    sheet = np.full([rows * height, columns * width, channels], 255, np.uint8)
    for i, image in enumerate(images[:columns * rows]):
        top, left = i // columns * height, i % columns * width
        sheet[top:top + height, left:left + width] = image
    return sheet


def enlarge(image, factor):
    """A Pillow image, an integer factor larger and smooth."""
    return image.resize((image.width * factor, image.height * factor), Image.BICUBIC)


class BitmapFont(object):
    """The small font of old Pillow, with the face that ImageDraw wants. It knows Latin letters; others become `?`."""

    def __init__(self):
        self._font = ImageFont.load_default()

    def getsize(self, text, *_options, **_more):
        return self._font.getsize(self._latin(text))

    def getmask(self, text, mode="", *_options, **_more):
        return self._font.getmask(self._latin(text), mode)

    @staticmethod
    def _latin(text):
        return text.encode("latin-1", "replace").decode("latin-1")


def font(size):
    """A scalable font; old Pillow has none of its own, there it is the small bitmap one."""
    try:
        return ImageFont.load_default(size)
    except TypeError:
        for name in ("DejaVuSans.ttf", "Arial.ttf", "LiberationSans-Regular.ttf"):
            try:
                return ImageFont.truetype(name, size)
            except OSError:
                pass
        return BitmapFont()


def _text_size(text, face):
    draw = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    if hasattr(draw, "multiline_textbbox") and not isinstance(face, BitmapFont):
        left, top, right, bottom = draw.multiline_textbbox((0, 0), text, font=face)
        return right, bottom
    return draw.multiline_textsize(text, font=face)


def contact_sheet(pictures, labels, columns, rows):
    """A figure of uint8 [H,W,C] pictures, row by row, each over its label, enlarged to be seen. A Pillow image."""
    height, width = pictures[0].shape[:2]
    factor, gap, caption = max(1, VIEWED // width), 6, 22
    sheet = Image.new("RGB", (columns * (width * factor + gap) + gap, rows * (height * factor + caption) + gap), _PAPER)
    draw, face = ImageDraw.Draw(sheet), font(14)
    for i, (picture, label) in enumerate(zip(pictures, labels)):
        x = gap + i % columns * (width * factor + gap)
        y = gap + i // columns * (height * factor + caption)
        sheet.paste(enlarge(to_image(picture).convert("RGB"), factor), (x, y))
        draw.text((x, y + height * factor + 1), label, _FAINT, font=face)
    return sheet


def labelled_grid(rows, columns, title, note="", factor=1, row_labels=None, gap=4):
    """A figure: rows (a list of lists of uint8 [H,W,3]) under the texts `columns`, with a title above.

    note: small text under the title. row_labels: texts at the left. Returns a Pillow image.
    """
    cell = rows[0][0].shape[1] * factor
    large, small = font(max(14, cell // 8)), font(max(11, cell // 11))
    margin = max(8, cell // 10)
    left = margin + (max(_text_size(text, small)[0] for text in row_labels) + gap * 2 if row_labels else 0)
    title_height = _text_size(title, large)[1] + gap
    note_height = _text_size(note, small)[1] + gap if note else 0
    label_height = max(_text_size(text, small)[1] for text in columns) + 2 * gap
    top = margin + title_height + note_height + label_height + 2 * gap
    width = max(left + len(columns) * (cell + gap) + margin,
                margin * 2 + max(_text_size(title, large)[0], _text_size(note, small)[0]))
    sheet = Image.new("RGB", (width, top + len(rows) * (cell + gap) + margin), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((margin, margin), title, _INK, font=large)
    if note:
        draw.multiline_text((margin, margin + title_height), note, _FAINT, font=small)
    for i, text in enumerate(columns):
        x = left + i * (cell + gap) + (cell - _text_size(text, small)[0]) // 2
        draw.multiline_text((x, top - label_height), text, _INK, font=small, align="center")
    for j, row in enumerate(rows):
        y = top + j * (cell + gap)
        if row_labels:
            draw.text((margin, y + cell // 2 - _text_size(row_labels[j], small)[1] // 2), row_labels[j],
                      _FAINT, font=small)
        for i, picture in enumerate(row):
            sheet.paste(enlarge(to_image(picture).convert("RGB"), factor), (left + i * (cell + gap), y))
    return sheet


def stack(sheets):
    """Pillow images one below the other."""
    width, height = max(sheet.width for sheet in sheets), sum(sheet.height for sheet in sheets)
    whole, y = Image.new("RGB", (width, height), _PAPER), 0
    for sheet in sheets:
        whole.paste(sheet, (0, y))
        y += sheet.height
    return whole
