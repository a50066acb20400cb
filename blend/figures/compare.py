"""Networks side by side: do they fit, how far apart are they, are they relatives; in numbers and a picture."""

from collections import OrderedDict
from typing import Dict, List, NamedTuple, Tuple

import numpy as np
from PIL import Image, ImageDraw

from blend.mixing import relatives
from blend.mixing.methods import dot
from blend.networks import families
from blend.networks.network import differences
from blend.pictures import images

SAME = "the same"
_TEXTS = {
    SAME: "the same network",
    relatives.RELATIVES: "relatives: one was fine-tuned from the other, or both from one ancestor",
    relatives.PARTLY: "relatives in part; strangers at %s",
    relatives.STRANGERS: "strangers: they have no common ancestor, and their blends are no pictures",
    relatives.UNKNOWN: "unknown to each other: they have no layer of the same shape",
}
_OUTSIDE = {"mapping": "mapping", "dlatent_avg": "average w", "noise": "noise"}
_ROW, _CELL, _MARGIN = 22, 74, 16
_INK, _FAINT, _PAPER = (32, 32, 36), (110, 110, 118), (255, 255, 255)
_NEAR, _FAR = np.array([230, 240, 250]), np.array([178, 24, 43])  # colours of a cosine of 1 and of 0


class Distance(NamedTuple):
    """Of a part of two networks: the norm of the difference over that of the first, and the cosine; NaN: all zeros."""

    relative: float
    cosine: float


class Comparison(NamedTuple):
    """Two networks. differences: why they cannot be blended, in words, or none. verdict: SAME or one of relatives.py.

    by_layer, by_resolution: {'8x8/Conv1': Distance}, {'mapping': Distance, '8x8': Distance}, of what both have.
    """

    differences: List[str]
    kinship: relatives.Kinship
    verdict: str
    by_layer: Dict[str, Distance]
    by_resolution: Dict[str, Distance]

    @property
    def text(self):
        """The verdict in words."""
        return _TEXTS[self.verdict] % ", ".join(self.kinship.unrelated[:6]) if self.verdict == relatives.PARTLY else (
            _TEXTS[self.verdict])


class _Sums(object):
    """Of two parts, array by array: the squares of a, b and a - b, and the products a b."""

    def __init__(self):
        self.aa = self.bb = self.ab = self.dd = 0.0

    def add(self, a, b):
        difference = np.subtract(a, b, dtype=np.float64)
        self.aa += dot(a, a)
        self.bb += dot(b, b)
        self.ab += dot(a, b)
        self.dd += dot(difference, difference)

    @property
    def distance(self):
        return Distance(np.sqrt(self.dd / self.aa) if self.aa else float("nan" if self.dd else 0),
                        self.ab / np.sqrt(self.aa * self.bb) if self.aa and self.bb else float("nan"))


def compare(a, b, called=("the first network", "the second"), progress=None):
    """The Comparison of two Networks, every variable of theirs. progress: called with the variables that are done.

    >>> import blend
    >>> compare(blend.shipped("photo").Gs, blend.shipped("cartoon").Gs).verdict
    'relatives'
    """
    variables, others = [OrderedDict((name, value) for name, value in network.variables.items() if name != "lod")
                         for network in (a, b)]  # lod means nothing; networks of ADA have none
    convolutions = {name: layer for layer, name in relatives.convolutions(variables).items()}
    layers, resolutions, cosines, same = OrderedDict(), OrderedDict(), OrderedDict(), set(variables) == set(others)
    for done, (name, value) in enumerate(variables.items(), 1):
        place = families.locate(name)
        if name not in others or np.shape(value) != np.shape(others[name]):
            same = False
            continue
        same = same and np.array_equal(value, others[name])
        resolution = _OUTSIDE.get(place.kind) or "%dx%d" % (place.resolution, place.resolution)
        layer = resolution if place.module is None else "%s/%s" % (resolution, place.module)
        for sums, key in ((layers, layer), (resolutions, resolution)):
            sums.setdefault(key, _Sums()).add(value, others[name])
        if name in convolutions:
            cosines[convolutions[name]] = relatives.cosine(value, others[name])
        if progress is not None:
            progress(done)
    kinship = relatives.kinship(cosines)
    return Comparison(differences(a, b, called), kinship, SAME if same else kinship.verdict,
                      *[OrderedDict((key, part.distance) for key, part in sums.items()) for sums in (
                          layers, resolutions)])


def heat_map(comparisons):
    """A picture of [(label of a pair, Comparison)]: a row for each layer, its cosine and its distance for each pair.

    Returns a Pillow image.
    """
    rows = list(OrderedDict((layer, None) for _, comparison in comparisons for layer in comparison.by_layer))
    face, small = images.font(14), images.font(12)
    left = 150
    width = left + 2 * len(comparisons) * _CELL + 3 * _MARGIN
    top = _MARGIN + 60 + 20 * len(comparisons)
    sheet = Image.new("RGB", (max(width, 560), top + len(rows) * _ROW + _MARGIN), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), "Networks, layer by layer", _INK, font=face)
    for number, (label, comparison) in enumerate(comparisons, 1):
        draw.text((_MARGIN, _MARGIN + 2 + 20 * number), "%d  %s: %s" % (number, label, comparison.verdict), _FAINT,
                  font=small)
    for panel, (title, measure) in enumerate((("cosine", _cosine), ("distance", _relative))):
        x = left + panel * (len(comparisons) * _CELL + _MARGIN)
        for number, (_, comparison) in enumerate(comparisons):
            head = title if len(comparisons) == 1 else "%s %d" % (title, number + 1)
            draw.text((x + number * _CELL + 4, top - _ROW), head, _INK, font=small)
            for row, layer in enumerate(rows):
                _cell(draw, (x + number * _CELL, top + row * _ROW), comparison.by_layer.get(layer), measure, small)
    for row, layer in enumerate(rows):
        draw.text((_MARGIN, top + row * _ROW + 4), layer, _INK, font=small)
    return sheet


def _cosine(distance):
    return distance.cosine, 1 - max(0.0, distance.cosine)


def _relative(distance):
    return distance.relative, min(1.0, distance.relative)


def _cell(draw, corner, distance, measure, face):
    """A number on its colour; grey where there is none."""
    value, far = measure(distance) if distance is not None else (float("nan"), 0)
    box = [corner[0], corner[1], corner[0] + _CELL - 2, corner[1] + _ROW - 2]
    if not np.isfinite(value):
        draw.rectangle(box, fill=(235, 235, 235))
        return
    colour = tuple(int(part) for part in _NEAR + (_FAR - _NEAR) * far)
    draw.rectangle(box, fill=colour)
    draw.text((corner[0] + 6, corner[1] + 4), "%.3f" % value, _PAPER if far > 0.5 else _INK, font=face)


def table(comparisons):
    """Lines of text of [(label of a pair, Comparison)]: a row for each resolution. Several pairs have numbers."""
    rows = list(OrderedDict((key, None) for _, comparison in comparisons for key in comparison.by_resolution))
    first = max(len(key) for key in rows) + 2 if rows else 0
    heads = ["%8s %8s" % ("distance", "cosine")] * len(comparisons)
    if len(comparisons) > 1:
        heads = ["%8s %8s" % ("dist. %d" % number, "cos. %d" % number) for number in range(1, len(comparisons) + 1)]
    lines = [" " * first + "  ".join(heads)]
    for key in rows:
        lines.append(key.ljust(first) + "  ".join(_numbers(comparison.by_resolution.get(key))
                                                  for _, comparison in comparisons))
    return lines


def _numbers(distance):
    return "%8s %8s" % tuple("%.3f" % part if np.isfinite(part) else "-" for part in distance or (np.nan, np.nan))


def pairs(count) -> List[Tuple[int, int]]:
    """Which of the networks are compared: all pairs of up to four, else each with the first."""
    if count > 4:
        return [(0, second) for second in range(1, count)]
    return [(first, second) for first in range(count) for second in range(first + 1, count)]
