"""The command line as users meet it."""

import hashlib
import json
import os
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from PIL import Image
from test_zoo import (
    content,  # noqa: F401
    server,  # noqa: F401  (a fixture)
)

import blend
from blend import mixing, zoo
from blend.engine import tensorflow
from blend.pictures import generate, images
from blend.run import main
from blend.system import files

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run(*arguments):
    return main([str(each) for each in arguments])


def contents(folder):
    return {name: open(os.path.join(str(folder), name), "rb").read() for name in sorted(os.listdir(str(folder)))}


def test_a_blend_of_two_files(saved, tmp_path, capsys):
    out, network = tmp_path / "out", tmp_path / "mixed.pkl"
    assert run(*saved, "--resolution", 8, "--level", 1, "--seeds", "0,3-5", "--psi", 0.5, "--out", out,
               "--save", network, "--grid", "2x2") == 0
    assert sorted(os.listdir(str(out))) == ["grid.png", "recipe.json"] + [
        "seed%04d.png" % seed for seed in (0, 3, 4, 5)]
    mixed = blend.blend(blend.load(saved[0]), blend.load(saved[1]), 8, 1)
    expected = blend.generate(mixed, seeds=[0, 3, 4, 5], psi=0.5)
    found = np.stack([np.asarray(Image.open(str(out / ("seed%04d.png" % seed)))) for seed in (0, 3, 4, 5)])
    assert np.array_equal(found, expected)
    sheet = np.asarray(Image.open(str(out / "grid.png")))
    large = np.asarray(images.enlarge(images.to_image(expected[3]), 12))
    assert np.array_equal(sheet[-22 - 192:-22, -6 - 192:-6], large)
    written = blend.load(str(network)).Gs.variables
    assert all(np.array_equal(written[name], value) for name, value in mixed.Gs.variables.items())
    told = capsys.readouterr().out
    assert "swapped" in told and "kept" in told


def test_the_recipe_makes_the_same_bytes(saved, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    nets = [tmp_path / "first.pkl", tmp_path / "second.pkl"]
    assert run(*saved, "--fractions", "8x8=0.3,16x16/Conv1=1", "--seeds", "1-3", "--noise", "random", "--out", first,
               "--mapping", "high", "--torgb", "low", "--save", nets[0]) == 0
    assert run("--recipe", first / "recipe.json", "--out", second, "--save", nets[1]) == 0
    assert contents(first) == contents(second)
    assert nets[0].read_bytes() == nets[1].read_bytes()
    third = tmp_path / "third"
    assert run("--recipe", first / "seed0002.png", "--out", third) == 0
    assert contents(first) == contents(third)
    text = images.read_recipe(str(first / "seed0001.png"))
    recipe = json.loads((first / "recipe.json").read_text(encoding="utf-8"))
    changes = recipe.pop("changes")
    assert json.loads(text) == recipe
    assert recipe["blend"]["fractions"] == {"8x8": 0.3, "16x16/Conv1": 1.0} and len(recipe["low"]["sha256"]) == 64
    assert changes["G_synthesis/8x8/Conv1/weight"][:2] == ["mixed", 0.3]
    assert set(changes) == set(blend.load(saved[0]).Gs.variables)


def test_options_beside_a_recipe_win(saved, tmp_path):
    assert run(*saved, "--resolution", 8, "--seeds", "0", "--out", tmp_path / "a") == 0
    assert run("--recipe", tmp_path / "a" / "recipe.json", "--seeds", "7", "--out", tmp_path / "b") == 0
    assert "seed0007.png" in os.listdir(str(tmp_path / "b"))


@pytest.mark.parametrize("key, value", [("save", "stolen.pkl"), ("out", "elsewhere"), ("trust", True),
                                        ("stylegan2", "elsewhere"), ("engine", "other")])
def test_a_recipe_does_not_say_where_to_write_nor_whom_to_trust(saved, tmp_path, capsys, key, value):
    assert run(*saved, "--seeds", "1", "--out", tmp_path / "a") == 0
    recipe = json.loads((tmp_path / "a" / "recipe.json").read_text(encoding="utf-8"))
    recipe["options"][key] = value
    (tmp_path / "bad.json").write_text(json.dumps(recipe), encoding="utf-8")
    capsys.readouterr()
    assert run("--recipe", tmp_path / "bad.json", "--out", tmp_path / "b") == 2
    said = capsys.readouterr().err
    assert "unknown" in said and said.count("\n") == 1 and not (tmp_path / "b").exists()


def test_a_recipe_of_another_file_is_refused(saved, tmp_path, capsys):
    assert run(*saved, "--resolution", 8, "--seeds", "0", "--out", tmp_path / "a") == 0
    os.replace(saved[0], saved[1])
    os.link(saved[1], saved[0])
    assert run("--recipe", tmp_path / "a" / "recipe.json", "--out", tmp_path / "b") == 2
    assert "SHA-256" in capsys.readouterr().err and not (tmp_path / "b").exists()


def test_the_figure_without_networks(tmp_path):
    assert run("--out", tmp_path, "--seeds", "0,1") == 0
    assert sorted(os.listdir(str(tmp_path))) == ["figure.png", "recipe.json"]
    figure = Image.open(str(tmp_path / "figure.png"))
    assert figure.width > 6 * 128 and np.asarray(figure).std() > 20
    assert run("--recipe", tmp_path / "recipe.json", "--out", tmp_path / "again") == 0
    assert (tmp_path / "figure.png").read_bytes() == (tmp_path / "again" / "figure.png").read_bytes()


def test_a_figure_of_two_files_and_a_network_into_the_new_folder(saved, tmp_path, capsys):
    assert run(*saved, "--figure", "--seeds", "0", "--out", tmp_path / "a") == 0
    assert "figure.png" in os.listdir(str(tmp_path / "a"))
    out = tmp_path / "b"
    assert run(*saved, "--resolution", 16, "--seeds", "0,0", "--out", out, "--save", out / "x.pkl") == 0
    assert sorted(os.listdir(str(tmp_path / "b"))) == ["grid.png", "recipe.json", "seed0000.png", "x-grid.png", "x.md",
                                                          "x.pkl"]
    assert "nothing comes from HIGH" in capsys.readouterr().out


def test_the_default_split_fits_small_networks(saved, tmp_path):
    assert run(*saved, "--seeds", "0", "--out", tmp_path) == 0
    assert json.loads((tmp_path / "recipe.json").read_text(encoding="utf-8"))["blend"]["resolution"] == 4


def test_report_names_every_variable(saved, tmp_path, capsys):
    assert run(*saved, "--resolution", 8, "--width", 1, "--seeds", "0", "--report", "--out", tmp_path) == 0
    told = capsys.readouterr().out
    for name in blend.load(saved[0]).Gs.variables:
        assert " %s (" % name in told


BAD = [
    (["{low}", "none.pkl"], "none.pkl: no such file"),
    (["{low}"], "two networks"),
    (["{low}", "{text}"], "not a network file"),
    (["{low}", "{short}"], "truncated"),
    (["{low}", "{evil}"], "posix.mkdir"),
    (["{low}", "{folder}"], "is a folder; give a file"),
    (["{low}", "{high}", "--resolution", "128"], "choose from 4, 8, 16"),
    (["{low}", "{high}", "--resolution", "big"], "--resolution"),
    (["{low}", "{high}", "--resolution", "8", "--level", "2"], "--level"),
    (["{low}", "{high}", "--width", "-1", "--resolution", "8"], "width"),
    (["{low}", "{high}", "--fractions", "8x8"], "8x8=0.3"),
    (["{low}", "{high}", "--fractions", "9x9=1"], "9x9"),
    (["{low}", "{high}", "--resolution", "8", "--seeds", "5-2"], "2-5"),
    (["{low}", "{high}", "--resolution", "8", "--seeds", "-1"], "seeds"),
    (["{low}", "{high}", "--resolution", "8", "--seeds", "a"], "0,3,7-9"),
    (["{low}", "{high}", "--resolution", "8", "--seeds", "99999999999"], "4294967295"),
    (["{low}", "{high}", "--resolution", "8", "--grid", "4"], "4x2"),
    (["{low}", "{high}", "--resolution", "8", "--psi", "nan"], "psi"),
    (["{low}", "{high}", "--resolution", "8", "--cutoff", "-3"], "cutoff"),
    (["{low}", "{high}", "--resolution", "8", "--label", "1"], "no labels"),
    (["{low}", "{high}", "--resolution", "8", "--out", "{text}"], "folder"),
    (["{low}", "{high}", "--resolution", "8", "--save", "{folder}/no/x.pkl"], "cannot be written"),
    (["{low}", "{high}", "--resolution", "8", "--all-networks"], "Gs alone"),
    (["{low}", "photo", "--resolution", "8"], "16x16, the high one of 64x64"),
    (["--recipe", "{text}"], "recipe.json"),
    (["--recipe", "none.json"], "none.json"),
    (["--typo"], "--typo"),
    (["train", "--data", "{folder}", "--kimg", "1", "--out", "{folder}/new"], "no images"),
    (["train", "--data", "photo", "--kimg", "1", "--out", "{folder}/new", "--resolution", "48"], "48"),
    (["train", "--data", "photo", "--kimg", "1", "--out", "{folder}/new", "--start", "{low}"], "Gs alone"),
    (["train", "--data", "photo", "--kimg", "-1", "--out", "{folder}/new"], "kimg"),
    (["train", "--data", "photo", "--kimg", "inf", "--out", "{folder}/new"], "kimg"),
    (["train", "--data", "photo", "--kimg", "1", "--seed", "-1", "--out", "{folder}/new"], "seed"),
    (["train", "--data", "nowhere", "--kimg", "1", "--out", "{folder}/new"], "no such folder"),
    (["train", "--data", "photo", "--kimg", "1", "--out", "{text}"], "cannot be a folder"),
    (["train", "--data", "photo"], "--out"),
    (["trian"], "train"),
    (["--recipe", "{recipe_psi}"], "psi"),
    (["--recipe", "{recipe_label}"], "labels"),
    (["--recipe", "{recipe_grid}"], "grid"),
    (["--recipe", "{recipe_resolution}"], "whole number"),
    (["{low}", "{high}", "--seeds", "0-99999", "--grid", "999x999"], "too large"),
    (["{low}", "{high}", "--save", "{folder}"], "is a folder"),
]


@pytest.mark.parametrize("arguments, says", BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_bad_input(arguments, says, saved, tmp_path, capsys, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_bytes(b"hello\n")
    (tmp_path / "short").write_bytes(open(saved[0], "rb").read()[:5000])
    (tmp_path / "evil").write_bytes(b"\x80\x02cposix\nmkdir\nX\x04\x00\x00\x00evil\x85R.")
    places = {name: str(tmp_path / name) for name in ("folder", "text", "short", "evil")}
    places.update(low=saved[0], high=saved[1])
    recipe = {"options": {"seeds": [0], "figure": False}, "blend": {"resolution": 8}}
    recipe.update({side: {"source": places[side], "sha256": files.sha256(places[side])} for side in ("low", "high")})
    for name, part, value in (("psi", "options", "x"), ("label", "options", "a"), ("grid", "options", 7),
                              ("resolution", "blend", "32")):
        places["recipe_" + name] = str(tmp_path / ("recipe_" + name))
        bad = dict(recipe, **{part: dict(recipe[part], **{name: value})})
        (tmp_path / ("recipe_" + name)).write_text(json.dumps(bad))
    monkeypatch.chdir(str(tmp_path))
    before = sorted(os.walk(str(tmp_path)))
    assert run(*[each.format(**places) for each in arguments]) == 2
    told = capsys.readouterr()
    assert says in told.err and told.err.startswith("blend: ") and told.err.count("\n") == 1
    assert "Traceback" not in told.err
    assert sorted(os.walk(str(tmp_path))) == before


def test_unwritable_folder(saved, tmp_path, capsys):
    if os.geteuid() == 0:
        target = "/proc/blend-out"
    else:
        (tmp_path / "locked").mkdir(mode=0o500)
        target = str(tmp_path / "locked" / "out")
    assert run(*saved, "--resolution", 8, "--seeds", "0", "--out", target) == 2
    told = capsys.readouterr().err
    assert target in told and told.count("\n") == 1


def python(code):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_help_and_blending_files_load_no_tensorflow(saved, tmp_path):
    code = ("import sys, blend\n"
            "from blend.run import main\n"
            "try: main(['--help'])\nexcept SystemExit: pass\n"
            "blend.blend(blend.load(%r), blend.load(%r), 8).save(%r)\n"
            "assert main([%r, %r, '--resolution', '8', '--no-pictures', '--save', %r]) == 0\n"
            "assert 'tensorflow' not in sys.modules" % ((saved[0], saved[1], str(tmp_path / "mixed.pkl")) * 2))
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_a_shell_without_unicode_and_without_chatter(saved, tmp_path):
    done = subprocess.run([sys.executable, "-m", "blend.run"] + saved + [
        "--resolution", "8", "--seeds", "0", "--out", str(tmp_path / "out")],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0 and done.stderr == b""
    done = subprocess.run([sys.executable, "-m", "blend.run", "none.pkl", "none.pkl"],
                          cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 2 and done.stderr == (
        b"blend: none.pkl: no such file; give a network file, a URL, photo, cartoon, or a name that "
        b"python -m blend.run zoo list shows\n")
    plain = dict(os.environ, LC_ALL="C", PYTHONIOENCODING="")
    blends = saved + ["--seeds", "0", "--report", "--out", str(tmp_path / "x")]
    for arguments in (["--help"], ["train", "--help"], blends):
        done = subprocess.run([sys.executable, "-m", "blend.run"] + arguments, cwd=ROOT, env=plain,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 0 and done.stderr == b"" and done.stdout.decode("ascii")


def test_the_network_alone(saved, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(generate, "_generator", None)  # no pictures are made
    out = str(tmp_path / "o" / "mixed.pkl")
    assert run(*saved, "--resolution", 8, "--width", 1, "--no-pictures", "--save", out, "--out", tmp_path / "o") == 0
    said = capsys.readouterr().out
    assert out in said and "grid.png" not in said
    assert sorted(os.listdir(str(tmp_path / "o"))) == ["mixed.md", "mixed.pkl"]
    assert run(*saved, "--resolution", 8, "--no-pictures", "--no-card", "--save", tmp_path / "p" / "mixed.pkl",
               "--out", tmp_path / "p") == 0
    assert os.listdir(str(tmp_path / "p")) == ["mixed.pkl"]
    capsys.readouterr()
    low, high = [blend.load(path) for path in saved]
    expected = blend.blend(low, high, 8, width=1).Gs.variables
    found = blend.load(out).Gs.variables
    assert all(np.array_equal(found[name], value) for name, value in expected.items())
    assert run(*saved, "--no-pictures") == 2 and "--save" in capsys.readouterr().err


@pytest.mark.skipif(tensorflow.__version__.startswith("1."), reason="TensorFlow 1.15: plain graph")
@pytest.mark.parametrize("native", [True, False, None])
def test_precision(native, saved, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("blend.engine.bfloat16.is_native", lambda: native)
    assert run(*saved, "--resolution", "4", "--seeds", "1", "--precision", "bfloat16", "--out", str(tmp_path)) == 0
    assert ("float32 is faster" in capsys.readouterr().out) is (native is False)
    assert json.loads((tmp_path / "recipe.json").read_text())["options"]["precision"] == "bfloat16"

def test_live_networks_have_no_other_precision():
    with pytest.raises(blend.BlendError, match="float32"):
        generate.generator_for(object(), None, "bfloat16")


def test_an_error_of_the_writer_is_raised(tmp_path, monkeypatch):
    done = []
    with pytest.raises(blend.BlendError, match="cannot be written"):
        with images.Writer(lambda: done.append(1)) as writer:
            for name in ("a.png", "nowhere/b.png", "c.png"):
                writer.save(np.zeros([4, 4, 3], np.uint8), str(tmp_path / name))
    assert done == [1]


def test_a_picture_of_the_name_that_a_grid_would_have_stays(saved, tmp_path):
    """Also at the second time, when there is a card; a grid of that card's own is replaced."""
    arguments = list(saved) + ["--seeds", "0", "--out", str(tmp_path / "out"), "--save", str(tmp_path / "mixed.pkl")]
    theirs = tmp_path / "mixed-grid.png"
    theirs.write_bytes(b"mine")
    for _ in range(2):
        assert run(*arguments) == 0
        assert theirs.read_bytes() == b"mine" and (tmp_path / "mixed.md").exists()
    theirs.unlink()
    assert run(*arguments) == 0
    before = theirs.read_bytes()
    assert run(*arguments, "--psi", "0.1") == 0
    assert theirs.read_bytes() != before


def test_the_card_says_what_a_network_was_made_of_and_how(saved, tmp_path, capsys):
    out = tmp_path / "mixed.pkl"
    assert run(*saved, "--fractions", "8x8=0.3", "--seeds", "0,1", "--out", tmp_path / "o", "--save", out) == 0
    card = (tmp_path / "mixed.md").read_text(encoding="utf-8")
    for path in saved:
        assert files.sha256(path) in card and path in card
    again = card.split("Again: `")[1].split("`")[0].split()[3:]
    before = out.read_bytes()
    out.unlink()
    assert run(*again[:-1], out) == 0 and out.read_bytes() == before
    assert (tmp_path / "mixed-grid.png").is_file() and "(mixed-grid.png)" in card


def test_the_card_s_command_says_the_format_where_the_name_does_not(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    out = tmp_path / "mixed.pkl"
    assert run(*saved, "--resolution", 8, "--no-pictures", "--save", out, "--format", "pytorch") == 0
    again = (tmp_path / "mixed.md").read_text(encoding="utf-8").split("Again: `")[1].split("`")[0].split()[3:]
    before = out.read_bytes()
    out.unlink()
    assert run(*again) == 0 and out.read_bytes() == before


def test_strangers_are_told_and_relatives_are_not(saved, tmp_path, capsys):
    assert run(*saved, "--resolution", 8, "--no-pictures", "--save", tmp_path / "a.pkl") == 0
    assert "look like strangers" in capsys.readouterr().out
    assert run("photo", "cartoon", "--no-pictures", "--save", tmp_path / "b.pkl") == 0
    assert "look like" not in capsys.readouterr().out


def recipe_of(saved, path, **values):
    """A recipe of two files, with other values: of `options`, or of `blend` where a rule has them."""
    recipe = {"options": {"seeds": [0], "figure": False}, "blend": {"resolution": 8}}
    recipe.update({side: {"source": source, "sha256": files.sha256(source)}
                   for side, source in zip(("low", "high"), saved)})
    for key, value in values.items():
        part = recipe if key in recipe else recipe["blend" if key in mixing.Rule._fields else "options"]
        part[key] = value
    path.write_text(json.dumps(recipe))
    return path


@pytest.mark.parametrize("text", ["[" * 100000, '{"options":' * 100000, "9" * 100000, "null", "[]", '{"options": []}',
                                  '{"a": "' + "x" * 2 ** 23 + '"}', "\x00", "NaN"])
def test_recipes_that_are_none(text, tmp_path, capsys):
    (tmp_path / "r.json").write_text(text)
    images.save_png(np.zeros([4, 4, 3], np.uint8), str(tmp_path / "r.png"), text)
    for name in ("r.json", "r.png"):
        began = time.process_time()
        assert run("--recipe", tmp_path / name, "--out", tmp_path / "out") == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and "not a recipe.json" in told and time.process_time() - began < 1


ODD = [[0], {}, {"a": [1]}, "x" * 5000, "x", 5, -1, 0.5, True, 10 ** 29, 1e300, -1e300, [[1]], [10 ** 25], ["a"], ""]
KEYS = ["seeds", "psi", "cutoff", "noise", "noise_seed", "label", "grid", "device", "precision", "engine", "figure",
        "all_networks", "resolution", "level", "width", "rule", "fractions", "mapping", "dlatent_avg", "noise_buffers",
        "torgb"]


@pytest.mark.parametrize("key", KEYS)
def test_odd_values_in_recipes_are_one_line(key, saved, tmp_path, capsys):
    for value in ODD + [{"8x8": odd} for odd in ODD] + [{"8x8" * 1000: 1}]:
        path = recipe_of(saved, tmp_path / "r.json", **{key: value})
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)  # they would be lines on stderr
            code = run("--recipe", path, "--out", tmp_path / "out")
        told = capsys.readouterr().err
        assert (code, told.count("\n")) in ((0, 0), (2, 1)), (value, told)
    for digits in ("1" * 400, "1e400", "-1e400", "1" + "0" * 5000):
        path.write_text(recipe_of(saved, path, **{key: "here"}).read_text().replace('"here"', digits))
        assert run("--recipe", path, "--out", tmp_path / "out") == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_long_keys_and_sources_cost_nothing(saved, tmp_path, capsys):
    long = "n" * (3 * 2 ** 20)
    source = {"source": long, "sha256": "0" * 64}
    for values in (dict(fractions={long: 1}), dict(fractions={"8x8/Konv" + "v" * 100: 1}), {long: 1}, dict(low=source),
                   dict(low=dict(source, source="a\x00b")), dict(low=dict(source, source="\ud800")),
                   dict(low=dict(source, sha256=5)), dict(engine=long), dict(recipe=2.5), dict(recipe=10 ** 20)):
        path, began = recipe_of(saved, tmp_path / "r.json"), time.process_time()
        recipe = json.loads(path.read_text())
        for key, value in values.items():
            (recipe["blend"] if key == "fractions" else recipe if key in ("low", "recipe") else recipe["options"]
             )[key] = value
        path.write_text(json.dumps(recipe))
        assert run("--recipe", path, "--out", tmp_path / "out") == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and len(told) < 1000 and time.process_time() - began < 1
    began = time.process_time()
    assert run(long, saved[1]) == 2 and run(long) == 2 and run("zoo", "get", long) == 2
    assert run(*saved, "--fractions", long + "=1", "--out", tmp_path / "out") == 2
    assert capsys.readouterr().err.count("\n") == 4 and time.process_time() - began < 2


def test_a_recipe_does_not_choose_nvidia_s_engine(saved, tmp_path, capsys, monkeypatch):
    path = recipe_of(saved, tmp_path / "r.json", engine="nvidia")
    monkeypatch.setenv("STYLEGAN2", str(tmp_path / "nowhere"))
    assert run("--recipe", path, "--out", tmp_path / "out") == 2
    told = capsys.readouterr().err
    assert "--engine nvidia" in told and told.count("\n") == 1
    assert run("--recipe", path, "--engine", "blend", "--out", tmp_path / "out") == 0
    assert run("--recipe", path, "--engine", "nvidia", "--out", tmp_path / "out") == 2  # it is asked for
    assert "stylegan2 is not there" in capsys.readouterr().err


def test_a_recipe_does_not_choose_whom_to_ask(saved, server, content, tmp_path, capsys):  # noqa: F811
    url, out = server.at + "good/file.pkl", tmp_path / "out"
    zoo.add("mine", server.at + "good/mine.pkl")
    source = {"sha256": hashlib.sha256(content).hexdigest()}
    for name in (url, "mine"):
        path = recipe_of(saved, tmp_path / "r.json", low=dict(source, source=name), high=dict(source, source=name))
        asked = len(server.asked)
        assert run("--recipe", path, "--out", out) == 2
        told = capsys.readouterr().err
        assert "--fetch" in told and name in told and told.count("\n") == 1 and len(server.asked) == asked
        assert run("--recipe", path, *saved, "--out", out) == 0  # the user's own networks
        assert run("--recipe", path, "--fetch", "--out", out) == 0 and len(server.asked) == asked + 1
        assert run("--recipe", path, "--out", out) == 0 and len(server.asked) == asked + 1  # from the cache
        other = recipe_of(saved, path, low=dict(source, source=name, sha256="0" * 64))
        capsys.readouterr()
        assert run("--recipe", other, "--out", out) == 2 and "SHA-256" in capsys.readouterr().err
    assert run(*saved, "--fetch", "--out", out) == 2 and "--recipe" in capsys.readouterr().err


def test_published_names_in_a_recipe_may_be_fetched(saved, tmp_path, monkeypatch):
    monkeypatch.setenv("BLEND_CACHE", str(tmp_path / "cache"))
    path = recipe_of(saved, tmp_path / "r.json", low={"source": "ffhq", "sha256": "0" * 64})
    fetched = []
    monkeypatch.setattr(zoo, "_fetch", lambda entry, path: fetched.append(entry.name) or os.makedirs(path))
    assert run("--recipe", path, "--out", tmp_path / "out") == 2 and fetched == ["ffhq"]


def test_an_input_is_not_overwritten(saved, tmp_path, capsys):
    before = [open(path, "rb").read() for path in saved]
    recipe = tmp_path / "r.yaml"
    recipe.write_text("method: linear\nnetworks: [%s, %s]\n" % tuple(saved))
    link = str(tmp_path / "link.pkl")
    os.symlink(saved[1], link)
    for arguments in (list(saved) + ["--no-pictures", "--save", saved[0]], list(saved) + ["--save", link],
                      ["merge", recipe, "--save", saved[1]], ["convert", saved[0], saved[0], "--format", "tensorflow"]):
        assert run(*arguments) == 2
        said = capsys.readouterr().err
        assert "one of the networks that are read" in said and said.count("\n") == 1
    assert [open(path, "rb").read() for path in saved] == before


def test_pictures_of_an_earlier_run_are_told(saved, tmp_path, capsys):
    assert run(*saved, "--seeds", "0-2", "--out", tmp_path / "o") == 0
    assert "earlier run" not in capsys.readouterr().out
    assert run(*saved, "--seeds", "2,3", "--out", tmp_path / "o") == 0
    assert "note     2 pictures of other seeds" in capsys.readouterr().out


@pytest.mark.parametrize("arguments, says", [
    (["{low}", "{high}", "--resolutoin", "8"], "did you mean --resolution?"),
    (["mrege", "r.yaml"], "did you mean merge?"),
    (["{low}", "{high}", "--psi", "0,7"], "--psi: a number such as 0.7"), (["merge", "photo", "cartoon"], "LOW HIGH"),
    (["merge", "{recipe}"], "--recipe"), (["--recipe", "merge.yaml"], "blend.run merge"),
])
def test_mistakes_are_told_how_to_mend(arguments, says, saved, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    (tmp_path / "merge.yaml").write_text("method: linear\nnetworks: [photo, cartoon]\n")
    places = dict(low=saved[0], high=saved[1], recipe=str(recipe_of(saved, tmp_path / "r.json")))
    assert run(*[argument.format(**places) for argument in arguments]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1


def test_random_noise_can_be_asked_for_again(saved, tmp_path):
    for out, seed in (("a", 7), ("b", 7), ("c", 8)):
        assert run(*saved, "--noise", "random", "--noise-seed", seed, "--seeds", "1", "--out", tmp_path / out) == 0
    first, same, other = [np.asarray(Image.open(str(tmp_path / out / "seed0001.png"))) for out in "abc"]
    assert np.array_equal(first, same) and not np.array_equal(first, other)


def test_a_file_that_is_no_network_is_not_lost(saved, tmp_path, capsys):
    letter = tmp_path / "letter"
    letter.write_text("Dear friend,\n")
    for arguments in (list(saved) + ["--no-pictures", "--format", "tensorflow", "--save", letter],
                      ["convert", saved[0], letter, "--format", "safetensors"]):
        assert run(*arguments) == 2
        assert "is no network; choose another name" in capsys.readouterr().err
    assert letter.read_text() == "Dear friend,\n"
    for _ in range(2):  # a network of any name may be replaced
        assert run("convert", saved[0], tmp_path / "network", "--format", "safetensors") == 0
