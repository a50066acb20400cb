"""Small functions of arrays that the portraits' geometry and light are written in."""

import numpy as np

FLOAT = np.float32


def length(vectors):
    """Of vectors [..., 3]."""
    return np.sqrt((vectors * vectors).sum(-1))


def unit(vectors):
    """Vectors [..., 3] of length 1 in the same directions."""
    return vectors / np.maximum(length(vectors), 1e-9)[..., None]


def dot(a, b):
    """[..., 3] and [..., 3] to [...]."""
    return (a * b).sum(-1)


def smoothstep(low, high, x):
    """0 below `low`, 1 above `high`, smooth between; with low > high it falls."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(a, b, amount):
    """Colours a [N, 3] towards b by amount [N]."""
    return a + (b - a) * np.asarray(amount, FLOAT)[..., None]


def curve(x, xs, ys):
    """np.interp in float32."""
    return np.interp(x, xs, ys).astype(FLOAT)


def to_linear(srgb):
    """sRGB in 0..1 to linear light (IEC 61966-2-1)."""
    srgb = np.asarray(srgb, FLOAT)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(FLOAT)


def to_srgb(linear):
    """Linear light to sRGB in 0..1, clipped (IEC 61966-2-1)."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-6) ** (1 / 2.4) - 0.055)


def blur(image, radius):
    """Box blur of [H, W] or [H, W, C] over 2 radius + 1 pixels; the edge is continued."""
    if radius < 1:
        return image
    count = 2 * radius + 1
    for axis in (0, 1):
        pad = [(0, 0)] * image.ndim
        pad[axis] = (radius + 1, radius)
        sums = np.cumsum(np.pad(image, pad, mode="edge"), axis, dtype=FLOAT)
        size = image.shape[axis]
        high = sums.take(range(count, count + size), axis)
        image = (high - sums.take(range(size), axis)) * FLOAT(1.0 / count)
    return image


def direction(azimuth, elevation):
    """Unit vector from degrees: azimuth from the camera's side towards the figure's left, elevation upwards."""
    a, e = np.radians([azimuth, elevation])
    return np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)], FLOAT)


def rotation(yaw, pitch, roll):
    """Matrix [3, 3] of degrees: yaw turns to the figure's left, pitch up, roll about the line of sight."""
    y, p, r = np.radians([yaw, -pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return about_z.dot(about_y).dot(about_x).astype(FLOAT)
