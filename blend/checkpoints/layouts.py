"""The same weights in PyTorch's layouts: how each variable is called there, and how its array is turned.

Networks of this package have TensorFlow's names and layouts; the tables are in `ada_*` (stylegan2-ada-pytorch and the
stylegan3 repository) and `rosinality_*` (stylegan2-pytorch): variable name to (PyTorch name, transform).
"""

from collections import OrderedDict
from typing import Callable, NamedTuple

import numpy as np

from blend.errors import NetworkFileError
from blend.networks.network import Network, expected_variables
from blend.networks.stand_ins import stand_in
from blend.system.pending import Pending, computed

AFFINE = "affine_bias"  # in a Network's `extra`: biases of PyTorch files that mod_bias cannot hold to the bit
_CONSTANT = "G_synthesis/4x4/Const/const"


class Transform(NamedTuple):
    """How an array is turned, both ways; the results are views where they can be."""

    to_torch: Callable[[np.ndarray], np.ndarray]
    to_tensorflow: Callable[[np.ndarray], np.ndarray]


def _outputs_first(w):
    return w.transpose(3, 2, 0, 1)  # [k,k,I,O] to [O,I,k,k]


def _outputs_last(w):
    return w.transpose(2, 3, 1, 0)  # [O,I,k,k] to [k,k,I,O]


# By the names that the tables give. PyTorch stores transposed convolutions for correlation with the up-sampled image:
# flipped.
TRANSFORMS = {
    "same": Transform(lambda x: x, lambda x: x),
    "dense": Transform(lambda x: x.T, lambda x: x.T),
    "convolution": Transform(_outputs_first, _outputs_last),
    "up": Transform(lambda x: _outputs_first(x[::-1, ::-1]), lambda x: _outputs_last(x)[::-1, ::-1]),
    "style": Transform(lambda x: x + np.float32(1), lambda x: x - np.float32(1)),  # the 1 is in the bias there
    "constant": Transform(lambda x: x[0], lambda x: x[None]),
    "noise": Transform(lambda x: x[0, 0], lambda x: x[None, None]),
    "modulated": Transform(lambda x: _outputs_first(x)[None], lambda x: _outputs_last(x[0])),
    "modulated up": Transform(lambda x: _outputs_first(x[::-1, ::-1])[None],
                              lambda x: _outputs_last(x[0])[::-1, ::-1]),
    "scalar": Transform(lambda x: x.reshape(1), lambda x: x.reshape(())),
    "colours": Transform(lambda x: x.reshape(1, -1, 1, 1), lambda x: x.reshape(-1)),
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
        torch_module = "embed" if module == "LabelEmbed" else "fc" + module[len("Dense"):]
        return "mapping.%s.%s" % (torch_module, part), _dense(part)
    if module == "Const":
        return "synthesis.b4.const", "constant"
    torch_module = {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb", "Skip": "skip"}[module]
    torch_part, transform = {
        "weight": ("weight", "up" if module in ("Conv0_up", "Skip") else "convolution"),
        "mod_weight": ("affine.weight", "dense"), "mod_bias": ("affine.bias", "style"),
        "bias": ("bias", "same"), "noise_strength": ("noise_strength", "same")}[part]
    return "synthesis.b%d.%s.%s" % (resolution, torch_module, torch_part), transform


def ada_discriminator(name):
    resolution, module, part = _split(name)
    if resolution is None:
        torch_module = {"LabelEmbed": "mapping.embed", "Output": "b4.out"}.get(
            module, "mapping.fc" + module[len("Mapping"):])
        return "%s.%s" % (torch_module, part), _dense(part)
    if module == "Dense0":
        return "b4.fc." + part, _dense(part)
    torch_module = {
        "FromRGB": "fromrgb", "Conv": "conv", "Conv0": "conv0", "Conv1_down": "conv1", "Skip": "skip"}[module]
    return "b%d.%s.%s" % (resolution, torch_module, part), "convolution" if part == "weight" else "same"


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
    block = resolution.bit_length() - 4  # 8x8 is 0
    torch_module = {"Conv": "conv1", "Conv0_up": "convs.%d" % (2 * block), "Conv1": "convs.%d" % (2 * block + 1),
                    "ToRGB": "to_rgb1" if resolution == 4 else "to_rgbs.%d" % block}[module]
    torch_part, transform = {
        "weight": ("conv.weight", "modulated up" if module == "Conv0_up" else "modulated"),
        "mod_weight": ("conv.modulation.weight", "dense"), "mod_bias": ("conv.modulation.bias", "style"),
        "bias": ("bias", "colours") if module == "ToRGB" else ("activate.bias", "same"),
        "noise_strength": ("noise.weight", "scalar")}[part]
    return "%s.%s" % (torch_module, torch_part), transform


def rosinality_discriminator(name, top):
    """top: the resolution of the images."""
    resolution, module, part = _split(name)
    if module in ("Output", "Dense0"):
        return "final_linear.%d.%s" % (1 if module == "Output" else 0, part), _dense(part)
    torch_module = {"FromRGB": "convs.0.0", "Conv": "final_conv.0", "Conv0": "conv1.0", "Conv1_down": "conv2.1",
                    "Skip": "skip.1"}[module]
    if part == "bias":  # of the activation that follows
        torch_module = torch_module[:-1] + str(int(torch_module[-1]) + 1)
    if module in ("Conv0", "Conv1_down", "Skip"):
        torch_module = "convs.%d.%s" % (top.bit_length() - resolution.bit_length() + 1, torch_module)
    return "%s.%s" % (torch_module, part), "convolution" if part == "weight" else "same"


def to_torch(network, naming):
    """({PyTorch name: array}, {variable name: array} of what cannot be restored from it to the bit)."""
    tensors, kept = OrderedDict(), OrderedDict()
    biases = network.extra.get(AFFINE)
    for name, value in network.variables.items():
        place = naming(name)
        if place is None:
            kept[name] = value
            continue
        torch_name, transform = place
        if isinstance(value, Pending) and transform != "style":
            tensors[torch_name] = value.turned(TRANSFORMS[transform].to_torch)
            continue
        value = computed(value)
        tensor = TRANSFORMS[transform].to_torch(value)
        if transform == "style":
            bias = biases.get(name) if isinstance(biases, dict) else None
            if _is_float32(bias, value.shape) and _same(TRANSFORMS[transform].to_tensorflow(bias), value):
                tensor = bias
            if not _same(TRANSFORMS[transform].to_tensorflow(tensor), value):
                kept[name] = value
        tensors[torch_name] = tensor
    return tensors, kept


def _same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def from_torch(tensors, expected, naming, kept=None):
    """(OrderedDict of variable name to array, {name: bias} of the biases that it does not hold to the bit).

    tensors: {PyTorch name: array}. expected: {variable name: shape}, of a checked architecture. kept: what `to_torch`
    could not restore; used where the tensors are still those it was made with. NetworkFileError: a tensor is missing.
    """
    variables, biases, kept = OrderedDict(), {}, kept or {}
    for name, shape in expected.items():
        place = naming(name)
        if place is None:
            if name in kept:
                variables[name] = kept[name]
            continue
        torch_name, transform = place
        if torch_name not in tensors:
            raise NetworkFileError("the tensor %s is missing" % torch_name)
        tensor = tensors[torch_name]
        if transform == "style" and tensor.shape != shape:  # before there is a copy
            raise NetworkFileError("the tensor %s has the shape %r, not %r" % (torch_name, tensor.shape, shape))
        try:
            value = TRANSFORMS[transform].to_tensorflow(tensor)
        except (ValueError, IndexError):
            raise NetworkFileError("the tensor %s has the shape %r" % (torch_name, tensor.shape))
        if transform == "style":
            if _is_float32(kept.get(name), shape) and _same(TRANSFORMS[transform].to_torch(kept[name]), tensor):
                value = kept[name]
            elif not _same(TRANSFORMS[transform].to_torch(value), tensor):
                biases[name] = tensor
        variables[name] = value
    return variables, biases


def _is_float32(value, shape):
    return isinstance(value, np.ndarray) and value.dtype == np.float32 and value.shape == shape


def _constant(tensors, naming):
    """{name: array} of the constant input, if it is there: it tells forks for pictures that are not square."""
    torch_name, transform = naming(_CONSTANT)
    if np.ndim(tensors.get(torch_name, 0)) <= 2:
        return {}
    return {_CONSTANT[len("G_synthesis/"):]: TRANSFORMS[transform].to_tensorflow(tensors[torch_name])}


def generator(name, kwargs, tensors, naming, lacking=()):
    """A generator Network of ADA's kind from PyTorch's tensors. lacking: variables for which there are stand-ins."""
    layers = 2 * int(kwargs["resolution"]).bit_length() - 4
    parts = OrderedDict([("synthesis", Network("G_synthesis", "G_synthesis", kwargs, _constant(tensors, naming))),
                         ("mapping", Network("G_mapping", "G_mapping", dict(kwargs, dlatent_broadcast=layers), {}))])
    bare = Network(name, "G_main", kwargs, {}, parts)
    expected = expected_variables(bare, "generator")
    held = OrderedDict((variable, shape) for variable, shape in expected.items() if variable not in lacking)
    variables, biases = from_torch(tensors, held, naming)
    network = bare.filled(OrderedDict(
        (variable, variables[variable] if variable in held
         else stand_in(variable, shape, bare.architecture, variables))
        for variable, shape in expected.items()))
    return network.changed(extra={AFFINE: biases}) if biases else network


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
