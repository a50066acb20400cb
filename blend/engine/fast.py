"""The synthesis network for CPUs: the values of `stylegan2_graph.G_synthesis_stylegan2` to rounding, computed faster.

`Synthesis` is the graph; its variables are made from a network's when they are loaded, so that little arithmetic on
weights is left for each picture. Networks of at least `Tuning.folded` pixels compute one sample at a time, smaller ones
a batch. Letters as in stylegan2_graph.py. Gains were measured on the machine of benchmarks/README.md.
"""

import functools
from collections import OrderedDict
from typing import NamedTuple, Optional, Tuple

import numpy as np
import tensorflow.compat.v1 as tf

from blend.carried import stylegan2_graph
from blend.engine import tensorflow
from blend.networks.stylegan2 import locate

_A, _B = 0.75, 1.5   # points of Winograd's convolution: 0, ±A, ±B and infinity
_ROOT2 = np.float32(np.sqrt(2))
TAPS = (1, 3, 3, 1)  # the only low-pass filter that is known here; all published networks have it


class Tuning(NamedTuple):
    """Which layers are computed in which way; all ways give the same values, to rounding. Resolutions are in pixels."""

    folded: int = 128                           # resolution from which styles are folded into the weights
    compiled: Optional[int] = 256               # from which what is between convolutions is compiled; None: never
    winograd: Optional[Tuple[int, int]] = (32, 512)  # first and last with Winograd's convolution; None: nowhere
    winograd_channels: int = 64                 # for at least so many channels
    polyphase_rgb: bool = True                  # RGB images grow by `upsample`, or by the plain graph's operation

    def compiles(self, size):
        """Whether a layer of this resolution is compiled."""
        return self.compiled is not None and size >= self.compiled


TUNING = Tuning()


def supports(architecture):
    """Whether `Synthesis` can stand for the plain graph: the usual networks, on TensorFlow 2."""
    return (architecture["nonlinearity"] == "lrelu" and architecture["architecture"] == "skip"
            and architecture["use_noise"] and tuple(architecture["resample_kernel"]) == TAPS
            and not tensorflow.__version__.startswith("1."))


def winograd_weights(weight):
    """Winograd's transform of a weight [3,3,I,O] along the width: six of [3,1,I,O] (see `winograd_conv2d`)."""
    a, b = _A ** 2, _B ** 2
    rows = [[1 / (a * b), 0, 0]]
    for point, other in ((_A, b), (-_A, b), (_B, a), (-_B, a)):
        rows.append(np.array([1, point, point ** 2]) / (2 * point ** 2 * (point ** 2 - other)))
    rows.append([0, 0, 1])
    return [sum(np.float32(factor) * weight[:, k:k + 1] for k, factor in enumerate(row) if factor) for row in rows]


def winograd_conv2d(x, weights, compiled=False):
    """'same' 3x3 convolution of x [N,H,W,I], W a multiple of 4, with the six `winograd_weights`: [N,H,W,O].

    compiled: whether its transforms are.

    Four outputs of a row take six products in place of twelve (Winograd 1980; Lavin & Gray, arXiv 1509.09308,
    F(4,3), along one axis only, which doubles the rounding error where both axes would give ten times). The layer
    takes 0.55 times as long with 512 and 256 channels, 0.75 with 128; with 32 the transforms cost more than is saved.
    """
    parts = _compiled(_winograd_in)(x) if compiled else _winograd_in(x)
    parts = [stylegan2_graph.conv2d(part, weight) for part, weight in zip(parts, weights)]
    return _compiled(_winograd_out)(*parts) if compiled else _winograd_out(*parts)


def _winograd_in(x):
    """x [N,H,W,I] to six of [N,H,W/4,I]: for every four pixels of a row, and one on each side, M(x) / (x - point)."""
    height, width, channels = x.shape.as_list()[1:]
    fours = tf.reshape(x, [-1, height, width // 4, 4, channels])
    d1, d2, d3, d4 = [fours[:, :, :, i] for i in range(4)]
    d0 = tf.pad(d4[:, :, :-1], [[0, 0], [0, 0], [1, 0], [0, 0]])
    d5 = tf.pad(d1[:, :, 1:], [[0, 0], [0, 0], [0, 1], [0, 0]])
    a, b = _A ** 2, _B ** 2
    even_a, odd_a = d4 - b * d2, _A * (d3 - b * d1)
    even_b, odd_b = d4 - a * d2, _B * (d3 - a * d1)
    return (a * b * d0 - (a + b) * d2 + d4, even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b,
            a * b * d1 - (a + b) * d3 + d5)


def _winograd_out(m0, m1, m2, m3, m4, m5):
    """The six products [N,H,W/4,O] to [N,H,W,O]: polynomials at the points to their coefficients."""
    height, width, channels = m0.shape.as_list()[1:]
    sum_a, difference_a, sum_b, difference_b = m1 + m2, m1 - m2, m3 + m4, m3 - m4
    y = tf.stack([m0 + sum_a + sum_b, _A * difference_a + _B * difference_b, _A ** 2 * sum_a + _B ** 2 * sum_b,
                  _A ** 3 * difference_a + _B ** 3 * difference_b + m5], 3)
    return tf.reshape(y, [-1, height, 4 * width, channels])


@functools.lru_cache(maxsize=None)
def _compiled(function):
    """A function of tensors as one compiled loop (XLA), which reads and writes the largest tensors once.

    It takes a quarter of a second to compile for every shape, at the first picture, and makes pictures of 1024x1024
    1.09 times as fast; below `Tuning.compiled` pixels it saves too little. Where TensorFlow comes without its compiler,
    the function stays as it is.
    """
    if not tf.test.is_built_with_xla():
        return function
    return tf.function(function, jit_compile=True, autograph=False)


def _finish(x, noise, bias, clamp):
    """Noise, bias, leaky ReLU, ADA's clamp. x [N,H,W,C], noise [N or 1,H,W,1], bias [C]."""
    return stylegan2_graph.activate(tf.nn.leaky_relu(tf.nn.bias_add(x + noise, bias), 0.2), "linear", clamp)


def _filter_and_finish(x, noise, bias, clamp):
    """`_filter`, then `_finish`, as sums of shifted tensors, which a compiler makes one loop of."""
    size = x.shape.as_list()[1] - 1
    x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    x = (x[:, :size] + x[:, 3:]) + 3 * (x[:, 1:size + 1] + x[:, 2:size + 2])
    x = (x[:, :, :size] + x[:, :, 3:]) + 3 * (x[:, :, 1:size + 1] + x[:, :, 2:size + 2])
    return _finish(x * (4 / sum(TAPS) ** 2), noise, bias, clamp)


def _filter(x):
    """The low-pass filter after `_up`: to [N,2H,2W,O]. The operation pads: a pass less over what is largest."""
    kernel = np.outer(TAPS, TAPS) * (4 / sum(TAPS) ** 2)
    kernel = np.tile(kernel[:, :, None, None], [1, 1, x.shape.as_list()[3], 1]).astype(np.float32)
    return tf.nn.depthwise_conv2d(x, tf.constant(kernel), [1, 1, 1, 1], [[0, 0], [1, 1], [1, 1], [0, 0]])


def _up(x, weight):
    """Stride-2 transposed convolution [N,H,W,I] to [N,2H+1,2W+1,O] with a weight [k,k,O,I]."""
    height, width = x.shape.as_list()[1:3]
    outputs = weight.shape.as_list()[2]
    x = tf.nn.conv2d_transpose(x, weight, [tf.shape(x)[0], 2 * height + 1, 2 * width + 1, outputs],
                               strides=[1, 2, 2, 1], padding="VALID")
    x.set_shape([None, 2 * height + 1, 2 * width + 1, outputs])
    return x


def upsample(rgb):
    """`stylegan2_graph.upsample_2d` of [N,H,W,C] as one small convolution to 4 C channels.

    No tensor has zeros between pixels. Pictures of 256x256 are 1.06 times as fast; at 1024x1024 there is little in it.
    """
    channels = rgb.shape.as_list()[3]
    # Along one axis: pixel 2i is taps 0 and 2 on pixels i - 1 and i, pixel 2i + 1 taps 1 and 3 on i and i + 1.
    phases = np.array([[TAPS[0], TAPS[2], 0], [0, TAPS[1], TAPS[3]]]) * (2 / sum(TAPS))
    kernel = np.einsum("ai,bj,cd->ijcabd", phases, phases, np.eye(channels))
    kernel = tf.constant(kernel.reshape(3, 3, channels, 4 * channels), tf.float32)
    return tf.nn.depth_to_space(stylegan2_graph.conv2d(rgb, kernel), 2)


class Synthesis(object):
    """The graph: `images` [N,C,R,R] of `w` [N,L,D] and noises [N or 1,1,H,W].

    shapes: {name: shape} of a network's layers, which `load` sets. tuning: a Tuning. features: {resolution: (x, rgb)},
    what the layers up to there give to those above; tensors that can be fetched, and fed to compute only what is above.
    """

    def __init__(self, w, noise, shapes, clamp, tuning=TUNING):
        self._tuning, self._clamp = tuning, clamp
        self._variables, self._loading = {}, {}
        for name, shape in shapes.items():
            self._prepare(name, shape)
        self._w, self._noise = w, noise
        self.features = OrderedDict()
        self.images = tf.transpose(self._image(2 ** (len(noise) // 2 + 2)), [0, 3, 1, 2])

    def _prepare(self, name, shape):
        given = tf.placeholder(tf.float32, shape)
        variables = [(part, tf.get_variable(part, initializer=tensor)) for part, tensor in self._prepared(name, given)]
        self._variables.update(variables)
        self._loading[name] = given, [variable.initializer for _, variable in variables]

    def _prepared(self, name, value):
        """[(name, tensor)]: the variables that come from one variable of a network, a tensor.

        Equalised learning rate, the activation's gain of sqrt 2, turned layouts, Winograd's transform and the sums of
        squares that demodulation needs are worked out here, once for a network.
        """
        scope, _, last = name.rpartition("/")
        value = self._scaled(value, last, scope.endswith("ToRGB"))
        if last != "weight" or scope.endswith("ToRGB"):
            return [(name, value)]
        squares = (name + "_squares", tf.reduce_sum(tf.square(value), [0, 1]))  # [I,O]
        return [squares] + [("%s_%d" % (name, i), part) for i, part in enumerate(self._weight_parts(name, value))]

    def _scaled(self, value, last, is_rgb):
        """A variable's value, by the last word of its name, as it enters the arithmetic."""
        if last == "const":
            return tf.transpose(value, [0, 2, 3, 1])  # [1,4,4,C]
        if last in ("weight", "mod_weight"):
            return value * np.float32(1 / np.sqrt(np.prod(value.shape.as_list()[:-1])))
        if last == "mod_bias":
            return value + 1
        return value if is_rgb else value * _ROOT2  # bias and noise_strength, before the activation's gain

    def _weight_parts(self, name, weight):
        """The tensors that a convolution takes in place of a weight [3,3,I,O]: one, or Winograd's six."""
        layer = locate(name)
        if layer.module == "Conv0_up":
            return [self._up_weight(weight, layer.resolution)]
        if self._has_winograd(layer, *weight.shape.as_list()[2:]):
            return winograd_weights(weight)
        return [weight]

    def _up_weight(self, weight, _size):
        return tf.transpose(weight[::-1, ::-1], [0, 1, 3, 2])  # flipped for the transposed convolution, [k,k,O,I]

    def _has_winograd(self, layer, inputs, outputs):
        if self._tuning.winograd is None or layer.module != "Conv1":
            return False
        first, last = self._tuning.winograd
        return min(inputs, outputs) >= self._tuning.winograd_channels and first <= layer.resolution <= last

    def load(self, opened, values):
        """Set what comes from a network's variables {name: array}, in a session."""
        opened.run([initializer for name in values for initializer in self._loading[name][1]],
                   {self._loading[name][0]: value for name, value in values.items()})

    def _get(self, scope, name):
        return self._variables["G_synthesis/%s/%s" % (scope, name)]

    def _image(self, resolution):
        x = tf.tile(self._get("4x4/Const", "const"), [tf.shape(self._w)[0], 1, 1, 1])
        x = self._layer(x, "4x4/Conv", 0, 4)
        rgb = self._to_rgb(x, None, "4x4/ToRGB", 1)
        self.features[4] = x, rgb
        for r in stylegan2_graph.stylegan2_layers(resolution):
            x, rgb = self._block(x, rgb, r)
            if 2 ** r < resolution:
                self.features[2 ** r] = x, rgb
        return rgb

    def _block(self, x, rgb, r):
        """The layers of resolution 2^r: features and RGB image of half of it to its own."""
        scope = "%dx%d/" % (2 ** r, 2 ** r)
        x = self._layer(x, scope + "Conv0_up", 2 * r - 5, 2 ** r, up=True)
        x = self._layer(x, scope + "Conv1", 2 * r - 4, 2 ** r)
        rgb = upsample(rgb) if self._tuning.polyphase_rgb else stylegan2_graph.upsample_2d(rgb, TAPS)
        return x, self._to_rgb(x, rgb, scope + "ToRGB", 2 * r - 3)

    def _style(self, scope, layer):
        return tf.matmul(self._w[:, layer], self._get(scope, "mod_weight")) + self._get(scope, "mod_bias")  # [N,I]

    def _demodulation(self, scope, s):
        """The factor of each output [N,O] for styles s [N,I], times the activation's gain (arXiv 1912.04958, eq. 3)."""
        return tf.rsqrt(tf.matmul(tf.square(s), self._get(scope, "weight_squares")) + 1e-8) * _ROOT2

    def _weights(self, scope):
        """The parts of a layer's weight, see `_weight_parts`."""
        names = ["G_synthesis/%s/weight_%d" % (scope, i) for i in range(6)]
        return [self._variables[name] for name in names if name in self._variables]

    def _noise_of(self, layer, size):
        return tf.reshape(self._noise[layer], [-1, size, size, 1])

    def _layer(self, x, scope, layer, size, up=False):
        """One convolution with style, noise, bias and leaky ReLU; its gain of sqrt 2 is in what is added and in d."""
        x = self._modulated(x, scope, layer, size, up)
        noise = self._noise_of(layer, size) * self._get(scope, "noise_strength")
        bias, finish = self._get(scope, "bias"), _filter_and_finish if up else _finish
        if self._tuning.compiles(size):
            finish = _compiled(finish)
        elif up:
            x, finish = _filter(x), _finish
        return finish(x, noise, bias, self._clamp)

    def _modulated(self, x, scope, layer, size, up):
        """The convolution with its weight scaled by a style (arXiv 1912.04958, eq. 1 and 3), before the filter."""
        s, weights = self._style(scope, layer), self._weights(scope)
        d = self._demodulation(scope, s)
        if size < self._tuning.folded:  # activations are smaller than weights, and a batch has one weight
            return self._convolve(x * s[:, None, None, :], weights, up) * d[:, None, None, :]
        fold = d[0][:, None] * s[0] if up else s[0][:, None] * d[0]  # of the one sample
        return self._convolve(x, [weight * fold for weight in weights], up)

    def _convolve(self, x, weights, up):
        if up:
            return _up(x, weights[0])
        if len(weights) == 1:
            return stylegan2_graph.conv2d(x, weights[0])
        return winograd_conv2d(x, weights, self._tuning.compiles(x.shape.as_list()[1]))

    def _to_rgb(self, x, rgb, scope, layer):
        s, weight = self._style(scope, layer), self._get(scope, "weight")
        if x.shape.as_list()[1] < self._tuning.folded:
            t = stylegan2_graph.conv2d(x * s[:, None, None, :], weight)
        else:
            t = tf.cast(stylegan2_graph.conv2d(x, tf.cast(weight * s[0][:, None], x.dtype)), tf.float32)
        t = stylegan2_graph.activate(tf.nn.bias_add(t, self._get(scope, "bias")), "linear", self._clamp)
        return t if rgb is None else rgb + t
