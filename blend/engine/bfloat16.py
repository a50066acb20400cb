"""The synthesis network in bfloat16, for processors that compute it: `fast.Synthesis` with other large layers.

Activations and weights have eight bits of precision; products, and the layers' RGB images, are summed in single
precision. Layers below 128x128 convolve in bfloat16 and do the rest in single precision.
"""

import numpy as np
import tensorflow.compat.v1 as tf

from blend.carried import stylegan2_graph
from blend.engine import fast

_FLAGS = ("avx512_bf16", "amx_bf16", "bf16")  # of processors, as Linux names them


def is_native():
    """Whether this processor computes bfloat16; None: not known (Linux says it, other systems do not)."""
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((line for line in file if line.startswith(("flags", "Features"))), "").split()
    except OSError:
        return None
    return any(flag in flags for flag in _FLAGS)


def polyphase_weights(weight):
    """The weight [3,3,I,O] of an up-sampling layer and its low-pass filter as one: [3,3,I,4 O] for `depth_to_space`.

    Along one axis, with weights w and the filter's taps k: pixel 2i is k0 w1 + k1 w0, k1 w2 + k2 w1 + k3 w0 and k3 w2
    on the pixels i - 1, i and i + 1, pixel 2i + 1 is k0 w0, k0 w2 + k1 w1 + k2 w0 and k2 w2 + k3 w1.
    """
    k0, k1, k2, k3 = np.float32(fast.TAPS) * np.float32(2 / sum(fast.TAPS))
    phases = np.array([[[k1, k0, 0], [k3, k2, k1], [0, 0, k3]],
                       [[k0, 0, 0], [k2, k1, k0], [0, k3, k2]]], np.float32)  # [phase,pixel,tap]
    _, _, inputs, outputs = weight.shape.as_list()
    joined = tf.einsum("ayk,bxl,klio->yxiabo", phases, phases, weight)
    return tf.reshape(joined, [3, 3, inputs, 4 * outputs])


class Synthesis(fast.Synthesis):
    """See the module and `fast.Synthesis`."""

    def _up_weight(self, weight, size):
        transposed = super(Synthesis, self)._up_weight(weight, size)
        return transposed if size < self._tuning.folded else polyphase_weights(weight)

    def _has_winograd(self, *_arguments):
        return False  # its transforms would need the bits that are missing

    def _convolve(self, x, weights, up):
        """In bfloat16; what goes in and comes out has single precision."""
        weights = [tf.cast(weight, tf.bfloat16) for weight in weights]
        return tf.cast(super(Synthesis, self)._convolve(tf.cast(x, tf.bfloat16), weights, up), tf.float32)

    def _layer(self, x, scope, layer, size, up=False):
        """Where styles are folded, noise comes in as further channels: TensorFlow joins all to one convolution.

        An up-sampling layer has four pixels in its outputs, with their noises in four channels.
        """
        if size < self._tuning.folded:
            return super(Synthesis, self)._layer(x, scope, layer, size, up)
        phases = 4 if up else 1
        noise = self._noise_of(layer, size)
        if up:
            noise = tf.nn.space_to_depth(noise, 2)
        x = tf.concat([tf.cast(x, tf.bfloat16), tf.cast(noise, tf.bfloat16)], 3)
        bias = tf.cast(tf.tile(self._get(scope, "bias"), [phases]), tf.bfloat16)
        x = stylegan2_graph.conv2d(x, self._weight_with_noise(scope, layer, phases))
        x = tf.nn.leaky_relu(tf.nn.bias_add(x, bias), 0.2)
        x = stylegan2_graph.activate(x, "linear", self._clamp)
        return tf.nn.depth_to_space(x, 2) if up else x

    def _weight_with_noise(self, scope, layer, phases):
        """The one sample's weight [3,3,I + phases,O], bfloat16; its last inputs are the noises of the phases."""
        s, weight = self._style(scope, layer), self._weights(scope)[0]
        weight = weight * (s[0][:, None] * tf.tile(self._demodulation(scope, s)[0], [phases]))
        own = np.kron(np.eye(phases), np.ones([1, weight.shape.as_list()[3] // phases])).astype(np.float32)
        strengths = tf.pad((own * self._get(scope, "noise_strength"))[None, None], [[1, 1], [1, 1], [0, 0], [0, 0]])
        return tf.cast(tf.concat([weight, strengths], 2), tf.bfloat16)
