"""Measure blend beside others, in one run, alternating: `python benchmarks/run.py`. Prints the tables of README.md.

Needs PyTorch (pip install torch) and 1.6 GB in the temporary folder for networks with random weights. Further peers,
from repositories that are not part of this one: --ada-pytorch FOLDER (NVIDIA's stylegan2-ada-pytorch) and --article
($STYLEGAN2 or the submodule), the article's way to blend files.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import networks
import numpy as np
import worker

RUNS = 5
FLOPS = {256: 90e9, 1024: 148e9}  # of the synthesis of config f
HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
HERE = os.path.dirname(os.path.abspath(__file__))


class Worker(object):
    """A worker process; `once` lets it do its work and returns the seconds."""

    def __init__(self, *arguments, **environment):
        threads = {name: str(worker.THREADS) for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")}
        environment = dict(os.environ, **dict(threads, **environment))
        self._process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "worker.py")] + [str(each) for each in arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True,
            env=environment)
        self._seconds()
        self.cold = self.once()
        self.warm = []

    def _seconds(self):
        for line in self._process.stdout:
            try:
                return float(line)
            except ValueError:  # what a library has to say
                pass
        raise SystemExit("a worker ended early: %s" % " ".join(self._process.args[1:]))

    def once(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._seconds()

    def median(self):
        return statistics.median(self.warm)

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def measured(sides, runs=RUNS):
    """Let workers {name: Worker} take turns, and end them."""
    for _ in range(runs):
        for each in sides.values():
            each.warm.append(each.once())
    for each in sides.values():
        each.close()
    return sides


def table(*columns):
    print("\n| %s |\n|%s" % (" | ".join(columns), " --- |" * len(columns)))


def row(*cells):
    print("| %s |" % " | ".join(cells), flush=True)


def rooflines():
    """The rates that nothing here can pass."""
    table("limit", "rate")
    sides = {("matrix product, %s, %s" % (dtype, library)): Worker(name, dtype)
             for library, name in (("TensorFlow", "matmul"), ("PyTorch", "torch-matmul"))
             for dtype in ["float32"] + (["bfloat16"] if has_bfloat16() else [])}
    for name, each in measured(sides).items():
        row(name, "%.0f GFLOP/s" % (2 * worker.SIDE ** 3 / each.median() / 1e9))
    for each in measured({"": Worker("copy")}).values():
        row("memory copy", "%.1f GB/s" % (2 ** 29 / each.median() / 1e9))
    if not has_bfloat16():
        row("bfloat16", "this processor has no instructions for it; not measured")


def has_bfloat16():
    from blend.engine import bfloat16
    return bfloat16.is_native()


def pictures(path, resolution, ada):
    sides = {"blend": Worker("ours", path), "blend, plain graph": Worker("ours", path, "plain")}
    if has_bfloat16():
        sides["blend, bfloat16"] = Worker("ours", path, "bfloat16")
    peers = {"PyTorch": ("torch", path)}
    if ada:
        peers["stylegan2-ada-pytorch"] = ("ada-pytorch", path, ada)
    for name, arguments in peers.items():
        sides[name] = Worker(*arguments)
        sides[name + ", huge pages"] = Worker(*arguments, **HUGE_PAGES)
    sides["PyTorch, memory kept"] = Worker("torch", path, "kept")
    products = {"matmul": Worker("matmul"), "torch-matmul": Worker("torch-matmul")}
    measured(dict(sides, **products))
    # Of the two libraries' products, whichever is faster on this processor.
    ceiling = max(2 * worker.SIDE ** 3 / each.median() for each in products.values())
    ours = sides["blend"]
    for name, each in sides.items():
        ratio = statistics.median(theirs / mine for theirs, mine in zip(each.warm, ours.warm))
        row("%d" % resolution, name, "%.2f s" % each.cold, "%.2f s" % each.median(), "%.2f" % ratio,
            "%.0f %%" % (100 * FLOPS[resolution] / each.median() / ceiling))


def accuracy(path, name, **options):
    """What bfloat16 costs: PSNR to single precision, of values cut off at -1 and 1."""
    import blend

    exact, near = [np.clip(blend.generate(blend.load(path), output="float32", precision=precision, **options), -1, 1)
                   for precision in ("float32", "bfloat16")]
    row(name, "%.0f dB" % (10 * np.log10(4 / np.mean(np.square(exact - near)))))


def tricks(path, resolution):
    """What each trick gives: pictures without it, beside those with all."""
    sides = {"blend": Worker("ours", path), "without Winograd's convolutions": Worker("ours", path, "winograd"),
             "without compiled loops": Worker("ours", path, "compiled"),
             "without the small convolution for RGB": Worker("ours", path, "rgb"),
             "without kept memory": Worker("ours", path, MALLOC_ARENA_TEST="8"),  # any setting: blend leaves it alone
             "the same, with huge pages": Worker("ours", path, **HUGE_PAGES)}
    beside("%d" % resolution, sides)


def files(folder, article):
    low, high = networks.make(folder, 1024)
    out = os.path.join(folder, "out.pkl")
    command = [sys.executable, "-m", "blend.run", low, high, "--no-pictures", "--no-card", "--save", out]
    merge = [sys.executable, "-m", "blend.run", "merge", networks.make_recipe(folder, 1024), "--save", out]
    ways = {"blend: hard swap": command + ["--resolution", "32"], "blend: all layers mixed": command + ["--width", "4"],
            "blend: three files merged": merge + ["--no-card"], "blend: the same, with checksums": merge,
            "cp of one of them": ["cp", low, out], "python -m blend.run --help": command[:3] + ["--help"]}
    taken, memory = {name: [] for name in ways}, {}
    for _ in range(RUNS + 1):
        for name, way in ways.items():
            if os.path.exists(out):
                os.unlink(out)
            seconds, memory[name] = seconds_and_memory(way)
            taken[name].append(seconds)
    swap = statistics.median(taken["blend: hard swap"][1:])
    for name in ways:
        median = statistics.median(taken[name][1:])
        row(name, "%.2f s" % median, "%.2f" % (median / swap), "%.0f MB" % memory[name])
    if article:
        each = Worker("article", low, high, out)
        row("the article's way (NVIDIA's code)", "%.1f s" % each.cold, "%.0f" % (each.cold / swap), "")
        each.close()


def seconds_and_memory(command):
    """Of a process: its time, and the most anonymous memory that it had (Linux), in MB."""
    began, most = time.time(), [0]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def watch():
        while process.poll() is None:
            try:
                with open("/proc/%d/status" % process.pid) as file:
                    most.extend(int(line.split()[1]) for line in file if line.startswith("RssAnon"))
            except OSError:
                return
            time.sleep(0.002)

    watching = threading.Thread(target=watch)
    watching.start()
    if process.wait():
        raise SystemExit("this failed: %s" % " ".join(command))
    taken = time.time() - began
    watching.join()
    return taken, max(most) / 1000.0


def beside(what, sides, runs=RUNS):
    """Rows of a comparison; the ratio is to the first."""
    measured(sides, runs)
    first = next(iter(sides.values()))
    for name, each in sides.items():
        row(what, name, "%.2f s" % each.median(), "%.2f" % statistics.median(
            theirs / mine for theirs, mine in zip(each.warm, first.warm)))


def start(folder):
    for name, command in (("first figure of the shipped pair", ["--out", folder]), ("--help", ["--help"]),
                          ("inspect photo", ["inspect", "photo"])):
        taken = [seconds_and_memory([sys.executable, "-m", "blend.run"] + command)[0] for _ in range(RUNS)]
        row("`python -m blend.run`: " + name, "%.1f s" % taken[0], "%.1f s" % statistics.median(taken))
    code = ("import time; began = time.time(); import blend; from blend.engine import generator; a = time.time(); "
            "n = blend.shipped('photo').Gs; g = generator.Generator(n.architecture); g.load(n); b = time.time(); "
            "import numpy; g.synthesise(numpy.zeros([8, g.layers, 64]), g.stored_noise); "
            "print(a - began, b - a, time.time() - b)")
    parts = [[float(part) for part in subprocess.check_output([sys.executable, "-c", code]).split()]
             for _ in range(RUNS)]
    for name, values in zip(("import", "graph and weights", "first run of eight pictures"), zip(*parts)):
        row("of which: " + name, "%.1f s" % values[0], "%.1f s" % statistics.median(values))


def processor():
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    from importlib import metadata

    parser = argparse.ArgumentParser()
    parser.add_argument("--ada-pytorch", metavar="FOLDER")
    parser.add_argument("--article", action="store_true", help="also blend files with NVIDIA's code")
    given = parser.parse_args()
    versions = ["%s %s" % (name, metadata.version(name)) for name in ("tensorflow-cpu", "torch", "numpy")]
    print("%s, %d cores, %d threads; Python %s, %s" % (
        processor(), os.cpu_count(), worker.THREADS, platform.python_version(), ", ".join(versions)))
    folder = os.path.join(tempfile.gettempdir(), "blend-benchmarks")
    os.makedirs(folder, exist_ok=True)
    rooflines()
    paths = {resolution: networks.make(folder, resolution) for resolution in FLOPS}
    table("pixels", "by", "cold", "warm", "its time / blend's", "of the matrix product's rate")
    for resolution in FLOPS:
        pictures(paths[resolution][0], resolution, given.ada_pytorch)
    table("bfloat16 beside float32", "PSNR")
    accuracy(shipped()[0], "64, photo, seeds 0 to 7", seeds=range(8))
    for resolution in FLOPS:
        accuracy(paths[resolution][0], "%d, random weights" % resolution, seeds=[0])
    table("pixels", "what", "warm", "its time / blend's")
    for resolution in FLOPS:
        tricks(paths[resolution][0], resolution)
    table("two files of 381 MB to one, whole process", "time", "its time / blend's", "own memory")
    files(folder, given.article)
    table("what", "how", "time", "its time / the first one's")
    beside("256: a picture of each blend, one way", {how: Worker("sweep", *paths[256], 1, how)
                                                     for how in ("shared", "apart")})
    beside("64: 4 pictures of each, shipped pair", {how: Worker("sweep", *(shipped() + [4, how]))
                                                    for how in ("shared", "apart")})
    beside("1024: 4 pictures and their files", {how: Worker("written", paths[1024][0], 4, how)
                                                for how in ("beside", "after", "computed")})
    beside("training, 256 images of 64x64", {"blend": Worker("train"), "PyTorch": Worker("torch-train")})
    table("start", "cold", "median")
    start(folder)


def shipped():
    from blend.zoo.shipped import path_of
    return [path_of(name) for name in ("photo", "cartoon")]


if __name__ == "__main__":
    main()
