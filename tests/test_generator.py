"""Pictures: seeds, noise, truncation, batches, and one graph for a hundred blends."""

import os
import threading
from concurrent import futures

import numpy as np
import pytest
from conftest import golden, pico_file

import blend
from blend.engine import quiet_stderr
from blend.engine.generator import Generator
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


@pytest.mark.parametrize("noise_seed", [0, 5])
def test_random_noise_is_each_picture_s_own(noise_seed, pico, monkeypatch):
    """Whatever the number of pictures that are computed at once, and of those that are asked for."""
    given, before = [], Generator.images
    monkeypatch.setattr(Generator, "images", lambda self, z, labels, psi, cutoff, noise, shared: (
        given.append(noise) or before(self, z, labels, psi, cutoff, noise, shared)))

    def drawn(batch, count=7):
        monkeypatch.setattr("blend.engine.generator._BATCH_PIXELS", batch * 16 * 16)
        del given[:]
        images = blend.generate(pico, seeds=range(count), noise="random", noise_seed=noise_seed)
        return images, [np.concatenate(layer) for layer in zip(*given)], len(given)

    expected = [np.random.RandomState([noise_seed, i]).randn(1, 1, 4, 4).astype(np.float32) for i in range(7)]
    for batch, batches in ((1, 7), (3, 3), (64, 1)):
        images, noise, calls = drawn(batch)
        assert calls == batches and np.array_equal(noise[0], np.concatenate(expected))
        if batch == 1:
            first_images, first_noise = images, noise
        assert images.tobytes() == first_images.tobytes()
        assert all(a.tobytes() == b.tobytes() for a, b in zip(noise, first_noise))
    images, noise, _ = drawn(64, count=2)
    assert images.tobytes() == first_images[:2].tobytes()


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


def in_threads(count, function, jobs):
    """What a function makes of each job, on so many threads that begin together."""
    barrier = threading.Barrier(count)

    def work(part):
        barrier.wait()
        return [(job, function(job)) for job in part]

    with futures.ThreadPoolExecutor(count) as pool:
        return [pair for pairs in pool.map(work, [jobs[i::count] for i in range(count)]) for pair in pairs]


def test_threads_get_their_own_pictures(pico, pico_other, monkeypatch):
    """Several networks of one architecture, and another architecture; several batches a call."""
    networks = [pico, pico_other, blend.blend(pico, pico_other, 8), pico_file(8, seed=1), pico_file(8, seed=2)]
    jobs = [(i % len(networks), i) for i in range(80)]

    def draw(job):
        network, seed = job
        noise = generate.NOISES[seed % 4]
        return raw(networks[network], seeds=[seed, seed + 1, seed + 2], noise=noise, noise_seed=seed)

    monkeypatch.setattr("blend.engine.generator._BATCH_PIXELS", 2 * 16 * 16)
    expected = {job: draw(job) for job in jobs}
    wrong = [job for job, images in in_threads(8, draw, jobs) if not np.allclose(images, expected[job], atol=1e-4)]
    assert not wrong


def test_threads_and_sweeps(pico, pico_other):
    def draw(order):
        low, high = (pico, pico_other)[::order]
        networks = [low.Gs] + [blend.blend(low, high, split).Gs for split in (8, 4)]
        return np.concatenate(next(generate.iterate_many(networks, [1, 2], output="float32")))

    expected = {order: draw(order) for order in (1, -1)}
    assert all(np.allclose(images, expected[order], atol=1e-4) for order, images in in_threads(4, draw, [1, -1] * 8))


def test_a_half_consumed_iterator_goes_on_beside_a_thread(pico, pico_other, monkeypatch):
    expected = [raw(networks, seeds=range(6)) for networks in (pico, pico_other)]
    monkeypatch.setattr("blend.engine.generator._BATCH_PIXELS", 2 * 16 * 16)
    batches = generate.iterate(pico.Gs, range(6), psi=0.7, output="float32")
    first = next(batches)
    with futures.ThreadPoolExecutor(1) as pool:  # would wait for ever if the iterator held a lock
        other = pool.submit(raw, pico_other, seeds=range(6)).result(timeout=60)
    assert np.allclose(np.concatenate([first] + list(batches)), expected[0], atol=1e-4)
    assert np.allclose(other, expected[1], atol=1e-4)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, MemoryError])
@pytest.mark.parametrize("method", ["load", "map", "synthesise"])
def test_an_error_in_one_thread_leaves_nothing_locked(method, error, pico, pico_other, monkeypatch):
    expected = raw(pico, seeds=[1])

    def broken(*_arguments):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Generator, method, broken)
        with pytest.raises(error):
            raw(pico_other, seeds=[1])
    with futures.ThreadPoolExecutor(1) as pool:
        assert np.array_equal(pool.submit(raw, pico, seeds=[1]).result(timeout=60), expected)


def test_weights_that_were_set_in_part_are_set_again(pico, pico_other, monkeypatch):
    expected = raw(pico, seeds=[1])
    with monkeypatch.context() as patch:
        patch.setattr("blend.engine.generator.set_variables", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            raw(pico_other, seeds=[1])
    assert np.array_equal(raw(pico, seeds=[1]), expected)


def test_one_generator_is_built_for_all_threads(monkeypatch):
    built, before = [], Generator.__init__
    monkeypatch.setattr(Generator, "__init__", lambda self, *rest: built.append(self) or before(self, *rest))
    networks = pico_file(8, channels=5)
    in_threads(4, lambda seed: blend.generate(networks, seeds=[seed]), [1, 2, 3, 4])
    assert len(built) == 1


def test_stderr_is_quiet_while_any_thread_wants_it(capfd):
    before, first, second = os.fstat(2), quiet_stderr(), quiet_stderr()
    first.__enter__()
    second.__enter__()
    os.write(2, b"held back ")
    first.__exit__(None, None, None)
    os.write(2, b"until the last has left ")
    second.__exit__(None, None, None)
    assert (os.fstat(2).st_dev, os.fstat(2).st_ino) == (before.st_dev, before.st_ino)
    assert capfd.readouterr().err == ""
    with pytest.raises(ValueError):
        with quiet_stderr():
            with quiet_stderr():
                os.write(2, b"told once")
                raise ValueError
    assert capfd.readouterr().err == "told once"


def test_arrays_that_networks_share_are_looked_at_once(pico, pico_other, monkeypatch):
    looked_at, before = [], generate.check_finite
    monkeypatch.setattr(generate, "check_finite", lambda network, whose, variables: (
        looked_at.extend(variables.values()) or before(network, whose, variables)))
    networks = [pico.Gs] + [blend.blend(pico, pico_other, split).Gs for split in (8, 4)] + [pico_other.Gs]
    generate.iterate_many(networks, [1])
    distinct = {id(value) for network in networks for value in network.variables.values()}
    assert len(looked_at) == len(distinct) == len({id(value) for value in looked_at})
    variables = pico_other.Gs.variables
    variables["G_synthesis/16x16/Conv1/bias"] = np.full_like(variables["G_synthesis/16x16/Conv1/bias"], np.nan)
    with pytest.raises(blend.NetworkFileError, match="16x16/Conv1/bias has 8 of 8"):
        generate.iterate_many(networks + [pico_other.Gs.replaced(variables)], [1])


def test_what_is_asked_for_is_a_value(pico, monkeypatch):
    """Arrays and lists that change after the call change nothing."""
    monkeypatch.setattr("blend.engine.generator._BATCH_PIXELS", 16 * 16)
    z, seeds = np.random.RandomState(0).randn(3, 8).astype(np.float32), [1, 2, 3]
    expected = [raw(pico, z=z), raw(pico, seeds=seeds)]
    batches = [generate.iterate(pico.Gs, output="float32", psi=0.7, **given)
               for given in (dict(z=z), dict(seeds=seeds))]
    z[:], seeds[:] = 0, [0, 0, 0]
    for iterator, images in zip(batches, expected):
        assert np.array_equal(np.concatenate(list(iterator)), images)


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
