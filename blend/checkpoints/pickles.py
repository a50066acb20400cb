"""NVIDIA's StyleGAN2 pickles: a tuple (G, D, Gs) or Gs alone, read and written without executing anything."""

import mmap
import os
from collections import OrderedDict

import numpy as np

from blend.checkpoints.emitter import Emitter
from blend.checkpoints.machine import Instance, Machine
from blend.checkpoints.network import Network, NetworkFile, check
from blend.errors import NetworkFileError
from blend.files import reason, replacing

_CARRIED = (type(None), bool, int, float, str, bytes, memoryview, np.ndarray, np.generic)
_MOST_VALUES = 10000


def load(path):
    """Read a network file; arrays are read-only views of its memory map.

    Returns a NetworkFile. NetworkFileError names the file and what is wrong with it; nothing in the file is
    executed, whatever it says.

    >>> load("nowhere.pkl")
    Traceback (most recent call last):
    blend.errors.NetworkFileError: nowhere.pkl: no such file
    """
    try:
        with open(path, "rb") as file:
            if not os.fstat(file.fileno()).st_size:
                raise NetworkFileError("the file is empty")
            buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if buffer[:1] != b"\x80":
            kind = "looks like a PyTorch or zip file" if buffer[:2] == b"PK" else "not a pickle"
            raise NetworkFileError("%s; network files are NVIDIA's TensorFlow .pkl files (G, D, Gs)" % kind)
        return _networks(Machine(buffer).load(), path)
    except FileNotFoundError:
        raise NetworkFileError("%s: no such file" % path)
    except NetworkFileError as error:
        raise type(error)("%s: %s" % (path, error))
    except (OSError, ValueError) as error:
        raise NetworkFileError("%s: cannot be read (%s)" % (path, reason(error)))


def save(networks, path):
    """Write a NetworkFile beside its target and rename it: there is the old file or the whole new one.

    Without G and D the file holds Gs alone. BlendError: the folder is missing or cannot be written.
    """
    whole = networks.G is not None and networks.D is not None
    value = (networks.G, networks.D, networks.Gs) if whole else networks.Gs
    with replacing(path) as file:
        Emitter(file).dump(value)


def _networks(value, path):
    if isinstance(value, Instance):
        found = NetworkFile(Gs=_network(value), path=path)
    elif type(value) is tuple and len(value) == 3 and all(isinstance(one, Instance) for one in value):
        generator, discriminator, average = [_network(one) for one in value]
        found = NetworkFile(average, generator, discriminator, path)
    else:
        raise NetworkFileError("holds a %s, not the networks (G, D, Gs) or Gs" % type(value).__name__)
    for network, function in ((found.Gs, "G_main"), (found.G, "G_main"), (found.D, "D_stylegan2")):
        if network is not None:
            check(network, function)
    return found


def _network(instance, depth=0):
    """The Network of an object's state, every field checked."""
    state = dict(_field(instance.state, dict, "the state of a network") or {})
    name = _field(state.pop("name", None), str, "the name of a network")
    function = _field(state.pop("build_func_name", None), str, "the build function of " + name)
    kwargs = dict(_field(state.pop("static_kwargs", None), dict, "static_kwargs of " + name))
    if not all(isinstance(key, str) for key in kwargs):
        raise NetworkFileError("static_kwargs of %s have keys that are not text" % name)
    _plain(kwargs)
    variables = OrderedDict()
    for entry in _field(state.pop("variables", None), list, "the variables of " + name):
        if type(entry) is not tuple or len(entry) != 2 or not isinstance(entry[0], str):
            raise NetworkFileError("a variable of %s is not a (name, value) pair" % name)
        if entry[0] in variables:
            raise NetworkFileError("variable %s of %s is there twice" % (entry[0], name))
        variables[entry[0]] = _float32(entry[1], "%s/%s" % (name, entry[0]))
    components = OrderedDict()
    for role, component in _field(state.pop("components", {}), dict, "the components of " + name).items():
        if depth or not isinstance(component, Instance):
            raise NetworkFileError("the components of %s are not networks of one level" % name)
        components[role] = _network(component, depth + 1)
    _plain(state)
    return Network(name, function, kwargs, variables, components, state)


def _field(value, kind, what):
    if not isinstance(value, kind):
        raise NetworkFileError("%s should be a %s, the file has a %s" % (what, kind.__name__, type(value).__name__))
    return value


def _float32(value, name):
    if not isinstance(value, (np.ndarray, np.float32)) or value.dtype != np.float32:
        raise NetworkFileError("variable %s is not a float32 array" % name)
    return value if isinstance(value, np.ndarray) else np.asarray(value)


def _plain(root):
    """Raise unless a value that is only carried through is small, shallow, and could be written again."""
    level, count = [root], 0
    for _depth in range(8):
        below = []
        for value in level:
            if isinstance(value, dict):
                below.extend(value)
                below.extend(value.values())
            elif isinstance(value, (list, tuple)):
                below.extend(value)
            elif not isinstance(value, _CARRIED):
                raise NetworkFileError("the state of a network holds a %s" % type(value).__name__)
            if count + len(below) > _MOST_VALUES:
                raise NetworkFileError("the state of a network holds more than %d values" % _MOST_VALUES)
        level, count = below, count + len(below)
        if not level:
            return
    raise NetworkFileError("the state of a network is nested too deeply")
