"""NVIDIA's pickles of TensorFlow networks: a tuple (G, D, Gs) or Gs alone, of StyleGAN2 or StyleGAN2-ADA."""

from collections import OrderedDict

import numpy as np

from blend import carried
from blend.checkpoints.contents import Contents
from blend.checkpoints.pickle_reader import SIMPLE_DTYPES, Instance
from blend.checkpoints.pickle_writer import Emitter
from blend.errors import NetworkFileError
from blend.networks.network import Network
from blend.networks.stylegan2 import STYLEGAN2, STYLEGAN2_ADA

NAME = "tensorflow"
_CARRIED = (type(None), bool, int, float, str, bytes, memoryview, np.ndarray, np.generic)
_MOST_VALUES = 10000
_MOST_CARRIED = 2 ** 24  # bytes of texts and arrays, each counted as often as it stands there
_MOST_VARIABLES = 1000   # 1024x1024 has some 170
_LONGEST_NAME = 200
_VERSION = 4  # of the state, the newest that NVIDIA's stylegan2 opens; that of StyleGAN2-ADA is 5


def recognise(value):
    """Whether what a pickle holds is such a file."""
    return isinstance(value, Instance) or type(value) is tuple and len(value) == 3 and all(
        isinstance(item, Instance) for item in value)


def read(value):
    """The Contents of what a pickle holds."""
    if isinstance(value, Instance):
        return Contents(_network(value))
    generator, discriminator, average = [_network(instance) for instance in value]
    return Contents(average, generator, discriminator)


def write(networks, file):
    """Write a pickle to an open binary file: (G, D, Gs), or Gs alone where one of the others is missing.

    Returns what the format cannot hold, in words.
    """
    if networks.G is not None and networks.D is not None:
        Emitter(file).dump((with_source(networks.G), with_source(networks.D), with_source(networks.Gs)))
        return []
    Emitter(file).dump(with_source(networks.Gs))
    return ["%s: this format has G, D and Gs, or Gs alone" % role for role in networks.by_role if role != "Gs"]


def with_source(network):
    """A network that carries a source for NVIDIA's loader: its own, or where it comes from PyTorch ours."""
    if network.extra.get("build_module_src") or network.family not in (STYLEGAN2, STYLEGAN2_ADA):
        return network
    our_source = {"build_module_src": carried.text(carried.TENSORFLOW), "version": _VERSION}
    kwargs, parts = _written_out(network), OrderedDict()
    for role, part in network.components.items():
        part_kwargs = dict(kwargs, **{key: value for key, value in part.static_kwargs.items()
                                      if value is not None or key not in kwargs})
        # Of ADA's two kinds of labels: our G_mapping is told by its component's arguments, which other readers ignore.
        part_kwargs["label_embedding"] = network.architecture.label_embedding
        parts[role] = part.changed(static_kwargs=part_kwargs, extra=dict(part.extra, **our_source))
    variables = OrderedDict(network.own_variables)
    if network.is_generator:
        variables.setdefault("lod", np.zeros((), np.float32))  # our G_main makes it, and loaders want to find it
    return network.changed(static_kwargs=kwargs, own_variables=variables, components=parts,
                           extra=dict(network.extra, **our_source))


def _written_out(network):
    """static_kwargs with every argument that blend's own build functions would take otherwise by default.

    The functions of StyleGAN2-ADA have other defaults, and take None where those of StyleGAN2 want a number.
    """
    role = STYLEGAN2.roles[network.role]
    kwargs = dict(network.static_kwargs)
    for key, argument in role.arguments.items():
        value = network.architecture[key]
        taken = None if key in kwargs else argument.default
        is_unset = argument.default is not None and kwargs.get(key) is None
        if key != "label_embedding" and is_unset and value != taken:
            kwargs[key] = list(value) if isinstance(value, tuple) else value
    return kwargs


def sources(networks):
    """The texts that Contents carry for loaders that execute them, a set: of all networks and their components."""
    parts = [part for network in networks.by_role.values() for part in [network] + list(network.components.values())]
    return {part.extra["build_module_src"] for part in parts if part.extra.get("build_module_src")}


def without_source(networks):
    """Contents whose networks carry no source, so that they get ours when they are written as pickles."""
    def bare(network):
        parts = OrderedDict((role, bare(part)) for role, part in network.components.items())
        extra = {key: value for key, value in network.extra.items() if key != "build_module_src"}
        return network.changed(components=parts, extra=extra)

    return networks._replace(**{role: bare(network) for role, network in networks.by_role.items()})


def _network(instance, depth=0):
    """The Network of an object's state, every field checked."""
    state = dict(_field(instance.state, dict, "the state of a network") or {})
    name = _name(state.pop("name", None), "the name of a network")
    function = _name(state.pop("build_func_name", None), "the build function of " + name)
    kwargs = dict(_field(state.pop("static_kwargs", None), dict, "static_kwargs of " + name))
    variables = _variables(_field(state.pop("variables", None), list, "the variables of " + name), name)
    components, instances = OrderedDict(), _field(state.pop("components", {}), dict, "the components of " + name)
    for role, component in instances.items():
        if depth or len(instances) > 2 or not isinstance(role, str) or not isinstance(component, Instance):
            raise NetworkFileError("the components of %s are not networks of one level" % name)
        components[_name(role, "a component of " + name)] = _network(component, depth + 1)
    return Network(name, function, kwargs, variables, components, state)


def _variables(pairs, network):
    """OrderedDict of local name to array, of the list in the state of a network, which errors call by its name."""
    if len(pairs) > _MOST_VARIABLES:
        raise NetworkFileError("%s has %d variables" % (network, len(pairs)))
    variables = OrderedDict()
    for pair in pairs:
        if type(pair) is not tuple or len(pair) != 2:
            raise NetworkFileError("a variable of %s is not a (name, value) pair" % network)
        name = _name(pair[0], "the name of a variable of " + network)
        if name in variables:
            raise NetworkFileError("variable %s of %s is there twice" % (name, network))
        variables[name] = _float32(pair[1], network, name)
    return variables


def check_plain(network):
    """Raise NetworkFileError unless what a network carries unread could be written again."""
    for part in [network] + list(network.components.values()):
        _check_carried(part.static_kwargs)
        _check_carried(part.extra)
        if not all(isinstance(key, str) for key in list(part.extra) + list(part.static_kwargs)):
            raise NetworkFileError("the state or the static_kwargs of %s have keys that are not text" % part.name)
        if not isinstance(part.extra.get("build_module_src", ""), str):
            raise NetworkFileError("the source in %s is not text" % part.name)


def _field(value, type_, description):
    if not isinstance(value, type_):
        raise NetworkFileError("%s should be a %s, the file has a %s" % (
            description, type_.__name__, type(value).__name__))
    return value


def _name(value, description):
    if len(_field(value, str, description)) > _LONGEST_NAME:
        raise NetworkFileError("%s has %d characters" % (description, len(value)))
    return value


def _float32(value, network, name):
    if not isinstance(value, (np.ndarray, np.float32)) or value.dtype != np.float32:
        raise NetworkFileError("variable %s/%s is not a float32 array" % (network, name))
    return value if isinstance(value, np.ndarray) else np.asarray(value)


def _check_carried(root):
    """Raise unless a value that is only carried through is small, shallow, and could be written again."""
    level, count, size = [root], 0, 0
    for _depth in range(8):
        below = []
        for value in level:
            below.extend(_children(value))
            size += getattr(value, "nbytes", 0) or (len(value) if isinstance(value, (str, bytes)) else 0)
            if size > _MOST_CARRIED:
                raise NetworkFileError("the state of a network holds more than %d MB" % (_MOST_CARRIED // 2 ** 20))
            if count + len(below) > _MOST_VALUES:
                raise NetworkFileError("the state of a network holds more than %d values" % _MOST_VALUES)
        level, count = below, count + len(below)
        if not level:
            return
    raise NetworkFileError("the state of a network is nested too deeply")


def _children(value):
    """What is in a value that could be written again. NetworkFileError: it could not be."""
    if isinstance(value, dict):
        if not all(isinstance(key, (str, int, type(None))) for key in value):
            raise NetworkFileError("the state of a network holds a dict with odd keys")
        return list(value) + list(value.values())
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, int) and abs(value) >= 2 ** 64:
        raise NetworkFileError("the state of a network holds a number of %d bits" % value.bit_length())
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.str[1:] not in SIMPLE_DTYPES:
        raise NetworkFileError("the state of a network holds an array of type %s" % value.dtype)
    if not isinstance(value, _CARRIED):
        raise NetworkFileError("the state of a network holds a %s" % type(value).__name__)
    return ()
