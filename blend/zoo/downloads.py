"""Downloads: over HTTP, going on where they broke off, and from Google Drive. Only this file touches the network."""

import contextlib
import errno
import html.parser
import json
import os
import re
import shutil
import time

from blend.errors import BlendError
from blend.system import files, progress

CONNECT, READ = 10, 30     # seconds of silence after which a connection counts as broken
ATTEMPTS = 6               # in a row without a single new byte
BACK_OFF = 1.0             # seconds before the second attempt; doubled for each further one
_MOST_WAIT = 60            # seconds that a server may ask us to wait
_MARGIN = 2 ** 24          # bytes that are left free on the disk
_MOST_PAGE = 2 ** 20       # bytes of a web page
_CHUNK = 2 ** 14            # bytes; of one that breaks off, nothing is kept


class _Broken(Exception):
    """A download that may succeed when it is tried again; `wait`: seconds that the server asks for."""

    def __init__(self, message, wait=None):
        super(_Broken, self).__init__(message)
        self.wait = wait


def is_page(head):
    return re.match(br"\s*<[!?A-Za-z]", head) is not None and b"\0" not in head


def forget(part):
    folder, name = os.path.split(part)
    for each in os.listdir(folder):
        # gdown puts eight letters and another .part behind the name that it is given
        if each in (name, name + ".json") or re.fullmatch(re.escape(name) + r".{8}\.part", each):
            os.unlink(os.path.join(folder, each))


def fetch(url, part, sha256, size):
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
                if failures and re.search("resolve|Name or service|getaddrinfo|unreachable", reason):
                    raise BlendError("%s: no connection (%s); check the network, or download it with a browser and "
                                     "give the file's path" % (url, reason))
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
        files.write_json(part + ".json", {"url": url, "total": total, "validator": _validator(response)})
        bar.total, bar.n = total, start
        bar.refresh()
        at = start
        with open(part, "r+b" if start else "wb") as file:
            file.seek(start)
            for chunk in response.iter_content(_CHUNK):
                if not at and is_page(chunk[:64]):
                    file.close()
                    forget(part)
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
        forget(part)
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
        forget(part)
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


class _Form(html.parser.HTMLParser):
    """The form of Google Drive's page about large files: where it goes, and the values that it sends."""

    def __init__(self):
        super(_Form, self).__init__()
        self.action, self.values, self._inside = None, {}, False

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self._inside = attributes.get("id") == "download-form"
            self.action = attributes.get("action") if self._inside else self.action
        elif tag == "input" and self._inside and attributes.get("name"):
            self.values[attributes["name"]] = attributes.get("value") or ""


def _behind_confirmation(name, url):
    """The address of a file of Google Drive, as of 2024: itself, or for large ones that of a form on a page."""
    import requests

    advice = "check the network, or download it with a browser from %s and give the file's path" % url
    try:
        with contextlib.closing(requests.get(url, stream=True, timeout=(CONNECT, READ))) as response:
            if "Content-Disposition" in response.headers:
                return url
            page = next(response.iter_content(_MOST_PAGE), b"").decode("utf-8", "replace")
        form = _Form()
        form.feed(page)
        if form.action:
            return requests.Request("GET", form.action, params=form.values).prepare().url
        reason = "its page has no download form; there may be too many downloads of this file today"
    except (requests.exceptions.RequestException, UnicodeError) as error:
        reason = _short(error)
    raise BlendError("%s: does not come from Google Drive (%s); %s" % (name, reason, advice))


def from_google_drive(name, url, part, sha256, size):
    """Through gdown, which keeps up with Google's confirmation pages; where that is not to be had, through ours."""
    try:
        import gdown
        from gdown.exceptions import DownloadError
    except ImportError:  # Python before 3.10
        return fetch(_behind_confirmation(name, url), part, sha256, size)
    if os.path.exists(part):
        forget(part)  # of another address: gdown would take it for the whole file
    with progress.bytes_of(name) as bar:
        def shown(done, total):
            bar.total = total
            bar.update(done - bar.n)

        try:
            gdown.download(url, part, quiet=True, use_cookies=False, resume=True, timeout=(CONNECT, READ),
                           retries=3, progress=shown)
        except (DownloadError, OSError) as error:  # requests' exceptions are OSErrors
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EROFS, errno.EACCES):
                raise
            forget(part)  # what gdown cannot go on from, it would trip over again
            cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
            words = " ".join((_short(cause) if isinstance(cause, OSError) else str(cause)).split())
            raise BlendError("%s: does not come from Google Drive (%s); check the network, or download it with a "
                             "browser from %s and give the file's path" % (name, words[:200], url))
