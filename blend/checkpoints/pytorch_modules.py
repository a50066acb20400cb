"""Writes networks as the trees of modules that stylegan2-ada-pytorch's pickles hold (see pytorch_pickle.py)."""

import io
import struct
from collections import OrderedDict

import numpy as np

from blend import carried
from blend.checkpoints import description, layouts
from blend.checkpoints.pickle_reader import EasyDict
from blend.checkpoints.pickle_writer import Call, Chunks, Emitter, Global, Once, Ordered, Persistent
from blend.checkpoints.torch_files import MAGIC
from blend.system.pending import Pending

SIDECAR = "blend"  # the entry of a file with what PyTorch's own cannot hold
ENTRIES = (("G", "G"), ("D", "D"), ("Gs", "G_ema"))
# Arguments of modules that are no attributes: parameters and buffers have these names.
_ARGUMENTS_ONLY = ("bias", "resample_filter")
_SYSTEM = OrderedDict([("protocol_version", 1001), ("little_endian", True), (
    "type_sizes", OrderedDict([("short", 2), ("int", 4), ("long", 4)]))])


def naming(role):
    """The table of layouts.py for a role."""
    return layouts.ada_discriminator if role == "D" else layouts.ada_generator


class Writer(object):
    """Turns networks into the tree of modules that their pickles hold."""

    def write(self, networks, file):
        entries, sidecar = OrderedDict(), OrderedDict([("description", description.describe(networks))])
        for role, entry in ENTRIES:
            network = getattr(networks, role)
            if network is None:
                entries[entry] = self._module("NoDiscriminator", {}) if role == "D" else None
                continue
            self._tensors, exact = layouts.to_torch(network, naming(role))
            sidecar.update(("%s/%s" % (role, name), tensor(array)) for name, array in exact.items())
            build = self._discriminator if role == "D" else self._generator
            entries[entry] = Once(build(network.architecture, network))
        entries["G"] = entries["G"] or entries["G_ema"]
        entries.update([("training_set_kwargs", None), ("augment_pipe", None), (SIDECAR, sidecar)])
        Emitter(file).dump(entries)

    def _module(self, class_name, kwargs, prefix=None, buffers=None, parts=None, **attributes):
        """One module: its class, the arguments it was made with, the tensors under a prefix, its parts."""
        arrays = {} if prefix is None else self._own(prefix)
        if kwargs.get("bias") is False:
            arrays["bias"] = None
        buffers = Ordered((name, tensor(array)) for name, array in (buffers or {}).items())
        buffers.update((name, tensor(arrays.pop(name))) for name in ("noise_const", "w_avg") if name in arrays)
        parameters = Ordered((name, None if array is None else parameter(array)) for name, array in arrays.items())
        state = OrderedDict([("training", False), ("_parameters", parameters), ("_buffers", buffers),
                             ("_non_persistent_buffers_set", Call(Global("builtins", "set"), ([],)))])
        for hooks in ("_backward_hooks", "_forward_hooks", "_forward_pre_hooks", "_state_dict_hooks",
                      "_load_state_dict_pre_hooks"):
            state[hooks] = Ordered()
        state["_modules"] = Ordered((name, part) for name, part in (parts or {}).items() if part is not None)
        state.update((name, value) for name, value in kwargs.items() if name not in _ARGUMENTS_ONLY)
        state.update(attributes)
        state.update([("_init_args", ()), ("_init_kwargs", dict(kwargs))])
        meta = OrderedDict([("type", "class"), ("version", 6), ("module_src", carried.text(carried.TORCH)),
                            ("class_name", class_name), ("state", state)])
        return Call(Global("torch_utils.persistence", "_reconstruct_persistent_obj"), (meta,))

    def _own(self, prefix):
        """OrderedDict of local name to array of the tensors of one module, without those of its parts."""
        return OrderedDict((name[len(prefix):], array) for name, array in self._tensors.items()
                           if name.startswith(prefix) and "." not in name[len(prefix):])

    def _dense(self, prefix, activation="linear", lr_multiplier=1, bias_init=0):
        outputs, inputs = self._tensors[prefix + "weight"].shape
        return self._module("FullyConnectedLayer", OrderedDict([
            ("in_features", inputs), ("out_features", outputs), ("activation", activation),
            ("lr_multiplier", lr_multiplier), ("bias_init", bias_init)]), prefix, bias_gain=lr_multiplier)

    def _mapping(self, a, kwargs, prefix="mapping."):
        parts = OrderedDict()
        if a["label_size"]:
            parts["embed"] = self._dense(prefix + "embed.")
        for i in range(a["mapping_layers"]):
            parts["fc%d" % i] = self._dense("%sfc%d." % (prefix, i), kwargs["activation"], a["mapping_lrmul"])
        return self._module("MappingNetwork", kwargs, prefix, parts=parts)

    def _generator(self, a, network):
        layers = 2 * a["resolution"].bit_length() - 4
        common = OrderedDict([("w_dim", a["dlatent_size"]), ("img_resolution", a["resolution"]),
                              ("img_channels", a["num_channels"])])
        mapping = OrderedDict([
            ("num_layers", a["mapping_layers"]), ("embed_features", a["label_fmaps"]),
            ("layer_features", a["mapping_fmaps"]), ("activation", a["mapping_nonlinearity"]),
            ("lr_multiplier", a["mapping_lrmul"]), ("w_avg_beta", 0.995)])
        block = OrderedDict([
            ("architecture", a["architecture"]), ("resample_filter", list(a["resample_kernel"])),
            ("conv_clamp", a["conv_clamp"]), ("use_noise", a["use_noise"]), ("activation", a["nonlinearity"])])
        synthesis = OrderedDict([("channel_base", 2 * a["fmap_base"]), ("channel_max", a["fmap_max"]),
                                 ("num_fp16_res", network.static_kwargs.get("num_fp16_res", 0))], **block)
        if a["fmap_const"]:
            synthesis["const_channels"] = a["fmap_const"]
        resolutions = [2 ** i for i in range(2, a["resolution"].bit_length())]
        blocks = OrderedDict(("b%d" % size, self._synthesis_block(size, a, block)) for size in resolutions)
        latents = [("z_dim", a["latent_size"]), ("c_dim", a["label_size"])]
        generator_kwargs = OrderedDict(latents, **common)
        generator_kwargs.update(mapping_kwargs=EasyDict(mapping), synthesis_kwargs=EasyDict(synthesis))
        mapping_kwargs = OrderedDict(latents + [("w_dim", a["dlatent_size"]), ("num_ws", layers)], **mapping)
        return self._module(
            "Generator", generator_kwargs, num_ws=layers, parts=OrderedDict([
                ("synthesis", self._module("SynthesisNetwork", dict(common, **synthesis), parts=blocks, num_ws=layers,
                                           block_resolutions=resolutions,
                                           img_resolution_log2=a["resolution"].bit_length() - 1)),
                ("mapping", self._mapping(a, mapping_kwargs))]))

    def _synthesis_block(self, resolution, a, block):
        prefix = "synthesis.b%d." % resolution
        outputs, inputs = self._tensors[prefix + "conv1.weight"].shape[:2]
        below = 0 if resolution == 4 else self._tensors[prefix + "conv0.weight"].shape[1]
        colours = resolution == a["resolution"] or a["architecture"] == "skip"

        def layer(name, channels, up=1):
            kwargs = OrderedDict([("in_channels", channels), ("out_channels", outputs), ("w_dim", a["dlatent_size"]),
                                  ("resolution", resolution), ("up", up)], **block)
            del kwargs["architecture"]
            return self._module("SynthesisLayer", kwargs, prefix + name, _filter(a),
                                {"affine": self._dense(prefix + name + "affine.", bias_init=1)})

        parts = OrderedDict()
        if below:
            parts["conv0"] = layer("conv0.", below, 2)
        parts["conv1"] = layer("conv1.", inputs)
        if below and a["architecture"] == "resnet":
            parts["skip"] = self._convolution(prefix + "skip.", a, up=2)
        if colours:
            kwargs = OrderedDict([("in_channels", outputs), ("out_channels", a["num_channels"]),
                                  ("w_dim", a["dlatent_size"]), ("conv_clamp", a["conv_clamp"])])
            parts["torgb"] = self._module("ToRGBLayer", kwargs, prefix + "torgb.", parts={
                "affine": self._dense(prefix + "torgb.affine.", bias_init=1)})
        kwargs = OrderedDict([("in_channels", below), ("out_channels", outputs), ("w_dim", a["dlatent_size"]),
                              ("resolution", resolution), ("img_channels", a["num_channels"]),
                              ("is_last", resolution == a["resolution"])], **block)
        return self._module("SynthesisBlock", kwargs, prefix, _filter(a), parts, use_fp16=False,
                            num_conv=2 if below else 1, num_torgb=int(colours))

    def _convolution(self, prefix, a, activation="linear", up=1, down=1, conv_clamp=None):
        outputs, inputs, size = self._tensors[prefix + "weight"].shape[:3]
        biased = prefix + "bias" in self._tensors
        kwargs = OrderedDict([
            ("in_channels", inputs), ("out_channels", outputs), ("kernel_size", size), ("bias", biased),
            ("activation", activation), ("up", up), ("down", down), ("resample_filter", list(a["resample_kernel"])),
            ("conv_clamp", conv_clamp)])
        return self._module("Conv2dLayer", kwargs, prefix, _filter(a))

    def _discriminator(self, a, network):
        block = OrderedDict([("activation", a["nonlinearity"]), ("resample_filter", list(a["resample_kernel"])),
                             ("freeze_layers", network.static_kwargs.get("freeze_layers", 0))])
        common = OrderedDict([("img_channels", a["num_channels"]), ("architecture", a["architecture"]),
                              ("conv_clamp", a["conv_clamp"])])
        last = OrderedDict([("mbstd_group_size", a["mbstd_group_size"]),
                            ("mbstd_num_channels", a["mbstd_num_features"]), ("activation", a["nonlinearity"])])
        labelled = a["label_size"] > 0
        outputs = self._tensors["b4.out.bias"].size if labelled else 0
        mapping = OrderedDict([("num_layers", a["mapping_layers"]), ("embed_features", outputs or None),
                               ("layer_features", outputs or None), ("activation", a["nonlinearity"]),
                               ("lr_multiplier", a["mapping_lrmul"])])
        resolutions = [2 ** i for i in range(a["resolution"].bit_length() - 1, 2, -1)]
        parts = OrderedDict(("b%d" % size, self._discriminator_block(size, a, dict(block, **common)))
                            for size in resolutions)
        if labelled:
            parts["mapping"] = self._mapping(a, OrderedDict([
                ("z_dim", 0), ("c_dim", a["label_size"]), ("w_dim", outputs), ("num_ws", None), ("w_avg_beta", None)],
                **mapping))
        parts["b4"] = self._epilogue(a, outputs, dict(last, **common))
        kwargs = OrderedDict([
            ("c_dim", a["label_size"]), ("img_resolution", a["resolution"])], **common)
        kwargs.update([("channel_base", 2 * a["fmap_base"]), ("channel_max", a["fmap_max"]),
                       ("num_fp16_res", network.static_kwargs.get("num_fp16_res", 0)), ("cmap_dim", outputs or None),
                       ("block_kwargs", EasyDict(block)), ("mapping_kwargs", EasyDict(mapping)),
                       ("epilogue_kwargs", EasyDict(last))])
        return self._module("Discriminator", kwargs, parts=parts, block_resolutions=resolutions,
                            img_resolution_log2=a["resolution"].bit_length() - 1)

    def _discriminator_block(self, resolution, a, kwargs):
        prefix = "b%d." % resolution
        below, channels = self._tensors[prefix + "conv1.weight"].shape[:2]
        act = dict(activation=a["nonlinearity"], conv_clamp=a["conv_clamp"])
        parts = OrderedDict()
        if prefix + "fromrgb.weight" in self._tensors:
            parts["fromrgb"] = self._convolution(prefix + "fromrgb.", a, **act)
        parts["conv0"] = self._convolution(prefix + "conv0.", a, **act)
        parts["conv1"] = self._convolution(prefix + "conv1.", a, down=2, **act)
        if prefix + "skip.weight" in self._tensors:
            parts["skip"] = self._convolution(prefix + "skip.", a, down=2)
        kwargs = dict(kwargs, in_channels=0 if resolution == a["resolution"] else channels, tmp_channels=channels,
                      out_channels=below, resolution=resolution)
        return self._module("DiscriminatorBlock", kwargs, prefix, _filter(a), parts, use_fp16=False)

    def _epilogue(self, a, outputs, kwargs):
        act = dict(activation=a["nonlinearity"])
        parts = OrderedDict()
        if "b4.fromrgb.weight" in self._tensors:
            parts["fromrgb"] = self._convolution("b4.fromrgb.", a, **act)
        parts["mbstd"] = self._module("MinibatchStdLayer", OrderedDict([
            ("group_size", a["mbstd_group_size"]), ("num_channels", a["mbstd_num_features"])]))
        parts["conv"] = self._convolution("b4.conv.", a, conv_clamp=a["conv_clamp"], **act)
        parts["fc"] = self._dense("b4.fc.", a["nonlinearity"])
        parts["out"] = self._dense("b4.out.")
        kwargs = dict(kwargs, in_channels=self._tensors["b4.conv.weight"].shape[0], cmap_dim=outputs, resolution=4)
        return self._module("DiscriminatorEpilogue", kwargs, "b4.", parts=parts)


def _filter(a):
    taps = np.asarray(a["resample_kernel"], np.float32)
    kernel = taps if taps.ndim == 2 else np.outer(taps, taps)
    return {"resample_filter": kernel / kernel.sum()}


def tensor(array):
    """What PyTorch pickles for a tensor: its storage as a stream of `torch.save`, and its shape."""
    array = array if isinstance(array, Pending) else np.asarray(array)
    storage = Call(Global("torch.storage", "_load_from_bytes"), (Chunks((_head(array.size), array)),))
    return tensor_of(storage, array.shape)


def tensor_of(storage, shape):
    """What PyTorch pickles for a tensor that fills its storage, in C order."""
    strides, stride = [], 1
    for size in reversed(shape):
        strides.insert(0, stride)
        stride *= size
    return Call(Global("torch._utils", "_rebuild_tensor_v2"),
                (storage, 0, tuple(map(int, shape)), tuple(strides), False, Ordered()))


def parameter(array):
    return Call(Global("torch._utils", "_rebuild_parameter"), (tensor(array), False, Ordered()))


def _head(count):
    """The older stream of `torch.save` for one float32 storage, up to its numbers."""
    with io.BytesIO() as stream:
        pid = ("storage", Global("torch", "FloatStorage"), "0", "cpu", count, None)
        for value in (MAGIC, 1001, _SYSTEM, Persistent(pid), ["0"]):
            Emitter(stream, 2).dump(value)
        return stream.getvalue() + struct.pack("<q", count)
