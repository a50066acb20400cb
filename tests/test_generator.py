"""Pictures: seeds, noise, truncation, batches, and one graph for a hundred blends."""

import numpy as np
import pytest
from conftest import golden, pico_file

import blend
from blend.pictures import generate
from blend.pictures.generate import generator_for


def raw(networks, **options):
    return blend.generate(networks, **dict(dict(output="float32", psi=0.7), **options))


def test_seeds_are_nvidia_s(pico):
    z = np.concatenate([np.random.RandomState(seed).randn(1, 8) for seed in (3, 5)])
    assert np.array_equal(raw(pico, seeds=[3, 5]), raw(pico, z=z))


def test_seed_noise_continues_the_seed_s_draws(pico):
    random = np.random.RandomState(3)
    z = random.randn(1, 8)
    variables = pico.Gs.variables
    for name in [name for name in variables if name.startswith("G_synthesis/noise")]:
        variables[name] = random.randn(*variables[name].shape).astype(np.float32)
    drawn = pico._replace(Gs=pico.Gs.replaced(variables))
    assert np.array_equal(raw(pico, seeds=[3], noise="seed"), raw(drawn, z=z))
    assert np.abs(raw(pico, seeds=[3, 4], noise="seed")[:1] - raw(drawn, z=z)).max() < 1e-4


def test_no_noise_and_random_noise(pico):
    variables = pico.Gs.variables
    for name in variables:
        if name.endswith("noise_strength"):
            variables[name] = np.zeros((), np.float32)
    silent = pico._replace(Gs=pico.Gs.replaced(variables))
    assert np.array_equal(raw(pico, seeds=[1], noise="none"), raw(silent, seeds=[1]))
    first, second = [raw(pico, seeds=[1], noise="random") for _ in range(2)]
    assert not np.array_equal(first, second)
    again, and_again = [raw(pico, seeds=[1], noise="random", noise_seed=5) for _ in range(2)]
    assert np.array_equal(again, and_again)


def test_w_in_place_of_z(pico):
    z = np.random.RandomState(0).randn(2, 8)
    generator = generator_for(pico.Gs)
    full = generator.map(z, np.zeros([2, 0]))
    assert np.array_equal(raw(pico, z=z, psi=1), raw(pico, w=full))
    assert np.array_equal(raw(pico, w=full[:, 0]), raw(pico, w=full))


def test_truncation(pico):
    z = np.random.RandomState(0).randn(2, 8)
    average = pico.Gs.variables["dlatent_avg"][None]
    assert np.allclose(raw(pico, z=z, psi=0)[:1], raw(pico, w=average), atol=1e-4)
    assert np.array_equal(raw(pico, z=z, psi=None), raw(pico, z=z, psi=1, cutoff=2))
    assert np.array_equal(raw(pico, z=z, psi=0.3, cutoff=0), raw(pico, z=z, psi=1))
    assert np.array_equal(raw(pico, z=z, psi=0.3, cutoff=6), raw(pico, z=z, psi=0.3))


def test_batches_make_the_same_pictures(pico, monkeypatch):
    whole = raw(pico, seeds=range(7))
    monkeypatch.setattr("blend.engine.generator._BATCH_PIXELS", 3 * 16 * 16)
    done = []
    parts = raw(pico, seeds=range(7), progress=done.append)
    assert done == [3, 3, 1]
    assert np.abs(whole - parts).max() <= 1e-5 * np.abs(whole).max()


def test_two_networks_drawn_in_turns_keep_their_weights(pico, pico_other, monkeypatch):
    expected = [raw(each, seeds=range(4)) for each in (pico, pico_other)]
    monkeypatch.setattr("blend.engine.generator._BATCH_PIXELS", 2 * 16 * 16)
    both = [generate.iterate(each.Gs, range(4), psi=0.7, output="float32") for each in (pico, pico_other)]
    found = [np.concatenate(each) for each in zip(*zip(*both))]
    assert all(np.abs(a - b).max() < 1e-4 for a, b in zip(found, expected))


def test_a_hundred_blends_cost_one_graph(pico, pico_other):
    blend.generate(pico, seeds=[0])
    generator = generator_for(pico.Gs)
    operations = len(generator._session.graph.get_operations())
    for i in range(100):
        mixed = blend.blend(pico, pico_other, fractions={"8x8": i / 100})
        assert generator_for(mixed.Gs) is generator
        pictures_of = blend.generate(mixed, seeds=[0])
    assert len(generator._session.graph.get_operations()) == operations
    assert not np.array_equal(pictures_of, blend.generate(pico, seeds=[0]))


def test_labels():
    case = golden("labels32")
    z = case.z[:1]
    first = raw(case.a, z=z, labels=1)
    assert np.array_equal(first, raw(case.a, z=z, labels=[[0, 1, 0]]))
    assert not np.array_equal(first, raw(case.a, z=z))
    for labels in (3, -1, [[1, 0]]):
        with pytest.raises(blend.BlendError):
            raw(case.a, z=z, labels=labels)


def test_resolution_4_and_deep_networks():
    kwargs = dict(resolution=4, channels=4, latent=4, layers=1)
    assert blend.generate(pico_file(**kwargs), seeds=[0]).shape == (1, 4, 4, 3)
    assert blend.generate(pico_file(resolution=128, channels=4, layers=9), seeds=[0]).shape == (1, 128, 128, 3)


def test_to_bytes_saturates_and_truncates():
    values = np.float32([-9, -1, 0, 0.999, 1, 9]).reshape(1, 1, 1, 6)
    assert generate.to_bytes(values).ravel().tolist() == [0, 0, 128, 255, 255, 255]


@pytest.mark.parametrize("options", [
    dict(), dict(seeds=[0], z=np.zeros([1, 8])), dict(seeds=[]), dict(z=np.zeros([1, 9])), dict(w=np.zeros([1, 3, 8])),
    dict(seeds=[0], noise="loud"), dict(z=np.zeros([1, 8]), noise="seed"), dict(seeds=[0], output="jpeg"),
    dict(seeds=[-1]), dict(seeds=[0], psi=float("nan")), dict(seeds=[0], cutoff=-1), dict(seeds=[0], device="tpu"),
    dict(seeds=[0], labels=0), dict(seeds=3), dict(seeds=[1.5]), dict(seeds=[0], noise_seed=-1),
    dict(z=1.0), dict(z="x"), dict(seeds=[0], psi="x"),
])
def test_bad_arguments(pico, options):
    with pytest.raises(blend.BlendError) as error:
        blend.generate(pico, **options)
    assert "\n" not in str(error.value)


def test_a_typo_is_an_error(pico):
    with pytest.raises(TypeError):
        blend.generate(pico, seeds=[0], pis=0.5)
