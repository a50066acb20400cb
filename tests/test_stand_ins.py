"""What stands for variables that a file lacks: the average w, and stored noise."""

import copy
import os
import pickle
import subprocess
import sys
import threading
from collections import OrderedDict

import numpy as np
import pytest
from conftest import GOLDEN, golden, pico_file, torch_file
from test_formats import command, equal

import blend
from blend import checkpoints
from blend.checkpoints import layouts
from blend.networks import mapping, stand_ins
from blend.networks.network import Network, not_finite


def state(network, without=()):
    """A rosinality state_dict of a generator, {tensor: array}."""
    tensors, _ = layouts.to_torch(network, layouts.rosinality_generator)
    return OrderedDict((name, value) for name, value in tensors.items()
                       if not name.startswith(tuple(without) + ("latent_avg",)))


@pytest.fixture
def bare(tmp_path):
    """A rosinality checkpoint without average w and noise, and the network that it was made of."""
    network = pico_file(seed=3).Gs
    return torch_file(tmp_path / "bare.pt", {"g_ema": state(network, ["noises."])}), network


def mean_of_the_graph(network):
    """The mean w of the same latents by the TensorFlow graph."""
    from blend.engine.generator import Generator

    graph = Generator(network.architecture)
    graph.load(network)
    z = np.random.RandomState(0).randn(mapping.LATENTS, network.architecture["latent_size"]).astype(np.float32)
    labels = np.zeros((len(z), network.architecture["label_size"]), np.float32)
    if labels.shape[1]:
        labels[np.arange(len(z)), np.arange(len(z)) % labels.shape[1]] = 1
    return graph.map(z, labels)[:, 0].astype(np.float64).mean(0), graph.map(z[:50], labels[:50])[:, 0], z, labels


@pytest.mark.parametrize("name", ["skip64", "labels32", "ada", "relu"])
def test_mapping_is_that_of_the_graph(name, monkeypatch):
    monkeypatch.setattr(mapping, "_CHUNK", 3000)  # several chunks, the last one smaller
    if name == "ada":
        network = blend.load(os.path.join(GOLDEN, "ada-tensorflow.pkl")).Gs
    elif name == "relu":
        network = pico_file(seed=2).Gs
        for part in (network, network.components["mapping"]):
            part.static_kwargs.update(mapping_nonlinearity="relu", normalize_latents=False, mapping_lrmul=0.5)
    else:
        network = golden(name).a.Gs
    variables = network.components["mapping"].variables
    mean, w, z, labels = mean_of_the_graph(network)
    ours = mapping.mapped(network.architecture, variables, z[:50], labels[:50])
    assert np.abs(ours - w).max() <= 1e-5 * np.abs(w).max()
    average = mapping.average(network.architecture, variables)
    assert average.dtype == np.float32 and np.abs(average - mean).max() <= 1e-5 * np.abs(w).max()


def test_a_checkpoint_without_average_and_noise(bare, capsys):
    path, network = bare
    found = blend.load(path)
    assert stand_ins.NO_AVERAGE in found.left_out and stand_ins.NO_NOISE in found.left_out
    average = found.Gs.variables["dlatent_avg"]
    expected = mapping.average(found.Gs.architecture, network.components["mapping"].variables)
    assert np.array_equal(average, expected) and np.abs(average).max() > 0
    for name, value in found.Gs.variables.items():
        if name.startswith("G_synthesis/noise"):
            assert 0.5 < value.std() < 1.5 and value.shape == network.variables[name].shape
        elif name != "dlatent_avg":
            assert np.allclose(value, network.variables[name], atol=1e-6), name
    code, said = command(capsys, "inspect", path)
    assert code == 0 and "no average w: the mean of the mapping network over 10,000 latents" in said
    assert "no noise buffers: noise of a fixed seed stands for them" in said


def test_nothing_is_computed_until_it_is_asked_for(bare, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(mapping, "average", lambda architecture, _: asked.append(1) or np.ones(8, np.float32))
    found = blend.load(bare[0])
    assert found.Gs.stored["dlatent_avg"].shape == (8,) and not_finite(found.Gs) == {}
    assert command(capsys, "inspect", bare[0])[0] == 0 and not asked
    assert command(capsys, "inspect", bare[0], "--variables")[0] == 0 and not asked
    assert found.Gs.variables["dlatent_avg"].sum() == 8 and asked == [1]


def test_a_network_is_shown_without_computing(bare, monkeypatch):
    monkeypatch.setattr(mapping, "average", lambda *arguments: 1 / 0)
    network = blend.load(bare[0]).Gs
    assert "%d variables" % len(network.stored) in repr(network)


def test_it_is_made_once_and_stays_the_same_array(bare, monkeypatch):
    made, once = [], mapping.average
    monkeypatch.setattr(mapping, "average", lambda *arguments: made.append(1) or once(*arguments))
    network, arrays = blend.load(bare[0]).Gs, []
    threads = [threading.Thread(target=lambda: arrays.append(network.variables["dlatent_avg"])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(arrays) == 8 and all(array is arrays[0] for array in arrays) and made == [1]
    first, second = network.variables, network.variables
    assert all(first[name] is second[name] for name in first)
    assert network.replaced(first).variables["dlatent_avg"] is arrays[0] and not arrays[0].flags.writeable


@pytest.mark.parametrize("format", ["tensorflow", "pytorch", "rosinality", "safetensors"])
def test_files_and_blends_have_it(format, bare, tmp_path):
    found, path = blend.load(bare[0]), str(tmp_path / "written")
    found.save(path, format)
    there = blend.load(path)
    for name, value in found.Gs.variables.items():
        assert value.tobytes() == there.Gs.variables[name].tobytes(), name
    assert stand_ins.NO_AVERAGE not in there.left_out
    mixed = blend.blend(pico_file(seed=1), found, 8, dlatent_avg="high", noise_buffers="high")
    assert mixed.Gs.variables["dlatent_avg"] is found.Gs.variables["dlatent_avg"]
    equal(blend.blend(found, found, 8).Gs, found.Gs)


def test_the_shipped_network_is_truncated_almost_as_with_its_own_average(tmp_path):
    """With 0 in its place psi 0.7 was wrong by 18 levels."""
    photo = blend.shipped("photo")
    path = torch_file(tmp_path / "photo.pt", {"g_ema": state(photo.Gs)})
    found = blend.load(path)
    assert stand_ins.NO_NOISE not in found.left_out
    expected = blend.generate(photo, seeds=range(4), psi=0.7).astype(int)
    pictures = blend.generate(found, seeds=range(4), psi=0.7).astype(int)
    assert np.abs(expected - pictures).mean() < 2


def test_g_and_gs_have_the_same_noise(tmp_path):
    network = pico_file().Gs
    found = blend.load(torch_file(tmp_path / "two.pt", {
        "g": state(network, ["noises."]), "g_ema": state(network, ["noises."]), "latent_avg": np.ones(8, np.float32)}))
    assert found.left_out == (stand_ins.NO_NOISE,)
    assert np.array_equal(found.G.variables["G_synthesis/noise2"], found.Gs.variables["G_synthesis/noise2"])


def test_some_noise_buffers_missing_stays_an_error(tmp_path):
    path = torch_file(tmp_path / "some.pt", {"g_ema": state(pico_file().Gs, ["noises.noise_2"])})
    with pytest.raises(blend.NetworkFileError, match="noises.noise_2 is missing"):
        blend.load(path)


def test_reading_and_writing_load_no_tensorflow(bare, tmp_path):
    code = ("import sys, blend; n = blend.load(%r); n.save(%r, 'tensorflow'); assert 'tensorflow' not in sys.modules; "
            "assert n.Gs.variables['dlatent_avg'].any()" % (bare[0], str(tmp_path / "out.pkl")))
    folder = os.path.dirname(os.path.dirname(os.path.abspath(blend.__file__)))
    assert subprocess.call([sys.executable, "-c", code], cwd=folder) == 0


def test_weights_that_are_not_finite_do_not_warn(recwarn):
    network = pico_file().Gs
    network.components["mapping"].own_variables["Dense0/weight"] = np.full((8, 8), np.inf, np.float32)
    mapping.average(network.architecture, network.components["mapping"].variables)
    assert not recwarn.list


def test_a_copy_of_a_network_has_the_same_average(bare):
    found = checkpoints.load(bare[0])
    copy = Network("Gs", "G_main", found.Gs.static_kwargs, found.Gs.own_variables, found.Gs.components)
    assert copy.variables["dlatent_avg"] is found.Gs.variables["dlatent_avg"]


def test_networks_with_stand_ins_can_be_copied_and_pickled(bare):
    found = blend.load(bare[0])
    assert found.Gs.architecture.resolution == 16
    for copied in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        equal(copied.Gs, found.Gs)
        assert copied.Gs.architecture == found.Gs.architecture and type(copied.Gs.stored["dlatent_avg"]) is np.ndarray


def test_a_blend_says_once_what_stands_for_what(bare, tmp_path, capsys):
    path = str(tmp_path / "whole.pkl")
    pico_file(seed=4).save(path)
    said = command(capsys, bare[0], path, "--resolution", "8", "--no-pictures", "--save", str(tmp_path / "a.pt"))[1]
    assert said.count("note     LOW has no average w") == said.count("note     LOW has no noise buffers") == 1
    said = command(capsys, path, bare[0], "--resolution", "8", "--no-pictures", "--save", str(tmp_path / "b.pkl"))[1]
    assert "HIGH has" not in said
    said = command(capsys, path, bare[0], "--resolution", "8", "--noise-buffers", "high", "--no-pictures", "--save",
                   str(tmp_path / "c.pkl"))[1]
    assert "note     HIGH has no noise buffers" in said and "average" not in said
