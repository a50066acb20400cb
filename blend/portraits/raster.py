"""A z-buffer in NumPy: triangles and strands to the nearest one of each pixel."""

from typing import NamedTuple

import numpy as np

from blend.portraits.maths import FLOAT


class Strands(NamedTuple):
    """M polylines of K points, drawn `width` pixels thick."""
    points: np.ndarray   # [M,K,3]
    layer: np.ndarray    # [M] 0 (next to the skin) to 1 (outermost)
    shade: np.ndarray    # [M] factor of the colour, about 1
    sheer: np.ndarray    # [M] 0 to 1: how much of the skin shows through
    material: int
    width: int


class Splats(NamedTuple):
    """What strands show in P pixels."""
    pixels: np.ndarray     # [P] indices
    points: np.ndarray     # [P,3]
    tangents: np.ndarray   # [P,3] unit
    along: np.ndarray      # [P] 0 (root) to 1 (tip)
    layer: np.ndarray
    shade: np.ndarray
    sheer: np.ndarray
    material: np.ndarray


def _counted(counts):
    """(which [sum], place within it [sum]) of things that are repeated `counts` times."""
    which = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    starts = (np.cumsum(counts) - counts).astype(np.int32)
    return which, np.arange(len(which), dtype=np.int32) - starts[which]


def triangles(points, corners, height, width):
    """(index of the nearest triangle or -1, its depth or infinity), each [height * width].

    points [V,3]: x and y in pixels, y down, and depth. corners [T,3]; those that turn away are left out.
    """
    a, b, c = [points[corners[:, corner]] for corner in range(3)]
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    low, high = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    first = np.maximum(np.ceil(low[:, 1] - 0.5), 0).astype(np.int32)
    last = np.minimum(np.ceil(high[:, 1] - 0.5), height).astype(np.int32)
    kept = np.flatnonzero((last > first) & (high[:, 0] > 0) & (low[:, 0] < width) & (area < -1e-9))
    a, b, c, first, area = a[kept], b[kept], c[kept], first[kept], area[kept]
    edges = [_edge(b, c), _edge(c, a), _edge(a, b)]

    of, line = _counted(last[kept] - first)
    y = (line + first[of]).astype(FLOAT) + FLOAT(0.5)
    start, end = _row_ends(edges, of, y, width)
    some = np.flatnonzero(end > start)
    of, y, start = of[some], y[some], start[some]
    row, column = _counted((end[some] - start))
    column += start[row]

    plane = [(edges[0][k] * a[:, 2] + edges[1][k] * b[:, 2] + edges[2][k] * c[:, 2]) / -area for k in range(3)]
    depth_of_row = plane[1][of] * y + plane[2][of]
    depth = (depth_of_row[row] + plane[0][of][row] * (column.astype(FLOAT) + FLOAT(0.5))).astype(FLOAT)
    pixel = ((y - FLOAT(0.5)).astype(np.int32) * width)[row] + column
    nearest = np.full(height * width, np.inf, FLOAT)
    np.minimum.at(nearest, pixel, depth)
    wins = np.flatnonzero(depth == nearest[pixel])
    index = np.full(height * width, -1, np.int32)
    index[pixel[wins]] = kept[of[row[wins]]]
    return index, nearest


def _edge(p, q):
    """(A, B, C) with A x + B y + C >= 0 inside a triangle that is clockwise on the screen."""
    along_x, along_y = q[:, 1] - p[:, 1], p[:, 0] - q[:, 0]
    return along_x, along_y, -(along_x * p[:, 0] + along_y * p[:, 1])


def _row_ends(edges, of, y, width):
    """(first column, column after the last) of each triangle's rows."""
    low, high = np.zeros(len(y), FLOAT), np.full(len(y), width, FLOAT)
    for slope, rise, offset in edges:
        slope, rest = slope[of], rise[of] * y + offset[of]
        with np.errstate(divide="ignore", invalid="ignore"):
            x = -rest / slope
        low = np.where(slope > 0, np.maximum(low, x), low)
        high = np.where(slope < 0, np.minimum(high, x), high)
        high = np.where((slope == 0) & (rest < 0), FLOAT(-1), high)
    return np.ceil(low - FLOAT(0.5)).astype(np.int32), np.minimum(np.ceil(high - FLOAT(0.5)), width).astype(np.int32)


def barycentric(points, corners, index, width):
    """(pixels [P], their triangles' corners [P,3], weights [P,3]) of a picture of `triangles`."""
    pixels = np.flatnonzero(index >= 0)
    of = corners[index[pixels]]
    a, b, c = [points[of[:, corner]] for corner in range(3)]
    x, y = (pixels % width).astype(FLOAT) + FLOAT(0.5), (pixels // width).astype(FLOAT) + FLOAT(0.5)
    whole = (b[:, 1] - c[:, 1]) * (a[:, 0] - c[:, 0]) + (c[:, 0] - b[:, 0]) * (a[:, 1] - c[:, 1])
    first = ((b[:, 1] - c[:, 1]) * (x - c[:, 0]) + (c[:, 0] - b[:, 0]) * (y - c[:, 1])) / whole
    second = ((c[:, 1] - a[:, 1]) * (x - c[:, 0]) + (a[:, 0] - c[:, 0]) * (y - c[:, 1])) / whole
    return pixels, of, np.stack([first, second, 1 - first - second], 1).astype(FLOAT)


def strands(groups, project, depth, height, width):
    """Draw groups of Strands into a depth buffer [height * width]; (Splats, the new depth).

    project: points [N,3] to columns, rows and depths [N,3].
    """
    pieces = [_segments(group, project, height, width) for group in groups]
    pixels, depths, owners, places = [], [], [], []
    first = 0
    for group, piece in zip(groups, pieces):
        own, at, x, y, z = _dots(piece, group.width, height, width)
        stamp = _stamp(x, y, z, own + first, at, group.width, depth, height, width)
        for everything, part in zip((pixels, depths, owners, places), stamp):
            everything.append(part)
        first += len(piece["start"])
    pixels, depths, owners, places = [np.concatenate(parts) for parts in (pixels, depths, owners, places)]
    nearest = depth.copy()
    np.minimum.at(nearest, pixels, depths)
    wins = np.flatnonzero(depths == nearest[pixels])
    winner = np.full(len(depth), -1, np.int32)
    winner[pixels[wins]] = wins  # one where several are as near
    shown = np.flatnonzero(winner >= 0)
    owner, place = owners[winner[shown]], places[winner[shown]]
    values = {name: np.concatenate([piece[name] for piece in pieces])[owner] for name in pieces[0]}
    start, way = values["start"], values["end"] - values["start"]
    tangents = way / np.maximum(np.sqrt((way * way).sum(1, keepdims=True)), 1e-9)
    others = [values[name] for name in Splats._fields[3:]]
    return Splats(shown, start + way * place[:, None], tangents, *others), nearest


def _segments(group, project, height, width):
    """The segments of Strands that the screen may show, in space and on the screen."""
    count, points = group.points.shape[:2]
    screen = project(group.points.reshape(-1, 3)).reshape(count, points, 3)
    start, end = screen[:, :-1].reshape(-1, 3), screen[:, 1:].reshape(-1, 3)
    low, high = np.minimum(start, end), np.maximum(start, end)
    kept = np.flatnonzero((high[:, 0] > 0) & (low[:, 0] < width) & (high[:, 1] > 0) & (low[:, 1] < height))
    strand, step = kept // (points - 1), kept % (points - 1)
    return {"start": group.points[strand, step], "end": group.points[strand, step + 1], "screen": start[kept],
            "way": end[kept] - start[kept], "along": step.astype(FLOAT) / (points - 1), "layer": group.layer[strand],
            "shade": group.shade[strand], "sheer": group.sheer[strand],
            "material": np.full(len(kept), group.material, np.int8)}


def _dots(piece, thickness, height, width):
    """One dot for each pixel along the segments, sparser where dots are thick."""
    reach = np.maximum(np.abs(piece["way"][:, 0]), np.abs(piece["way"][:, 1]))
    counts = np.ceil(reach / (1 + 0.6 * (thickness - 1)) + 0.01).astype(np.int32)
    counts[reach == 0] = 0  # a strand that was cut off
    own, number = _counted(counts)
    at = (number.astype(FLOAT) + FLOAT(0.5)) / counts[own].astype(FLOAT)
    x, y, z = (piece["screen"][own] + piece["way"][own] * at[:, None]).T
    return own, at, x, y, z


def _stamp(x, y, z, owner, at, thickness, depth, height, width):
    """Squares (discs from 4 pixels on) around dots, where they are nearer than `depth`."""
    column = np.floor(x - (thickness - 1) * 0.5).astype(np.int32)
    row = np.floor(y - (thickness - 1) * 0.5).astype(np.int32)
    inside = np.flatnonzero((column >= 0) & (column <= width - thickness) & (row >= 0) & (row <= height - thickness))
    corner = row[inside] * width + column[inside]
    z, owner, at = z[inside].astype(FLOAT), owner[inside], at[inside]
    parts = []
    for down in range(thickness):
        for right in range(thickness):
            if thickness >= 4 and down in (0, thickness - 1) and right in (0, thickness - 1):
                continue
            pixel = corner + (down * width + right)
            near = np.flatnonzero(z < depth[pixel])
            parts.append((pixel[near], z[near], owner[near], at[near]))
    return [np.concatenate(values) for values in zip(*parts)]
