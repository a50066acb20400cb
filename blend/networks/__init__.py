"""The two networks that come with the package, and what they were trained on."""

import os

from blend.errors import BlendError

SHIPPED = ("photo", "cartoon")


def find(name):
    """The path of a network file, given as a path or as the name of a shipped network. BlendError: neither."""
    name = str(name)
    if name in SHIPPED and not os.path.isfile(name):
        return os.path.join(os.path.dirname(__file__), name + ".pkl")
    if not os.path.exists(name):
        raise BlendError("%s: no such file; give a network file, or photo or cartoon for the shipped ones" % name)
    return name
