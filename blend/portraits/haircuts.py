"""What a haircut does: how long strands are, where they are combed, how they lie; a function for each style."""

from typing import NamedTuple, Tuple, Union

import numpy as np

from blend.portraits.maths import FLOAT, length, smoothstep, unit

SHORT = ("buzz", "crop", "sidepart", "slick", "quiff", "receding", "bun", "pony")  # clear of the nape's sides
TIED = ("bun", "pony")


class Place(NamedTuple):
    """The M roots that a style grows from."""
    chosen: np.ndarray    # [M] indices of roots.scalp()
    points: np.ndarray    # [M,3] on this head
    normals: np.ndarray   # [M,3]
    x: np.ndarray         # on the average head
    y: np.ndarray
    z: np.ndarray
    edge: np.ndarray      # dm above the hairline
    layer: np.ndarray     # 0 to 1, random
    top: np.ndarray       # 1 on the top of the head
    front: np.ndarray     # 1 above the forehead
    away: np.ndarray      # 1 or -1: the side of the parting


class Cut(NamedTuple):
    """What a style does with the strands of a Place."""
    length: np.ndarray                      # [M] dm
    comb: np.ndarray                        # [M,3] where they are combed to
    steps: int
    lift: Union[float, np.ndarray] = 0.3    # how far they stand off at the root
    gravity: float = 0.5
    thick: float = 0.08                     # dm between the innermost and the outermost layer
    gather: float = 0.5                     # how far strands go to their guide
    frizz: float = 0.04
    hug: float = 0.0                        # how far those that stand off are drawn back to the head
    curl: Tuple[float, float] = (0.0, 0.0)  # radius in dm, turns a dm
    guides: int = 900
    curtain: bool = False                   # long hair that hangs beside the face
    clear: bool = False                     # ends before the face
    bangs: Union[bool, np.ndarray] = False  # [M] those that fall over the forehead


def receding(hair, places, angle):
    """How far the hairline has gone back at places of the average head, in dm."""
    high = hair.hairline * 0.16 * smoothstep(70, 0, angle)
    if hair.style != "receding":
        return high
    crown = np.exp(-((places[:, 0] / 0.38) ** 2 + ((places[:, 2] - 0.35) / 0.5) ** 2)) * (places[:, 1] > 8.0)
    return high + 0.28 * smoothstep(60, 10, angle) + 0.35 * crown


def _columns(x, y, z, count):
    """[count,3] of three numbers or arrays."""
    return np.stack([np.broadcast_to(np.asarray(part, FLOAT), (count,)) for part in (x, y, z)], 1)


def parting_side(hair):
    return 1 if hair.parting >= 0 else -1


def _near_the_edge(lengths, place):
    """Shorter at the temples, the nape and the hairline, as barbers cut."""
    low = 0.35 + 0.65 * smoothstep(6.75, 7.35, place.y)
    return (lengths * low * (0.45 + 0.55 * smoothstep(0, 0.13, place.edge))).astype(FLOAT)


def _buzz(hair, place, sex):
    lengths = np.full(len(place.x), 0.05 + 0.05 * hair.length)
    return Cut(_near_the_edge(lengths, place), place.normals * 0.6 + np.array([0, -0.3, 0.4], FLOAT), 4, lift=0.7,
               gravity=0, thick=0.03, gather=0)


def _crop(hair, place, sex):
    side = 1 - place.top
    lengths = ((0.16 + 0.22 * hair.length) * place.top + 0.10 * side + 0.05) * (0.8 + 0.4 * place.layer)
    comb = _columns(parting_side(hair) * 0.35 * place.top, -0.5 * side, np.where(place.y > 7.9, 0.6, 0.1), len(place.x))
    return Cut(_near_the_edge(lengths, place), comb, 8, lift=0.35, thick=0.08, hug=0.15)


def _receding(hair, place, sex):
    cut = _crop(hair, place, sex)
    return cut._replace(length=0.75 * cut.length)


def _sidepart(hair, place, sex):
    side = 1 - place.top
    away = np.where(place.x > 0.32 * parting_side(hair), 1, -1)
    lengths = place.top * (0.55 + 0.35 * hair.length) + side * (0.12 + 0.15 * hair.wave)
    comb = _columns(away * (0.9 * place.top + 0.1), -0.6 * side + 0.25 * place.front,
                    0.35 * place.front - 0.15 * side, len(place.x))
    return Cut(_near_the_edge(lengths, place), comb, 13, lift=0.35, gravity=1.4, thick=0.08 + 0.09 * hair.volume,
               gather=0.55, hug=0.3)


def _slick(hair, place, sex):
    side = 1 - place.top
    lengths = place.top * (0.7 + 0.4 * hair.length) + side * (0.3 + 0.3 * hair.wave)
    return Cut(_near_the_edge(lengths, place), _columns(0, 0.15 - 0.3 * side, -1, len(place.x)), 13, lift=0.25,
               gravity=0.4, thick=0.08 + 0.08 * hair.volume, gather=0.6, hug=0.35)


def _quiff(hair, place, sex):
    lengths = place.top * (0.3 + 0.25 * hair.length + 0.1 * place.front) + (1 - place.top) * 0.10 + 0.03
    comb = _columns(parting_side(hair) * 0.45 * place.top, 0.35 * place.front - 0.4 * (1 - place.top),
                    -0.75 * place.top + 0.45 * place.front, len(place.x))
    return Cut(_near_the_edge(lengths, place), comb, 12, lift=0.45 * place.top + 0.15, gravity=0.8,
               thick=0.08 + 0.05 * hair.volume, gather=0.6, hug=0.12)


def _hanging(hair, place, level, steps, gather=0.5):
    """Hair that falls to a height."""
    lengths = np.maximum(place.y - level + 0.45 * place.top + 0.05, 0.2) * (0.93 + 0.1 * place.layer)
    comb = _columns(place.away, -0.6 + 0.25 * place.front, -0.10 - 0.45 * place.front, len(place.x))
    return Cut(lengths.astype(FLOAT), comb, steps, lift=0.22, gravity=2.6, thick=0.10 + 0.12 * hair.volume,
               gather=gather, hug=0.05, curtain=True, clear=True)


def _wavy(hair, cut):
    return cut._replace(curl=(0.03 + 0.035 * hair.wave, 0.9 + 0.8 * hair.volume), gather=0.65, guides=350, hug=0.0)


def _bob(hair, place, sex):
    cut = _hanging(hair, place, 6.35 + 0.3 * hair.length, 20)
    return _wavy(hair, cut) if hair.wave > 0.6 else cut


def _midlong(hair, place, sex):
    cut = _hanging(hair, place, 5.95 + 0.2 * hair.length, 22)
    return _wavy(hair, cut) if hair.wave > 0.55 else cut


def _long(hair, place, sex):
    return _hanging(hair, place, 5.2, 26)


def _longwavy(hair, place, sex):
    return _wavy(hair, _hanging(hair, place, 5.15, 28))


def _fringe(hair, place, sex):
    cut = _hanging(hair, place, 5.3 if hair.length < 0.4 else 6.1 + 0.4 * hair.length, 24)
    bangs = (place.z > 0.72 + 0.1 * hair.volume) & (place.y > 7.72)
    short = np.maximum(place.y - 7.62 - 0.05 * hair.wave + 0.18, 0.15) * (0.92 + 0.12 * place.layer)
    comb = np.where(bangs[:, None], _columns(0.25 * place.x + parting_side(hair) * 0.15 * (hair.wave - 0.3), -0.1, 1,
                                             len(place.x)), cut.comb)
    return cut._replace(length=np.where(bangs, short, cut.length).astype(FLOAT), comb=comb, bangs=bangs, hug=0.04)


def _curly(hair, place, sex):
    level = 7.5 if sex > 0.5 else 7.1 - 0.7 * hair.length
    lengths = np.clip((place.y - level) * 0.65 + 0.1, 0.18, 1.4) * (0.85 + 0.3 * place.layer)
    lengths = lengths * (1 - 0.55 * place.front * smoothstep(0.4, 0, place.edge))  # not over the forehead
    comb = 0.5 * place.normals + _columns(place.away * 0.15, -0.35, 0.1 * place.front, len(place.x))
    return Cut(lengths.astype(FLOAT), comb, 40, lift=0.7, gravity=0.9, thick=0.10 + 0.08 * hair.volume, gather=0.85,
               frizz=0.015, curl=(0.05 + 0.03 * hair.wave, 2.4 + 1.2 * hair.volume), guides=350, clear=True)


def _afro(hair, place, sex):
    size = 0.26 + 0.4 * hair.length * (0.6 if sex > 0.5 else 1)
    lengths = size * (0.75 + 0.25 * np.sqrt(place.layer)) * (0.6 + 0.4 * smoothstep(0, 0.25, place.edge))
    return Cut(lengths.astype(FLOAT), place.normals, 18, lift=1.0, gravity=0, thick=0, gather=0.5, frizz=0.11,
               curl=(0.035, 7.0), guides=350)


def tie_point(hair):
    """Where tied hair is gathered, before the pose."""
    if hair.style == "bun" and hair.wave < 0.55:
        return np.array([0, 8.25 + 0.2 * hair.length, -0.25], FLOAT)
    return np.array([0, 7.5 + 0.3 * hair.length, -0.55], FLOAT)


def _tied(hair, place, sex):
    way = tie_point(hair) - place.points
    return Cut((length(way) * 1.12 + 0.05).astype(FLOAT), unit(way), 14, lift=0.06, gravity=0, thick=0.05,
               gather=0.35, hug=1.0)


CUTS = {"buzz": _buzz, "crop": _crop, "receding": _receding, "sidepart": _sidepart, "slick": _slick, "quiff": _quiff,
         "bob": _bob, "midlong": _midlong, "long": _long, "longwavy": _longwavy, "fringe": _fringe, "curly": _curly,
         "afro": _afro, "bun": _tied, "pony": _tied}
