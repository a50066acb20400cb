"""The networks that people know, and how one is fetched: the only part of the package that touches the network.

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
import shutil
import time
from typing import NamedTuple
from urllib.parse import urlsplit

from blend import checkpoints, files, progress
from blend.errors import BlendError
from blend.networks import SHIPPED, path_of

CONNECT, READ = 10, 30     # seconds of silence after which a connection counts as broken
ATTEMPTS = 6               # in a row without a single new byte
BACK_OFF = 1.0             # seconds before the second attempt; doubled for each further one
_MOST_WAIT = 60            # seconds that a server may ask us to wait
_MARGIN = 2 ** 24          # bytes that are left free on the disk
_CHUNK = 2 ** 14            # bytes; of one that breaks off, nothing is kept
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


class _Broken(Exception):
    """A download that may succeed when it is tried again; `wait`: seconds that the server asks for."""

    def __init__(self, message, wait=None):
        super(_Broken, self).__init__(message)
        self.wait = wait


def entries():
    """The zoo: the list of the package, then what `add` put there. BlendError: the user's own list is broken."""
    with open(os.path.join(os.path.dirname(__file__), "zoo.json"), encoding="utf-8") as file:
        found = [Entry(**each) for each in json.load(file)]
    return found + _own_entries()


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
    """Put a URL into the user's own list under a name. BlendError: the name is taken or not a name, the URL is none."""
    if not _NAME.fullmatch(name) or name in SHIPPED:
        raise BlendError("%r: names are of small letters, digits, dots and dashes, and not photo or cartoon" % name)
    _check_url(url)
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise BlendError("%s: a SHA-256 has 64 hexadecimal digits" % sha256)
    files.make_folder(cache())
    with _locked(_own_list()):
        if name in [entry.name for entry in entries()]:
            raise BlendError("%s: is in the zoo already" % name)
        own = _own_entries() + [Entry(name, url, sha256=sha256 and sha256.lower())]
        _write_json(_own_list(), [entry._asdict() for entry in own])


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


def _write_json(path, value):
    with files.replacing(path) as file:
        file.write((json.dumps(value, indent=1) + "\n").encode("utf-8"))


def _check(path, sha256, size, advice):
    """Raise BlendError unless a file has a checksum and a size, where they are known, and is no web page."""
    found = os.path.getsize(path)
    if size is not None and found != size:
        raise BlendError("%s: has %d bytes where %d are expected; %s" % (path, found, size, advice))
    with open(path, "rb") as file:
        if _is_page(file.read(64)):
            raise BlendError("%s: is a web page, not a network; %s" % (path, advice))
    if sha256 is not None and files.sha256(path) != sha256:
        raise BlendError("%s: is not the file that it should be (SHA-256 %s expected); %s" % (path, sha256, advice))


def _is_page(head):
    return re.match(br"\s*<[!?A-Za-z]", head) is not None and b"\0" not in head


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
            _from_google_drive(entry, part)
        else:
            _download(entry.url, part, sha256, size)
        try:
            _check(part, sha256, size, "the download was deleted; what %s gives has changed or is broken" % host)
            if sha256 is None:
                checkpoints.load(part)  # what is no network, or a part of one, is not kept
        except BlendError as error:
            _forget(part)
            raise BlendError("%s: %s" % (entry.url, error))
        # The record first: a file without one would not be believed.
        _write_json(path + ".json", {"url": entry.url, "sha256": files.sha256(part), "size": os.path.getsize(part)})
        os.replace(part, path)
        _forget(part)
    except OSError as error:
        raise BlendError("%s: cannot be written (%s)" % (part, files.reason(error)))


def _forget(part):
    folder, name = os.path.split(part)
    for each in os.listdir(folder):
        # gdown puts eight letters and another .part behind the name that it is given
        if each in (name, name + ".json") or re.fullmatch(re.escape(name) + r".{8}\.part", each):
            os.unlink(os.path.join(folder, each))


def _download(url, part, sha256, size):
    """Fetch a URL to a file, going on where an earlier attempt broke off. BlendError: it cannot be had."""
    import requests
    import urllib3

    session = requests.Session()
    session.max_redirects = 10
    # Python's own decoding of compressed answers would make lengths and ranges meaningless.
    session.headers.update({"Accept-Encoding": "identity", "User-Agent": "blend"})
    failures = most = 0
    with progress.bytes_of(os.path.basename(part)[:-len(".part")]) as bar:
        while True:
            wait = None
            try:
                return _attempt(session, url, part, sha256, size, bar)
            except _Broken as error:
                reason, wait = str(error), error.wait
            except (requests.exceptions.TooManyRedirects, requests.exceptions.InvalidURL,
                    requests.exceptions.InvalidSchema, urllib3.exceptions.LocationParseError, UnicodeError) as error:
                raise BlendError("%s: cannot be fetched (%s)" % (url, _short(error)))
            except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
                if isinstance(error, requests.exceptions.SSLError) and not os.path.exists(part):
                    raise BlendError("%s: cannot be fetched (%s)" % (url, _short(error)))
                reason = _short(error)
            except ValueError as error:  # of an address to which the server sends us
                raise BlendError("%s: cannot be fetched (%s)" % (url, error))
            size_now = os.path.getsize(part) if os.path.exists(part) else 0
            failures = 0 if size_now > most else failures + 1
            most = max(most, size_now)
            if failures >= ATTEMPTS:
                kept = "; what has come is kept, the same command goes on" if os.path.exists(part) else ""
                raise BlendError("%s: cannot be fetched (%s, %d times in a row)%s" % (url, reason, failures, kept))
            bar.set_postfix_str("trying again: " + reason[:60])
            time.sleep(wait if wait is not None else BACK_OFF * 2 ** max(failures - 1, 0))


def _short(error):
    """The innermost words of a requests exception, which wraps others."""
    while True:
        inner = [each for each in getattr(error, "args", ()) if isinstance(each, Exception)]
        inner = inner or [each for each in (getattr(error, "reason", None),) if isinstance(each, Exception)]
        if not inner:
            return "%s: %s" % (type(error).__name__, str(error).split("object at")[-1].split(": ", 1)[-1])
        error = inner[0]


def _attempt(session, url, part, sha256, size, bar):
    """One request; returns when the file is whole. _Broken: try again."""
    there, known = _progress_of(part, url, sha256)
    headers = {"Range": "bytes=%d-" % there} if there else {}
    if there and known.get("validator"):
        headers["If-Range"] = known["validator"]
    with contextlib.closing(session.get(url, stream=True, timeout=(CONNECT, READ), headers=headers)) as response:
        start, total = _range(response, url, there, known, part)
        if start is None:
            return
        if size is not None and total is not None and total != size:
            raise BlendError("%s: the server has a file of %d bytes, %d are expected" % (url, total, size))
        _check_space(part, total, start)
        _write_json(part + ".json", {"url": url, "total": total, "validator": _validator(response)})
        bar.total, bar.n = total, start
        bar.refresh()
        at = start
        with open(part, "r+b" if start else "wb") as file:
            file.seek(start)
            for chunk in response.iter_content(_CHUNK):
                if not at and _is_page(chunk[:64]):
                    file.close()
                    _forget(part)
                    raise BlendError("%s: the server sent a web page instead of a file" % url)
                file.write(chunk)
                at += len(chunk)
                bar.update(len(chunk))
                if total is not None and at > total:
                    raise BlendError("%s: the server sends more than the %d bytes that it announced" % (url, total))
    if total is not None and at < total:
        raise _Broken("the connection ended after %d of %d bytes" % (at, total))


def _progress_of(part, url, sha256):
    """(bytes that are there, what is known of their origin); 0 where nothing could tell whether they still belong."""
    try:
        with open(part + ".json", encoding="utf-8") as file:
            known = json.load(file)
        if known["url"] == url and (isinstance(known["validator"], str) or sha256):
            return os.path.getsize(part), known
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return 0, {}


def _range(response, url, there, known, part):
    """(where the answer's bytes belong, size of the whole or None); (None, _) where the file is whole already."""
    if url.startswith("https:") and response.url.startswith("http:"):
        raise BlendError("%s: is redirected to an address without encryption, %s" % (url, response.url))
    status = response.status_code
    if status in (408, 425, 429) or status >= 500:
        wait = response.headers.get("Retry-After", "")
        raise _Broken("the server says %d" % status, min(int(wait), _MOST_WAIT) if wait.isdigit() else None)
    total = re.search(r"/(\d+)$", response.headers.get("Content-Range", ""))
    total = int(total.group(1)) if total else None
    if status == 416 and there:
        if total == there:
            return None, total
        _forget(part)
        raise _Broken("the file on the server has changed")
    if status not in (200, 206):
        raise BlendError("%s: the server says %d %s" % (url, status, response.reason))
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise BlendError("%s: the server sent a web page instead of a file" % url)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise BlendError("%s: the server compresses the file though it was asked not to" % url)
    if status == 200:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdigit() else None
    first = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if not first or int(first.group(1)) != there or known.get("total") not in (None, total):
        _forget(part)
        raise _Broken("the server sent other bytes than were asked for")
    return there, total


def _validator(response):
    """What tells whether the file on the server is still the same; weak ones do not count (RFC 9110, 13.1.5)."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified")


def _check_space(part, total, start):
    free = shutil.disk_usage(os.path.dirname(part)).free
    if total is not None and total - start + _MARGIN > free:
        raise BlendError("%s: needs %d MB, the disk has %d MB left" % (
            part, (total - start) // 10 ** 6, free // 10 ** 6))


def _from_google_drive(entry, part):
    """Through gdown, which keeps up with Google's confirmation pages."""
    try:
        import gdown
        from gdown.exceptions import DownloadError
    except ImportError:
        raise BlendError("%s: Google Drive needs the package gdown 6 and Python 3.10 or newer; or download it with a "
                         "browser from %s and give the file's path" % (entry.name, entry.url))
    if os.path.exists(part):
        _forget(part)  # of another address: gdown would take it for the whole file
    with progress.bytes_of(entry.name) as bar:
        def shown(done, total):
            bar.total = total
            bar.update(done - bar.n)

        try:
            gdown.download(entry.url, part, quiet=True, use_cookies=False, resume=True, timeout=(CONNECT, READ),
                           retries=ATTEMPTS, progress=shown)
        except (DownloadError, OSError) as error:  # requests' exceptions are OSErrors
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EROFS, errno.EACCES):
                raise
            _forget(part)  # what gdown cannot go on from, it would trip over again
            words = " ".join(str(error).split())
            raise BlendError("%s: Google Drive does not give it (%s); download it with a browser from %s and give the "
                             "file's path" % (entry.name, words[:300], entry.url))
