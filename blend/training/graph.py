"""The training graph: one operation per phase of a StyleGAN2 training step."""

from typing import NamedTuple, Optional

import tensorflow.compat.v1 as tf

from blend.carried import stylegan2_graph
from blend.networks.stylegan2 import synthesis_layers
from blend.training import losses


class Options(NamedTuple):
    """What defines a training run; defaults are NVIDIA's config-f where they fit small networks."""

    minibatch: int = 16
    learning_rate: float = 0.0025
    r1_gamma: float = 0.1
    r1_interval: int = 16       # minibatches between R1 steps (lazy regularisation)
    pl_weight: float = 0.0      # path-length regularisation; NVIDIA uses 2
    pl_interval: int = 4
    ema_kimg: float = 3.0       # half-life of the moving average Gs, thousands of images
    style_mixing: float = 0.9
    mirror: bool = True


class Graph(NamedTuple):
    """Tensors and operations of a training graph."""

    reals: tf.Tensor            # uint8 [N,R,R,C] to feed
    sample_z: tf.Tensor         # [N,latent_size] to feed
    samples: tf.Tensor          # Gs' images [N,C,R,R] with stored noise
    g_step: tf.Operation
    g_regularise: Optional[tf.Operation]  # None where pl_weight is 0
    d_step: tf.Operation
    d_regularise: tf.Operation
    average: tf.Operation       # moves Gs towards G
    g_loss: tf.Tensor
    d_loss: tf.Tensor


def adam(options, interval=None):
    """Adam with lazy regularisation's corrections (arXiv 1912.04958, appendix B)."""
    share = interval / (interval + 1.0) if interval else 1.0  # of steps that are not regularisation
    return tf.train.AdamOptimizer(options.learning_rate * share, 0.0 ** share, 0.99 ** share, 1e-8)


class Generated(NamedTuple):
    """What a generator makes, as tensors."""

    w: tf.Tensor                # [N,L,dlatent_size]
    images: tf.Tensor           # [N,C,R,R]
    move_average: Optional[tf.Tensor]  # moves dlatent_avg towards these w; None unless asked for


class Model(object):
    """G, D and Gs of a training graph. Each call builds one of them again, with the same variables."""

    def __init__(self, g_kwargs, d_kwargs, options):
        self.latent_size = g_kwargs.get("latent_size", 512)
        self.resolution = g_kwargs.get("resolution", 1024)
        self._g_kwargs, self._d_kwargs, self._options = g_kwargs, d_kwargs, options
        self._no_labels = tf.zeros([options.minibatch, 0])

    def generate(self, scope, z, noise=True, mixing=False, move_average=False):
        """The Generated of latents [N,latent_size]. scope: 'G' or 'Gs'. noise: fresh, instead of the stored one."""
        g_kwargs = self._g_kwargs
        with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
            with tf.variable_scope("G_mapping"):
                labels = tf.zeros([tf.shape(z)[0], 0])
                w = self._map(z, labels)
                second_w = self._map(tf.random_normal(tf.shape(z)), labels) if mixing else None
            tf.get_variable("lod", [], initializer=tf.initializers.zeros(), trainable=False)
            average = tf.get_variable("dlatent_avg", [g_kwargs.get("dlatent_size", 512)],
                                      initializer=tf.initializers.zeros(), trainable=False)
            move = None
            if move_average:
                move = tf.assign(average, average + 0.005 * (tf.reduce_mean(w[:, 0], 0) - average))
            if mixing:
                w = stylegan2_graph.mix_styles(w, second_w, self._options.style_mixing)
            with tf.variable_scope("G_synthesis"):
                images = stylegan2_graph.G_synthesis_stylegan2(w, randomize_noise=noise, **g_kwargs)
        return Generated(w, images, move)

    def _map(self, z, labels):
        layers = synthesis_layers(self.resolution)
        return stylegan2_graph.G_mapping(z, labels, dlatent_broadcast=layers, **self._g_kwargs)

    def fakes(self, count, move_average=False):
        """What G makes of `count` random latents, with mixed styles, as a Generated."""
        return self.generate("G", tf.random_normal([count, self.latent_size]), mixing=True, move_average=move_average)

    def discriminate(self, images):
        """Scores [N,1] of images [N,C,R,R]."""
        with tf.variable_scope("D", reuse=tf.AUTO_REUSE):
            return stylegan2_graph.D_stylegan2(images, self._no_labels, **self._d_kwargs)


def build(g_kwargs, d_kwargs, options):
    """Build the graph for static_kwargs of G and D. Variables: `G/…`, `D/…`, `Gs/…` as in network files."""
    model = Model(g_kwargs, d_kwargs, options)
    reals = tf.placeholder(tf.uint8, [options.minibatch, model.resolution, model.resolution, 3])
    real_images = prepare(reals, options.mirror)
    fakes = model.fakes(options.minibatch, move_average=True)
    g_loss = losses.g_logistic_nonsaturating(model.discriminate(fakes.images))
    real_scores = model.discriminate(real_images)
    d_loss = losses.d_logistic(real_scores, model.discriminate(model.fakes(options.minibatch).images))
    r1 = losses.r1_penalty(real_images, real_scores, options.r1_gamma)

    g_vars, d_vars = trainables("G/"), trainables("D/")
    g_adam = adam(options, options.pl_interval if options.pl_weight else None)
    d_adam = adam(options, options.r1_interval)
    with tf.control_dependencies([fakes.move_average]):
        g_step = g_adam.minimize(g_loss, var_list=g_vars)
    d_step = d_adam.minimize(d_loss, var_list=d_vars)
    d_regularise = d_adam.minimize(r1 * options.r1_interval, var_list=d_vars)
    g_regularise = None
    if options.pl_weight:
        g_regularise = g_adam.minimize(path_length(model, options) * options.pl_interval, var_list=g_vars)

    sample_z = tf.placeholder(tf.float32, [None, model.latent_size])
    samples = model.generate("Gs", sample_z, noise=False).images
    return Graph(reals, sample_z, samples, g_step, g_regularise, d_step, d_regularise,
                 moving_average(options), g_loss, d_loss)


def path_length(model, options):
    """The path-length penalty of half a minibatch of G's pictures; its target is the variable `pl_mean`."""
    fakes = model.fakes(max(options.minibatch // 2, 1))
    mean = tf.get_variable("pl_mean", [], initializer=tf.initializers.zeros(), trainable=False)
    return losses.path_length_penalty(fakes.images, fakes.w, mean, options.pl_weight)


def prepare(reals, mirror):
    """uint8 [N,H,W,C] to float32 [N,C,H,W] in -1...1, each mirrored at random."""
    images = tf.cast(tf.transpose(reals, [0, 3, 1, 2]), tf.float32) / 127.5 - 1
    if mirror:
        images = tf.where(tf.random_uniform(tf.shape(images)[:1]) < 0.5, images, images[..., ::-1])
    return images


def trainables(prefix):
    return [var for var in tf.trainable_variables() if var.name.startswith(prefix)]


def moving_average(options):
    """Gs' trainables move towards G's; the others (dlatent_avg, noise) are copied."""
    beta = 0.5 ** (options.minibatch / (options.ema_kimg * 1000.0))
    by_name = {var.name: var for var in tf.global_variables()}
    moving = {var.name for var in trainables("Gs/")}
    moves = []
    for var in tf.global_variables():
        if var.name.startswith("Gs/"):
            source = by_name["G/" + var.name[len("Gs/"):]]
            weight = beta if var.name in moving else 0.0
            moves.append(tf.assign(var, source + (var - source) * weight))
    return tf.group(*moves)
