"""Persons as JSON, and the ranges that their fields have."""

import json
import math
from typing import Optional

from blend.errors import BlendError, brief, closest
from blend.portraits import mesh
from blend.portraits.person import BACKGROUNDS, HAIR_STYLES, NECKLINES, Colour, Glasses, Person, Weights


def dump(someone):
    """A Person as one line of JSON."""
    return json.dumps(_plain(someone))


def _plain(value):
    if hasattr(value, "_fields"):
        return {name: _plain(getattr(value, name)) for name in value._fields}
    if type(value) is tuple and value and type(value[0]) is tuple:
        return dict(value)
    return list(value) if type(value) is tuple else value


def parse(text):
    """The Person of dump's JSON. BlendError: it is not one."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BlendError("a person is one JSON object, as blend.portraits.people.dump writes it; this is none")
    return checked(_typed(Person, value, "a person"))


def _typed(wanted, value, place):
    """JSON's value as the type that a field has."""
    if wanted == Optional[Glasses]:
        return None if value is None else _typed(Glasses, value, place)
    if hasattr(wanted, "_fields"):
        if type(value) is not dict or set(value) != set(wanted._fields):
            raise BlendError("%s should be a JSON object of %s" % (place, ", ".join(wanted._fields)))
        return wanted(*[_typed(wanted.__annotations__[name], value[name], name) for name in wanted._fields])
    if wanted == Weights:
        if value == []:
            return ()
        if type(value) is not dict:
            raise BlendError("%s should be a JSON object of names and numbers, is %s" % (place, brief(value)))
        return tuple((name, _typed(float, value[name], place)) for name in value)
    if wanted == Colour:
        if type(value) is not list or len(value) != 3:
            raise BlendError("%s should be three numbers from 0 to 1, is %s" % (place, brief(value)))
        return tuple(_typed(float, number, place) for number in value)
    if wanted is float and type(value) in (int, float):
        return float(value) if abs(value) < 2 ** 63 else math.inf
    if type(value) is not wanted:
        raise BlendError("%s should be a %s, is %s" % (place, wanted.__name__, brief(value)))
    return value


_RANGES = {"age": (12, 90), "sex": (0, 1), "weight": (0, 1), "tone": (0, 7), "yaw": (-60, 60), "pitch": (-30, 30),
           "roll": (-30, 30), "length": (0, 1), "thickness": (0, 2), "hairline": (-1, 1), "parting": (-1, 1),
           "seed": (0, 2 ** 32 - 1), "texture": (0, 2 ** 32 - 1), "strands": (0, 2 ** 32 - 1), "side": (-1, 1),
           "across": (-0.6, 0.6), "up": (-0.4, 0.4), "red": (-4, 4), "yellow": (-4, 4), "warmth": (-0.5, 0.5)}
_CHOICES = {"style": HAIR_STYLES, "neckline": NECKLINES, "scene": BACKGROUNDS}


def checked(someone):
    """The Person itself. BlendError: a field of it is outside what can be drawn."""
    _check(someone)
    if abs(sum(someone.ancestry) - 1) > 1e-3:
        raise BlendError("shares of ancestry add up to 1, not to %.3f" % sum(someone.ancestry))
    if someone.light.side not in (-1, 1):
        raise BlendError("the light's side is 1 (the figure's left) or -1, not %s" % someone.light.side)
    names = set(mesh.target_names())
    for name in [name for name, _ in someone.shape] + ["fu-" + name for name, _ in someone.expression]:
        if name not in names:
            near = closest(name, names)
            raise BlendError("the head has no %s%s" % (brief(name), "; did you mean %s?" % near if near else ""))
    return someone


def _check(values):
    for name, value in zip(values._fields, values):
        if hasattr(value, "_fields"):
            _check(value)
        elif name in _CHOICES:
            if value not in _CHOICES[name]:
                near = closest(value, _CHOICES[name])
                raise BlendError("%s is one of %s, not %s%s" % (name, ", ".join(_CHOICES[name]), brief(value),
                                                               "; did you mean %s?" % near if near else ""))
        elif name in ("shape", "expression"):
            _check_numbers(name, [weight for _, weight in value], -2, 2)
        elif type(value) is tuple:
            _check_numbers(name, value, 0, 1)
        elif values.__annotations__[name] in (int, float):
            _check_numbers(name, [value], *_RANGES.get(name, (0, 1)))


def _check_numbers(name, numbers, low, high):
    for number in numbers:
        if not isinstance(number, (int, float)) or not low <= number <= high:  # NaN is in no range
            raise BlendError("%s should be a number from %g to %g, is %s" % (name, low, high, brief(number)))
