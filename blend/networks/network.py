"""`Network`: one network of a file as plain data, and what must be true of it."""

from collections import OrderedDict

import numpy as np

from blend.errors import MismatchError, NetworkFileError, brief
from blend.networks import shapes
from blend.networks.stand_ins import Lazy, settled

# Defaults of NVIDIA's build functions that describe an architecture; files hold only what was set. None: what follows
# from the others (`_resolved`), and no limit for conv_clamp, the whole minibatch for mbstd_group_size.
GENERATOR_DEFAULTS = OrderedDict([
    ("resolution", 1024), ("num_channels", 3), ("label_size", 0), ("latent_size", 512), ("dlatent_size", 512),
    ("mapping_layers", 8), ("mapping_fmaps", 512), ("mapping_lrmul", 0.01), ("mapping_nonlinearity", "lrelu"),
    ("normalize_latents", True), ("fmap_base", 16384), ("fmap_decay", 1.0), ("fmap_min", 1),
    ("fmap_max", 512), ("architecture", "skip"), ("nonlinearity", "lrelu"), ("resample_kernel", (1, 3, 3, 1)),
    ("fmap_const", None), ("label_fmaps", None), ("use_noise", True), ("conv_clamp", None),
])
DISCRIMINATOR_DEFAULTS = OrderedDict([
    ("resolution", 1024), ("num_channels", 3), ("label_size", 0), ("fmap_base", 16384), ("fmap_decay", 1.0),
    ("fmap_min", 1), ("fmap_max", 512), ("architecture", "resnet"), ("nonlinearity", "lrelu"),
    ("mbstd_group_size", 4), ("mbstd_num_features", 1), ("resample_kernel", (1, 3, 3, 1)),
    ("mapping_layers", 0), ("mapping_fmaps", None), ("mapping_lrmul", 0.1), ("conv_clamp", None),
])
# Where the functions of StyleGAN2-ADA differ.
_ADA_DEFAULTS = {"G_main": {"mapping_fmaps": None}, "D_main": {"mbstd_group_size": None}}
_KINDS = {"mapping_fmaps": int, "fmap_const": int, "label_fmaps": int, "conv_clamp": float, "mbstd_group_size": int}
RESOLUTIONS = tuple(2 ** n for n in range(2, 11))
_CHOICES = {"resolution": RESOLUTIONS, "architecture": ("skip", "orig", "resnet"),
            "nonlinearity": ("lrelu", "relu", "linear"), "mapping_nonlinearity": ("lrelu", "relu", "linear"),
            "mbstd_num_features": (1,)}
_POSITIVE = frozenset(["num_channels", "latent_size", "dlatent_size", "mapping_fmaps", "fmap_min",
                       "fmap_max", "fmap_const", "label_fmaps", "conv_clamp"])
_MOST = {"mapping_layers": 64, "num_channels": 16, "fmap_decay": 16, "resample_kernel": 1000}
_MOST_TAPS = 16
_LARGEST = 2 ** 20  # of any size in static_kwargs; fmap_base is 2^15 at most in known networks
# Build functions of other families, and what to call those.
_FAMILIES = {
    "G_style": "StyleGAN 1", "D_basic": "StyleGAN 1", "G_paper": "Progressive GAN", "D_paper": "Progressive GAN",
    "G_synthesis_stylegan_revised": "StyleGAN2's configs a to d (progressive growing)",
    "D_stylegan": "StyleGAN2's configs a to d (progressive growing)",
}
# Arguments of forks for pictures that are not square, and what they are where pictures are square, from 4x4 up.
_SQUARE = OrderedDict([
    ("min_h", lambda resolution: [4]), ("min_w", lambda resolution: [4]), ("init_res", lambda resolution: [4, 4]),
    ("res_log2", lambda resolution: [resolution.bit_length() - 3]), ("resolution_h", lambda resolution: [resolution]),
    ("resolution_w", lambda resolution: [resolution]),
])
# Arguments that shape no variable but the pictures; networks that differ in them do not blend.
_ARITHMETIC = frozenset(["mapping_lrmul", "mapping_nonlinearity", "normalize_latents", "architecture", "nonlinearity",
                         "resample_kernel"])


class Network(object):
    """One network of a file. Not changed in place: `replaced` returns a new one.

    name: as its maker chose. static_kwargs: build arguments that were set. components: OrderedDict of
    sub-networks by role ('synthesis', 'mapping'). own_variables: OrderedDict of local name to array, or to a Lazy where
    the file has none.
    extra: everything else that the file says of it (build_module_src, version, …), carried through unread.
    """

    def __init__(self, name, build_func_name, static_kwargs, own_variables, components=None, extra=None):
        self.name = name
        self.build_func_name = build_func_name
        self.static_kwargs = dict(static_kwargs)
        self.own_variables = OrderedDict(own_variables)
        self.components = OrderedDict(components or {})
        self.extra = dict(extra or {})

    @property
    def variables(self):
        """OrderedDict of global name to float32 array, components' names as prefixes, in the file's order.

        Generators are named as blending sees them: `G_synthesis/…` and `G_mapping/…`, whatever the file says.
        """
        return OrderedDict((name, settled(value)) for name, value in self.stored.items())

    @property
    def stored(self):
        """`variables` as they lie there: a Lazy stands for what the file lacks and nobody has asked for yet."""
        found = OrderedDict(self.own_variables)
        for role, component in self.components.items():
            for name, value in component.stored.items():
                found["G_%s/%s" % (role, name)] = value
        return found

    @property
    def resolution(self):
        """Pixels of a side of its images."""
        return self.architecture["resolution"]

    @property
    def is_generator(self):
        return self.build_func_name == "G_main"

    @property
    def is_ada(self):
        """Whether it is built by the functions of StyleGAN2-ADA (which differ in labels and defaults)."""
        synthesis = self.components.get("synthesis")
        return self.build_func_name == "D_main" or (
            synthesis is not None and synthesis.build_func_name == "G_synthesis")

    @property
    def architecture(self):
        """Every build argument that shapes the network: what was set, else NVIDIA's default.

        label_embedding: whether labels go through ADA's LabelEmbed.
        """
        found = OrderedDict(GENERATOR_DEFAULTS if self.is_generator else DISCRIMINATOR_DEFAULTS)
        if self.is_ada:
            found.update(_ADA_DEFAULTS[self.build_func_name])
        for key in found:
            if key in self.static_kwargs:
                value = self.static_kwargs[key]
                if isinstance(value, (np.generic, np.ndarray)) and value.size <= _MOST_TAPS:
                    value = value.tolist()
                found[key] = tuple(value) if isinstance(value, list) else value
        found["label_embedding"] = self.is_ada
        return _resolved(found)

    def replaced(self, variables):
        """The same network with other values. MismatchError: names or shapes are not this network's."""
        mine = self.variables
        wrong = ["%s: %s here, %s given" % (name, _shape(mine.get(name)), _shape(variables.get(name)))
                 for name in list(mine) + [name for name in variables if name not in mine]
                 if _shape(mine.get(name)) != _shape(variables.get(name))]
        if wrong:
            raise MismatchError("these variables do not fit %s: %s" % (self.name, "; ".join(wrong[:5])))
        components = OrderedDict()
        for role, component in self.components.items():
            prefix = "G_%s/" % role
            components[role] = component.replaced(OrderedDict(
                (name[len(prefix):], value) for name, value in variables.items() if name.startswith(prefix)))
        own = OrderedDict((name, variables[name]) for name in self.own_variables)
        return Network(self.name, self.build_func_name, self.static_kwargs, own, components, self.extra)

    def with_own(self, own_variables, components=None):
        """The same network with other own variables, and components if they are given."""
        return Network(self.name, self.build_func_name, self.static_kwargs, own_variables,
                       self.components if components is None else components, self.extra)

    def filled(self, variables):
        """The same network with the variables of its parts, by global name, whatever it had before."""
        components = OrderedDict()
        for role, part in self.components.items():
            prefix = "G_%s/" % role
            components[role] = part.filled(OrderedDict(
                (name[len(prefix):], value) for name, value in variables.items() if name.startswith(prefix)))
        own = OrderedDict((name, value) for name, value in variables.items()
                          if not any(name.startswith("G_%s/" % role) for role in components))
        return Network(self.name, self.build_func_name, self.static_kwargs, own, components, self.extra)

    def __repr__(self):
        return "<Network %s %s %dx%d, %d variables>" % (
            self.name, self.build_func_name, self.resolution, self.resolution, len(self.variables))


def written_out(network):
    """static_kwargs with every argument that blend's own build functions would take otherwise by default.

    The functions of StyleGAN2-ADA have other defaults, and take None where those of StyleGAN2 want a number.
    """
    architecture, kwargs = network.architecture, dict(network.static_kwargs)
    for key, default in (GENERATOR_DEFAULTS if network.is_generator else DISCRIMINATOR_DEFAULTS).items():
        value = architecture[key]
        if default is not None and kwargs.get(key) is None and value != (None if key in kwargs else default):
            kwargs[key] = list(value) if isinstance(value, tuple) else value
    return kwargs


def _resolved(architecture):
    """None replaced by what NVIDIA's functions take in its place."""
    found = OrderedDict(architecture)
    if found["resample_kernel"] is None:
        found["resample_kernel"] = (1, 1)
    if "latent_size" in found:
        for key, other in (("mapping_fmaps", "dlatent_size"), ("label_fmaps", "latent_size")):
            if found[key] is None:
                found[key] = found[other]
    return found


def check(network, function):
    """Raise NetworkFileError unless a network is a StyleGAN2 'generator' or 'discriminator' with all its variables."""
    for part, expected in layout(network, function):
        _check_shapes(part, expected)


def layout(network, function):
    """[(network or component, {name: shape} of the variables that it should have)], by its static_kwargs.

    NetworkFileError: it is no StyleGAN2 'generator' or 'discriminator', or its arguments are out of range.
    """
    allowed = ("G_main",) if function == "generator" else ("D_stylegan2", "D_main")
    roles = set(network.components)
    synthesis = network.components.get("synthesis", network)
    for each in (network, synthesis):
        _check_family(each.build_func_name, each.static_kwargs, each.own_variables)
    if network.build_func_name not in allowed:
        raise NetworkFileError("network %s is built by %s where StyleGAN2 has %s; other architectures are not "
                               "supported" % (network.name, network.build_func_name, " or ".join(allowed)))
    if roles != ({"synthesis", "mapping"} if network.is_generator else set()):
        raise NetworkFileError("network %s has the components %s" % (
            network.name, ", ".join(sorted(map(str, roles))) or "(none)"))
    architecture = network.architecture
    check_architecture(network)
    if not network.is_generator:
        return [(network, shapes.discriminator(architecture))]
    own = shapes.generator(architecture)
    if network.is_ada and "lod" not in network.own_variables:
        del own["lod"]
    found = [(network, own)]
    for role, builds, expected in (("synthesis", ("G_synthesis_stylegan2", "G_synthesis"), shapes.synthesis),
                                   ("mapping", ("G_mapping",), shapes.mapping)):
        component = network.components[role]
        if component.build_func_name not in builds or component.components:
            raise NetworkFileError("the %s of %s is built by %s where StyleGAN2 has %s; other architectures are not "
                                   "supported" % (role, network.name, component.build_func_name, " or ".join(builds)))
        found.append((component, expected(architecture)))
    return found


def _check_family(function, kwargs, variables):
    if function in _FAMILIES:
        raise NetworkFileError("is a network of %s (%s); blend reads StyleGAN2, configs e and f" % (
            _FAMILIES[function], function))
    resolution = _numbers(kwargs.get("resolution", GENERATOR_DEFAULTS["resolution"]))[:1]
    odd = ["%s=%s" % (key, _in_words(kwargs[key])) for key, square in _SQUARE.items()
           if key in kwargs and (not resolution or _numbers(kwargs[key]) != square(resolution[0]))]
    odd = odd or ["%s of %dx%d" % ((name,) + np.shape(value)[2:]) for name, value in variables.items()
                  if name.endswith("/Const/const") and np.ndim(value) == 4 and np.shape(value)[2:] != (4, 4)]
    if odd:
        raise NetworkFileError("is a network of a fork of StyleGAN2 for pictures that are not square (%s); blend reads "
                               "square ones" % ", ".join(odd[:6]))


def _numbers(value):
    """The whole numbers of an argument as a list, whatever holds them; none where it is something else."""
    if isinstance(value, (np.generic, np.ndarray)) and value.size <= _MOST_TAPS:
        value = value.tolist()
    numbers = list(value[:_MOST_TAPS]) if isinstance(value, (list, tuple)) else [value]
    return numbers if all(type(one) is int for one in numbers) else []


def _in_words(value):
    numbers = _numbers(value)
    return str(numbers) if len(numbers) > 1 else brief(numbers[0] if numbers else value)


def without_idle(network, function):
    """(a network without the scalars that its architecture does not know, their names): no graph uses them.

    NetworkFileError: as `layout`.
    """
    idle, kept = [], {}
    for part, expected in layout(network, function):
        names = [name for name, value in part.own_variables.items() if name not in expected and np.shape(value) == ()]
        idle += [name for name in names if name not in idle]
        kept[id(part)] = [(name, value) for name, value in part.own_variables.items() if name not in names]
    if not idle:
        return network, idle
    parts = OrderedDict((role, part.with_own(kept[id(part)])) for role, part in network.components.items())
    return network.with_own(kept[id(network)], parts), idle


def expected_variables(network, function):
    """OrderedDict of global name to shape, as `layout` has them."""
    found = OrderedDict()
    for part, expected in layout(network, function):
        prefix = "".join("G_%s/" % role for role, each in network.components.items() if each is part)
        found.update((prefix + name, shape) for name, shape in expected.items())
    return found


def check_architecture(network):
    """Raise NetworkFileError unless the arguments of a network are of the right types and in range."""
    architecture = network.architecture
    defaults = GENERATOR_DEFAULTS if network.is_generator else DISCRIMINATOR_DEFAULTS
    for key, default in defaults.items():
        value, kind = architecture[key], _KINDS.get(key, type(default))
        if value is None and default is None or value is None and key == "mbstd_group_size":
            continue
        numbers = value[:_MOST_TAPS] if type(value) is kind is tuple else (value,)
        kinds = (int, float) if kind in (float, tuple) else (kind,)
        good = numbers and all(type(one) in kinds for one in numbers)
        if good and kind is not str:
            least = key in _POSITIVE or key == "mapping_layers" and network.is_generator
            good = all(abs(one) <= _MOST.get(key, _LARGEST) for one in numbers) and (kind is tuple or value >= least)
        if good and kind is tuple:
            good = 2 <= len(value) <= _MOST_TAPS and sum(value) > 0.001
        if not good or key == "mapping_lrmul" and not value or key in _CHOICES and value not in _CHOICES[key]:
            raise NetworkFileError("network %s has %s %s; supported: %s" % (
                network.name, key, brief(value), _CHOICES.get(key, "a %s in range" % kind.__name__)))


def _check_shapes(network, expected):
    found = OrderedDict((name, np.shape(value)) for name, value in network.own_variables.items())
    wrong = ["%s should be %r, is %s" % (name, shape, _shape(network.own_variables.get(name)))
             for name, shape in expected.items() if found.get(name) != shape]
    wrong += ["%s is not a variable of this architecture" % name for name in found if name not in expected]
    if wrong:
        raise NetworkFileError("network %s does not fit its static_kwargs: %s" % (network.name, "; ".join(wrong[:3])))


def check_same_architecture(low, high, what):
    """Raise MismatchError, with the first differences, unless two networks have the same layers.

    `lod` (without meaning) and conv_clamp (a limit that few values reach) may differ.
    """
    if low.resolution != high.resolution:
        raise MismatchError("these %s cannot be blended: the low one makes pictures of %dx%d, the high one of %dx%d" % (
            what, low.resolution, low.resolution, high.resolution, high.resolution))
    a, b = low.variables, high.variables
    names = [name for name in list(a) + [name for name in b if name not in a] if name != "lod"]
    shapes_differ = ["%s: %s in the low network, %s in the high one" % (name, _shape(a.get(name)), _shape(b.get(name)))
                     for name in names if _shape(a.get(name)) != _shape(b.get(name))]
    a, b = low.architecture, high.architecture
    differ = [key for key in a if a[key] != b.get(key) and key != "conv_clamp"]
    # The same layers can be described in several ways, by fmap_base for instance.
    if shapes_differ or set(differ) & _ARITHMETIC:
        wrong = ["%s: %r in the low network, %r in the high one" % (key, a[key], b[key]) for key in differ]
        wrong += shapes_differ
        more = "; and %d more" % (len(wrong) - 4) if len(wrong) > 4 else ""
        raise MismatchError("these %s cannot be blended, they have different layers: %s%s" % (
            what, "; ".join(wrong[:4]), more))


def not_finite(network):
    """OrderedDict of variable name to the number of its values that are NaN or infinite."""
    found = OrderedDict()
    values = network.stored if isinstance(network, Network) else network.variables
    for name, value in values.items():
        if isinstance(value, Lazy):  # finite where the weights are
            continue
        # The sum is enough for the common case, and needs no memory; values near the largest float32 only look bad.
        if not np.isfinite(np.sum(value, dtype=np.float64)):
            count = int(np.size(value) - np.count_nonzero(np.isfinite(value)))
            if count:
                found[name] = count
    return found


def check_finite(network, whose):
    """Raise NetworkFileError with the variables of a network that hold NaN or infinite values."""
    bad = ["%s has %d of %d" % (name, count, network.variables[name].size)
           for name, count in not_finite(network).items()]
    if bad:
        more = "; and %d more variables" % (len(bad) - 4) if len(bad) > 4 else ""
        raise NetworkFileError("%s: weights are NaN or infinite: %s%s" % (whose, "; ".join(bad[:4]), more))


def _shape(value):
    return "missing" if value is None else "%r" % (np.shape(value),)
