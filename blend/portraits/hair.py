"""Hair: strands that grow from the scalp, are combed, fall, lie on the head, gather and curl."""

import numpy as np

from blend.portraits import haircuts, mesh, roots
from blend.portraits.maths import FLOAT, curve, length, smoothstep, unit

_UP = np.array([0, 1, 0], FLOAT)


def grow(person, head, normals, count, soft):
    """Groups (points [M,K,3], layer [M], shade [M], sheer [M]) of a person's hair, before the pose.

    count: strands on the whole scalp. soft: True for smooth locks, as cartoons have them.
    """
    hair = person.hair
    if hair.style == "bald":
        return []
    random = np.random.RandomState(hair.strands)
    place = _place(hair, head.points, normals, count, random)
    cut = haircuts.CUTS[hair.style](hair, place, person.sex)
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
    if hair.style in haircuts.TIED:
        groups.append(_knot(hair, random, max(300, count // 5)))
    return groups


def _place(hair, points, normals, count, random):
    scalp = roots.scalp()
    edge = scalp.hairline - haircuts.receding(hair, scalp.places, scalp.angle)
    if hair.style in haircuts.SHORT:
        edge = edge - 0.6 * smoothstep(95, 110, scalp.angle) * smoothstep(7.1, 6.75, scalp.places[:, 1])
    ragged = random.normal(0, 0.025, len(edge))
    chosen = np.flatnonzero(edge + ragged > 0)[:count]
    corners, weights = scalp.corners[chosen], scalp.weights[chosen]
    x, y, z = scalp.places[chosen].T
    normals = unit(mesh.on_surface(normals, corners, weights))
    return haircuts.Place(
        chosen, mesh.on_surface(points, corners, weights), normals, x, y, z, edge[chosen].astype(FLOAT),
        random.rand(len(chosen)).astype(FLOAT), smoothstep(7.75, 8.2, y).astype(FLOAT),
        (smoothstep(0.7, 1.25, z) * smoothstep(7.6, 7.9, y)).astype(FLOAT),
        np.where(x > 0.4 * hair.parting, 1, -1).astype(FLOAT))


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
    heights = 7.3 + (np.array([6.2, 6.8, 7.3, 7.75, 8.05]) - 7.3) * wide
    half = curve(points[..., 1], heights, [0.50, 0.66, 0.72, 0.55, 0.0]) * wide
    return half * smoothstep(0.55, 0.95, points[..., 2])


def _beside_the_face(point, place, cut, hair, wide):
    side = np.where(place.x > 0.4 * hair.parting - 1e-6, 1, -1)
    half = _window(point, wide)
    free = ~np.broadcast_to(cut.bangs, side.shape)
    outwards = np.where(free & (side * point[:, 0] < half), 0.55 * (side * half - point[:, 0]), 0)
    return np.stack([point[:, 0] + outwards, point[:, 1], point[:, 2]], 1).astype(FLOAT)


def _off_the_face(points, place, cut, wide):
    """Strands that end where they would cross the face: no wisps on foreheads."""
    crossing = (np.abs(points[..., 0]) < 0.86 * _window(points, wide)) & (points[..., 1] < 7.3 + 0.7 * wide)
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
    centre = haircuts.tie_point(hair)
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
        side = haircuts.parting_side(hair)
        way = unit(np.array([side * 0.25, 0.25, -1]) + random.normal(0, 0.15, (count, 3)))
        points = [centre + random.normal(0, 0.05, (count, 3))]
        for _ in range(16):
            way = unit(way + np.array([side * 0.01, -0.22, 0]))
            points.append(points[-1] + way * step)
        points = np.stack(points, 1)
    return (points.astype(FLOAT), random.rand(count).astype(FLOAT), (1 + random.normal(0, 0.1, count)).astype(FLOAT),
            np.zeros(count, FLOAT))
