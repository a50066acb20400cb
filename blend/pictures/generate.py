"""`generate`: pictures of a network for seeds, latents or styles."""

import contextlib
import functools
import numbers
import threading
from collections import OrderedDict
from typing import List, NamedTuple, Optional

import numpy as np

from blend.errors import BlendError
from blend.networks.network import Network, check_finite
from blend.networks.stylegan2 import STYLEGAN2, STYLEGAN2_ADA, synthesis, synthesis_layers
from blend.pictures import latents

NOISES = ("const", "seed", "random", "none")
PRECISIONS = ("float32", "bfloat16")
_building = threading.Lock()  # of generators: two threads would build the same one twice


class Request(NamedTuple):
    """Pictures that are asked for, every value checked: one of seeds, z and w, a row a picture, and how they are drawn.

    The same Request gives the same pictures, whatever the number of pictures that are computed at once.
    """

    seeds: Optional[List[int]]
    z: Optional[np.ndarray]    # [N,latent_size]
    w: Optional[np.ndarray]    # [N,L,dlatent_size]
    labels: np.ndarray         # [N,label_size]
    psi: Optional[float]       # None: no truncation
    cutoff: Optional[int]      # in layers; None: all
    noise: str                 # one of NOISES
    noise_seed: int            # of 'random'
    output: str                # 'uint8' or 'float32'
    device: Optional[str]      # 'cpu', 'gpu', or None: a GPU if there is one
    precision: str             # one of PRECISIONS


class Batch(NamedTuple):
    """What some of the pictures of a Request are computed from: z or w, labels and noise."""

    z: Optional[np.ndarray]
    w: Optional[np.ndarray]
    labels: np.ndarray
    noise: Optional[List[np.ndarray]]  # [N or 1,1,H,W], one a layer; None: what is stored in each network


def generate(networks, seeds=None, *, z=None, w=None, psi=0.7, cutoff=None, noise="const", labels=None,
             noise_seed=None, output="uint8", device=None, precision="float32", progress=None):
    """Pictures of a NetworkFile's Gs (or of a Network), for one of seeds, z or w.

    seeds: integers; z = RandomState(seed).randn(1, latent_size), as NVIDIA's run_generator draws it.
    z: [N,latent_size]. w: [N,dlatent_size] or [N,L,dlatent_size], taken as it is (no truncation).
    psi: truncation, 1 or None for none; cutoff: the number of layers it reaches, None for all. noise: 'const' (the
    buffers stored in the file), 'seed' (drawn from the seed after z, as run_generator does), 'random' (drawn for each
    picture from noise_seed and its place in the call) or 'none'; noise_seed: makes 'random' repeatable.
    labels: None, a class number or [N,label_size]. device: None, 'cpu' or 'gpu'. precision: 'float32' or 'bfloat16',
    which is faster on processors that compute it and costs some accuracy (benchmarks/README.md). progress: called with
    the number done.

    Returns uint8 [N,R,R,C], or for output='float32' [N,C,R,R], about -1…1, not clipped. Threads can call this at the
    same time. BlendError: arguments that do not fit.

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
    _check_networks(networks)
    architecture = networks[0].architecture
    if seeds is not None:
        rows = seeds = latents.check_seeds(seeds)
    else:
        rows = latents.as_array("w", w) if z is None else latents.as_array("z", z)
    if not len(rows):
        raise BlendError("no pictures are asked for: seeds, z or w is empty")
    if z is not None:
        z = latents.check_z(rows, architecture["latent_size"])
    if w is not None:
        w = latents.check_w(rows, synthesis_layers(architecture["resolution"]), architecture["dlatent_size"])
    labels = latents.make_labels(labels, len(rows), architecture["label_size"])
    noise_seed = latents.fresh_seed() if noise_seed is None else latents.check_seed(noise_seed)
    return _batches(networks, Request(
        seeds, z, w, labels, psi, cutoff, noise, noise_seed, output, device, precision))


def _check(seeds, z, w, psi, cutoff, noise, output, precision):
    if sum(rows is not None for rows in (seeds, z, w)) != 1:
        raise BlendError("give one of seeds, z and w")
    if noise not in NOISES:
        raise BlendError("noise must be one of %s, not %r" % (", ".join(NOISES), noise))
    if noise == "seed" and seeds is None:
        raise BlendError("noise 'seed' needs seeds; with z or w use const, random or none")
    if precision not in PRECISIONS:
        raise BlendError("precision must be float32 or bfloat16, not %r" % (precision,))
    if output not in ("uint8", "float32"):
        raise BlendError("output must be uint8 or float32, not %r" % (output,))
    if psi is not None and not (isinstance(psi, numbers.Real) and _fits_float32(psi)):
        raise BlendError("psi must be a number, not %r" % (psi,))
    if cutoff is not None and not (isinstance(cutoff, numbers.Integral) and cutoff >= 0):
        raise BlendError("cutoff must be a number of layers, 0 or more, not %r" % (cutoff,))


def _fits_float32(number):
    try:
        return abs(float(number)) <= float(np.finfo(np.float32).max)
    except OverflowError:  # a whole number that no float holds
        return False


def _check_networks(networks):
    """Raise BlendError unless networks have one architecture that can be drawn, and finite weights.

    Arrays that they share are looked at once.
    """
    if networks[0].family not in (STYLEGAN2, STYLEGAN2_ADA):
        raise BlendError("%s is a network of %s, of which no pictures can be made here" % (
            networks[0].name, networks[0].family.name))
    checked = {}  # id of an array to the array, which keeps the id from being given to another
    for network in networks:
        variables = OrderedDict(
            (name, value) for name, value in network.variables.items() if id(value) not in checked)
        check_finite(network, network.name, variables)
        checked.update((id(value), value) for value in variables.values())
    if any(network.architecture != networks[0].architecture for network in networks):
        raise BlendError("these networks have different architectures; blends of the same two have one")


def _batches(networks, request):
    """For every batch of a Request the pictures of each network."""
    generators = [_generator_of(network, request.device, request.precision) for network in networks]
    size, noise_shapes = generators[0].batch_size(), _noise_shapes(networks[0].architecture)
    latent_size = networks[0].architecture["latent_size"]
    for start in range(0, len(request.labels), size):
        batch = _batch(request, range(start, min(start + size, len(request.labels))), latent_size, noise_shapes)
        shared = _shared(len(networks))
        yield [_draw(network, generator, batch, request, shared) for network, generator in zip(networks, generators)]


def _noise_shapes(architecture):
    return [shape for name, shape in synthesis(architecture).items() if name.startswith("noise")]


def _batch(request, indices, latent_size, noise_shapes):
    """The Batch of some pictures, by their indices (a range) in a Request."""
    part, noise = slice(indices.start, indices.stop), None
    z, w = [None if rows is None else rows[part] for rows in (request.z, request.w)]
    if request.seeds is not None:
        draws = [latents.seeded(seed, latent_size, noise_shapes if request.noise == "seed" else [])
                 for seed in request.seeds[part]]
        z = np.concatenate([draw[0] for draw in draws])
    if request.noise == "seed":
        noise = _by_layer([draw[1] for draw in draws])
    elif request.noise == "random":
        noise = _by_layer([latents.random_noise(request.noise_seed, index, noise_shapes) for index in indices])
    elif request.noise == "none":
        noise = [np.zeros(shape, np.float32) for shape in noise_shapes]
    return Batch(z, w, request.labels[part], noise)


def _by_layer(noise_of_pictures):
    """Lists of noises [1,1,H,W], one list a picture, to one list of [N,1,H,W]."""
    return [np.concatenate(layer) for layer in zip(*noise_of_pictures)]


def _shared(count):
    from blend.engine.generator import Shared
    return Shared() if count > 1 else None


def _draw(network, generator, batch, request, shared):
    """The pictures of a Batch; no other thread changes the generator's weights meanwhile."""
    with _loaded(generator, network):
        noise = generator.stored_noise if batch.noise is None else batch.noise
        if batch.w is not None:
            images = generator.synthesise(batch.w, noise, shared)
        else:
            images = generator.images(batch.z, batch.labels, request.psi, request.cutoff, noise, shared)
    return images if request.output == "float32" else to_bytes(images)


@contextlib.contextmanager
def _loaded(generator, network):
    """The block has a generator for itself, with the weights of a network."""
    with generator.lock:
        generator.load(network)
        yield


def generator_for(network, device=None, precision="float32"):
    """The Generator of a network's architecture, built at most once, with the network's weights.

    They are its weights until it draws another network; programs of several threads hold its `lock` that long.
    A live network of nvidia/repository.py is its own.
    """
    generator = _generator_of(network, device, precision)
    with _loaded(generator, network):
        return generator


def _generator_of(network, device, precision):
    if isinstance(network, Network):
        with _building:
            return _generator(network.architecture, device, precision)
    if precision != "float32":
        raise BlendError("NVIDIA's code computes in float32; leave the precision out, or the engine")
    return network.generator(device)


@functools.lru_cache(maxsize=4)
def _generator(architecture, device, precision):
    from blend.engine.generator import Generator  # loads TensorFlow
    return Generator(architecture, device, precision)


def to_bytes(images):
    """float32 [N,C,H,W], -1…1, to uint8 [N,H,W,C]: x 127.5 + 128, cut off at 0 and 255, truncated."""
    scaled = images * np.float32(127.5)
    scaled += np.float32(128)
    return np.ascontiguousarray(np.clip(scaled, 0, 255, out=scaled).astype(np.uint8).transpose(0, 2, 3, 1))
