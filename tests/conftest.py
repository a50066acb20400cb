import os
import signal
from collections import OrderedDict

import numpy as np
import pytest

from blend.checkpoints import NetworkFile, rosinality
from blend.networks.network import Network

# Shells start background jobs with Ctrl-C ignored, which the processes that tests start and stop would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

GOLDEN = os.path.join(os.path.dirname(__file__), "golden")
SOURCE = "raise SystemExit('the source in a network file was executed')\n"


def assemble(arrays, name, kwargs, extra=None):
    """A generator Network from {global name: array}."""
    def part(prefix):
        return OrderedDict((key[len(prefix):], value) for key, value in arrays.items() if key.startswith(prefix))

    extra = dict({"version": 4, "build_module_src": SOURCE}, **(extra or {}))
    layers = 2 * int(np.log2(kwargs["resolution"])) - 2
    parts = OrderedDict([
        ("synthesis", Network("G_synthesis", "G_synthesis_stylegan2", kwargs, part("G_synthesis/"), None, extra)),
        ("mapping", Network("G_mapping", "G_mapping", dict(kwargs, dlatent_broadcast=layers), part("G_mapping/"),
                            None, extra))])
    own = OrderedDict((key, arrays[key]) for key in ("lod", "dlatent_avg"))
    return Network(name, "G_main", kwargs, own, parts, extra)


class Golden(object):
    """One reference file: its arrays and the networks a and b."""

    def __init__(self, name):
        with np.load(os.path.join(GOLDEN, name + ".npz")) as arrays:
            self.arrays = {key: arrays[key] for key in arrays.files}
        kwargs = dict(resolution=int(name[-2:]), num_channels=3, fmap_base=512, fmap_max=32, latent_size=32,
                      dlatent_size=32, mapping_fmaps=32)
        if name.startswith("labels"):
            kwargs["label_size"] = 3
        d_kwargs = {key: value for key, value in kwargs.items() if key in (
            "resolution", "num_channels", "fmap_base", "fmap_max", "label_size")}
        if name[:-2] in ("orig", "resnet"):
            kwargs["architecture"] = name[:-2]
        self.names = [str(each) for each in self.arrays["vars"]]
        self.z, self.labels = self.arrays["z"], self.arrays.get("labels")
        self.a, self.b = [self._file(side, kwargs, d_kwargs) for side in "ab"]

    def _file(self, side, kwargs, d_kwargs):
        g = OrderedDict((each, self.arrays[side + "/Gs/" + each]) for each in self.names)
        d = OrderedDict((key[4:], value) for key, value in self.arrays.items() if key.startswith(side + "/D/"))
        extra = {"version": 4, "build_module_src": SOURCE}
        return NetworkFile(assemble(g, "Gs", kwargs), assemble(g, "G", kwargs),
                           Network("D", "D_stylegan2", d_kwargs, d, None, extra))


_GOLDENS = {}


def golden(name):
    if name not in _GOLDENS:
        _GOLDENS[name] = Golden(name)
    return _GOLDENS[name]


def pico_variables(resolution=16, channels=8, latent=8, layers=2, seed=0):
    """Random variables of a small skip generator, laid out from the specification."""
    random = np.random.RandomState(seed)
    shapes = OrderedDict([("lod", ()), ("dlatent_avg", (latent,))])
    count = 2 * int(np.log2(resolution)) - 3
    for i in range(count):
        shapes["G_synthesis/noise%d" % i] = (1, 1) + (2 ** ((i + 5) // 2),) * 2

    def conv(name, size, outputs, noise=True):
        shapes[name + "/weight"] = (size, size, channels, outputs)
        shapes[name + "/mod_weight"] = (latent, channels)
        shapes[name + "/mod_bias"] = (channels,)
        if noise:
            shapes[name + "/noise_strength"] = ()
        shapes[name + "/bias"] = (outputs,)

    for r in range(2, int(np.log2(resolution)) + 1):
        scope = "G_synthesis/%dx%d/" % (2 ** r, 2 ** r)
        if r == 2:
            shapes[scope + "Const/const"] = (1, channels, 4, 4)
            conv(scope + "Conv", 3, channels)
        else:
            conv(scope + "Conv0_up", 3, channels)
            conv(scope + "Conv1", 3, channels)
        conv(scope + "ToRGB", 1, 3, noise=False)
    for i in range(layers):
        shapes["G_mapping/Dense%d/weight" % i] = (latent, latent)
        shapes["G_mapping/Dense%d/bias" % i] = (latent,)
    return OrderedDict((name, np.asarray(random.randn(*shape), np.float32)) for name, shape in shapes.items())


def pico_file(resolution=16, channels=8, latent=8, layers=2, seed=0, **extra):
    """A NetworkFile with Gs alone."""
    kwargs = dict(resolution=resolution, num_channels=3, fmap_base=channels * 1024, fmap_max=channels,
                  latent_size=latent, dlatent_size=latent, mapping_layers=layers, mapping_fmaps=latent)
    return NetworkFile(assemble(pico_variables(resolution, channels, latent, layers, seed), "Gs", kwargs, extra))


def torch_file(path, value):
    """Write what `torch.save` writes of dicts of arrays; the path as text."""
    with open(str(path), "wb") as file:
        rosinality._archive(value, file)
    return str(path)


@pytest.fixture(scope="session")
def pico():
    return pico_file(seed=1)


@pytest.fixture(scope="session")
def pico_other():
    return pico_file(seed=2)


@pytest.fixture
def saved(pico, pico_other, tmp_path):
    """Paths of two small network files."""
    paths = [str(tmp_path / "low.pkl"), str(tmp_path / "high.pkl")]
    for networks, path in zip((pico, pico_other), paths):
        networks.save(path)
    return paths
