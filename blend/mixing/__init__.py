"""Blending: how much of each variable comes from the high network, and the arithmetic.

Pinkney & Adler 2020 (arXiv 2010.05334): p_blend = (1 - alpha) p_base + alpha p_transfer, with alpha a function
of the layer's resolution. The low network gives the low resolutions (structure), the high one the high (texture).
"""

import math
import numbers
from collections import OrderedDict
from typing import NamedTuple

import numpy as np

from blend.checkpoints import NetworkFile
from blend.errors import BlendError, closest
from blend.networks import layers
from blend.networks.network import check_same_architecture

RULES = ("article", "corrected")
SIDES = ("low", "high")


class Rule(NamedTuple):
    """What decides the fraction of the high network for every variable.

    resolution, level: the split; None where only `fractions` decide. width: of the logistic, in positions;
    None is a hard swap. rule: 'article' or 'corrected'. fractions: {"8x8": 0.3, "16x16/Conv1": 1}, which
    override the split. mapping, dlatent_avg, noise_buffers: 'low' or 'high'. torgb: 'low', 'high', or None
    to follow the split.
    """

    resolution: object = None
    level: int = 0
    width: object = None
    rule: str = "article"
    fractions: object = None
    mapping: str = "low"
    dlatent_avg: str = "low"
    noise_buffers: str = "low"
    torgb: object = None


class Change(NamedTuple):
    """What happens to one variable: `fraction` of the high network (0…1), and why."""

    fraction: float
    reason: str

    @property
    def action(self):
        """'kept' (low network's bits), 'swapped' (high network's bits) or 'mixed'."""
        return {0: "kept", 1: "swapped"}.get(self.fraction, "mixed")


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


def _at(what, where, fraction):
    # What float32 cannot tell from 0 or 1 copies bits.
    return Change(int(fraction) if np.float32(fraction) in (0, 1) else fraction, "%s %s" % (what, where))


def plan(names, rule):
    """OrderedDict of variable name to Change, one for every name. BlendError: a rule that does not fit the names."""
    check_rule(names, rule)
    return OrderedDict((name, _change(name, layers.locate(name), rule)) for name in names)


def _change(name, layer, rule):
    source = {"mapping": rule.mapping, "dlatent_avg": rule.dlatent_avg, "noise": rule.noise_buffers,
              "torgb": rule.torgb, "lod": "low"}.get(layer.kind)
    if source is not None:
        return Change(SIDES.index(source), "%s from the %s network" % (layer.kind, source))
    where = "%dx%d" % (layer.resolution, layer.resolution)
    for key in (where + "/" + layer.module, where):
        if key in (rule.fractions or {}):
            return _at("fraction of", key, float(rule.fractions[key]))
    if rule.resolution is None:
        return Change(0, "no fraction is given for it")
    return (article_fraction if rule.rule == "article" else corrected_fraction)(layer, rule)


def check_rule(names, rule):
    """Raise BlendError unless every part of a rule is in range and means something for these names."""
    if rule.rule not in RULES:
        raise BlendError("rule must be article or corrected, not %r" % (rule.rule,))
    for what in ("mapping", "dlatent_avg", "noise_buffers", "torgb"):
        side = getattr(rule, what)
        if side not in SIDES and not (what == "torgb" and side is None):
            raise BlendError("%s must be low or high, not %r" % (what, side))
    if rule.width is not None and not (_is_number(rule.width) and rule.width > 0):
        raise BlendError("width must be a number above 0, or None for a hard swap, not %r" % (rule.width,))
    if rule.resolution is None and not rule.fractions:
        raise BlendError("a blend needs a resolution or fractions")
    if rule.fractions is not None and not isinstance(rule.fractions, dict):
        raise BlendError('fractions must be a dict such as {"8x8": 0.3}, not %r' % (rule.fractions,))
    if rule.resolution is not None:
        for what, value in (("resolution", rule.resolution), ("level", rule.level)):
            if not isinstance(value, numbers.Integral):
                raise BlendError("%s must be a whole number, not %r" % (what, value))
        layers.check_split(names, rule.resolution, rule.level)
    known = set()
    for layer in map(layers.locate, names):
        if layer.module:
            where = "%dx%d" % (layer.resolution, layer.resolution)
            known.update([where, where + "/" + layer.module])
    for key, fraction in (rule.fractions or {}).items():
        if key not in known:
            near = closest(key, known, 0.3)
            hint = "did you mean %s?" % near if near else "names look like 8x8 and 16x16/Conv1"
            raise BlendError("no layer is called %s; %s" % (key, hint))
        if not (_is_number(fraction) and 0 <= fraction <= 1):
            raise BlendError("the fraction of %s must be between 0 and 1, not %r" % (key, fraction))


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def mix(low, high, fraction):
    """(1 - fraction) low + fraction high in float32, as the article computes it; 0 and 1 give the input itself."""
    if fraction == 0:
        return low
    if fraction == 1:
        return high
    mixed = np.asarray(high * np.float32(fraction))
    mixed += low * np.float32(1 - fraction)  # in place: one array of this size less
    return mixed


def blend_variables(low, high, changes):
    """Blend two dicts of arrays by a plan; a new OrderedDict. What is kept need not be in the high one."""
    return OrderedDict((name, mix(low[name], high.get(name), change.fraction)) for name, change in changes.items())


def blend(low, high, resolution=None, level=0, *, width=None, rule="article", fractions=None, mapping="low",
          dlatent_avg="low", noise_buffers="low", torgb=None, all_networks=False):
    """Blend two NetworkFiles into a new one: Gs blended, G and D of the low one (G blended too if all_networks).

    resolution, level: the split: everything up to `resolution` from `low`, for level 0. The other options are those of
    `Rule`. BlendError: options out of range. MismatchError: the networks have different layers.

    >>> import blend
    >>> photo, cartoon = blend.shipped("photo"), blend.shipped("cartoon")
    >>> blend.blend(photo, cartoon, resolution=16).Gs.resolution
    64
    """
    rule = Rule(resolution, level, width, rule, fractions, mapping, dlatent_avg, noise_buffers, torgb)
    check_same_architecture(low.Gs, high.Gs, "networks")
    if not isinstance(low, NetworkFile):  # live networks of nvidia/repository.py
        return low.blended(high, lambda names: plan(names, rule), all_networks)

    def blended(a, b):
        variables = a.variables
        return a.replaced(blend_variables(variables, b.variables, plan(variables, rule)))

    generator = low.G
    if all_networks:
        if low.G is None or high.G is None:
            raise BlendError("to blend G as well, both files must have it; one holds Gs alone")
        generator = blended(low.G, high.G)
    return NetworkFile(blended(low.Gs, high.Gs), generator, low.D, format=low.format)
