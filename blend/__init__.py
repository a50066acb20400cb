"""Blend StyleGAN2 networks: swap or mix their layers by resolution.

>>> import blend
>>> low, high = blend.shipped("photo"), blend.shipped("cartoon")
>>> mixed = blend.blend(low, high, resolution=16)
>>> images = blend.generate(mixed, seeds=range(4), psi=0.7)

TensorFlow is loaded by `generate`, not before.
"""

from blend.checkpoints import load
from blend.checkpoints.network import Network, NetworkFile
from blend.errors import BlendError, ForbiddenGlobalError, MismatchError, NetworkFileError
from blend.mixing import blend, plan
from blend.networks import SHIPPED, path_of
from blend.pictures import generate

__version__ = "0.1.0"
__all__ = ["BlendError", "ForbiddenGlobalError", "MismatchError", "Network", "NetworkFile", "NetworkFileError",
           "blend", "generate", "load", "plan", "shipped"]


def shipped(name):
    """One of the two networks that come with the package: 'photo' or 'cartoon' (fine-tuned from it), 64×64.

    BlendError: another name.
    """
    if name not in SHIPPED:
        raise BlendError("no network called %r is shipped; there are photo and cartoon" % (name,))
    return load(path_of(name))
