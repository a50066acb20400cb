"""`generate`: pictures of a network for seeds, latents or styles."""

import functools
import numbers

import numpy as np

from blend.errors import BlendError
from blend.networks.network import Network, check_finite
from blend.networks.stylegan2 import synthesis_layers

NOISES = ("const", "seed", "random", "none")
PRECISIONS = ("float32", "bfloat16")


@functools.lru_cache(maxsize=4)
def _generator(architecture, device, precision):
    from blend.engine.generator import Generator  # loads TensorFlow
    return Generator(architecture, device, precision)


def generator_for(network, device=None, precision="float32"):
    """The Generator of a network's architecture, built at most once, with the network's weights.

    A live network of nvidia/repository.py is its own.
    """
    if not isinstance(network, Network):
        if precision != "float32":
            raise BlendError("NVIDIA's code computes in float32; leave the precision out, or the engine")
        return network.generator(device)
    generator = _generator(network.architecture, device, precision)
    generator.load(network)
    return generator


def generate(networks, seeds=None, *, z=None, w=None, psi=0.7, cutoff=None, noise="const", labels=None,
             noise_seed=None, output="uint8", device=None, precision="float32", progress=None):
    """Pictures of a NetworkFile's Gs (or of a Network), for one of seeds, z or w.

    seeds: integers; z = RandomState(seed).randn(1, latent_size), as NVIDIA's run_generator draws it.
    z: [N,latent_size]. w: [N,dlatent_size] or [N,L,dlatent_size], taken as it is (no truncation).
    psi: truncation, 1 or None for none; cutoff: the number of layers it reaches, None for all. noise: 'const' (the
    buffers stored in the file), 'seed' (drawn from the seed after z, as run_generator does), 'random' or 'none';
    noise_seed: makes 'random' repeatable.
    labels: None, a class number or [N,label_size]. device: None, 'cpu' or 'gpu'. precision: 'float32' or 'bfloat16',
    which is faster on processors that compute it and costs some accuracy (benchmarks/README.md). progress: called with
    the number done.

    Returns uint8 [N,R,R,C], or for output='float32' [N,C,R,R], about -1…1, not clipped.
    BlendError: arguments that do not fit.

    >>> import blend
    >>> blend.generate(blend.shipped("photo"), seeds=[1, 2]).shape
    (2, 64, 64, 3)
    """
    network = getattr(networks, "Gs", networks)
    batches = []
    for batch in iterate(network, seeds, z=z, w=w, psi=psi, cutoff=cutoff, noise=noise, labels=labels,
                         noise_seed=noise_seed, output=output, device=device, precision=precision):
        batches.append(batch)
        if progress is not None:
            progress(len(batch))
    return np.concatenate(batches)


def iterate(network, seeds=None, **options):
    """The same batch by batch, so that memory does not grow with the number of pictures; options of `generate`.

    The arguments are checked at once; TensorFlow is loaded with the first batch.
    """
    return (batch[0] for batch in iterate_many([network], seeds, **options))


def iterate_many(networks, seeds=None, *, z=None, w=None, psi=0.7, cutoff=None, noise="const", labels=None,
                 noise_seed=None, output="uint8", device=None, precision="float32"):
    """Pictures of several Networks of one architecture for the same seeds: for every batch a list, one entry a network.

    What blends share with the first network is computed once for a batch: w, and the features below the split. Put the
    blends from the finest split to the coarsest after the network of the low resolutions. Options of `generate`.
    """
    _check(seeds, z, w, psi, cutoff, noise, output, precision)
    for network in networks:
        check_finite(network, network.name)
    architecture = networks[0].architecture
    if any(network.architecture != architecture for network in networks):
        raise BlendError("these networks have different architectures; blends of the same two have one")
    latent_size, label_size = architecture["latent_size"], architecture["label_size"]
    if seeds is not None:
        try:
            seeds = [_seed(seed) for seed in seeds]
        except TypeError:
            raise BlendError("seeds must be a list of whole numbers, not %r" % (seeds,))
    given = seeds if seeds is not None else _array("w" if z is None else "z", w if z is None else z)
    if not len(given):
        raise BlendError("no pictures are asked for: seeds, z or w is empty")
    if w is not None:
        given = _styles(given, synthesis_layers(architecture["resolution"]), architecture["dlatent_size"])
    elif z is not None and given.shape != (len(given), latent_size):
        raise BlendError("z must have the shape [N,%d], not %r" % (latent_size, given.shape))
    labels = make_labels(labels, len(given), label_size)
    random = np.random.RandomState(None if noise_seed is None else _seed(noise_seed))
    return _batches(networks, given, "seeds" if z is None and w is None else "z" if w is None else "w",
                    labels, psi, cutoff, noise, random, output, functools.partial(
                        generator_for, device=device, precision=precision))


def _batches(networks, given, kind, labels, psi, cutoff, noise, random, output, generator_of):
    size = generator_of(networks[0]).batch_size()
    for start in range(0, len(given), size):
        part, draws, state = given[start:start + size], None, random.get_state()
        if kind == "seeds":
            buffers = generator_of(networks[0]).stored_noise if noise == "seed" else []
            draws = [seeded(seed, networks[0].architecture["latent_size"], [buffer.shape for buffer in buffers])
                     for seed in part]
            part = np.concatenate([z for z, _ in draws])
        found, shared = [], _shared(len(networks))
        for network in networks:
            generator = generator_of(network)
            random.set_state(state)  # the same noise for all
            noises = _noises(generator, noise, draws, len(part), random)
            images = generator.synthesise(part, noises, shared) if kind == "w" else generator.images(
                part, labels[start:start + size], psi, cutoff, noises, shared)
            found.append(images if output == "float32" else to_bytes(images))
        yield found


def _shared(count):
    from blend.engine.generator import Shared
    return Shared() if count > 1 else None


def _check(seeds, z, w, psi, cutoff, noise, output, precision):
    if sum(one is not None for one in (seeds, z, w)) != 1:
        raise BlendError("give one of seeds, z and w")
    if noise not in NOISES:
        raise BlendError("noise must be one of %s, not %r" % (", ".join(NOISES), noise))
    if noise == "seed" and seeds is None:
        raise BlendError("noise 'seed' needs seeds; with z or w use const, random or none")
    if precision not in PRECISIONS:
        raise BlendError("precision must be float32 or bfloat16, not %r" % (precision,))
    if output not in ("uint8", "float32"):
        raise BlendError("output must be uint8 or float32, not %r" % (output,))
    if psi is not None and not (isinstance(psi, numbers.Real) and np.isfinite(psi)):
        raise BlendError("psi must be a number, not %r" % (psi,))
    if cutoff is not None and not (isinstance(cutoff, numbers.Integral) and cutoff >= 0):
        raise BlendError("cutoff must be a number of layers, 0 or more, not %r" % (cutoff,))


def _array(name, values):
    try:
        array = np.asarray(values, np.float32)
    except (TypeError, ValueError):
        array = None
    if array is None or not array.ndim:
        raise BlendError("%s must be an array of numbers, one row for each picture" % name)
    return array


def _seed(seed):
    if not (isinstance(seed, numbers.Integral) and 0 <= seed < 2 ** 32):
        raise BlendError("a seed must be a whole number from 0 to 4294967295, not %r" % (seed,))
    return int(seed)


def _styles(w, layers, dlatent_size):
    if w.ndim == 2:
        w = np.repeat(w[:, None], layers, 1)
    if w.shape[1:] != (layers, dlatent_size):
        raise BlendError("w must have the shape [N,%d] or [N,%d,%d], not %r" % (
            dlatent_size, layers, dlatent_size, w.shape))
    return w


def _noises(generator, noise, draws, count, random):
    stored = generator.stored_noise
    if noise == "seed":
        return [np.concatenate(layer) for layer in zip(*[draw[1] for draw in draws])]
    if noise == "random":
        return [random.randn(count, *buffer.shape[1:]).astype(np.float32) for buffer in stored]
    return [np.zeros_like(buffer) for buffer in stored] if noise == "none" else stored


def seeded(seed, latent_size, noise_shapes):
    """z [1,latent_size] of a seed, then its noise buffers: the draws of NVIDIA's run_generator, in its order."""
    random = np.random.RandomState(seed)
    z = random.randn(1, latent_size)
    return z, [random.randn(*shape).astype(np.float32) for shape in noise_shapes]


def make_labels(labels, count, label_size):
    """None (zeros), a class number or an array, as float32 [count, label_size]. BlendError: it does not fit."""
    made = np.zeros([count, label_size], np.float32)
    if labels is None:
        return made
    if isinstance(labels, numbers.Integral):
        if not label_size:
            raise BlendError("label %d does not exist: this network has no labels" % labels)
        if not 0 <= labels < label_size:
            raise BlendError("label %d does not exist: this network has %d classes" % (labels, label_size))
        made[:, labels] = 1
        return made
    labels = _array("labels", labels)
    if labels.shape != made.shape:
        raise BlendError("labels must have the shape %r, not %r" % (made.shape, labels.shape))
    return labels


def to_bytes(images):
    """float32 [N,C,H,W], -1…1, to uint8 [N,H,W,C]: x 127.5 + 128, cut off at 0 and 255, truncated."""
    scaled = images * np.float32(127.5)
    scaled += np.float32(128)
    return np.ascontiguousarray(np.clip(scaled, 0, 255, out=scaled).astype(np.uint8).transpose(0, 2, 3, 1))
