"""StyleGAN2 networks in the pickles of stylegan2-ada-pytorch and of the stylegan3 repository.

A dict {G, D, G_ema, augment_pipe, training_set_kwargs} of modules, each with its attributes and the source text of
its class, which their loader executes. Here nothing is: architecture and weights are read from the attributes. What
is written carries carried/stylegan2_torch.py as that source.
"""

from collections import OrderedDict

import numpy as np

from blend import carried
from blend.checkpoints import description, layouts
from blend.checkpoints.contents import Contents
from blend.checkpoints.pytorch_modules import ENTRIES, SIDECAR, Writer, naming
from blend.checkpoints.torch_files import Module, Tensor
from blend.errors import BlendError, NetworkFileError, brief
from blend.networks.network import check
from blend.networks.stylegan2 import STYLEGAN2, STYLEGAN2_ADA

NAME = "pytorch"
_FAMILIES = {"SynthesisInput": "StyleGAN3", "TriPlaneGenerator": "EG3D", "FastganSynthesis": "Projected GAN"}
# Beside the parameters: made anew from the architecture.
_DERIVED = ("resample_filter",)
_MOST_PARTS = 3000  # modules and tensors of a network; 1024x1024 has some 500


def recognise(value):
    """Whether what a pickle holds is a file of these repositories."""
    return isinstance(value, dict) and isinstance(value.get("G_ema"), Module)


def read(value):
    """The Contents of what a pickle holds."""
    source, left_out = value["G_ema"].source, []
    if isinstance(source, str) and not carried.own(source, carried.TORCH):
        left_out.append("source text of %d lines, which that repository executes; blend writes its own" % (
            source.count("\n") + 1))
    if value.get(SIDECAR) is not None:
        tensors = {role: _tensors(value[entry]) for role, entry in ENTRIES if isinstance(value.get(entry), Module)}
        return restored(value[SIDECAR], tensors, naming)._replace(left_out=tuple(left_out))
    left_out += ["%s (needed only to resume training there)" % name for name in ("augment_pipe", "training_set_kwargs")
                 if value.get(name) is not None]
    average, generator, discriminator = _generator(value["G_ema"], "Gs"), None, None
    if isinstance(value.get("G"), Module):
        generator = _generator(value["G"], "G")
    if isinstance(value.get("D"), Module):
        discriminator, notes = if_it_fits(_discriminator, value["D"])
        left_out += notes
    return Contents(average, generator, discriminator, left_out=tuple(left_out))


def if_it_fits(build, source):
    """(what `build` makes of `source`, a discriminator, or None; why it is None, in words, a list).

    A file without it still makes pictures and blends.
    """
    try:
        discriminator = build(source)
        check(discriminator, "discriminator")
        return discriminator, []
    except NetworkFileError as error:
        return None, ["D (%s)" % error]


def restored(sidecar, tensors, tables):
    """The Contents of a file that was written here: to the bit what they were.

    sidecar: the file's entry 'blend'. tensors: {role: {PyTorch name: array}}. tables: a function of the role that gives
    a table of layouts.py.
    """
    if not isinstance(sidecar, dict) or not isinstance(sidecar.get("description"), str):
        raise NetworkFileError("its entry 'blend' is broken")
    if len(sidecar) > _MOST_PARTS:
        raise NetworkFileError("its entry 'blend' has %d parts" % len(sidecar))
    exact = {name: to_array(name, tensor) for name, tensor in sidecar.items() if name != "description"}
    sources = {}
    for role, arrays in tensors.items():
        prefix = role + "/"
        kept = {name[len(prefix):]: array for name, array in exact.items() if str(name).startswith(prefix)}
        sources[role] = layouts.Restored(arrays, tables(role), kept)
    return description.rebuild(sidecar["description"], sources)


def to_array(name, value):
    """A tensor's numbers. NetworkFileError: they are not float32."""
    if not isinstance(value, Tensor):
        raise NetworkFileError("%s is not a tensor" % str(name)[:100])
    array = value.array()
    if array.dtype != np.float32:
        raise NetworkFileError("the tensor %s is of type %s, not float32" % (str(name)[:100], array.dtype))
    return array


def refuse_family(network):
    """Raise BlendError unless a network is of StyleGAN2; PyTorch's formats have no place for others."""
    if network.family not in (STYLEGAN2, STYLEGAN2_ADA):
        raise BlendError("%s is a network of %s; this format has networks of StyleGAN2 only" % (
            network.name, network.family.name))


def _tensors(module):
    """{name: array} of a module's parameters and buffers, and of its parts'."""
    arrays, modules, count = OrderedDict(), [("", module)], 0
    while modules:
        prefix, module = modules.pop()
        for group in ("_parameters", "_buffers", "_modules"):
            for name, value in _dict(module.state.get(group)).items():
                count += 1
                if type(name) is not str or len(name) + len(prefix) > 100 or count > _MOST_PARTS:
                    raise NetworkFileError("its modules have too many or too long names")
                if isinstance(value, Module):
                    modules.append(("%s%s." % (prefix, name), value))
                elif value is not None and name not in _DERIVED:
                    arrays[prefix + name] = to_array(prefix + name, value)
    return arrays


def _dict(value):
    if value is not None and not isinstance(value, dict):
        raise NetworkFileError("a module's parts are a %s, not a dict" % type(value).__name__)
    return value or {}


def _part(module, *names):
    """A part of a module by the names on the way to it, or None."""
    for name in names:
        module = _dict(module.state.get("_modules")).get(name) if isinstance(module, Module) else None
    return module if isinstance(module, Module) else None


def _attribute(module, name, default=None):
    return default if module is None else module.state.get(name, default)


def _arguments(module):
    """The arguments that a module was made with; those of stylegan2-ada-pytorch nest, stylegan3's do not."""
    arguments = _dict(module.state.get("_init_kwargs"))
    return dict(arguments, **{key: value for key, value in _dict(arguments.get("synthesis_kwargs")).items()
                              if isinstance(key, str)})


def _refuse_families(module):
    for part in (module, _part(module, "synthesis"), _part(module, "synthesis", "input")):
        if part is not None and part.class_name in _FAMILIES:
            raise NetworkFileError("is a network of %s (%s); blend reads StyleGAN2" % (
                _FAMILIES[part.class_name], part.class_name))


def _generator(module, name):
    _refuse_families(module)
    synthesis, mapping = _part(module, "synthesis"), _part(module, "mapping")
    first, layer = _part(synthesis, "b4", "conv1"), _part(mapping, "fc0")
    if first is None or layer is None:
        raise NetworkFileError("its generator %s has no synthesis.b4.conv1 or mapping.fc0, as StyleGAN2 has"
                               % str(module.class_name)[:60])
    tensors, arguments = _tensors(module), _arguments(module)
    embed, up = _part(mapping, "embed"), _part(synthesis, "b8", "conv0")
    kwargs = OrderedDict([
        ("latent_size", module.state.get("z_dim")), ("label_size", module.state.get("c_dim")),
        ("dlatent_size", module.state.get("w_dim")), ("resolution", _resolution(module)),
        ("num_channels", module.state.get("img_channels")), ("mapping_layers", mapping.state.get("num_layers")),
        ("mapping_fmaps", _size(tensors, "mapping.fc0.bias")), ("mapping_lrmul", layer.state.get("bias_gain")),
        ("mapping_nonlinearity", layer.state.get("activation")),
        ("architecture", _attribute(_part(synthesis, "b4"), "architecture")),
        ("nonlinearity", first.state.get("activation")), ("use_noise", first.state.get("use_noise")),
        ("conv_clamp", first.state.get("conv_clamp")),
        ("resample_kernel", _taps(up)), ("num_fp16_res", arguments.get("num_fp16_res", 0)),
    ])
    if embed is not None:
        kwargs["label_fmaps"] = _size(tensors, "mapping.embed.bias")
    if type(kwargs["mapping_layers"]) is int and kwargs["mapping_layers"] == 1:
        kwargs["mapping_fmaps"] = None
    kwargs.update(_channels(arguments))
    constant = np.shape(tensors.get("synthesis.b4.const", 0))[:1]
    if constant != (_size(tensors, "synthesis.b4.conv1.bias"),):
        kwargs["fmap_const"] = constant[0] if constant else None
    return _built(layouts.generator, name, kwargs, tensors, layouts.ada_generator)


def _resolution(module):
    """Pixels of a side. NetworkFileError: it is of a fork that has two of them, which differ."""
    value = module.state.get("img_resolution")
    if not isinstance(value, (list, tuple)) or len(value) != 2 or not all(type(side) is int for side in value):
        return value
    if value[0] != value[1]:
        raise NetworkFileError("is a network of a fork of stylegan2-ada-pytorch for pictures that are not square "
                               "(img_resolution=%s); blend reads square ones" % brief(tuple(value)))
    return value[0]


def _discriminator(module):
    tensors, arguments, last = _tensors(module), _arguments(module), _part(module, "b4")
    resolution = _resolution(module)
    top = _part(module, "b%s" % resolution) if type(resolution) is int else None
    deviation, mapping = _part(last, "mbstd"), _part(module, "mapping")
    kwargs = OrderedDict([
        ("label_size", module.state.get("c_dim")), ("resolution", resolution),
        ("num_channels", module.state.get("img_channels")), ("architecture", _attribute(last, "architecture")),
        ("nonlinearity", _attribute(_part(last, "conv"), "activation")),
        ("conv_clamp", _attribute(_part(last, "conv"), "conv_clamp")), ("resample_kernel", _taps(_part(top, "conv1"))),
        ("mbstd_group_size", _attribute(deviation, "group_size")),
        ("mbstd_num_features", _attribute(deviation, "num_channels", 0)),
        ("num_fp16_res", arguments.get("num_fp16_res", 0)),
    ])
    if mapping is not None:
        kwargs["mapping_layers"] = mapping.state.get("num_layers")
        kwargs["mapping_fmaps"] = _size(tensors, "mapping.embed.bias")
        kwargs["mapping_lrmul"] = _attribute(_part(mapping, "fc0"), "bias_gain", 0.1)
    frozen = _dict(arguments.get("block_kwargs")).get("freeze_layers")
    if type(frozen) is int and frozen:
        kwargs["freeze_layers"] = frozen
    kwargs.update(_channels(arguments))
    return _built(layouts.discriminator, "D", kwargs, tensors, layouts.ada_discriminator)


def _built(build, name, kwargs, tensors, table):
    """The Network that `build` makes; its static_kwargs are checked before anything is worked out from them."""
    for key, value in kwargs.items():
        items = list(value) if type(value) in (tuple, list) and len(value) <= 64 else [value]
        if not all(type(item) in (int, float, str, bool, type(None)) for item in items):
            raise NetworkFileError("its %s is a %s" % (key, type(value).__name__))
    try:
        return build(name, kwargs, tensors, table)
    except (TypeError, ValueError, AttributeError, OverflowError):
        raise NetworkFileError("the arguments of %s are not those of a StyleGAN2 network" % name)


def _channels(arguments):
    base, limit = arguments.get("channel_base", 32768), arguments.get("channel_max", 512)
    if type(base) is not int or type(limit) is not int:
        raise NetworkFileError("channel_base and channel_max are not whole numbers")
    return OrderedDict([("fmap_base", base // 2), ("fmap_max", limit)])


def _size(tensors, name):
    return None if name not in tensors else int(tensors[name].size)


def _taps(layer):
    if layer is None:
        return [1, 3, 3, 1]
    taps = _dict(layer.state.get("_init_kwargs")).get("resample_filter", [1, 3, 3, 1])
    return list(taps) if isinstance(taps, (list, tuple)) else taps


def write(networks, file):
    """Write a pickle to an open binary file. Returns what these repositories do not get.

    BlendError: networks that they cannot express.
    """
    for network in networks.by_role.values():
        _refuse(network)
    Writer().write(networks, file)
    lost = []
    if networks.D is None:
        lost.append("D: there was none; a part without weights stands in its place, as their loader asks for one")
    return lost


def _refuse(network):
    """Raise BlendError for an architecture that these repositories cannot express."""
    refuse_family(network)
    a = network.architecture
    unknown = [feature for feature, is_unknown in (
        ("normalize_latents off", not a.get("normalize_latents", True)),
        ("fmap_decay %s" % a["fmap_decay"], a["fmap_decay"] != 1), ("fmap_min %d" % a["fmap_min"], a["fmap_min"] > 1),
        ("labels as of StyleGAN2 (LabelConcat)", a["label_size"] and not a["label_embedding"]),
        ("no minibatch standard deviation", not network.is_generator and a["mbstd_group_size"] in (0, 1)),
    ) if is_unknown]
    if unknown:
        raise BlendError("%s cannot be written for stylegan2-ada-pytorch, which does not know: %s" % (
            network.name, ", ".join(unknown)))
