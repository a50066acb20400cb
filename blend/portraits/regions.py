"""Where on the average head something grows or reddens: functions of places [N,3] in its coordinates."""

import functools
from typing import NamedTuple

import numpy as np

from blend.portraits import mesh
from blend.portraits.maths import FLOAT, smoothstep

# The hairline: degrees from the front about the head's axis, and heights in dm.
_LINE_ANGLES = (0, 20, 36, 48, 58, 65, 73, 78, 100, 106, 120, 150, 180)
_LINE_HEIGHTS = (8.01, 8.02, 7.92, 7.72, 7.46, 7.08, 7.02, 7.42, 7.42, 7.0, 6.72, 6.52, 6.46)
# The brow's middle line and half its width, over the distance from the face's middle.
_BROW_X = (0.10, 0.16, 0.28, 0.42, 0.52, 0.60)
_BROW_Y = (7.505, 7.513, 7.530, 7.544, 7.518, 7.468)
_BROW_WIDTH = (0.024, 0.036, 0.038, 0.033, 0.025, 0.010)


class Regions(NamedTuple):
    """Each float32 [N]."""
    red: np.ndarray         # cheeks, nose, chin, ears
    oil: np.ndarray         # the shining middle of the face
    under_eye: np.ndarray
    socket: np.ndarray      # above the eye
    freckles: np.ndarray
    forehead: np.ndarray
    hairline: np.ndarray    # dm above the hairline
    angle: np.ndarray       # degrees from the front
    beard: np.ndarray
    moustache: np.ndarray
    brow: np.ndarray        # half widths from the brow's middle line


def hairline(places):
    """(dm above the hairline, degrees from the front)."""
    x, y, z = places.T
    angle = np.degrees(np.arctan2(np.abs(x), z - 0.45))
    return (y - np.interp(angle, _LINE_ANGLES, _LINE_HEIGHTS)).astype(FLOAT), angle.astype(FLOAT)


def brow(places):
    """Half widths above the brow's middle line; 9 where there is none."""
    x, y, z = np.abs(places[:, 0]), places[:, 1], places[:, 2]
    across = (y - np.interp(x, _BROW_X, _BROW_Y)) / np.interp(x, _BROW_X, _BROW_WIDTH)
    outside = (x < _BROW_X[0]) | (x > _BROW_X[-1]) | (z < 0.9)
    return np.where(outside, 9, across).astype(FLOAT)


def beard(places):
    """(all that may be bearded, the moustache alone), 0 to 1."""
    x, y, z = np.abs(places[:, 0]), places[:, 1], places[:, 2]
    border = np.interp(x, [0, 0.2, 0.32, 0.45, 0.6, 0.75, 0.85], [6.52, 6.50, 6.62, 6.72, 6.85, 7.02, 7.1])
    jaw = smoothstep(0, 0.12, border - y) * smoothstep(6.06, 6.17, y) * smoothstep(0.55, 0.72, z)
    jaw = jaw * np.where(y < 6.3, smoothstep(0.85, 1.0, z), 1)
    lip = np.exp(-((y - 6.725) / 0.05) ** 2) * smoothstep(0.34, 0.2, x) * smoothstep(1.1, 1.2, z)
    corner = 0.8 * np.exp(-((x - 0.30) / 0.06) ** 2 - ((y - 6.6) / 0.10) ** 2) * smoothstep(0.9, 1, z)
    return np.clip(np.maximum(np.maximum(jaw, lip), corner), 0, 1).astype(FLOAT), lip.astype(FLOAT)


def neckline(places, cut):
    """dm below the collar's edge; `cut` is one of person.NECKLINES."""
    x, y, z = np.abs(places[:, 0]), places[:, 1], places[:, 2]
    edge = 5.74 - 0.24 * (z - 0.3)
    if cut == "v":
        edge = edge - np.clip(0.42 - 0.95 * x, 0, 1) * smoothstep(0.3, 0.6, z)
    elif cut == "high":
        edge = edge + 0.30 - 0.1 * (z - 0.3)
    elif cut == "wide":
        edge = edge - 0.13 * smoothstep(0.2, 0.6, z) - 0.04
    return (edge - y).astype(FLOAT)


@functools.lru_cache(maxsize=None)
def of_vertices():
    """[V, 11]: the fields of Regions at every vertex, to be interpolated; but brows are too sharp for that."""
    head = mesh.head()
    x, y, z = np.abs(head.base[:, 0]), head.base[:, 1], head.base[:, 2]

    def spot(centre_x, centre_y, width, height):
        return np.exp(-((x - centre_x) / width) ** 2 - ((y - centre_y) / height) ** 2) * smoothstep(0.6, 0.9, z)

    red = (spot(0.42, 6.93, 0.22, 0.20) + 0.9 * spot(0, 6.93, 0.13, 0.12) + 0.6 * spot(0, 6.22, 0.22, 0.12)
           + 0.9 * head.ears)
    shiny = spot(0, 7.0, 0.14, 0.5) + spot(0, 7.7, 0.4, 0.2) + 0.7 * spot(0.35, 6.95, 0.2, 0.15)
    oil = 0.5 + 0.5 * np.clip(shiny, 0, 1)
    fields = Regions(np.clip(red, 0, 1.3), oil, spot(0.30, 7.12, 0.16, 0.07), spot(0.31, 7.36, 0.17, 0.07),
                     spot(0.3, 6.98, 0.35, 0.22), spot(0, 7.78, 0.55, 0.22), *(hairline(head.base)
                     + beard(head.base) + (brow(head.base),)))
    return np.stack(fields, 1).astype(FLOAT)
