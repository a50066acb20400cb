"""Merge recipes: read, checked, carried out; the command."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
import warnings
from collections import OrderedDict

import numpy as np
import pytest
from conftest import pico_file
from PIL import Image

import blend
from blend import card, checkpoints, zoo
from blend.mixing import Weights, merge, merge_recipe, stages
from blend.pictures import images
from blend.run import main
from blend.system import files, plain_yaml
from blend.system.pending import computed


def run(*arguments):
    return main([str(each) for each in arguments])


def load(entry):
    return {"photo": blend.shipped, "cartoon": blend.shipped}.get(entry.network, pico)(entry.network)


def pico(name):
    return pico_file(seed=sum(map(ord, name)))


def carried_out(text):
    return stages.run(merge_recipe.parse(plain_yaml.parse(text)[0]), load)[0].Gs.variables


def same(found, expected):
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert np.array_equal(computed(found[name]), value), name


# Plain data.

@pytest.mark.parametrize("text, value", [
    ("a: 1e-3\nb: -2.5E+4\nc: 0.5\nd: 7", {"a": 1e-3, "b": -2.5e4, "c": 0.5, "d": 7}),
    ("8x8: .3\n16x16/Conv1: 1", {"8x8": 0.3, "16x16/Conv1": 1}),
    ("when: 2020-13-45\nlike: <<", {"when": "2020-13-45", "like": "<<"}),
    ('{"a": [1, true, null],\n\t"b": "\\u00e4"}', {"a": [1, True, None], "b": "ä"}),
    ("a: [x, 'y', \"z\", '1e5', '7']", {"a": ["x", "y", "z", "1e5", "7"]}),
])
def test_plain_yaml(text, value):
    assert plain_yaml.parse(text) == [value]
    assert plain_yaml.parse(plain_yaml.dump(value)) == [value]
    assert plain_yaml.dump(OrderedDict([("b", (1, 2)), ("a", {})])) == "b: [1, 2]\na: {}\n"


@pytest.mark.parametrize("text, says", [
    ("a: &x [1]\nb: *x", "line 1: anchors and aliases"), ("a: 1\n<<: *x", "line 2: anchors and aliases"),
    ("a: !!python/object/apply:os.system [x]", "line 1: tags"), ("a: !!str 1", "line 1: tags"),
    ("a: 1\nb: 2\na: 3", "line 3: a stands twice"), ('{"a": 1, "a": 2}', "a stands twice"),
    ("[" * 10 ** 5, "nested too deeply"), ("{a: " * 10 ** 4, "nested too deeply"),
    ("- " * 10 ** 5, "nested too deeply"),
    ("- a\n" * 50000, "more than 5000 values"), ("[" + "a," * 10 ** 5, "more than 5000 values"),
    ("a: " + "9" * 10 ** 5, "a number of 100000 characters"), ("a: " + "1:" * 10 ** 5 + "1", "a number of"),
    ("1: 2", "a key that is no text"), ("? [a]\n: b", "a key that is no text"), ("a: b: c", "line 1"),
    ("a: '", "line 1"), ("a:\n\t- b", "line 2"), ("\0", "not YAML"), ("%YAML 9.9\n---\na", "version"),
])
def test_hostile_yaml(text, says):
    began = time.process_time()
    with pytest.raises(blend.BlendError) as error:
        plain_yaml.parse(text)
    assert says in str(error.value) and "\n" not in str(error.value) and time.process_time() - began < 3


@pytest.mark.parametrize("content, says", [
    (b"a" * 2 ** 18 + b"b", "has more than 262144 bytes"), (b"\xff\xfe\xfa", "no text in UTF-8"), (b"", "is empty"),
])
def test_files_that_are_no_recipes(content, says, tmp_path):
    (tmp_path / "recipe.yaml").write_bytes(content)
    for path in (str(tmp_path / "recipe.yaml"), str(tmp_path)):
        with pytest.raises(blend.BlendError) as error:
            merge_recipe.read(path)
        assert path in str(error.value)
        assert says in str(error.value) or path == str(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_is_not_waited_for(tmp_path, capsys):
    os.mkfifo(str(tmp_path / "pipe"))
    assert run("merge", tmp_path / "pipe", "--save", tmp_path / "x.pkl") == 2
    assert "is a pipe or a device" in capsys.readouterr().err


# What a recipe says.

def test_a_network_without_weight_takes_what_is_left():
    found = carried_out("method: linear\nnetworks: [photo, {network: cartoon, weight: {8x8: 0.3, 16x16/Conv1: 1}}]")
    same(found, blend.blend(blend.shipped("photo"), blend.shipped("cartoon"),
                            fractions={"8x8": 0.3, "16x16/Conv1": 1}).Gs.variables)


def test_without_weights_it_is_the_mean():
    networks = [pico(name) for name in "abc"]
    same(carried_out("{method: linear, networks: [a, b, c]}"),
         merge("linear", networks, Weights((1, 1, 1))).Gs.variables)
    same(carried_out("{method: linear, networks: [a, {network: b, weight: 2}, {network: c, weight: 1}], parameters: "
                     "{normalize: false}, mapping: c}".replace("[a,", "[{network: a, weight: 1},")),
         merge("linear", networks, Weights((1, 2, 1), mapping=2, dlatent_avg=2, normalise=False)).Gs.variables)


def test_every_method_and_its_parameters():
    a, b, base = pico("a"), pico("b"), pico("base")
    for text, expected in [
        ("{method: slerp, networks: [a, b], parameters: {t: 0.3}}", merge("slerp", [a, b], Weights((None, 0.3)))),
        ("{method: slerp, networks: [a, b], parameters: {t: {8x8: 0.3}}}",
         merge("slerp", [a, b], Weights((None, {"8x8": 0.3})))),
        ("{method: task_arithmetic, base: base, networks: [{network: a, weight: 1.5}, {network: b, weight: -0.5}]}",
         merge("task-arithmetic", [a, b], Weights((1.5, -0.5), normalise=False, rest=2), base)),
        ("{method: model-stock, base: base, networks: [a, b, base]}",
         merge("model-stock", [a, b, base], Weights((1, 1, 0), normalise=False, rest=3), base)),
        ("{merge_method: ties, base: {network: base}, networks: [a, {network: b, density: 0.5}], "
         "parameters: {density: 0.2, lambda: 0.9}}",
         merge("ties", [a, b], Weights((1, 1), normalise=False, rest=2), base,
               parameters={"density": (0.2, 0.5), "scale": 0.9})),
        ("{method: dare_ties, base: base, networks: [{network: a, parameters: {weight: 0.5, density: 0.5}}], "
         "parameters: {seed: 7}, noise_buffers: base, torgb: 1, dlatent_avg: merged}",
         merge("dare-ties", [a], Weights((0.5,), dlatent_avg="merged", noise_buffers=1, torgb=0, normalise=False,
                                         rest=1), base, parameters={"density": 0.5, "seed": 7})),
    ]:
        same(carried_out(text), expected.Gs.variables)


STAGES = """
name: whole
stages:
  - name: soup
    method: linear
    networks: [a, b]
  - name: structure
    method: linear
    networks: [soup, {network: c, weight: {4x4: 1, 8x8: 0.5}}]
  - method: task-arithmetic
    base: soup
    networks:
      - {network: structure, weight: 0.7}
"""


def test_stages():
    soup = merge("linear", [pico("a"), pico("b")], Weights((1, 1)))
    structure = merge("linear", [soup, pico("c")], Weights((None, {"4x4": 1, "8x8": 0.5})))
    expected = merge("task-arithmetic", [structure], Weights((0.7,), normalise=False, rest=1), soup)
    same(carried_out(STAGES), expected.Gs.variables)
    documents = "name: soup\nmethod: linear\nnetworks: [a, b]\n---\nmethod: linear\nnetworks: [soup]\n"
    same(stages.run(merge_recipe.parse(plain_yaml.parse(documents)), load)[0].Gs.variables, soup.Gs.variables)


def test_many_stages_take_no_more_time_than_they_are():
    count = 40
    chain = [{"name": "s0", "method": "linear", "networks": ["a", "b"]}] + [
        {"name": "s%d" % i, "method": "linear", "networks": ["s%d" % (i - 1), {"network": "s%d" % (i - 1), "name": "x",
                                                                               "weight": 0.5}]}
        for i in range(1, count)]
    recipe = merge_recipe.parse(chain)
    began = time.process_time()
    found, _ = stages.run(recipe, lambda entry: pico_file(channels=64, seed=ord(entry.network)))
    assert np.isfinite(computed(found.Gs.variables["G_synthesis/8x8/Conv1/weight"])).all()
    assert time.process_time() - began < 20


def test_a_recipe_and_back():
    texts = [STAGES, "{method: slerp, networks: [a, b], parameters: {t: 0.3}, torgb: 1, mapping: b, name: x}",
             "{method: ties, base: {network: c, name: d}, networks: [{network: a, density: 0.5, weight: {8x8: 1}}], "
             "noise_buffers: base, dlatent_avg: merged, pictures: {seeds: [1, 2]}}"]
    for text in texts:
        recipe = merge_recipe.parse(plain_yaml.parse(text)[0])
        written = plain_yaml.dump(merge_recipe.as_dict(recipe))
        assert merge_recipe.parse(plain_yaml.parse(written)[0]) == recipe
    digests = {"a": "0" * 64}
    again = merge_recipe.parse(merge_recipe.as_dict(recipe, digests))
    assert again.stages[0].networks[0].sha256 == "0" * 64 and again.stages[0].base.sha256 is None


TWO = "networks: [a, b]"
BAD = [
    ("[]", "stages: a list of stages"), ("5", "method and networks are expected, not 5"),
    ("{networks: [a]}", "method: linear, slerp"), ("{method: liner, %s}" % TWO, "did you mean linear?"),
    ("{method: linear}", "networks: a list of networks is expected"),
    ("{method: linear, networks: [a, 5]}", "networks[2]: a network is expected"),
    ("{method: linear, networks: []}", "networks: a list of networks is expected"),
    ("{method: linear, models: [a, b]}", "unknown key models; there are name, method, base, networks"),
    ("{method: linear, models: [a, b]}", "did you mean networks?"),
    ("{method: linear, %s, mappnig: 1}" % TWO, "unknown key mappnig; there are name, method"),
    ("{method: linear, networks: [a, {network: b, wieght: 1}]}", "networks[2]: unknown key wieght"),
    ("{method: linear, networks: [a, {network: b, wieght: 1}]}", "did you mean weight?"),
    ("{method: linear, networks: [a, {network: b, weight: x}]}", "networks[2]: weight: a number, or numbers by layer"),
    ("{method: linear, networks: [a, {network: b, weight: true}]}", "networks[2]: weight: a number"),
    ("{method: linear, networks: [a, {network: b, weight: .nan}]}", "weight: a number"),
    ("{method: linear, networks: [a, {network: b, weight: -1}]}", "linear takes weights of 0 and more, not -1"),
    ("{method: linear, networks: [a, {network: b, weight: {8x8: x}}]}", "networks[2]: weight: 8x8: a number"),
    ("{method: linear, networks: [a, {network: b, weight: {8x9: 1}}]}", "layers are called 8x8 or 16x16/Conv1"),
    ("{method: linear, networks: [a, {network: b, weight: {maping: 1}}]}", "did you mean mapping?"),
    ("{method: linear, networks: [a, {network: b, weight: 1, parameters: {weight: 1}}]}", "weight stands twice"),
    ("{method: linear, networks: [a, b, {network: c, weight: 1}]}", "a and b have no weight"),
    ("{method: linear, merge_method: linear, %s}" % TWO, "method stands twice"),
    ("{method: linear, base: c, %s}" % TWO, "linear takes no base"), ("{method: ties, %s}" % TWO, "ties needs base"),
    ("{method: slerp, networks: [a, b, c]}", "slerp takes 2 networks, not 3"), ("{method: slerp, %s}" % TWO, "t: …"),
    ("{method: slerp, %s, parameters: {t: 1.5}}" % TWO, "t: a number from 0 to 1"),
    ("{method: slerp, networks: [a, {network: b, weight: 1}], parameters: {t: 0.5}}", "not both"),
    ("{method: linear, %s, parameters: {density: 1}}" % TWO, "linear takes normalize"),
    ("{method: linear, %s, parameters: {normalize: 3}}" % TWO, "true or false"),
    ("{method: linear, %s, parameters: [1]}" % TWO, "parameters: a dict is expected"),
    ("{method: ties, base: c, %s, parameters: {density: 0}}" % TWO, "density: a number from 1e-06 to 1"),
    ("{method: ties, base: c, %s, parameters: {seed: 1}}" % TWO, "ties takes density, scale"),
    ("{method: dare, base: c, %s, parameters: {seed: 1.5}}" % TWO, "seed: a whole number"),
    ("{method: linear, networks: [{network: a, density: 0.5}]}", "networks[1]: linear takes no density"),
    ("{method: model_stock, base: c, networks: [a, {network: b, weight: 1}]}", "model-stock takes no weights"),
    ("{method: linear, %s, mapping: c}" % TWO, "mapping: one of a, b, merged, or a number from 1 to 2"),
    ("{method: linear, %s, mapping: 3}" % TWO, "or a number from 1 to 2, is expected, not 3"),
    ("{method: linear, %s, torgb: merged}" % TWO, "torgb: one of a, b"),
    ("{method: linear, networks: [a, a], mapping: a}", "several networks are called a"),
    ("{method: linear, networks: [a, {network: ''}]}", "networks[2]: network: a text"),
    ('{method: linear, networks: [a, {network: "x\\0y"}]}', "networks[2]: network: a text"),
    ('{method: linear, name: "\\ud800", networks: [a]}', "name: a text is expected"),
    ("{method: linear, networks: [{weight: 1}]}", "network: a file, a URL, or a name"),
    ("{method: linear, networks: [{network: a, sha256: abc}]}", "sha256: 64 hexadecimal digits"),
    ("{method: linear, networks: [{network: a, sha256: %s}, {network: a, sha256: %s}]}" % ("a" * 64, "b" * 64),
     "r.yaml: a has another sha256 than before"),
    ("{method: linear, %s, pictures: 3}" % TWO, "pictures: options such as"),
    ("[{method: linear, %s}, {method: linear, %s}]" % (TWO, TWO), "stage 1: name: every stage but the last needs one"),
    ("[{name: x, method: linear, %s}, {name: x, method: linear, networks: [x]}]" % TWO, "earlier stage has the same"),
    ("[{name: x, method: linear, networks: [y]}, {name: y, method: linear, networks: [x]}]",
     "stage 1 (x): uses y, which is a later stage"),
    ("{name: x, method: linear, networks: [x]}", "uses x, which is itself"),
    ("[{name: x, method: linear, %s}, {method: linear, %s}]" % (TWO, TWO), "stage 1 (x): no later stage uses it"),
    ("{stages: [{method: linear, %s}], method: linear}" % TWO, "unknown key method"),
    ("{stages: {a: 1}}", "stages: a list of stages"),
    ("{method: linear, networks: [%s]}" % ", ".join(["a"] * 101), "more than 100 networks"),
    ("[%s]" % ", ".join(["{name: x, method: linear, networks: [a]}"] * 101), "more than 100 stages"),
    ("{method: task-arithmetic, base: a, networks: [{network: b, weight: -1e+300}]}", "from minus to plus a million"),
]


@pytest.mark.parametrize("text, says", BAD, ids=[text[:60] for text, _ in BAD])
def test_mistakes(text, says):
    with pytest.raises(blend.BlendError) as error:
        merge_recipe.parse(plain_yaml.parse(text)[0], "r.yaml")
    assert says in str(error.value) and str(error.value).startswith("r.yaml: ") and "\n" not in str(error.value)


ODD = [None, True, -1, 0, 1, 2, 1.5, float("nan"), float("inf"), 10 ** 25, "", "a", "b", "base", "merged", "linear",
       "ties", "8x8", [], {}, ["a"], [None], {"a": 1}, {"8x8": 1}, {"network": "a"}, {"weight": []}, [[]], b"x", (1,)]


def mutated(value, random):
    """Plain data with one odd value or key somewhere."""
    if isinstance(value, (dict, list)) and value and random.rand() < 0.8:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = keys[random.randint(len(keys))]
        if isinstance(value, dict) and random.rand() < 0.1:
            return dict(value, **{str(ODD[random.randint(len(ODD))]): ODD[random.randint(len(ODD))]})
        changed = dict(value) if isinstance(value, dict) else list(value)
        changed[key] = mutated(value[key], random)
        return changed
    return ODD[random.randint(len(ODD))]


def test_odd_recipes_are_one_line_or_run():
    random = np.random.RandomState(0)
    texts = [STAGES, "{method: slerp, networks: [a, b], parameters: {t: 0.3}, torgb: 1, mapping: b, name: x}",
             "{method: dare, base: {network: c, name: d}, networks: [{network: a, density: 0.5, weight: {8x8: 1}}], "
             "noise_buffers: base, dlatent_avg: merged, parameters: {seed: 3, density: 0.5}, pictures: {seeds: [1]}}"]
    ran = 0
    for number in range(1500):
        value = plain_yaml.parse(texts[number % len(texts)])[0]
        for _ in range(random.randint(1, 4)):
            value = mutated(value, random)
        try:
            recipe = merge_recipe.parse(value, "r.yaml")
            assert merge_recipe.parse(merge_recipe.as_dict(recipe)) == recipe
            stages.run(recipe, load)
            ran += 1
        except blend.BlendError as error:
            assert "\n" not in str(error) and len(str(error)) < 1000
    assert 20 < ran < 1400


@pytest.mark.parametrize("merge", [
    {"stages": [{"name": "s%d" % i, "method": "linear", "networks": ["a"]} for i in range(20000)]},
    {"method": "linear", "networks": ["a"] * 800000}], ids=["stages", "networks"])
def test_a_picture_with_a_merge_without_end(merge, tmp_path, capsys):
    """Texts in PNGs may be longer than files in YAML."""
    path = str(tmp_path / "r.png")
    images.save_png(np.zeros([4, 4, 3], np.uint8), path, json.dumps({"merge": merge}, separators=(",", ":")))
    began = time.process_time()
    assert run("merge", path, "--save", tmp_path / "x.pkl") == 2
    assert time.process_time() - began < 1 and "more than 100" in capsys.readouterr().err


@pytest.mark.parametrize("text", [
    "{name: sub/a.pkl, method: linear, networks: [a.pkl]}",
    "[{name: s, method: linear, networks: [a.pkl]}, {name: sub/a.pkl, method: linear, networks: [s]}]",
    "[{name: sub/a.pkl, method: linear, networks: [photo]}, {method: linear, networks: [sub/a.pkl, a.pkl]}]"])
def test_a_stage_that_is_called_like_a_file_beside_the_recipe(text, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    os.mkdir("sub")
    pico("a").save("sub/a.pkl")
    (tmp_path / "sub" / "r.yaml").write_text(text)
    assert run("merge", "sub/r.yaml", "--save", "x.pkl") == 2
    told = capsys.readouterr().err
    assert told.startswith("blend: sub/r.yaml: the stage sub/a.pkl is called like") and told.count("\n") == 1


def test_weights_near_the_largest_float_give_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    networks = pico("a")
    pico("b").save("b.pkl")
    networks._replace(Gs=networks.Gs.replaced(OrderedDict(
        (name, np.full_like(value, 3.4e38)) for name, value in networks.Gs.variables.items()))).save("a.pkl")
    (tmp_path / "r.yaml").write_text(
        "{method: linear, networks: [{network: a.pkl, weight: 9}, {network: b.pkl, weight: 1}], "
        "parameters: {normalize: false}}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run("merge", "r.yaml", "--save", "x.pkl") == 2
    assert "NaN or infinite" in capsys.readouterr().err


def test_mistakes_that_the_networks_show():
    for text, says in [
        ("{method: linear, networks: [a, {network: b, weight: {32x32: 1}}]}", "no layer is called 32x32"),
        ("{method: linear, networks: [a, photo]}", "a makes pictures of 16x16, photo of 64x64"),
        ("[{name: s, method: linear, networks: [a, photo]}, {method: linear, networks: [s]}]", "stage s: these"),
        ("{method: linear, networks: [a, {network: b, weight: 0.7}, {network: c, weight: 0.5}]}", "add up to 1.2"),
    ]:
        with pytest.raises(blend.BlendError) as error:
            stages.run(merge_recipe.parse(plain_yaml.parse(text)[0]), load)
        assert says in str(error.value)


# The command.

RECIPE = """\
method: task_arithmetic
base: {base}
networks:
  - {{network: {a}, weight: 1.5}}
  - {{network: {b}, weight: {{8x8: -0.5}}}}
"""


@pytest.fixture
def files_of_three(tmp_path):
    """Paths of a recipe and of the three networks that it names, by their places beside it."""
    for seed, name in enumerate(("base", "a", "b")):
        pico_file(channels=64, seed=seed).save(str(tmp_path / (name + ".pkl")))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.format(base="base.pkl", a="a.pkl", b="b.pkl"))
    return recipe


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def test_the_command_writes_the_network_and_its_card(files_of_three, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    assert run("merge", files_of_three, "--save", out / "m.pkl", "--report") == 0
    networks = [blend.load(str(tmp_path / (name + ".pkl"))) for name in ("a", "b", "base")]
    expected = merge("task-arithmetic", networks[:2], Weights((1.5, {"8x8": -0.5}), normalise=False, rest=2),
                     networks[2])
    same(blend.load(str(out / "m.pkl")).Gs.variables, expected.Gs.variables)
    told = capsys.readouterr().out
    for text in ("by task-arithmetic", "look like strangers", "1.5,-0.5     G_synthesis/8x8/Conv1/weight", "m.md"):
        assert text in told
    card = (out / "m.md").read_text(encoding="utf-8")
    assert sorted(os.listdir(str(out))) == ["m.md", "m.pkl"]
    for name in ("a", "b", "base"):
        assert files.sha256(str(tmp_path / (name + ".pkl"))) in card
    block = card.split("```yaml\n")[1].split("```")[0]
    assert merge_recipe.parse(plain_yaml.parse(block)[0]).stages[0].networks[0].weight == 1.5
    (out / "block.yaml").write_text(block)
    assert run("merge", out / "block.yaml", "--save", out / "again.pkl", "--no-card") == 0
    assert (out / "again.pkl").read_bytes() == (out / "m.pkl").read_bytes() and not (out / "again.md").exists()


def test_the_record_makes_the_same_bytes(files_of_three, tmp_path):
    first, second, third = [tmp_path / name for name in ("first", "second", "third")]
    assert run("merge", files_of_three, "--save", first / "m.pkl", "--seeds", "0-2", "--noise", "random", "--out",
               first, "--psi", 0.5) == 0
    assert sorted(contents(first)) == ["grid.png", "m-grid.png", "m.md", "m.pkl", "merge.yaml"] + [
        "seed%04d.png" % seed for seed in range(3)]
    assert "![Pictures of this network](m-grid.png)" in (first / "m.md").read_text(encoding="utf-8")
    assert run("merge", first / "merge.yaml", "--out", second, "--save", second / "m.pkl") == 0
    assert contents(first) == contents(second)
    assert run("merge", first / "seed0001.png", "--out", third, "--save", third / "m.pkl") == 0
    assert contents(first) == contents(third)
    expected = blend.generate(blend.load(str(first / "m.pkl")), seeds=[7], psi=0.5)
    assert run("merge", first / "merge.yaml", "--seeds", "7", "--noise", "const", "--out", tmp_path / "seven") == 0
    assert np.array_equal(np.asarray(Image.open(str(tmp_path / "seven" / "seed0007.png"))), expected[0])


def test_a_card_does_not_take_the_place_of_other_files(files_of_three, tmp_path, capsys):
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "x-grid.png").write_bytes(b"mine")
    assert run("merge", files_of_three, "--save", tmp_path / "README.pkl") == 0
    assert (tmp_path / "README.md").read_text() == "mine" and "it stays as it is" in capsys.readouterr().out
    assert run("merge", files_of_three, "--save", tmp_path / "x.pkl", "--seeds", "1", "--out", tmp_path / "o") == 0
    assert (tmp_path / "x-grid.png").read_bytes() == b"mine"
    assert "x-grid.png" not in (tmp_path / "x.md").read_text(encoding="utf-8")
    before = (tmp_path / "x.md").read_bytes()
    assert run("merge", files_of_three, "--save", tmp_path / "x.safetensors") == 0
    assert (tmp_path / "x.md").read_bytes() != before


@pytest.mark.parametrize("arguments, says", [
    ([], "say with --save where the network goes"),
    (["--psi", "1", "--save", "{folder}/x.pkl"], "pictures need --seeds"),
    (["--save", "{folder}/none/x.pkl"], "cannot be written"), (["--save", "{folder}/x.txt"], "ending says no format"),
    (["--seeds", "0", "--psi", "nan"], "psi"), (["--seeds", "0", "--grid", "4"], "4x2"), (["--typo"], "--typo"),
    (["--seeds", "0", "--label", "3"], "no labels"),
])
def test_bad_options(arguments, says, files_of_three, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    before = sorted(os.walk(str(tmp_path)))
    assert run("merge", files_of_three, *[each.format(folder=tmp_path) for each in arguments]) == 2
    told = capsys.readouterr().err
    assert says in told and told.startswith("blend: ") and told.count("\n") == 1
    assert sorted(os.walk(str(tmp_path))) == before


@pytest.mark.parametrize("recipe, says", [
    ("{method: linear, networks: [nowhere.pkl]}", "nowhere.pkl: no such file"),
    ("{method: linear, networks: [photo, a.pkl]}", "r.yaml: these networks cannot be blended: photo makes pictures"),
    ("{method: linear, networks: [{network: a.pkl, sha256: %s}]}" % ("0a" * 32), "not the file of the recipe"),
    ("{method: linear, networks: ['https://127.0.0.1:9/a.pkl']}", "r.yaml: https://127.0.0.1:9/a.pkl: the recipe asks"),
    ("{method: linear, networks: ['https://me:secret@127.0.0.1:9/a.pkl']}", "a user's name or a password"),
    ("{method: linear, networks: ['https://me:x@secret@127.0.0.1:9/a.pkl']}", "a user's name or a password"),
    ("{method: linear, networks: ['https://me:x/secret@127.0.0.1:9/a.pkl']}", "a user's name or a password"),
    ("{method: linear, networks: [a.pkl], pictures: {sed: [1]}}", "pictures: unknown key sed"),
    ("{method: linear, networks: [a.pkl], pictures: {seeds: [1], psi: -.inf}}", "psi must be a number"),
    ("{method: linear, networks: [a.pkl], pictures: {seeds: 1}}", "seeds: a list is expected"),
    ("{method: linear, networks: [a.pkl], pictures: {seeds: [x]}}", "a seed must be a whole number"),
    ("{method: linear, networks: [a.pkl], pictures: {seeds: [1], grid: [x]}}", "a grid is columns and rows"),
    ("{method: linear, networks: [r.yaml]}", "not a network file"),
])
def test_recipes_that_lead_nowhere(recipe, says, files_of_three, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    (tmp_path / "r.yaml").write_text(recipe)
    assert run("merge", "r.yaml", "--seeds" if "pictures" not in recipe else "--out", 1) == 2
    told = capsys.readouterr().err
    assert says in told and told.count("\n") == 1 and "secret" not in told
    assert not (tmp_path / "blend-out").exists() and not (tmp_path / "1").exists()


def test_pictures_that_carry_no_merge(saved, tmp_path, capsys):
    assert run(*saved, "--seeds", "0", "--out", tmp_path) == 0
    assert run("merge", tmp_path / "seed0000.png", "--save", tmp_path / "x.pkl") == 2
    assert "carries no recipe of a merge" in capsys.readouterr().err


def test_cards_say_what_names_mean_literally():
    target = checkpoints.target_for("a`b|c.safetensors")
    ingredients = (card.Ingredient("photo"), card.Ingredient("ffhq"),
                   card.Ingredient("https://me:secret@example.org/x|`y.pkl", "0" * 64, "base"),
                   card.Ingredient("https://me:x@secret@example.org/z.pkl"),
                   card.Ingredient("photo\\| 1234 \\| MIT"))  # a cell of its own, as some readers of Markdown see it
    text = card.text(target, pico_file(), card.Card(ingredients, {"name": "``` \n# x"}, lost=("<b>",)), "a b.png")
    assert "secret" not in text and "(a%20b.png)" in text
    assert "MIT" in text and "NC" in text and "not worked out" in text
    assert card.text(target, pico_file(), card.Card(ingredients, {"a": 1})).count("a: 1") == 1
    assert "\\<b\\>" in text and "````yaml" in text and "x\\|\\`y" in text
    assert "| photo\\\\\\| 1234 \\\\\\| MIT | not worked out | unknown here |" in text
    assert "`python x|y`" in card.text(target, pico_file(), card.Card((), {}, again="python x|y"))


def test_cards_give_commands_that_a_shell_takes_as_they_are():
    for name in ("a b.pkl", "$(id).pkl", "a';id;'.pkl", "`$(id)`.pkl"):
        for format in checkpoints.FORMATS:
            target = checkpoints.Target(name, format)
            for line in card.text(target, pico_file(), card.Card((), {})).split("\n"):
                for command in re.findall("`(python [^`]*)`", line):
                    words = shlex.split(command)
                    assert name.replace("`", "'") in words or "convert" in words, command


def test_no_tensorflow(files_of_three, tmp_path):
    code = ("import sys\nfrom blend.run import main\n"
            "try: main(['merge', '--help'])\nexcept SystemExit: pass\n"
            "assert main(['merge', %r, '--save', %r]) == 0\n"
            "assert 'tensorflow' not in sys.modules" % (str(files_of_three), str(tmp_path / "x.pkl")))
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr


def test_a_recipe_does_not_choose_whom_to_ask(tmp_path, monkeypatch, capsys):
    """Neither an address nor a name of the user's own list, of which the address is not published."""
    monkeypatch.setenv("BLEND_CACHE", str(tmp_path / "cache"))
    zoo.add("mine", "http://127.0.0.1:1/x.pkl")
    fetched = []
    monkeypatch.setattr(zoo, "_fetch", lambda entry, path: fetched.append(entry.name) or os.makedirs(path))
    for name in ("mine", "http://127.0.0.1:1/x.pkl"):
        (tmp_path / "r.yaml").write_text("{method: linear, networks: ['%s', photo]}" % name)
        arguments = ["merge", str(tmp_path / "r.yaml"), "--save", str(tmp_path / "x.pkl")]
        assert run(*arguments) == 2 and not fetched
        told = capsys.readouterr().err
        assert "--fetch" in told and told.count("\n") == 1
    assert run(*arguments, "--fetch") == 2 and fetched == ["mine"]  # which has that address


def test_a_picture_with_a_merge_nested_endlessly(tmp_path, capsys):
    images.save_png(np.zeros([4, 4, 3], np.uint8), str(tmp_path / "r.png"), "[" * 100000)
    assert run("merge", tmp_path / "r.png", "--save", tmp_path / "x.pkl") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_picture_of_a_merge_is_told_to_who_blends(files_of_three, tmp_path, capsys):
    out = str(tmp_path / "out")
    assert run("merge", files_of_three, "--seeds", "0", "--out", out) == 0
    capsys.readouterr()
    assert run("--recipe", os.path.join(out, "grid.png")) == 2
    assert "python -m blend.run merge" in capsys.readouterr().err


@pytest.mark.parametrize("text, says", [
    ("method: linear\nnetworks:\n  - network: photo\n     weight: 1\n", "line 4: the indentation"),
    ("method: linear\nnetworks:\n\t- photo\n", "line 3: a tab"),
    ('{"method": "linear", "networks": [', "ends too early"),
])
def test_yaml_s_mistakes_in_plain_words(text, says, tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(blend.BlendError) as error:
        merge_recipe.read(str(path))
    assert says in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize("options", [[], ["--format", "pytorch"], ["--fetch"]])
def test_the_card_s_command_makes_the_merge_again(options, files_of_three, tmp_path, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    assert run("merge", files_of_three, "--save", "a b.pkl", *options) == 0
    text = (tmp_path / "a b.md").read_text(encoding="utf-8")
    (tmp_path / "a b-recipe.yaml").write_text(text.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    before = (tmp_path / "a b.pkl").read_bytes()
    (tmp_path / "a b.pkl").unlink()

    words = shlex.split(text.split("`: `")[1].split("`")[0])
    assert words[-len(options):] == options or not options
    assert run(*words[3:]) == 0 and (tmp_path / "a b.pkl").read_bytes() == before
