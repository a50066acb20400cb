"""The networks that people know, and how one is fetched.

A file is looked for in one cache folder ($BLEND_CACHE, else the system's). Downloads go on where they broke off, are
compared with a checksum (of the list, or recorded when the file came for the first time) and take their place whole.
"""

import os
from urllib.parse import urlsplit

from blend import checkpoints
from blend.errors import BlendError, MismatchError
from blend.system import files
from blend.zoo.addresses import is_page, is_url
from blend.zoo.listing import SHA256, Entry, add, cache, entries, entry_of, hint, names, published
from blend.zoo.locks import locked
from blend.zoo.shipped import SHIPPED, path_of

__all__ = ["SHIPPED", "Entry", "add", "cache", "entries", "find", "get", "is_url", "load", "names", "path_of"]


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
    if is_url(name) or name in names():
        return _cached(name, fetch)
    if os.path.exists(name):
        return name, None, None  # a folder or a device, of which its reader will speak
    raise BlendError("%s: no such file; %sgive a network file, a URL, photo, cartoon, or a name that python -m "
                     "blend.run zoo list shows" % (name, hint(name)))


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
    entry = entry_of(name)
    path = os.path.join(cache(), entry.file_name)
    if not _is_known(path, entry):
        if not fetch and entry not in published():
            raise BlendError("%s: a recipe names it, and it is not in the cache; add --fetch to ask that address, if "
                             "you trust it, or give the two networks yourself" % name)
        files.make_folder(cache())
        with locked(path):
            if not _is_known(path, entry):  # another process may have fetched it meanwhile
                _fetch(entry, path)
    return (path,) + _recorded(path, entry)


def _is_known(path, entry):
    """Whether a file is there, and somebody knows what it should be."""
    return _recorded(path, entry)[0] is not None and os.path.exists(path)


def _recorded(path, entry):
    """(sha256, size) that a file must have; None for what nobody knows yet."""
    sha256, size = entry.sha256, entry.size
    if sha256 is None and os.path.exists(path + ".json"):
        try:
            record = files.parse_json(files.read_text(path + ".json"))
            if not (isinstance(record["url"], str) and isinstance(record["size"], int)
                    and SHA256.fullmatch(record["sha256"])):
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
    if is_page(file[:64]):
        raise BlendError("%s: is a web page, not a network; %s" % (path, advice))
    if sha256 is not None and file.sha256() != sha256:
        raise BlendError("%s: is not the file that it should be (SHA-256 %s expected); %s" % (path, sha256, advice))


def _fetch(entry, path):
    """Fetch a file to its path. What a broken download left is used, what a wrong one left is deleted."""
    from blend.zoo import downloads  # and with it the modules that touch the network

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
