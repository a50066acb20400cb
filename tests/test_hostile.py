"""Hostile files: each gets the right error within a second and 100 MB beyond its size, and nothing runs."""

import json
import os
import pickle
import shutil
import subprocess
import sys
import types

import agreement
import hostile
import pytest
from conftest import GOLDEN, pico_file

import blend

MOST = 100 * 2 ** 20  # bytes beyond the size of the file

# Loads the files that are named on its input, one by one; tells on its output what happened, in how much processor
# time and memory, and which events of Python's audit (3.8 and newer) came along.
WORKER = r"""
import copyreg, json, os, sys, time
sys.path.insert(0, sys.argv[1])
import blend
copyreg.add_extension("os", "mkdir", 1)
b"a".decode("cp437")          # zipfile's
for path in sys.argv[2:]:
    blend.load(path)          # everything that is imported late is imported now
events, watching = [], False
SUSPECT = ("exec", "compile", "import", "os.", "subprocess", "ctypes", "socket", "pickle", "shutil", "urllib",
           "marshal")
def audit(event, arguments):
    if watching and event.startswith(SUSPECT):
        events.append("%s %s" % (event, str(arguments)[:100]))
if hasattr(sys, "addaudithook"):
    sys.addaudithook(audit)
def status(key):
    with open("/proc/self/status") as file:
        return [int(line.split()[1]) * 1024 for line in file if line.startswith(key)][0]
for line in sys.stdin:
    path = line.rstrip("\n")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before, began = status("VmRSS"), time.process_time()
    watching = True
    try:
        blend.load(path)
        said = ["loaded", ""]
    except BaseException as error:
        said = [type(error).__name__, str(error)]
    watching = False
    print(json.dumps(said + [time.process_time() - began, status("VmHWM") - before, events]), flush=True)
    del events[:]
"""


def tell(paths):
    """What the worker says of each file."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(blend.__file__)))
    valid = [os.path.join(GOLDEN, name) for name in ("ada-pytorch.pkl", "rosinality.pt", "rosinality-legacy.pt")]
    valid.append(os.path.join(os.path.dirname(blend.__file__), "zoo", "photo.pkl"))
    done = subprocess.run([sys.executable, "-c", WORKER, package] + valid, input="\n".join(paths).encode(),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode()[-500:]
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """{name: (words that are expected, size of the file, what the worker says)}, and the folder."""
    if not os.path.exists("/proc/self/clear_refs"):
        pytest.skip("memory is measured through /proc, which this system does not have")
    folder = str(tmp_path_factory.mktemp("hostile"))
    assert hostile.sentinel_works(folder)
    made, paths = hostile.corpus(folder), []
    for i, (data, _) in enumerate(made.values()):
        paths.append(os.path.join(folder, "%d.pkl" % i))
        with open(paths[-1], "wb") as file:
            file.write(data)
    told = tell(paths)
    assert len(told) == len(made) > 150
    assert not os.path.exists(os.path.join(folder, "it ran")) and not os.path.exists("it ran")
    return {name: (words, len(data), said) for (name, (data, words)), said in zip(made.items(), told)}


@pytest.mark.parametrize("name", sorted(hostile.corpus("nowhere")))
def test_it_is_refused(name, verdicts):
    words, size, (kind, said, seconds, grown, events) = verdicts[name]
    assert kind in ("NetworkFileError", "ForbiddenGlobalError") and any(one in said for one in words.split("|")), said
    if "nothing was executed" in said:
        assert kind == "ForbiddenGlobalError"
    assert said.isprintable() and len(said) < 1000
    assert events == []
    assert seconds < 1 and grown < size + MOST, (seconds, grown)


EVIL = ("A: a network that is built and popped", "A: popped with its mark", "A: in a list that is popped",
        "A: under a key that is set again", "A: in an attribute that is not read",
        "B: a source that is set after BUILD", "B: sources that are set after BUILD",
        "B: components that are set after BUILD", "C: a state that is an EasyDict",
        "C: a state that is an EasyDict without attributes", "C: a state that is an OrderedDict")


@pytest.mark.parametrize("name", EVIL)
def test_python_would_have_run_it(name, tmp_path, monkeypatch):
    """The forms are attacks: a loader like NVIDIA's runs a text that is not in what is left of the file."""
    folder, ran = str(tmp_path), []

    class EasyDict(dict):
        pass

    class Network(object):
        def __setstate__(self, state):
            ran.append(dict(state, **getattr(state, "__dict__", {}))["build_module_src"])

    for module in ("dnnlib", "dnnlib.tflib", "dnnlib.tflib.network", "dnnlib.util"):
        monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
    sys.modules["dnnlib.tflib.network"].Network, sys.modules["dnnlib.util"].EasyDict = Network, EasyDict
    pickle.loads(hostile.disagreements(folder)[name][0])
    assert any("os.mkdir" in text for text in ran)


def test_python_executes_nothing_that_we_did_not_see():
    """In files that our reader accepts; when it looked only at what is left in the end, a third of them did."""
    accepted, wrong = agreement.run(6000)
    assert accepted > 100 and not wrong


@pytest.mark.parametrize("name", ["ada-pytorch.pkl", "rosinality.pt", "rosinality-legacy.pt", "ada-tensorflow.pkl"])
def test_a_file_with_a_huge_hole_behind_it(name, tmp_path):
    """The hole costs no disk; what reads it all, to hash it for instance, would not end."""
    path = str(tmp_path / name)
    shutil.copy(os.path.join(GOLDEN, name), path)
    with open(path, "ab") as file:
        file.write(b"\0" * 5)
    if name != "rosinality.pt":  # the end of a zip archive is looked for
        assert "5 bytes that belong to nothing in it" in blend.load(path).left_out
    os.truncate(path, 2 ** 38)
    with pytest.raises(blend.NetworkFileError, match="belong to nothing in it|zip archive"):
        blend.load(path)


def test_a_pipe_is_not_waited_for(tmp_path):
    path = str(tmp_path / "pipe.pkl")
    os.mkfifo(path)
    with pytest.raises(blend.NetworkFileError, match="is a pipe or a device, not a file"):
        blend.load(path)


def lists_of_scanners():
    """(module, attribute) of everything that picklescan and fickling call dangerous."""
    scanner = pytest.importorskip("picklescan.scanner")
    analysis = pytest.importorskip("fickling.fickle")
    found = []
    for module, names in scanner._unsafe_globals.items():
        found += [(module, each) for each in (("anything",) if names == "*" else sorted(names))]
    unsafe = analysis.UNSAFE_IMPORTS
    found += [(module, "anything") for module in sorted(unsafe)]
    return found


def test_what_scanners_know_is_refused(tmp_path):
    """Every global on the lists that picklescan and fickling publish."""
    found = [each for each in lists_of_scanners() if all(each)]
    assert len(found) > 150
    for module, attribute in found:
        path = str(tmp_path / "file.pkl")
        with open(path, "wb") as file:
            file.write(hostile.P2 + hostile.reduced(module, attribute, hostile.text("x")) + b".")
        with pytest.raises(blend.ForbiddenGlobalError):
            blend.load(path)


@pytest.mark.parametrize("file", ["ada-pytorch.pkl", "tensorflow.pkl"])
@pytest.mark.parametrize("how", ["insert_python_exec", "insert_python_eval", "insert_python", "at the end"])
def test_what_fickling_injects_is_refused(file, how, tmp_path):
    """fickling puts a call into a valid file, which then works as before for those who trust it."""
    fickle = pytest.importorskip("fickling.fickle")
    source = os.path.join(GOLDEN, file)
    if file == "tensorflow.pkl":
        source = str(tmp_path / file)
        pico_file().save(source)
    with open(source, "rb") as opened:
        pickled = fickle.Pickled.load(opened)
    mkdir = "__import__('os').mkdir(%r)" % str(tmp_path / "it ran")
    if how == "insert_python":
        pickled.insert_python(str(tmp_path / "it ran"), module="os", attr="mkdir")
    elif how == "at the end":
        pickled.insert_python_exec(mkdir, run_first=False)
    else:
        getattr(pickled, how)(mkdir)
    path = str(tmp_path / "injected.pkl")
    with open(path, "wb") as opened:
        pickled.dump(opened)
    with pytest.raises(blend.ForbiddenGlobalError) as error:
        blend.load(path)
    assert "exec" in str(error.value) or "eval" in str(error.value) or "mkdir" in str(error.value)
    assert not (tmp_path / "it ran").exists()


def test_good_files_are_within_bounds_too(tmp_path):
    """Memory of valid files: less than their size and 100 MB, in every format."""
    if not os.path.exists("/proc/self/clear_refs"):
        pytest.skip("memory is measured through /proc, which this system does not have")
    networks = pico_file(resolution=64, channels=256, latent=256)
    paths = [str(tmp_path / name) for name in ("a.pkl", "b.pkl", "c.pt", "d.safetensors")]
    for path, format in zip(paths, ("tensorflow", "pytorch", "rosinality", "safetensors")):
        networks.save(path, format)
    for path, (kind, said, _, grown, events) in zip(paths, tell(paths)):
        assert kind == "loaded" and not events, said
        assert grown < os.path.getsize(path) + MOST
