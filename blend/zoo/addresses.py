"""What an address is, and what comes from one; without the modules that touch the network, which load slowly."""

import re
from urllib.parse import urlsplit

from blend.errors import BlendError


def is_url(name):
    return bool(re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", name))


def check_url(url):
    """Raise BlendError unless this is an address of HTTP without a name or password, which records would carry on."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and not re.search(r"\s", url)
        parts.port, url.encode("utf-8")  # raise where they are none
    except ValueError:
        good = False
    if "@" in (parts.netloc if good else url):
        raise BlendError("an address with a user's name or a password is not taken, because pictures and records would "
                         "tell it; give an address without, or download the file and give its path")
    if not good:
        raise BlendError("%s: not an address that begins with https:// or http://" % url)


def is_page(head):
    return re.match(br"\s*<[!?A-Za-z]", head) is not None and b"\0" not in head
