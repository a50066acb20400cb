"""Hair: strands that grow from the scalp, are combed, fall, lie on the head, gather and curl."""

from typing import NamedTuple, Tuple, Union

import numpy as np

from blend.portraits import mesh, roots
from blend.portraits.maths import FLOAT, curve, length, smoothstep, unit

_UP = np.array([0, 1, 0], FLOAT)
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


def grow(person, head, normals, count, soft):
    """Groups (points [M,K,3], layer [M], shade [M], sheer [M]) of a person's hair, before the pose.

    count: strands on the whole scalp. soft: True for smooth locks, as cartoons have them.
    """
    hair = person.hair
    if hair.style == "bald":
        return []
    random = np.random.RandomState(hair.strands)
    place = _place(hair, head.points, normals, count, random)
    cut = _CUTS[hair.style](hair, place, person.sex)
    if soft and hair.style not in ("afro", "curly", "buzz"):
        cut = cut._replace(gather=max(cut.gather, 0.75), guides=350)
    reach = roots.Reach(head.points)
    wide = 1.13 if soft else 1.0
    points = _grown(place, cut, hair, reach, random, wide)
    points = _gathered(points, place, cut)
    if cut.curl[0]:
        points = _curled(points, place, cut, reach, random)
    frizz = cut.frizz * (0.03 if soft else 0.1) * np.linspace(0, 1, cut.steps + 1)[:, None, None]
    points = points + frizz * random.normal(0, 1, place.points.shape)
    if cut.clear:
        points = _off_the_face(points, place, cut, wide)
    shade = 1 + random.normal(0, 0.06 if soft else 0.09, len(place.x)) + random.normal(0, 0.09, len(
        roots.scalp().angle))[roots.scalp().guides[cut.guides][place.chosen]]
    sheer = 0.6 * smoothstep(0.10, -0.02, place.edge) * smoothstep(0.7, 0.35, cut.length)
    groups = [(points.transpose(1, 0, 2).astype(FLOAT), place.layer, shade.astype(FLOAT), sheer.astype(FLOAT))]
    if hair.style in TIED:
        groups.append(_knot(hair, random, max(300, count // 5)))
    return groups


def _place(hair, points, normals, count, random):
    scalp = roots.scalp()
    edge = scalp.hairline - receding(hair, scalp.places, scalp.angle)
    if hair.style in SHORT:
        edge = edge - 0.6 * smoothstep(95, 110, scalp.angle) * smoothstep(7.1, 6.75, scalp.places[:, 1])
    ragged = random.normal(0, 0.025, len(edge))
    chosen = np.flatnonzero(edge + ragged > 0)[:count]
    corners, weights = scalp.corners[chosen], scalp.weights[chosen]
    x, y, z = scalp.places[chosen].T
    return Place(chosen, mesh.on_surface(points, corners, weights), unit(mesh.on_surface(normals, corners, weights)),
                 x, y, z, edge[chosen].astype(FLOAT), random.rand(len(chosen)).astype(FLOAT),
                 smoothstep(7.75, 8.2, y).astype(FLOAT),
                 (smoothstep(0.7, 1.25, z) * smoothstep(7.6, 7.9, y)).astype(FLOAT),
                 np.where(x > 0.4 * hair.parting, 1, -1).astype(FLOAT))


def _columns(x, y, z, count):
    """[count,3] of three numbers or arrays."""
    return np.stack([np.broadcast_to(np.asarray(part, FLOAT), (count,)) for part in (x, y, z)], 1)


def _side(hair):
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
    comb = _columns(_side(hair) * 0.35 * place.top, -0.5 * side, np.where(place.y > 7.9, 0.6, 0.1), len(place.x))
    return Cut(_near_the_edge(lengths, place), comb, 8, lift=0.35, thick=0.08, hug=0.15)


def _receding(hair, place, sex):
    cut = _crop(hair, place, sex)
    return cut._replace(length=0.75 * cut.length)


def _sidepart(hair, place, sex):
    side = 1 - place.top
    away = np.where(place.x > 0.32 * _side(hair), 1, -1)
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
    comb = _columns(_side(hair) * 0.45 * place.top, 0.35 * place.front - 0.4 * (1 - place.top),
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
    comb = np.where(bangs[:, None], _columns(0.25 * place.x + _side(hair) * 0.15 * (hair.wave - 0.3), -0.1, 1,
                                             len(place.x)), cut.comb)
    return cut._replace(length=np.where(bangs, short, cut.length).astype(FLOAT), comb=comb, bangs=bangs, hug=0.04)


def _curly(hair, place, sex):
    level = 7.5 if sex > 0.5 else 6.9 - 0.9 * hair.length
    lengths = np.clip((place.y - level) * 0.7 + 0.15, 0.2, 1.5) * (0.85 + 0.3 * place.layer)
    comb = 0.5 * place.normals + _columns(place.away * 0.15, -0.35, 0.1 * place.front, len(place.x))
    return Cut(lengths.astype(FLOAT), comb, 40, lift=0.7, gravity=0.9, thick=0.14 + 0.10 * hair.volume, gather=0.85,
               frizz=0.04, curl=(0.055 + 0.03 * hair.wave, 2.4 + 1.2 * hair.volume), guides=350, clear=True)


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


_CUTS = {"buzz": _buzz, "crop": _crop, "receding": _receding, "sidepart": _sidepart, "slick": _slick, "quiff": _quiff,
         "bob": _bob, "midlong": _midlong, "long": _long, "longwavy": _longwavy, "fringe": _fringe, "curly": _curly,
         "afro": _afro, "bun": _tied, "pony": _tied}


def _grown(place, cut, hair, reach, random, wide):
    """Points [K,M,3] of the strands, step by step."""
    count = len(place.x)
    step = (cut.length / cut.steps).astype(FLOAT)
    lift = np.broadcast_to(np.asarray(cut.lift, FLOAT), (count,))[:, None]
    comb = unit(cut.comb).astype(FLOAT)
    way = unit(place.normals * lift + comb * (1 - lift) + cut.frizz * random.normal(0, 1, (count, 3))).astype(FLOAT)
    offset = (0.015 + cut.thick * place.layer ** 0.8).astype(FLOAT)
    if cut.clear:
        offset = offset * (0.55 + 0.45 * smoothstep(-0.02, 0.35, place.edge))
    scalp = roots.scalp()
    drift = random.normal(0, 1, (len(scalp.angle), 3))[scalp.guides[350][place.chosen]].astype(FLOAT)
    points = np.empty((cut.steps + 1, count, 3), FLOAT)
    points[0] = point = place.points
    along = np.zeros(count, FLOAT)
    for number in range(1, cut.steps + 1):
        along = along + step
        pull = step[:, None] * (2.2 * np.exp(-1.2 * along)[:, None] * comb + 1.2 * cut.frizz * drift)
        fall = step * 2.2 * cut.gravity * (0.3 + np.minimum(along, 1))
        way = unit(way + pull - fall[:, None] * _UP)
        point, way = _on_the_head(point + way * step[:, None], way, offset * np.minimum(along / 0.25, 1), reach, cut)
        if cut.curtain:
            point = _beside_the_face(point, place, cut, hair, wide)
        points[number] = point
    return points


def _on_the_head(point, way, offset, reach, cut):
    """Points pushed out of the head, and ways that no longer lead into it."""
    out = point - roots.CENTRE
    radius = length(out)
    out = out / radius[:, None]
    surface = reach(out) + offset
    inside = radius < surface
    drawn = np.where(inside, surface, radius + (surface - radius) * cut.hug)
    inwards = (way * out).sum(1)
    along = unit(way - out * inwards[:, None])
    way = np.where((inside & (inwards < 0))[:, None], along, way)
    return (roots.CENTRE + out * drawn[:, None]).astype(FLOAT), way.astype(FLOAT)


def _window(points, wide):
    """How far to the side long hair stays, by the height of points: the face shows between."""
    half = curve(points[..., 1], [6.2, 6.8, 7.3, 7.75, 8.05], [0.50, 0.66, 0.72, 0.55, 0.0]) * wide
    return half * smoothstep(0.55, 0.95, points[..., 2])


def _beside_the_face(point, place, cut, hair, wide):
    side = np.where(place.x > 0.4 * hair.parting - 1e-6, 1, -1)
    half = _window(point, wide)
    free = ~np.broadcast_to(cut.bangs, side.shape)
    outwards = np.where(free & (side * point[:, 0] < half), 0.55 * (side * half - point[:, 0]), 0)
    return np.stack([point[:, 0] + outwards, point[:, 1], point[:, 2]], 1).astype(FLOAT)


def _off_the_face(points, place, cut, wide):
    """Strands that end where they would cross the face: no wisps on foreheads."""
    crossing = (np.abs(points[..., 0]) < 0.86 * _window(points, wide)) & (points[..., 1] < 7.95)
    crossing &= ~np.broadcast_to(cut.bangs, crossing.shape[1:])
    crossing[0] = False
    gone = np.logical_or.accumulate(crossing, 0)
    last = np.maximum((~gone).sum(0) - 1, 0)
    return np.where(gone[..., None], points[last, np.arange(points.shape[1])][None], points)


def _gathered(points, place, cut):
    """Strands drawn to the nearest guide, more towards their tips."""
    scalp = roots.scalp()
    count = len(place.x)
    position = np.full(len(scalp.angle), -1)
    position[place.chosen] = np.arange(count)
    own = np.arange(count)
    guide = position[scalp.guides[cut.guides][place.chosen]]
    guide = np.where(guide >= 0, guide, own)
    # Not across the parting, and not to a guide of another length.
    near = (np.abs(points[-1] - points[-1][guide]).max(1) < 0.55) & (
        np.abs(cut.length - cut.length[guide]) < 0.5 * cut.length + 0.1)
    guide = np.where(near, guide, own)
    along = np.linspace(0, 1, cut.steps + 1, dtype=FLOAT)[:, None]
    amount = cut.gather * np.minimum(1, along * 1.4) ** 0.8 * (0.6 + 0.4 * place.layer)
    beside = points[:, guide] + 0.25 * (points[0] - points[0][guide])
    return points + (beside - points) * amount[..., None].astype(FLOAT)


def _curled(points, place, cut, reach, random):
    """Strands wound about their way; those of one guide in the same phase."""
    radius, turns = cut.curl
    scalp = roots.scalp()
    guide = scalp.guides[cut.guides][place.chosen]
    along = np.linspace(0, 1, cut.steps + 1, dtype=FLOAT)[:, None] * cut.length
    phase = (2 * np.pi * random.rand(len(scalp.angle)))[guide]
    turns = (turns * (0.8 + 0.4 * random.rand(len(scalp.angle))))[guide]
    angle = (2 * np.pi * turns * along + phase + 0.5 * (place.layer - 0.5)).astype(FLOAT)
    tangent = unit(np.gradient(points, axis=0))
    across = np.cross(tangent, unit(np.cross(_UP, place.normals) + 1e-3)[None])
    across = unit(across)
    other = np.cross(across, tangent)
    grown = (radius * np.minimum(1, along / 0.35)).astype(FLOAT)[..., None]
    points = points + grown * (np.cos(angle)[..., None] * other + np.sin(angle)[..., None] * across)
    out = points - roots.CENTRE
    distance = length(out)[..., None]
    out = out / distance
    return roots.CENTRE + out * np.maximum(distance, reach(out)[..., None] + 0.012)


def _knot(hair, random, count):
    """The bun or the tail that tied hair ends in."""
    centre = tie_point(hair)
    if hair.style == "bun":
        size = 0.24 + 0.10 * hair.volume
        middle = centre + unit(centre - roots.CENTRE) * (0.55 * size)
        start = unit(random.normal(0, 1, (count, 3)))
        round_ = unit(np.cross(unit(np.array([hair.wave - 0.5, 0.6, hair.volume - 0.5])), start))
        out = size * (0.9 + 0.12 * random.rand(count, 1))
        points = np.stack([middle + out * unit(start * np.cos(a) + round_ * np.sin(a))
                           for a in np.linspace(0, 1.6, 14)], 1)
    else:
        step = (random.uniform(0.8, 1.5, count) / 16)[:, None]
        side = _side(hair)
        way = unit(np.array([side * 0.25, 0.25, -1]) + random.normal(0, 0.15, (count, 3)))
        points = [centre + random.normal(0, 0.05, (count, 3))]
        for _ in range(16):
            way = unit(way + np.array([side * 0.01, -0.22, 0]))
            points.append(points[-1] + way * step)
        points = np.stack(points, 1)
    return (points.astype(FLOAT), random.rand(count).astype(FLOAT), (1 + random.normal(0, 0.1, count)).astype(FLOAT),
            np.zeros(count, FLOAT))
