"""Where a variable of a generator stands: its name to a resolution, a level and a position.

Positions are those of the 2021 article's code for "Toonify" (Pinkney & Adler 2020, arXiv 2010.05334):
each resolution R = 4, 8, … has level 0 (`Const`, `Conv0_up`) and level 1 (`Conv1`, `ToRGB`), and
position = 2 log2(R / 4) + level.
"""

import re
from typing import NamedTuple

from blend.errors import BlendError

_SYNTHESIS = re.compile(r"G_synthesis/(\d+)x\1/([A-Za-z0-9_]+)/")
_NOISE = re.compile(r"G_synthesis/noise\d+$")
# The article matches the beginnings of names; `Conv` (4x4) and `Skip` (resnet) begin with none of these.
_LEVELS = (("Conv0_up", 0), ("Const", 0), ("Conv1", 1), ("ToRGB", 1))


class Layer(NamedTuple):
    """What a variable belongs to.

    kind: 'mapping', 'dlatent_avg', 'lod', 'noise', 'conv' or 'torgb'. resolution: 4, 8, …, or None outside
    the synthesis layers. module: `Conv0_up`, `ToRGB`, …, or None. level: 0, 1, or None where the article's rule gives
    no position.
    """

    kind: str
    resolution: object = None
    module: object = None
    level: object = None

    @property
    def position(self):
        """2 log2(R / 4) + level, or None."""
        return None if self.level is None else position(self.resolution, self.level)


def position(resolution, level):
    """2 log2(R / 4) + level: 0 for (4, 0), 9 for (64, 1)."""
    return 2 * (int(resolution).bit_length() - 3) + int(level)


def synthesis_layers(resolution):
    """L, the number of style inputs of a generator of resolution R: 2 log2(R) - 2."""
    return 2 * resolution.bit_length() - 4


def locate(name):
    """The Layer of a variable of Gs, by its global name. BlendError: no StyleGAN2 generator has such a variable.

    >>> locate("G_synthesis/32x32/Conv1/weight")
    Layer(kind='conv', resolution=32, module='Conv1', level=1)
    >>> locate("G_synthesis/4x4/Conv/weight").position is None
    True
    """
    if name.startswith("G_mapping/"):
        return Layer("mapping")
    if name in ("dlatent_avg", "lod"):
        return Layer(name)
    if _NOISE.match(name):
        return Layer("noise")
    match = _SYNTHESIS.match(name)
    if match is None:
        raise BlendError("variable %s belongs to no layer of a StyleGAN2 generator" % name)
    resolution, module = int(match.group(1)), match.group(2)
    level = next((level for word, level in _LEVELS if module.startswith(word)), None)
    return Layer("torgb" if module == "ToRGB" else "conv", resolution, module, level)


def check_split(names, resolution, level):
    """Raise BlendError unless some variable stands at (resolution, level), and say which pairs there are."""
    there = {(layer.resolution, layer.level) for layer in map(locate, names) if layer.level is not None}
    if (resolution, level) not in there:
        choices = sorted({pair[0] for pair in there if pair[1] == level}) or ["none: levels are 0 and 1"]
        raise BlendError("no split at resolution %r, level %r; at level %r choose from %s" % (
            resolution, level, level, ", ".join(map(str, choices))))
