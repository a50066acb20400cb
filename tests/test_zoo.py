"""Downloads, against a server on this machine that behaves as servers do."""

import ast
import copy
import gzip
import hashlib
import http.server
import json
import os
import pickle
import re
import socketserver
import subprocess
import sys
import threading
import time

import pytest
from conftest import pico_file

import blend
from blend import run, zoo
from blend.system import files
from blend.zoo import addresses, connection, downloads

PACKAGE = os.path.dirname(os.path.abspath(blend.__file__))


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients hang up on purpose


class Handler(http.server.BaseHTTPRequestHandler):
    """Each path is a way to misbehave; `server.asked` has the Range headers of the requests."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.count = len(self.server.asked)
        self.server.asked.append(self.headers.get("Range"))
        self.close_connection = True
        getattr(self, re.match(r"/(\w+)", self.path).group(1))(self.server.content)

    def head(self, status, length=None, **headers):
        self.send_response(status)
        self.send_header("Connection", "close")
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def body(self, content, ranges=True, etag='"one"', stop=None, first=0, pause=None):
        """An honest answer, of which only `stop` bytes are sent, with a pause after every 100 kB."""
        asked = self.headers.get("Range")
        same = self.headers.get("If-Range") in (None, etag)
        if asked and ranges and same:
            start = int(asked[len("bytes="):-1])
            if start >= len(content):
                return self.head(416, 0, Content_Range="bytes */%d" % len(content))
            self.head(206, len(content) - start, ETag=etag,
                      Content_Range="bytes %d-%d/%d" % (start + first, len(content) - 1, len(content)))
            content = content[start:]
        else:
            self.head(200, len(content), ETag=etag)
        content = content[:stop]
        for start in range(0, len(content), 10 ** 5):
            self.wfile.write(content[start:start + 10 ** 5])
            if pause:
                self.server.over.wait(pause)

    def good(self, content):
        self.body(content)

    def drops(self, content):
        """Hangs up after a third, until the fourth request."""
        self.body(content, stop=len(content) // 3 if self.count < 3 else None)

    def slow(self, content):
        """Honest, in pieces: time to be interrupted."""
        self.body(content, pause=0.002)

    def stalls(self, content):
        if self.count:
            return self.body(content)
        self.body(content, stop=len(content) // 2)
        self.wfile.flush()
        self.server.over.wait()

    def ignores(self, content):
        """Knows no ranges: sends all of it each time."""
        self.body(content, ranges=False, stop=len(content) // 2 if not self.count else None)

    def changes(self, content):
        """Another file than the one whose first half was sent."""
        if self.count:
            return self.body(content, etag='"two"')
        self.body(b"old" * 50000, stop=60000)

    def shifts(self, content):
        """Claims to send another range than the one that was asked for."""
        self.body(content, stop=len(content) // 2 if not self.count else None, first=7)

    def promises(self, content):
        """Announces more than there is, always."""
        self.head(200, len(content) + 1000)
        self.wfile.write(content)

    def cuts(self, content):
        """Announces less than there is: what arrives is a part."""
        self.head(200, len(content) // 2)
        self.wfile.write(content)

    def silent(self, content):
        """Announces no length, and hangs up early."""
        self.head(200)
        self.wfile.write(content[:len(content) // 2])

    def unsized(self, content):
        self.head(200)
        self.wfile.write(content)

    def redirects(self, content):
        self.head(302, 0, Location="/good/file.pkl")

    def loops(self, content):
        self.head(302, 0, Location="/loops")

    def elsewhere(self, content):
        self.head(302, 0, Location="file:///etc/passwd")

    def shares(self, content):
        self.head(302, 0, Location="http://me:secret@127.0.0.1:1/x")

    def floods(self, content):
        """A redirect with a body that has no end."""
        self.head(302, Location="/good/file.pkl", Content_Type="text/html")
        self.endlessly(b"0" * 2 ** 16)

    def swells(self, content):
        """A redirect whose body grows a thousandfold when it is unpacked."""
        body = gzip.compress(b"\0" * 2 ** 24) * 8
        self.head(302, len(body), Location="/good/file.pkl", Content_Encoding="gzip")
        self.wfile.write(body)

    def endlessly(self, content, pause=None):
        while not self.server.over.is_set():
            self.wfile.write(content)
            if pause:
                self.server.over.wait(pause)

    def continues(self, content):
        self.endlessly(b"HTTP/1.1 100 Continue\r\n\r\n")

    def dawdles(self, content):
        """A byte of a header now and then."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        self.endlessly(b"x", 0.05)

    def trickles(self, content):
        """A byte of the body now and then."""
        self.head(200, len(content), ETag='"one"')
        self.endlessly(b"x", 0.05)

    def crumbles(self, content):
        """Enough of the body to go on, and no more, each time."""
        asked = self.headers.get("Range")
        self.body(content, stop=2 ** 14 if asked else 2 ** 15)

    def babbles(self, content):
        """Chunks whose length has no end."""
        self.head(200, Transfer_Encoding="chunked")
        self.endlessly(b"0" * 2 ** 16)

    def negative(self, content):
        """A chunk that some Pythons take for all that ever comes."""
        self.head(200, Transfer_Encoding="chunked")
        self.wfile.write(b"-1\r\n")
        self.endlessly(b"\x80" * 2 ** 16)

    def chunks(self, content):
        self.head(200, Transfer_Encoding="chunked", ETag='"one"')
        for start in range(0, len(content), 7777):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content[start:start + 7777]), content[start:start + 7777]))
        self.wfile.write(b"0\r\n\r\n")

    def endless(self, content):
        """Neither a length nor an end."""
        self.head(200)
        self.endlessly(b"\x80" * 2 ** 16)

    def escapes(self, content):
        self.wfile.write(b"HTTP/1.1 404 \x1b[31mred\x1b[2J\r\nContent-Length: 0\r\n\r\n")

    def page(self, content):
        self.head(200, 40, Content_Type="text/html; charset=utf-8")
        self.wfile.write(b"<!DOCTYPE html><title>Quota</title>     ")

    def disguised(self, content):
        self.head(200, 40, Content_Type="application/octet-stream")
        self.wfile.write(b"\n<!DOCTYPE html><title>Quota</title>    ")

    def weak(self, content):
        """Has no validator that could tell one file from the next; the file changes after the first half."""
        if not self.count:
            return self.body(b"old" * (len(content) // 3), etag='W/"n"', stop=len(content) // 2)
        self.body(content, etag='W/"n"')

    def confused(self, content):
        """Half of it, and then always the wrong range: progress that is none."""
        self.body(content, stop=None if self.headers.get("Range") else len(content) // 2, first=7)

    def badly(self, content):
        self.head(302, 0, Location="http://[::1")

    def packed(self, content):
        self.head(200, len(content), Content_Encoding="gzip")
        self.wfile.write(content)

    def missing(self, content):
        self.head(404, 0)

    def busy(self, content):
        if self.count < 2:
            return self.head(503, 0, Retry_After="0")
        self.body(content)

    def never(self, content):
        self.head(500, 0)

    def other(self, content):
        self.body(b"\x80\x02K\x01.")

    # What Google Drive does: a page with a form, whose address gives the file.
    def uc(self, content):
        page = ('<html><form id="download-form" action="http://%s/download/file" method="get">'
                '<input type="hidden" name="id" value="x"><input type="hidden" name="confirm" value="t"></form></html>'
                % self.headers["Host"]).encode()
        self.head(200, len(page), Content_Type="text/html; charset=utf-8")
        self.wfile.write(page)

    def download(self, content):
        self.head(200, len(content), Content_Type="application/octet-stream",
                  Content_Disposition='attachment; filename="network.pkl"')
        self.wfile.write(content)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("zoo") / "network.pkl")
    pico_file(resolution=32, channels=32, seed=3).save(path)
    with open(path, "rb") as file:
        return file.read()


@pytest.fixture
def server(content, tmp_path, monkeypatch):
    made = Server(("127.0.0.1", 0), Handler)
    made.content, made.asked, made.over = content, [], threading.Event()
    made.at = "http://127.0.0.1:%d/" % made.server_address[1]
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("BLEND_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(downloads, "BACK_OFF", 0.001)
    monkeypatch.setattr(connection, "READ", 1)
    monkeypatch.setattr(connection, "PERIOD", 2)
    yield made
    made.over.set()
    made.shutdown()
    made.server_close()
    thread.join()


def debris():
    return [name for name in os.listdir(zoo.cache()) if ".part" in name or name.endswith(".tmp")]


def whole(path, content):
    with open(path, "rb") as file:
        assert file.read() == content
    with open(path + ".json") as file:
        record = json.load(file)
    assert record["sha256"] == hashlib.sha256(content).hexdigest() and record["size"] == len(content)
    assert not debris()


@pytest.mark.parametrize("way, requests", [
    ("good", 1), ("drops", 4), ("stalls", 2), ("ignores", 2), ("changes", 2), ("redirects", 2), ("busy", 3),
    ("unsized", 1), ("shifts", 3), ("weak", 2), ("chunks", 1), ("floods", 2), ("swells", 2),
])
def test_it_arrives_whole(way, requests, server, content):
    url = server.at + way + "/file.pkl"
    whole(zoo.get(url), content)
    assert len(server.asked) == requests
    if way in ("drops", "stalls"):
        starts = [int(asked[len("bytes="):-1]) for asked in server.asked[1:]]
        assert starts == sorted(starts) and starts[0] >= len(content) // 3 - 2 ** 14  # not back to the start
    zoo.get(url)
    assert len(server.asked) == requests  # from the cache


@pytest.mark.parametrize("way, says", [
    ("promises", "connection ended|IncompleteRead|ChunkedEncoding|ProtocolError"), ("cuts", "truncated"),
    ("silent", "truncated"), ("loops", "redirected more than 10 times"), ("page", "web page"),
    ("elsewhere", "redirected: file:///etc/passwd: not an address"), ("shares", "name or a password is not taken"),
    ("babbles", "cannot be fetched"), ("negative", "cannot be fetched"),
    ("disguised", "web page"), ("missing", "404"), ("never", "500"), ("other", "holds a int"),
    ("confused", "6 times in a row"), ("badly", "cannot be fetched"), ("packed", "compresses"),
])
def test_it_does_not_arrive(way, says, server):
    with pytest.raises(blend.BlendError) as error:
        zoo.get(server.at + way + "/file.pkl")
    assert re.search(says, str(error.value)) and "\n" not in str(error.value)
    kept = [name for name in os.listdir(zoo.cache()) if not name.endswith(".lock") and ".part" not in name]
    assert kept == []


@pytest.mark.parametrize("way", ["continues", "dawdles", "trickles"])
def test_servers_that_never_finish(way, server, monkeypatch):
    monkeypatch.setattr(connection, "PERIOD", 0.2)
    monkeypatch.setattr(downloads, "ATTEMPTS", 2)
    began = time.time()
    with pytest.raises(blend.BlendError, match="less than 65 kB in 0 seconds, 2 times in a row"):
        zoo.get(server.at + way + "/file.pkl")
    assert time.time() - began < 5 and threading.active_count() < 10


def test_attempts_are_bounded_however_much_each_brings(server, monkeypatch):
    monkeypatch.setattr(downloads, "MOST_ATTEMPTS", 4)
    with pytest.raises(blend.BlendError, match="the last of 4 attempts.*the same command goes on"):
        zoo.get(server.at + "crumbles/file.pkl")
    assert len(server.asked) == 4 and debris()


def test_a_redirect_does_not_take_encryption_away(monkeypatch):
    with pytest.raises(blend.BlendError, match="without encryption, http://x/y"):
        connection._redirected("https://a/b", "https://a/b", "http://x/y")
    assert connection._redirected("https://a/b", "https://a/b", "c?d") == "https://a/c?d"


def test_a_body_without_an_end_leaves_room_and_nothing(server, monkeypatch):
    """Nobody could go on from what has come, so it does not stay."""
    left, usage = [2 ** 25], downloads.shutil.disk_usage

    def shrinking(path):
        left.append(left[-1] - 2 ** 22)
        return usage(path)._replace(free=left[-1])

    monkeypatch.setattr(downloads.shutil, "disk_usage", shrinking)
    monkeypatch.setattr(downloads, "_MARGIN", 2 ** 20)
    with pytest.raises(blend.BlendError, match="the disk has 0 MB left"):
        zoo.get(server.at + "endless/file.pkl")
    assert not debris()
    monkeypatch.setattr(downloads.shutil, "disk_usage", usage)
    monkeypatch.setattr(downloads, "_MOST_UNKNOWN", 2 ** 21)
    with pytest.raises(blend.BlendError, match="more than the"):
        zoo.get(server.at + "endless/file.pkl")
    assert not debris()


def test_links_in_the_cache_are_replaced(server, content, tmp_path):
    url = server.at + "good/file.pkl"
    elsewhere, name = tmp_path / "elsewhere", os.path.basename(zoo.get(url))
    for ending in ("", ".json", ".part", ".part.json", ".lock", ".partabcdefgh.part"):
        path = tmp_path / "cache" / (name + ending)
        for present in (tmp_path / "cache").iterdir():
            present.unlink()
        elsewhere.write_text(json.dumps({"url": "other", "sha256": "0" * 64, "size": 1}))
        path.symlink_to(elsewhere)
        before = elsewhere.read_bytes()
        whole(zoo.get(url), content)
        assert elsewhere.read_bytes() == before and not path.is_symlink(), ending
    own = tmp_path / "cache" / "zoo.json"
    own.symlink_to(elsewhere)
    elsewhere.write_text("[]")
    zoo.add("mine", url)
    assert elsewhere.read_text() == "[]" and not own.is_symlink() and zoo.entries()[-1].name == "mine"


def test_a_pipe_in_the_cache_is_not_waited_for(server, content, tmp_path):
    url = server.at + "good/file.pkl"
    name = os.path.basename(zoo.get(url))
    for ending in ("", ".json", ".part", ".part.json", ".lock"):
        for present in (tmp_path / "cache").iterdir():
            present.unlink()
        os.mkfifo(str(tmp_path / "cache" / (name + ending)))
        try:
            whole(zoo.get(url), content)
        except blend.BlendError as error:
            assert "\n" not in str(error) and name in str(error)


SECRET = "s3cret"


@pytest.mark.parametrize("url", ["http://me:%s@127.0.0.1:1/x.pkl", "https://%s@host/x", "http://me:%s@host:99999/x",
                                 "http://me:%s@[x/y", "HTTP://a:b@%s@host/", "http://me:%s/x@host/y"])
def test_passwords_are_not_taken_and_not_told(url, saved, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BLEND_CACHE", str(tmp_path / "cache"))
    url = url % SECRET
    recipe = tmp_path / "recipe.json"
    source = {"source": url, "sha256": "0" * 64}
    recipe.write_text(json.dumps({"options": {"seeds": [0]}, "blend": {}, "low": source, "high": source}))
    for arguments in ([url, "cartoon"], ["zoo", "get", url], ["zoo", "add", "mine", url], ["inspect", url],
                      ["--recipe", str(recipe)], ["--recipe", str(recipe), "--fetch"]):
        assert run.main(arguments + (["--out", str(tmp_path / "out")] if arguments[0] not in ("zoo", "inspect") else [])
                        ) == 2
        told = capsys.readouterr()
        assert SECRET not in told.out + told.err and told.err.count("\n") == 1 and "password" in told.err, arguments
    assert not (tmp_path / "out").exists() and not (tmp_path / "cache" / "zoo.json").exists()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "zoo.json").write_text(json.dumps([{"name": "mine", "url": url}]))
    for arguments in (["zoo", "list"], ["zoo", "get", "mine"]):
        run.main(arguments)
        told = capsys.readouterr()
        assert SECRET not in told.out + told.err, arguments


def test_addresses_may_have_an_at_sign_in_their_path():
    addresses.check_url("https://host/@me/network.pkl?by=@you")


def test_texts_of_others_do_not_reach_the_terminal_raw(server, tmp_path, capsys):
    os.makedirs(zoo.cache())
    with open(os.path.join(zoo.cache(), "zoo.json"), "w") as file:
        json.dump([dict(name="mine", url=server.at + "escapes/x", what="\x1b[31mred", family="\x9b2J", licence="a\nb",
                        format="\u202e")], file)
    for arguments in (["zoo", "list"], ["zoo", "get", "mine"], ["zoo", "get", "http://\x1b[2J/"],
                      ["\x1b[2J.pkl", "cartoon"], ["zoo", "add", "\x1b", "http://x/y"]):
        run.main(arguments)
        told = capsys.readouterr()
        assert not set("\x1b\x9b\u202e\r") & set(told.out + told.err), arguments
        assert len(told.err.splitlines()) == (arguments[1] != "list")


def test_an_interrupted_download_goes_on_in_the_next_run(server, content, monkeypatch):
    monkeypatch.setattr(downloads, "ATTEMPTS", 1)
    monkeypatch.setattr(downloads, "BACK_OFF", 0)
    url = server.at + "drops/file.pkl"
    calls = []

    def interrupted(seconds):
        calls.append(seconds)
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads.time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        zoo.get(url)
    assert calls and debris()
    monkeypatch.setattr(downloads.time, "sleep", calls.append)
    whole(zoo.get(url), content)
    assert len(content) // 3 - 2 ** 14 <= int(server.asked[1][len("bytes="):-1]) <= len(content) // 3


def test_a_file_that_changes_is_refused(server, content):
    url = server.at + "good/file.pkl"
    path = zoo.get(url)
    with open(path, "r+b") as file:
        file.seek(1000)
        file.write(b"other")
    with pytest.raises(blend.BlendError) as error:
        zoo.get(url)
    assert "is not the file that it should be" in str(error.value)
    os.unlink(path)  # and what the server gives now must be what it gave then
    server.content = content[:1000] + b"other" + content[1005:]
    with pytest.raises(blend.BlendError) as error:
        zoo.get(url)
    assert "has changed or is broken" in str(error.value) and not debris()
    server.content = content
    whole(zoo.get(url), content)


def test_a_file_of_unknown_origin_is_fetched_again(server, content):
    """Without a record, or with that of another address, nobody knows what the file is."""
    url = server.at + "good/file.pkl"
    path = zoo.get(url)
    os.unlink(path + ".json")
    with open(path, "r+b") as file:
        file.truncate(1000)
    whole(zoo.get(url), content)
    with open(path + ".json", "w") as file:
        json.dump({"url": "https://elsewhere/file.pkl", "sha256": "0" * 64, "size": 5}, file)
    whole(zoo.get(url), content)
    assert len(server.asked) == 3


def test_a_cache_that_is_only_read(server, content):
    url = server.at + "good/file.pkl"
    path = zoo.get(url)
    for name in os.listdir(zoo.cache()):
        if name.endswith(".lock"):
            os.unlink(os.path.join(zoo.cache(), name))
    assert zoo.get(url) == path and len(server.asked) == 1
    assert not [name for name in os.listdir(zoo.cache()) if name.endswith(".lock")]  # nothing is written


def test_a_file_system_without_locks(server, content, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def unknown(*arguments):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", unknown)
    whole(zoo.get(server.at + "good/file.pkl"), content)


def test_a_folder_does_not_hide_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    os.mkdir("photo")
    assert zoo.find("photo").endswith("photo.pkl") and os.path.isfile(zoo.find("photo"))


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '[{"name": 5, "url": "x"}]', '[{"name": "x"}]',
                                  '[{"name": "x", "url": "https://x", "licence": null, "what": 5}]',
                                  "[" * 100000, '{"a": ' * 100000, "9" * 10000, '[{"name": "x", "url": 64}]',
                                  '[{"name": "x", "url": "https://x", "size": "5"}]', "null", '["x"]', '[["x", "y"]]',
                                  '[{"name": "x", "url": "https://x", "size": 5e400}]',
                                  '[{"name": "x", "url": "https://x", "sha256": 5, "size": 5}]',
                                  '[{"name": "x", "url": "https://x", "resolution": "' + "9" * 2 ** 23 + '"}]'])
def test_lists_and_records_that_are_broken(text, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BLEND_CACHE", str(tmp_path))
    (tmp_path / "zoo.json").write_text(text)
    for arguments in (["zoo", "list"], ["zoo", "add", "y", "https://x/y"], ["nowhere.pkl", "cartoon"]):
        assert run.main(arguments) == 2
        told = capsys.readouterr().err
        assert "zoo.json" in told and told.count("\n") == 1
    (tmp_path / "zoo.json").unlink()
    (tmp_path / "maps.pkl").mkdir()
    (tmp_path / "maps.pkl.json").write_text('{"url": "https://archive.org/download/mapdreamer/mapdreamer.pkl", '
                                            '"sha256": 5, "size": "x"}')
    assert run.main(["zoo", "get", "maps"]) == 2 and "maps.pkl.json" in capsys.readouterr().err
    for broken in (text, '{"url": 64}', '{"url": "https://archive.org/download/mapdreamer/mapdreamer.pkl", '
                   '"sha256": "x", "size": [1]}'):
        (tmp_path / "maps.pkl.json").write_text(broken)
        assert run.main(["zoo", "get", "maps"]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and "maps.pkl" in told


@pytest.mark.parametrize("url", ["http://[x/y", "http://\u2100.com/x", "http://%s.com/" % ("a" * 70), "https:///x",
                                 "ftp://x/y", "http://x y/z", "http://127.0.0.1:99999/x"])
def test_addresses_that_are_none(url, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BLEND_CACHE", str(tmp_path))
    monkeypatch.setattr(downloads, "ATTEMPTS", 1)
    assert run.main(["zoo", "get", url]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_pages_are_told_from_networks():
    assert all(map(addresses.is_page, (b"<!DOCTYPE html>", b"\n <html>", b"<?xml version")))
    assert not addresses.is_page(b" <\1\0\0\0\0\0\0{")  # the length of a safetensors header


def test_a_known_checksum_or_size_is_verified(server, content):
    zoo.add("mine", server.at + "good/file.pkl", hashlib.sha256(content).hexdigest().upper())
    whole(zoo.get("mine"), content)
    zoo.add("wrong", server.at + "good/wrong.pkl", "0" * 64)
    with pytest.raises(blend.BlendError) as error:
        zoo.get("wrong")
    assert "is not the file" in str(error.value) and not debris()
    own = os.path.join(zoo.cache(), "zoo.json")
    with open(own, "w") as file:
        json.dump([{"name": "sized", "url": server.at + "good/sized.pkl", "size": 5}], file)
    with pytest.raises(blend.BlendError) as error:
        zoo.get("sized")
    assert "5 are expected" in str(error.value)
    with open(own, "w") as file:
        file.write("{")
    with pytest.raises(blend.BlendError) as error:
        zoo.entries()
    assert own in str(error.value)


def test_two_processes_fetch_once(server, content):
    code = "import sys; from blend import zoo; print(zoo.get(sys.argv[1]))"
    url = server.at + "good/file.pkl"
    started = [subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE) for _ in range(3)]
    paths = {each.communicate()[0].decode().strip() for each in started}
    assert [each.returncode for each in started] == [0, 0, 0] and len(paths) == 1
    whole(paths.pop(), content)
    assert len(server.asked) == 1


@pytest.mark.parametrize("through", ["gdown", "us"])
def test_google_drive(server, content, monkeypatch, through):
    if through == "us":
        monkeypatch.setitem(sys.modules, "gdown", None)
    elif int(pytest.importorskip("gdown").__version__.split(".")[0]) < 6:
        pytest.skip("this gdown does not know the pages of today")
    import requests

    send = requests.Session.send

    def rerouted(session, request, **options):
        real = request.url
        request.url = real.replace("https://drive.google.com/", server.at)
        response = send(session, request, **options)
        response.url = real
        return response

    monkeypatch.setattr(requests.Session, "send", rerouted)
    zoo.add("drive", "https://drive.google.com/uc?id=1_abc")
    whole(zoo.get("drive"), content)
    server.content = b"<html>quota</html>"
    zoo.add("quota", "https://drive.google.com/uc?id=1_quota")
    with pytest.raises(blend.BlendError) as error:
        zoo.get("quota")
    assert "web page" in str(error.value)


def test_google_drive_without_its_form(server, monkeypatch):
    import requests

    get = requests.Session.get
    monkeypatch.setitem(sys.modules, "gdown", None)
    monkeypatch.setattr(requests.Session, "get",
                        lambda session, url, **options: get(session, server.at + "page/x", **options))
    with pytest.raises(blend.BlendError) as error:
        zoo.get("ffhq-cartoon")
    assert "no download form" in str(error.value) and "https://drive.google.com/uc?id=1_fQ" in str(error.value)


def test_names(tmp_path, monkeypatch, capsys, server):
    found = zoo.entries()
    assert len({entry.name for entry in found}) == len({entry.url for entry in found}) == len(found) >= 30
    known = [entry for entry in found if entry.name == "ffhq"][0]
    assert known.size == 381673535 and known.sha256.startswith("adf127ea7bb8a7788c8bdeda3c9937f7310b669b")
    zoo.add("maps", server.at + "good/maps.pkl")  # an address that has gone gets another
    moved = [entry for entry in zoo.entries() if entry.name == "maps"]
    assert len(moved) == 1 and moved[0].url.startswith("http://127") and moved[0].resolution == 1024
    assert run.main(["zoo", "list"]) == 0
    listed = capsys.readouterr().out
    assert all(entry.name in listed for entry in found)
    for arguments, says in (
            (["zoo", "get", "ffhk"], "did you mean ffhq"), (["fhq", "cartoon"], "did you mean ffhq"),
            (["zoo", "get", "anime-portraits"], "mega.nz"), (["zoo", "get", "ftp://x/y"], "https://"),
            (["file:///etc/passwd", "cartoon"], "https://"),
            (["zoo", "add", "Bad Name", "https://x/y"], "small letters"), (["zoo", "add", "x", "nowhere"], "address"),
            (["zoo", "add", "x", "https://x/y", "--sha256", "12"], "64"), (["zoo", "fetch"], "invalid choice")):
        assert run.main(arguments) == 2
        told = capsys.readouterr().err
        assert says in told and told.count("\n") == 1, arguments


def test_what_is_loaded_is_what_was_checked(content, tmp_path):
    """A file that is exchanged meanwhile changes nothing: the checksum is of the bytes that are mapped."""
    path, expected = tmp_path / "network.pkl", hashlib.sha256(content).hexdigest()
    path.write_bytes(content)
    networks = zoo.load(str(path), expected)
    pico_file(seed=4).save(str(path))
    assert networks.sha256 == expected and networks.path == str(path)
    assert blend.load(str(path)).sha256 != expected
    with pytest.raises(blend.MismatchError, match="the recipe says " + expected):
        zoo.load(str(path), expected)
    assert copy.deepcopy(networks).sha256 is None and pickle.loads(pickle.dumps(networks)).file is None
    assert blend.blend(networks, networks, 8).sha256 is None


def test_a_checksum_is_worked_out_once(server, content, monkeypatch):
    url, digests = server.at + "good/file.pkl", []
    zoo.get(url)
    expected, new = hashlib.sha256(content).hexdigest(), hashlib.sha256
    monkeypatch.setattr(files.hashlib, "sha256", lambda *data: digests.append(data) or new(*data))
    networks = zoo.load(url, expected)
    assert networks.sha256 == expected and digests.count(()) == 1
    monkeypatch.setattr(files.hashlib, "sha256", new)
    with open(networks.path, "r+b") as file:
        file.write(b"x")
    with pytest.raises(blend.BlendError, match="is not the file that it should be"):
        zoo.load(url)


def test_low_and_high_may_be_urls(server, tmp_path, capsys):
    zoo.add("pico", server.at + "good/pico.pkl")
    assert run.main(["pico", server.at + "good/other.pkl", "--resolution", "8", "--seeds", "1", "--out",
                     str(tmp_path / "out")]) == 0
    recipe = json.loads((tmp_path / "out" / "recipe.json").read_text(encoding="utf-8"))
    assert recipe["low"]["source"] == "pico" and recipe["high"]["source"].startswith("http://127")
    assert run.main(["zoo", "list"]) == 0 and "pico *" in capsys.readouterr().out


def test_not_enough_room(server, monkeypatch):
    usage = downloads.shutil.disk_usage
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda path: usage(path)._replace(free=1000))
    with pytest.raises(blend.BlendError) as error:
        zoo.get(server.at + "good/file.pkl")
    assert "the disk has" in str(error.value)


def test_nothing_else_touches_the_network():
    network = {"requests", "urllib", "urllib3", "socket", "http", "ftplib", "gdown", "asyncio", "smtplib", "ssl"}
    for folder, _, names in os.walk(PACKAGE):
        for name in names:
            if not name.endswith(".py"):
                continue
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                tree = ast.parse(file.read())
            for node in ast.walk(tree):
                names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                if name not in ("connection.py", "downloads.py"):
                    found = {each.split(".")[0] for each in names if each != "urllib.parse"}
                    assert not found & network, name
