"""Pictures from networks: one graph for each architecture, built once; weights are set without growing it."""

import threading
from collections import OrderedDict

import numpy as np
import tensorflow.compat.v1 as tf

from blend.carried import stylegan2_graph
from blend.engine import bfloat16, fast, quiet_stderr
from blend.errors import BlendError
from blend.networks import stylegan2
from blend.networks.stylegan2 import locate, synthesis_layers

# Pixels of pictures that are computed at once: 64 at 64x64, one at 512x512 and above.
_BATCH_PIXELS = 2 ** 18


def session(graph, device=None):
    """A session on the GPUs that TensorFlow sees, or only on the CPU. device: None, 'cpu' or 'gpu'.

    BlendError: 'gpu' where there is none.
    """
    config = tf.ConfigProto(allow_soft_placement=True)
    config.gpu_options.allow_growth = True
    if device == "cpu":
        config.device_count["GPU"] = 0
    elif device not in (None, "gpu"):
        raise BlendError("device must be cpu or gpu, not %r" % (device,))
    with quiet_stderr():
        opened = tf.Session(graph=graph, config=config)
        if device == "gpu" and not has_gpu(opened):
            opened.close()
            raise BlendError("TensorFlow sees no GPU here; leave the device out or use cpu")
    return opened


def has_gpu(opened):
    """Whether a session can use a GPU."""
    return any(device.device_type == "GPU" for device in opened.list_devices())


def set_variables(opened, pairs):
    """Assign (variable, array) pairs through the variables' own initialisers, which adds nothing to the graph."""
    pairs = list(pairs)
    opened.run([var.initializer for var, _ in pairs], {var.initializer.inputs[1]: value for var, value in pairs})


class Shared(object):
    """What pictures of several networks, from the same latents and noise, have in common: the first one's parts.

    variables: of the first network. w and features ({resolution: (x, rgb)}): what it computed.
    """

    def __init__(self):
        self.variables, self.w, self.features = {}, None, {}

    def split(self, variables):
        """The resolution up to which a network's layers are those of the first one, or None.

        Noise has to be the same: it goes into every layer.
        """
        own = {locate(name)[:2] for name, value in variables.items() if value is not self.variables.get(name)}
        if ("noise", None) in own:
            return None
        others = [resolution for _, resolution in own if resolution]
        first = min(others, default=2 ** 31)
        return max((resolution for resolution in self.features if resolution < first), default=None)

    def has_styles_of(self, variables):
        """Whether a network maps z to w as the first one does."""
        return all(value is self.variables.get(name) for name, value in variables.items()
                   if locate(name).kind in ("mapping", "dlatent_avg"))


class Generator(object):
    """A generator graph for one architecture (`Network.architecture`).

    `load(network)` sets the weights; `map` and `synthesise` run it. stored_noise: the network's own noise buffers,
    as `synthesise` wants them. precision: 'float32' or 'bfloat16'. tuning: of the fast graph, where it can be taken;
    None: the plain graph. BlendError: bfloat16 where there is no fast graph.

    Weights are state: whoever shares a Generator with other threads holds its `lock` from `load` to the last run.
    """

    def __init__(self, architecture, device=None, precision="float32", tuning=fast.TUNING):
        self.architecture = architecture
        self.layers = synthesis_layers(architecture["resolution"])
        self.lock = threading.RLock()
        self._tuning, self._loaded = tuning, None
        self._graph = tf.Graph()
        self._session = session(self._graph, device)
        self.is_fast = tuning is not None and fast.supports(architecture) and not has_gpu(self._session)
        if precision == "bfloat16" and not self.is_fast:
            raise BlendError("bfloat16 is for the usual networks (skip, leaky ReLU) with TensorFlow 2 on a CPU; "
                             "leave the precision out")
        with self._graph.as_default():
            self._build_mapping()
            self._build_synthesis(precision)

    def _build_mapping(self):
        kwargs = self.architecture
        self._z = tf.placeholder(tf.float32, [None, kwargs["latent_size"]])
        self._labels = tf.placeholder(tf.float32, [None, kwargs["label_size"]])
        with tf.variable_scope("G_mapping"):
            self._w = stylegan2_graph.G_mapping(self._z, self._labels, dlatent_broadcast=self.layers, **kwargs)
        self._variables = OrderedDict((var.name.split(":")[0], var) for var in tf.global_variables())

    def _build_synthesis(self, precision):
        shapes = OrderedDict(
            ("G_synthesis/" + name, shape) for name, shape in stylegan2.synthesis(self.architecture).items())
        noise = [shape for name, shape in shapes.items() if locate(name).kind == "noise"]
        self._w_in = tf.placeholder(tf.float32, [None, self.layers, self.architecture["dlatent_size"]])
        self._noise_in = [tf.placeholder(tf.float32, [None] + list(shape[1:])) for shape in noise]
        if self.is_fast:
            synthesis = bfloat16.Synthesis if precision == "bfloat16" else fast.Synthesis
            layers = OrderedDict((name, shape) for name, shape in shapes.items() if locate(name).resolution)
            self._fast = synthesis(self._w_in, self._noise_in, layers, self.architecture["conv_clamp"], self._tuning)
            self._images = self._fast.images
            return
        with tf.variable_scope("G_synthesis"):
            self._images = stylegan2_graph.G_synthesis_stylegan2(
                self._w_in, noise_in=lambda layer, _buffer: self._noise_in[layer], **self.architecture)
        self._variables.update((var.name.split(":")[0], var) for var in tf.global_variables("G_synthesis/"))

    def load(self, network):
        """Set the weights of a Network of this architecture; those that it shares with the last one are there."""
        if network is self._loaded:
            return
        before = {} if self._loaded is None else self._loaded.variables
        self._loaded = None  # until all is set
        values = network.variables
        self._average = np.asarray(values["dlatent_avg"])
        self.stored_noise = [values["G_synthesis/noise%d" % layer] for layer in range(len(self._noise_in))]
        changed = OrderedDict((name, value) for name, value in values.items() if value is not before.get(name))
        set_variables(self._session, [(self._variables[name], value) for name, value in changed.items()
                                      if name in self._variables])
        if self.is_fast:
            self._fast.load(self._session, {name: value for name, value in changed.items() if locate(name).resolution})
        self._loaded = network

    def map(self, z, labels, psi=None, cutoff=None):
        """z [N,latent_size], labels [N,label_size] to w [N,L,dlatent_size], truncated (arXiv 1812.04948, B)."""
        w = self._session.run(self._w, {self._z: z, self._labels: labels})
        if psi is not None and psi != 1:
            w = w.copy()
            w[:, :cutoff] = self._average + (w[:, :cutoff] - self._average) * np.float32(psi)
        return w

    def synthesise(self, w, noise, shared=None):
        """w [N,L,dlatent_size] and a list of L - 1 noises [N or 1,1,H,W] to images [N,C,R,R], float32.

        shared: a Shared of the same w and noise, which is filled by the first network and used by others.
        """
        feed = dict(zip(self._noise_in, noise))
        feed[self._w_in] = w
        with quiet_stderr():
            if shared is None or not self.is_fast:
                return self._session.run(self._images, feed)
            if not shared.features:
                shared.variables = self._loaded.variables
                images, shared.features = self._session.run([self._images, dict(self._fast.features)], feed)
                return images
            start = shared.split(self._loaded.variables)
            if start is not None:
                feed.update(zip(self._fast.features[start], shared.features[start]))
            return self._session.run(self._images, feed)

    def images(self, z, labels, psi, cutoff, noise, shared=None):
        """`map`, then `synthesise`."""
        if shared is None:
            return self.synthesise(self.map(z, labels, psi, cutoff), noise)
        if shared.w is None:
            shared.w, shared.variables = self.map(z, labels, psi, cutoff), self._loaded.variables
        elif not shared.has_styles_of(self._loaded.variables):
            return self.synthesise(self.map(z, labels, psi, cutoff), noise)
        return self.synthesise(shared.w, noise, shared)

    def batch_size(self):
        """How many images `synthesise` should get at once."""
        resolution = self.architecture["resolution"]
        return 1 if self.is_fast and resolution >= self._tuning.folded else max(1, _BATCH_PIXELS // resolution ** 2)


class Discriminator(object):
    """A discriminator graph with the weights of one network."""

    def __init__(self, network, device=None):
        kwargs = network.architecture
        graph = tf.Graph()
        with graph.as_default():
            size = kwargs["resolution"]
            self._images = tf.placeholder(tf.float32, [None, kwargs["num_channels"], size, size])
            self._labels = tf.placeholder(tf.float32, [None, kwargs["label_size"]])
            self._scores = stylegan2_graph.D_stylegan2(self._images, self._labels, **kwargs)
            variables = tf.global_variables()
        self._session = session(graph, device)
        set_variables(self._session, [(var, network.variables[var.name.split(":")[0]]) for var in variables])

    def score(self, images, labels):
        """images [N,C,R,R], -1…1, labels [N,label_size] to scores [N,1]; N at most 4 or a multiple of 4."""
        return self._session.run(self._scores, {self._images: images, self._labels: labels})
