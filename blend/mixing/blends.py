"""Blending and merging network files: `blend` of two, by a split or fractions; `merge` of any number, by a method."""

from collections import OrderedDict

import numpy as np

from blend.checkpoints import NetworkFile
from blend.errors import BlendError, NetworkFileError
from blend.mixing import methods
from blend.mixing.plan import Rule, check_weights, plan, shares
from blend.networks.network import check_same_architecture
from blend.system.pending import Pending, computed

_SMALL = 2 ** 16  # bytes up to which an array is made at once


def blend_variables(low, high, changes, pending=False):
    """Blend two dicts of arrays by a plan; a new OrderedDict. What is kept need not be in the high one.

    pending: large arrays that are mixed are `Pending`, made while they are saved.
    """
    if pending:
        return OrderedDict((name, _merged("linear", name, [low[name], high.get(name)], change.weights, pending=True))
                           for name, change in changes.items())
    return OrderedDict((name, methods.mix(low[name], high.get(name), change.fraction))
                       for name, change in changes.items())


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
    return blend_files(low, high, rule, all_networks)[0]


def blend_files(low, high, rule, all_networks=False, pending=False):
    """(the blend of two NetworkFiles, the plan of its Gs: OrderedDict of variable name to Change), by a `Rule`.

    all_networks: G is blended as well. pending: large arrays that are mixed are `Pending`, made while the blend is
    saved, and not before. Errors as of `blend`.
    """
    check_same_architecture(low.Gs, high.Gs, "networks")
    changes = plan(low.Gs.stored, rule)
    if not isinstance(low, NetworkFile):  # live networks of nvidia/repository.py
        return low.blended(high, changes, all_networks), changes
    generator = low.G
    if all_networks:
        if low.G is None or high.G is None:
            raise BlendError("to blend G as well, both files must have it; one holds Gs alone")
        generator = _blended(low.G, high.G, plan(low.G.stored, rule), pending)
    blended = _blended(low.Gs, high.Gs, changes, pending)
    return NetworkFile(blended, generator, low.D, format=low.format), changes


def _blended(low, high, changes, pending):
    return low.replaced(blend_variables(low.stored, high.stored, changes, pending))


def merge(method, networks, weights, base=None, *, parameters=None, called=None, pending=False):
    """Merge NetworkFiles into a new one: Gs merged; G, D, format and all that is no weight of the first one.

    method: a name in METHODS. weights: `Weights`. base: the NetworkFile of the common ancestor, for methods that need
    it. parameters: of the method, {name: value}. called: what messages call the networks, and the base. pending: large
    arrays of the result are `Pending`, for saving. BlendError: a method, number of networks or weights that do not fit,
    or values that are not finite. MismatchError: the networks have different layers.

    >>> import blend
    >>> from blend.mixing import Weights, merge
    >>> photo, cartoon = blend.shipped("photo"), blend.shipped("cartoon")
    >>> merge("task-arithmetic", [cartoon], Weights((1.5,)), photo).Gs.resolution
    64
    """
    return merge_files(method, networks, weights, base, parameters, called, pending)[0]


def merge_files(method, networks, weights, base, parameters, called, pending):
    """(the merge, the plan of its Gs: OrderedDict of variable name to Share); arguments and errors of `merge`."""
    check_count(method, len(networks), base is not None)
    check_weights(weights, len(networks), base is not None)
    everyone = list(networks) + ([base] if base is not None else [])
    called = called or ["network %d" % number for number in range(1, len(networks) + 1)] + ["the base"]
    for network, name in zip(everyone[1:], called[1:]):
        check_same_architecture(networks[0].Gs, network.Gs, "networks", (called[0], name))
    sources = [network.Gs.stored for network in everyone]
    merged, changes = OrderedDict(), shares(sources[0], weights)
    for name, share in changes.items():
        if share.source is not None:
            merged[name] = sources[share.source][name]
        else:
            merged[name] = _merged(method, name, [variables[name] for variables in sources[:len(networks)]],
                                   share.weights, None if base is None else sources[-1][name], parameters, pending)
    first = networks[0]
    return NetworkFile(first.Gs.replaced(merged), first.G, first.D, format=first.format), changes


def _merged(method, name, arrays, weights, base=None, parameters=None, pending=False):
    """One variable: an array of one of the networks where the method gives it whole; else made, at once or later.

    NetworkFileError: it has values that are NaN or infinite.
    """
    if methods.is_whole(method, weights):
        return arrays[list(weights).index(1)]

    def make():
        value = methods.apply(method, name, [computed(array) for array in arrays], weights, computed(base), parameters)
        if not np.isfinite(np.sum(value, dtype=np.float64)):
            raise NetworkFileError("the result: %s has values that are NaN or infinite" % name)
        return value

    return Pending(arrays[0].shape, make) if pending and arrays[0].nbytes > _SMALL else make()


def check_count(method, count, has_base):
    """Raise BlendError unless a method exists and takes so many networks, and a common ancestor or none."""
    if method not in methods.METHODS:
        raise BlendError("no method is called %r; there are %s" % (method, ", ".join(methods.METHODS)))
    entry = methods.METHODS[method]
    if entry.base and not has_base:
        raise BlendError("%s needs base, the network that the others were fine-tuned from" % method)
    if has_base and not entry.base:
        raise BlendError("%s takes no base; methods that do are %s" % (
            method, ", ".join(name for name, other in methods.METHODS.items() if other.base)))
    if count < entry.least or entry.most is not None and count > entry.most:
        bound = "%d" % entry.least if entry.least == entry.most else "at least %d" % entry.least
        raise BlendError("%s takes %s networks, not %d" % (method, bound, count))
