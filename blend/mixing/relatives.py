"""Whether networks have a common ancestor, by their convolutions: fine-tuning turns them little, chance not at all.

Two random directions of n numbers have a cosine of about 0 ± 1/√n. Measured on networks of 64x64, layer by layer:
fine-tuned for 1 and 32 thousand images 0.98 to 1; trained from other seeds, for 2 to 270 thousand, -0.012 to 0.010.
"""

from collections import OrderedDict
from typing import Dict, NamedTuple

import numpy as np

from blend.mixing.methods import dot
from blend.networks import families
from blend.system.pending import Pending

RELATIVES, PARTLY, STRANGERS, UNKNOWN = "relatives", "relatives in part", "strangers", "unknown"
_RELATED = 0.2       # least cosine of a layer: far above chance for layers of 500 numbers, far below what was measured
_MOST, _FEW = 0.8, 0.2  # parts of the layers from which, and up to which, the verdict is clear
_CORNER = (16, 64)   # input and output channels that are looked at: 9 * 16 * 64 numbers of a layer are plenty


class Kinship(NamedTuple):
    """How near two networks are: a verdict, and the cosine of every layer's convolution, by '8x8/Conv1'."""

    verdict: str
    cosines: Dict[str, float]

    @property
    def unrelated(self):
        """The layers in which they are strangers."""
        return [layer for layer, cosine in self.cosines.items() if cosine < _RELATED]


def relatives(a, b):
    """The Kinship of two Networks, by a corner of each convolution that both have: milliseconds, also at 1024x1024.

    >>> import blend
    >>> relatives(blend.shipped("photo").Gs, blend.shipped("cartoon").Gs).verdict
    'relatives'
    """
    variables, others = a.stored, b.stored
    return kinship(OrderedDict((layer, cosine(_corner(variables[name]), _corner(others[name])))
                               for layer, name in convolutions(variables).items()
                               if name in others and np.shape(variables[name]) == np.shape(others[name])
                               and not isinstance(variables[name], Pending) and not isinstance(others[name], Pending)))


def kinship(cosines):
    """The Kinship of the cosines of convolutions by layer; NaN where one is all zeros."""
    cosines = OrderedDict((layer, value) for layer, value in cosines.items() if np.isfinite(value))
    if not cosines:
        return Kinship(UNKNOWN, cosines)
    part = np.mean([value >= _RELATED for value in cosines.values()])
    if part >= _MOST:
        return Kinship(RELATIVES, cosines)
    return Kinship(STRANGERS if part <= _FEW else PARTLY, cosines)


def warning(a, b, called=("LOW", "HIGH")):
    """A line for those who blend two Networks that are strangers, or are in part; else None."""
    kin = relatives(a, b)
    if kin.verdict not in (STRANGERS, PARTLY):
        return None
    layers = "" if kin.verdict == STRANGERS else " at %s" % ", ".join(kin.unrelated[:4])
    return ("%s and %s look like strangers%s (cosine of their weights %.2f; relatives have some 0.9): networks blend "
            "well if one was fine-tuned from the other" % (
                called[0], called[1], layers, float(np.median([kin.cosines[layer] for layer in kin.unrelated]))))


def convolutions(names):
    """OrderedDict of layer, '8x8/Conv1', to the name of its convolution's weights."""
    names_of_layers = OrderedDict()
    for name in names:
        layer = families.locate(name)
        if layer.kind == "conv" and name.endswith("/weight"):
            names_of_layers["%dx%d/%s" % (layer.resolution, layer.resolution, layer.module)] = name
    return names_of_layers


def cosine(a, b):
    """Of the angle between two arrays as vectors; NaN where one has no length."""
    length = np.sqrt(dot(a, a)) * np.sqrt(dot(b, b))
    return float(dot(a, b) / length) if length else float("nan")


def _corner(weight):
    inputs, outputs = _CORNER
    return weight[..., :inputs, :outputs] if np.ndim(weight) > 1 else weight  # [k,k,I,O]
