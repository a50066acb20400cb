"""What NVIDIA's code makes of the goldens and of the shipped networks; test_nvidia.py runs it: FOLDER."""

import json
import os
import sys
from collections import OrderedDict
from concurrent import futures

import crafted
import numpy as np
import tensorflow.compat.v1 as tf
from conftest import GOLDEN, golden

import blend
from blend import carried
from blend.networks.network import Network
from blend.nvidia import admission, legacy, repository

NAMES = ("skip64", "resnet32", "orig32", "labels32")


def with_source(networks, source):
    """The same NetworkFile, carrying a source."""
    def carrying(network):
        parts = {role: carrying(part) for role, part in network.components.items()}
        return Network(network.name, network.build_func_name, network.static_kwargs, network.own_variables, parts,
                       {"version": 4, "build_module_src": source})

    return networks._replace(**{role: carrying(getattr(networks, role)) for role in ("G", "D", "Gs")})


def theirs():
    """The text of NVIDIA's own build functions."""
    with open(os.path.join(repository.folder(), "training", "networks_stylegan2.py"), encoding="utf-8-sig") as file:
        return file.read()


def splits(case):
    """{name of a golden blend: arguments of blend.blend}, of one smooth blend, where there is one, and a hard one."""
    found = OrderedDict()
    for key in case.arrays:
        if key.startswith("blend/") and key.endswith("/images"):
            parts = dict(part.split("=") for part in key.split("/")[1].split(","))
            width = None if parts["width"] == "None" else float(parts["width"])
            found[key[:-len("/images")]] = dict(resolution=int(parts["res"]), level=int(parts["level"]), width=width)
    smooth, hard = [[key for key in found if bool(found[key]["width"]) is kind] for kind in (True, False)]
    return OrderedDict((key, found[key]) for key in smooth[:1] + [hard[len(hard) // 2]])


def opened(engine, networks, trust=True):
    return engine.open(networks, admission.admit(networks, trust))


def run_golden(engine, name, folder):
    case, found = golden(name), {}
    paths = [os.path.join(folder, "%s-%s.pkl" % (name, side)) for side in "ab"]
    for networks, path in zip((case.a, case.b), paths):
        with_source(networks, theirs()).save(path)
    a, b = [opened(engine, blend.load(path)) for path in paths]

    def draw(networks, psi, cutoff=None):
        return blend.generate(networks, z=case.z, labels=case.labels, psi=psi, cutoff=cutoff, output="float32")

    for side, live in (("a", a), ("b", b)):
        for key in [key for key in case.arrays if key.startswith(side + "/images/")]:
            psi, cutoff = [text.split("=")[1] for text in key.split("/")[-1].split(",")]
            found[key] = draw(live, float(psi), None if cutoff == "None" else int(cutoff))
    labels = np.zeros([2, 0], np.float32) if case.labels is None else case.labels
    found["a/scores"] = a.live[1].run(case.arrays["a/images/psi=1,cutoff=None"], labels)
    for key, split in splits(case).items():
        mixed = blend.blend(a, b, all_networks=name == "orig32", **split)
        found[key + "/images"] = draw(mixed, 0.5)
        mixed.save(os.path.join(folder, "%s %s.pkl" % (name, key.split("/")[1])))
    return found


def run_shipped(engine):
    low, high = [opened(engine, blend.shipped(name), trust=False) for name in ("cartoon", "photo")]
    mixed = blend.blend(low, high, 16, mapping="high", noise_buffers="high")
    found = {noise: blend.generate(mixed, seeds=[1, 2], noise=noise, noise_seed=3, output="float32")
             for noise in ("seed", "random", "none", "const")}  # the buffers are as they were when const comes
    with futures.ThreadPoolExecutor(4) as pool:  # two networks of one graph, noise in their buffers and not
        jobs = [(network, noise) for network in (low, high) for noise in ("seed", "const")] * 3
        drawn = list(pool.map(lambda job: blend.generate(job[0], seeds=[1, 2], noise=job[1], output="float32"), jobs))
    found["threads"] = np.stack(drawn)
    w = np.random.RandomState(0).randn(2, 64)
    return dict(found, cartoon=blend.generate(low, seeds=range(3), output="float32"),
                w=blend.generate(mixed, w=w, output="float32"), bytes=blend.generate(low, seeds=range(3)))


def run_crafted(engine, folder):
    """{form: {loader: whether a stranger's text ran in it}}, see crafted.py."""
    own = carried.text(carried.TENSORFLOW)
    networks = with_source(golden("orig32").a, own)
    path, sentinel = [os.path.join(folder, name) for name in ("crafted.pkl", "it ran")]
    theirs, ours = engine.pretrained_networks.load_networks, legacy._loader(engine, False)
    loaders = {"theirs": theirs, "engine": lambda path: opened(engine, blend.load(path), trust=False), "legacy": ours}
    found = {}
    for form, bytes_of in crafted.FORMS.items():
        found[form] = {}
        for loader, load in loaders.items():
            with open(path, "wb") as file:
                file.write(bytes_of(networks, crafted.touching(sentinel, own)))
            try:
                load(path)
            except blend.BlendError:
                pass  # our reader knows the form
            found[form][loader] = os.path.exists(sentinel)
            if found[form][loader]:
                os.remove(sentinel)
        engine.pretrained_networks._cached_networks.clear()
    return found


if __name__ == "__main__":
    assert os.path.isdir(GOLDEN)
    started = repository.start()
    for each in NAMES + ("shipped",):
        # Every network makes TensorFlow's graph larger, and slower to extend.
        with tf.Graph().as_default(), started.tflib.create_session({"allow_soft_placement": True}).as_default():
            found = run_shipped(started) if each == "shipped" else run_golden(started, each, sys.argv[1])
        np.savez(os.path.join(sys.argv[1], each), **found)
    with tf.Graph().as_default(), started.tflib.create_session({"allow_soft_placement": True}).as_default():
        ran = run_crafted(started, sys.argv[1])
    with open(os.path.join(sys.argv[1], "crafted.json"), "w") as file:
        json.dump(ran, file)
    print(started.description)
