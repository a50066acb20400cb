"""Eyeballs: white, iris and pupil by angles to the gaze, the lid's shadow, the cornea's highlight; teeth and tongue."""

import numpy as np

from blend.portraits import noise
from blend.portraits.maths import FLOAT, dot, length, mix, smoothstep, to_linear, unit

_UP = np.array([0, 1, 0], FLOAT)
_CAMERA_GAZE = np.array([0, 0, 1], FLOAT)
_TEETH, _TONGUE = to_linear(np.array([0.97, 0.94, 0.87])), to_linear(np.array([0.66, 0.30, 0.29]))


def gaze(person, centre, turned, camera, look, side):
    """Unit vector that an eye looks along. side: 1 the figure's left eye, -1 its right. turned: the head's rotation."""
    contact = person.gaze.contact * look.contact
    ahead = unit(camera - centre) * contact + turned.dot(_CAMERA_GAZE) * (1 - contact)
    ahead = ahead + 0.7 * np.array([person.gaze.across, person.gaze.up, 0], FLOAT)
    # Towards the camera alone, both eyes would turn inwards.
    return unit(ahead + turned.dot(np.array([side * look.outwards, 0, 0], FLOAT))).astype(FLOAT)


def shade(person, surface, centre, radius, ahead, lights, shadows, style, pixels_per_dm, number):
    """Linear colours [P,3] of one eyeball. ahead: its gaze."""
    look = style.eyes
    half = np.radians(look.iris)
    normals = unit(surface.points - centre)
    across = unit(np.cross(_UP, ahead))
    x, y = normals.dot(across), normals.dot(np.cross(ahead, across))
    angle = np.arccos(np.clip(normals.dot(ahead), -1, 1)) / half  # 1 at the iris's edge
    pixel = 1 / (np.sin(half) * radius * pixels_per_dm)
    towards = lights.key - ahead * lights.key.dot(ahead)
    opposite = -(x * towards.dot(across) + y * towards.dot(np.cross(ahead, across))) / np.sin(half)
    iris = _iris(person, angle, np.arctan2(y, x), opposite, pixel, look, number)
    red = smoothstep(1.6, 2.6, angle) * np.abs(x) * (0.5 if style.soft else 1.2)
    # What is lit for dark skin would make eyes glow.
    white = np.array(look.white, FLOAT) / max(1, lights.adaptation) ** 0.6
    white = white * (1 - red[:, None] * np.array([0.08, 0.32, 0.30], FLOAT))
    edge = 0.9 * min(pixel, 0.5)
    colours = mix(white, iris, smoothstep(1 + edge, 1 - edge, angle))
    lid = _lid_shadow(y, look)
    lit = 0.5 + 0.5 * shadows.lit(surface.points + 0.05 * normals, shadows.skin, 0.06, 3.0, 0.08)
    facing = np.clip((normals.dot(lights.key) + 0.45) / 1.45, 0, 1) * lit
    colours = colours * (0.8 * lights.key_colour * facing[:, None] + 0.75 * lights.sky)
    colours = colours * (np.clip(lid, 0.15, 1) * (0.55 + 0.45 * surface.occlusion))[:, None]
    return colours + _reflections(surface, normals, ahead, angle, lid, lights, look, style)


def _iris(person, angle, around, opposite, pixel, look, number):
    """Fibres, a dark ring, a warmer middle; brighter away from the light, which the cornea throws there."""
    tiles = noise.noises()
    fibres = noise.at(tiles.fine, around / (2 * np.pi) * 0.5 + 0.5 + 0.11 * number, angle * 0.05)
    broad = noise.at(tiles.spots, around / (2 * np.pi) * 0.35 + 0.2, angle * 0.03)
    colour = to_linear(np.array(person.eyes))
    colour = colour * min(1, 0.2 / colour.max()) * look.colour
    shade_ = (0.75 + 0.24 * fibres + 0.16 * broad) * (0.65 + 0.65 * smoothstep(0.95, 0.35, angle))
    iris = np.clip(colour * shade_[:, None] + (0.35 * smoothstep(0.62, 0.36, angle))[:, None] * colour * np.array(
        [1.4, 1.0, 0.5], FLOAT), 0, 3)
    iris = iris * (0.55 + 0.75 * np.clip(1.1 * opposite + 0.35, 0, 1.4))[:, None]
    iris = iris * (1 - 0.85 * smoothstep(0.78, 1.02, angle))[:, None]
    soft = min(pixel, 0.35) * 0.7
    return iris * smoothstep(look.pupil - soft, look.pupil + soft + 0.03, angle)[:, None] + 0.006


def _lid_shadow(y, look):
    """[P] below 1 under the upper lid, and a little above the lower."""
    top, bottom = np.percentile(y, 99), np.percentile(y, 1)
    tall = max(top - bottom, 1e-3)
    upper = look.lid_shadow * smoothstep(top - 0.42 * tall, top + 0.02, y)
    return 1 - upper - 0.18 * smoothstep(bottom + 0.2 * tall, bottom, y)


def _reflections(surface, normals, ahead, angle, lid, lights, look, style):
    # The cornea is steeper than the eyeball: flatter, the whole iris would turn white.
    beside = normals - ahead * normals.dot(ahead)[:, None]
    cornea = unit(normals + beside * (0.55 * smoothstep(1.15, 0.6, angle))[:, None])
    if style.soft:
        window = unit(np.array([lights.side * 0.42, 0.42, 1], FLOAT))
    else:  # pulled towards the camera, or few eyes would have one
        window = unit(0.75 * lights.key + np.array([0, 0.15, 0.6], FLOAT))
    bright = smoothstep(look.highlight[0], look.highlight[1], dot(cornea, unit(window + surface.views)))
    strength = 0.6 * look.highlight_strength * np.clip(1.3 * lid, 0, 1)
    colours = (bright * strength)[:, None] * lights.key_colour
    if look.second:
        other = unit(window * np.array([-1, -0.8, 1], FLOAT) + surface.views)
        colours = colours + (look.second * smoothstep(0.985, 0.993, dot(cornea, other)))[:, None]
    mirrored = 2 * dot(cornea, surface.views) * cornea[:, 1] - surface.views[:, 1]
    return colours + (0.05 * smoothstep(-0.1, 0.7, mirrored) * np.clip(lid, 0, 1))[:, None] * lights.sky


def shade_mouth(surface, is_teeth, lights, shadows, style):
    """Linear colours [P,3] of teeth, or of the tongue."""
    facing = np.clip((surface.normals.dot(lights.key) + 0.5) / 1.5, 0, 1)
    depth = smoothstep(0.85, 1.20, surface.places[:, 2]) * (0.7 + 0.3 * surface.occlusion)
    colour = (_TEETH if is_teeth else 0.6 * _TONGUE) * (1.12 if style.soft else 1)
    if is_teeth and not style.soft:
        gap = np.abs((np.abs(surface.places[:, 0]) / 0.062) % 1)
        depth = depth * (1 - 0.2 * np.exp(-np.minimum(gap, 1 - gap) ** 2 / 0.01))
    lit = 0.6 + 0.4 * shadows.lit(surface.points, shadows.skin, 0.10, 3.0, 0.12)
    around = 0.85 * lights.sky.mean() + 0.15
    colours = colour * (0.8 * lights.key_colour * (facing * lit)[:, None] + around) * depth[:, None]
    half = np.clip(dot(surface.normals, unit(lights.key + surface.views)), 0, 1)
    return colours + (0.12 * half ** 40 * depth)[:, None] * lights.key_colour


def radius(points, centre):
    """Mean distance of an eyeball's points from its centre."""
    return float(length(points - centre).mean())
