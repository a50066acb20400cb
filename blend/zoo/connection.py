"""One answer over HTTP: redirects are followed by hand, nothing is waited for without end, memory is bounded.

requests is imported where it is needed: it takes longer than most commands that need no network.
"""

import contextlib
import http.client
import socket
import threading
from urllib.parse import urljoin

from blend.errors import BlendError
from blend.zoo.addresses import check_url

CONNECT, READ = 10, 30       # seconds of silence after which a connection counts as broken
LEAST, PERIOD = 2 ** 16, 60  # bytes that must come in so many seconds
REDIRECTS = 10
_REDIRECT = (301, 302, 303, 307, 308)
_CHUNK = 2 ** 14             # bytes; of one that breaks off, nothing is kept


class Broken(Exception):
    """What may succeed when it is tried again.

    wait: seconds that the server asks for, or None. is_refusal: of encryption; only worth another try where it was
    possible before.
    """

    def __init__(self, message, wait=None, is_refusal=False):
        super(Broken, self).__init__(message)
        self.wait, self.is_refusal = wait, is_refusal


class Answer(object):
    """What a server sends: `status`, `words` (of the status), `headers`; `pieces` gives the body."""

    def __init__(self, url, response, watch):
        self._url, self._response, self._watch = url, response, watch
        self.status, self.words, self.headers = response.status_code, response.reason, response.headers

    def pieces(self):
        """The body in pieces of at most 16 kB, as it is sent: nothing is unpacked."""
        # urllib3's own reading of chunked bodies has lines, and in some versions chunks, of any length.
        source, buffer = self._response.raw._original_response, bytearray(_CHUNK)
        while True:
            with _told(self._url, self._watch):
                size = source.readinto(buffer)
            if not size:
                return
            self._watch.received(size)
            yield bytes(buffer[:size])


@contextlib.contextmanager
def answer(url, headers):
    """Context: the Answer to a GET, behind redirects. Broken: it does not come, or not whole. BlendError: it cannot."""
    with _Watch() as watch, contextlib.closing(_session(watch)) as session:
        with _told(url, watch):
            response = _get(session, url, headers, watch)
        with contextlib.closing(response):
            yield Answer(url, response, watch)


@contextlib.contextmanager
def _told(url, watch):
    """Context: what libraries raise becomes Broken, or a BlendError where another try would be the same."""
    import requests
    import urllib3

    try:
        yield
    except ValueError as error:  # of the address, or of one to which the server sends us
        raise BlendError("%s: cannot be fetched (%s)" % (url, short(error)))
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException,
            OSError) as error:
        watch.check()
        raise Broken(short(error), is_refusal=isinstance(error, requests.exceptions.SSLError))
    watch.check()  # what the watch ends looks like an answer that ends by itself


def short(error):
    """The innermost words of a requests exception, which wraps others."""
    while True:
        inner = [argument for argument in getattr(error, "args", ()) if isinstance(argument, Exception)]
        inner = inner or [argument for argument in (getattr(error, "reason", None),) if isinstance(argument, Exception)]
        if not inner:
            return "%s: %s" % (type(error).__name__, str(error).split("object at")[-1].split(": ", 1)[-1])
        error = inner[0]


def _get(session, url, headers, watch):
    """The response to a GET; those that redirect are closed without a look at their bodies."""
    address = url
    for _ in range(REDIRECTS + 1):
        response = session.get(address, stream=True, timeout=(CONNECT, READ), headers=headers)
        watch.received(LEAST)
        location = response.headers.get("Location")
        if response.status_code not in _REDIRECT or location is None:
            return response
        response.close()
        address = _redirected(url, address, location)
    raise BlendError("%s: cannot be fetched (redirected more than %d times)" % (url, REDIRECTS))


def _redirected(url, address, location):
    """Where an answer of `address` sends us. BlendError: where we do not go."""
    from requests.utils import requote_uri

    following = urljoin(address, requote_uri(location.encode("latin-1").decode("utf-8")))
    try:
        check_url(following)
    except BlendError as error:
        raise BlendError("%s: cannot be fetched (redirected: %s)" % (url, error))
    if url.startswith("https:") and following.startswith("http:"):
        raise BlendError("%s: is redirected to an address without encryption, %s" % (url, following))
    return following


class _Watch(object):
    """Context: ends the connections that are made in it when less than LEAST bytes come in PERIOD seconds.

    The headers of an answer count as that many. The timeouts of sockets begin anew with each byte, and Python's HTTP
    reads as many `100 Continue` as are sent.
    """

    def __init__(self):
        self.has_ended = False
        self._bytes, self._sockets = 0, []
        self._over, self._lock = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._over.set()
        self._thread.join()
        for connected in self._sockets:
            connected.close()

    def connected(self, connection):
        """A socket was connected. It is duplicated: encryption takes its descriptor away."""
        with self._lock:
            self._sockets.append(socket.fromfd(connection.fileno(), connection.family, connection.type))
            if self.has_ended:
                self._end()

    def received(self, count):
        """So many bytes came."""
        self._bytes += count

    def check(self):
        """Raise Broken if the connections were ended."""
        if self.has_ended:
            raise Broken("less than %d kB in %d seconds" % (LEAST // 1000, PERIOD))

    def _run(self):
        before = 0
        while not self._over.wait(PERIOD):
            if self._bytes - before < LEAST:
                with self._lock:
                    self.has_ended = True
                    self._end()
                return
            before = self._bytes

    def _end(self):
        for connected in self._sockets:
            with contextlib.suppress(OSError):  # it may have ended by itself
                connected.shutdown(socket.SHUT_RDWR)


def _session(watch):
    """A requests.Session that follows no redirects and tells a _Watch of its connections."""
    import requests

    class Adapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *arguments, **options):
            super(Adapter, self).init_poolmanager(*arguments, **options)
            _watch_pools(self.poolmanager, watch)

        def proxy_manager_for(self, *arguments, **options):
            manager = super(Adapter, self).proxy_manager_for(*arguments, **options)
            _watch_pools(manager, watch)
            return manager

    session = requests.Session()
    session.mount("https://", Adapter())
    session.mount("http://", Adapter())
    # Python's own decoding of compressed answers would make lengths and ranges meaningless.
    session.headers.update({"Accept-Encoding": "identity", "User-Agent": "blend"})
    # Even where redirects are not to be followed, requests reads and unpacks the body of what it takes for one.
    session.get_redirect_target = lambda _response: None
    return session


def _watch_pools(manager, watch):
    """Let urllib3's pools make connections that a _Watch knows."""
    def watched(pool):
        class Connection(pool.ConnectionCls):
            def _new_conn(self):
                connection = super(Connection, self)._new_conn()
                watch.connected(connection)
                return connection

        return type(pool.__name__, (pool,), {"ConnectionCls": Connection})

    manager.pool_classes_by_scheme = {
        scheme: watched(pool) for scheme, pool in manager.pool_classes_by_scheme.items()}
