"""The training graph: one operation per phase of a StyleGAN2 training step."""

from typing import NamedTuple

import tensorflow.compat.v1 as tf

from blend.carried import stylegan2_graph
from blend.networks.stylegan2 import synthesis_layers
from blend.training import losses


class Options(NamedTuple):
    """What defines a training run; defaults are NVIDIA's config-f where they fit small stylegan2_graph."""

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
    g_regularise: object        # None where pl_weight is 0
    d_step: tf.Operation
    d_regularise: tf.Operation
    average: tf.Operation       # moves Gs towards G
    g_loss: tf.Tensor
    d_loss: tf.Tensor


def adam(options, interval=None):
    """Adam with lazy regularisation's corrections (arXiv 1912.04958, appendix B)."""
    c = interval / (interval + 1.0) if interval else 1.0
    return tf.train.AdamOptimizer(options.learning_rate * c, 0.0 ** c, 0.99 ** c, 1e-8)


def build(g_kwargs, d_kwargs, options):
    """Build the graph for static_kwargs of G and D. Variables: `G/…`, `D/…`, `Gs/…` as in network files."""
    latent_size = g_kwargs.get("latent_size", 512)
    resolution = g_kwargs.get("resolution", 1024)
    layers = synthesis_layers(resolution)
    no_labels = tf.zeros([options.minibatch, 0])

    def generate(scope, z, noise=True, mixing=False, update=None):
        with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
            with tf.variable_scope("G_mapping"):
                labels = tf.zeros([tf.shape(z)[0], 0])
                w = stylegan2_graph.G_mapping(z, labels, dlatent_broadcast=layers, **g_kwargs)
                if mixing:
                    other = stylegan2_graph.G_mapping(
                        tf.random_normal(tf.shape(z)), labels, dlatent_broadcast=layers, **g_kwargs)
            tf.get_variable("lod", [], initializer=tf.initializers.zeros(), trainable=False)
            average = tf.get_variable("dlatent_avg", [g_kwargs.get("dlatent_size", 512)],
                                      initializer=tf.initializers.zeros(), trainable=False)
            if update is not None:
                update.append(tf.assign(average, average + 0.005 * (tf.reduce_mean(w[:, 0], 0) - average)))
            if mixing:
                w = stylegan2_graph.mix_styles(w, other, options.style_mixing)
            with tf.variable_scope("G_synthesis"):
                return w, stylegan2_graph.G_synthesis_stylegan2(w, randomize_noise=noise, **g_kwargs)

    def discriminate(images):
        with tf.variable_scope("D", reuse=tf.AUTO_REUSE):
            return stylegan2_graph.D_stylegan2(images, no_labels, **d_kwargs)

    def fakes(count, **kwargs):
        return generate("G", tf.random_normal([count, latent_size]), **kwargs)

    reals = tf.placeholder(tf.uint8, [options.minibatch, resolution, resolution, 3])
    real_images = prepare(reals, options.mirror)
    updates = []
    g_loss = losses.g_logistic_nonsaturating(
        discriminate(fakes(options.minibatch, mixing=True, update=updates)[1]))
    real_scores = discriminate(real_images)
    d_loss = losses.d_logistic(real_scores, discriminate(fakes(options.minibatch, mixing=True)[1]))
    r1 = losses.r1_penalty(real_images, real_scores, options.r1_gamma)

    g_vars, d_vars = trainables("G/"), trainables("D/")
    g_adam = adam(options, options.pl_interval if options.pl_weight else None)
    d_adam = adam(options, options.r1_interval)
    with tf.control_dependencies(updates):
        g_step = g_adam.minimize(g_loss, var_list=g_vars)
    d_step = d_adam.minimize(d_loss, var_list=d_vars)
    d_regularise = d_adam.minimize(r1 * options.r1_interval, var_list=d_vars)
    g_regularise = None
    if options.pl_weight:
        w, images = fakes(max(options.minibatch // 2, 1), mixing=True)
        mean = tf.get_variable("pl_mean", [], initializer=tf.initializers.zeros(), trainable=False)
        penalty = losses.path_length_penalty(images, w, mean, options.pl_weight)
        g_regularise = g_adam.minimize(penalty * options.pl_interval, var_list=g_vars)

    sample_z = tf.placeholder(tf.float32, [None, latent_size])
    samples = generate("Gs", sample_z, noise=False)[1]
    return Graph(reals, sample_z, samples, g_step, g_regularise, d_step, d_regularise,
                 moving_average(options), g_loss, d_loss)


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
