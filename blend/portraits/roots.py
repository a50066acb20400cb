"""Where hair, brows and beards are rooted, and how far the head reaches in every direction."""

import functools
from typing import Dict, NamedTuple

import numpy as np

from blend.portraits import mesh, regions
from blend.portraits.maths import FLOAT, length, unit

CENTRE = np.array([0, 7.4, 0.45], FLOAT)  # of the skull
GUIDES = (350, 900)                       # strands that others gather to
_AZIMUTHS, _ELEVATIONS = 120, 64          # of the radial map
_NEAREST = 5                              # vertices that a direction of it looks at


class Roots(NamedTuple):
    """Places on the average head's surface, in a random order."""
    corners: np.ndarray    # [N,3] vertices
    weights: np.ndarray    # [N,3]
    places: np.ndarray     # [N,3] in the average head's coordinates
    hairline: np.ndarray   # [N] dm above it
    angle: np.ndarray      # [N] degrees from the front
    guides: Dict[int, np.ndarray]  # number of guides -> the nearest guide [N]


def _scattered(chosen, count, random):
    """(corners, weights) of `count` places, evenly spread over the chosen skin triangles."""
    base = mesh.head().base
    corners = chosen
    area = length(np.cross(base[corners[:, 1]] - base[corners[:, 0]], base[corners[:, 2]] - base[corners[:, 0]]))
    upto = np.cumsum(area) / area.sum()
    triangle = np.minimum(np.searchsorted(upto, (np.arange(count) + random.rand(count)) / count), len(corners) - 1)
    u, v = np.sqrt(random.rand(count)), random.rand(count)
    weights = np.stack([1 - u, u * (1 - v), u * v], 1).astype(FLOAT)
    order = random.permutation(count)
    return corners[triangle][order], weights[order]


def _skin_triangles():
    head = mesh.head()
    corners = head.triangles[head.part[head.triangles[:, 0]] == mesh.SKIN]
    return corners, head.base[corners].mean(1), head.ears[corners].max(1) > 0.4, head.inside[corners].max(1) > 0.3


@functools.lru_cache(maxsize=None)
def scalp():
    """Roots of hair, from a little below the hairline."""
    random = np.random.RandomState(1)
    corners, middles, ear, _ = _skin_triangles()
    chosen = (regions.hairline(middles)[0] > -0.25) & ~ear & (middles[:, 1] > 6.3)
    return _roots(*_scattered(corners[chosen], 16000, random), keep=lambda places: regions.hairline(places)[0] > -0.12)


@functools.lru_cache(maxsize=None)
def brows():
    """Roots of the brows."""
    corners, middles, _, inside = _skin_triangles()
    chosen = (middles[:, 2] > 0.85) & (middles[:, 1] > 7.3) & (middles[:, 1] < 7.7) & ~inside
    return _roots(*_scattered(corners[chosen], 14000, np.random.RandomState(2)),
                  keep=lambda places: np.abs(regions.brow(places)) < 1.6)


@functools.lru_cache(maxsize=None)
def beard():
    """Roots of beards."""
    random = np.random.RandomState(3)
    corners, middles, ear, inside = _skin_triangles()
    chosen = (middles[:, 2] > 0.45) & (middles[:, 1] > 5.95) & (middles[:, 1] < 7.15) & ~inside & ~ear
    corners, weights = _scattered(corners[chosen], 14000, random)
    off_lips = mesh.on_surface(mesh.head().lips, corners, weights) < 0.15
    return _roots(corners[off_lips], weights[off_lips],
                  keep=lambda places: random.rand(len(places)) < regions.beard(places)[0])


def _roots(corners, weights, keep):
    places = mesh.on_surface(mesh.head().base, corners, weights)
    kept = np.flatnonzero(keep(places))
    places = places[kept]
    return Roots(corners[kept], weights[kept], places, *regions.hairline(places),
                 guides={count: _nearest(places, places[:count]) for count in GUIDES})


def _nearest(places, guides):
    """[N]: the index of the guide that each place is nearest to."""
    half = 0.5 * (guides * guides).sum(1)
    return np.concatenate([(part.dot(guides.T) - half).argmax(1)
                           for part in np.array_split(places, len(places) // 2000 + 1)])


@functools.lru_cache(maxsize=None)
def _map_vertices():
    """(vertices [E * A, 5], weights) that say how far the head reaches in each direction."""
    head = mesh.head()
    x, y, z = head.base.T
    skull = (y > 6.3) | ((y > 6.0) & (z > 0.7))  # without neck and shoulders: hair falls clear of them
    vertices = np.flatnonzero((head.part == mesh.SKIN) & (head.inside < 0.3) & (head.ears < 0.3) & skull
                              & (np.abs(x) < 1.0))
    ways = unit(head.base[vertices] - CENTRE)
    azimuth = (np.arange(_AZIMUTHS) + 0.5) / _AZIMUTHS * 2 * np.pi - np.pi
    elevation = (np.arange(_ELEVATIONS) + 0.5) / _ELEVATIONS * np.pi - np.pi / 2
    up, around = np.meshgrid(elevation, azimuth, indexing="ij")
    directions = np.stack([np.cos(up) * np.sin(around), np.sin(up), np.cos(up) * np.cos(around)], -1)
    indices, weights = [], []
    for part in np.array_split(directions.reshape(-1, 3).astype(FLOAT), 16):  # the whole product is 90 MB
        cosines = part.dot(ways.T)
        best = np.argpartition(-cosines, _NEAREST, 1)[:, :_NEAREST]
        nearness = 1 / (1.002 - np.take_along_axis(cosines, best, 1))
        indices.append(vertices[best])
        weights.append(nearness / nearness.sum(1, keepdims=True))
    return np.concatenate(indices), np.concatenate(weights).astype(FLOAT)


class Reach(object):
    """How far a head reaches from CENTRE: `reach(directions [...,3])` in dm."""

    def __init__(self, points):
        vertices, weights = _map_vertices()
        self._radius = (length(points[vertices] - CENTRE) * weights).sum(1).reshape(_ELEVATIONS, _AZIMUTHS)

    def __call__(self, directions):
        row = np.arcsin(np.clip(directions[..., 1], -1, 1)) * (_ELEVATIONS / np.pi) + (_ELEVATIONS / 2 - 0.5)
        column = (np.arctan2(directions[..., 0], directions[..., 2]) + np.pi) * (_AZIMUTHS / (2 * np.pi)) - 0.5
        top = np.clip(row.astype(np.int32), 0, _ELEVATIONS - 2)
        down = np.clip(row - top, 0, 1).astype(FLOAT)
        left = np.floor(column).astype(np.int32)
        right = (column - left).astype(FLOAT)
        first, second = left % _AZIMUTHS, (left + 1) % _AZIMUTHS
        radius = self._radius
        above = radius[top, first] * (1 - right) + radius[top, second] * right
        below = radius[top + 1, first] * (1 - right) + radius[top + 1, second] * right
        return above * (1 - down) + below * down
