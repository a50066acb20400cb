"""What a network file holds, as plain data: `Network` (one network) and `NetworkFile` (G, D and Gs)."""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np

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
_FUNCTIONS = ("G_main", "G_mapping", "G_synthesis_stylegan2", "D_stylegan2")


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
        return "<Network %s %s %d×%d, %d variables>" % (
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


def check(network):
    """Raise NetworkFileError unless a network is a StyleGAN2 that this package knows, whole and in order."""
    if network.build_func_name not in _FUNCTIONS:
        raise NetworkFileError("network %s is built by %s; only StyleGAN2's %s are supported" % (
            network.name, network.build_func_name, ", ".join(_FUNCTIONS)))
    if network.build_func_name == "G_main" and set(network.components) != {"synthesis", "mapping"}:
        raise NetworkFileError("generator %s has the components %s instead of synthesis and mapping" % (
            network.name, ", ".join(sorted(map(str, network.components))) or "(none)"))
    _check_architecture(network)
    resolution = network.architecture["resolution"]
    if type(resolution) is not int or resolution not in [2 ** n for n in range(2, 11)]:
        raise NetworkFileError("network %s has resolution %r; supported: powers of two, 4 to 1024" % (
            network.name, resolution))
    if not network.components:
        return
    for component in network.components.values():
        check(component)
    layers = 2 * int(np.log2(resolution)) - 2
    missing = [name for name in ["dlatent_avg", "G_synthesis/4x4/Const/const", "G_mapping/Dense0/weight"]
               + ["G_synthesis/noise%d" % i for i in range(layers - 1)] if name not in network.variables]
    if missing:
        raise NetworkFileError("generator %s lacks %s" % (network.name, ", ".join(missing[:5])))


def _check_architecture(network):
    defaults = GENERATOR_DEFAULTS if network.is_generator else DISCRIMINATOR_DEFAULTS
    for key, value in network.architecture.items():
        kind = type(defaults.get(key))
        numbers = value if type(value) is kind is tuple else (value,)
        kinds = (int, float) if kind in (float, tuple) else (kind,)
        if not all(type(one) in kinds for one in numbers):
            raise NetworkFileError("network %s has %s %r" % (network.name, key, value))


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
        more = "; and %d more" % (len(wrong) - 6) if len(wrong) > 6 else ""
        raise MismatchError("these %s cannot be blended, they have different layers: %s%s" % (
            what, "; ".join(wrong[:6]), more))


def _shape(value):
    return "missing" if value is None else "%r" % (np.shape(value),)
