"""`dnnlib` and `pretrained_networks` for programs that were written for NVIDIA's repository.

Where the repository is there, these modules are NVIDIA's own. Where it is not, they are `dnnlib` of this room, which
executes nothing that is stored in a network file.
"""

import os
import sys
import types
from collections import OrderedDict

from blend import zoo
from blend.checkpoints import tensorflow_pickle
from blend.engine import tensorflow
from blend.errors import BlendError
from blend.nvidia import admission, dnnlib, repository, tensorflow1

_GDRIVE = "gdrive:networks/"  # names of NVIDIA's networks in its pretrained_networks.py, and where they are
_ADDRESS = "https://nvlabs-fi-cdn.nvidia.com/stylegan2/networks/"


def install(stylegan2=None, trust=False):
    """What `blend.legacy` does."""
    try:
        repository.folder(stylegan2)
        theirs = True
    except BlendError:
        theirs = False
        if stylegan2 is not None or "STYLEGAN2" in os.environ:
            raise
    if theirs:
        engine = repository.start(stylegan2)
        engine.pretrained_networks.load_networks = _loader(engine, trust)
        return engine.description
    tensorflow1.install()
    for name, module in _modules().items():
        sys.modules[name] = module
    return "blend's own dnnlib (NVIDIA's stylegan2 is not here), TensorFlow %s" % tensorflow.__version__


def _loader(engine, trust):
    """NVIDIA's `load_networks`, which gives the same networks for the same path, of files that may be executed."""
    loaded = {}

    def load_networks(path_or_gdrive_path):
        name = _known_as(path_or_gdrive_path)
        if name not in loaded:
            parsed = zoo.load(name)
            loaded[name] = engine.load(parsed, admission.admit(parsed, trust))
        return loaded[name]

    return load_networks


def _known_as(name):
    """What the zoo calls a network that `load_networks` is asked for: NVIDIA's gdrive: names are addresses there."""
    name = str(name)
    return _ADDRESS + name[len(_GDRIVE):] if name.startswith(_GDRIVE) else name


def _modules():
    """OrderedDict of name to module."""
    modules = OrderedDict((name, types.ModuleType(name)) for name in (
        "dnnlib", "dnnlib.util", "dnnlib.tflib", "dnnlib.tflib.tfutil", "dnnlib.tflib.network",
        "pretrained_networks"))
    for name, module in modules.items():
        module.__path__ = []
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(modules[parent], last, module)
    for name, values in (
            ("dnnlib", [dnnlib.EasyDict]), ("dnnlib.util", [dnnlib.EasyDict]),
            ("dnnlib.tflib.network", [dnnlib.Network]), ("dnnlib.tflib.tfutil", dnnlib.TFUTIL),
            ("dnnlib.tflib", dnnlib.TFUTIL + [dnnlib.Network]),
            ("pretrained_networks", [load_networks])):
        for value in values:
            setattr(modules[name], value.__name__, value)
    return modules


def load_networks(path_or_gdrive_path):
    """(G, D, Gs) of a network file, a URL or a name of the zoo; None for what the file does not hold.

    BlendError: there is no such file, or it is no network of StyleGAN2.
    """
    parsed = zoo.load(_known_as(path_or_gdrive_path))
    admission.check(parsed)
    dnnlib.init_tf()
    return tuple(network and dnnlib.restored(tensorflow_pickle.with_source(network))
                 for network in (parsed.G, parsed.D, parsed.Gs))
