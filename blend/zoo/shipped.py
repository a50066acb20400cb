"""The two networks that come with the package, and what they were trained on."""

import os

SHIPPED = ("photo", "cartoon")


def path_of(name):
    """The path of a shipped network."""
    return os.path.join(os.path.dirname(__file__), name + ".pkl")
