"""One side of a comparison in a process of its own: `python benchmarks/worker.py WHAT [FILE ...]`.

It gets ready, then for each line on standard input does its work once and prints the seconds that it took.
"""

import sys
import time

import numpy as np
import training

THREADS = 2
SIDE = 4096  # of the matrices of the roofline


def ours(path, kind="fast"):
    import blend
    from blend.engine import fast

    if kind == "plain":
        fast.supports = lambda architecture: False
    networks = blend.load(path)
    w = np.random.RandomState(0).randn(1, networks.Gs.architecture["dlatent_size"])
    return lambda: blend.generate(networks, w=w)


def torch_pictures(path):
    """The same arithmetic in PyTorch: the module that blend's own PyTorch files carry."""
    import torch

    import blend
    from blend.checkpoints import torch_networks

    torch.set_num_threads(THREADS)
    synthesis = torch_networks.SynthesisNetwork(512, blend.load(path).resolution, 3).eval()
    w = torch.randn(1, synthesis.num_ws, 512)

    def run():
        with torch.no_grad():
            images = synthesis(w, noise_mode="const")
            return (images.permute(0, 2, 3, 1) * 127.5 + 128).clamp(0, 255).to(torch.uint8).numpy()

    return run


def matrix_product():
    from blend.engine.generator import tf

    with tf.Graph().as_default() as graph:
        a = tf.get_variable("a", [SIDE, SIDE], initializer=tf.initializers.random_normal())
        product = tf.reduce_max(tf.matmul(a, a))
        initial = tf.global_variables_initializer()
    session = tf.Session(graph=graph)
    session.run(initial)
    return lambda: session.run(product)


def torch_matrix_product():
    import torch

    torch.set_num_threads(THREADS)
    a = torch.randn(SIDE, SIDE)
    return lambda: (a @ a).max()


def blend_files(low, high, out):
    import blend

    return lambda: blend.blend(blend.load(low), blend.load(high), 32).save(out)


WORK = {"train": training.ours, "torch-train": lambda: training.in_torch(THREADS), "ours": ours, "torch": torch_pictures, "matmul": matrix_product,
        "torch-matmul": torch_matrix_product, "files": blend_files}

if __name__ == "__main__":
    began = time.time()
    work = WORK[sys.argv[1]](*sys.argv[2:])
    print(time.time() - began, flush=True)
    for _ in sys.stdin:
        began = time.time()
        work()
        print(time.time() - began, flush=True)
