"""Writes python2.pkl as NVIDIA's class would on Python 2.7 (NumPy 1.16): python2.7 make_python2.py python2.pkl"""
import pickle
import sys
import types

import numpy as np


class Network(object):
    def __getstate__(self):
        return self.state


KWARGS = dict(resolution=4, num_channels=3, fmap_base=4096, fmap_max=8, latent_size=8, dlatent_size=8,
              mapping_layers=1, mapping_fmaps=8)


def array(*shape):
    return np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)


def network(name, function, variables, components):
    made = Network()
    made.state = dict(version=4, name=name, static_kwargs=dict(KWARGS), components=components, variables=variables,
                      build_module_src="# long text\n" * 40, build_func_name=function)
    return made


if __name__ == "__main__":
    for name in ("dnnlib", "dnnlib.tflib", "dnnlib.tflib.network"):
        sys.modules[name] = types.ModuleType(name)
    Network.__module__ = "dnnlib.tflib.network"
    sys.modules["dnnlib.tflib.network"].Network = Network
    synthesis = network("G_synthesis", "G_synthesis_stylegan2", [
        ("noise0", array(1, 1, 4, 4)), ("4x4/Const/const", array(1, 8, 4, 4)), ("4x4/Conv/weight", array(3, 3, 8, 8)),
        ("4x4/Conv/mod_weight", array(8, 8)), ("4x4/Conv/mod_bias", array(8)),
        ("4x4/Conv/noise_strength", np.float32(0.5)), ("4x4/Conv/bias", array(8)),
        ("4x4/ToRGB/weight", array(1, 1, 8, 3)), ("4x4/ToRGB/mod_weight", array(8, 8)),
        ("4x4/ToRGB/mod_bias", array(8)), ("4x4/ToRGB/bias", array(3))], {})
    mapping = network("G_mapping", "G_mapping", [("Dense0/weight", array(8, 8)), ("Dense0/bias", array(8))], {})
    whole = network("Gs", "G_main", [("lod", np.float32(0)), ("dlatent_avg", array(8))],
                    {"synthesis": synthesis, "mapping": mapping})
    with open(sys.argv[1], "wb") as file:
        pickle.dump(whole, file, 2)
