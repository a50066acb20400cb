"""Light and shadow: a key light, sky and ground, a rim from behind; a shadow map, and occlusion by what is near."""

from typing import NamedTuple

import numpy as np

from blend.portraits import mesh, raster
from blend.portraits.maths import FLOAT, blur, direction, smoothstep, unit

_MAP_WIDTH = 4.0                                   # dm that the shadow map covers
_MAP_CENTRE = np.array([0, 6.95, 0.5], FLOAT)
_TAPS = ((0, 0), (0.9, 0.4), (-0.9, -0.4), (-0.4, 0.9), (0.4, -0.9))
_MIDDLE_ALBEDO, _ADAPTATION = 0.30, 0.47           # dark and light skins are exposed for: a photographer's choice


class Lights(NamedTuple):
    """Directions are unit vectors towards the light; colours are linear."""
    key: np.ndarray
    key_colour: np.ndarray
    sky: np.ndarray
    ground: np.ndarray
    rim: np.ndarray
    rim_colour: np.ndarray
    side: int
    adaptation: float   # how much more light dark skin got

    def ambient(self, normals, frontal, least):
        """Light [N,3] of sky and ground; what turns away from the camera gets less, down to `least` - frontal / 2."""
        up = 0.5 + 0.5 * normals[:, 1:2]
        ahead = least + frontal * (0.5 * np.clip(normals[:, 2:3], -1, 1))
        return (self.ground * (1 - up) + self.sky * up) * ahead


def _between(ends, share):
    return ends[0] + (ends[1] - ends[0]) * share


def lights(person, look, albedo):
    """The Lights of a person in a style; `albedo`: how light their skin is, which the photographer measures."""
    light = person.light
    adapted = (_MIDDLE_ALBEDO / max(0.05, albedo)) ** _ADAPTATION
    azimuth = light.side * _between(look.azimuth, light.azimuth ** 1.2)
    warm = light.warmth
    key = adapted * _between(look.key, light.key) * np.array([1 + 0.14 * warm, 1, 1 - 0.22 * warm], FLOAT)
    strength = adapted * _between(look.sky, light.sky)
    sky = strength * np.array([1 - 0.10 * warm, 1, 1 + 0.16 * warm], FLOAT)
    ground = 0.55 * strength * np.array([1.0, 0.86, 0.74], FLOAT)
    rim = max(0, _between(look.rim, light.rim)) * np.array(look.rim_colour, FLOAT)
    return Lights(direction(azimuth, _between(look.elevation, light.elevation)), key.astype(FLOAT), sky.astype(FLOAT),
                  ground.astype(FLOAT), direction(-light.side * 147, 35), rim, light.side, float(adapted))


class ShadowMap(object):
    """Depths seen from the key light, of the head alone and of the head with its hair."""

    def __init__(self, points, hairs, lights_, size):
        """points: the posed mesh [V,3]; hairs: points [N,3] of strands; size: pixels across."""
        self._size = size
        across = unit(np.cross(np.array([0, 1, 0], FLOAT), lights_.key))
        self._axes = np.stack([across, np.cross(lights_.key, across), lights_.key], 1).astype(FLOAT)
        head = mesh.head()
        skin = head.triangles[head.part[head.triangles[:, 0]] == mesh.SKIN]
        _, depth = raster.triangles(self._project(points), skin, size, size)
        self.skin = np.where(np.isinf(depth), FLOAT(9), depth)
        self.hair = self._with_hair(hairs)
        square = np.pad(self.hair.reshape(size, size), 1, mode="edge")
        # The nearest of the neighbours: single strands would speckle cheeks.
        self.closed = np.minimum.reduce([square[1:-1, 1:-1], square[:-2, 1:-1], square[2:, 1:-1], square[1:-1, :-2],
                                         square[1:-1, 2:]]).reshape(-1)

    def _project(self, points):
        seen = (points - _MAP_CENTRE).dot(self._axes)
        scale = self._size / _MAP_WIDTH
        return np.stack([seen[:, 0] * scale + self._size / 2, self._size / 2 - seen[:, 1] * scale, -seen[:, 2]],
                        1).astype(FLOAT)

    def _with_hair(self, hairs):
        depth = self.skin.copy()
        if len(hairs):
            seen = self._project(hairs)
            column, row = seen[:, 0].astype(np.int32), seen[:, 1].astype(np.int32)
            inside = (column >= 0) & (column < self._size) & (row >= 0) & (row < self._size)
            np.minimum.at(depth, (row * self._size + column)[inside], seen[inside, 2])
        return depth

    def lit(self, points, depths, bias, reach, softness):
        """[N]: 1 in the light to 0 in deep shadow. depths: one of the maps. reach: of the five looks, of 256 pixels."""
        seen = self._project(points)
        reach = reach * self._size / 256
        total = np.zeros(len(points), FLOAT)
        for right, down in _TAPS:
            column = np.clip((seen[:, 0] + right * reach).astype(np.int32), 0, self._size - 1)
            row = np.clip((seen[:, 1] + down * reach).astype(np.int32), 0, self._size - 1)
            behind = seen[:, 2] - depths[row * self._size + column] - bias
            total += np.exp(-np.maximum(behind, 0) / softness)
        return total / len(_TAPS)


def occlusion(depth, size, pixels_per_dm, far):
    """[size * size]: 1 where a pixel lies free, less where what is around it is nearer, at two radii."""
    depth = np.where(np.isinf(depth), FLOAT(far), depth).reshape(size, size)
    hidden = np.zeros((size, size), FLOAT)
    for radius in (0.05, 0.16):
        around = int(max(1, radius * pixels_per_dm))
        mean = blur(blur(depth, around), around)
        hidden += 0.5 * np.clip((depth - mean) / radius, 0, 1)
    return (1 - np.clip(hidden, 0, 1)).reshape(-1)


def spread_on_skin(values, pixels, size, radius):
    """Values [P] of pixels, blurred over these pixels only."""
    image = np.zeros((size * size, 2), FLOAT)
    image[pixels, 0], image[pixels, 1] = values, 1
    image = blur(blur(image.reshape(size, size, 2), radius), radius).reshape(-1, 2)[pixels]
    return image[:, 0] / np.maximum(image[:, 1], 1e-3)


def rim_of(normals, lights_, edge):
    """[N]: how much of the light from behind reaches round."""
    return smoothstep(-0.25, 1.0, normals.dot(lights_.rim)) * edge
