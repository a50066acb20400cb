"""The checkpoints of rosinality's stylegan2-pytorch: `torch.save` of a dict {g_ema, g, d, latent_avg, ...}.

Architecture follows from the tensors' shapes; the rest is fixed in that repository's code (skip generators and
residual discriminators, leaky ReLU, filters [1,3,3,1], learning rate 0.01 of the mapping network, no labels).
"""

import io
import zipfile
from collections import OrderedDict

import numpy as np

from blend.checkpoints import description, layouts, pytorch_pickle
from blend.checkpoints.contents import Contents
from blend.checkpoints.pickle_writer import Emitter, Global, Ordered, Persistent
from blend.checkpoints.pytorch_modules import SIDECAR, tensor_of
from blend.checkpoints.torch_files import Module, Tensor
from blend.errors import BlendError, NetworkFileError
from blend.networks import stand_ins
from blend.networks.stylegan2 import channels, synthesis_layers
from blend.system.pending import Pending

NAME = "rosinality"
_ENTRIES = (("Gs", "g_ema"), ("G", "g"), ("D", "d"))
# Other PyTorch files that people have, by a key of theirs.
_FAMILIES = {"g_running": "StyleGAN 1 (rosinality)", "generator_smooth": "GenForce", "GAN": "lucidrains' stylegan2",
             "params_ema": "BasicSR", "opts": "pixel2style2pixel or encoder4editing"}
_FIXED = {"architecture": "skip", "nonlinearity": "lrelu", "mapping_nonlinearity": "lrelu", "mapping_lrmul": 0.01,
          "normalize_latents": True, "resample_kernel": (1, 3, 3, 1), "num_channels": 3, "label_size": 0,
          "use_noise": True, "fmap_const": None, "conv_clamp": None}
_FIXED_D = {"architecture": "resnet", "nonlinearity": "lrelu", "resample_kernel": (1, 3, 3, 1), "num_channels": 3,
            "label_size": 0, "mbstd_group_size": 4, "mbstd_num_features": 1, "conv_clamp": None}


def recognise(value):
    """Whether what a PyTorch file holds is such a checkpoint."""
    return isinstance(value, dict) and isinstance(value.get("g_ema"), dict) and not isinstance(value["g_ema"], Module)


def refuse_families(value):
    """Raise NetworkFileError that names what a PyTorch file is instead, as far as its keys tell."""
    keys = sorted(key for key in value if isinstance(key, str)) if isinstance(value, dict) else []
    for key in keys:
        if key in _FAMILIES:
            raise NetworkFileError("is a checkpoint of %s; of PyTorch's, blend reads those of stylegan2-ada-pytorch, "
                                   "stylegan3 and rosinality" % _FAMILIES[key])
    raise NetworkFileError("holds no network, but the entries %s; rosinality's files have g_ema, NVIDIA's of PyTorch "
                           "G_ema" % (", ".join(key[:60] for key in keys[:6]) or "(none)"))


def read(value):
    """The Contents of what a PyTorch file holds."""
    tensors = {role: tensors_of(value[entry]) for role, entry in _ENTRIES if isinstance(value.get(entry), dict)}
    average = value.get("latent_avg")
    for role in ("Gs", "G"):
        if average is not None and role in tensors:
            tensors[role]["latent_avg"] = pytorch_pickle.to_array("latent_avg", average).reshape(-1)
    sidecar = value.get(SIDECAR)
    if sidecar is not None:
        return pytorch_pickle.restored(sidecar, tensors, lambda role: _naming(role, _top(tensors.get("D", {}))))
    left_out = ["%s (needed only to resume training there)" % name
                for name in ("g_optim", "d_optim", "args", "ada_aug_p") if name in value]
    by_role = {}
    for role in ("Gs", "G"):
        if role in tensors:
            by_role[role], notes = generator(role, tensors[role])
            left_out += [note for note in notes if note not in left_out]
    if "D" in tensors:
        by_role["D"], notes = pytorch_pickle.if_it_fits(_discriminator, tensors["D"])
        left_out += notes
    return Contents(left_out=tuple(left_out), **by_role)


def _naming(role, top):
    if role == "D":
        return lambda name: layouts.rosinality_discriminator(name, top)
    return layouts.rosinality_generator


def tensors_of(state):
    """{name: array}; data-parallel training put 'module.' before the names."""
    arrays = OrderedDict()
    if len(state) > 2000:
        raise NetworkFileError("has %d tensors; a network of 1024x1024 has some 300" % len(state))
    for name, tensor in state.items():
        if isinstance(tensor, Tensor) and isinstance(name, str) and not name.endswith(".kernel"):
            name = name[len("module."):] if name.startswith("module.") else name
            arrays[name] = pytorch_pickle.to_array(name, tensor)
    return arrays


def shape_of(tensors, name, dimensions):
    shape = np.shape(tensors.get(name, 0))
    if len(shape) != dimensions:
        raise NetworkFileError("the tensor %s is missing, or has the shape %r" % (name, shape))
    return shape


def widths(top, counts):
    """Arguments that give these numbers of channels, from 4x4 up to `top`."""
    return OrderedDict([("fmap_base", top * counts[-1] // 2), ("fmap_max", max(counts))])


def generator(name, tensors):
    """(a generator Network, what stands for tensors that are not there, in words)."""
    latent = shape_of(tensors, "style.1.weight", 2)[1]
    layers, counts = 0, [shape_of(tensors, "conv1.conv.weight", 5)[1]]
    while "style.%d.weight" % (layers + 1) in tensors:
        layers += 1
    while "convs.%d.conv.weight" % (2 * len(counts) - 2) in tensors and len(counts) < 10:
        counts.append(shape_of(tensors, "convs.%d.conv.weight" % (2 * len(counts) - 2), 5)[1])
    resolution = 2 ** (len(counts) + 1)
    kwargs = OrderedDict([
        ("latent_size", latent), ("dlatent_size", latent), ("mapping_fmaps", latent), ("resolution", resolution),
        ("num_channels", 3), ("label_size", 0), ("mapping_layers", layers)], **widths(resolution, counts))
    lacking, notes = [], []
    if "latent_avg" not in tensors:
        lacking, notes = ["dlatent_avg"], [stand_ins.NO_AVERAGE]
    if not any(tensor_name.startswith("noises.") for tensor_name in tensors):
        lacking += ["G_synthesis/noise%d" % layer for layer in range(synthesis_layers(resolution) - 1)]
        notes.append(stand_ins.NO_NOISE)
    network = layouts.generator(name, kwargs, tensors, layouts.rosinality_generator, lacking)
    check_all_read(tensors, network, layouts.rosinality_generator)
    return network, notes


def _top(tensors):
    """The resolution of `d`, whose blocks count from the top: convs.0 is fromRGB, convs.1 the images' resolution."""
    blocks = 0
    while "convs.%d.conv2.1.weight" % (blocks + 1) in tensors and blocks < 10:
        blocks += 1
    return 2 ** (blocks + 2)


def _discriminator(tensors):
    resolution = _top(tensors)
    counts = [shape_of(tensors, "convs.%d.conv2.1.weight" % i, 4)[0]
              for i in range(resolution.bit_length() - 3, 0, -1)]
    counts.append(shape_of(tensors, "convs.0.0.weight", 4)[0])
    kwargs = OrderedDict([("num_channels", 3), ("resolution", resolution), ("label_size", 0), ("mbstd_group_size", 4)],
                         **widths(resolution, counts))
    network = layouts.discriminator("D", kwargs, tensors, _naming("D", resolution))
    check_all_read(tensors, network, _naming("D", resolution))
    return network


def check_all_read(tensors, network, naming):
    """Raise NetworkFileError where a tensor has no place in the network. naming: a table of layouts.py."""
    places = [naming(name) for name in network.stored]
    read_names = {place[0] for place in places if place is not None}
    unread = [name for name in tensors if name not in read_names]
    if unread:
        raise NetworkFileError("the tensor %s is of no StyleGAN2 network" % unread[0][:100])


def write(networks, file):
    """Write a zip archive of `torch.save` to an open binary file. Returns what that repository does not get.

    BlendError: networks that it cannot express.
    """
    lost, entries = [], OrderedDict()
    sidecar = OrderedDict([("description", description.describe(networks))])
    for role, entry in _ENTRIES:
        network = getattr(networks, role)
        if network is None:
            continue
        _refuse(network)
        tensors, exact = layouts.to_torch(network, _naming(role, network.resolution))
        sidecar.update(("%s/%s" % (role, name), array) for name, array in exact.items())
        average = tensors.pop("latent_avg", None)
        if role == "Gs":
            latent_avg = average
        elif role == "G" and average.tobytes() != latent_avg.tobytes():
            lost.append("dlatent_avg of G: the format has one for both, that of Gs is taken")
        tensors.update(_kernels(role, network.resolution))
        entries[entry] = Ordered(tensors)
    entries["latent_avg"], entries[SIDECAR] = latent_avg, sidecar
    _archive(entries, file)
    return lost + _not_in_code(networks.Gs)


def _not_in_code(network):
    """What of a generator rosinality's code does not know, in words."""
    lost = []
    for key in ("conv_clamp", "num_fp16_res"):
        value = network.static_kwargs.get(key)
        if isinstance(value, (int, float)) and value:
            lost.append("%s %s: rosinality's code has no such thing" % (key, value))
    if not _is_usual(network):
        counts = ", ".join("%d: %d" % pair for pair in channels(network.architecture))
        lost.append("channels: rosinality's code has fixed numbers of them; to open this file there, set `channels` in "
                    "its model.py to this network's (%s)" % counts)
    return lost


def _refuse(network):
    pytorch_pickle.refuse_family(network)
    a, fixed = network.architecture, _FIXED if network.is_generator else _FIXED_D
    unknown = ["%s %r (there always %r)" % (key, a[key], value) for key, value in fixed.items()
               if a[key] != value and key != "conv_clamp"]
    if network.is_generator and not a["latent_size"] == a["dlatent_size"] == a["mapping_fmaps"]:
        unknown.append("latent_size, dlatent_size and mapping_fmaps that differ")
    if unknown:
        raise BlendError("%s cannot be written as rosinality's, which has no place for: %s" % (
            network.name, ", ".join(unknown)))


def _is_usual(network):
    """Whether a generator has the channels of that repository's code, for either of its channel multipliers."""
    counts = channels(network.architecture)
    return any(counts == [(size, min(512, 16384 * multiplier // size)) for size, _ in counts] for multiplier in (1, 2))


def _kernels(role, top):
    """The low-pass filters, which `state_dict` lists: outer([1,3,3,1]) to sum 1, 4 where images get larger."""
    kernel = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32) / np.float32(64)
    blocks = range(top.bit_length() - 3)
    if role == "D":
        names = ["convs.%d.%s.0.kernel" % (i + 1, part) for i in blocks for part in ("conv2", "skip")]
        return OrderedDict((name, kernel) for name in names)
    names = ["convs.%d.conv.blur.kernel" % (2 * i) for i in blocks]
    names += ["to_rgbs.%d.upsample.kernel" % i for i in blocks]
    return OrderedDict((name, kernel * np.float32(4)) for name in names)


def _archive(entries, file):
    """`torch.save`'s archive: archive/data.pkl with persistent ids, archive/data/N with their bytes."""
    arrays = []

    def with_tensors(value):
        if isinstance(value, dict):
            return type(value)((key, with_tensors(item)) for key, item in value.items())
        if not isinstance(value, (np.ndarray, Pending)):
            return value
        arrays.append(value)
        pid = ("storage", Global("torch", "FloatStorage"), str(len(arrays) - 1), "cpu", value.size)
        return tensor_of(Persistent(pid), value.shape)

    archive = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True)
    try:
        with io.BytesIO() as stream:
            Emitter(stream, 2).dump(with_tensors(entries))
            _member(archive, "data.pkl", stream.getvalue())
        _member(archive, "byteorder", b"little")
        for i, array in enumerate(arrays):
            _member(archive, "data/%d" % i, np.ascontiguousarray(array, "<f4").tobytes())
        _member(archive, "version", b"3\n")
        archive.close()
    except BaseException:
        archive.fp = None  # else it ends what nobody wants, and hides what went wrong
        raise


def _member(archive, name, data):
    archive.writestr(zipfile.ZipInfo("archive/" + name), data)  # with a fixed date: the same networks, the same bytes
