"""How much of each variable comes from which network: names and numbers alone, no arrays.

Two networks, by a `Rule`: Pinkney & Adler 2020 (arXiv 2010.05334), p_blend = (1 - alpha) p_base + alpha p_transfer,
with alpha a function of the layer's resolution. The low network gives the low resolutions (structure), the high one the
high (texture). Any number of networks, by `Weights`: a number or a number for each layer from every one of them.
"""

import math
import numbers
from collections import OrderedDict
from typing import Dict, NamedTuple, Optional, Tuple, Union

import numpy as np

from blend.errors import BlendError, closest
from blend.networks import families, layers

RULES = ("article", "corrected")
SIDES = ("low", "high")
_ROUNDING = 1e-9  # of weights that are meant to add up to 1
MERGED = "merged"  # in place of the network that gives a mapping network, an average w or stored noise
# Variables outside the layers, and what `Rule` and `Weights` call them.
OUTSIDE = OrderedDict([("mapping", "mapping"), ("dlatent_avg", "dlatent_avg"), ("noise", "noise_buffers")])


class Rule(NamedTuple):
    """What decides the fraction of the high network for every variable.

    resolution, level: the split; None where only `fractions` decide. width: of the logistic, in positions;
    None is a hard swap. rule: 'article' or 'corrected'. fractions: {"8x8": 0.3, "16x16/Conv1": 1}, which
    override the split. mapping, dlatent_avg, noise_buffers: 'low' or 'high'. torgb: 'low', 'high', or None
    to follow the split.
    """

    resolution: Optional[int] = None
    level: int = 0
    width: Optional[float] = None
    rule: str = "article"
    fractions: Optional[Dict[str, float]] = None
    mapping: str = "low"
    dlatent_avg: str = "low"
    noise_buffers: str = "low"
    torgb: Optional[str] = None


class Change(NamedTuple):
    """What happens to one variable: `fraction` of the high network (0…1), and why."""

    fraction: float
    reason: str

    @property
    def action(self):
        """'kept' (low network's bits), 'swapped' (high network's bits) or 'mixed'."""
        return {0: "kept", 1: "swapped"}.get(self.fraction, "mixed")

    @property
    def weights(self):
        """Of the low network and of the high one."""
        return (1 - self.fraction, self.fraction)


class Weights(NamedTuple):
    """What decides how much of every variable comes from each of N networks.

    weights: one for each network: a number, {"8x8": 0.3, "16x16/Conv1": 1} (0 for layers without a name in it), or, for
    at most one of them, None: what the others leave of 1. mapping, dlatent_avg, noise_buffers: the index of the network
    that gives them, or MERGED, then the weights are those of the keys of these names. torgb: an index, or None to be
    merged like other layers. normalise: whether the weights of a layer are divided by their sum. rest: the index of the
    network that gives what has no weight at all. The index N is the common ancestor.
    """

    weights: Tuple[Union[float, Dict[str, float], None], ...]
    mapping: Union[int, str] = 0
    dlatent_avg: Union[int, str] = 0
    noise_buffers: Union[int, str] = 0
    torgb: Optional[int] = None
    normalise: bool = True
    rest: int = 0


class Share(NamedTuple):
    """What happens to one variable of a merge: the weights of all networks, or the one that gives it whole; and why."""

    weights: Tuple[float, ...]
    source: Optional[int]
    reason: str


def logistic(x, width):
    """1 / (1 + exp(-x / width)); the exponent is clamped, so that tiny widths do not overflow."""
    return 1.0 / (1.0 + math.exp(min(-x / width, 700.0)))


def article_fraction(layer, rule):
    """The 2021 article's rule, with its oddities.

    x = position - position of the split. Hard: swapped where x > 1, so a split at (32, 1) swaps from 64x64/Conv1
    on, and one at (R, 0), the paper's r_swap, keeps everything up to R. Smooth: logistic(x / width), centred on
    the split itself, 1.5 positions below the hard boundary, so width to 0 does not tend to the hard swap.
    `4x4/Conv` and `Skip` have no position and stay.
    """
    if layer.level is None:
        return Change(0, "the article's rule gives %s no position" % layer.module)
    x = layer.position - layers.position(rule.resolution, rule.level)
    return _at("position", layer.position, float(x > 1) if rule.width is None else logistic(x, rule.width))


def corrected_fraction(layer, rule):
    """The same hard swap without the oddities: all layers have positions, the logistic is centred on the boundary.

    `4x4/Conv` has position 0 and `Skip` that of its block's `Conv0_up`; x is counted from 1.5 above the split.
    """
    position = layers.position(layer.resolution, layer.level or 0)
    x = position - layers.position(rule.resolution, rule.level) - 1.5
    return _at("position", position, float(x > 0) if rule.width is None else logistic(x, rule.width))


def _at(word, where, fraction):
    return Change(_rounded(fraction), "%s %s" % (word, where))


def plan(names, rule):
    """OrderedDict of variable name to Change, one for every name. BlendError: a rule that does not fit the names."""
    check_rule(names, rule)
    return OrderedDict((name, _change(name, families.locate(name), rule)) for name in names)


def _change(name, layer, rule):
    source = {"mapping": rule.mapping, "dlatent_avg": rule.dlatent_avg, "noise": rule.noise_buffers,
              "torgb": rule.torgb, "lod": "low"}.get(layer.kind)
    if source is not None:
        return Change(SIDES.index(source), "%s from the %s network" % (layer.kind, source))
    for key in _keys(layer):
        if key in (rule.fractions or {}):
            return _at("fraction of", key, float(rule.fractions[key]))
    if rule.resolution is None:
        return Change(0, "no fraction is given for it")
    return (article_fraction if rule.rule == "article" else corrected_fraction)(layer, rule)


def check_rule(names, rule):
    """Raise BlendError unless every part of a rule is in range and means something for these names."""
    if rule.rule not in RULES:
        raise BlendError("rule must be article or corrected, not %r" % (rule.rule,))
    for option in ("mapping", "dlatent_avg", "noise_buffers", "torgb"):
        side = getattr(rule, option)
        if side not in SIDES and not (option == "torgb" and side is None):
            raise BlendError("%s must be low or high, not %r" % (option, side))
    if rule.width is not None and not (is_number(rule.width) and rule.width > 0):
        raise BlendError("width must be a number above 0, not %r; leave it out for a hard swap" % (rule.width,))
    if rule.resolution is None and not rule.fractions:
        raise BlendError("a blend needs a resolution or fractions")
    if rule.fractions is not None and not isinstance(rule.fractions, dict):
        raise BlendError('fractions must be a dict such as {"8x8": 0.3}, not %r' % (rule.fractions,))
    if rule.resolution is not None:
        for option, value in (("resolution", rule.resolution), ("level", rule.level)):
            if not isinstance(value, numbers.Integral):
                raise BlendError("%s must be a whole number, not %r" % (option, value))
        layers.check_split(map(families.locate, names), rule.resolution, rule.level)
    check_keys(names, rule.fractions or ())
    for key, fraction in (rule.fractions or {}).items():
        if not (is_number(fraction) and 0 <= fraction <= 1):
            raise BlendError("the fraction of %s must be between 0 and 1, not %r" % (key, fraction))


def _keys(layer):
    """The names of a layer that fractions and weights can have, the closest first: '16x16/Conv1', '16x16'."""
    if layer.kind in OUTSIDE:
        return (OUTSIDE[layer.kind],)
    where = "%dx%d" % (layer.resolution, layer.resolution)
    return (where + "/" + layer.module, where)


def check_keys(names, keys, others=()):
    """Raise BlendError unless every key names a layer of these variables, or is one of `others`."""
    known = set(others)
    for layer in map(families.locate, names):
        if layer.module:
            known.update(_keys(layer))
    for key in keys:
        if key not in known:
            near = closest(key, known, 0.3)
            hint = "did you mean %s?" % near if near else "names look like 8x8 and 16x16/Conv1"
            raise BlendError("no layer is called %s; %s" % (key, hint))


def is_number(value):
    """Whether a value is a number that a float can hold; True and False are none."""
    try:
        return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


def shares(names, weights):
    """OrderedDict of variable name to Share, one for every name, by `Weights`.

    BlendError: a key that names no layer of these variables, what is no number, or nothing left for the network that
    takes what the others leave.

    >>> shares(["G_synthesis/8x8/Conv1/bias"], Weights((None, {"8x8": 0.25})))["G_synthesis/8x8/Conv1/bias"]
    Share(weights=(0.75, 0.25), source=None, reason='weights of 8x8')
    """
    if list(weights.weights).count(None) > 1:
        raise BlendError("more than one network has no weight; only one can take what the others leave")
    for given in weights.weights:
        if isinstance(given, dict):
            check_keys(names, given, OUTSIDE.values())
        for value in given.values() if isinstance(given, dict) else [0 if given is None else given]:
            if not is_number(value):
                raise BlendError("a weight must be a number, not %r" % (value,))
    return OrderedDict((name, _share(families.locate(name), weights)) for name in names)


def check_weights(weights, count, has_base):
    """Raise BlendError unless `Weights` are for so many networks, and what gives a part is one of them, or the base."""
    if len(weights.weights) != count:
        raise BlendError("%d weights are given for %d networks" % (len(weights.weights), count))
    for part in ("mapping", "dlatent_avg", "noise_buffers", "torgb", "rest"):
        giver = getattr(weights, part)
        may_be_merged = giver == MERGED and part in OUTSIDE.values() or giver is None and part == "torgb"
        if not may_be_merged and not (isinstance(giver, numbers.Integral) and 0 <= giver < count + has_base):
            raise BlendError("%s must be the index of a network, from 0 to %d, not %r" % (
                part, count + has_base - 1, giver))


def _share(layer, weights):
    if layer.kind == "lod":
        return Share((), 0, "lod from the first network")
    source = {"mapping": weights.mapping, "dlatent_avg": weights.dlatent_avg, "noise": weights.noise_buffers,
              "torgb": weights.torgb}.get(layer.kind)
    if source not in (None, MERGED):
        return Share((), source, "%s from %s" % (OUTSIDE.get(layer.kind, layer.kind), _ordinal(source, weights)))
    keys = _keys(layer)
    numbers = [_weight(given, keys) for given in weights.weights]
    where = next((key for key in keys for given in weights.weights if isinstance(given, dict) and key in given),
                 "all layers")
    completed = _completed(numbers, weights.normalise, where)
    if not any(completed):
        return Share((), weights.rest, "no weight is given for it: from %s" % _ordinal(weights.rest, weights))
    return Share(completed, None, "weights of %s" % where)


def _ordinal(source, weights):
    return "the ancestor" if source == len(weights.weights) else "network %d" % (source + 1)


def _weight(given, keys):
    if isinstance(given, dict):
        return next((given[key] for key in keys if key in given), 0)
    return given


def _completed(numbers, normalise, where):
    """Numbers alone: None takes what the others leave; the sum is 1 if they are normalised."""
    numbers = [None if weight is None else _rounded(weight) for weight in numbers]
    if None in numbers:
        left = 1 - sum(weight for weight in numbers if weight is not None)
        if left < -_ROUNDING:
            raise BlendError("the weights of %s add up to %g, so that nothing is left for the network without one" % (
                where, 1 - left))
        numbers = [max(left, 0) if weight is None else weight for weight in numbers]
    total = sum(numbers)
    if normalise and total and abs(total - 1) > _ROUNDING:
        numbers = [weight / total for weight in numbers]
    return tuple(_rounded(weight) for weight in numbers)


def _rounded(weight):
    """What float32 cannot tell from 0 or 1 is 0 or 1: then bits are copied."""
    return int(np.float32(weight)) if np.float32(weight) in (0, 1) else weight
