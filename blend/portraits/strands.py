"""What else is drawn as strands: brows, beards, lashes and the frames of glasses."""

import functools

import numpy as np

from blend.portraits import mesh, regions, roots
from blend.portraits.maths import FLOAT, smoothstep, unit

HAIR, BROW, BEARD, LASH, FRAME = range(5)  # materials
_LASH_ROWS = 5                             # vertices from a lash's root to its tip


def brows(person, points, normals, soft):
    """(points [M,5,3], layer [M], shade [M], sheer [M]) of both brows."""
    random = np.random.RandomState(person.hair.strands ^ 1)
    places = roots.brows()
    thickness = person.brows.thickness * (0.85 if soft else 0.95)
    across = regions.brow(places.places)
    dense = (0.85 if soft else 0.6) * smoothstep(1.2, 0.5, np.abs(across) / thickness)
    chosen = np.flatnonzero((np.abs(across) < thickness) & (random.rand(len(across)) < dense))[:1500]
    root, normal = _at(places, chosen, points, normals)
    x = places.places[chosen, 0]
    outwards = np.clip((np.abs(x) - 0.1) / 0.5, 0, 1)
    way = np.stack([np.sign(x) * (0.45 + 0.7 * outwards), 0.6 - 1.05 * outwards - 0.4 * across[chosen],
                    np.zeros(len(x))], 1) + random.normal(0, 0.09, (len(x), 3))
    way = unit(way - normal * (way * normal).sum(1, keepdims=True) + 0.1 * normal)
    long = (0.055 + 0.02 * random.rand(len(x))) * (1 - 0.35 * outwards)
    at = np.linspace(0, 1, 5)[None, :, None]
    strands = (root + normal * 0.006)[:, None] + way[:, None] * (long[:, None, None] * at) - normal[:, None] * (
        0.012 * at ** 2)
    return (strands.astype(FLOAT), random.rand(len(x)).astype(FLOAT),
            (1 + random.normal(0, 0.08, len(x))).astype(FLOAT), np.full(len(x), 0.05 if soft else 0.12, FLOAT))


def beard(person, points, normals):
    """(points [M,6,3], layer [M], shade [M], sheer [M]) of beard and moustache, or None."""
    if not (person.beard.length or person.beard.moustache):
        return None
    random = np.random.RandomState(person.hair.strands ^ 2)
    places = roots.beard()
    lip = regions.beard(places.places)[1]
    long = np.where(lip > 0.35, person.beard.moustache, person.beard.length)
    chosen = np.flatnonzero(long > 0)[:3000]
    root, normal = _at(places, chosen, points, normals)
    x, y, lip, long = places.places[chosen, 0], places.places[chosen, 1], lip[chosen], long[chosen]
    way = np.stack([np.sign(x) * (0.1 + 0.7 * lip), -1 + 0.3 * lip, np.zeros(len(x))], 1)
    way = way + random.normal(0, 0.3, (len(x), 3))
    way = unit(way - normal * (way * normal).sum(1, keepdims=True))
    way = unit(way + normal * (0.35 + 0.25 * random.rand(len(x), 1)))
    long = (long * (0.6 + 0.6 * random.rand(len(x))) * (1 + 0.5 * (y < 6.3)))[:, None, None]
    at = np.linspace(0, 1, 6)[None, :, None]
    strands = root[:, None] + way[:, None] * (long * at) + np.array([0, -0.25, 0]) * (long * at ** 2)
    dense = regions.beard(places.places[chosen])[0]
    return (strands.astype(FLOAT), random.rand(len(x)).astype(FLOAT),
            (1 + random.normal(0, 0.14, len(x))).astype(FLOAT), (0.25 + 0.5 * (1 - dense)).astype(FLOAT))


def _at(places, chosen, points, normals):
    corners, weights = places.corners[chosen], places.weights[chosen]
    return mesh.on_surface(points, corners, weights), unit(mesh.on_surface(normals, corners, weights))


def lashes(person, points, soft):
    """(points [M,5,3], layer [M], shade [M], sheer [M]) of the lashes of both eyes."""
    strands = []
    woman = 1 - person.sex
    for grid in lash_grids():
        upper = mesh.head().base[grid[:, 0], 1].mean() > 7.28
        if soft and not upper:
            continue
        count = int((26 if upper else 12) * (1.3 if soft else 1))
        at = np.linspace(0, len(grid) - 1.001, count)
        low = at.astype(int)
        share = (at - low)[:, None, None]
        lash = points[grid[low]] * (1 - share) + points[grid[low + 1]] * share
        reach = (0.72 if upper else 0.38) * (0.75 + 0.25 * woman) * (1 + 0.35 * person.skin.makeup)
        strands.append(lash[:, :1] + (lash - lash[:, :1]) * (reach * (1.15 if soft and woman > 0.5 else 1)))
    strands = np.concatenate(strands).astype(FLOAT)
    ones = np.ones(len(strands), FLOAT)
    return strands, ones, ones, (0.1 if soft else 0.35) * ones


@functools.lru_cache(maxsize=None)
def lash_grids():
    """Four grids [columns, 5] of the lashes' vertices, from the root to the tip.

    The mesh has each eye's upper and lower lashes as a strip of quads, five vertices high.
    """
    neighbours = {}
    triangles = mesh.head().lashes
    for first, second in zip(triangles[::2], triangles[1::2]):
        quad = [int(first[0]), int(first[1]), int(first[2]), int(second[2])]
        for a, b in zip(quad, quad[1:] + quad[:1]):
            neighbours.setdefault(a, set()).add(b)
            neighbours.setdefault(b, set()).add(a)
    left = set(neighbours)
    grids = []
    while left:
        strip = _connected(min(left), neighbours)
        left -= strip
        grids.append(_rooted(_grid(strip, neighbours)))
    return grids


def _connected(vertex, neighbours):
    seen, waiting = {vertex}, [vertex]
    while waiting:
        fresh = neighbours[waiting.pop()] - seen
        seen |= fresh
        waiting.extend(fresh)
    return seen


def _grid(strip, neighbours):
    """Columns of a strip: the short side first, then neighbours of neighbours."""
    corner = min(vertex for vertex in strip if len(neighbours[vertex]) == 2)
    column = next(path for path in (_border(corner, second, neighbours) for second in sorted(neighbours[corner]))
                  if len(path) == _LASH_ROWS and len(neighbours[path[-1]]) == 2)
    grid, used = [column], set(column)
    while len(used) < len(strip):
        column = [next(iter(neighbours[vertex] - used)) for vertex in column]
        grid.append(column)
        used |= set(column)
    return np.array(grid)


def _border(corner, second, neighbours):
    """Vertices along the border from a corner, as many as a column has."""
    path = [corner, second]
    while len(path) < _LASH_ROWS:
        ahead = [vertex for vertex in sorted(neighbours[path[-1]] - set(path)) if len(neighbours[vertex]) <= 3]
        if not ahead:
            break
        path.append(ahead[0])
    return path


def _rooted(grid):
    """The grid with the row that lies on the lid first."""
    head = mesh.head()
    skin = head.base[(head.part == mesh.SKIN) & (head.base[:, 2] > 0.8)]

    def distance(row):
        return np.sqrt(((skin[None] - head.base[grid[:, row]][:, None]) ** 2).sum(-1).min(1)).mean()
    return grid if distance(0) <= distance(-1) else grid[:, ::-1]


def frames(person, head):
    """Polylines [5,41,3] of the glasses' frame."""
    glasses = person.glasses
    angle = np.linspace(0, 2 * np.pi, 41)
    front = head.eyes[:, 2].max() + 0.33
    width = 0.385 * np.abs(head.eyes[0, 0] - head.eyes[1, 0])
    height = width * (0.70 + 0.3 * glasses.height)
    power = 2 / (2 + 2 * glasses.square)  # of a superellipse
    lines = []
    for centre in head.eyes:
        x = centre[0] * 1.03 + width * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
        y = centre[1] - 0.03 + height * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power
        lines.append(np.stack([x, y, front - 0.35 * x * x], 1))
    middle = np.abs(head.eyes[:, 0]).mean() * 1.03
    x = np.linspace(-(middle - width), middle - width, 41)
    lines.append(np.stack([x, np.full(41, head.eyes[0, 1] + 0.04), front + 0.02 - x * x], 1))
    base = mesh.head().base
    temple = (mesh.head().part == mesh.SKIN) & (np.abs(base[:, 1] - 7.33) < 0.12) & (np.abs(base[:, 2] - 0.72) < 0.1)
    ear = np.abs(head.points[temple, 0]).max() + 0.02
    back = np.linspace(0, 1, 41)
    for side in (-1, 1):
        x = side * (middle + width + (ear - middle - width) * np.minimum(1, 2.5 * back))
        lines.append(np.stack([x, np.full(41, head.eyes[0, 1] + 0.05), front - 0.35 * (middle + width) ** 2 - back], 1))
    return np.stack(lines).astype(FLOAT)
