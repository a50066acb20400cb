"""A program as people wrote it in 2021, for TensorFlow 1.15 and NVIDIA's repository; test_nvidia.py runs it.

python article.py LOW HIGH OUT.npz PSI RESOLUTION LEVEL WIDTH, width 0 for a hard swap.
"""

import sys

import blend

if __name__ == "__main__":
    blend.legacy(trust=True)

    import math
    import pickle

    import dnnlib
    import numpy as np
    import pretrained_networks
    import tensorflow as tf
    from dnnlib import tflib
    from dnnlib.tflib import tfutil

    low_path, high_path, out = sys.argv[1:4]
    psi, resolution, level, width = [float(each) for each in sys.argv[4:]]
    assert tf.__version__ and tf.get_default_session  # of TensorFlow 1
    tflib.init_tf()
    G, D, low = pretrained_networks.load_networks(low_path)
    _G, _D, high = pretrained_networks.load_networks(high_path)

    def layers(network):
        """[(name, resolution, level, position)]"""
        found, position = [], 0
        for res in [4 * 2 ** n for n in range(9)]:
            for here, beginnings in enumerate([("Conv0_up", "Const"), ("Conv1", "ToRGB")]):
                for word in beginnings:
                    found += [(name, res, here, position) for name in network.trainables
                              if name.startswith("G_synthesis/%dx%d/%s" % (res, res, word))]
                position += 1
        return found

    names = layers(low)
    assert names == layers(high)
    middle = [one[3] for one in names if one[1:3] == (resolution, level)][0]
    mixed = low.clone()
    values = {}
    for name, _, _, position in names:
        x = position - middle
        y = 1 / (1 + math.exp(-x / width)) if width else (1 if x > 1 else 0)
        values[mixed.vars[name]] = high.vars[name] * y + low.vars[name] * (1 - y)
    tfutil.set_vars(tfutil.run(values))

    z = np.load(out)["z"]
    options = dnnlib.EasyDict(truncation_psi=psi, randomize_noise=False)
    images = mixed.run(z, None, **options)
    options.output_transform = dict(func=tflib.convert_images_to_uint8, nchw_to_nhwc=True)
    picture = mixed.run(z, None, minibatch_size=1, **options)
    w = mixed.components.mapping.run(z, None)
    average = mixed.get_var("dlatent_avg")
    again = mixed.components.synthesis.run(average + (w - average) * psi, randomize_noise=False)
    noise = [var for name, var in mixed.components.synthesis.vars.items() if name.startswith("noise")]
    before = tfutil.run(noise)
    tflib.set_vars({var: np.zeros(var.shape.as_list()) for var in noise})
    quiet = mixed.run(z, None, **{key: options[key] for key in ("truncation_psi", "randomize_noise")})
    tflib.set_vars(dict(zip(noise, before)))
    with open(out + ".pkl", "wb") as file:
        pickle.dump((G, D, mixed), file)
    with open(out + ".pkl", "rb") as file:
        loaded = pickle.load(file)[2]
    np.savez(out, images=images, picture=picture, w=w, again=again, quiet=quiet, scores=D.run(images, None),
             loaded=loaded.run(z, None, truncation_psi=psi, randomize_noise=False),
             shapes=[low.input_shape[1:] + low.output_shape[1:]])
