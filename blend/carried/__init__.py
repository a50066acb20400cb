"""Texts that travel inside network files, for the programs that execute them; and which of them are ours.

stylegan2_graph.py builds the networks for NVIDIA's loader of TensorFlow (and for blend itself), stylegan2_torch.py for
the loaders of stylegan2-ada-pytorch and stylegan3 (blend never runs it).
"""

import functools
import hashlib
import os

TENSORFLOW, TORCH = "stylegan2_graph", "stylegan2_torch"
# SHA-256 of every text that a release or a commit of blend ever put into a file. Texts are added, never taken away:
# files out there carry them.
_OWN = {
    TENSORFLOW: frozenset([
        "4435edb34609ca49af1fc9d19d626f0eea4c846140cc213136b02564f8e4296e",
        "497d3862b5a0d3aa055fabc73a727f83a6fb9c7d959e961b782142392024ca30",
        "86f42aa0735d18d5cfec70cf9b35093faf0c19bbe80e95c147fa41276891a837",
        "dafe5eec8c41a38bd60b6893217e31b13f1a3d9ebf0a64852fe90303df77c949",
    ]),
    TORCH: frozenset([
        "5d0d32d4e73b7e0d053d0fd072683cf45798a81326046c607a3141e646180af8",
    ]),
}


@functools.lru_cache(maxsize=None)
def text(name):
    """The text of one of these files, as network files carry it: `TENSORFLOW` or `TORCH`."""
    with open(os.path.join(os.path.dirname(__file__), name + ".py"), encoding="utf-8") as file:
        return file.read()


def own(source, name):
    """Whether a text that a file carries is blend's own, of today or of an earlier day. `name`: as for `text`."""
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else b""
    return hashlib.sha256(data).hexdigest() in _OWN[name]
