"""Whatever goes wrong while files are written or read: the old file or the whole new one, one line, no debris.

BLEND_KILLS=50 kills more often than the usual test run does.
"""

import errno
import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import pico_file
from PIL import Image
from test_zoo import (
    content,  # noqa: F401
    server,  # noqa: F401  (a fixture)
)

import blend
from blend import run, zoo
from blend.portraits import faces
from blend.system import files, progress
from blend.zoo import downloads

KILLS = int(os.environ.get("BLEND_KILLS", 8))
RANDOM = np.random.RandomState(0)
# Says when it is about to begin, so that the random moment falls into the work and not into the imports.
BEGIN = "import sys, blend.run; from blend import checkpoints; print(0, flush=True); blend.run.start()"


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def started(*arguments):
    process = subprocess.Popen([sys.executable, "-c", BEGIN] + [str(each) for each in arguments],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    return process


def command(*arguments):
    return subprocess.run([sys.executable, "-m", "blend.run"] + [str(each) for each in arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def one_line(done, code, says):
    said = done.stderr.decode("utf-8", "replace")
    assert done.returncode == code and said.count("\n") == 1 and says in said, (done.returncode, said)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Two files of 25 MB: writing one takes a moment in which it can be killed."""
    folder = tmp_path_factory.mktemp("large")
    for seed in (1, 2):
        pico_file(resolution=64, channels=256, latent=256, layers=8, seed=seed).save(str(folder / ("%d.pkl" % seed)))
    return folder / "1.pkl", folder / "2.pkl"


# Kills itself when so many bytes are written.
KILL = """
import os, sys, blend.run
from blend.system import files, progress
class Counting(object):
    def __init__(self, file, left):
        self.file, self.left = file, left
    def __getattr__(self, name):
        return getattr(self.file, name)
    def write(self, data):
        data = memoryview(data).cast("B")
        self.file.write(data[:self.left])
        if len(data) >= self.left:
            self.file.flush()
            os.kill(os.getpid(), 9)
        self.left -= len(data)
left = int(sys.argv.pop(1))
enter = files.replacing.__enter__
files.replacing.__enter__ = lambda self: Counting(enter(self), left)
blend.run.start()
"""
FORMATS = [("new.pkl", ["--format", "tensorflow"]), ("new.pkl", ["--format", "pytorch"]), ("new.pt", []),
           ("new.safetensors", [])]


@pytest.mark.slow
@pytest.mark.parametrize("target, options", FORMATS)
def test_killed_while_converting(target, options, large, tmp_path):
    target = tmp_path / target
    arguments = ["convert", str(large[1]), str(target)] + options
    assert command(*arguments).returncode == 0
    whole, size = digest(target), target.stat().st_size
    target.write_bytes(b"old")
    for left in [1] + list(RANDOM.randint(1, size, KILLS)):
        assert subprocess.call([sys.executable, "-c", KILL, str(left)] + arguments) == -signal.SIGKILL
        assert target.read_bytes() == b"old" and os.listdir(str(tmp_path)) == [target.name]
    assert command(*arguments).returncode == 0 and digest(target) == whole


@pytest.mark.slow
def test_killed_at_any_time_while_converting(large, tmp_path):
    """Random moments: in the imports, while reading, between the last byte and the new name, after it."""
    target = tmp_path / "new.safetensors"
    began = time.time()
    assert started("convert", large[1], target).wait() == 0
    duration, whole = time.time() - began, digest(target)
    for _ in range(KILLS):
        target.write_bytes(b"old")
        process = started("convert", large[1], target)
        time.sleep(duration * RANDOM.rand())
        process.kill()
        process.communicate()
        assert target.read_bytes() == b"old" or digest(target) == whole
        assert len(os.listdir(str(tmp_path))) == 1


SAVE = """
import sys, blend
low, high = blend.load(sys.argv[1]), blend.load(sys.argv[2])
print(0, flush=True)
blend.blend(low, high, 16).save(sys.argv[3])
"""


@pytest.mark.slow
def test_killed_while_saving(large, tmp_path):
    target = tmp_path / "mixed.pkl"
    arguments = [sys.executable, "-c", SAVE, str(large[0]), str(large[1]), str(target)]
    assert subprocess.call(arguments, stdout=subprocess.DEVNULL) == 0
    whole = digest(target)
    for _ in range(KILLS):
        target.write_bytes(b"old")
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(0.15 * RANDOM.rand())
        process.kill()
        process.communicate()
        assert target.read_bytes() == b"old" or digest(target) == whole
        assert os.listdir(str(tmp_path)) == ["mixed.pkl"]


@pytest.mark.slow
def test_killed_while_downloading(server, content, tmp_path):  # noqa: F811
    server.content = content = content * 40  # a checksum makes it good, not what is in it
    url = server.at + "slow/file.pkl"
    zoo.add("slow", url, hashlib.sha256(content).hexdigest())
    path = os.path.join(zoo.cache(), "slow.pkl")
    for _ in range(KILLS):
        process = started("zoo", "get", "slow")
        time.sleep(0.15 + 0.4 * RANDOM.rand())
        process.kill()
        process.communicate()
        if os.path.exists(path):
            assert digest(tmp_path / "cache" / "slow.pkl") == hashlib.sha256(content).hexdigest()
            os.unlink(path)
    done = command("zoo", "get", "slow")
    assert done.returncode == 0 and hashlib.sha256(content).hexdigest() in done.stdout.decode()
    left = {name for name in os.listdir(zoo.cache()) if not name.endswith(".lock")}
    assert left == {"slow.pkl", "slow.pkl.json", "zoo.json"}
    assert any(server.asked)  # some attempts went on where a killed one was


TRAIN = ["train", "--resolution", "8", "--kimg", "0.128", "--snapshot-kimg", "0.064", "--fmap-max", "4",
         "--latent-size", "4", "--mapping-layers", "1", "--metric-images", "8"]
# Is killed, or interrupted as by Ctrl-C, when a method of the run is called for the n-th time.
STOP = """
import os, sys, blend.run
from blend.training import loop
how, method, left = sys.argv.pop(1), sys.argv.pop(1), [int(sys.argv.pop(1))]
called = getattr(loop.Run, method)
def stopped(*arguments):
    left[0] -= 1
    if not left[0]:
        if how == "interrupt":
            raise KeyboardInterrupt
        os.kill(os.getpid(), 9)
    return called(*arguments)
setattr(loop.Run, method, stopped)
blend.run.start()
"""


@pytest.mark.slow
def test_stopped_while_training(tmp_path):
    """In every step of a snapshot, one after the other in the same folder: each run goes on from a whole state."""
    out, seen = tmp_path / "run", -1
    (tmp_path / "data").mkdir()
    for i, picture in enumerate(faces.draw(range(16), "photo")):
        Image.fromarray(picture).resize((8, 8)).save(str(tmp_path / "data" / ("%d.png" % i)))
    train = TRAIN + ["--data", str(tmp_path / "data"), "--out", str(out)]
    for how, method, count in [("kill", "_sample", 2), ("kill", "save_state", 1), ("kill", "networks", 2),
                               ("interrupt", "networks", 1)]:
        subprocess.call([sys.executable, "-c", STOP, how, method, str(count)] + train,
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert not [name for name in os.listdir(str(out)) if name.endswith(".tmp")]
        if (out / "training-state.npz").exists():
            with np.load(str(out / "training-state.npz")) as state:
                assert int(state["seen"]) >= seen
                seen = int(state["seen"])
            if how == "kill":
                assert blend.load(str(out / ("network-snapshot-%06d.pkl" % (seen // 1000)))).D is not None
    assert seen == 128  # the interrupted run kept its state, but had not written the last network
    (out / "network-snapshot-000000.pkl").unlink()
    done = command(*train)
    assert done.returncode == 0 and b"resume" in done.stdout
    path = done.stdout.decode().split("network  ")[1].strip()
    assert blend.load(path).resolution == 8


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MB; its folder, and a function that makes it read-only."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not hasattr(os, "geteuid") or os.geteuid() or subprocess.call(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], stderr=subprocess.DEVNULL):
        pytest.skip("mounting a small disk needs root")
    yield folder, lambda: subprocess.check_call(["mount", "-o", "remount,ro", str(folder)])
    subprocess.check_call(["umount", str(folder)])


@pytest.mark.parametrize("name", ["new.pkl", "new.pt", "new.safetensors"])
def test_the_disk_is_full(name, large, small_disk):
    folder, _ = small_disk
    (folder / name).write_bytes(b"old")
    one_line(command("convert", large[0], folder / name, "--format", checkpoint_format(name)), 2, "No space left")
    assert (folder / name).read_bytes() == b"old" and os.listdir(str(folder)) == [name]


def checkpoint_format(name):
    return {".pkl": "tensorflow", ".pt": "rosinality"}.get(os.path.splitext(name)[1], "safetensors")


def test_the_disk_is_full_of_pictures(saved, small_disk):
    folder, _ = small_disk
    (folder / "ballast").write_bytes(b"\0" * (4 * 2 ** 20 - 40960))
    done = command(*saved, "--resolution", 8, "--seeds", "0-63", "--out", folder / "out")
    one_line(done, 2, "No space left")
    assert not [name for name in os.listdir(str(folder / "out")) if name.endswith(".tmp")]


def test_the_disk_is_full_while_downloading(server, small_disk, monkeypatch):  # noqa: F811
    folder, _ = small_disk
    monkeypatch.setenv("BLEND_CACHE", str(folder))
    monkeypatch.setattr(downloads, "_MARGIN", 0)
    server.content = b"\x80" * 6 * 2 ** 20
    with pytest.raises(blend.BlendError) as error:
        zoo.get(server.at + "good/file.pkl")
    assert "the disk has" in str(error.value)
    with pytest.raises(blend.BlendError) as error:
        zoo.get(server.at + "unsized/file.pkl")  # nobody could know before
    assert "No space left" in str(error.value)
    assert not [name for name in os.listdir(str(folder)) if ".part" in name]  # nobody could go on from it
    monkeypatch.setattr(downloads, "_MARGIN", 2 ** 20)
    with pytest.raises(blend.BlendError, match="needs room, the disk has"):
        zoo.get(server.at + "endless/file.pkl")
    assert not [name for name in os.listdir(str(folder)) if ".part" in name]


def test_a_disk_that_cannot_be_written(large, small_disk):
    folder, make_read_only = small_disk
    (folder / "new.pkl").write_bytes(b"old")
    make_read_only()
    done = command("convert", large[0], folder / "new.pkl", "--format", "tensorflow")
    assert done.returncode == 2 and done.stderr.count(b"\n") == 1 and b"cannot be written" in done.stderr
    assert (folder / "new.pkl").read_bytes() == b"old"


def test_a_folder_without_permission(large, tmp_path):
    if not hasattr(os, "geteuid") or not os.geteuid():
        pytest.skip("root may write everywhere; test_a_disk_that_cannot_be_written does this for root")
    tmp_path.chmod(0o555)
    try:
        one_line(command("convert", large[0], tmp_path / "new.pkl", "--format", "tensorflow"), 2, "no permission")
    finally:
        tmp_path.chmod(0o755)


SHRINK = """
import os, sys, blend.run
from blend import checkpoints
length = int(sys.argv.pop(1))
write = checkpoints.FORMATS[sys.argv[-1]].write
def shrunk(networks, file):
    os.truncate(sys.argv[2], length)
    return write(networks, file)
checkpoints.FORMATS[sys.argv[-1]].write = shrunk
blend.run.start()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGBUS"), reason="this system has no SIGBUS")
@pytest.mark.parametrize("when", ["at once", "late"])
@pytest.mark.parametrize("format", ["tensorflow", "pytorch", "rosinality", "safetensors"])
def test_a_file_that_shrinks_while_it_is_mapped(format, when, large, tmp_path):
    source = tmp_path / "source.pkl"
    source.write_bytes(large[0].read_bytes())
    target = tmp_path / "new"
    target.write_bytes(b"\x80old")
    length = 4096 if when == "at once" else os.path.getsize(str(source)) // 2
    done = subprocess.run([sys.executable, "-c", SHRINK, str(length), "convert", str(source), str(target), "--format",
                           format], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    one_line(done, 2, "became shorter while it was read")
    assert target.read_bytes() == b"\x80old" and sorted(os.listdir(str(tmp_path))) == ["new", "source.pkl"]


def test_byte_ranges_are_copied_where_the_system_can(large, tmp_path, monkeypatch):
    def saved(name, networks):
        networks.save(str(tmp_path / name))
        return digest(tmp_path / name)

    low, high = [blend.load(str(path)) for path in large]
    blended, ranges = blend.blend(low, high, 16), []
    copied = files._copy_range
    monkeypatch.setattr(files, "_copy_range", lambda *each: ranges.append(copied(*each)) or ranges[-1])
    expected = saved("ranges.pkl", blended)
    assert (True in ranges) is sys.platform.startswith("linux") and False in ranges
    for error in (lambda *_: False, sendfile_fails):
        monkeypatch.setattr(files, "_copy_range", copied if error is sendfile_fails else error)
        monkeypatch.setattr(os, "sendfile", sendfile_fails, raising=False)
        assert saved("written.pkl", blended) == expected


def sendfile_fails(*_arguments):
    raise OSError(errno.EINVAL, "not between these")


def test_two_processes_write_the_same_file(large, tmp_path):
    target = tmp_path / "new.safetensors"
    expected = set()
    for source in large:
        assert command("convert", source, target).returncode == 0
        expected.add(digest(target))
    running = [started("convert", source, target) for source in large for _ in range(2)]
    for process in running:
        process.communicate()
        assert process.returncode == 0
    assert digest(target) in expected and os.listdir(str(tmp_path)) == [target.name]


@pytest.mark.parametrize("number, code, says", [(signal.SIGINT, 130, b"blend: stopped"), (signal.SIGTERM, 143, b"")])
def test_stopped_while_converting(number, code, says, large, tmp_path):
    target = tmp_path / "new.pt"
    target.write_bytes(b"old")
    seen = set()
    for _ in range(30):  # until the signal came while it worked
        process = started("convert", large[1], target)
        time.sleep(0.05 * RANDOM.rand())
        process.send_signal(number)
        _, said = process.communicate()
        seen.add(process.returncode)
        if process.returncode == code:
            assert said.startswith(says) and said.count(b"\n") == bool(says)
            assert target.read_bytes() == b"old"
        assert os.listdir(str(tmp_path)) == ["new.pt"]
        if code in seen:
            break
        target.write_bytes(b"old")
    assert code in seen


def test_without_unnamed_files(pico, tmp_path, monkeypatch):
    """Systems that do not know them write a temporary file beside the target."""
    path = str(tmp_path / "network.pkl")
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    pico.save(path)
    with pytest.raises(KeyboardInterrupt), files.replacing(path) as file:
        file.write(b"half")
        assert len(os.listdir(str(tmp_path))) == 2
        raise KeyboardInterrupt
    assert blend.load(path).resolution == 16 and os.listdir(str(tmp_path)) == ["network.pkl"]
    mode = os.stat(path).st_mode
    monkeypatch.undo()
    pico.save(path)
    assert os.stat(path).st_mode == mode and not files._named


def test_the_record_of_a_file_is_broken(tmp_path, monkeypatch):
    monkeypatch.setenv("BLEND_CACHE", str(tmp_path))
    (tmp_path / "maps.pkl").write_bytes(b"x")
    (tmp_path / "maps.pkl.json").write_text("{")
    with pytest.raises(blend.BlendError) as error:
        zoo.get("maps")
    assert "maps.pkl.json" in str(error.value)
    (tmp_path / "maps.pkl.json").write_text(json.dumps({"url": "elsewhere", "sha256": "0" * 64, "size": 1}))
    monkeypatch.setattr(zoo, "_fetch", lambda entry, path: (tmp_path / "fetched").write_bytes(b""))
    zoo.get("maps")
    assert (tmp_path / "fetched").exists()  # the record was of another address: nobody knows what the file is


@pytest.mark.parametrize("target", ["file", "nowhere", "folder", "pipe"])
def test_a_link_in_the_output_is_replaced_not_followed(target, saved, tmp_path):
    out, elsewhere = tmp_path / "out", tmp_path / target
    out.mkdir()
    {"file": lambda: elsewhere.write_bytes(b"mine"), "nowhere": lambda: None, "folder": elsewhere.mkdir,
     "pipe": lambda: os.mkfifo(str(elsewhere))}[target]()
    names = ["seed0000.png", "grid.png", "recipe.json"]
    for name in names:
        (out / name).symlink_to(elsewhere)
    done = command(*saved, "--seeds", "0", "--out", out)
    assert done.returncode == 0, done.stderr
    assert not [name for name in names if (out / name).is_symlink()]
    assert target != "file" or elsewhere.read_bytes() == b"mine"
    assert target != "nowhere" or not elsewhere.exists()


def test_a_link_that_the_user_names_stays(pico, tmp_path):
    (tmp_path / "link.pkl").symlink_to(tmp_path / "network.pkl")
    pico.save(str(tmp_path / "link.pkl"))
    assert (tmp_path / "link.pkl").is_symlink() and blend.load(str(tmp_path / "network.pkl")).resolution == 16


def pipe(path):
    os.mkfifo(str(path))


def bound_socket(path):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
@pytest.mark.parametrize("make", [pipe, bound_socket, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_not_waited_for(make, saved, tmp_path, capsys):
    special, data = tmp_path / "special.png", tmp_path / "data"
    make(special)
    data.mkdir()
    Image.new("RGB", (8, 8)).save(str(data / "a.png"))
    (data / "b.png").symlink_to(special)
    for arguments in ([special, saved[1]], ["inspect", special], ["convert", special, tmp_path / "x.pt"],
                      ["--recipe", special], TRAIN + ["--data", data, "--out", tmp_path / "run"]):
        assert run.main([str(each) for each in arguments]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and re.search("not a file|No such device", told), (arguments, told)
    with pytest.raises(OSError):
        files.sha256(str(special))


def test_a_recipe_of_a_file_whose_name_is_no_text(saved, tmp_path):
    if sys.platform != "linux":
        pytest.skip("names of files are bytes on Linux only")
    strange = os.fsencode(str(tmp_path)) + b"/low\xff.pkl"
    os.rename(saved[0], strange)
    assert command(os.fsdecode(strange), saved[1], "--seeds", "0", "--out", tmp_path / "out").returncode == 0
    done = command("--recipe", tmp_path / "out" / "recipe.json", "--out", tmp_path / "again")
    assert done.returncode == 0, done.stderr
    assert digest(tmp_path / "out" / "recipe.json") == digest(tmp_path / "again" / "recipe.json")


def test_training_replaces_links_and_waits_for_no_pipe(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    for i, picture in enumerate(faces.draw(range(4), "photo")):
        Image.fromarray(picture).resize((8, 8)).save(str(tmp_path / "data" / ("%d.png" % i)))
    out, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.write_bytes(b"mine")
    names = ["network-snapshot-000000.pkl", "fakes000000.png", "reals.png"]
    for name in names:
        (out / name).symlink_to(elsewhere)
    train = TRAIN + ["--minibatch", "4", "--kimg", "0.004", "--data", str(tmp_path / "data"), "--out", str(out)]
    assert run.main(train) == 0
    assert elsewhere.read_bytes() == b"mine" and not [name for name in names if (out / name).is_symlink()]
    (out / "training-state.npz").unlink()
    os.mkfifo(str(out / "training-state.npz"))
    capsys.readouterr()
    assert run.main(train) == 2 and capsys.readouterr().err.count("\n") == 1


def test_long_checksums_show_how_far_they_are(saved, monkeypatch):
    shown = []
    monkeypatch.setattr(files.progress, "_bar", lambda **options: shown.append(options) or progress._Silent())
    expected = digest(pathlib.Path(saved[0]))
    assert blend.load(saved[0]).sha256 == files.sha256(saved[0]) == expected
    assert [(options["total"], options["delay"]) for options in shown] == [(os.path.getsize(saved[0]), 1)] * 2
