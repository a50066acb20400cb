"""Blend StyleGAN2 networks: swap or mix their layers by resolution.

>>> import blend
>>> low, high = blend.shipped("photo"), blend.shipped("cartoon")
>>> mixed = blend.blend(low, high, resolution=16)
>>> images = blend.generate(mixed, seeds=range(4), psi=0.7)

TensorFlow is loaded by `generate`, not before.
"""

from blend.checkpoints import NetworkFile, load
from blend.errors import BlendError, ForbiddenGlobalError, MismatchError, NetworkFileError
from blend.mixing import blend, plan
from blend.networks.network import Network
from blend.pictures.generate import generate
from blend.system.version import VERSION
from blend.zoo.shipped import SHIPPED, path_of

__version__ = VERSION
__all__ = ["BlendError", "ForbiddenGlobalError", "MismatchError", "Network", "NetworkFile", "NetworkFileError",
           "blend", "generate", "legacy", "load", "plan", "shipped"]


def shipped(name):
    """One of the two networks that come with the package: 'photo' or 'cartoon' (fine-tuned from it), 64×64.

    BlendError: another name.
    """
    if name not in SHIPPED:
        raise BlendError("no network called %r is shipped; there are photo and cartoon" % (name,))
    return load(path_of(name))


def legacy(stylegan2=None, *, trust=False):
    """Let programs of 2019 to 2021 run: `import pretrained_networks`, `dnnlib`, `tensorflow` as they expect them.

    With NVIDIA's repository (stylegan2: its folder; else $STYLEGAN2 or the submodule) the modules are NVIDIA's, adapted
    to this machine; without it, a small part of the same interface over blend's engine, which executes nothing that
    is stored in files. To call before `import tensorflow`, which gives TensorFlow 1 from then on; for notebooks and
    scripts that do nothing else. trust: whether NVIDIA's `load_networks` may execute the source in files whose SHA-256
    the zoo does not know; what a program unpickles itself is executed, as ever.

    Prints which of the two it is. BlendError: `stylegan2` is not NVIDIA's repository.
    """
    from blend.nvidia import legacy as room
    print(room.install(stylegan2, trust))
