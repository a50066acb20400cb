"""What a network file holds, as plain data: `Network` (one network) and `NetworkFile` (G, D and Gs)."""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np

from blend.checkpoints import shapes
from blend.errors import MismatchError, NetworkFileError

# Defaults of NVIDIA's build functions that describe an architecture; files hold only what was set.
GENERATOR_DEFAULTS = OrderedDict([
    ("resolution", 1024), ("num_channels", 3), ("label_size", 0), ("latent_size", 512), ("dlatent_size", 512),
    ("mapping_layers", 8), ("mapping_fmaps", 512), ("mapping_lrmul", 0.01), ("mapping_nonlinearity", "lrelu"),
    ("normalize_latents", True), ("fmap_base", 16384), ("fmap_decay", 1.0), ("fmap_min", 1),
    ("fmap_max", 512), ("architecture", "skip"), ("nonlinearity", "lrelu"), ("resample_kernel", (1, 3, 3, 1)),
])
DISCRIMINATOR_DEFAULTS = OrderedDict([
    ("resolution", 1024), ("num_channels", 3), ("label_size", 0), ("fmap_base", 16384), ("fmap_decay", 1.0),
    ("fmap_min", 1), ("fmap_max", 512), ("architecture", "resnet"), ("nonlinearity", "lrelu"),
    ("mbstd_group_size", 4), ("mbstd_num_features", 1), ("resample_kernel", (1, 3, 3, 1)),
])
RESOLUTIONS = tuple(2 ** n for n in range(2, 11))
_CHOICES = {"resolution": RESOLUTIONS, "architecture": ("skip", "orig", "resnet"),
            "nonlinearity": ("lrelu", "relu", "linear"), "mapping_nonlinearity": ("lrelu", "relu", "linear"),
            "mbstd_num_features": (1,)}
_POSITIVE = frozenset(["num_channels", "latent_size", "dlatent_size", "mapping_layers", "mapping_fmaps", "fmap_min",
                       "fmap_max"])
_LARGEST = 2 ** 20  # of any size in static_kwargs; fmap_base is 2^15 at most in known networks


class Network(object):
    """One network of a file. Not changed in place: `replaced` returns a new one.

    name: as its maker chose. static_kwargs: build arguments that were set. components: OrderedDict of
    sub-networks by role ('synthesis', 'mapping'). own_variables: OrderedDict of local name to array.
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
        found = OrderedDict(self.own_variables)
        for role, component in self.components.items():
            for name, value in component.variables.items():
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
    def architecture(self):
        """Every build argument that shapes the network: what was set, else NVIDIA's default."""
        defaults = GENERATOR_DEFAULTS if self.is_generator else DISCRIMINATOR_DEFAULTS
        found = OrderedDict(defaults)
        for key in defaults:
            if key in self.static_kwargs:
                value = self.static_kwargs[key]
                value = value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value
                found[key] = tuple(value) if isinstance(value, list) else value
        return found

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

    def __repr__(self):
        return "<Network %s %s %dx%d, %d variables>" % (
            self.name, self.build_func_name, self.resolution, self.resolution, len(self.variables))


class NetworkFile(NamedTuple):
    """The networks of a file: generator, discriminator, and Gs, the average of G that makes the pictures.

    G and D are None in files that have Gs alone. `path` is where it was read, or None.
    """

    Gs: Network
    G: object = None
    D: object = None
    path: object = None

    @property
    def resolution(self):
        """Pixels of a side of the pictures."""
        return self.Gs.resolution

    def save(self, path):
        """Write a network file that NVIDIA's tools open; the old file stays until the new one is whole."""
        from blend.checkpoints import pickles
        pickles.save(self, path)


def check(network, function):
    """Raise NetworkFileError unless a network is StyleGAN2's `function`, with the variables that it should have."""
    if network.build_func_name != function:
        raise NetworkFileError("network %s is built by %s where StyleGAN2 has %s; other architectures are not "
                               "supported" % (network.name, network.build_func_name, function))
    roles = set(network.components)
    if roles != ({"synthesis", "mapping"} if function == "G_main" else set()):
        raise NetworkFileError("network %s has the components %s" % (
            network.name, ", ".join(sorted(map(str, roles))) or "(none)"))
    architecture = network.architecture
    _check_architecture(network, architecture)
    if function == "D_stylegan2":
        _check_shapes(network, shapes.discriminator(architecture))
        return
    _check_shapes(network, shapes.generator(architecture))
    for role, build, expected in (("synthesis", "G_synthesis_stylegan2", shapes.synthesis),
                                  ("mapping", "G_mapping", shapes.mapping)):
        component = network.components[role]
        if component.build_func_name != build or component.components:
            raise NetworkFileError("the %s of %s is built by %s where StyleGAN2 has %s; other architectures are not "
                                   "supported" % (role, network.name, component.build_func_name, build))
        _check_shapes(component, expected(architecture))


def _check_architecture(network, architecture):
    defaults = GENERATOR_DEFAULTS if network.is_generator else DISCRIMINATOR_DEFAULTS
    for key, value in architecture.items():
        kind = type(defaults[key])
        numbers = value if type(value) is kind is tuple else (value,)
        kinds = (int, float) if kind in (float, tuple) else (kind,)
        good = numbers and all(type(one) in kinds for one in numbers)
        if good and kind is not str:
            good = all(abs(one) <= _LARGEST for one in numbers) and (kind is tuple or value >= (key in _POSITIVE))
        if not good or value not in _CHOICES.get(key, (value,)):
            raise NetworkFileError("network %s has %s %r; supported: %s" % (
                network.name, key, value, _CHOICES.get(key, "a %s in range" % kind.__name__)))


def _check_shapes(network, expected):
    found = OrderedDict((name, np.shape(value)) for name, value in network.own_variables.items())
    wrong = ["%s should be %r, is %s" % (name, shape, _shape(network.own_variables.get(name)))
             for name, shape in expected.items() if found.get(name) != shape]
    wrong += ["%s is not a variable of this architecture" % name for name in found if name not in expected]
    if wrong:
        raise NetworkFileError("network %s does not fit its static_kwargs: %s" % (network.name, "; ".join(wrong[:3])))


def check_same_architecture(low, high, what):
    """Raise MismatchError, with the first differences, unless two networks have the same layers."""
    a, b = low.architecture, high.architecture
    wrong = ["%s: %r in the low network, %r in the high one" % (key, a[key], b[key])
             for key in a if a[key] != b.get(key)]
    a, b = low.variables, high.variables
    names = list(a) + [name for name in b if name not in a]
    wrong += ["%s: %s in the low network, %s in the high one" % (name, _shape(a.get(name)), _shape(b.get(name)))
              for name in names if _shape(a.get(name)) != _shape(b.get(name))]
    if wrong:
        more = "; and %d more" % (len(wrong) - 4) if len(wrong) > 4 else ""
        raise MismatchError("these %s cannot be blended, they have different layers: %s%s" % (
            what, "; ".join(wrong[:4]), more))


def _shape(value):
    return "missing" if value is None else "%r" % (np.shape(value),)
