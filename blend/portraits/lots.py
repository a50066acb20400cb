"""Who a seed stands for: every field of a Person, drawn by lot."""

import numpy as np

from blend.errors import BlendError, brief, closest
from blend.portraits import mesh
from blend.portraits import person as parts

HAIR_COLOURS = {  # sRGB of 0..255
    "black": (30, 25, 23), "darkbrown": (52, 36, 27), "brown": (84, 55, 36), "lightbrown": (126, 90, 58),
    "darkblond": (160, 124, 82), "blond": (204, 168, 112), "platinum": (224, 204, 166), "auburn": (108, 47, 27),
    "red": (152, 80, 46), "grey": (140, 138, 135), "white": (210, 208, 204)}
EYE_COLOURS = {
    "darkbrown": (46, 27, 17), "brown": (80, 46, 24), "hazel": (112, 84, 42), "green": (84, 112, 74),
    "blue": (86, 126, 164), "grey": (122, 136, 144), "amber": (138, 88, 36)}
CLOTHES = ((28, 30, 36), (200, 198, 192), (120, 30, 34), (36, 58, 104), (52, 88, 66), (150, 126, 92), (84, 84, 90),
           (60, 40, 66), (190, 140, 60), (34, 90, 110), (170, 90, 100), (230, 226, 220), (110, 140, 170))

# Standard deviations of details by the longest name that fits; all are cut at 2.2 of them. Measured by eye on the mesh:
# beyond it heads become cones, and the crop moves. 0: never.
_DEVIATIONS = {
    "head-age": 0, "head-trans": 0, "neck-trans": 0, "nose-trans-in": 0, "mouth-trans-in": 0,
    "head-angle": 0.05, "chin-jaw-drop": 0.12, "neck-scale-vert": 0.1, "measure": 0.1, "mouth-trans": 0.12,
    "nose-trans": 0.15, "chin-prognathism": 0.12, "neck": 0.15, "eye-push": 0.15, "eyebrows-trans-b": 0.15, "head": 0.2,
    "eye-trans": 0.2, "eye-height": 0.22, "head-scale": 0.22, "head-back": 0.25, "eye": 0.25, "ear": 0.25,
    "forehead": 0.18, "nose-scale": 0.25, "mouth": 0.24, "chin": 0.25, "nose": 0.27, "cheek": 0.27, "eye-scale": 0.28,
    "eyebrows": 0.3}
_OPPOSITES = (("-decr", "-incr"), ("-down", "-up"), ("-in", "-out"), ("-backward", "-forward"),
              ("-concave", "-convex"), ("-compress", "-uncompress"))
_OUTLINES = ("head-oval", "head-round", "head-square", "head-rectangular", "head-triangular",
             "head-invertedtriangular", "head-diamond")


def person(seed):
    """The Person of a seed (0 to 4294967295); the same one for ever."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2 ** 32:
        raise BlendError("a person's seed is a whole number from 0 to 4294967295, not %s" % brief(seed))
    random = np.random.RandomState([7, int(seed)])
    male = random.rand() < 0.5
    age = _age(random)
    sex = random.beta(6, 1.1) if male else random.beta(1, 9)
    if age < 18:  # children differ less
        sex = 0.5 + 0.7 * (sex - 0.5)
    ancestry = parts.Ancestry(*_floats(random.dirichlet([0.38, 0.42, 0.6])))
    skin = _skin(random, ancestry, male, age)
    hair = _hair(random, ancestry, male, age)
    return parts.Person(
        int(seed), ancestry, _float(sex), age, _float(np.clip(random.normal(0.5, 0.2), 0.1, 0.95)),
        _shape(random), skin, hair, _eyes(random, ancestry), _brows(random, hair, male, age),
        _beard(random, male, age), _glasses(random, age), _clothes(random), _expression(random), _pose(random),
        parts.Gaze(*_floats(random.normal([0, -0.03], [0.05, 0.03])) + (_float(random.uniform(0.5, 0.95)),)),
        parts.Light(1 if random.rand() < 0.5 else -1, _float(random.uniform(-0.5, 0.5)), *_floats(random.rand(5))),
        parts.Camera(*_floats(random.rand(3))),
        parts.Background(_pick(random, parts.BACKGROUNDS, (0.25, 0.2, 0.25, 0.12, 0.18)), _seed(random)))


def _seed(random):
    return int(random.randint(2 ** 31 - 1))


def _float(number):
    return round(float(number), 5)  # JSON that a person can read


def _floats(numbers):
    return tuple(_float(number) for number in numbers)


def _pick(random, names, shares):
    shares = np.asarray(shares, float)
    return names[int(random.choice(len(names), p=shares / shares.sum()))]


def _rgb(colour):
    return _floats(np.asarray(colour) / 255.0)


def _age(random):
    low, high = [(12, 18), (18, 35), (35, 60), (60, 86)][int(random.choice(4, p=[0.13, 0.45, 0.27, 0.15]))]
    return _float(random.uniform(low, high))


def _deviation(name):
    return next((_DEVIATIONS[key] for key in sorted(_DEVIATIONS, key=len, reverse=True) if name.startswith(key)), 0.2)


def _shape(random):
    names = mesh.target_names()
    weights = {}
    for low in names:
        for ending, other in _OPPOSITES:
            high = low[:-len(ending)] + other
            if low.endswith(ending) and high in names and not low.startswith("fu-"):
                limit = _deviation(low)
                if limit:
                    amount = np.clip(random.normal(0, limit), -2.2 * limit, 2.2 * limit)
                    weights[high if amount > 0 else low] = abs(amount)
    first, second = random.choice(len(_OUTLINES), 2, replace=False)
    weights[_OUTLINES[first]], weights[_OUTLINES[second]] = random.uniform(0.1, 0.6), random.uniform(0, 0.3)
    for name in names:
        if name.startswith("asym"):
            weights[name] = abs(random.normal(0, 0.1))
    return tuple(sorted((name, _float(weight)) for name, weight in weights.items()))


def _skin(random, ancestry, male, age):
    tone = np.dot(ancestry, [6.0, 2.2, 0.9]) + random.normal(0, 0.7)
    tone = np.clip(tone, 0, 7)
    red, yellow = random.normal(0, 1, 2)
    freckles = max(0, random.normal(-0.3, 0.6)) if tone < 2.2 else 0
    makeup = 0 if male or age < 19 else max(0, random.normal(0.25, 0.35))
    return parts.Skin(_float(tone), _float(red), _float(yellow), _float(min(1, freckles)), _float(min(1, makeup)),
                _seed(random))


def _hair_colour(random, ancestry):
    names = ("black", "darkbrown", "brown", "lightbrown", "darkblond", "blond", "platinum", "auburn", "red")
    light = np.array([0.03, 0.13, 0.21, 0.18, 0.15, 0.13, 0.04, 0.07, 0.06])
    asian = np.array([0.45, 0.33, 0.13, 0.03, 0.01, 0.01, 0.0, 0.04, 0.0])
    african = np.array([0.52, 0.32, 0.09, 0.02, 0.01, 0.01, 0.0, 0.03, 0.0])
    # Dark hair is dominant: shares of ancestry do not average to light hair.
    dark = min(1.0, 1.5 * (ancestry.african + ancestry.asian))
    shares = light * (1 - dark) + dark * (asian * (ancestry.asian + 1e-3) + african * (ancestry.african + 1e-3)) / (
        ancestry.asian + ancestry.african + 2e-3)
    return _pick(random, names, shares)


def _hair(random, ancestry, male, age):
    name = _hair_colour(random, ancestry)
    colour = np.asarray(HAIR_COLOURS[name]) / 255.0 * random.uniform(0.92, 1.12)
    grey = np.clip((age - 48) / 30 + random.normal(0, 0.22), 0, 1) if age > 38 else 0
    parting = random.uniform(0.12, 0.4) * (1 if random.rand() < 0.5 else -1) / 0.4
    if random.rand() < 0.35:
        parting = 0.0
    return parts.Hair(_hair_style(random, ancestry, male, age), _floats(np.clip(colour, 0, 1)), _float(grey),
                _float(random.rand()), _float(random.rand()), _float(random.uniform(-0.5, 0.5)), _float(parting),
                _float(random.rand()), _seed(random))


def _hair_style(random, ancestry, male, age):
    african = ancestry.african
    if male:
        shares = {"buzz": 0.1, "crop": 0.22, "sidepart": 0.2, "slick": 0.11, "quiff": 0.13, "curly": 0.05,
                  "afro": 0.02 + 0.06 * african, "midlong": 0.04, "longwavy": 0.02,
                  "receding": 0.04 + 0.22 * (age > 50), "bald": 0.03 + 0.06 * (age > 35)}
        if age < 28:
            shares["receding"] = shares["bald"] = 0
    else:
        shares = {"bob": 0.17, "long": 0.13, "longwavy": 0.13, "curly": 0.05, "afro": 0.02 + 0.06 * african,
                  "bun": 0.11, "fringe": 0.12, "midlong": 0.12, "crop": 0.03 + 0.1 * (age > 60), "sidepart": 0.02,
                  "pony": 0.1}
    if african > 0.6:
        for name, factor in (("afro", 2.0), ("curly", 2.0), ("buzz", 2.2), ("bun", 1.8), ("sidepart", 0.5),
                             ("quiff", 0.4), ("slick", 0.4)):
            if name in shares:
                shares[name] *= factor
    names = sorted(shares)
    return _pick(random, names, [shares[name] for name in names])


def _eyes(random, ancestry):
    if random.rand() < 0.95 * min(1.0, 1.5 * (ancestry.african + ancestry.asian)):
        name = _pick(random, ("brown", "darkbrown"), (0.55, 0.45))
    else:
        name = _pick(random, ("brown", "hazel", "green", "blue", "grey", "amber"), (0.27, 0.16, 0.15, 0.28, 0.1, 0.04))
    return _floats(np.clip(np.asarray(EYE_COLOURS[name]) / 255.0 * random.uniform(0.92, 1.08), 0, 1))


def _brows(random, hair, male, age):
    thickness = np.clip(random.normal(0.92 if male else 0.66, 0.14) - 0.004 * max(0, age - 40), 0.42, 1.25)
    colour = np.asarray(hair.colour)
    darker = 0.8 if colour.mean() < 0.4 else 0.62
    grey = 0.55 * hair.grey
    return parts.Brows(_float(thickness), _floats(colour * darker * (1 - grey) + grey * 0.5))


def _beard(random, male, age):
    style, stubble = random.rand(), random.rand()
    length = random.uniform(0.03, 0.07) if style < 0.82 else random.uniform(0.1, 0.22)
    alone = random.rand() < 0.08
    if not male or age < 20:
        return parts.Beard(0.0, 0.0, 0.0)
    if style < 0.58:
        return parts.Beard(0.0, _float(0.5 * stubble), 0.09 if alone else 0.0)
    return parts.Beard(_float(length), 0.7 if style < 0.82 else 0.9, _float(0.8 * length))


def _glasses(random, age):
    wears = random.rand() < 0.1 + 0.12 * (age > 55)
    height, square, thick, shade = random.rand(4)
    colours = ((14, 14, 16), (70, 38, 18), (110, 104, 96), (88, 14, 18))
    glasses = parts.Glasses(_float(height), _float(square), _float(thick), _rgb(colours[int(shade * 4)]))
    return glasses if wears else None


def _clothes(random):
    colour = np.clip(np.asarray(CLOTHES[random.randint(len(CLOTHES))]) * random.uniform(0.85, 1.05), 0, 255)
    neckline = _pick(random, parts.NECKLINES, (0.4, 0.2, 0.15, 0.25))
    return parts.Clothes(_rgb(colour), neckline, bool(random.rand() < 0.14))


def _pose(random):
    """Yaw about N(0, 9), cut at 25 degrees: what small networks learn well."""
    yaw, pitch, roll = random.normal(0, 9), random.normal(1, 4), random.normal(0, 2.5)
    return parts.Pose(_float(np.clip(yaw, -25, 25)), _float(np.clip(pitch, -10, 10)), _float(np.clip(roll, -7, 7)))


def expression(name, seed=0):
    """Weights of an expression of parts.EXPRESSIONS; the seed says how strong, and how even left and right are.

    >>> dict(expression("neutral"))
    {}
    """
    if name not in parts.EXPRESSIONS:
        near = closest(name, parts.EXPRESSIONS)
        raise BlendError("expressions are %s, not %s%s" % (", ".join(parts.EXPRESSIONS), brief(name),
                                                          "; did you mean %s?" % near if near else ""))
    return _weights(_UNITS[name](np.random.RandomState([11, seed])), np.random.RandomState([12, seed]))


def _weights(units, random):
    """{unit: weight}, with both sides of a unit where its name ends in '*', which differ by up to 8 %."""
    weights = []
    for name, weight in sorted(units.items()):
        sides = [name[:-1] + "Left", name[:-1] + "Right"] if name.endswith("*") else [name]
        weights += [(side, _float(max(0, weight * (1 + random.uniform(-0.08, 0.08))))) for side in sides]
    return tuple(weights)


def _smile(random):
    return {"mouthSmile*": random.uniform(0.25, 0.6), "cheekSquint*": random.uniform(0, 0.4)}


def _laugh(random):
    return {"mouthSmile*": random.uniform(0.7, 1.0), "mouthUpperUp*": random.uniform(0.45, 0.8),
            "mouthLowerDown*": random.uniform(0.25, 0.5), "jawOpen": random.uniform(0.06, 0.18),
            "mouthDimple*": random.uniform(0, 0.4), "cheekSquint*": random.uniform(0.3, 0.7),
            "eyeSquint*": random.uniform(0, 0.3)}


def _open(random):
    return {"jawOpen": random.uniform(0.15, 0.4), "mouthSmile*": random.uniform(0.1, 0.5),
            "eyeWide*": random.uniform(0, 0.5), "mouthUpperUp*": random.uniform(0.1, 0.35)}


def _frown(random):
    return {"mouthFrown*": random.uniform(0.2, 0.6), "browDown*": random.uniform(0.1, 0.6)}


_UNITS = {"neutral": lambda random: {}, "smile": _smile, "laugh": _laugh, "open": _open, "frown": _frown,
          "pucker": lambda random: {"mouthPucker": random.uniform(0.1, 0.25)},
          "blink": lambda random: {"eyeBlink*": 1.0}}


def _expression(random):
    name = _pick(random, parts.EXPRESSIONS[:-1], (0.2, 0.32, 0.34, 0.06, 0.06, 0.02))
    units = _UNITS[name](random)
    if random.rand() < 0.25:
        units["browInnerUp"] = random.uniform(0.1, 0.5)
    if random.rand() < 0.25:
        units["browOuterUp*"] = random.uniform(0.1, 0.6)
    units["eyeBlink*"] = 1.0 if random.rand() < 0.03 else np.clip(random.normal(0, 0.05), 0, 0.15)
    return _weights(units, random)
