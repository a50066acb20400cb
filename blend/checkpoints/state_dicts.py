"""Generators as bare state dicts, {tensor's name: tensor}, alone or inside something larger.

The names say what they are: those of rosinality's stylegan2-pytorch (exports of g_ema; the decoders of
pixel2style2pixel and encoder4editing), or of stylegan2-ada-pytorch. What no tensor says is taken as there.
"""

from collections import OrderedDict
from typing import NamedTuple, Optional

import numpy as np

from blend.checkpoints import layouts, pytorch_pickle, rosinality
from blend.checkpoints.contents import Contents
from blend.checkpoints.torch_files import Tensor
from blend.errors import NetworkFileError, brief
from blend.networks import stand_ins

_MOST_TENSORS = 10000   # of an encoder and a decoder together there are some 1000
_MARKS = {rosinality.NAME: "conv1.conv.modulation.weight", pytorch_pickle.NAME: "synthesis.b4.conv1.affine.weight"}
_FAMILIES = OrderedDict([
    ("synthesis.input.freqs", "StyleGAN3"), ("style_mlp.1.weight", "BasicSR"), ("progression.0.conv1.conv.weight",
                                                                               "StyleGAN 1 (rosinality)"),
    ("backbone.synthesis.b4.conv1.weight", "EG3D"), ("synthesis.input.affine.weight", "StyleGAN3"),
])
_AVERAGE = "latent_avg"
_MOST_NAMED = 8
# Where there are several generators in a file: the average first.
_ENTRIES = ("g_ema", "G_ema", "params_ema", "ema", "state_dict", "generator", "g", "G")
_PREFIXES = ("", "module.", "g_ema.", "G_ema.", "generator.", "decoder.")
_USUAL = "what no tensor says is taken as usual: leaky ReLU, learning rate 0.01 of the mapping network, no conv_clamp"
_FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32) / np.float32(64)


class StateDict(NamedTuple):
    """A generator in a file: the format whose names it has, its entry (None: it is the file), its tensors' prefix."""

    format: str
    entry: Optional[str]
    tensors: dict
    prefix: str


def find(value):
    """The generator that a file holds, as a StateDict, or None. NetworkFileError: it is of another family."""
    for entry, tensors in _candidates(value):
        for name, mark in _MARKS.items():
            prefixes = _prefixes(tensors, mark)
            if prefixes:
                return StateDict(name, entry, tensors, prefixes[0])
    for _, tensors in _candidates(value):
        for mark, family in _FAMILIES.items():
            if _prefixes(tensors, mark):
                raise NetworkFileError("is a state dict of %s (it has %s); blend reads StyleGAN2" % (family, mark))
    return None


def _candidates(value):
    """[(entry, dict)] in which a generator could be, the most likely first; each dict once."""
    if not isinstance(value, dict):
        return []
    entries, seen = [(None, value)], {id(value)}
    for key, entry in value.items():
        if isinstance(entry, dict) and id(entry) not in seen:
            seen.add(id(entry))
            entries.append((key, entry))
    entries.sort(key=lambda pair: _ENTRIES.index(pair[0]) if pair[0] in _ENTRIES else len(_ENTRIES))
    return [(key, entry) for key, entry in entries if len(entry) <= _MOST_TENSORS]


def _prefixes(tensors, mark):
    """What stands before a mark in the tensors' names, the most likely first."""
    prefixes = [name[:-len(mark)] for name, tensor in tensors.items()
                if isinstance(name, str) and name.endswith(mark) and isinstance(tensor, Tensor)]
    return sorted(prefixes, key=lambda prefix: _PREFIXES.index(prefix) if prefix in _PREFIXES else len(_PREFIXES))


def read(value, state_dict):
    """The Contents of a PyTorch file in which `find` found a generator, the StateDict."""
    tensors, count_beside = _split(state_dict)
    left_out = []
    if state_dict.entry:
        keys = [key for key in value if key not in (state_dict.entry, _AVERAGE)]
        left_out += ["the entry %s" % brief(key) for key in keys[:_MOST_NAMED]]
    if count_beside:
        left_out.append("%d tensors beside those of %s" % (count_beside, brief(state_dict.prefix)))
    if state_dict.format == pytorch_pickle.NAME:
        return _ada(tensors, left_out)
    arrays = rosinality.tensors_of(tensors)
    average = value.get(_AVERAGE, state_dict.tensors.get(_AVERAGE))
    if isinstance(average, Tensor):
        w = _average(pytorch_pickle.to_array(_AVERAGE, average))
        if w is None:
            left_out.append("latent_avg, which is another w for each layer")
        else:
            arrays[_AVERAGE] = w
    network, notes = rosinality.generator("Gs", arrays)
    return Contents(network, left_out=tuple(notes + left_out))


def _split(state_dict):
    """({name without prefix: Tensor} of the generator, how many tensors of something else there are)."""
    tensors, count_beside = OrderedDict(), 0
    for name, tensor in state_dict.tensors.items():
        if isinstance(tensor, Tensor) and name != _AVERAGE:
            if isinstance(name, str) and name.startswith(state_dict.prefix):
                tensors[name[len(state_dict.prefix):]] = tensor
            else:
                count_beside += 1
    return tensors, count_beside


def _average(array):
    """w [D] of an average w [D] or [L,D]; None if its layers differ."""
    rows = array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
    return rows[0] if np.all(rows == rows[0]) else None


def _ada(tensors, left_out):
    """The Contents of the tensors of a generator of stylegan2-ada-pytorch."""
    arrays = OrderedDict()
    for name, tensor in tensors.items():
        if isinstance(tensor, Tensor):
            arrays[name] = pytorch_pickle.to_array(name, tensor)
    for name in [name for name in arrays if name.endswith("resample_filter")]:
        if not np.array_equal(arrays.pop(name), _FILTER):
            raise NetworkFileError("the tensor %s is another filter than [1, 3, 3, 1]" % brief(name))
    kwargs = _ada_arguments(arrays)
    lacking = [] if "mapping.w_avg" in arrays else ["dlatent_avg"]
    network = layouts.generator("Gs", kwargs, arrays, layouts.ada_generator, lacking)
    rosinality.check_all_read(arrays, network, layouts.ada_generator)
    return Contents(network, left_out=tuple([_USUAL] + [stand_ins.NO_AVERAGE] * len(lacking) + left_out))


def _ada_arguments(arrays):
    """static_kwargs from the tensors' shapes."""
    def shape(name, dimensions):
        return rosinality.shape_of(arrays, name, dimensions)

    layers, resolutions = 0, [4]
    while "mapping.fc%d.weight" % layers in arrays and layers < 100:
        layers += 1
    while "synthesis.b%d.conv1.weight" % (2 * resolutions[-1]) in arrays and resolutions[-1] < 2 ** 12:
        resolutions.append(2 * resolutions[-1])
    top, widths = resolutions[-1], [shape("synthesis.b%d.conv1.weight" % size, 4)[0] for size in resolutions]
    (width, inputs), constant = shape("mapping.fc0.weight", 2), shape("synthesis.b4.const", 3)[0]
    embedded, labels = shape("mapping.embed.weight", 2) if "mapping.embed.weight" in arrays else (0, 0)
    architecture = "skip" if "synthesis.b4.torgb.weight" in arrays else "orig"
    if "synthesis.b%d.skip.weight" % top in arrays:
        architecture = "resnet"
    kwargs = OrderedDict([
        ("latent_size", inputs - embedded), ("label_size", labels),
        ("dlatent_size", shape("synthesis.b4.conv1.affine.weight", 2)[1]), ("resolution", top),
        ("num_channels", shape("synthesis.b%d.torgb.bias" % top, 1)[0]), ("mapping_layers", layers),
        ("mapping_fmaps", width if layers > 1 else None), ("architecture", architecture),
        ("use_noise", "synthesis.b4.conv1.noise_const" in arrays)], **rosinality.widths(top, widths))
    if labels:
        kwargs["label_fmaps"] = embedded
    if constant != widths[0]:
        kwargs["fmap_const"] = constant
    return kwargs
