"""Networks with random weights, of the size of NVIDIA's (config f), to measure with.

python benchmarks/networks.py FOLDER [RESOLUTION ...] writes low-R.pkl and high-R.pkl (1024: 380 MB each).
"""

import json
import os
import sys
from collections import OrderedDict

import numpy as np

from blend.checkpoints import NetworkFile
from blend.networks.network import Network, expected_variables
from blend.networks.stylegan2 import synthesis_layers


def config_f(resolution, seed):
    """A NetworkFile of StyleGAN2's config f (arXiv 1912.04958, table 1), every variable drawn from the seed."""
    random = np.random.RandomState(seed)

    def filled(network, function):
        found = OrderedDict()
        for name, shape in expected_variables(network, function).items():
            value = random.standard_normal(shape).astype(np.float32)
            scale = 0.1 if name.endswith(("bias", "noise_strength")) else 100 if "/Dense" in name else 1
            found[name] = value * np.float32(scale)  # the mapping network's weights stand at 1 / 0.01
        return network.filled(found)

    kwargs = dict(resolution=resolution, num_channels=3)

    def generator(name):
        broadcast = dict(kwargs, dlatent_broadcast=synthesis_layers(resolution))
        parts = OrderedDict([("synthesis", Network("G_synthesis", "G_synthesis_stylegan2", kwargs, {})),
                             ("mapping", Network("G_mapping", "G_mapping", broadcast, {}))])
        return filled(Network(name, "G_main", kwargs, {}, parts), "generator")

    discriminator = filled(Network("D", "D_stylegan2", kwargs, {}), "discriminator")
    return NetworkFile(generator("Gs"), generator("G"), discriminator)


def make(folder, resolution):
    """Paths of two files of a resolution; written where they are not there yet."""
    paths = []
    for seed, side in enumerate(("low", "high")):
        paths.append(os.path.join(folder, "%s-%d.pkl" % (side, resolution)))
        if not os.path.exists(paths[-1]):
            config_f(resolution, seed).save(paths[-1], "tensorflow")
    return paths


def make_recipe(folder, resolution):
    """The path of a merge recipe that mixes all layers of three files, which are written where they are not yet."""
    paths = make(folder, resolution) + [os.path.join(folder, "third-%d.pkl" % resolution)]
    if not os.path.exists(paths[2]):
        config_f(resolution, 2).save(paths[2], "tensorflow")
    recipe = os.path.join(folder, "merge-%d.yaml" % resolution)
    with open(recipe, "w") as file:
        json.dump({"method": "linear", "networks": [
            {"network": path, "weight": weight} for path, weight in zip(paths, (0.5, 0.3, 0.2))]}, file)
    return recipe


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    for each in [int(word) for word in sys.argv[2:]] or [256, 1024]:
        print("\n".join(make(sys.argv[1], each)))
