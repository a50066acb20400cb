"""The mapping network in NumPy, and the mean of what it makes: the average w of networks whose files have none.

carried/stylegan2_graph.py is the same as a TensorFlow graph; this needs no TensorFlow, so that files can be blended and
written without it.
"""

import numpy as np

LATENTS = 10000  # as NVIDIA's and rosinality's programs take for the mean
_SEED = 0
_CHUNK = 2 ** 20  # numbers in the widest layer at a time


def average(architecture, variables):
    """The mean w [dlatent_size] over LATENTS latents of a fixed seed; labels, where there are some, take turns.

    architecture: of the Network. variables: {name: array} of its mapping network, by their local names.
    """
    random, size = np.random.RandomState(_SEED), architecture["label_size"]
    widest = max(architecture[key] for key in ("latent_size", "dlatent_size", "mapping_fmaps", "label_size"))
    total = np.zeros(architecture["dlatent_size"], np.float64)
    for start in range(0, LATENTS, max(_CHUNK // widest, 1)):
        count = min(max(_CHUNK // widest, 1), LATENTS - start)
        z = random.randn(count, architecture["latent_size"]).astype(np.float32)
        labels = np.zeros((count, size), np.float32)
        if size:
            labels[np.arange(count), np.arange(start, start + count) % size] = 1
        total += mapped(architecture, variables, z, labels).sum(0, dtype=np.float64)
    return (total / LATENTS).astype(np.float32)


def mapped(architecture, variables, z, labels):
    """z [N,latent_size], labels [N,label_size] to w [N,dlatent_size]."""
    lrmul, embedded = architecture["mapping_lrmul"], architecture["label_embedding"]
    with np.errstate(all="ignore"):  # of broken weights, which are told elsewhere
        x = np.asarray(z, np.float32)
        if architecture["label_size"] and not embedded:
            x = np.concatenate([x, np.dot(labels, variables["LabelConcat/weight"])], 1)
        if architecture["normalize_latents"]:
            x = _normalise(x)
        if architecture["label_size"] and embedded:
            x = np.concatenate([x, _normalise(_dense(labels, variables, "LabelEmbed", 1))], 1)
        for i in range(architecture["mapping_layers"]):
            x = _activate(_dense(x, variables, "Dense%d" % i, lrmul), architecture["mapping_nonlinearity"])
    return x


def _dense(x, variables, name, lrmul):
    weight = variables[name + "/weight"]
    coefficient = np.float32(lrmul / np.sqrt(weight.shape[0]))  # equalised learning rate (arXiv 1710.10196, 4.1)
    return np.dot(x, weight * coefficient) + variables[name + "/bias"] * np.float32(lrmul)


def _activate(x, nonlinearity):
    if nonlinearity == "linear":
        return x
    slope = np.float32(0.2 if nonlinearity == "lrelu" else 0)
    return np.where(x > 0, x, x * slope) * np.float32(np.sqrt(2))


def _normalise(x):
    """x [N,I] to a mean square of 1 for each sample."""
    return x / np.sqrt(np.mean(np.square(x), 1, keepdims=True) + np.float32(1e-8))
