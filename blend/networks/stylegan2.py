"""StyleGAN2 (Karras et al. 2020, arXiv 1912.04958) and StyleGAN2-ADA (arXiv 2006.06676): arguments, variables, layers.

Names, defaults and shapes are those of NVIDIA's build functions and files; blend's graph of them is
carried/stylegan2_graph.py. Letters as there; feature maps at 2^r are those of stage r - 1.
"""

import re
from collections import OrderedDict

import numpy as np

from blend.errors import brief
from blend.networks.families import MOST_TAPS, Argument, Family, Part, Role, register
from blend.networks.layers import Layer

RESOLUTIONS = tuple(2 ** n for n in range(2, 11))
_NONLINEARITIES = ("lrelu", "relu", "linear")
_ARCHITECTURES = ("skip", "orig", "resnet")


def _common(architecture):
    """Arguments that generators and discriminators share; `architecture` is their default of that name."""
    return [
        ("resolution", Argument(int, 1024, choices=RESOLUTIONS, shapes_variables=True)),
        ("num_channels", Argument(int, 3, 1, 16, shapes_variables=True)),
        ("label_size", Argument(int, 0, shapes_variables=True)),
        # Channels at 2^r: clip(int(fmap_base / 2^((r - 1) fmap_decay)), fmap_min, fmap_max).
        ("fmap_base", Argument(int, 16384, shapes_variables=True)),
        ("fmap_decay", Argument(float, 1.0, 0, 16, shapes_variables=True)),
        ("fmap_min", Argument(int, 1, 1, shapes_variables=True)),
        ("fmap_max", Argument(int, 512, 1, shapes_variables=True)),
        ("architecture", Argument(str, architecture, choices=_ARCHITECTURES, changes_pictures=True,
                                  shapes_variables=True)),
        ("nonlinearity", Argument(str, "lrelu", choices=_NONLINEARITIES, changes_pictures=True)),
        ("resample_kernel", Argument(tuple, (1, 3, 3, 1), most=1000, changes_pictures=True)),
        ("conv_clamp", Argument(float, None, 1, is_optional=True)),  # of ADA; a limit that few values reach
        ("label_embedding", Argument(bool, False, shapes_variables=True)),  # of ADA, see `_ada`
    ]


GENERATOR = OrderedDict(_common("skip") + [
    ("latent_size", Argument(int, 512, 1, shapes_variables=True)),
    ("dlatent_size", Argument(int, 512, 1, shapes_variables=True)),
    ("mapping_layers", Argument(int, 8, 1, 64, shapes_variables=True)),
    ("mapping_fmaps", Argument(int, 512, 1, none_is="dlatent_size", shapes_variables=True)),
    ("mapping_lrmul", Argument(float, 0.01, 1e-9, changes_pictures=True)),
    ("mapping_nonlinearity", Argument(str, "lrelu", choices=_NONLINEARITIES, changes_pictures=True)),
    ("normalize_latents", Argument(bool, True, changes_pictures=True)),
    ("fmap_const", Argument(int, None, 1, is_optional=True, shapes_variables=True)),
    ("label_fmaps", Argument(int, None, 1, none_is="latent_size", shapes_variables=True)),
    ("use_noise", Argument(bool, True, shapes_variables=True)),
])
DISCRIMINATOR = OrderedDict(_common("resnet") + [
    ("mbstd_group_size", Argument(int, 4, is_optional=True)),  # None: the whole minibatch
    ("mbstd_num_features", Argument(int, 1, choices=(1,))),
    ("mapping_layers", Argument(int, 0, 0, 64, shapes_variables=True)),
    ("mapping_fmaps", Argument(int, None, 1, is_optional=True, shapes_variables=True)),
    ("mapping_lrmul", Argument(float, 0.1, 1e-9)),
])


def _ada(arguments, **defaults):
    """The arguments of StyleGAN2-ADA's functions: the same, with other defaults, and labels that are embedded."""
    changed = OrderedDict(arguments)
    for name, default in defaults.items():
        changed[name] = arguments[name]._replace(default=default)
    return changed


def _resolved(values):
    """None where a filter stands: the same as taps (1, 1)."""
    taps = (1, 1) if values["resample_kernel"] is None else values["resample_kernel"]
    return dict(values, resample_kernel=taps, label_embedding=False)


def _resolved_ada(values):
    return dict(_resolved(values), label_embedding=True)


def fmaps(architecture, r):
    """Channels at resolution 2^r: clip(int(fmap_base / 2^(stage fmap_decay)), fmap_min, fmap_max), stage r - 1."""
    channels = int(architecture.fmap_base / 2.0 ** ((r - 1) * architecture.fmap_decay))
    return min(max(channels, architecture.fmap_min), architecture.fmap_max)


def channels(architecture):
    """[(resolution, channels)] from 4x4 up."""
    return [(2 ** r, fmaps(architecture, r)) for r in range(2, architecture.resolution.bit_length())]


def synthesis_layers(resolution):
    """L, the number of style inputs of a generator of resolution R: 2 log2(R) - 2."""
    return 2 * resolution.bit_length() - 4


def mapping(architecture):
    """{name: shape} of the mapping network's variables."""
    shapes, latent = OrderedDict(), architecture.latent_size
    inputs = latent
    if architecture.label_size and architecture.label_embedding:
        size = architecture.label_fmaps
        shapes["LabelEmbed/weight"], shapes["LabelEmbed/bias"] = (architecture.label_size, size), (size,)
        inputs = latent + size
    elif architecture.label_size:
        shapes["LabelConcat/weight"] = (architecture.label_size, latent)
        inputs = 2 * latent
    for i in range(architecture.mapping_layers):
        is_last = i == architecture.mapping_layers - 1
        outputs = architecture.dlatent_size if is_last else architecture.mapping_fmaps
        shapes["Dense%d/weight" % i], shapes["Dense%d/bias" % i] = (inputs, outputs), (outputs,)
        inputs = outputs
    return shapes


def _convolution(architecture, kernel, inputs, outputs, noise=True):
    """{name: shape} of one modulated convolution."""
    shapes = OrderedDict([("weight", (kernel, kernel, inputs, outputs)),
                          ("mod_weight", (architecture.dlatent_size, inputs)), ("mod_bias", (inputs,))])
    if noise and architecture.use_noise:
        shapes["noise_strength"] = ()
    shapes["bias"] = (outputs,)
    return shapes


def _block(architecture, r):
    """[(module, {name: shape})] of a synthesis network at 2^r."""
    width, top = fmaps(architecture, r), architecture.resolution.bit_length() - 1
    modules = []
    if r == 2:
        constant = architecture.fmap_const or width
        modules.append(("Const", {"const": (1, constant, 4, 4)}))
        modules.append(("Conv", _convolution(architecture, 3, constant, width)))
    else:
        below = fmaps(architecture, r - 1)
        modules.append(("Conv0_up", _convolution(architecture, 3, below, width)))
        modules.append(("Conv1", _convolution(architecture, 3, width, width)))
        if architecture.architecture == "resnet":
            modules.append(("Skip", {"weight": (1, 1, below, width)}))
    if architecture.architecture == "skip" or r == top:
        modules.append(("ToRGB", _convolution(architecture, 1, width, architecture.num_channels, noise=False)))
    return modules


def synthesis(architecture):
    """{name: shape} of the synthesis network's variables."""
    shapes, top = OrderedDict(), architecture.resolution.bit_length() - 1
    for layer in range(2 * top - 3 if architecture.use_noise else 0):
        size = 2 ** ((layer + 5) // 2)
        shapes["noise%d" % layer] = (1, 1, size, size)
    for r in range(2, top + 1):
        for module, variables in _block(architecture, r):
            shapes.update(("%dx%d/%s/%s" % (2 ** r, 2 ** r, module, name), shape)
                          for name, shape in variables.items())
    return shapes


def generator(architecture):
    """{name: shape} of a generator's own variables. `lod` means nothing any more; networks of ADA have none."""
    return OrderedDict([("lod", ()), ("dlatent_avg", (architecture.dlatent_size,))])


def discriminator(architecture):
    """{name: shape} of the discriminator's variables."""
    shapes, top = OrderedDict(), architecture.resolution.bit_length() - 1
    outputs = max(architecture.label_size, 1)

    def layer(name, shape):
        shapes[name + "/weight"], shapes[name + "/bias"] = shape, shape[-1:]

    if architecture.label_size and architecture.label_embedding:
        inputs, outputs = architecture.label_size, architecture.mapping_fmaps or fmaps(architecture, 1)
        for name in ["LabelEmbed"] + ["Mapping%d" % i for i in range(architecture.mapping_layers)]:
            layer(name, (inputs, outputs))
            inputs = outputs
    for r in range(top, 1, -1):
        scope, width, below = "%dx%d/" % (2 ** r, 2 ** r), fmaps(architecture, r), fmaps(architecture, r - 1)
        if architecture.architecture == "skip" or r == top:
            layer(scope + "FromRGB", (1, 1, architecture.num_channels, width))
        if r > 2:
            layer(scope + "Conv0", (3, 3, width, width))
            layer(scope + "Conv1_down", (3, 3, width, below))
            if architecture.architecture == "resnet":
                shapes[scope + "Skip/weight"] = (1, 1, width, below)
        else:
            deviation = 0 if architecture.mbstd_group_size in (0, 1) else architecture.mbstd_num_features
            layer(scope + "Conv", (3, 3, width + deviation, width))
            layer(scope + "Dense0", (width * 16, below))
    layer("Output", (fmaps(architecture, 1), outputs))
    return shapes


_SYNTHESIS = re.compile(r"G_synthesis/(\d+)x\1/(Const|Conv|Conv0_up|Conv1|Skip|ToRGB)/")
_NOISE = re.compile(r"G_synthesis/noise\d+$")
# The article matches the beginnings of names; `Conv` (4x4) and `Skip` (resnet) begin with none of these.
_LEVELS = (("Conv0_up", 0), ("Const", 0), ("Conv1", 1), ("ToRGB", 1))


def locate(name):
    """The Layer of a variable of Gs, by its global name; None: no StyleGAN2 generator has such a variable.

    >>> locate("G_synthesis/32x32/Conv1/weight")
    Layer(kind='conv', resolution=32, module='Conv1', level=1)
    >>> locate("G_synthesis/4x4/Conv/weight").position is None
    True
    """
    if name.startswith("G_mapping/"):
        return Layer("mapping")
    if name in ("dlatent_avg", "lod"):
        return Layer(name)
    if _NOISE.match(name):
        return Layer("noise")
    match = _SYNTHESIS.match(name)
    if match is None:
        return None
    module = match.group(2)
    level = next((level for word, level in _LEVELS if module.startswith(word)), None)
    return Layer("torgb" if module == "ToRGB" else "conv", int(match.group(1)), module, level)


# Arguments of forks for pictures that are not square, and what they are where pictures are square, from 4x4 up.
_SQUARE = OrderedDict([
    ("min_h", lambda resolution: [4]), ("min_w", lambda resolution: [4]), ("init_res", lambda resolution: [4, 4]),
    ("res_log2", lambda resolution: [resolution.bit_length() - 3]), ("resolution_h", lambda resolution: [resolution]),
    ("resolution_w", lambda resolution: [resolution]),
])


def _fork(static_kwargs, own_variables):
    """The fork that makes pictures which are not square, told by its arguments or by its constant input."""
    resolution = _numbers(static_kwargs.get("resolution", GENERATOR["resolution"].default))[:1]
    signs = ["%s=%s" % (key, _in_words(static_kwargs[key])) for key, square in _SQUARE.items()
             if key in static_kwargs and (not resolution or _numbers(static_kwargs[key]) != square(resolution[0]))]
    if not signs:
        signs = ["%s of %dx%d" % ((name,) + np.shape(value)[2:]) for name, value in own_variables.items()
                 if name.endswith("/Const/const") and np.ndim(value) == 4 and np.shape(value)[2:] != (4, 4)]
    return "for pictures that are not square (%s)" % ", ".join(signs[:6]) if signs else None


def _numbers(value):
    """The whole numbers of an argument as a list, whatever holds them; none where it is something else."""
    if isinstance(value, (np.generic, np.ndarray)) and value.size <= MOST_TAPS:
        value = value.tolist()
    numbers = list(value[:MOST_TAPS]) if isinstance(value, (list, tuple)) else [value]
    return numbers if all(type(number) is int for number in numbers) else []


def _in_words(value):
    numbers = _numbers(value)
    return str(numbers) if len(numbers) > 1 else brief(numbers[0] if numbers else value)


def _summary(architecture):
    labels = "%d classes" % architecture.label_size if architecture.label_size else "no labels"
    return [
        ("pictures", "%dx%d, %d channels, %s" % (architecture.resolution, architecture.resolution,
                                                  architecture.num_channels, architecture.architecture)),
        ("latents", "z %d, w %d, %d mapping layers, %s" % (architecture.latent_size, architecture.dlatent_size,
                                                           architecture.mapping_layers, labels)),
        ("channels", ", ".join("%d: %d" % pair for pair in channels(architecture))),
    ]


def _generator_role(arguments, synthesis_function, resolved, optional=()):
    return Role(arguments, Part(("G_main",), generator, optional), OrderedDict([
        ("synthesis", Part((synthesis_function,), synthesis)), ("mapping", Part(("G_mapping",), mapping))]), resolved)


STYLEGAN2 = register(Family("StyleGAN2", {
    "generator": _generator_role(GENERATOR, "G_synthesis_stylegan2", _resolved),
    "discriminator": Role(DISCRIMINATOR, Part(("D_stylegan2",), discriminator), resolved=_resolved),
}, locate, _summary, _fork))
STYLEGAN2_ADA = register(Family("StyleGAN2-ADA", {
    "generator": _generator_role(_ada(GENERATOR, mapping_fmaps=None), "G_synthesis", _resolved_ada, ("lod",)),
    "discriminator": Role(_ada(DISCRIMINATOR, mbstd_group_size=None), Part(("D_main",), discriminator),
                          resolved=_resolved_ada),
}, locate, _summary, _fork))
