"""Make tests/golden/ada-tensorflow.pkl with StyleGAN2-ADA's own code on TensorFlow 1.15.

    python tests/make_ada_tensorflow.py ADA

takes the folder of NVlabs/stylegan2-ada. A small network with labels and random weights, as its training writes it; a
sentence stands in place of the repository's source, which is not ours to pass on. Then run tests/make_torch.py, which
lets stylegan2-ada-pytorch read the file and make the pictures that belong to it.
"""

import os
import pickle
import sys

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden", "ada-tensorflow.pkl")
SOURCE = "raise SystemExit('the source in a network file was executed')\n"
WIDTH = 8


def main(folder):
    sys.path.insert(0, folder)
    import numpy as np
    from dnnlib import tflib
    from dnnlib.tflib.ops import fused_bias_act, upfirdn_2d

    for module in (fused_bias_act, upfirdn_2d):  # no CUDA compiler: the graph is built, but never run
        for function in vars(module).values():
            if getattr(function, "__defaults__", None) and "cuda" in function.__defaults__:
                function.__defaults__ = tuple("ref" if each == "cuda" else each for each in function.__defaults__)
    tflib.init_tf({"allow_soft_placement": True, "rnd.np_random_seed": 1})
    common = dict(num_channels=3, resolution=16, label_size=3, fmap_base=8 * WIDTH, fmap_max=WIDTH, conv_clamp=1)
    g = tflib.Network("G", func_name="training.networks.G_main", latent_size=WIDTH, dlatent_size=WIDTH,
                      mapping_layers=2, num_fp16_res=0, **common)
    d = tflib.Network("D", func_name="training.networks.D_main", mbstd_group_size=4, mapping_layers=1, **common)
    gs = g.clone("Gs")
    random = np.random.RandomState(3)
    for network in (g, d, gs):
        for variable in network.vars.values():
            tflib.set_vars({variable: np.asarray(random.randn(*variable.shape.as_list()), np.float32)})
    for network in (g, d, gs):
        for each in [network] + list(network.components.values()):
            each._build_module_src = SOURCE
    with open(OUT, "wb") as file:
        pickle.dump((g, d, gs), file)


if __name__ == "__main__":
    main(*sys.argv[1:])
