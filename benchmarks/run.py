"""Measure blend beside others, in one run, alternating: `python benchmarks/run.py`. Prints the table of README.md.

Needs PyTorch (pip install torch) and 1.6 GB in the temporary folder for networks with random weights.
"""

import os
import platform
import statistics
import subprocess
import sys
import tempfile

import networks
import worker

RUNS = 5
FLOPS = {256: 90e9, 1024: 148e9}  # of the synthesis of config f


class Worker(object):
    """A worker process; `once` lets it do its work and returns the seconds."""

    def __init__(self, *arguments):
        environment = dict(os.environ, OMP_NUM_THREADS=str(worker.THREADS), GLIBC_TUNABLES="glibc.malloc.hugetlb=1")
        self._process = subprocess.Popen(
            [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker.py")] + list(arguments),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True,
            env=environment)
        self._seconds()
        self.cold = self.once()
        self.warm = []

    def _seconds(self):
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a worker ended early: %s" % " ".join(self._process.args[1:]))
        return float(line)

    def once(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._seconds()

    def median(self):
        return statistics.median(self.warm)

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def alternate(workers):
    for _ in range(RUNS):
        for each in workers:
            each.warm.append(each.once())


def pictures(folder, resolution):
    path = networks.make(folder, resolution)[0]
    sides = [Worker("ours", path), Worker("ours", path, "plain"), Worker("torch", path), Worker("matmul"),
             Worker("torch-matmul")]
    alternate(sides)
    fast, plain, torch = sides[:3]
    # Of the two libraries' products, whichever is faster on this processor.
    ceiling = max(2 * worker.SIDE ** 3 / each.median() for each in sides[3:])
    for name, each in (("blend", fast), ("blend, plain graph", plain), ("PyTorch", torch)):
        print("| picture, %d | %s | %.2f s | %.2f s | %.2f | %.0f %% |" % (
            resolution, name, each.cold, each.median(), torch.median() / each.median(),
            100 * FLOPS[resolution] / each.median() / ceiling), flush=True)
    for each in sides:
        each.close()


def files(folder):
    low, high = networks.make(folder, 1024)
    out = os.path.join(folder, "out.pkl")
    ours = Worker("files", low, high, out)
    copied = []
    for _ in range(RUNS):
        ours.warm.append(ours.once())
        copied.append(seconds_of(["cp", low, out]))
    print("| blend two files of %d MB | blend | %.2f s | %.2f s | %.2f | |" % (
        os.path.getsize(low) // 10 ** 6, ours.cold, ours.median(), statistics.median(copied) / ours.median()))
    print("| copy one of them | cp | | %.2f s | 1 | |" % statistics.median(copied))
    ours.close()
    os.unlink(out)


def seconds_of(command):
    import time

    began = time.time()
    subprocess.check_call(command, stdout=subprocess.DEVNULL)
    return time.time() - began


def start(folder):
    for name, command in (("first figure of the shipped pair", ["--out", folder]), ("--help", ["--help"]),
                          ("inspect photo", ["inspect", "photo"])):
        taken = [seconds_of([sys.executable, "-m", "blend.run"] + command) for _ in range(RUNS)]
        print("| %s | blend | %.1f s | %.1f s | | |" % (name, taken[0], statistics.median(taken)), flush=True)


def processor():
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    from importlib import metadata

    versions = ["%s %s" % (name, metadata.version(name)) for name in ("tensorflow-cpu", "torch", "numpy")]
    print("%s, %d cores, %d threads; Python %s, %s\n" % (
        processor(), os.cpu_count(), worker.THREADS, platform.python_version(),
        ", ".join(versions)))
    print("| what | by | cold | warm, median of %d | times as fast | of the matrix product's rate |" % RUNS)
    print("| --- | --- | --- | --- | --- | --- |")
    folder = os.path.join(tempfile.gettempdir(), "blend-benchmarks")
    os.makedirs(folder, exist_ok=True)
    for resolution in (256, 1024):
        pictures(folder, resolution)
    files(folder)
    start(folder)


if __name__ == "__main__":
    main()
