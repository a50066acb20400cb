"""The same weights in PyTorch's layouts: how each variable is called there, and how its array is turned.

Networks of this package have TensorFlow's names and layouts; the tables are in `ada_*` (stylegan2-ada-pytorch and the
stylegan3 repository) and `rosinality_*` (stylegan2-pytorch): variable name to (PyTorch name, kind of array).
"""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np

from blend.errors import NetworkFileError
from blend.networks.network import Network, expected_variables
from blend.networks.stand_ins import stand_in
from blend.system.pending import Pending, made

AFFINE = "affine_bias"  # in a Network's `extra`: biases of PyTorch files that mod_bias cannot hold to the bit
_CONSTANT = "G_synthesis/4x4/Const/const"


class Kind(NamedTuple):
    """How an array is turned, both ways; the results are views where they can be."""

    to_torch: object
    to_tensorflow: object


def _convolution(w):
    return w.transpose(3, 2, 0, 1)  # [k,k,I,O] to [O,I,k,k]


def _back(w):
    return w.transpose(2, 3, 1, 0)


# PyTorch's transposed convolutions are stored for correlation with the up-sampled image: flipped.
KINDS = {
    "same": Kind(lambda x: x, lambda x: x),
    "dense": Kind(lambda x: x.T, lambda x: x.T),
    "convolution": Kind(_convolution, _back),
    "up": Kind(lambda x: _convolution(x[::-1, ::-1]), lambda x: _back(x)[::-1, ::-1]),
    "style": Kind(lambda x: x + np.float32(1), lambda x: x - np.float32(1)),  # the 1 is in the bias there
    "constant": Kind(lambda x: x[0], lambda x: x[None]),
    "noise": Kind(lambda x: x[0, 0], lambda x: x[None, None]),
    "modulated": Kind(lambda x: _convolution(x)[None], lambda x: _back(x[0])),
    "modulated up": Kind(lambda x: _convolution(x[::-1, ::-1])[None], lambda x: _back(x[0])[::-1, ::-1]),
    "scalar": Kind(lambda x: x.reshape(1), lambda x: x.reshape(())),
    "colours": Kind(lambda x: x.reshape(1, -1, 1, 1), lambda x: x.reshape(-1)),
}


def _split(name):
    """'G_synthesis/8x8/Conv1/weight' to (8, 'Conv1', 'weight'); the resolution is None where there is none."""
    parts = name.split("/")[1 if name.startswith("G_") else 0:]
    size = parts[0].partition("x")[0]
    return (int(size), parts[1], parts[2]) if size.isdigit() else (None, parts[0], parts[-1])


def _dense(part):
    return "dense" if part == "weight" else "same"


def ada_generator(name):
    """None for `lod`, which has no place there."""
    resolution, module, part = _split(name)
    if module in ("lod", "dlatent_avg"):
        return None if module == "lod" else ("mapping.w_avg", "same")
    if module.startswith("noise"):
        layer = int(module[len("noise"):])
        return "synthesis.b%d.conv%d.noise_const" % (2 ** ((layer + 5) // 2), (layer + 1) % 2), "noise"
    if resolution is None:
        where = "embed" if module == "LabelEmbed" else "fc" + module[len("Dense"):]
        return "mapping.%s.%s" % (where, part), _dense(part)
    if module == "Const":
        return "synthesis.b4.const", "constant"
    where = {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb", "Skip": "skip"}[module]
    what, kind = {"weight": ("weight", "up" if module in ("Conv0_up", "Skip") else "convolution"),
                  "mod_weight": ("affine.weight", "dense"), "mod_bias": ("affine.bias", "style"),
                  "bias": ("bias", "same"), "noise_strength": ("noise_strength", "same")}[part]
    return "synthesis.b%d.%s.%s" % (resolution, where, what), kind


def ada_discriminator(name):
    resolution, module, part = _split(name)
    if resolution is None:
        where = {"LabelEmbed": "mapping.embed", "Output": "b4.out"}.get(module, "mapping.fc" + module[len("Mapping"):])
        return "%s.%s" % (where, part), _dense(part)
    if module == "Dense0":
        return "b4.fc." + part, _dense(part)
    where = {"FromRGB": "fromrgb", "Conv": "conv", "Conv0": "conv0", "Conv1_down": "conv1", "Skip": "skip"}[module]
    return "b%d.%s.%s" % (resolution, where, part), "convolution" if part == "weight" else "same"


def rosinality_generator(name):
    """None for `lod`, which has no place there; dlatent_avg stands beside the networks."""
    resolution, module, part = _split(name)
    if module in ("lod", "dlatent_avg"):
        return None if module == "lod" else ("latent_avg", "same")
    if module.startswith("noise"):
        return "noises.noise_" + module[len("noise"):], "same"
    if resolution is None:
        return "style.%d.%s" % (int(module[len("Dense"):]) + 1, part), _dense(part)
    if module == "Const":
        return "input.input", "same"
    n = resolution.bit_length() - 4  # 8x8 is 0
    where = {"Conv": "conv1", "Conv0_up": "convs.%d" % (2 * n), "Conv1": "convs.%d" % (2 * n + 1),
             "ToRGB": "to_rgb1" if resolution == 4 else "to_rgbs.%d" % n}[module]
    what, kind = {"weight": ("conv.weight", "modulated up" if module == "Conv0_up" else "modulated"),
                  "mod_weight": ("conv.modulation.weight", "dense"), "mod_bias": ("conv.modulation.bias", "style"),
                  "bias": ("bias", "colours") if module == "ToRGB" else ("activate.bias", "same"),
                  "noise_strength": ("noise.weight", "scalar")}[part]
    return "%s.%s" % (where, what), kind


def rosinality_discriminator(name, top):
    """top: the resolution of the images."""
    resolution, module, part = _split(name)
    if module in ("Output", "Dense0"):
        return "final_linear.%d.%s" % (module == "Output", part), _dense(part)
    where = {"FromRGB": "convs.0.0", "Conv": "final_conv.0", "Conv0": "conv1.0", "Conv1_down": "conv2.1",
             "Skip": "skip.1"}[module]
    if part == "bias":  # of the activation that follows
        where = where[:-1] + str(int(where[-1]) + 1)
    block = "convs.%d." % (top.bit_length() - resolution.bit_length() + 1)
    return "%s%s.%s" % (block if module in ("Conv0", "Conv1_down", "Skip") else "", where, part), (
        "convolution" if part == "weight" else "same")


def to_torch(network, naming):
    """({PyTorch name: array}, {variable name: array} of what cannot be restored from it to the bit)."""
    tensors, kept = OrderedDict(), OrderedDict()
    biases = network.extra.get(AFFINE)
    for name, value in network.variables.items():
        named = naming(name)
        if named is None:
            kept[name] = value
            continue
        torch_name, kind = named
        if isinstance(value, Pending) and kind != "style":
            tensors[torch_name] = value.turned(KINDS[kind].to_torch)
            continue
        value = made(value)
        turned = KINDS[kind].to_torch(value)
        if kind == "style":
            known = biases.get(name) if isinstance(biases, dict) else None
            if _is_known(known, value.shape) and _same(KINDS[kind].to_tensorflow(known), value):
                turned = known
            if not _same(KINDS[kind].to_tensorflow(turned), value):
                kept[name] = value
        tensors[torch_name] = turned
    return tensors, kept


def _same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def from_torch(tensors, expected, naming, kept=None):
    """(OrderedDict of variable name to array, {name: bias} of the biases that it does not hold to the bit).

    tensors: {PyTorch name: array}. expected: {variable name: shape}, of a checked architecture. kept: what `to_torch`
    could not restore; used where the tensors are still those it was made with. NetworkFileError: a tensor is missing.
    """
    found, biases, kept = OrderedDict(), {}, kept or {}
    for name, shape in expected.items():
        named = naming(name)
        if named is None:
            if name in kept:
                found[name] = kept[name]
            continue
        torch_name, kind = named
        if torch_name not in tensors:
            raise NetworkFileError("the tensor %s is missing" % torch_name)
        there = tensors[torch_name]
        if kind == "style" and there.shape != shape:  # before there is a copy
            raise NetworkFileError("the tensor %s has the shape %r, not %r" % (torch_name, there.shape, shape))
        try:
            value = KINDS[kind].to_tensorflow(there)
        except (ValueError, IndexError):
            raise NetworkFileError("the tensor %s has the shape %r" % (torch_name, there.shape))
        if kind == "style":
            if _is_known(kept.get(name), shape) and _same(KINDS[kind].to_torch(kept[name]), there):
                value = kept[name]
            elif not _same(KINDS[kind].to_torch(value), there):
                biases[name] = there
        found[name] = value
    return found, biases


def _is_known(value, shape):
    return isinstance(value, np.ndarray) and value.dtype == np.float32 and value.shape == shape


def _constant(tensors, naming):
    """{name: array} of the constant input, if it is there: it tells forks for pictures that are not square."""
    torch_name, kind = naming(_CONSTANT)
    return {_CONSTANT[len("G_synthesis/"):]: KINDS[kind].to_tensorflow(tensors[torch_name])} if (
        np.ndim(tensors.get(torch_name, 0)) > 2) else {}


def generator(name, kwargs, tensors, naming, lacking=()):
    """A generator Network of ADA's kind from PyTorch's tensors. lacking: variables for which there are stand-ins."""
    layers = 2 * int(kwargs["resolution"]).bit_length() - 4
    parts = OrderedDict([("synthesis", Network("G_synthesis", "G_synthesis", kwargs, _constant(tensors, naming))),
                         ("mapping", Network("G_mapping", "G_mapping", dict(kwargs, dlatent_broadcast=layers), {}))])
    bare = Network(name, "G_main", kwargs, {}, parts)
    expected = expected_variables(bare, "generator")
    there = OrderedDict((each, shape) for each, shape in expected.items() if each not in lacking)
    found, biases = from_torch(tensors, there, naming)
    made = bare.filled(OrderedDict(
        (each, found[each] if each in there else stand_in(each, shape, bare.architecture, found))
        for each, shape in expected.items()))
    return made if not biases else Network(name, "G_main", kwargs, made.own_variables, made.components,
                                           {AFFINE: biases})


def discriminator(name, kwargs, tensors, naming):
    """A discriminator Network of ADA's kind from PyTorch's tensors."""
    bare = Network(name, "D_main", kwargs, {})
    return bare.filled(from_torch(tensors, expected_variables(bare, "discriminator"), naming)[0])


class Restored(object):
    """Variables, each made from its tensor when it is asked for; `kept` as `to_torch` gave it."""

    def __init__(self, tensors, naming, kept):
        self._tensors, self._naming, self._kept = tensors, naming, kept

    def get(self, name, shape):
        """The array of a variable of a checked architecture, or None."""
        return from_torch(self._tensors, {name: shape}, self._naming, self._kept)[0].get(name)
