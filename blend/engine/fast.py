"""The synthesis network for CPUs: the values of `networks.G_synthesis_stylegan2` to rounding, computed faster.

`prepare` turns a network's variables into arrays that need no arithmetic at run time; `Synthesis` is the graph on
variables of those arrays. Networks of at least `FOLDED` pixels compute one sample at a time, smaller ones a batch.
Letters as in networks.py.
"""

from collections import OrderedDict

import numpy as np
import tensorflow.compat.v1 as tf

from blend.engine import networks, tensorflow

FOLDED = 128    # resolution from which styles are folded into the weights
_GROUP = 64     # output channels of one convolution
_ROOT2 = np.float32(np.sqrt(2))


def supports(architecture):
    """Whether `Synthesis` can stand for the plain graph: the usual networks, on TensorFlow 2."""
    return (architecture["nonlinearity"] == "lrelu" and architecture["conv_clamp"] is None
            and architecture["architecture"] == "skip" and architecture["use_noise"]
            and len(architecture["resample_kernel"]) >= 4
            and not tensorflow.__version__.startswith("1."))


def groups(outputs):
    """[(first, end)] of the output channels that one convolution computes.

    TensorFlow's 3x3 convolutions of 512 channels run at half speed, because of the layout of their weights.
    """
    if outputs < 4 * _GROUP:
        return [(0, outputs)]
    return [(first, min(first + _GROUP, outputs)) for first in range(0, outputs, _GROUP)]


def prepare(variables):
    """OrderedDict of name to array for the variables of `Synthesis`, from those of a network; others stay."""
    found = OrderedDict()
    for name, value in variables.items():
        if not name.startswith("G_synthesis/"):
            found[name] = value
            continue
        scope, _, last = name[len("G_synthesis/"):].rpartition("/")
        value = np.asarray(value, order="C")  # sums round by the order in memory, which differs from format to format
        if last == "const":
            found[name] = np.ascontiguousarray(value.transpose(0, 2, 3, 1))  # [1,4,4,C]
        elif last == "weight":
            found.update(_prepared_weight(name, value * np.float32(1 / np.sqrt(np.prod(value.shape[:-1]))), scope))
        elif last == "mod_weight":
            found[name] = value * np.float32(1 / np.sqrt(value.shape[0]))
        elif last == "mod_bias":
            found[name] = value + np.float32(1)
        elif scope and scope.endswith("ToRGB"):
            found[name] = value
        elif scope:  # bias and noise_strength, before the activation's gain
            found[name] = value * _ROOT2
    return found


def _prepared_weight(name, weight, scope):
    """A weight [k,k,I,O], split in groups, flipped for transposed convolutions; and its squares' sums [I,O]."""
    if scope.endswith("ToRGB"):
        return [(name, weight)]
    found = [(name + "_squares", np.square(weight).sum((0, 1)))]
    if scope.endswith("Conv0_up"):
        weight = weight[::-1, ::-1].transpose(0, 1, 3, 2)  # [k,k,O,I]
    for i, (first, end) in enumerate(groups(found[0][1].shape[1])):
        part = weight[:, :, first:end] if scope.endswith("Conv0_up") else weight[..., first:end]
        found.append(("%s_%d" % (name, i), np.ascontiguousarray(part)))
    return found


class Synthesis(object):
    """The graph: `images` [N,C,R,R] of `w` [N,L,D] and noises [N or 1,1,H,W], on `variables` like the given arrays."""

    def __init__(self, w, noise, arrays, taps):
        self.variables = OrderedDict(
            (name, tf.get_variable(name, array.shape, tf.float32, tf.initializers.zeros()))
            for name, array in arrays.items() if name.startswith("G_synthesis/"))
        self._w, self._noise, self._taps = w, noise, taps
        resolution = 2 ** (len(noise) // 2 + 2)
        self.images = tf.transpose(self._image(resolution), [0, 3, 1, 2])

    def _get(self, scope, name):
        return self.variables["G_synthesis/%s/%s" % (scope, name)]

    def _image(self, resolution):
        x = tf.tile(self._get("4x4/Const", "const"), [tf.shape(self._w)[0], 1, 1, 1])
        x = self._layer(x, "4x4/Conv", 0, 4)
        rgb = self._to_rgb(x, None, "4x4/ToRGB", 1)
        for r in networks.stylegan2_layers(resolution):
            scope = "%dx%d/" % (2 ** r, 2 ** r)
            x = self._layer(x, scope + "Conv0_up", 2 * r - 5, 2 ** r, up=True)
            x = self._layer(x, scope + "Conv1", 2 * r - 4, 2 ** r)
            rgb = self._to_rgb(x, networks.upsample_2d(rgb, self._taps), scope + "ToRGB", 2 * r - 3)
        return rgb

    def _style(self, scope, layer):
        return tf.matmul(self._w[:, layer], self._get(scope, "mod_weight")) + self._get(scope, "mod_bias")  # [N,I]

    def _layer(self, x, scope, layer, size, up=False):
        """One convolution with style, noise, bias and leaky ReLU; its gain of sqrt 2 is in what is added and in d."""
        s = self._style(scope, layer)
        d = tf.rsqrt(tf.matmul(tf.square(s), self._get(scope, "weight_squares")) + 1e-8) * _ROOT2  # [N,O]
        count = len(groups(d.shape.as_list()[1]))
        weights = [self._get(scope, "weight_%d" % i) for i in range(count)]
        convolve = self._up if up else networks.conv2d
        if size < FOLDED:  # activations are smaller than weights, and a batch has one weight
            x = x * s[:, None, None, :]
            x = _joined([convolve(x, weight) for weight in weights])
            x = x * d[:, None, None, :]
        else:
            x = _joined([convolve(x, _folded(weight, s, each, up)) for weight, each in zip(
                weights, tf.split(d, [each.shape.as_list()[2 if up else 3] for each in weights], 1))])
        if up:
            x = self._filter(x)
        noise = tf.transpose(self._noise[layer], [0, 2, 3, 1]) * self._get(scope, "noise_strength")
        return tf.nn.leaky_relu(tf.nn.bias_add(x + noise, self._get(scope, "bias")), 0.2)

    def _up(self, x, weight):
        """Stride-2 transposed convolution [N,H,W,I] to [N,2H+1,2W+1,O] with a weight [k,k,O,I]."""
        height, width = x.shape.as_list()[1:3]
        outputs = weight.shape.as_list()[2]
        x = tf.nn.conv2d_transpose(x, weight, [tf.shape(x)[0], 2 * height + 1, 2 * width + 1, outputs],
                                   strides=[1, 2, 2, 1], padding="VALID")
        x.set_shape([None, 2 * height + 1, 2 * width + 1, outputs])
        return x

    def _filter(self, x):
        """The low-pass filter after `_up`: to [N,2H,2W,O]. The operation pads: a pass less over what is largest."""
        taps = np.asarray(self._taps, np.float64)
        kernel = np.outer(taps, taps)[::-1, ::-1] * (4 / taps.sum() ** 2)
        kernel = np.tile(kernel[:, :, None, None], [1, 1, x.shape.as_list()[3], 1]).astype(np.float32)
        p = len(taps) - 4
        pad = [(p + 1) // 2 + 1, p // 2 + 1]
        return tf.nn.depthwise_conv2d(x, tf.constant(kernel), [1, 1, 1, 1], [[0, 0], pad, pad, [0, 0]])

    def _to_rgb(self, x, rgb, scope, layer):
        s = self._style(scope, layer)
        weight, bias = self._get(scope, "weight"), self._get(scope, "bias")
        if x.shape.as_list()[1] < FOLDED:
            t = networks.conv2d(x * s[:, None, None, :], weight)
        else:
            t = networks.conv2d(x, weight * s[0][:, None])
        t = tf.nn.bias_add(t, bias)
        return t if rgb is None else rgb + t


def _folded(weight, s, d, up):
    """A weight for one sample: scaled by its style and its demodulation (arXiv 1912.04958, eq. 1 and 3)."""
    if up:
        return weight * (d[0][:, None] * s[0])
    return weight * (s[0][:, None] * d[0])


def _joined(parts):
    return parts[0] if len(parts) == 1 else tf.concat(parts, 3)
