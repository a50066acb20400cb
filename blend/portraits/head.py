"""A person's head: the mesh with all targets added, in natural or in toon proportions, posed for the camera."""

from typing import NamedTuple

import numpy as np

from blend.portraits import mesh
from blend.portraits.maths import FLOAT, length, rotation, smoothstep

NATURAL, TOON = "natural", "toon"
_PIVOT = np.array([0, 6.25, 0.35], FLOAT)  # of the head on the neck
# The ages, in years, that the macro targets stand for, and MakeHuman's names of them.
_AGES = (("child", 12.0), ("young", 25.0), ("old", 90.0))

# Added for everyone: the average mesh looks sleepy, square-jawed, and pouts.
_EVERYONE = {"eye-height1-incr": 0.2, "eye-height2-incr": 0.35, "eye-height3-incr": 0.2, "eye-scale-incr": 0.15,
             "mouth-trans-backward": 0.2, "mouth-angles-up": 0.4, "fu-browInnerUp": 0.18,
             "mouth-upperlip-volume-decr": 0.25, "mouth-lowerlip-volume-decr": 0.25,
             "mouth-upperlip-height-decr": 0.15, "mouth-lowerlip-height-decr": 0.2, "head-invertedtriangular": 0.15,
             "chin-width-decr": 0.15, "eyebrows-trans-down": 0.15}
# Added for women, times (1 - sex): the macro targets alone leave many faces masculine.
_FEMALE = {"chin-width-decr": 0.5, "eye-scale-incr": 0.4, "mouth-lowerlip-volume-incr": 0.2, "cheek-bones-incr": 0.15,
           "mouth-upperlip-volume-incr": 0.2, "head-oval": 0.25, "head-invertedtriangular": 0.15,
           "nose-scale-horiz-decr": 0.3, "chin-bones-decr": 0.4,
           "neck-scale-horiz-decr": 0.3, "nose-volume-decr": 0.2, "eyebrows-trans-up": 0.2,
           "chin-height-decr": 0.25, "forehead-nubian-decr": 0.1, "neck-scale-depth-decr": 0.15,
           "nose-scale-vert-decr": 0.2, "nose-scale-depth-decr": 0.2, "nose-hump-decr": 0.15, "nose-point-up": 0.15}
# Added for children, times their youth: large eyes and cheeks, small nose and jaw.
_YOUNG = {"eye-scale-incr": 0.55, "nose-scale-vert-decr": 0.35, "nose-scale-horiz-decr": 0.2, "nose-hump-decr": 0.3,
          "nose-point-up": 0.25, "nose-volume-decr": 0.3, "chin-width-decr": 0.15, "chin-height-decr": 0.45,
          "chin-bones-decr": 0.35, "cheek-volume-incr": 0.45, "head-round": 0.3, "head-age-decr": 0.35,
          "mouth-scale-horiz-decr": 0.2, "chin-jaw-drop-decr": 0.2, "forehead-nubian-incr": 0.12,
          "neck-scale-horiz-decr": 0.45, "neck-scale-depth-decr": 0.3, "cheek-bones-decr": 0.25, "eye-bag-decr": 0.4}
# Added for the old, times their years beyond 50 over 40.
_OLD = {"head-age-incr": 0.45, "eye-bag-incr": 0.35, "mouth-laugh-lines-in": 0.3, "ear-scale-incr": 0.2,
        "neck-double-incr": 0.15, "mouth-upperlip-volume-decr": 0.2}
_TOON = {"eyebrows-trans-up": 0.45, "eye-height1-incr": 0.4, "eye-height2-incr": 0.5, "eye-height3-incr": 0.4,
         "fu-mouthSmileLeft": 0.16, "fu-mouthSmileRight": 0.16, "head-round": 0.35, "head-fat-incr": 0.05,
         "cheek-volume-incr": 0.15, "mouth-upperlip-volume-incr": 0.3, "mouth-upperlip-height-incr": 0.35,
         "mouth-lowerlip-height-incr": 0.25, "chin-width-decr": 0.35, "nose-hump-decr": 0.4, "nose-point-up": 0.4,
         "nose-point-width-incr": 0.3, "nose-scale-vert-decr": 0.4, "nose-curve-concave": 0.25, "head-age-decr": 0.2,
         "mouth-scale-horiz-incr": 0.12, "eye-bag-decr": 0.5, "mouth-trans-backward": 0.25,
         "mouth-philtrum-volume-decr": 0.3, "chin-prominent-incr": 0.25}
_TOON_DETAILS = 0.75  # of the details are kept, and half of that of noses and asymmetry


class Head(NamedTuple):
    """Units dm, as the mesh."""
    points: np.ndarray   # [V,3]
    eyes: np.ndarray     # [2,3] centres of the eyeballs, the figure's left first
    mouth: np.ndarray    # [3] its middle when the face is at rest


class Pose(NamedTuple):
    """How a person holds head and shoulders."""
    head: np.ndarray     # [3,3]
    body: np.ndarray     # [3,3]
    low: float           # heights between which the neck turns
    high: float

    def apply(self, points):
        """Points [...,3] turned about the neck."""
        ways = points - _PIVOT
        share = smoothstep(self.low, self.high, points[..., 1])[..., None].astype(FLOAT)
        body = ways.dot(self.body.T)
        return (body + (ways.dot(self.head.T) - body) * share + _PIVOT).astype(FLOAT)


def youth(age):
    """1 at 12 years to 0 from 20 on."""
    return float(np.clip((20 - age) / 8.0, 0, 1))


def macro_weights(person):
    """{target: weight} of ancestry, sex, age and weight: products of shares, which add up to 1."""
    ages = np.clip([np.interp(person.age, [years for _, years in _AGES], row) for row in np.eye(3)], 0, 1)
    heavy = {"minweight": max(0, 1 - 2 * person.weight), "maxweight": max(0, 2 * person.weight - 1)}
    weights = {}
    for sex, sex_share in (("male", person.sex), ("female", 1 - person.sex)):
        for (name, _), age_share in zip(_AGES, ages):
            share = sex_share * age_share
            for ancestry, part in zip(person.ancestry._fields, person.ancestry):
                weights["%s-%s-%s" % (ancestry, sex, name)] = share * part
            weights.update({"u-%s-%s-%s" % (sex, name, which): share * part for which, part in heavy.items()})
    return weights


def detail_weights(person, proportions):
    """{target: weight} of the shape's details, and of what women, children and toons have."""
    weights = {}
    scale = _TOON_DETAILS if proportions == TOON else 1.0
    for name, weight in person.shape:
        halved = proportions == TOON and name.startswith(("nose", "asym"))
        weights[name] = weight * scale * (0.5 if halved else 1)
    extras = [(_FEMALE, 1 - person.sex), (_YOUNG, youth(person.age)), (_OLD, max(0, person.age - 50) / 40),
              (_EVERYONE, 1.0),
              ({"eye-epicanthus-in": 0.3}, person.ancestry.asian)]
    if proportions == TOON:
        extras.append((_TOON, 1.0))
    for table, amount in extras:
        for name, weight in table.items():
            weights[name] = weights.get(name, 0) + weight * amount
    return weights


def expression_weights(person, proportions):
    """{target: weight} of the expression."""
    weights = {"fu-" + name: weight for name, weight in person.expression}
    if proportions == TOON:  # smiles are wide enough there
        weights = {name: weight * (0.8 if "Smile" in name else 1) for name, weight in weights.items()}
    return weights


def build(person, proportions):
    """The Head of a person, before the pose."""
    rest = mesh.add_targets(mesh.head().base, macro_weights(person))
    rest = mesh.add_targets(rest, detail_weights(person, proportions))
    # The macro targets move the whole body: the eyes come back to their place.
    shift = mesh.EYES - eye_centres(rest).mean(0)
    rest = rest + np.array([0, shift[1], shift[2]], FLOAT)
    points = _proportioned(mesh.add_targets(rest, expression_weights(person, proportions)), person, proportions)
    rest = _proportioned(rest, person, proportions)
    return Head(points.astype(FLOAT), eye_centres(points).astype(FLOAT),
                rest[mesh.head().lips > 0.8].mean(0).astype(FLOAT))


def _proportioned(points, person, proportions):
    if youth(person.age):
        points = _childlike(points, youth(person.age))
    if proportions == TOON:
        points = _round_head(_large_eyes(_small_nose(points)))
    return points


def eye_centres(points):
    """[2,3] of the figure's left and right eye."""
    part = mesh.head().part
    return np.stack([points[part == mesh.LEFT_EYE].mean(0), points[part == mesh.RIGHT_EYE].mean(0)])


def _childlike(points, amount):
    """A larger skull over a shorter, narrower lower face."""
    x, y, z = points.T
    eye = mesh.EYES[1]
    low = smoothstep(eye - 0.25, eye - 1.05, y)
    neck = smoothstep(eye - 1.2, eye - 1.6, y)
    x = x * (1 - amount * (0.05 * low + 0.14 * neck))
    z = 0.3 + (z - 0.3) * (1 - 0.14 * amount * neck)
    y = np.where(y < eye, eye + (y - eye) * (1 - 0.06 * amount), y) + 0.18 * amount * neck
    return np.stack([x, y, z], 1)


def _front(points):
    """1 for the face's front without the eyes' inner parts, 0 behind: what the toon's warps move."""
    return smoothstep(0.45, 0.8, mesh.head().base[:, 2])


def _small_nose(points):
    part, front = mesh.head().part, _front(points)
    eye = eye_centres(points)[:, 1].mean()
    outer = (part != mesh.TEETH) & (part != mesh.TONGUE)
    ways = points - np.array([0, eye - 0.28, 1.40], FLOAT)
    near = 1 - smoothstep(0.10, 0.29, length(ways / np.array([1, 1, 1.3], FLOAT)))
    points = points + ways * np.array([-0.10, -0.18, -0.16], FLOAT) * (near * front * outer)[:, None]
    ways = points - np.array([0, eye - 0.63, 1.35], FLOAT)
    near = 1 - smoothstep(0.10, 0.42, length(ways / np.array([1.3, 0.8, 1.3], FLOAT)))
    return points + ways * np.array([0.12, 0.05, 0], FLOAT) * (near * front)[:, None]


def _large_eyes(points):
    """Both displacements are of the points before: one eye after the other, or z as much as x and y, makes goggles."""
    part, base, front = mesh.head().part, mesh.head().base, _front(points)
    eyeball = (part == mesh.LEFT_EYE) | (part == mesh.RIGHT_EYE)
    displacement = np.zeros_like(points)
    for centre in eye_centres(points):
        side = np.sign(centre[0])
        ways = points - centre
        scale = np.stack([np.full(len(ways), 1.1), np.where(ways[:, 1] < 0, 0.84, 1.1), np.full(len(ways), 1.7)], 1)
        near = 1 - smoothstep(0.11, 0.74, length(ways / scale))
        near = near * np.where(eyeball, side == np.sign(base[:, 0]), front)
        displacement += ways * np.array([0.44, 0.52, 0.10]) * near[:, None]
        displacement[:, 0] += side * 0.045 * near
    return points + displacement


def _round_head(points):
    """A wider, rounder skull; a shorter and narrower lower face; a thin neck and small shoulders."""
    x, y, z = points.T
    eye = eye_centres(points)[:, 1].mean()
    up = smoothstep(eye - 0.2, eye + 0.9, y)
    low = smoothstep(eye - 0.30, eye - 1.05, y) * smoothstep(eye - 1.5, eye - 1.2, y)
    x = x * (1 + 0.09 * up) * (1 - 0.15 * low)
    z = 0.45 + (z - 0.45) * (1 + 0.07 * up)
    y = np.where(y > eye, eye + (y - eye) * 1.05, y)
    y = np.where(y < eye - 0.2, eye - 0.2 + (y - eye + 0.2) * 0.92, y)
    body = smoothstep(eye - 0.95, eye - 1.4, y)
    return np.stack([x * (1 - 0.25 * body), y, 0.2 + (z - 0.2) * (1 - 0.25 * body)], 1)


def pose(person, proportions):
    """The Pose of a person: the shoulders turn a third of the way."""
    yaw, pitch, roll = person.pose
    low, high = (5.75, 6.35) if proportions == TOON else (5.55, 6.30)
    return Pose(rotation(yaw, pitch, roll), rotation(0.35 * yaw, 0.1 * pitch, 0), low, high)
