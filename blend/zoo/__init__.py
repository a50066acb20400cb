"""The networks that people know, and how one is fetched.

A file is looked for in one cache folder ($BLEND_CACHE, else the system's). Downloads go on where they broke off, are
compared with a checksum (of the list, or recorded when the file came for the first time) and take their place whole.
"""

import contextlib
import errno
import hashlib
import os
import re
from collections import OrderedDict
from typing import NamedTuple
from urllib.parse import urlsplit

from blend import checkpoints
from blend.errors import BlendError, MismatchError, closest
from blend.system import files, progress
from blend.zoo import downloads
from blend.zoo.connection import check_url, is_url
from blend.zoo.shipped import SHIPPED, path_of

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,60}")
_SHA256 = re.compile("[0-9a-f]{64}")


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

    @property
    def about(self):
        """What it is, or the address, without a name and password that may stand in it."""
        return self.what or re.sub("//.*@", "//", self.url)


# What an entry of the user's own list may hold; all else is text.
_OPTIONAL, _NUMBERS = ("format", "family", "sha256"), ("resolution", "size")


def entries():
    """The zoo: the list of the package, then what `add` put there. BlendError: the user's own list is broken."""
    named = OrderedDict((entry.name, entry) for entry in _published() + _own_entries())
    return list(named.values())


def _published():
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
        kinds = (int,) if field in _NUMBERS else (str,)
        if not isinstance(value, kinds) and not (value is None and field in _OPTIONAL + _NUMBERS):
            raise ValueError(field)
    if not _NAME.fullmatch(entry.name) or entry.sha256 is not None and not _SHA256.fullmatch(entry.sha256):
        raise ValueError
    return entry


def cache():
    """The folder of fetched networks."""
    import platformdirs

    return os.environ.get("BLEND_CACHE") or platformdirs.user_cache_dir("blend", appauthor=False)


def _own_list():
    return os.path.join(cache(), "zoo.json")


def find(name):
    """The path of a network file: a path, a shipped network, a URL or a name of the zoo, fetched where it must be.

    BlendError: none of these, or it cannot be fetched.
    """
    return _verified(*_locate(str(name)))


def _locate(name, fetch=True):
    """(path, sha256, size) of a network file, fetched where it must be; the last two None where nobody knows them."""
    if os.path.isfile(name):
        return name, None, None
    if name in SHIPPED:
        return path_of(name), None, None
    if is_url(name) or name in [entry.name for entry in entries()]:
        return _cached(name, fetch)
    if os.path.exists(name):
        return name, None, None  # a folder or a device, of which its reader will speak
    raise BlendError("%s: no such file; %sgive a network file, a URL, photo, cartoon, or a name that python -m "
                     "blend.run zoo list shows" % (name, _hint(name)))


def load(name, expected=None, fetch=True):
    """The NetworkFile of whatever `find` takes. What is compared with checksums are the bytes that it is made of.

    expected: hexadecimal SHA-256 that the file must have, as a recipe states it, or None. fetch: whether addresses
    that are not published with the package may be asked: not if only a recipe names them. MismatchError: the file has
    another SHA-256. BlendError as of `find` and of `checkpoints.load`.
    """
    path, sha256, size = _locate(str(name), fetch)
    file = checkpoints.mapped(path)
    if sha256 is not None:
        _check(file, path, sha256, size, "delete it to fetch it again")
    if expected is not None and file.sha256() != expected:
        raise MismatchError("%s: not the file of the recipe (SHA-256 %s, the recipe says %s)" % (
            path, file.sha256(), expected))
    return checkpoints.read(file, path)


def _hint(name):
    near = closest(name, [entry.name for entry in entries()] + list(SHIPPED))
    return "did you mean %s? " % near if near else ""


def get(name):
    """The path of a network of the zoo or of a URL in the cache folder; fetched if it is not there, always verified.

    BlendError: unknown name, the server does not give it, the file is not what it was, or the disk is full.
    """
    return path_of(name) if name in SHIPPED else _verified(*_cached(name))


def _verified(path, sha256, size):
    """The path, after a look at what is there. BlendError: it is another file than it should be."""
    if sha256 is not None:
        _check(checkpoints.mapped(path), path, sha256, size, "delete it to fetch it again")
    return path


def _cached(name, fetch=True):
    """(path, sha256, size) of a network of the zoo or of a URL in the cache folder, fetched if it is not there."""
    entry = _entry(name)
    path = os.path.join(cache(), entry.file_name)
    if not _is_known(path, entry):
        if not fetch and entry not in _published():
            raise BlendError("%s: a recipe names it, and it is not in the cache; add --fetch to ask that address, if "
                             "you trust it, or give the two networks yourself" % name)
        files.make_folder(cache())
        with _locked(path):
            if not _is_known(path, entry):  # another process may have fetched it meanwhile
                _fetch(entry, path)
    return (path,) + _recorded(path, entry)


def _is_known(path, entry):
    """Whether a file is there, and somebody knows what it should be."""
    return _recorded(path, entry)[0] is not None and os.path.exists(path)


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
    with _locked(_own_list()):
        entry = next((listed for listed in entries() if listed.name == name), Entry(name, url))
        entry = entry._replace(url=url, sha256=sha256 and sha256.lower(), size=None)
        own = [listed for listed in _own_entries() if listed.name != name] + [entry]
        files.write_json(_own_list(), [listed._asdict() for listed in own])


def _entry(name):
    if not is_url(name):
        for entry in entries():
            if entry.name == name:
                check_url(entry.url)
                return entry
        raise BlendError("%s: the zoo has no network of this name; %spython -m blend.run zoo list shows them" % (
            name, _hint(name)))
    check_url(name)
    for entry in entries():
        if entry.url == name:
            return entry
    base = re.sub(r"[^A-Za-z0-9._-]", "_", os.path.splitext(os.path.basename(urlsplit(name).path))[0])[:40]
    return Entry("url-%s-%s" % (hashlib.sha256(name.encode("utf-8")).hexdigest()[:12], base or "network"), name)


@contextlib.contextmanager
def _locked(path):
    """One process at a time for a file of the cache."""
    import filelock

    lock_path = path + ".lock"
    if os.path.islink(lock_path):
        os.unlink(lock_path)  # filelock would empty what it points to
    elif os.path.exists(lock_path) and not os.path.isfile(lock_path):
        raise BlendError("%s: is a folder, a pipe or a device where a file should be; delete it" % lock_path)
    if not _can_lock(lock_path):
        yield  # then two processes may fetch the same file; each puts it in place whole
        return
    lock = filelock.FileLock(lock_path)
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
            record = files.parse_json(files.read_text(path + ".json"))
            if not (isinstance(record["url"], str) and isinstance(record["size"], int)
                    and _SHA256.fullmatch(record["sha256"])):
                raise ValueError
            if record["url"] == entry.url:
                sha256, size = record["sha256"], record["size"]
        except (OSError, ValueError, KeyError, TypeError):
            raise BlendError("%s.json: cannot be read; delete it to fetch the file again" % path)
    return sha256, size


def _check(file, path, sha256, size, advice):
    """Raise BlendError unless a FileMap has a checksum and a size, where they are known, and is no web page."""
    if size is not None and len(file) != size:
        raise BlendError("%s: has %d bytes where %d are expected; %s" % (path, len(file), size, advice))
    if downloads.is_page(file[:64]):
        raise BlendError("%s: is a web page, not a network; %s" % (path, advice))
    if sha256 is not None and file.sha256() != sha256:
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
            file = checkpoints.mapped(part)
            _check(file, part, sha256, size, "the download was deleted; what %s gives has changed or is broken" % host)
            if sha256 is None:
                checkpoints.read(file, part)  # what is no network, or a part of one, is not kept
        except BlendError as error:
            downloads.forget(part)
            raise BlendError("%s: %s" % (entry.url, error))
        # The record first: a file without one would not be believed.
        files.write_json(path + ".json", {"url": entry.url, "sha256": file.sha256(), "size": len(file)})
        del file  # some systems rename no file that is mapped
        os.replace(part, path)
        downloads.forget(part)
    except OSError as error:
        raise BlendError("%s: cannot be written (%s)" % (part, files.reason(error)))
