"""The variables that an architecture has: {name: shape}, by the layout of StyleGAN2's files.

Letters as in carried/stylegan2_graph.py; feature maps at 2^r are those of stage r - 1.
"""

from collections import OrderedDict


def fmaps(architecture, r):
    """Channels at resolution 2^r: clip(int(fmap_base / 2^(stage fmap_decay)), fmap_min, fmap_max)."""
    channels = int(architecture["fmap_base"] / 2.0 ** ((r - 1) * architecture["fmap_decay"]))
    return min(max(channels, architecture["fmap_min"]), architecture["fmap_max"])


def channels(architecture):
    """[(resolution, channels)] from 4x4 up."""
    return [(2 ** r, fmaps(architecture, r)) for r in range(2, architecture["resolution"].bit_length())]


def mapping(architecture):
    """Variables of the mapping network."""
    shapes, latent = OrderedDict(), architecture["latent_size"]
    inputs = latent
    if architecture["label_size"] and architecture["label_embedding"]:
        size = architecture["label_fmaps"]
        shapes["LabelEmbed/weight"], shapes["LabelEmbed/bias"] = (architecture["label_size"], size), (size,)
        inputs = latent + size
    elif architecture["label_size"]:
        shapes["LabelConcat/weight"] = (architecture["label_size"], latent)
        inputs = 2 * latent
    for i in range(architecture["mapping_layers"]):
        last = i == architecture["mapping_layers"] - 1
        outputs = architecture["dlatent_size"] if last else architecture["mapping_fmaps"]
        shapes["Dense%d/weight" % i], shapes["Dense%d/bias" % i] = (inputs, outputs), (outputs,)
        inputs = outputs
    return shapes


def synthesis(architecture):
    """Variables of the synthesis network."""
    shapes, top = OrderedDict(), architecture["resolution"].bit_length() - 1
    dlatent, kind = architecture["dlatent_size"], architecture["architecture"]
    for layer in range(2 * top - 3 if architecture["use_noise"] else 0):
        size = 2 ** ((layer + 5) // 2)
        shapes["noise%d" % layer] = (1, 1, size, size)

    def convolution(name, kernel, inputs, outputs, noise=True):
        shapes[name + "/weight"] = (kernel, kernel, inputs, outputs)
        shapes[name + "/mod_weight"], shapes[name + "/mod_bias"] = (dlatent, inputs), (inputs,)
        if noise and architecture["use_noise"]:
            shapes[name + "/noise_strength"] = ()
        shapes[name + "/bias"] = (outputs,)

    for r in range(2, top + 1):
        scope, channels = "%dx%d/" % (2 ** r, 2 ** r), fmaps(architecture, r)
        if r == 2:
            constant = architecture["fmap_const"] or channels
            shapes[scope + "Const/const"] = (1, constant, 4, 4)
            convolution(scope + "Conv", 3, constant, channels)
        else:
            below = fmaps(architecture, r - 1)
            convolution(scope + "Conv0_up", 3, below, channels)
            convolution(scope + "Conv1", 3, channels, channels)
            if kind == "resnet":
                shapes[scope + "Skip/weight"] = (1, 1, below, channels)
        if kind == "skip" or r == top:
            convolution(scope + "ToRGB", 1, channels, architecture["num_channels"], noise=False)
    return shapes


def discriminator(architecture):
    """Variables of the discriminator."""
    shapes, top = OrderedDict(), architecture["resolution"].bit_length() - 1
    kind, label_size = architecture["architecture"], architecture["label_size"]
    outputs = max(label_size, 1)

    def layer(name, shape):
        shapes[name + "/weight"], shapes[name + "/bias"] = shape, shape[-1:]

    if label_size and architecture["label_embedding"]:
        inputs, outputs = label_size, architecture["mapping_fmaps"] or fmaps(architecture, 1)
        for name in ["LabelEmbed"] + ["Mapping%d" % i for i in range(architecture["mapping_layers"])]:
            layer(name, (inputs, outputs))
            inputs = outputs
    for r in range(top, 1, -1):
        scope, channels, below = "%dx%d/" % (2 ** r, 2 ** r), fmaps(architecture, r), fmaps(architecture, r - 1)
        if kind == "skip" or r == top:
            layer(scope + "FromRGB", (1, 1, architecture["num_channels"], channels))
        if r > 2:
            layer(scope + "Conv0", (3, 3, channels, channels))
            layer(scope + "Conv1_down", (3, 3, channels, below))
            if kind == "resnet":
                shapes[scope + "Skip/weight"] = (1, 1, channels, below)
        else:
            more = 0 if architecture["mbstd_group_size"] in (0, 1) else architecture["mbstd_num_features"]
            layer(scope + "Conv", (3, 3, channels + more, channels))
            layer(scope + "Dense0", (channels * 16, below))
    layer("Output", (fmaps(architecture, 1), outputs))
    return shapes


def generator(architecture):
    """The own variables of a generator. `lod` means nothing any more; networks of ADA have none."""
    return OrderedDict([("lod", ()), ("dlatent_avg", (architecture["dlatent_size"],))])
