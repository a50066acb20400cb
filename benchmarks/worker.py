"""One side of a comparison in a process of its own: `python benchmarks/worker.py WHAT [ARGUMENT ...]`.

It gets ready, then for each line on standard input does its work once and prints the seconds that it took.
"""

import os
import sys
import time

import numpy as np
import training_step

THREADS = 2
SIDE = 4096  # of the matrices of the roofline


# What is left out of the fast graph, by a name: blend's pictures without it are one side of a comparison.
WITHOUT = {"winograd": dict(winograd=None), "compiled": dict(compiled=None), "rgb": dict(polyphase_rgb=False)}


def ours(path, kind="float32"):
    """A picture of a file's Gs; kind: float32, bfloat16, plain (the graph that training uses), or one of WITHOUT."""
    import blend.engine
    from blend.engine import fast

    network = blend.load(path).Gs
    if kind == "plain":
        network = Tuned(network, None)
    elif kind in WITHOUT:
        network = Tuned(network, fast.TUNING._replace(**WITHOUT[kind]))
    w = np.random.RandomState(0).randn(1, network.architecture["dlatent_size"])
    precision = "bfloat16" if kind == "bfloat16" else "float32"
    return lambda: blend.generate(network, w=w, precision=precision)


class Tuned(object):
    """A Network that is drawn by a Generator of another Tuning; None: by the plain graph."""

    def __init__(self, network, tuning):
        from blend.engine.generator import Generator

        self.name, self.family, self.architecture = network.name, network.family, network.architecture
        self.variables = network.variables
        self._generator = Generator(network.architecture, tuning=tuning)

    def generator(self, device=None):
        return self._generator


def in_torch(path, memory="as it is"):
    """The same arithmetic in PyTorch: the module that blend's own PyTorch files carry."""
    if memory == "kept":
        from blend.system import memory

        memory.keep()
    import torch

    import blend
    from blend.carried import stylegan2_torch

    torch.set_num_threads(THREADS)
    return synthesis_in_torch(stylegan2_torch.SynthesisNetwork(512, blend.load(path).resolution, 3))


def ada_pytorch(path, folder):
    """NVIDIA's stylegan2-ada-pytorch, from a folder, with random weights."""
    import torch

    import blend

    sys.path.insert(0, folder)
    from training.networks import SynthesisNetwork

    torch.set_num_threads(THREADS)
    return synthesis_in_torch(SynthesisNetwork(512, blend.load(path).resolution, 3, channel_base=32768))


def synthesis_in_torch(synthesis):
    import torch

    synthesis.eval()
    w = torch.randn(1, synthesis.num_ws, 512)

    def run():
        with torch.no_grad():
            images = synthesis(w, noise_mode="const")
            return (images.permute(0, 2, 3, 1) * 127.5 + 128).clamp(0, 255).to(torch.uint8).numpy()

    return run


def matrix_product(dtype="float32"):
    from blend.engine.generator import tf

    with tf.Graph().as_default() as graph:
        a = tf.get_variable("a", [SIDE, SIDE], tf.as_dtype(dtype), tf.initializers.ones())
        product = tf.reduce_max(tf.matmul(a, a))
        initial = tf.global_variables_initializer()
    session = tf.Session(graph=graph)
    session.run(initial)
    return lambda: session.run(product)


def torch_matrix_product(dtype="float32"):
    import torch

    torch.set_num_threads(THREADS)
    a = torch.ones(SIDE, SIDE, dtype=getattr(torch, dtype))
    return lambda: (a @ a).max()


def memory_copy():
    source, target = [np.ones(2 ** 27, np.float32) for _ in range(2)]
    return lambda: np.copyto(target, source)


def article(low, high, out):
    """The article's way with NVIDIA's code ($STYLEGAN2): load both, blend, save."""
    import blend
    from blend.nvidia import admission, repository

    engine = repository.start(device="cpu")

    def run():
        parsed = [blend.load(path) for path in (low, high)]
        live = [engine.open(networks, admission.admit(networks, trust=True)) for networks in parsed]
        blend.blend(live[0], live[1], 32).save(out)

    return run


def sweep(low, high, seeds, how):
    """All blends of one way round; how: shared, or apart, each for itself."""
    import blend
    from blend.figures import splits

    low, high, seeds = blend.load(low), blend.load(high), range(int(seeds))
    if how == "shared":
        return lambda: splits.columns(low, high, seeds)
    return lambda: [blend.generate(networks, seeds) for _, networks in splits.sweep(low, high)[:-1]]


def written(path, count, how):
    """Pictures, computed and written; how: beside, while the next are computed, or after, or computed only."""
    import tempfile

    import blend
    from blend.pictures import generate, images

    networks, folder = blend.load(path), tempfile.mkdtemp()

    def run():
        batches = generate.iterate(networks.Gs, range(int(count)))
        if how == "computed":
            return list(batches)
        if how == "after":
            return [images.save_png(batch[0], os.path.join(folder, "%d.png" % i)) for i, batch in enumerate(batches)]
        with images.Writer(lambda: None) as writer:
            for i, batch in enumerate(batches):
                writer.save(batch[0], os.path.join(folder, "%d.png" % i))

    return run


WORK = {"ours": ours, "torch": in_torch, "ada-pytorch": ada_pytorch, "matmul": matrix_product,
        "torch-matmul": torch_matrix_product, "copy": memory_copy, "article": article, "sweep": sweep,
        "written": written, "train": training_step.ours, "torch-train": lambda: training_step.in_torch(THREADS)}

if __name__ == "__main__":
    began = time.time()
    work = WORK[sys.argv[1]](*sys.argv[2:])
    print(time.time() - began, flush=True)
    for _ in sys.stdin:
        began = time.time()
        work()
        print(time.time() - began, flush=True)
