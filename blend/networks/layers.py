"""Where a variable of a generator stands: a kind, a resolution, a level and a position.

Positions are those of the 2021 article's code for "Toonify" (Pinkney & Adler 2020, arXiv 2010.05334):
each resolution R = 4, 8, … has level 0 (`Const`, `Conv0_up`) and level 1 (`Conv1`, `ToRGB`), and
position = 2 log2(R / 4) + level.
"""

from typing import NamedTuple, Optional

from blend.errors import BlendError


class Layer(NamedTuple):
    """What a variable belongs to.

    kind: 'mapping', 'dlatent_avg', 'lod', 'noise', 'conv' or 'torgb'. resolution: 4, 8, …, or None outside
    the synthesis layers. module: `Conv0_up`, `ToRGB`, …, or None. level: 0, 1, or None where the article's rule gives
    no position.
    """

    kind: str
    resolution: Optional[int] = None
    module: Optional[str] = None
    level: Optional[int] = None

    @property
    def position(self):
        """2 log2(R / 4) + level, or None."""
        return None if self.level is None else position(self.resolution, self.level)


def position(resolution, level):
    """2 log2(R / 4) + level: 0 for (4, 0), 9 for (64, 1)."""
    return 2 * (int(resolution).bit_length() - 3) + int(level)


def check_split(layers, resolution, level):
    """Raise BlendError unless some of the layers stands at (resolution, level), and say which pairs there are."""
    pairs = {(layer.resolution, layer.level) for layer in layers if layer.level is not None}
    if (resolution, level) not in pairs:
        choices = sorted({pair[0] for pair in pairs if pair[1] == level}) or ["none: levels are 0 and 1"]
        raise BlendError("no split at resolution %r, level %r; at level %r choose from %s" % (
            resolution, level, level, ", ".join(map(str, choices))))
