"""NVIDIA's repository as an engine, where it is there, and programs that were written for it, everywhere.

Both change what `tensorflow` means, so they run in processes of their own.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import golden, pico_file
from in_nvidia import NAMES, splits, theirs, with_source
from test_goldens import TOLERANCE, close

import blend
from blend import carried, checkpoints
from blend.nvidia import repository
from blend.run import main


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


def test_only_known_or_own_source_is_trusted(tmp_path, monkeypatch):
    case = golden("orig32")
    strange, own, alone = [str(tmp_path / name) for name in ("strange.pkl", "own.pkl", "alone.pkl")]
    case.a.save(strange)
    with_source(case.a, carried.text(carried.TENSORFLOW)).save(own)
    pico_file().save(alone)
    repository.check_trust(blend.load(own))
    repository.check_trust(blend.shipped("photo"))
    repository.check_trust(blend.load(strange), trust=True)
    with pytest.raises(blend.BlendError, match="--trust"):
        repository.check_trust(blend.load(strange))
    entry = repository.zoo.Entry("mine", "https://example.org/", sha256=repository.files.sha256(strange))
    monkeypatch.setattr(repository.zoo, "entries", lambda: [entry])
    repository.check_trust(blend.load(strange))
    with pytest.raises(blend.BlendError, match="Gs alone"):
        repository.check_trust(blend.load(alone), trust=True)
    case.a.save(str(tmp_path / "torch.pkl"), "pytorch")
    with pytest.raises(blend.BlendError, match="format pytorch"):
        repository.check_trust(blend.load(str(tmp_path / "torch.pkl")), trust=True)


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


@pytest.mark.parametrize("repository", [
    "without", pytest.param("with", marks=needs_repository)])
def test_a_program_of_2021(repository, tmp_path):
    case, paths = golden("resnet32"), [str(tmp_path / (side + ".pkl")) for side in "ab"]
    # Without the repository nothing stored may be executed: these files raise SystemExit if it is.
    for networks, path in zip((case.a, case.b), paths):
        (with_source(networks, theirs()) if repository == "with" else networks).save(path)
    key, split = next(iter(splits(case).items()))
    assert split["width"]
    out = str(tmp_path / "out.npz")
    np.savez(out, z=case.z)
    without = {"STYLEGAN2": None, "PYTHONPATH": os.pathsep.join(sys.path)}
    if repository == "with":
        without = {"STYLEGAN2": repository.folder()}
    elif is_there() and "STYLEGAN2" not in os.environ:
        pytest.skip("the submodule is there; this is what happens without it")
    said = python("article.py", *(paths + [out, "0.5"] + [str(split[each] or 0) for each in (
        "resolution", "level", "width")]), **without)
    assert ("blend's own dnnlib" in said) == (repository == "without")
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
