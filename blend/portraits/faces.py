"""Synthetic portraits: one space of faces, drawn as shaded photos or as inked cartoons."""
from types import SimpleNamespace

import numpy as np

from blend.portraits import face_parts

STYLES = ("photo", "cartoon")
RESOLUTIONS = (16, 32, 64, 128, 256)

# Lengths are in half pictures: the frame spans -1..1 with y pointing down.
# New factors go at the end, so that old seeds keep their faces.
_RANGES = (
    ("yaw", -0.09, 0.09), ("tilt", -0.13, 0.13), ("shift", -0.03, 0.03),
    ("head_width", 0.45, 0.53), ("head_height", 0.62, 0.69), ("jaw", 0.0, 0.22),
    ("skin", 0, 1), ("undertone", -1, 1), ("light_x", -0.8, 0.8), ("light_y", -0.75, -0.15),
    ("hair_tone", 0, 1), ("hair_length", -0.3, 1), ("hair_volume", 0.06, 0.14),
    ("fringe", 0, 1), ("parting", -1, 1), ("hair_wave", 0, 6.28),
    ("eye_size", 0.094, 0.114), ("eye_opening", 0.5, 0.64), ("eye_distance", 0.20, 0.235),
    ("eye_slant", -0.12, 0.06), ("iris", 0, 1),
    ("brow_thickness", 0.018, 0.034), ("brow_angle", -0.10, 0.14), ("brow_height", 0.13, 0.17),
    ("nose_length", 0.22, 0.28), ("nose_width", 0.062, 0.092),
    ("mouth_width", 0.15, 0.21), ("smile", 0.012, 0.09), ("lips", 0.026, 0.044),
    ("mouth_opening", -0.045, 0.05), ("cheeks", 0.1, 1), ("beard", -1.3, 1),
    ("shirt_hue", 0, 1), ("shirt_light", 0, 1), ("background_hue", 0, 1),
    ("background_light", 0, 1),
)

_EXAGGERATION = (
    ("head_width", 1.07, 0.01), ("jaw", 0.8, 0.14), ("fringe", 0.6, -0.1),
    ("hair_volume", 1.1, 0), ("eye_size", 1.66, 0), ("eye_opening", 0.8, 0.42),
    ("eye_distance", 1.08, 0), ("brow_thickness", 1.4, 0), ("brow_angle", 1.3, 0),
    ("brow_height", 1, 0.08), ("nose_length", 0.92, 0), ("smile", 1.2, 0.012),
)

_CHUNK = 16


def faces(seeds):
    """Return name -> float32 [N], the factors of the face of each of N integer seeds.

    A seed gives the same face in any batch. Lengths are in half pictures, angles in radians.
    """
    seeds = np.atleast_1d(np.asarray(seeds)).ravel()
    draws = [np.random.RandomState(int(seed)).rand(len(_RANGES)) for seed in seeds]
    draws = np.array(draws, np.float64).reshape(len(seeds), len(_RANGES))
    factors = {name: (low + (high - low) * draws[:, i]).astype(np.float32)
               for i, (name, low, high) in enumerate(_RANGES)}
    factors["hair_length"] = np.maximum(factors["hair_length"], 0)
    factors["mouth_opening"] = np.maximum(factors["mouth_opening"], 0)
    factors["mouth_opening"] *= np.minimum(factors["smile"] / 0.04, 1)
    factors["beard"] = np.clip(factors["beard"], 0, 1) * (1 - factors["hair_length"])
    # As in people, pale hair and eyes are rare on dark skin.
    dark = np.clip((factors["skin"] - 0.35) / 0.4, 0, 1)
    factors["hair_tone"] *= 1 - 0.72 * dark
    factors["iris"] *= 1 - 0.8 * dark
    return factors


def draw(seeds, style="photo", resolution=64, grain=0.0):
    """Draw the faces of N seeds as uint8 [N, resolution, resolution, 3] in one of STYLES.

    The resolution is one of RESOLUTIONS; `grain` (0..1) is the strength of seeded film
    grain, in photos only. Raises ValueError for any other style or resolution.
    """
    if style not in STYLES:
        raise ValueError("unknown style %r: expected one of %s" % (style, ", ".join(STYLES)))
    if resolution not in RESOLUTIONS:
        raise ValueError("resolution must be one of %s, not %r" % (RESOLUTIONS, resolution))
    seeds = np.atleast_1d(np.asarray(seeds)).ravel()
    pictures = np.empty((len(seeds), resolution, resolution, 3), np.uint8)
    step = max(1, _CHUNK * 64 ** 2 // resolution ** 2)
    for start in range(0, len(seeds), step):
        chunk = seeds[start:start + step]
        picture = _portrait(faces(chunk), style == "cartoon", resolution)
        if grain and style == "photo":
            picture += grain * _grain(chunk, resolution)
        picture = np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
        pictures[start:start + step] = picture.transpose(1, 2, 3, 0)
    return pictures


def _grain(seeds, resolution):
    # An offset seed keeps the grain independent of the factors.
    noise = [np.random.RandomState((int(seed) + 2 ** 31) % 2 ** 32).randn(resolution, resolution)
             for seed in seeds]
    return np.array(noise, np.float32)


def _exaggerate(factors):
    """Return the factors of the cartoon of each face."""
    cartoon = dict(factors)
    for name, scale, offset in _EXAGGERATION:
        cartoon[name] = factors[name] * scale + offset
    return cartoon


def _portrait(factors, cartoon, resolution):
    """Return the faces as float32 [3, N, R, R] in about 0..1."""
    factors = _exaggerate(factors) if cartoon else factors
    face = SimpleNamespace(**{name: value[:, None, None] for name, value in factors.items()})
    canvas = face_parts.Canvas(face, cartoon, resolution)
    for part in face_parts.IN_ORDER:
        part(canvas, face)
    return canvas.picture
