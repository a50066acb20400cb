"""StyleGAN2 generator and discriminator as TensorFlow 1 graphs (Karras et al. 2020, arXiv 1912.04958).

This file is self-contained: its text travels inside the network files that `blend` trains, so that
NVIDIA's loader can rebuild them. It runs on TensorFlow 1.15 and 2.x and needs no CUDA compiler.

Build functions take and return NVIDIA's layout [N,C,H,W]; inside, tensors are [N,H,W,C], which a
CPU convolves fastest. Letters: N batch, C channels, H W pixels, I O input and output channels,
k kernel size, L = 2 log2(R) - 2 style inputs of a generator of resolution R.
"""

import numpy as np
import tensorflow.compat.v1 as tf


def get_weight(name, shape, lrmul=1.0):
    """A weight stored at unit scale, times its run-time coefficient (equalised learning rate)."""
    init = tf.initializers.random_normal(0, 1.0 / lrmul)
    coef = lrmul / np.sqrt(np.prod(shape[:-1]))  # 1 / sqrt(fan_in)
    return tf.get_variable(name, shape, tf.float32, init) * np.float32(coef)


def get_bias(size, name="bias", lrmul=1.0):
    """A bias [size], times its learning-rate multiplier."""
    bias = tf.get_variable(name, [size], tf.float32, tf.initializers.zeros())
    return bias if lrmul == 1.0 else bias * np.float32(lrmul)


def activate(x, nonlinearity, clamp=None):
    """'lrelu' (slope 0.2) and 'relu' keep the variance by a gain of sqrt 2; 'linear' does nothing.

    clamp: None, or the largest absolute value that is let through (arXiv 2006.06676, appendix D.1).
    """
    if nonlinearity == "lrelu":
        x = tf.nn.leaky_relu(x, 0.2) * np.float32(np.sqrt(2))
    elif nonlinearity == "relu":
        x = tf.nn.relu(x) * np.float32(np.sqrt(2))
    elif nonlinearity != "linear":
        raise ValueError("nonlinearity must be lrelu, relu or linear, not %r" % (nonlinearity,))
    return x if clamp is None else tf.clip_by_value(x, -float(clamp), float(clamp))


def feature_maps(stage, fmap_base, fmap_decay, fmap_min, fmap_max):
    """Channels at a stage; resolution 2^r uses stage r - 1."""
    return int(np.clip(int(fmap_base / 2.0 ** (stage * fmap_decay)), fmap_min, fmap_max))


def dense(x, size, lrmul=1.0, weight_name="weight"):
    """x [N,...] flattened, times a weight [I,O]."""
    x = tf.reshape(x, [-1, int(np.prod(x.shape.as_list()[1:]))])
    return tf.matmul(x, get_weight(weight_name, [x.shape.as_list()[1], size], lrmul))


def filter_2d(x, taps, gain, before, after):
    """Pad x [N,H,W,C] and filter each channel with outer(taps, taps), normalised to sum `gain`."""
    taps = np.asarray(taps, np.float64)
    kernel = taps if taps.ndim == 2 else np.outer(taps, taps)
    kernel = (kernel * (gain / kernel.sum()))[::-1, ::-1]  # true convolution
    channels = x.shape.as_list()[3]
    x = tf.pad(x, [[0, 0], [before, after], [before, after], [0, 0]])
    kernel = np.tile(kernel[:, :, None, None], [1, 1, channels, 1]).astype(np.float32)
    return tf.nn.depthwise_conv2d(x, tf.constant(kernel), [1, 1, 1, 1], "VALID")


def conv2d(x, weight):
    """'same' correlation of x [N,H,W,I] with weight [k,k,I,O]."""
    return tf.nn.conv2d(x, weight, strides=[1, 1, 1, 1], padding="SAME")


def upsample_conv2d(x, weight, taps):
    """Stride-2 transposed convolution, then a low-pass filter: [N,H,W,I] to [N,2H,2W,O]."""
    k, _, channels_in, channels_out = weight.shape.as_list()
    height, width = x.shape.as_list()[1:3]
    size = [2 * height - 2 + k, 2 * width - 2 + k]
    flipped = tf.transpose(weight[::-1, ::-1], [0, 1, 3, 2])  # [k,k,O,I]
    x = tf.nn.conv2d_transpose(
        x, flipped, [tf.shape(x)[0]] + size + [channels_out], strides=[1, 2, 2, 1], padding="VALID")
    x.set_shape([None] + size + [channels_out])
    p = len(taps) - 2 - (k - 1)
    return filter_2d(x, taps, 4, (p + 1) // 2 + 1, p // 2 + 1)


def downsample_conv2d(x, weight, taps):
    """Low-pass filter, then stride-2 convolution: [N,H,W,I] to [N,H/2,W/2,O]."""
    p = len(taps) - 2 + (weight.shape.as_list()[0] - 1)
    x = filter_2d(x, taps, 1, (p + 1) // 2, p // 2)
    return tf.nn.conv2d(x, weight, strides=[1, 2, 2, 1], padding="VALID")


def upsample_2d(x, taps):
    """Twice the size: zeros between pixels, then a low-pass filter. [N,H,W,C] to [N,2H,2W,C]."""
    height, width, channels = x.shape.as_list()[1:]
    x = tf.reshape(x, [-1, height, 1, width, 1, channels])
    x = tf.pad(x, [[0, 0], [0, 0], [0, 1], [0, 0], [0, 1], [0, 0]])
    x = tf.reshape(x, [-1, 2 * height, 2 * width, channels])
    p = len(taps) - 2
    return filter_2d(x, taps, 4, (p + 1) // 2 + 1, p // 2)


def downsample_2d(x, taps):
    """Half the size: low-pass filter, then every second pixel. [N,H,W,C] to [N,H/2,W/2,C]."""
    p = len(taps) - 2
    return filter_2d(x, taps, 1, (p + 1) // 2, p // 2)[:, ::2, ::2]


def modulated_conv2d(x, style, fmaps, kernel, up=False, demodulate=True, taps=(1, 3, 3, 1)):
    """Convolution whose weight is scaled per sample by a style (arXiv 1912.04958, eq. 1 and 3).

    x [N,H,W,I], style w [N,D]. Scaling the input by s and the output by
    d = rsqrt(sum over k,k,I of (s weight)^2 + 1e-8) equals scaling the weight, for a whole batch at once.
    """
    channels = x.shape.as_list()[3]
    weight = get_weight("weight", [kernel, kernel, channels, fmaps])
    s = dense(style, channels, weight_name="mod_weight") + get_bias(channels, "mod_bias") + 1  # [N,I]
    x = x * s[:, None, None, :]
    x = upsample_conv2d(x, weight, taps) if up else conv2d(x, weight)
    if demodulate:
        d = tf.rsqrt(tf.matmul(tf.square(s), tf.reduce_sum(tf.square(weight), [0, 1])) + 1e-8)  # [N,O]
        x = x * d[:, None, None, :]
    return x


def stylegan2_layers(resolution):
    """Log2 resolutions above 4x4: 8x8 is 3."""
    log2 = int(np.log2(resolution))
    if resolution != 2 ** log2 or resolution < 4:
        raise ValueError("resolution must be a power of two, at least 4, not %r" % (resolution,))
    return range(3, log2 + 1)


def mix_styles(w, other, probability):
    """Style mixing (arXiv 1812.04948): from a random layer on, w [N,L,D] comes from `other`."""
    layers = w.shape.as_list()[1]
    batch = tf.shape(w)[0]
    crossover = tf.random_uniform([batch, 1, 1], 1, layers, tf.int32)
    mixed = tf.random_uniform([batch, 1, 1]) < probability
    crossover = tf.where(mixed, crossover, tf.fill([batch, 1, 1], layers))
    return tf.where(tf.broadcast_to(np.arange(layers)[None, :, None] < crossover, tf.shape(w)), w, other)


def truncate(w, average, psi, cutoff):
    """Truncation: lerp(average, w, psi) in the first `cutoff` of L layers, all if None. w [N,L,D]."""
    layers = np.arange(w.shape.as_list()[1])[None, :, None]
    psi = tf.ones(layers.shape) * psi if cutoff is None else tf.where(
        layers < cutoff, tf.ones(layers.shape) * psi, tf.ones(layers.shape))
    return average + (w - average) * psi


def G_main(
        latents_in,                                 # z [N,latent_size]
        labels_in,                                  # [N,label_size]
        truncation_psi=0.5, truncation_cutoff=None,
        truncation_psi_val=None, truncation_cutoff_val=None,  # the same when is_validation
        dlatent_avg_beta=0.995, style_mixing_prob=0.9,        # when is_training
        is_training=False, is_validation=False, return_dlatents=False, is_template_graph=False,
        components=None, mapping_func="G_mapping", synthesis_func="G_synthesis_stylegan2", **kwargs):
    """Latents to images [N,C,R,R], in NVIDIA's calling convention (used through their `dnnlib` only)."""
    import dnnlib.tflib

    layers = 2 * len(stylegan2_layers(kwargs.get("resolution", 1024))) + 2
    if "synthesis" not in components:
        components.synthesis = dnnlib.tflib.Network(
            "G_synthesis", func_name=globals()[synthesis_func], **kwargs)
    if "mapping" not in components:
        components.mapping = dnnlib.tflib.Network(
            "G_mapping", func_name=globals()[mapping_func], dlatent_broadcast=layers, **kwargs)
    tf.get_variable("lod", [], initializer=tf.initializers.zeros(), trainable=False)  # files have it; unused
    average = tf.get_variable("dlatent_avg", [kwargs.get("dlatent_size", 512)],
                              initializer=tf.initializers.zeros(), trainable=False)
    if is_validation:
        truncation_psi, truncation_cutoff = truncation_psi_val, truncation_cutoff_val

    def mapped(z):
        return components.mapping.get_output_for(z, labels_in, is_training=is_training, **kwargs)

    w = mapped(latents_in)
    updates = []
    if is_training and dlatent_avg_beta is not None:
        batch_average = tf.reduce_mean(w[:, 0], 0)
        updates.append(tf.assign(average, batch_average + (average - batch_average) * dlatent_avg_beta))
    with tf.control_dependencies(updates):
        w = tf.identity(w)
    if is_training and style_mixing_prob:
        w = mix_styles(w, mapped(tf.random_normal(tf.shape(latents_in))), style_mixing_prob)
    if not is_training and truncation_psi is not None and not (
            isinstance(truncation_psi, (int, float)) and truncation_psi == 1):
        w = truncate(w, average, truncation_psi, truncation_cutoff)
    images = components.synthesis.get_output_for(
        w, is_training=is_training, force_clean_graph=is_template_graph, **kwargs)
    images = tf.identity(images, name="images_out")
    return (images, tf.identity(w, name="dlatents_out")) if return_dlatents else images


def normalize(x):
    """x [N,I] to a mean square of 1 for each sample."""
    return x * tf.rsqrt(tf.reduce_mean(tf.square(x), 1, keepdims=True) + 1e-8)


def embed_labels(labels, size):
    """Labels [N,label_size] through a dense layer, normalised: [N,size]."""
    with tf.variable_scope("LabelEmbed"):
        return normalize(dense(labels, size) + get_bias(size))


def G_mapping(
        latents_in, labels_in, latent_size=512, label_size=0, dlatent_size=512, dlatent_broadcast=None,
        mapping_layers=8, mapping_fmaps=512, mapping_lrmul=0.01, mapping_nonlinearity="lrelu",
        normalize_latents=True, label_embedding=False, label_fmaps=None, **_kwargs):
    """Mapping network: z [N,latent_size] to w [N,dlatent_size], or [N,dlatent_broadcast,dlatent_size].

    label_embedding: labels as in StyleGAN2-ADA, a dense layer to label_fmaps (None: latent_size), normalised
    apart from z.
    """
    latents_in.set_shape([None, latent_size])
    labels_in.set_shape([None, label_size])
    x = latents_in
    if label_size and not label_embedding:
        with tf.variable_scope("LabelConcat"):
            weight = tf.get_variable("weight", [label_size, latent_size], tf.float32,
                                     tf.initializers.random_normal())
            x = tf.concat([x, tf.matmul(labels_in, weight)], 1)
    if normalize_latents:
        x = normalize(x)
    if label_size and label_embedding:
        x = tf.concat([x, embed_labels(labels_in, label_fmaps or latent_size)], 1)
    for i in range(mapping_layers):
        with tf.variable_scope("Dense%d" % i):
            size = dlatent_size if i == mapping_layers - 1 else mapping_fmaps or dlatent_size
            x = dense(x, size, mapping_lrmul) + get_bias(size, lrmul=mapping_lrmul)
            x = activate(x, mapping_nonlinearity)
    if dlatent_broadcast is not None:
        x = tf.tile(x[:, None], [1, dlatent_broadcast, 1])  # [N,L,D]
    return tf.identity(x, name="dlatents_out")


def G_synthesis_stylegan2(
        dlatents_in, dlatent_size=512, num_channels=3, resolution=1024, fmap_base=16384, fmap_decay=1.0,
        fmap_min=1, fmap_max=512, fmap_const=None, use_noise=True, randomize_noise=True, noise_in=None,
        architecture="skip", nonlinearity="lrelu", resample_kernel=(1, 3, 3, 1), conv_clamp=None, **_kwargs):
    """Synthesis network: w [N,L,dlatent_size] to images [N,C,R,R], about -1...1, not clipped.

    noise_in is None (stored buffers, or fresh draws if randomize_noise) or a function of
    (layer index, stored buffer [1,1,H,W]) that returns the noise [N or 1,1,H,W] to add.
    """
    if architecture not in ("skip", "orig", "resnet"):
        raise ValueError("architecture must be skip, orig or resnet, not %r" % (architecture,))
    stages = stylegan2_layers(resolution)
    dlatents_in.set_shape([None, 2 * len(stages) + 2, dlatent_size])
    taps = resample_kernel

    def channels(r):
        return feature_maps(r - 1, fmap_base, fmap_decay, fmap_min, fmap_max)

    buffers = []
    for layer in range(2 * len(stages) + 1 if use_noise else 0):
        size = 2 ** ((layer + 5) // 2)
        buffers.append(tf.get_variable("noise%d" % layer, [1, 1, size, size], tf.float32,
                                       tf.initializers.random_normal(), trainable=False))

    def layer_noise(x, layer):
        if noise_in is not None:
            noise = noise_in(layer, buffers[layer])
        elif randomize_noise:
            size = buffers[layer].shape.as_list()[2:]
            noise = tf.random_normal([tf.shape(x)[0], 1] + size)
        else:
            noise = tf.convert_to_tensor(buffers[layer])
        return tf.transpose(noise, [0, 2, 3, 1])  # [N,H,W,1]

    def layer_block(x, layer, r, up=False):
        x = modulated_conv2d(x, dlatents_in[:, layer], channels(r), 3, up=up, taps=taps)
        if use_noise:
            strength = tf.get_variable("noise_strength", [], tf.float32, tf.initializers.zeros())
            x = x + layer_noise(x, layer) * strength
        return activate(x + get_bias(channels(r)), nonlinearity, conv_clamp)

    def to_rgb(x, rgb, r):
        with tf.variable_scope("ToRGB"):
            t = modulated_conv2d(x, dlatents_in[:, 2 * r - 3], num_channels, 1, demodulate=False)
            t = activate(t + get_bias(num_channels), "linear", conv_clamp)
            return t if rgb is None else rgb + t

    rgb = None
    with tf.variable_scope("4x4"):
        with tf.variable_scope("Const"):
            const = tf.get_variable("const", [1, fmap_const or channels(2), 4, 4], tf.float32,
                                    tf.initializers.random_normal())
            x = tf.tile(tf.transpose(const, [0, 2, 3, 1]), [tf.shape(dlatents_in)[0], 1, 1, 1])
        with tf.variable_scope("Conv"):
            x = layer_block(x, 0, 2)
        if architecture == "skip" or not stages:
            rgb = to_rgb(x, rgb, 2)
    for r in stages:
        with tf.variable_scope("%dx%d" % (2 ** r, 2 ** r)):
            block_in = x
            with tf.variable_scope("Conv0_up"):
                x = layer_block(x, 2 * r - 5, r, up=True)
            with tf.variable_scope("Conv1"):
                x = layer_block(x, 2 * r - 4, r)
            if architecture == "resnet":
                with tf.variable_scope("Skip"):
                    weight = get_weight("weight", [1, 1, channels(r - 1), channels(r)])
                    x = (x + upsample_conv2d(block_in, weight, taps)) * np.float32(np.sqrt(0.5))
            if architecture == "skip":
                rgb = upsample_2d(rgb, taps)
            if architecture == "skip" or r == stages[-1]:
                rgb = to_rgb(x, rgb, r)
    return tf.identity(tf.transpose(rgb, [0, 3, 1, 2]), name="images_out")  # [N,C,H,W]


def minibatch_stddev(x, group_size):
    """Append a channel with the standard deviation over groups of samples (arXiv 1710.10196, section 3).

    group_size None: the whole minibatch.
    """
    height, width, channels = x.shape.as_list()[1:]
    group = tf.shape(x)[0] if group_size is None else tf.minimum(group_size, tf.shape(x)[0])
    y = tf.reshape(x, [group, -1, height, width, channels])  # [G,M,H,W,C], N = G M
    y = y - tf.reduce_mean(y, 0, keepdims=True)
    y = tf.sqrt(tf.reduce_mean(tf.square(y), 0) + 1e-8)  # [M,H,W,C]
    y = tf.reduce_mean(y, [1, 2, 3], keepdims=True)  # [M,1,1,1]
    return tf.concat([x, tf.tile(y, [group, height, width, 1])], 3)


def D_stylegan2(
        images_in, labels_in, num_channels=3, resolution=1024, label_size=0, fmap_base=16384,
        fmap_decay=1.0, fmap_min=1, fmap_max=512, architecture="resnet", nonlinearity="lrelu",
        mbstd_group_size=4, mbstd_num_features=1, resample_kernel=(1, 3, 3, 1), conv_clamp=None,
        label_embedding=False, mapping_layers=0, mapping_fmaps=None, mapping_lrmul=0.1, **_kwargs):
    """Discriminator: images [N,C,R,R], -1...1, to scores [N,1].

    label_embedding: labels as in StyleGAN2-ADA, embedded and mapped before they meet the features.
    """
    if architecture not in ("skip", "orig", "resnet"):
        raise ValueError("architecture must be skip, orig or resnet, not %r" % (architecture,))
    with_deviation = mbstd_group_size not in (0, 1)
    if with_deviation and mbstd_num_features != 1:
        raise ValueError("mbstd_num_features must be 1, not %r" % (mbstd_num_features,))
    stages = stylegan2_layers(resolution)
    images_in.set_shape([None, num_channels, resolution, resolution])
    labels_in.set_shape([None, label_size])
    taps = resample_kernel

    def channels(r):
        return feature_maps(r - 1, fmap_base, fmap_decay, fmap_min, fmap_max)

    def conv_layer(name, x, fmaps, kernel=3, down=False):
        with tf.variable_scope(name):
            weight = get_weight("weight", [kernel, kernel, x.shape.as_list()[3], fmaps])
            x = downsample_conv2d(x, weight, taps) if down else conv2d(x, weight)
            return activate(x + get_bias(fmaps), nonlinearity, conv_clamp)

    def from_rgb(x, image, r):
        t = conv_layer("FromRGB", image, channels(r), kernel=1)
        return t if x is None else x + t

    x, image = None, tf.transpose(images_in, [0, 2, 3, 1])  # [N,H,W,C]
    for r in reversed(stages):
        with tf.variable_scope("%dx%d" % (2 ** r, 2 ** r)):
            if architecture == "skip" or x is None:
                x = from_rgb(x, image, r)
            block_in = x
            x = conv_layer("Conv0", x, channels(r))
            x = conv_layer("Conv1_down", x, channels(r - 1), down=True)
            if architecture == "resnet":
                with tf.variable_scope("Skip"):
                    weight = get_weight("weight", [1, 1, channels(r), channels(r - 1)])
                    x = (x + downsample_conv2d(block_in, weight, taps)) * np.float32(np.sqrt(0.5))
            if architecture == "skip":
                image = downsample_2d(image, taps)
    with tf.variable_scope("4x4"):
        if architecture == "skip" or x is None:
            x = from_rgb(x, image, 2)
        if with_deviation:
            x = minibatch_stddev(x, mbstd_group_size)
        x = conv_layer("Conv", x, channels(2))
        with tf.variable_scope("Dense0"):
            x = tf.transpose(x, [0, 3, 1, 2])  # flattened as [N,C,H,W]
            x = activate(dense(x, channels(1)) + get_bias(channels(1)), nonlinearity)
    outputs = max(label_size, 1)
    if label_size and label_embedding:
        outputs = mapping_fmaps or channels(1)
        labels_in = embed_labels(labels_in, outputs)
        for i in range(mapping_layers):
            with tf.variable_scope("Mapping%d" % i):
                labels_in = dense(labels_in, outputs, mapping_lrmul) + get_bias(outputs, lrmul=mapping_lrmul)
                labels_in = activate(labels_in, nonlinearity)
        labels_in = labels_in * np.float32(1 / np.sqrt(outputs))
    with tf.variable_scope("Output"):
        scores = dense(x, outputs) + get_bias(outputs)
        if label_size:
            scores = tf.reduce_sum(scores * labels_in, 1, keepdims=True)
    return tf.identity(scores, name="scores_out")


# The names of StyleGAN2-ADA.
G_synthesis = G_synthesis_stylegan2


def D_main(images_in, labels_in, mbstd_group_size=None, **kwargs):
    """StyleGAN2-ADA's discriminator."""
    return D_stylegan2(images_in, labels_in, mbstd_group_size=mbstd_group_size, label_embedding=True, **kwargs)
