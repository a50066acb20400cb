"""The head that every person is made from: its mesh, targets and masks, read from heads.npz (see heads.md)."""

import functools
import os
from typing import Dict, NamedTuple, Tuple

import numpy as np

from blend.portraits.maths import FLOAT

SKIN, LEFT_EYE, RIGHT_EYE, TEETH, TONGUE, LASHES = 0, 1, 2, 3, 4, 7
EYES = np.array([0, 7.284, 1.245], FLOAT)  # the middle of both eyes: every head is moved so that it lies here
_FILE = os.path.join(os.path.dirname(__file__), "heads.npz")
_UNIT = 1e-3  # of a target's whole numbers, in dm


class Mesh(NamedTuple):
    """Units dm: x to the figure's left, y up, z to the front."""
    base: np.ndarray        # [V,3] of the average head
    part: np.ndarray        # [V] SKIN to LASHES
    triangles: np.ndarray   # [T,3] counter-clockwise from outside, without the lashes
    lashes: np.ndarray      # [L,3] triangles
    face: np.ndarray        # [V] masks 0..1
    lips: np.ndarray
    eyelids: np.ndarray
    ears: np.ndarray
    inside: np.ndarray      # of the mouth
    edges: np.ndarray       # [E,2] every edge in both directions
    targets: Dict[str, Tuple[np.ndarray, np.ndarray]]  # name -> vertices [n], whole thousandths of dm [n,3]


@functools.lru_cache(maxsize=None)
def target_names():
    """Names of the targets, in the file's order."""
    with np.load(_FILE) as arrays:
        return tuple(str(name) for name in arrays["names"])


@functools.lru_cache(maxsize=None)
def head():
    """The Mesh, read once."""
    with np.load(_FILE) as arrays:
        base, part = arrays["base"], arrays["part"]
        triangles = arrays["tri"].astype(np.int32)
        start, index, delta = arrays["start"], arrays["index"], arrays["delta"]
        masks = arrays["masks"].astype(FLOAT) / 255
    of_part = part[triangles[:, 0]]
    targets = {name: (index[start[t]:start[t + 1]], delta[start[t]:start[t + 1]])
               for t, name in enumerate(target_names())}
    solid = triangles[of_part < 5]
    pairs = np.concatenate([solid[:, [a, b]] for a in range(3) for b in range(3) if a != b])
    edges = np.unique(pairs.astype(np.int64).dot([65536, 1]))
    return Mesh(base, part, solid, triangles[of_part == LASHES], masks[0], masks[1], masks[2], masks[3], masks[4],
                np.stack([edges // 65536, edges % 65536], 1).astype(np.int32), targets)


def add_targets(points, weights):
    """Points [V,3] plus the targets of {name: weight}; a KeyError names an unknown one."""
    moved = points.astype(FLOAT)
    targets = head().targets
    for name, weight in weights.items():
        vertices, delta = targets[name]
        if abs(weight) > 1e-4:
            moved[vertices] += delta * FLOAT(weight * _UNIT)
    return moved


def _gathered(indices, values, count):
    """Sums of values [n,3] at the indices [n]: [count,3]."""
    return np.stack([np.bincount(indices, values[:, axis], count) for axis in range(3)], 1).astype(FLOAT)


def normals(points):
    """Unit normals [V,3] of a head, weighted by the area of the faces."""
    corners = head().triangles
    a, b, c = points[corners[:, 0]], points[corners[:, 1]], points[corners[:, 2]]
    faces = np.cross(b - a, c - a)
    summed = _gathered(corners.T.reshape(-1), np.concatenate([faces] * 3), len(points))
    return summed / np.maximum(np.sqrt((summed * summed).sum(1, keepdims=True)), 1e-9)


def concavity(points, point_normals):
    """[V]: how far the neighbours' middle lies above a vertex, in edge lengths; positive in creases."""
    first, second = head().edges.T
    count = len(points)
    ways = points[second] - points[first]
    neighbours = np.maximum(np.bincount(first, minlength=count), 1)
    middle = _gathered(first, ways, count) / neighbours[:, None]
    edge = np.bincount(first, np.sqrt((ways * ways).sum(1)), count) / neighbours + 1e-6
    raw = (middle * point_normals).sum(1) / edge
    return (0.5 * raw + 0.5 * np.bincount(first, raw[second], count) / neighbours).astype(FLOAT)


def on_surface(values, corners, weights):
    """Values [V,...] at places of the surface: corners [N,3] and their weights [N,3]."""
    a, b, c = corners.T
    if values.ndim == 1:
        return values[a] * weights[:, 0] + values[b] * weights[:, 1] + values[c] * weights[:, 2]
    return values[a] * weights[:, :1] + values[b] * weights[:, 1:2] + values[c] * weights[:, 2:]
