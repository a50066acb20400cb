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


def is_truncated(psi):
    """Whether truncation by psi does anything: not for None and 1; a tensor may be anything."""
    return psi is not None and not (isinstance(psi, (int, float)) and psi == 1)


def make_components(components, mapping_func, synthesis_func, kwargs):
    """Make the networks of a generator that are not there yet, through NVIDIA's `dnnlib`."""
    import dnnlib.tflib

    layers = 2 * len(stylegan2_layers(kwargs.get("resolution", 1024))) + 2
    if "synthesis" not in components:
        components.synthesis = dnnlib.tflib.Network(
            "G_synthesis", func_name=globals()[synthesis_func], **kwargs)
    if "mapping" not in components:
        components.mapping = dnnlib.tflib.Network(
            "G_mapping", func_name=globals()[mapping_func], dlatent_broadcast=layers, **kwargs)


def moved_average(average, w, beta):
    """The assignment that moves the average w [D] towards that of w [N,L,D]."""
    batch_average = tf.reduce_mean(w[:, 0], 0)
    return tf.assign(average, batch_average + (average - batch_average) * beta)


def G_main(
        latents_in,                                 # z [N,latent_size]
        labels_in,                                  # [N,label_size]
        truncation_psi=0.5, truncation_cutoff=None,
        truncation_psi_val=None, truncation_cutoff_val=None,  # the same when is_validation
        dlatent_avg_beta=0.995, style_mixing_prob=0.9,        # when is_training
        is_training=False, is_validation=False, return_dlatents=False, is_template_graph=False,
        components=None, mapping_func="G_mapping", synthesis_func="G_synthesis_stylegan2", **kwargs):
    """Latents to images [N,C,R,R], in NVIDIA's calling convention (used through their `dnnlib` only)."""
    make_components(components, mapping_func, synthesis_func, kwargs)
    tf.get_variable("lod", [], initializer=tf.initializers.zeros(), trainable=False)  # files have it; unused
    average = tf.get_variable("dlatent_avg", [kwargs.get("dlatent_size", 512)],
                              initializer=tf.initializers.zeros(), trainable=False)
    if is_validation:
        truncation_psi, truncation_cutoff = truncation_psi_val, truncation_cutoff_val

    def mapped(z):
        return components.mapping.get_output_for(z, labels_in, is_training=is_training, **kwargs)

    w = mapped(latents_in)
    moves = is_training and dlatent_avg_beta is not None
    with tf.control_dependencies([moved_average(average, w, dlatent_avg_beta)] if moves else []):
        w = tf.identity(w)
    if is_training and style_mixing_prob:
        w = mix_styles(w, mapped(tf.random_normal(tf.shape(latents_in))), style_mixing_prob)
    if not is_training and is_truncated(truncation_psi):
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


def noise_buffers(count):
    """The stored noise of `count` layers: variables [1,1,H,W]."""
    buffers = []
    for layer in range(count):
        size = 2 ** ((layer + 5) // 2)
        buffers.append(tf.get_variable("noise%d" % layer, [1, 1, size, size], tf.float32,
                                       tf.initializers.random_normal(), trainable=False))
    return buffers


def layer_noise(x, layer, buffer, randomize_noise, noise_in):
    """The noise [N or 1,H,W,1] that a layer adds to x: given, fresh, or stored."""
    if noise_in is not None:
        noise = noise_in(layer, buffer)
    elif randomize_noise:
        noise = tf.random_normal([tf.shape(x)[0], 1] + buffer.shape.as_list()[2:])
    else:
        noise = tf.convert_to_tensor(buffer)
    return tf.transpose(noise, [0, 2, 3, 1])


def constant_input(channels, count):
    """The learned 4x4 input, once for each of `count` samples: [N,4,4,C]."""
    with tf.variable_scope("Const"):
        const = tf.get_variable("const", [1, channels, 4, 4], tf.float32, tf.initializers.random_normal())
        return tf.tile(tf.transpose(const, [0, 2, 3, 1]), [count, 1, 1, 1])


def styled_conv(name, x, w, fmaps, noise, nonlinearity, clamp, taps, up=False):
    """One layer of the synthesis network: modulated convolution, noise, bias, nonlinearity.

    noise is None or a function of the convolved x that returns the noise to add.
    """
    with tf.variable_scope(name):
        x = modulated_conv2d(x, w, fmaps, 3, up=up, taps=taps)
        if noise is not None:
            strength = tf.get_variable("noise_strength", [], tf.float32, tf.initializers.zeros())
            x = x + noise(x) * strength
        return activate(x + get_bias(fmaps), nonlinearity, clamp)


def to_rgb(x, rgb, w, num_channels, clamp):
    """x [N,H,W,C] as an image [N,H,W,num_channels], added to the image of the layers below."""
    with tf.variable_scope("ToRGB"):
        t = modulated_conv2d(x, w, num_channels, 1, demodulate=False)
        t = activate(t + get_bias(num_channels), "linear", clamp)
        return t if rgb is None else rgb + t


def synthesis_block(x, dlatents, r, channels, noises, architecture, **layer):
    """The two layers of resolution 2^r: x [N,H,W,channels(r - 1)] to [N,2H,2W,channels(r)]."""
    block_in, fmaps = x, channels(r)
    x = styled_conv("Conv0_up", x, dlatents[:, 2 * r - 5], fmaps, noises[2 * r - 5], up=True, **layer)
    x = styled_conv("Conv1", x, dlatents[:, 2 * r - 4], fmaps, noises[2 * r - 4], **layer)
    if architecture == "resnet":
        with tf.variable_scope("Skip"):
            weight = get_weight("weight", [1, 1, block_in.shape.as_list()[3], fmaps])
            x = (x + upsample_conv2d(block_in, weight, layer["taps"])) * np.float32(np.sqrt(0.5))
    return x


def check_architecture(architecture):
    if architecture not in ("skip", "orig", "resnet"):
        raise ValueError("architecture must be skip, orig or resnet, not %r" % (architecture,))


def G_synthesis_stylegan2(
        dlatents_in, dlatent_size=512, num_channels=3, resolution=1024, fmap_base=16384, fmap_decay=1.0,
        fmap_min=1, fmap_max=512, fmap_const=None, use_noise=True, randomize_noise=True, noise_in=None,
        architecture="skip", nonlinearity="lrelu", resample_kernel=(1, 3, 3, 1), conv_clamp=None, **_kwargs):
    """Synthesis network: w [N,L,dlatent_size] to images [N,C,R,R], about -1...1, not clipped.

    noise_in is None (stored buffers, or fresh draws if randomize_noise) or a function of
    (layer index, stored buffer [1,1,H,W]) that returns the noise [N or 1,1,H,W] to add.
    """
    check_architecture(architecture)
    stages = stylegan2_layers(resolution)
    dlatents_in.set_shape([None, 2 * len(stages) + 2, dlatent_size])
    layer = dict(nonlinearity=nonlinearity, clamp=conv_clamp, taps=resample_kernel)

    def channels(r):
        return feature_maps(r - 1, fmap_base, fmap_decay, fmap_min, fmap_max)

    count = 2 * len(stages) + 1
    noises = [None] * count
    if use_noise:
        noises = [lambda x, i=i, buffer=buffer: layer_noise(x, i, buffer, randomize_noise, noise_in)
                  for i, buffer in enumerate(noise_buffers(count))]
    rgb = None
    with tf.variable_scope("4x4"):
        x = constant_input(fmap_const or channels(2), tf.shape(dlatents_in)[0])
        x = styled_conv("Conv", x, dlatents_in[:, 0], channels(2), noises[0], **layer)
        if architecture == "skip" or not stages:
            rgb = to_rgb(x, rgb, dlatents_in[:, 1], num_channels, conv_clamp)
    for r in stages:
        with tf.variable_scope("%dx%d" % (2 ** r, 2 ** r)):
            x = synthesis_block(x, dlatents_in, r, channels, noises, architecture, **layer)
            if architecture == "skip":
                rgb = upsample_2d(rgb, resample_kernel)
            if architecture == "skip" or r == stages[-1]:
                rgb = to_rgb(x, rgb, dlatents_in[:, 2 * r - 3], num_channels, conv_clamp)
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


def conv_layer(name, x, fmaps, nonlinearity, clamp, taps, kernel=3, down=False):
    """Convolution, bias, nonlinearity; half the size if `down`."""
    with tf.variable_scope(name):
        weight = get_weight("weight", [kernel, kernel, x.shape.as_list()[3], fmaps])
        x = downsample_conv2d(x, weight, taps) if down else conv2d(x, weight)
        return activate(x + get_bias(fmaps), nonlinearity, clamp)


def from_rgb(x, image, fmaps, **layer):
    """The image as features [N,H,W,fmaps], added to those of the layers above."""
    t = conv_layer("FromRGB", image, fmaps, kernel=1, **layer)
    return t if x is None else x + t


def discriminator_block(x, r, channels, architecture, **layer):
    """The two layers of resolution 2^r: x [N,H,W,channels(r)] to [N,H/2,W/2,channels(r - 1)]."""
    block_in = x
    x = conv_layer("Conv0", x, channels(r), **layer)
    x = conv_layer("Conv1_down", x, channels(r - 1), down=True, **layer)
    if architecture == "resnet":
        with tf.variable_scope("Skip"):
            weight = get_weight("weight", [1, 1, channels(r), channels(r - 1)])
            x = (x + downsample_conv2d(block_in, weight, layer["taps"])) * np.float32(np.sqrt(0.5))
    return x


def dense_features(x, size, nonlinearity):
    """x [N,H,W,C] flattened as [N,C,H,W], through a dense layer: [N,size]."""
    with tf.variable_scope("Dense0"):
        return activate(dense(tf.transpose(x, [0, 3, 1, 2]), size) + get_bias(size), nonlinearity)


def mapped_labels(labels, size, layers, lrmul, nonlinearity):
    """Labels [N,label_size] embedded and mapped as in StyleGAN2-ADA's discriminator: [N,size], of norm 1."""
    labels = embed_labels(labels, size)
    for i in range(layers):
        with tf.variable_scope("Mapping%d" % i):
            labels = dense(labels, size, lrmul) + get_bias(size, lrmul=lrmul)
            labels = activate(labels, nonlinearity)
    return labels * np.float32(1 / np.sqrt(size))


def D_stylegan2(
        images_in, labels_in, num_channels=3, resolution=1024, label_size=0, fmap_base=16384,
        fmap_decay=1.0, fmap_min=1, fmap_max=512, architecture="resnet", nonlinearity="lrelu",
        mbstd_group_size=4, mbstd_num_features=1, resample_kernel=(1, 3, 3, 1), conv_clamp=None,
        label_embedding=False, mapping_layers=0, mapping_fmaps=None, mapping_lrmul=0.1, **_kwargs):
    """Discriminator: images [N,C,R,R], -1...1, to scores [N,1].

    label_embedding: labels as in StyleGAN2-ADA, embedded and mapped before they meet the features.
    """
    check_architecture(architecture)
    with_deviation = mbstd_group_size not in (0, 1)
    if with_deviation and mbstd_num_features != 1:
        raise ValueError("mbstd_num_features must be 1, not %r" % (mbstd_num_features,))
    images_in.set_shape([None, num_channels, resolution, resolution])
    labels_in.set_shape([None, label_size])
    layer = dict(nonlinearity=nonlinearity, clamp=conv_clamp, taps=resample_kernel)

    def channels(r):
        return feature_maps(r - 1, fmap_base, fmap_decay, fmap_min, fmap_max)

    x, image = None, tf.transpose(images_in, [0, 2, 3, 1])  # [N,H,W,C]
    for r in reversed(stylegan2_layers(resolution)):
        with tf.variable_scope("%dx%d" % (2 ** r, 2 ** r)):
            if architecture == "skip" or x is None:
                x = from_rgb(x, image, channels(r), **layer)
            x = discriminator_block(x, r, channels, architecture, **layer)
            if architecture == "skip":
                image = downsample_2d(image, resample_kernel)
    with tf.variable_scope("4x4"):
        if architecture == "skip" or x is None:
            x = from_rgb(x, image, channels(2), **layer)
        if with_deviation:
            x = minibatch_stddev(x, mbstd_group_size)
        x = conv_layer("Conv", x, channels(2), **layer)
        x = dense_features(x, channels(1), nonlinearity)
    outputs = max(label_size, 1)
    if label_size and label_embedding:
        outputs = mapping_fmaps or channels(1)
        labels_in = mapped_labels(labels_in, outputs, mapping_layers, mapping_lrmul, nonlinearity)
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
