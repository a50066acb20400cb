"""The networks that people know, and how one is fetched.

A file is looked for in one cache folder ($BLEND_CACHE, else the system's). Downloads go on where they broke off, are
compared with a checksum (of the list, or recorded when the file came for the first time) and take their place whole.
"""

import contextlib
import difflib
import errno
import hashlib
import json
import os
import re
from collections import OrderedDict
from typing import NamedTuple
from urllib.parse import urlsplit

from blend import checkpoints
from blend.errors import BlendError
from blend.system import files, progress
from blend.zoo import downloads
from blend.zoo.shipped import SHIPPED, path_of

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,60}")


class Entry(NamedTuple):
    """A network of the zoo. `family`: networks of the same one have a common ancestor and blend well."""

    name: str
    url: str
    resolution: object = None
    format: object = None
    licence: str = "not stated"
    source: str = ""
    what: str = ""
    family: object = None
    sha256: object = None
    size: object = None

    @property
    def file_name(self):
        """Of the file in the cache folder."""
        return self.name + (".pt" if self.format == "rosinality" else ".pkl")


def entries():
    """The zoo: the list of the package, then what `add` put there. BlendError: the user's own list is broken."""
    with open(os.path.join(os.path.dirname(__file__), "zoo.json"), encoding="utf-8") as file:
        found = OrderedDict((each["name"], Entry(**each)) for each in json.load(file))
    found.update((entry.name, entry) for entry in _own_entries())
    return list(found.values())


def _own_entries():
    try:
        with open(_own_list(), encoding="utf-8") as file:
            listed = json.load(file)
        found = [Entry(**each) for each in listed]
        for entry in found:
            texts = [each for each in entry if each is not None and each not in (entry.resolution, entry.size)]
            if not all(isinstance(each, str) for each in texts) or not _NAME.fullmatch(entry.name):
                raise ValueError
        if not isinstance(listed, list):
            raise ValueError
        return found
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError):
        raise BlendError("%s: cannot be read; mend or delete it" % _own_list())


def cache():
    """The folder of fetched networks."""
    import platformdirs

    return os.environ.get("BLEND_CACHE") or platformdirs.user_cache_dir("blend", appauthor=False)


def _own_list():
    return os.path.join(cache(), "zoo.json")


def is_url(name):
    return bool(re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", name))


def find(name):
    """The path of a network file: a path, a shipped network, a URL or a name of the zoo, fetched where it must be.

    BlendError: none of these, or it cannot be fetched.
    """
    name = str(name)
    if os.path.isfile(name):
        return name
    if name in SHIPPED:
        return path_of(name)
    if is_url(name) or name in [entry.name for entry in entries()]:
        return get(name)
    if os.path.exists(name):
        return name  # a folder or a device, of which its reader will speak
    raise BlendError("%s: no such file; %sgive a network file, a URL, photo, cartoon, or a name that python -m "
                     "blend.run zoo list shows" % (name, _hint(name)))


def _hint(name):
    near = difflib.get_close_matches(name, [entry.name for entry in entries()] + list(SHIPPED), 1, 0.6)
    return "did you mean %s? " % near[0] if near else ""


def get(name):
    """The path of a network of the zoo or of a URL in the cache folder; fetched if it is not there, always verified.

    BlendError: unknown name, the server does not give it, the file is not what it was, or the disk is full.
    """
    if name in SHIPPED:
        return path_of(name)
    entry = _entry(name)
    path = os.path.join(cache(), entry.file_name)
    if not _is_verified(path, entry):
        files.make_folder(cache())
        with _locked(path):
            if not _is_verified(path, entry):  # another process may have fetched it meanwhile
                _fetch(entry, path)
    return path


def _is_verified(path, entry):
    """Whether a file is there and is what it should be. False: it is not there, or nobody knows what it should be.

    BlendError: it is another than it should be.
    """
    sha256, size = _recorded(path, entry)
    try:
        if sha256 is None or not os.path.exists(path):
            return False
        with progress.waiting("checking %s" % path):
            _check(path, sha256, size, "delete it to fetch it again")
    except OSError as error:
        raise BlendError("%s: cannot be read (%s)" % (path, files.reason(error)))
    return True


def add(name, url, sha256=None):
    """Put a URL into the user's own list under a name, in place of what had that name. BlendError: no name or URL."""
    if name in SHIPPED:
        raise BlendError("%s: is the name of a network that comes with the package; choose another" % name)
    if not _NAME.fullmatch(name):
        raise BlendError("%r: names are of small letters, digits, dots and dashes" % name)
    if os.path.exists(url):
        raise BlendError("%s: is a file; give its path in place of a name" % url)
    _check_url(url)
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise BlendError("%s: a SHA-256 has 64 hexadecimal digits" % sha256)
    files.make_folder(cache())
    with _locked(_own_list()):
        entry = next((each for each in entries() if each.name == name), Entry(name, url))
        entry = entry._replace(url=url, sha256=sha256 and sha256.lower(), size=None)
        own = [each for each in _own_entries() if each.name != name] + [entry]
        files.write_json(_own_list(), [each._asdict() for each in own])


def _entry(name):
    if not is_url(name):
        for entry in entries():
            if entry.name == name:
                return entry
        raise BlendError("%s: the zoo has no network of this name; %spython -m blend.run zoo list shows them" % (
            name, _hint(name)))
    _check_url(name)
    for entry in entries():
        if entry.url == name:
            return entry
    base = re.sub(r"[^A-Za-z0-9._-]", "_", os.path.splitext(os.path.basename(urlsplit(name).path))[0])[:40]
    return Entry("url-%s-%s" % (hashlib.sha256(name.encode("utf-8")).hexdigest()[:12], base or "network"), name)


def _check_url(url):
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and not re.search(r"\s", url)
        parts.port, url.encode("utf-8")  # raise where they are none
    except ValueError:
        good = False
    if not good:
        raise BlendError("%s: not an address that begins with https:// or http://" % url)


@contextlib.contextmanager
def _locked(path):
    """One process at a time for a file of the cache."""
    import filelock

    if not _can_lock(path + ".lock"):
        yield  # then two processes may fetch the same file; each puts it in place whole
        return
    lock = filelock.FileLock(path + ".lock")
    try:
        try:
            lock.acquire(timeout=0.2)
        except filelock.Timeout:
            with progress.waiting("another process is fetching %s; waiting for it" % os.path.basename(path)):
                lock.acquire()
    except OSError as error:
        raise BlendError("%s: cannot be locked (%s)" % (path, files.reason(error)))
    try:
        yield
    finally:
        lock.release()


def _can_lock(path):
    """Whether the file system knows locks; on some that do not, filelock would wait for ever."""
    try:
        import fcntl
        with open(path, "a") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except ImportError:
        return True
    except OSError as error:
        return error.errno not in (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)
    return True


def _recorded(path, entry):
    """(sha256, size) that a file must have; None for what nobody knows yet."""
    sha256, size = entry.sha256, entry.size
    if sha256 is None and os.path.exists(path + ".json"):
        try:
            with open(path + ".json", encoding="utf-8") as file:
                found = json.load(file)
            if found["url"] == entry.url:
                sha256, size = str(found["sha256"]), int(found["size"])
        except (OSError, ValueError, KeyError, TypeError):
            raise BlendError("%s.json: cannot be read; delete it to fetch the file again" % path)
    return sha256, size


def _check(path, sha256, size, advice):
    """Raise BlendError unless a file has a checksum and a size, where they are known, and is no web page."""
    found = os.path.getsize(path)
    if size is not None and found != size:
        raise BlendError("%s: has %d bytes where %d are expected; %s" % (path, found, size, advice))
    with open(path, "rb") as file:
        if downloads.is_page(file.read(64)):
            raise BlendError("%s: is a web page, not a network; %s" % (path, advice))
    if sha256 is not None and files.sha256(path) != sha256:
        raise BlendError("%s: is not the file that it should be (SHA-256 %s expected); %s" % (path, sha256, advice))


def _fetch(entry, path):
    """Fetch a file to its path. What a broken download left is used, what a wrong one left is deleted."""
    sha256, size = _recorded(path, entry)
    host = urlsplit(entry.url).hostname or ""
    if host == "mega.nz":
        raise BlendError("%s: mega.nz gives files to browsers only; download it from %s and give the file's path" % (
            entry.name, entry.url))
    part = path + ".part"
    try:
        if host in ("drive.google.com", "docs.google.com"):
            downloads.from_google_drive(entry.name, entry.url, part, sha256, size)
        else:
            downloads.fetch(entry.url, part, sha256, size)
        try:
            _check(part, sha256, size, "the download was deleted; what %s gives has changed or is broken" % host)
            if sha256 is None:
                checkpoints.load(part)  # what is no network, or a part of one, is not kept
        except BlendError as error:
            downloads.forget(part)
            raise BlendError("%s: %s" % (entry.url, error))
        # The record first: a file without one would not be believed.
        files.write_json(path + ".json", {"url": entry.url, "sha256": files.sha256(part),
                                          "size": os.path.getsize(part)})
        os.replace(part, path)
        downloads.forget(part)
    except OSError as error:
        raise BlendError("%s: cannot be written (%s)" % (part, files.reason(error)))
