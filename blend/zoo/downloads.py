"""Downloads: over HTTP, going on where they broke off, and from Google Drive."""

import errno
import html.parser
import itertools
import os
import re
import shutil
import time
from urllib.parse import urlencode

from blend.errors import BlendError, one_line
from blend.system import files, progress
from blend.zoo import connection
from blend.zoo.addresses import check_url, is_page
from blend.zoo.connection import Broken, answer, short

ATTEMPTS = 6               # in a row without a single new byte
MOST_ATTEMPTS = 100        # for one file, however much each of them brings
BACK_OFF = 1.0             # seconds before the second attempt; doubled for each further one
_MOST_WAIT = 60            # seconds that a server may ask us to wait
_MARGIN = 2 ** 24          # bytes that are left free on the disk
_LOOK = 2 ** 20            # bytes after which its room is looked at again
_MOST_PAGE = 2 ** 20       # bytes of a web page
_MOST_UNKNOWN = 2 ** 34    # bytes of a file whose length the server does not say


def forget(part):
    """Remove what is left of a download."""
    for path in _left(part):
        os.unlink(path)


def _left(part):
    """The paths of all that a download may have left."""
    folder, name = os.path.split(part)
    # gdown puts eight letters and another .part behind the name that it is given
    return [os.path.join(folder, other) for other in os.listdir(folder)
            if other in (name, name + ".json") or re.fullmatch(re.escape(name) + r".{8}\.part", other)]


def fetch(url, part, sha256, size):
    """Fetch a URL to a file, going on where an earlier attempt broke off. BlendError: it cannot be had.

    What nobody could go on from is not left.
    """
    _drop_links(part)
    try:
        _fetch(url, part, sha256, size)
    except BaseException:
        if os.path.exists(part) and not _progress_of(part, url, sha256)[0]:
            forget(part)
        raise


def _fetch(url, part, sha256, size):
    failures = most = 0
    with progress.bytes_of(os.path.basename(part)[:-len(".part")]) as bar:
        for _ in range(MOST_ATTEMPTS):
            try:
                return _attempt(url, part, sha256, size, bar)
            except Broken as error:
                broken = error
            reason = str(broken)
            if broken.is_refusal and not os.path.exists(part):
                raise BlendError("%s: cannot be fetched (%s)" % (url, reason))
            if failures and re.search("resolve|Name or service|getaddrinfo|unreachable", reason):
                raise BlendError("%s: no connection (%s); check the network, or download it with a browser and "
                                 "give the file's path" % (url, reason))
            size_now = os.path.getsize(part) if os.path.exists(part) else 0
            failures = 0 if size_now > most else failures + 1
            most = max(most, size_now)
            if failures >= ATTEMPTS:
                reason += ", %d times in a row" % failures
                break
            bar.set_postfix_str("trying again: " + one_line(reason)[:60])
            time.sleep(BACK_OFF * 2 ** max(failures - 1, 0) if broken.wait is None else broken.wait)
        else:
            reason += ", the last of %d attempts" % MOST_ATTEMPTS
    kept = "; what has come is kept, the same command goes on" if _progress_of(part, url, sha256)[0] else ""
    raise BlendError("%s: cannot be fetched (%s)%s" % (url, reason, kept))


def _attempt(url, part, sha256, size, bar):
    """One request; returns when the file is whole. Broken: try again."""
    there, known = _progress_of(part, url, sha256)
    headers = {"Range": "bytes=%d-" % there} if there else {}
    if there and known.get("validator"):
        headers["If-Range"] = known["validator"]
    with answer(url, headers) as response:
        start, total = _range(response, url, there, known, part)
        if start is None:
            return
        if size is not None and total is not None and total != size:
            raise BlendError("%s: the server has a file of %d bytes, %d are expected" % (url, total, size))
        _check_space(part, total, start)
        files.write_json(part + ".json", {"url": url, "total": total, "validator": _validator(response)})
        bar.total, bar.n = total, start
        bar.refresh()
        at = _receive(response, url, part, start, total, bar)
    if total is not None and at < total:
        raise Broken("the connection ended after %d of %d bytes" % (at, total))


def _receive(response, url, part, start, total, bar):
    """Write an answer's body to a file, from `start` on; returns where it ends."""
    at = start
    with _open_part(part, start) as file:
        for piece in response.pieces():
            if not at and is_page(piece[:64]):
                file.close()
                forget(part)
                raise BlendError("%s: the server sent a web page instead of a file" % url)
            file.write(piece)
            if at // _LOOK != (at + len(piece)) // _LOOK:
                _check_space(part, total, at)
            at += len(piece)
            bar.update(len(piece))
            if at > (_MOST_UNKNOWN if total is None else total):
                raise BlendError("%s: the server sends more than the %d bytes that %s" % (
                    url, at - len(piece) if total is None else total,
                    "a network may have" if total is None else "it announced"))
    return at


def _open_part(part, start):
    """The file of a download, emptied unless it goes on; never what a link points to."""
    flags = os.O_RDWR | os.O_CREAT | (0 if start else os.O_TRUNC)
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(os, name, 0)
    file = os.fdopen(os.open(part, flags, 0o666), "r+b")
    file.seek(start)
    return file


def _drop_links(part):
    """Remove what has the names of a download and is no file: it would be written to."""
    for path in _left(part):
        if os.path.islink(path) or not os.path.isfile(path):
            os.unlink(path)


def _progress_of(part, url, sha256):
    """(bytes that are there, what is known of their origin); 0 where nothing could tell whether they still belong."""
    try:
        known = files.parse_json(files.read_text(part + ".json"))
        if known["url"] == url and (isinstance(known["validator"], str) or sha256):
            return os.path.getsize(part), known
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return 0, {}


def _range(response, url, there, known, part):
    """(where the answer's bytes belong, size of the whole or None); (None, _) where the file is whole already."""
    status = response.status
    if status in (408, 425, 429) or status >= 500:
        wait = _number(response.headers.get("Retry-After", ""))
        raise Broken("the server says %d" % status, None if wait is None else min(wait, _MOST_WAIT))
    first, total = _content_range(response.headers.get("Content-Range", ""))
    if status == 416 and there:
        if total == there:
            return None, total
        forget(part)
        raise Broken("the file on the server has changed")
    if status not in (200, 206):
        raise BlendError("%s: the server says %d %s" % (url, status, response.words))
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise BlendError("%s: the server sent a web page instead of a file" % url)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise BlendError("%s: the server compresses the file though it was asked not to" % url)
    if status == 200:
        return 0, _number(response.headers.get("Content-Length", ""))
    if first != there or known.get("total") not in (None, total):
        forget(part)
        raise Broken("the server sent other bytes than were asked for")
    return there, total


def _number(text):
    """A number of a header, or None."""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def _content_range(text):
    """(first byte, size of the whole) of a Content-Range; None for what it does not say."""
    first, total = re.match("bytes ([0-9]{1,18})-", text), re.search("/([0-9]{1,18})$", text)
    return first and int(first.group(1)), total and int(total.group(1))


def _validator(response):
    """What tells whether the file on the server is still the same; weak ones do not count (RFC 9110, 13.1.5)."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified")


def _check_space(part, total, at):
    """Raise BlendError unless there is room for what is still to come, or, where that is not known, a margin."""
    free, needed = shutil.disk_usage(os.path.dirname(part)).free, 0 if total is None else total - at
    if needed + _MARGIN > free:
        raise BlendError("%s: needs %s, the disk has %d MB left" % (
            part, "room" if total is None else "%d MB" % (needed // 10 ** 6), free // 10 ** 6))


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
    advice = "check the network, or download it with a browser from %s and give the file's path" % url
    try:
        with answer(url, {}) as response:
            if "Content-Disposition" in response.headers:
                return url
            page = b"".join(itertools.islice(response.pieces(), _MOST_PAGE // 2 ** 14)).decode("utf-8", "replace")
        form = _Form()
        form.feed(page)
        if form.action:
            check_url(form.action)
            return "%s%s%s" % (form.action, "&" if "?" in form.action else "?", urlencode(form.values))
        reason = "its page has no download form; there may be too many downloads of this file today"
    except Broken as error:
        reason = str(error)
    raise BlendError("%s: does not come from Google Drive (%s); %s" % (name, reason, advice))


def from_google_drive(name, url, part, sha256, size):
    """Through gdown, which keeps up with Google's confirmation pages; where that is not to be had, through ours."""
    try:
        import gdown
        from gdown.exceptions import DownloadError
    except ImportError:  # Python before 3.10
        return fetch(_behind_confirmation(name, url), part, sha256, size)
    _drop_links(part)
    url = re.sub("^http:", "https:", url)  # gdown follows redirects in its own way: only Google's
    if os.path.exists(part):
        forget(part)  # of another address: gdown would take it for the whole file
    with progress.bytes_of(name) as bar:
        def shown(done, total):
            bar.total = total
            bar.update(done - bar.n)

        try:
            gdown.download(url, part, quiet=True, use_cookies=False, resume=True, retries=3, progress=shown,
                           timeout=(connection.CONNECT, connection.READ))
        except (DownloadError, OSError) as error:  # requests' exceptions are OSErrors
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EROFS, errno.EACCES):
                raise
            forget(part)  # what gdown cannot go on from, it would trip over again
            cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
            words = " ".join((short(cause) if isinstance(cause, OSError) else str(cause)).split())
            raise BlendError("%s: does not come from Google Drive (%s); check the network, or download it with a "
                             "browser from %s and give the file's path" % (name, words[:200], url))
