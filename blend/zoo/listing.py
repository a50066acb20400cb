"""What the zoo knows: the list of the package, and what its user added."""

import hashlib
import os
import re
from collections import OrderedDict
from typing import NamedTuple, Optional
from urllib.parse import urlsplit

from blend.errors import BlendError, closest
from blend.system import files
from blend.zoo.addresses import check_url, is_url
from blend.zoo.locks import locked
from blend.zoo.shipped import SHIPPED

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,60}")
SHA256 = re.compile("[0-9a-f]{64}")


class Entry(NamedTuple):
    """A network of the zoo. `family`: networks of the same one have a common ancestor and blend well."""

    name: str
    url: str
    resolution: Optional[int] = None
    format: Optional[str] = None
    licence: str = "not stated"
    source: str = ""
    what: str = ""
    family: Optional[str] = None
    sha256: Optional[str] = None
    size: Optional[int] = None

    @property
    def file_name(self):
        """Of the file in the cache folder."""
        return self.name + (".pt" if self.format == "rosinality" else ".pkl")

    @property
    def about(self):
        """What it is, or the address, without a name and password that may stand in it."""
        return self.what or re.sub("//.*@", "//", self.url)


# What an entry of the user's own list may hold; all else is text.
_OPTIONAL, _NUMBERS = ("format", "family", "sha256"), ("resolution", "size")


def entries():
    """The zoo: the list of the package, then what `add` put there. BlendError: the user's own list is broken."""
    named = OrderedDict((entry.name, entry) for entry in published() + _own_entries())
    return list(named.values())


def names():
    """The names of the zoo's networks, and of those that come with the package."""
    return [entry.name for entry in entries()] + list(SHIPPED)


def published():
    """The list of the package."""
    return [Entry(**values) for values in files.parse_json(
        files.read_text(os.path.join(os.path.dirname(__file__), "zoo.json")))]


def _own_entries():
    if not os.path.exists(_own_list()):
        return []
    try:
        listed = files.parse_json(files.read_text(_own_list()))
        if not isinstance(listed, list):
            raise ValueError
        return [_checked(Entry(**values)) for values in listed]
    except (OSError, ValueError, TypeError):
        raise BlendError("%s: cannot be read; mend or delete it" % _own_list())


def _checked(entry):
    """An entry of a file that anybody may have written. ValueError: a value is not what it should be."""
    for field, value in entry._asdict().items():
        types = (int,) if field in _NUMBERS else (str,)
        if not isinstance(value, types) and not (value is None and field in _OPTIONAL + _NUMBERS):
            raise ValueError(field)
    if not _NAME.fullmatch(entry.name) or entry.sha256 is not None and not SHA256.fullmatch(entry.sha256):
        raise ValueError
    return entry


def cache():
    """The folder of fetched networks."""
    import platformdirs

    return os.environ.get("BLEND_CACHE") or platformdirs.user_cache_dir("blend", appauthor=False)


def _own_list():
    return os.path.join(cache(), "zoo.json")


def add(name, url, sha256=None):
    """Put a URL into the user's own list under a name, in place of what had that name. BlendError: no name or URL."""
    if name in SHIPPED:
        raise BlendError("%s: is the name of a network that comes with the package; choose another" % name)
    if not _NAME.fullmatch(name):
        raise BlendError("%r: names are of small letters, digits, dots and dashes" % name)
    if os.path.exists(url):
        raise BlendError("%s: is a file; give its path in place of a name" % url)
    check_url(url)
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise BlendError("%s: a SHA-256 has 64 hexadecimal digits" % sha256)
    files.make_folder(cache())
    with locked(_own_list()):
        entry = next((listed for listed in entries() if listed.name == name), Entry(name, url))
        entry = entry._replace(url=url, sha256=sha256 and sha256.lower(), size=None)
        own = [listed for listed in _own_entries() if listed.name != name] + [entry]
        files.write_json(_own_list(), [listed._asdict() for listed in own])


def entry_of(name):
    if not is_url(name):
        for entry in entries():
            if entry.name == name:
                check_url(entry.url)
                return entry
        raise BlendError("%s: the zoo has no network of this name; %spython -m blend.run zoo list shows them" % (
            name, hint(name)))
    check_url(name)
    for entry in entries():
        if entry.url == name:
            return entry
    base = re.sub(r"[^A-Za-z0-9._-]", "_", os.path.splitext(os.path.basename(urlsplit(name).path))[0])[:40]
    return Entry("url-%s-%s" % (hashlib.sha256(name.encode("utf-8")).hexdigest()[:12], base or "network"), name)


def hint(name):
    near = closest(name, names())
    return "did you mean %s? " % near if near else ""
