"""Networks side by side: do they fit, are they relatives; networks of known parents."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import GOLDEN, golden, pico_file
from PIL import Image

import blend
from blend.figures import compare
from blend.mixing import relatives
from blend.run import main

PHOTO, CARTOON = blend.shipped("photo"), blend.shipped("cartoon")


def run(*arguments):
    return main([str(each) for each in arguments])


def near(networks, part, seed=0):
    """The networks with noise on every weight, `part` of its deviation."""
    random = np.random.RandomState(seed)
    return networks._replace(Gs=networks.Gs.replaced({
        name: np.asarray(value + np.float32(part * np.std(value)) * random.standard_normal(value.shape), np.float32)
        for name, value in networks.Gs.variables.items()}))


def verdict(a, b):
    full = compare.compare(a.Gs, b.Gs).verdict
    quick = relatives.relatives(a.Gs, b.Gs).verdict
    assert quick == full or full == compare.SAME and quick == relatives.RELATIVES
    return full


def test_networks_of_known_parents():
    assert verdict(PHOTO, CARTOON) == relatives.RELATIVES          # fine-tuned from it
    assert verdict(PHOTO, PHOTO) == compare.SAME
    assert verdict(PHOTO, near(PHOTO, 0.05)) == relatives.RELATIVES
    assert verdict(near(PHOTO, 1), near(CARTOON, 1, 1)) == relatives.RELATIVES  # far from their ancestor
    assert verdict(PHOTO, blend.blend(PHOTO, CARTOON, 16)) == relatives.RELATIVES
    strangers = [pico_file(64, 80, 64, 4, seed) for seed in range(2)] + [near(PHOTO, 0.1)]
    for a, b in itertools.combinations(strangers, 2):
        assert verdict(a, b) == relatives.STRANGERS
    for name in ("skip64", "resnet32", "orig32", "labels32"):
        assert verdict(golden(name).a, golden(name).b) == relatives.RELATIVES  # b is a and a perturbation


@pytest.mark.parametrize("channels", [8, 32])
def test_small_strangers_are_strangers(channels):
    for seed in range(20):
        a, b = [pico_file(16, channels, 8, 2, seed=2 * seed + i) for i in range(2)]
        assert verdict(a, b) == relatives.STRANGERS


def test_a_blend_of_strangers_is_related_in_part():
    a, b = pico_file(64, 32, seed=1), pico_file(64, 32, seed=2)
    mixed = blend.blend(a, b, 8)
    assert verdict(a, mixed) == relatives.PARTLY and verdict(mixed, b) == relatives.PARTLY
    found = compare.compare(a.Gs, mixed.Gs)
    assert found.kinship.unrelated[0] == "16x16/Conv0_up" and "strangers at 16x16/Conv0_up" in found.text
    assert "32x32" in relatives.warning(mixed.Gs, b.Gs) or "4x4" in relatives.warning(mixed.Gs, b.Gs)


def test_numbers():
    a = PHOTO.Gs
    twice = a.replaced({name: np.float32(2) * value for name, value in a.variables.items()})
    found = compare.compare(a, twice)
    for key, distance in found.by_resolution.items():
        assert distance.relative == pytest.approx(1) and distance.cosine == pytest.approx(1), key
    assert set(found.by_resolution) == {"mapping", "average w", "noise"} | {
        "%dx%d" % (size, size) for size in (4, 8, 16, 32, 64)}
    weight = "G_synthesis/8x8/Conv1/weight"
    x, y = [networks.Gs.variables[weight].astype(np.float64).ravel() for networks in (PHOTO, CARTOON)]
    cosine = x.dot(y) / np.linalg.norm(x) / np.linalg.norm(y)
    assert compare.compare(a, CARTOON.Gs).kinship.cosines["8x8/Conv1"] == pytest.approx(cosine)
    zero = a.replaced({name: 0 * value for name, value in a.variables.items()})
    assert all(np.isnan(distance.cosine) for distance in compare.compare(a, zero).by_layer.values())
    assert compare.compare(a, zero).verdict == relatives.UNKNOWN


def test_formats_mean_nothing(tmp_path):
    PHOTO.save(str(tmp_path / "p.pkl"), "pytorch")
    again = blend.load(str(tmp_path / "p.pkl"))
    assert verdict(again, PHOTO) == compare.SAME and verdict(again, CARTOON) == relatives.RELATIVES


def test_lod_means_nothing():
    without = blend.load(os.path.join(GOLDEN, "ada-tensorflow.pkl"))
    other = without.Gs.changed(own_variables=dict(without.Gs.own_variables, lod=np.float32(0)))
    assert "lod" not in without.Gs.stored and compare.compare(without.Gs, other).verdict == compare.SAME


def test_warnings():
    assert relatives.warning(PHOTO.Gs, CARTOON.Gs) is None
    text = relatives.warning(pico_file(seed=1).Gs, pico_file(seed=2).Gs, ("a.pkl", "b.pkl"))
    assert text.startswith("a.pkl and b.pkl look like strangers") and "\n" not in text


def test_networks_that_do_not_fit():
    found = compare.compare(pico_file(16).Gs, pico_file(32).Gs, ("a", "b"))
    assert "resolution: 16 in a, 32 in b" in found.differences[0] and found.verdict == relatives.STRANGERS
    assert compare.compare(pico_file(16).Gs, pico_file(16, channels=4).Gs).verdict == relatives.UNKNOWN
    larger = pico_file(32, seed=5).Gs
    low = {name: value for name, value in larger.variables.items()}
    low.update((name, value) for name, value in pico_file(16, seed=4).Gs.variables.items())
    assert compare.compare(pico_file(16, seed=4).Gs, larger.replaced(low)).verdict == relatives.RELATIVES  # enlarged


def test_the_command(saved, tmp_path, capsys):
    assert run("compare", "photo", "cartoon", "--out", tmp_path / "out") == 0
    told = capsys.readouterr().out
    assert "fit      photo - cartoon: yes" in told and "verdict  relatives: one was fine-tuned" in told
    assert "64x64" in told and "compare.png" in told
    image = Image.open(str(tmp_path / "out" / "compare.png"))
    assert image.width > 300 and np.asarray(image).std() > 5
    assert run("compare", *saved, "photo", "--layers") == 0
    told = capsys.readouterr().out
    assert "fit      1  low - high: yes" in told and "verdict  1  strangers" in told
    assert "fit      2  low - photo: no" in told and "resolution: 16 in low, 64 in photo" in told
    assert "8x8/Conv0_up" in told and "dist. 3" in told
    assert run("compare", *(["photo"] * 6)) == 0
    assert "verdict  5  the same network" in capsys.readouterr().out


@pytest.mark.parametrize("arguments, says", [
    (["photo"], "from two to 12"), (["photo"] * 13, "from two to 12"), ([], "NETWORK"),
    (["photo", "nowhere"], "nowhere"),
    (["photo", "cartoon", "--typo"], "--typo"), (["photo", "cartoon", "--out", __file__], "cannot be a folder"),
])
def test_bad_input(arguments, says, capsys):
    assert run("compare", *arguments) == 2
    told = capsys.readouterr().err
    assert says in told and told.count("\n") == 1


def test_no_tensorflow():
    code = ("import sys\nfrom blend.run import main\n"
            "try: main(['compare', '--help'])\nexcept SystemExit: pass\n"
            "assert main(['compare', 'photo', 'cartoon']) == 0\n"
            "assert 'tensorflow' not in sys.modules")
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
