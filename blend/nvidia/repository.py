"""NVIDIA's own repository as an engine: https://github.com/NVlabs/stylegan2 at bf0fe0b, in the submodule `stylegan2`.

Networks are loaded, blended, run and pickled by its code. Like its loader, this executes Python text that is stored in
network files; `admission` says in which. With a GPU, nvcc and TensorFlow 1.15 that code runs as it is; elsewhere it is
adapted while it runs, by `_without_custom_operations` and by `tensorflow1`. Its files are never changed.
"""

import importlib
import inspect
import os
import pickle
import shutil
import sys
import threading
from collections import OrderedDict

import numpy as np
import tensorflow.compat.v1 as tf

from blend import checkpoints
from blend.checkpoints import tensorflow_pickle
from blend.engine import quiet_stderr, tensorflow
from blend.errors import BlendError, NetworkFileError
from blend.networks.stylegan2 import synthesis_layers
from blend.nvidia import tensorflow1
from blend.system import files

_PARTS = ("pretrained_networks", "dnnlib", "dnnlib.tflib", "dnnlib.tflib.tfutil", "dnnlib.tflib.network",
          "dnnlib.tflib.ops.fused_bias_act", "dnnlib.tflib.ops.upfirdn_2d")
_BATCH_PIXELS = 2 ** 18
_started = {}


def folder(path=None):
    """The folder of NVIDIA's repository: `path`, else $STYLEGAN2, else the submodule. BlendError: it is not there."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    root = os.path.abspath(path or os.environ.get("STYLEGAN2") or os.path.join(os.path.dirname(package), "stylegan2"))
    wanted = ("pretrained_networks.py", os.path.join("dnnlib", "tflib", "ops", "upfirdn_2d.py"))
    if not all(os.path.isfile(os.path.join(root, name)) for name in wanted):
        raise BlendError("%s: NVIDIA's stylegan2 is not there; run git submodule update --init in a clone of blend, or "
                         "give the folder with --stylegan2 or $STYLEGAN2" % root)
    return root


def check_format(target):
    """Raise BlendError unless a Target is a pickle of TensorFlow, the only format that NVIDIA's code writes."""
    if target.format != tensorflow_pickle.NAME:
        raise BlendError("%s: NVIDIA's code writes TensorFlow pickles only" % target.path)


class Engine(object):
    """NVIDIA's modules, ready to run: `dnnlib`, `tflib`, `tfutil`, `pretrained_networks`. One in a process.

    path: of the repository, see `folder`. device: None, 'cpu' or 'gpu'. `description` says in a line what runs how.
    """

    def __init__(self, path=None, device=None):
        self.folder = folder(path)
        if _started and (self.folder, device) not in _started:
            raise BlendError("NVIDIA's code runs already from another folder or device; start Python anew")
        gpu = _choose_device(device)
        nvcc, old = shutil.which("nvcc") is not None, tensorflow.__version__.startswith("1.")
        tensorflow1.install()
        modules = _import(self.folder)
        self.pretrained_networks, self.dnnlib, self.tflib, self.tfutil = modules[:4]
        if gpu and nvcc and old:
            how = "on the GPU, as it is"
            self.tflib.init_tf()
        else:
            lacks = [part for part, there in (("GPU", gpu), ("nvcc", nvcc), ("TensorFlow 1.15", old)) if not there]
            how = "on the %s, without its CUDA operations (no %s): reference ones, fused_modconv off, NHWC" % (
                "GPU" if gpu else "CPU", " nor ".join(lacks))
            _without_custom_operations(*modules[4:])
            # network.py:407 asks for /gpu:0, whatever is there.
            self.tflib.init_tf({"allow_soft_placement": True})
        self.lock = threading.RLock()  # all networks are in one graph
        self.description = "NVIDIA's stylegan2 (%s), TensorFlow %s, %s" % (self.folder, tensorflow.__version__, how)
        _started[self.folder, device] = self

    def load(self, networks, stream):
        """NVIDIA's (G, D, Gs) of a parsed file from the stream that `admit` gives for it. Its text is executed."""
        try:
            with quiet_stderr():
                self.tflib.init_tf()
                generator, discriminator, average = pickle.load(stream, encoding="latin1")  # pretrained_networks.py:73
        except Exception as error:
            raise NetworkFileError("%s: NVIDIA's code does not open this file (%s: %s)" % (
                networks.path, type(error).__name__, " ".join(str(error).split())[:200]))
        finally:
            stream.close()
        return generator, discriminator, average

    def open(self, networks, stream):
        """The LiveFile of a parsed file and of the stream that `admit` gives for it. Its text is executed."""
        return LiveFile(self, self.load(networks, stream), networks)


def start(path=None, device=None):
    """The Engine of this process; made at the first call."""
    return _started.get((folder(path), device)) or Engine(path, device)


def _choose_device(device):
    """Whether there is a GPU to use; 'cpu' hides it. BlendError: 'gpu' where there is none."""
    devices = tf.config.experimental
    with quiet_stderr():
        there = bool(devices.list_physical_devices("GPU"))
        if device == "gpu" and not there:
            raise BlendError("TensorFlow sees no GPU here; leave the device out or use cpu")
        if device == "cpu" and there:
            devices.set_visible_devices([], "GPU")
    return there and device != "cpu"


def _import(path):
    sys.path.insert(0, path)
    # tfutil.py:16 imports tensorflow.contrib, autosummary.py:27-28 names of tensorboard; only training uses them.
    with quiet_stderr(), tensorflow1.stand_ins(
            "tensorflow.contrib", "tensorboard", "tensorboard.summary", "tensorboard.plugins",
            "tensorboard.plugins.custom_scalar", "tensorboard.plugins.custom_scalar.layout_pb2"):
        return [importlib.import_module(name) for name in _PARTS]


def _without_custom_operations(network, fused_bias_act, upfirdn_2d):
    """Let NVIDIA's code run without the CUDA operations that it would compile, on any device."""
    # fused_bias_act.py:34 and upfirdn_2d.py:19 choose the operations that need nvcc unless they are told otherwise.
    fused_bias_act._fused_bias_act_cuda = fused_bias_act._fused_bias_act_ref
    upfirdn_2d._upfirdn_2d_cuda = upfirdn_2d._upfirdn_2d_ref
    # networks_stylegan2.py:60, 120 (its copy in a file), upfirdn_2d.py:96, 291, 332 convolve NCHW, which CPUs cannot.
    nn = sys.modules["tensorflow"].nn
    nn.conv2d, nn.conv2d_transpose = _any_layout(tf.nn.conv2d), _any_layout(tf.nn.conv2d_transpose)
    # networks_stylegan2.py:109 folds the batch into groups of one convolution, which CPUs cannot either.
    plain = network.Network.get_output_for

    def get_output_for(self, *inputs, **kwargs):
        parameters = inspect.signature(self._build_func).parameters.values()
        if any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters):
            kwargs.setdefault("fused_modconv", False)
        return plain(self, *inputs, **kwargs)

    network.Network.get_output_for = get_output_for


def _any_layout(convolve):
    """A convolution of `tf.nn` that computes NCHW as NHWC."""
    def turned(shape):
        return [shape[i] for i in (0, 2, 3, 1)]

    def run(*tensors, **options):
        if options.get("data_format") != "NCHW" or len(tensors) != 2:
            return convolve(*tensors, **options)
        x, weight = tensors
        options.update({key: turned(options[key]) for key in ("strides", "output_shape") if key in options},
                       data_format="NHWC")
        return tf.transpose(convolve(tf.transpose(x, [0, 2, 3, 1]), weight, **options), [0, 3, 1, 2])

    return run


class LiveFile(object):
    """The networks of a file in NVIDIA's code; what blending and pictures want of a NetworkFile."""

    format = tensorflow_pickle.NAME
    left_out = ()

    def __init__(self, engine, live, parsed):
        self._engine, self.live, self._parsed = engine, live, parsed
        self.path = parsed.path
        self.G, self.D = parsed.G, parsed.D
        self.Gs = LiveNetwork(engine, live[2], parsed.Gs)

    @property
    def resolution(self):
        return self.Gs.resolution

    def blended(self, high, changes, all_networks):
        """A LiveFile of these networks with Gs (and G, if all_networks) blended by a plan, in clones."""
        def mixed(of_low, of_high):
            clone = of_low.clone()
            to, low_variables, high_variables = [variables(network) for network in (clone, of_low, of_high)]
            self._engine.tfutil.set_vars(self._engine.tfutil.run(OrderedDict(
                (to[name], _mix(low_variables[name], high_variables[name], change.fraction))
                for name, change in changes.items() if change.fraction)))
            return clone

        generator = mixed(self.live[0], high.live[0]) if all_networks else self.live[0]
        return LiveFile(self._engine, (generator, self.live[1], mixed(self.live[2], high.live[2])), self._parsed)

    def save(self, path, format=None):
        """Pickle the networks as NVIDIA's code does. BlendError: another format is asked for."""
        return self.write(checkpoints.target_for(path, self.format, format))

    def write(self, target):
        """`save` to a Target."""
        check_format(target)
        with files.replacing(target.path, follow_links=True) as file:
            pickle.dump(self.live, file, protocol=pickle.HIGHEST_PROTOCOL)
        return []


def _mix(low, high, fraction):
    return high if fraction == 1 else high * np.float32(fraction) + low * np.float32(1 - fraction)


def variables(network):
    """OrderedDict of a live network's variables, by the names that blending uses."""
    by_name = OrderedDict(network.own_vars)
    for role, component in network.components.items():
        by_name.update(("G_%s/%s" % (role, name), var) for name, var in component.vars.items())
    return by_name


class LiveNetwork(object):
    """A generator in NVIDIA's code, with the face of a Network and, for `pictures`, of a Generator.

    All of an engine share its graph, and its `lock`. TensorFlow's default session is each thread's own: what runs here
    takes the one in which the network was opened.
    """

    def __init__(self, engine, live, parsed):
        self._tfutil, self._live, self._parsed = engine.tfutil, live, parsed
        self.lock, self._session = engine.lock, tf.get_default_session()
        self.name, self.family, self.role = parsed.name, parsed.family, parsed.role
        self.architecture, self.resolution = parsed.architecture, parsed.resolution
        self.layers = synthesis_layers(self.resolution)
        own = variables(live)
        noise = ["G_synthesis/noise%d" % layer for layer in range(self.layers - 1)]
        self._noise = [own[name] for name in noise if name in own]
        self.stored_noise = self._run(self._tfutil.run, self._noise)

    def _run(self, function, *arguments, **options):
        """A function of NVIDIA's code, in the graph and the session of this network."""
        with self.lock, self._session.graph.as_default(), self._session.as_default():
            return function(*arguments, **options)

    @property
    def stored(self):
        """The names of its variables, and what its file had for them."""
        return self._parsed.stored

    @property
    def variables(self):
        """OrderedDict of name to float32 array, as they are now."""
        return self._run(self._tfutil.run, variables(self._live))

    def generator(self, device=None):
        return self

    def load(self, network):
        pass

    def batch_size(self):
        return max(1, _BATCH_PIXELS // self.resolution ** 2)

    def images(self, z, labels, psi, cutoff, noise, _shared=None):
        """z [N,latent_size] to images [N,C,R,R] by `Gs.run`."""
        return self._run(self._with_noise, noise, len(z), lambda part: self._live.run(
            z[part], labels[part], truncation_psi=psi, truncation_cutoff=cutoff, randomize_noise=False))

    def synthesise(self, w, noise, _shared=None):
        """w [N,L,dlatent_size] to images [N,C,R,R]."""
        return self._run(self._with_noise, noise, len(w), lambda part: self._live.components.synthesis.run(
            w[part], randomize_noise=False))

    def _with_noise(self, noise, count, draw):
        """Draw with these noises [N or 1,1,H,W] in the buffers, as run_generator.py does; then as they were."""
        if noise is self.stored_noise:
            return draw(slice(None))
        images = []
        try:
            for i in range(count):
                self._set_noise([layer[min(i, len(layer) - 1)][None] for layer in noise])
                images.append(draw(slice(i, i + 1)))
        finally:
            self._set_noise(self.stored_noise)
        return np.concatenate(images)

    def _set_noise(self, noise):
        self._tfutil.set_vars(dict(zip(self._noise, noise)))
