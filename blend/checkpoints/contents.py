"""What the networks of a file are, whatever its format."""

from collections import OrderedDict
from typing import NamedTuple, Optional

from blend.networks.network import Network
from blend.system.files import FileMap

ROLES = ("Gs", "G", "D")


class Contents(NamedTuple):
    """The networks of a file: generator, discriminator, and Gs, the average of G that makes the pictures.

    G and D are None in files that do not have them. `path` and `format` are where and how it was read, or None.
    `left_out`: what the file held beside these networks, in words. `file`: the map that their arrays are views of, or
    None for networks that were not read from a file.
    """

    Gs: Network
    G: Optional[Network] = None
    D: Optional[Network] = None
    path: Optional[str] = None
    format: Optional[str] = None
    left_out: tuple = ()
    file: Optional[FileMap] = None

    @property
    def by_role(self):
        """OrderedDict of 'Gs', 'G' and 'D' to the networks that are there."""
        return OrderedDict((role, network) for role, network in zip(ROLES, self[:3]) if network is not None)
