"""Make tests/golden/*.pt, ada-pytorch*.pkl, stylegan3.pkl and torch.npz with the original PyTorch repositories.

    python tests/make_torch.py ADA STYLEGAN3 ROSINALITY

takes the folders of stylegan2-ada-pytorch, stylegan3 and rosinality's stylegan2-pytorch, and needs torch, scipy,
requests, click and setuptools < 80. Small networks with random weights; the pickles carry a sentence in place of the
repositories' source, which is not ours to pass on. torch.npz holds what their own code computed.
"""

import os
import pickle
import re
import subprocess
import sys
import types

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
SOURCE = "raise SystemExit('the source in a network file was executed')\n"
WIDTH = 8


def shake(modules):
    """Random weights everywhere, so that nothing is 0 or 1 by chance."""
    import torch

    with torch.no_grad():
        for module in modules:
            for name, value in list(module.named_parameters()) + list(module.named_buffers()):
                if "resample_filter" not in name and "kernel" not in name:
                    value.add_(0.4 * torch.randn_like(value)).mul_(1.1)


def nvidia(folder, kind, classes):
    """{file name: arrays} of a repository's networks, with and without labels; writes the pickles."""
    sys.path.insert(0, folder)
    import numpy as np
    import torch
    from torch_utils import persistence

    persistence._module_to_src = lambda module: SOURCE
    module = __import__("training." + classes, fromlist=["Generator"])
    made = {}
    for labels in (0, 3) if kind == "ada-pytorch" else (0,):
        torch.manual_seed(labels)
        synthesis = dict(channel_base=16 * WIDTH, channel_max=WIDTH, conv_clamp=1, num_fp16_res=0)
        synthesis = dict(synthesis_kwargs=synthesis) if kind == "ada-pytorch" else synthesis
        common = dict(c_dim=labels, img_resolution=16, img_channels=3)
        g = module.Generator(z_dim=WIDTH, w_dim=WIDTH, mapping_kwargs=dict(num_layers=2), **common, **synthesis)
        d = module.Discriminator(channel_base=16 * WIDTH, channel_max=WIDTH, num_fp16_res=0, **common)
        g, d = g.eval().requires_grad_(False), d.eval().requires_grad_(False)
        shake([g, d])
        z = torch.from_numpy(np.random.RandomState(0).randn(3, WIDTH)).float()
        c = torch.eye(3)[:, :labels]
        images = g(z, c, truncation_psi=0.6, noise_mode="const")
        name = kind + ("-labels" if labels else "")
        made[name] = {"z": z, "c": c, "w": g.mapping(z, c), "images": images, "scores": d(images, c),
                      "weight": g.synthesis.b8.conv0.weight, "bias": g.synthesis.b8.conv0.affine.bias}
        with open(os.path.join(OUT, name + ".pkl"), "wb") as file:
            pickle.dump(dict(G=g, D=d, G_ema=g, training_set_kwargs=dict(path="photos"), augment_pipe=None), file)
    if kind == "ada-pytorch":
        made["ada-tensorflow"] = from_tensorflow()
    return made


def from_tensorflow():
    """What stylegan2-ada-pytorch makes of ada-tensorflow.pkl."""
    import legacy
    import numpy as np
    import torch

    with open(os.path.join(OUT, "ada-tensorflow.pkl"), "rb") as file:
        found = legacy.load_network_pkl(file)
    g, d = found["G_ema"], found["D"]
    z, c = torch.from_numpy(np.random.RandomState(0).randn(3, WIDTH)).float(), torch.eye(3)
    images = g(z, c, truncation_psi=0.6, noise_mode="const")
    return {"z": z, "c": c, "w": g.mapping(z, c), "images": images, "scores": d(images, c),
            "weight": g.synthesis.b8.conv0.weight, "bias": g.synthesis.b8.conv0.affine.bias}


def leaky(x, bias=None, negative_slope=0.2, scale=2 ** 0.5):
    from torch.nn import functional

    x = x if bias is None else x + bias.reshape(1, -1, *[1] * (x.ndim - 2))
    return functional.leaky_relu(x, negative_slope) * scale


def filtered(x, kernel, up=1, down=1, pad=(0, 0)):
    from torch.nn import functional

    n, c, h, w = x.shape
    x = functional.pad(x.reshape(n, c, h, 1, w, 1), [0, up - 1, 0, 0, 0, up - 1]).reshape(n, c, h * up, w * up)
    x = functional.pad(x, [pad[0], pad[1], pad[0], pad[1]])
    return functional.conv2d(x, kernel.flip([0, 1])[None, None].repeat(c, 1, 1, 1), groups=c)[:, :, ::down, ::down]


def rosinality(folder):
    """The same for rosinality's, whose compiled operations are replaced by PyTorch's own."""
    import numpy as np
    import torch

    class FusedLeakyReLU(torch.nn.Module):
        def __init__(self, channels, bias=True):
            super().__init__()
            self.bias = torch.nn.Parameter(torch.zeros(channels)) if bias else None

        def forward(self, x):
            return leaky(x, self.bias)

    sys.modules["op"] = types.ModuleType("op")
    for name, value in (("FusedLeakyReLU", FusedLeakyReLU), ("fused_leaky_relu", leaky), ("upfirdn2d", filtered),
                        ("conv2d_gradfix", torch.nn.functional)):
        setattr(sys.modules["op"], name, value)
    with open(os.path.join(folder, "model.py")) as file:
        text = re.sub(r"(\d+): \d+( \* channel_multiplier)?,", r"\1: %d," % WIDTH, file.read())  # fewer channels
    model = types.ModuleType("model")
    exec(text, model.__dict__)
    torch.manual_seed(7)
    g, ema = [model.Generator(16, WIDTH, 2).eval() for _ in range(2)]
    d = model.Discriminator(16).eval()
    shake([g, ema, d])
    average = torch.randn(WIDTH)
    z = torch.from_numpy(np.random.RandomState(0).randn(3, WIDTH)).float()
    images, _ = ema([z], truncation=0.6, truncation_latent=average, randomize_noise=False)
    state = {"g": g.state_dict(), "d": d.state_dict(), "g_ema": ema.state_dict(), "latent_avg": average,
             "g_optim": torch.optim.Adam(g.parameters()).state_dict(), "args": types.SimpleNamespace()}
    state["args"] = __import__("argparse").Namespace(size=16, lr=0.002)
    torch.save(state, os.path.join(OUT, "rosinality.pt"))
    torch.save(state, os.path.join(OUT, "rosinality-legacy.pt"), _use_new_zipfile_serialization=False)
    return {"rosinality": {"z": z, "w": ema.style(z), "images": images, "scores": d(images),
                           "weight": ema.convs[0].conv.weight, "bias": ema.convs[0].conv.modulation.bias}}


def main(ada, stylegan3, folder):
    import numpy as np
    import torch

    if ada == "--one":  # the repositories' modules have the same names: one process for each
        made = rosinality(folder) if stylegan3 == "rosinality" else nvidia(
            folder, stylegan3, "networks" if stylegan3 == "ada-pytorch" else "networks_stylegan2")
        np.savez(os.path.join(OUT, stylegan3 + ".tmp.npz"), **{
            "%s/%s" % (name, key): np.asarray(torch.as_tensor(value).detach())
            for name, arrays in made.items() for key, value in arrays.items()})
        return
    arrays = {}
    for kind, path in (("ada-pytorch", ada), ("stylegan3", stylegan3), ("rosinality", folder)):
        subprocess.check_call([sys.executable, os.path.abspath(__file__), "--one", kind, os.path.abspath(path)])
        part = os.path.join(OUT, kind + ".tmp.npz")
        with np.load(part) as found:
            arrays.update((key, found[key]) for key in found.files)
        os.unlink(part)
    np.savez_compressed(os.path.join(OUT, "torch.npz"), **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
