"""What stands for variables that a file lacks: the average w, and the stored noise.

Both are made when they are first asked for: files open at once.
"""

import numpy as np

from blend.networks import mapping
from blend.system.pending import Kept

NO_AVERAGE = "no average w: the mean of the mapping network over %s latents stands for it" % format(
    mapping.LATENTS, ",")
NO_NOISE = "no noise buffers: noise of a fixed seed stands for them"


def stand_in(name, shape, architecture, variables):
    """The Kept for `dlatent_avg` or a noise buffer that a generator lacks.

    name: of the variable, in a generator; shape: that it should have; variables: {global name: array} of the others.
    """
    if name == "dlatent_avg":
        prefix = "G_mapping/"
        own = {key[len(prefix):]: value for key, value in variables.items() if key.startswith(prefix)}
        return Kept(shape, lambda: mapping.average(architecture, own))
    seed = int(name[len("G_synthesis/noise"):])  # that of every network: G and Gs have the same noise
    return Kept(shape, lambda: np.random.RandomState(seed).randn(*shape))
