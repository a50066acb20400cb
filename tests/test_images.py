"""Images and recipes from files that others made: right values, bounded time and memory, one line for what is wrong."""

import io
import struct
import threading
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFont, PngImagePlugin

import blend
from blend.pictures import image_files, images, png_text
from blend.training import data

GRAY = [[0, 257 * 10], [257 * 200, 65535]]


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(size, *chunks, depth=8, colour=2):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, depth, colour, 0, 0, 0))
    return png_text.SIGNATURE + head + b"".join(chunks) + chunk(b"IEND", b"")


def pixels(image, path, **options):
    image.save(str(path), **options)
    return np.asarray(image_files.read(str(path)))


def test_16_bits_are_scaled(tmp_path):
    path = tmp_path / "gray.png"
    path.write_bytes(png(2, chunk(b"IDAT", zlib.compress(b"".join(
        b"\0" + struct.pack(">2H", *row) for row in GRAY))), depth=16, colour=0))
    assert np.asarray(image_files.read(str(path)))[:, :, 1].tolist() == [[0, 10], [200, 255]]
    path.write_bytes(png(2, chunk(b"tRNS", struct.pack(">H", 0)), chunk(b"IDAT", zlib.compress(b"".join(
        b"\0" + struct.pack(">2H", *row) for row in GRAY))), depth=16, colour=0))
    assert np.asarray(image_files.read(str(path)))[:, :, 1].tolist() == [[255, 10], [200, 255]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_turned_upright(orientation, tmp_path):
    upright = np.zeros([16, 32, 3], np.uint8)
    upright[:8, :16] = 255
    # EXIF 2.3: where row 0 and column 0 of the stored picture are in the upright one.
    stored = {1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
              5: upright.transpose(1, 0, 2), 6: upright.transpose(1, 0, 2)[::-1],
              7: upright.transpose(1, 0, 2)[::-1, ::-1], 8: upright.transpose(1, 0, 2)[:, ::-1]}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = pixels(Image.fromarray(np.ascontiguousarray(stored)), tmp_path / "a.jpg", exif=exif.tobytes(), quality=95)
    assert shown.shape == upright.shape and np.abs(shown.astype(int) - upright).max() < 30


def test_what_is_transparent_is_white(tmp_path):
    colours = np.array([[[255, 0, 0, 0], [255, 0, 0, 255], [0, 0, 0, 51]]], np.uint8)
    expected = [[[255, 255, 255], [255, 0, 0], [204, 204, 204]]]
    assert pixels(Image.fromarray(colours), tmp_path / "a.png").tolist() == expected
    assert pixels(Image.fromarray(colours), tmp_path / "a.webp", lossless=True, exact=True).tolist() == expected
    indexed = Image.fromarray(np.array([[0, 1]], np.uint8))
    indexed.putpalette([9, 9, 9, 0, 255, 0])
    assert pixels(indexed, tmp_path / "b.png", transparency=0).tolist() == [[[255] * 3, [0, 255, 0]]]
    gray = Image.fromarray(np.array([[[7, 0], [7, 255]]], np.uint8), "LA")
    assert pixels(gray, tmp_path / "c.png").tolist() == [[[255] * 3, [7] * 3]]
    plain = np.random.RandomState(0).randint(0, 256, [5, 4, 3]).astype(np.uint8)
    assert np.array_equal(pixels(Image.fromarray(plain), tmp_path / "d.png"), plain)


def encoded(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


SMALL = Image.fromarray(np.random.RandomState(1).randint(0, 256, [64, 64, 3]).astype(np.uint8))
WHOLE = encoded(SMALL, "PNG")
LINE = zlib.compress(b"\0" * (1 + 3 * 8))
BAD = {
    "cut": WHOLE[:3000],
    "header alone": png(100000),
    "13000 pixels of 0.7 MB": png(13000, chunk(b"IDAT", b"")),
    "frames outside": png(8, chunk(b"acTL", struct.pack(">II", 2, 0)), chunk(b"fcTL", struct.pack(
        ">IIIIIHHBB", 0, 100, 100, 7, 7, 1, 1, 0, 0)), chunk(b"IDAT", LINE)),
    "many frames": encoded(SMALL, "PNG", save_all=True, append_images=[SMALL.rotate(90)]),
    "animated WebP": encoded(SMALL, "WEBP", save_all=True, append_images=[SMALL.rotate(90)], duration=9),
    "text": b"no image", "empty": b"", "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
    "GIF": encoded(SMALL.convert("P"), "GIF"),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_bad_images_are_one_line(name, tmp_path, recwarn):
    path = tmp_path / "bad.png"
    path.write_bytes(BAD[name])
    with pytest.raises(blend.BlendError) as error:
        data.folder(str(tmp_path), 8)
    assert str(error.value).startswith(str(path) + ": not a readable image (") and not recwarn


def test_a_broken_profile_after_the_pixels(tmp_path):
    """Some Pillows read what they need before they see it, others raise SyntaxError."""
    (tmp_path / "a.png").write_bytes(png(8, chunk(b"IDAT", zlib.compress(b"\0" * 25 * 8)), chunk(b"iCCP", b"x")))
    try:
        assert data.folder(str(tmp_path), 8).get([0]).shape == (1, 8, 8, 3)
    except blend.BlendError as error:
        assert "not a readable image" in str(error)


def test_all_bad_images_are_listed_before_training(tmp_path):
    for i in range(20):
        (tmp_path / ("%02d.png" % i)).write_bytes(WHOLE if i % 2 else WHOLE[:3000 + i])
    with pytest.raises(blend.BlendError) as error:
        data.folder(str(tmp_path), 8)
    said = str(error.value)
    assert said.startswith("10 of 20 images: ") and said.endswith(" ...")
    assert all(name in said for name in ("00.png", "02.png", "04.png")) and "06.png" not in said


def test_large_images_are_decoded_one_at_a_time(tmp_path, monkeypatch):
    """A file of 300 kB may be a picture that takes a gigabyte; four of them at once took four."""
    paths, at_work, most, decode = [str(tmp_path / ("%d.png" % i)) for i in range(8)], [], [], image_files._rgb
    for path in paths:
        Image.new("RGB", (64, 64)).save(path)

    def watched(image):
        at_work.append(image)
        most.append(len(at_work))
        try:
            return decode(image)
        finally:
            at_work.remove(image)

    barrier = threading.Barrier(4)
    monkeypatch.setattr(image_files, "_rgb", watched)
    monkeypatch.setattr(image_files, "_LARGE", 64 * 64 - 1)
    data.check_images(paths)
    assert len(most) == 8 and max(most) == 1
    monkeypatch.setattr(image_files, "_LARGE", 64 * 64)
    monkeypatch.setattr(image_files, "_rgb", lambda image: barrier.wait(10) is None or image)
    data.check_images(paths)  # smaller ones at the same time: the barrier waits for four


def test_checking_images_can_be_stopped(tmp_path, monkeypatch):
    for i in range(200):
        (tmp_path / ("%03d.png" % i)).write_bytes(b"")
    seen = []

    def read(path):
        seen.append(path)
        time.sleep(0.005)  # work

    class Stopped(object):
        def __init__(self, *_arguments):
            pass

        def __enter__(self):
            raise KeyboardInterrupt

        def __exit__(self, *_error):
            pass

    monkeypatch.setattr(image_files, "read", read)
    monkeypatch.setattr(data.progress, "counting", Stopped)
    with pytest.raises(KeyboardInterrupt):
        data.folder(str(tmp_path), 8)
    assert len(seen) < 200


def text_of(tmp_path, content):
    (tmp_path / "text.png").write_bytes(content)
    return images.read_recipe(str(tmp_path / "text.png"))


def test_recipes_are_read_as_pillow_writes_them(tmp_path):
    for text in ("plain \xe9", "\u2603 snow" * 1000):
        images.save_png(SMALL, str(tmp_path / "a.png"), text)
        assert images.read_recipe(str(tmp_path / "a.png")) == text
        for packed in (False, True):
            info = PngImagePlugin.PngInfo()
            info.add_text("other", "before")
            info.add_text(images.RECIPE_KEY, text, packed)
            assert text_of(tmp_path, encoded(SMALL, "PNG", pnginfo=info)) == text
    assert text_of(tmp_path, WHOLE) is None
    late = chunk(b"tEXt", b"blend-recipe\0late")
    assert text_of(tmp_path, png(100000, chunk(b"IDAT", b"x"), chunk(b"iCCP", b"x"), late)) == "late"  # no pixel counts


BOMB = zlib.compress(b"[" * 2 ** 26)
BAD_TEXTS = {
    "bomb": chunk(b"zTXt", b"blend-recipe\0\0" + BOMB),
    "bomb in UTF-8": chunk(b"iTXt", b"blend-recipe\0\1\0\0\0" + BOMB),
    "not packed": chunk(b"zTXt", b"blend-recipe\0\0x"), "cut": chunk(b"iTXt", b"blend-recipe\0\0\0"),
    "damaged": chunk(b"tEXt", b"blend-recipe\0{}")[:-1] + b"x",
    "not UTF-8": chunk(b"iTXt", b"blend-recipe\0\0\0\0\0\xff"),
    "size": struct.pack(">I", 2 ** 32 - 1) + b"tEXtblend-recipe\0{}", "ends": b"\0\0\0\1tE",
    "many chunks": chunk(b"abCd", b"") * (2 ** 16 + 1),
}


@pytest.mark.parametrize("name", sorted(BAD_TEXTS))
def test_bad_texts_cost_nothing(name, tmp_path):
    began = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError):
            text_of(tmp_path, png(8, BAD_TEXTS[name]))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.process_time() - began < 2 and most < 2 ** 25


def test_figures_without_a_scalable_font(monkeypatch):
    """Old Pillow has a bitmap font only, where the system has no other; it has Latin letters only."""
    try:
        ImageFont.load_default(14)
        pytest.skip("this Pillow has a scalable font of its own")
    except TypeError:
        pass

    def missing(*_arguments):
        raise OSError("no such font")

    monkeypatch.setattr(ImageFont, "truetype", missing)
    picture = np.zeros((64, 64, 3), np.uint8)
    figure = images.labelled_grid([[picture]], ["снимок\n8x8"], "ффхк …", "note\nlines", row_labels=["ряд 1"])
    sheet = images.contact_sheet([picture], ["ряд 1"], 1, 1)
    assert figure.width > 64 and sheet.width > 64
