"""NVIDIA's repository as an engine, where it is there, and programs that were written for it, everywhere.

Both change what `tensorflow` means, so they run in processes of their own.
"""

import json
import os
import pickle
import subprocess
import sys
import types

import crafted
import numpy as np
import pytest
from conftest import golden, pico_file
from in_nvidia import NAMES, splits, theirs, with_source
from test_goldens import TOLERANCE, close

import blend
from blend import carried, checkpoints
from blend.networks.network import Network
from blend.nvidia import admission, dnnlib, legacy, repository
from blend.run import main
from blend.system import files


def is_there():
    try:
        return bool(repository.folder())
    except blend.BlendError:
        return False


needs_repository = pytest.mark.skipif(not is_there(), reason="NVIDIA's stylegan2 is not there (git submodule update "
                                                             "--init, or $STYLEGAN2)")


def python(*arguments, **environment):
    """Run Python in this folder; its output."""
    env = {key: value for key, value in dict(os.environ, **environment).items() if value is not None}
    made = subprocess.Popen([sys.executable] + list(arguments), cwd=os.path.dirname(os.path.abspath(__file__)), env=env,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    out, err = made.communicate()
    assert made.returncode == 0, out + err
    return out


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The folder of what in_nvidia.py made."""
    folder = str(tmp_path_factory.mktemp("nvidia"))
    out = python("in_nvidia.py", folder)
    print(out)
    assert "NVIDIA's stylegan2" in out
    return folder


@needs_repository
@pytest.mark.parametrize("name", NAMES)
def test_their_code_gives_the_goldens(name, ran):
    case = golden(name)
    with np.load(os.path.join(ran, name + ".npz")) as found:
        assert len(found.files) >= 8
        for key in found.files:
            close(found[key], case.arrays[key])
            print("%s %s: %.2g" % (name, key, np.abs(found[key] - case.arrays[key]).max() / np.abs(
                case.arrays[key]).max()))


@needs_repository
@pytest.mark.parametrize("name, key", [(name, key) for name in NAMES for key in splits(golden(name))])
def test_live_blends_have_the_bits_of_ours(name, key, ran):
    case = golden(name)
    ours = blend.blend(case.a, case.b, all_networks=name == "orig32", **splits(case)[key])
    saved = blend.load(os.path.join(ran, "%s %s.pkl" % (name, key.split("/")[1])))
    for role in ("G", "D", "Gs"):
        mine, live = getattr(ours, role).variables, getattr(saved, role).variables
        assert list(mine) == list(live)
        for each in mine:
            assert np.asarray(mine[each]).tobytes() == np.asarray(live[each]).tobytes(), each


@needs_repository
def test_their_code_makes_our_pictures_of_the_shipped_networks(ran):
    low, high = blend.shipped("cartoon"), blend.shipped("photo")
    mixed = blend.blend(low, high, 16, mapping="high", noise_buffers="high")
    with np.load(os.path.join(ran, "shipped.npz")) as found:
        for noise in ("seed", "random", "none", "const"):
            close(found[noise], blend.generate(mixed, seeds=[1, 2], noise=noise, noise_seed=3, output="float32"))
        expected = [blend.generate(network, seeds=[1, 2], noise=noise, output="float32")
                    for network in (low, high) for noise in ("seed", "const")]
        close(found["threads"], np.stack(expected * 3))
        ours = blend.generate(low, seeds=range(3), output="float32")
        close(found["cartoon"], ours)
        close(found["w"], blend.generate(mixed, w=np.random.RandomState(0).randn(2, 64), output="float32"))
        assert np.abs(found["bytes"].astype(int) - blend.generate(low, seeds=range(3))).max() <= 1
        print("cartoon: %.2g" % (np.abs(found["cartoon"] - ours).max() / np.abs(ours).max()))


@needs_repository
def test_the_command_with_their_engine(tmp_path, capsys):
    case, paths = golden("labels32"), [str(tmp_path / (side + ".pkl")) for side in "ab"]
    for networks, path in zip((case.a, case.b), paths):
        with_source(networks, theirs()).save(path)
    common = paths + ["--resolution", "8", "--width", "0.7", "--label", "1", "--seeds", "0-2", "--noise", "seed"]
    assert main(common + ["--out", str(tmp_path / "ours"), "--save", str(tmp_path / "ours.pkl")]) == 0
    out = python("-m", "blend.run", *(common + ["--engine", "nvidia", "--trust", "--out", str(tmp_path / "theirs"),
                                                "--save", str(tmp_path / "theirs.pkl")]))
    assert "NVIDIA's stylegan2" in out and "executes" in out
    ours, live = [blend.load(str(tmp_path / name)) for name in ("ours.pkl", "theirs.pkl")]
    for each, value in ours.Gs.variables.items():
        assert np.asarray(value).tobytes() == np.asarray(live.Gs.variables[each]).tobytes()
    from PIL import Image
    for seed in range(3):
        pictures = [np.asarray(Image.open(str(tmp_path / side / ("seed%04d.png" % seed)))).astype(int)
                    for side in ("ours", "theirs")]
        assert np.abs(pictures[0] - pictures[1]).max() <= 1
    # What they do not read and what is not trusted is refused before their code is loaded.
    assert main(common + ["--engine", "nvidia", "--out", str(tmp_path / "no")]) == 2
    assert "--trust" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


@needs_repository
def test_their_code_executes_no_text_but_ours(ran):
    """What in_nvidia.py says of each form: whether the text ran in NVIDIA's own loader, and in ours."""
    with open(os.path.join(ran, "crafted.json")) as file:
        said = json.load(file)
    assert set(said) == set(crafted.FORMS)
    for form, ran_in in said.items():
        assert ran_in == {"theirs": True, "engine": False, "legacy": False}, form


@needs_repository
def test_a_network_that_we_wrote_is_opened_again(tmp_path):
    mixed = str(tmp_path / "mixed.pkl")
    assert main(["cartoon", "photo", "--save", mixed, "--no-pictures"]) == 0
    out = python("-m", "blend.run", mixed, "photo", "--engine", "nvidia", "--seeds", "1", "--out", str(tmp_path))
    assert "NVIDIA's stylegan2" in out and (tmp_path / "seed0001.png").exists()


class Loader(object):
    """Stands for NVIDIA's class: it executes the text in a state."""

    def __setstate__(self, state):
        exec(state["build_module_src"], {})
        self.state = state


@pytest.fixture
def loader(monkeypatch):
    """Python's pickle as it is beside NVIDIA's code: a function of bytes."""
    util, network = [types.ModuleType("dnnlib." + name) for name in ("util", "tflib.network")]
    util.EasyDict, network.Network = dnnlib.EasyDict, Loader
    for name, module in (("dnnlib", util), ("dnnlib.util", util), ("dnnlib.tflib", util),
                         ("dnnlib.tflib.network", network)):
        monkeypatch.setitem(sys.modules, name, module)
    return lambda data: pickle.loads(data, encoding="latin1")


@pytest.fixture
def own(tmp_path):
    """A NetworkFile, read from a file, with blend's own text only."""
    with_source(golden("orig32").a, carried.text(carried.TENSORFLOW)).save(str(tmp_path / "own.pkl"))
    return blend.load(str(tmp_path / "own.pkl"))


def bytes_for_loader(networks, trust=False):
    with admission.admit(networks, trust) as stream:
        return stream.read()


@pytest.mark.parametrize("form", crafted.FORMS)
def test_crafted_files_never_reach_the_loader(form, own, loader, tmp_path):
    sentinel, path = str(tmp_path / "it ran"), str(tmp_path / "crafted.pkl")
    text = crafted.touching(sentinel, carried.text(carried.TENSORFLOW))
    data = crafted.FORMS[form](own, text)
    loader(data)
    assert os.path.exists(sentinel)  # else nothing is proven
    os.remove(sentinel)
    with open(path, "wb") as file:
        file.write(data)
    try:
        understood = blend.load(path)
    except blend.BlendError:
        understood = own  # our reader refuses the file; were it more lenient, it would see this in it
    given = bytes_for_loader(understood._replace(path=path))
    assert sentinel.encode() not in given and given != data
    loaded = loader(given)
    assert not os.path.exists(sentinel)
    for network, found in zip(own.Gs.components.values(), loaded[2].state["components"].values()):
        assert found.state["build_module_src"] == carried.text(carried.TENSORFLOW)
        for name, value in found.state["variables"]:
            assert np.array_equal(value, network.own_variables[name])


def test_the_path_is_not_opened_again(own, tmp_path):
    """A file that is exchanged after it was read is not what the loader gets, with or without trust."""
    strange = str(tmp_path / "strange.pkl")
    golden("orig32").a.save(strange)
    with open(strange, "rb") as file:
        data = file.read()
    parsed = blend.load(strange)
    other = crafted.FORMS["built and dropped"](own, "exchanged = True")
    for path in (strange, own.path):
        os.remove(path)
        with open(path, "wb") as file:
            file.write(other)
    assert bytes_for_loader(parsed, trust=True) == data
    assert b"exchanged" not in bytes_for_loader(own) and b"exchanged" not in bytes_for_loader(own, trust=True)


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_what_the_loader_reads_is_private(own):
    with admission.admit(own) as stream:
        assert os.fstat(stream.fileno()).st_mode & 0o777 == 0o600
        assert os.fstat(stream.fileno()).st_nlink == 0


def test_no_room_for_a_private_copy(own, monkeypatch):
    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(admission.tempfile, "TemporaryFile", full)
    with pytest.raises(blend.BlendError, match="No space left on device.*TMPDIR"):
        admission.admit(own)


def test_only_known_or_own_source_is_trusted(own, tmp_path, monkeypatch):
    strange, alone = [str(tmp_path / name) for name in ("strange.pkl", "alone.pkl")]
    golden("orig32").a.save(strange)
    pico_file().save(alone)
    with open(strange, "rb") as file:
        data = file.read()
    bytes_for_loader(own)
    bytes_for_loader(blend.shipped("photo"))
    assert bytes_for_loader(blend.load(strange), trust=True) == data
    with pytest.raises(blend.BlendError, match="--trust"):
        admission.admit(blend.load(strange))
    entry = admission.zoo.Entry("mine", "https://example.org/", sha256=files.sha256(strange))
    with monkeypatch.context() as patch:
        patch.setattr(admission.zoo, "entries", lambda: [entry])
        assert bytes_for_loader(blend.load(strange)) == data
        parsed = blend.load(strange)
        with open(strange, "r+b") as file:  # the same file, written over after it was read
            file.seek(-2, os.SEEK_END)
            file.write(b"N")
        with pytest.raises(blend.BlendError, match="--trust"):
            admission.admit(parsed)
    with pytest.raises(blend.BlendError, match="was not read from a file"):
        admission.admit(golden("orig32").a._replace(format="tensorflow"), trust=True)
    with pytest.raises(blend.BlendError, match="Gs alone"):
        admission.admit(blend.load(alone), trust=True)
    golden("orig32").a.save(str(tmp_path / "torch.pkl"), "pytorch")
    with pytest.raises(blend.BlendError, match="format pytorch"):
        admission.admit(blend.load(str(tmp_path / "torch.pkl")), trust=True)


@pytest.mark.parametrize("role, arguments, words", [
    ("mapping", dict(dlatent_broadcast=10 ** 9), "dlatent_broadcast 1000000000 where the network has 8"),
    (None, dict(dlatent_broadcast=10 ** 9), "dlatent_broadcast"),
    ("mapping", dict(mapping_layers=60, mapping_fmaps=2 ** 20), "mapping_layers 60|mapping_fmaps 1048576"),
    ("mapping", dict(dlatent_broadcast="many"), "dlatent_broadcast"),
    ("mapping", dict(latent_size=np.arange(3)), "latent_size"),
    ("synthesis", dict(resolution=1024), "resolution 1024 where the network has 32"),
    ("synthesis", dict(fmap_max=2 ** 20, fmap_base=2 ** 20), "fmap_"),
    (None, dict(truncation_psi=np.ones([1000, 1, 1])), "1000 numbers for 'truncation_psi'"),
    (None, dict(truncation_psi=[1.0] * 1000), "1000 numbers for 'truncation_psi'"),
])
def test_parts_are_built_as_the_whole(role, arguments, words, tmp_path):
    """Each part of a file has arguments of its own; absurd ones are an error of one line before anything is built."""
    def changed(network, here):
        parts = {role: changed(part, role) for role, part in network.components.items()}
        kwargs = dict(network.static_kwargs, **(arguments if here == role else {}))
        return Network(network.name, network.build_func_name, kwargs, network.own_variables, parts, network.extra)

    networks, path = golden("orig32").a, str(tmp_path / "absurd.pkl")
    networks._replace(Gs=changed(networks.Gs, None)).save(path)
    for refuse in (legacy.load_networks, lambda path: admission.admit(blend.load(path), trust=True)):
        with pytest.raises(blend.NetworkFileError, match=words) as error:
            refuse(path)
        assert path in str(error.value) and "\n" not in str(error.value)


def test_a_network_that_cannot_be_built_is_said_in_one_line(tmp_path):
    code = ("import blend; blend.legacy(); from blend.nvidia import dnnlib; from conftest import golden; "
            "Gs = golden('orig32').a.Gs; Gs.static_kwargs['truncation_psi'] = 'x'; network = dnnlib.restored(Gs)\n"
            "for _ in range(2):\n    try:\n        network.vars\n    except blend.NetworkFileError as error:\n"
            "        print(error)")
    environment = {"STYLEGAN2": None, "PYTHONPATH": os.pathsep.join([""] + sys.path)}
    said = python("-c", code, **environment).splitlines()[1:]
    assert len(said) == 2 and all(line.startswith("network 'Gs' cannot be built") for line in said)


def test_threads_run_networks_of_our_dnnlib():
    code = ("import blend; blend.legacy(); from concurrent import futures; import numpy as np, pretrained_networks\n"
            "networks = [pretrained_networks.load_networks(name)[2] for name in ('photo', 'cartoon')]\n"
            "z = np.random.RandomState(0).randn(8, 64)\n"
            "draw = lambda job: job[0].run(z[job[1]:job[1] + 1], None, randomize_noise=False)\n"
            "jobs = [(network, i) for network in networks for i in range(8)]\n"
            "with futures.ThreadPoolExecutor(4) as pool:\n    drawn = list(pool.map(draw, jobs))\n"
            "print(all(np.allclose(a, draw(job), atol=1e-5) for a, job in zip(drawn, jobs)))")
    assert python("-c", code, STYLEGAN2=None, PYTHONPATH=os.pathsep.join([""] + sys.path)).splitlines()[1:] == ["True"]


def test_what_is_missing_is_said_in_one_line(tmp_path, capsys, monkeypatch):
    for arguments, words in (
            (["--engine", "nvidia", "--stylegan2", str(tmp_path)], "git submodule update --init"),
            (["--trust"], "for --engine nvidia"),
            (["--engine", "nvidia", "--save", str(tmp_path / "a.safetensors")], "TensorFlow pickles only")):
        assert main(["photo", "cartoon", "--out", str(tmp_path / "out")] + arguments) == 2
        err = capsys.readouterr().err
        assert words in err and err.count("\n") == 1
    repository.check_format(checkpoints.target_for("a.pkl"))
    for arguments in (["a.pt"], ["a.pkl", None, "pytorch"]):
        with pytest.raises(blend.BlendError, match="TensorFlow pickles only"):
            repository.check_format(checkpoints.target_for(*arguments))
    monkeypatch.setenv("STYLEGAN2", str(tmp_path))
    with pytest.raises(blend.BlendError, match="is not there"):
        blend.legacy()


@pytest.mark.parametrize("way", ["without", pytest.param("with", marks=needs_repository)])
def test_a_program_of_2021(way, tmp_path):
    case, paths = golden("resnet32"), [str(tmp_path / (side + ".pkl")) for side in "ab"]
    # Without the repository nothing stored may be executed: these files raise SystemExit if it is.
    for networks, path in zip((case.a, case.b), paths):
        (with_source(networks, theirs()) if way == "with" else networks).save(path)
    key, split = next(iter(splits(case).items()))
    assert split["width"]
    out = str(tmp_path / "out.npz")
    np.savez(out, z=case.z)
    without = {"STYLEGAN2": None, "PYTHONPATH": os.pathsep.join(sys.path)}
    if way == "with":
        without = {"STYLEGAN2": repository.folder()}
    elif is_there() and "STYLEGAN2" not in os.environ:
        pytest.skip("the submodule is there; this is what happens without it")
    said = python("article.py", *(paths + [out, "0.5"] + [str(split[each] or 0) for each in (
        "resolution", "level", "width")]), **without)
    assert ("blend's own dnnlib" in said) == (way == "without")
    mixed = blend.load(out + ".pkl")
    ours = blend.blend(case.a, case.b, **split)
    for role in ("G", "D", "Gs"):
        for each, value in getattr(ours, role).variables.items():
            assert np.asarray(value).tobytes() == np.asarray(getattr(mixed, role).variables[each]).tobytes(), each
    assert mixed.Gs.extra == blend.load(paths[0]).Gs.extra
    with np.load(out) as found:
        for each in ("images", "again", "loaded"):
            close(found[each], case.arrays[key + "/images"])
        assert np.abs(found["picture"].astype(int) - blend.generate(ours, z=case.z, psi=0.5)).max() <= 1
        close(found["quiet"], blend.generate(ours, z=case.z, psi=0.5, noise="none", output="float32"))
        assert np.abs(found["scores"]).max() > TOLERANCE
        assert list(found["shapes"][0]) == [32, 3, 32, 32]
