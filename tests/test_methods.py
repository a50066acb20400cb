"""Methods of merging: their identities, on arrays and on network files."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest
from conftest import pico_file, pico_variables

import blend
from blend.mixing import MERGED, Weights, merge, methods, shares
from blend.system.pending import Kept, Pending, computed

RANDOM = np.random.RandomState(0)
SHAPES = [(3, 3, 8, 4), (7,), ()]
NAMES = list(pico_variables())
EVERY = list(methods.METHODS)
WITH_BASE = [name for name in EVERY if methods.METHODS[name].base]
SEVERAL = [name for name in EVERY if methods.METHODS[name].most is None]


def arrays(count, shape=(3, 3, 8, 4), near=None):
    """Random arrays; `near` one, as fine-tuned networks are near their ancestor."""
    found = [np.asarray(RANDOM.randn(*shape), np.float32) for _ in range(count)]
    return found if near is None else [np.asarray(near + np.float32(0.1) * array) for array in found]


def given(method, count, shape):
    """(base, arrays, weights) that a method takes."""
    base, = arrays(1, shape)
    count = methods.METHODS[method].most or count
    return base, arrays(count, shape, near=base), [1 / count] * count


def apply(method, sources, weights, base=None, **parameters):
    return methods.apply(method, "8x8/Conv1/weight", sources, weights, base, parameters)


def close(found, expected, tolerance=1e-6):
    assert np.shape(found) == np.shape(expected) and found.dtype == np.float32
    assert np.allclose(found, expected, 0, tolerance), np.abs(found - expected).max()


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("shape", SHAPES)
def test_float32_finite_and_nothing_is_changed(method, shape):
    base, sources, weights = given(method, 3, shape)
    before = [array.copy() for array in [base] + sources]
    found = apply(method, sources, weights, base, density=0.5)
    assert found.dtype == np.float32 and found.shape == shape and np.isfinite(found).all()
    assert all(np.array_equal(array, old) for array, old in zip([base] + sources, before))
    assert np.array_equal(found, apply(method, sources, weights, base, density=0.5))


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("values", [0, 1e-30, 1e18])
def test_extreme_values_stay_finite(method, values):
    base, sources, weights = given(method, 3, (4, 4))
    assert np.isfinite(apply(method, [array * np.float32(values) for array in sources], weights,
                             base * np.float32(values), density=0.3)).all()


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("shape", SHAPES)
def test_networks_that_are_their_ancestor_give_it(method, shape):
    base, sources, weights = given(method, 3, shape)
    close(apply(method, [base] * len(sources), weights, base, density=0.5), base, 0 if base.ndim == 0 else 3e-7)
    if method in WITH_BASE:
        assert np.array_equal(apply(method, [base.copy() for _ in sources], weights, base, density=0.5), base)


@pytest.mark.parametrize("method", [name for name in EVERY if methods.METHODS[name].whole])
def test_all_of_one_is_that_one(method):
    base, sources, _ = given(method, 3, (5, 2))
    for i, array in enumerate(sources):
        weights = [int(i == j) for j in range(len(sources))]
        assert apply(method, sources, weights, base) is array
        assert methods.is_whole(method, weights)


@pytest.mark.parametrize("method", SEVERAL)
def test_the_order_of_networks_means_nothing(method):
    base, sources, _ = given(method, 3, (3, 3, 8, 4))
    weights = [0.5, 0.2, 0.3]
    first = apply(method, sources, weights, base)
    for order in itertools.permutations(range(3)):
        close(apply(method, [sources[i] for i in order], [weights[i] for i in order], base), first, 1e-5)


def test_linear_is_the_article_s_of_two_and_a_mean_of_several():
    low, high, third = arrays(3)
    assert np.array_equal(methods.linear([low, high], (1 - 0.3, 0.3)),
                          high * np.float32(0.3) + low * np.float32(1 - 0.3))
    assert np.array_equal(methods.mix(low, high, 0.3), methods.linear([low, high], (0.7, 0.3)))
    close(methods.linear([low, high, third], (0.5, 0.25, 0.25)), 0.5 * low + 0.25 * high + 0.25 * third)
    assert not methods.linear([low, high], (0, 0)).any()


def test_task_arithmetic():
    base, a, b = arrays(3)
    close(methods.task_arithmetic([a], (0.3,), base), methods.mix(base, a, 0.3))
    close(methods.task_arithmetic([a, b], (1.5, -0.5), base), base + 1.5 * (a - base) - 0.5 * (b - base), 1e-5)
    close(methods.task_arithmetic([a, b], (1, 0.7), base), a + np.float32(0.7) * (b - base), 1e-5)  # add difference
    assert methods.task_arithmetic([a, b], (0, 0), base) is base


def test_slerp_goes_along_the_arc():
    a, b = np.float32([1, 0, 0]), np.float32([0, 1, 0])
    third = [math.cos(math.pi / 6), math.sin(math.pi / 6), 0]
    close(methods.slerp([a, b], (2 / 3, 1 / 3)), np.float32(third))
    for t in (0.1, 0.5, 0.9):
        assert np.linalg.norm(methods.slerp([a, b], (1 - t, t))) == pytest.approx(1, abs=1e-6)
    assert methods.slerp([a, b], (1, 0)) is a and methods.slerp([a, b], (0, 1)) is b
    near = a + np.float32([0, 1e-4, 0])  # nearly parallel, and without a direction: linear
    assert np.array_equal(methods.slerp([a, near], (0.75, 0.25)), methods.mix(a, near, 0.25))
    assert np.array_equal(methods.slerp([a, -a], (0.75, 0.25)), methods.mix(a, -a, 0.25))
    assert np.array_equal(methods.slerp([a, 0 * a], (0.75, 0.25)), methods.mix(a, 0 * a, 0.25))


def test_model_stock():
    base, = arrays(1)
    same = base + arrays(1)[0]
    close(methods.model_stock([same, same.copy(), same.copy()], (1, 1, 1), base), same, 1e-6)
    a, b = np.zeros([2, 4], np.float32), np.zeros([2, 4], np.float32)
    a[0, 0], b[0, :2] = 2, (1, math.sqrt(3))  # 60 degrees apart: t = 2 / 3
    close(methods.model_stock([a, b], (1, 1), 0 * a), (a + b) / 2 * np.float32(2 / 3))
    three = [np.float32([1, 0, 0]), np.float32([0, 1, 0]), np.float32([0, 0, 1])]
    zero = np.zeros(3, np.float32)
    assert np.array_equal(methods.model_stock(three, (1, 1, 1), zero), zero)  # at right angles: nothing in common
    assert np.array_equal(methods.model_stock([a, -a], (1, 1), 0 * a), 0 * a)
    close(methods.model_stock([a, b, 9 * b], (1, 1, 0), 0 * a), methods.model_stock([a, b], (1, 1), 0 * a))


def test_ties():
    base, a = arrays(2)
    close(methods.ties([a, a.copy()], (1, 1), base), a)
    x, y = np.float32([4, -3, 2, 0.1]), np.float32([2, 1, -2, 0.3])
    zero = np.zeros(4, np.float32)
    # Signs of the sums: +, -, none, +.
    assert np.allclose(methods.ties([x, y], (1, 1), zero), [3, -3, 0, 0.2])
    assert np.allclose(methods.ties([x, y], (1, 1), zero, density=0.5), [3, -3, -2, 0])
    assert np.allclose(methods.ties([x, y], (1, 1), zero, density=(0.25, 1)), [3, 1, -2, 0.3])
    assert np.allclose(methods.ties([x, y], (3, 1), zero, scale=2), [7, -6, 4, 0.3])
    assert np.allclose(methods.ties([x, y], (1, 0), zero), x)


def test_dare():
    base, a, b = arrays(3, (40, 50))
    options = dict(seed=5, name="n")
    assert np.array_equal(methods.dare([a, b], (0.4, 0.9), base, density=1, **options),
                          methods.task_arithmetic([a, b], (0.4, 0.9), base))
    found = methods.dare([a], (1,), base, density=0.25, **options)
    kept = found != base
    assert 0.2 < kept.mean() < 0.3
    close(found[kept], (base + (a - base) * 4)[kept], 1e-5)
    assert np.array_equal(found, methods.dare([a], (1,), base, density=0.25, **options))
    for other in (dict(options, seed=6), dict(options, name="m")):
        assert not np.array_equal(found, methods.dare([a], (1,), base, density=0.25, **other))
    # A network's draw is its place's, whoever else takes part.
    close(methods.dare([a, b], (1, 0), base, density=0.25, **options), found, 0)
    one = np.float32(2)
    assert methods.dare([np.asarray(one)], (0.5,), np.asarray(one * 0), density=0.1, **options) == 1
    close(methods.dare_ties([a, b], (1, 1), base, density=1, **options), methods.ties([a, b], (1, 1), base))


def test_dare_means_the_same_difference():
    """Dropping and scaling up keeps the mean of the difference (arXiv 2311.03099)."""
    base, = arrays(1, (50, 50))
    a = base + np.float32(1)
    found = np.mean([methods.dare([a], (1,), base, density=0.5, seed=seed, name="n") - base for seed in range(40)])
    assert found == pytest.approx(1, abs=0.02)


def test_every_method_says_its_source_and_what_is_known_of_it():
    for entry in methods.METHODS.values():
        text = entry.function.__doc__
        assert "StyleGAN" in text or "ties" in text
        assert "arXiv" in text or "Shoemake" in text or "papers" in text
        assert set(entry.parameters) <= set(methods.PARAMETERS)


# On names and files.

def whole(networks):
    return networks.Gs.variables


def test_weights_by_layer_are_those_of_fractions():
    low, high = pico_file(seed=1), pico_file(seed=2)
    fractions = {"8x8": 0.25, "8x8/ToRGB": 0, "16x16/Conv1": 1}
    expected = whole(blend.blend(low, high, fractions=fractions))
    found = whole(merge("linear", [low, high], Weights((None, fractions))))
    assert list(found) == list(expected)
    for name in found:
        assert np.array_equal(found[name], expected[name])
        kept = [side for side in (whole(low), whole(high)) if side[name] is expected[name]]
        assert not kept or found[name] is kept[0][name]


def test_who_gives_what_is_outside_the_layers():
    networks = [pico_file(seed=seed) for seed in range(3)]
    base = pico_file(seed=9)
    found = whole(merge("task-arithmetic", networks, Weights(
        (0.5, 1, 2), mapping=1, dlatent_avg=2, noise_buffers=3, torgb=0, normalise=False, rest=3), base))
    sources = [whole(each) for each in networks + [base]]
    assert found["G_mapping/Dense0/weight"] is sources[1]["G_mapping/Dense0/weight"]
    assert found["dlatent_avg"] is sources[2]["dlatent_avg"] and found["lod"] is sources[0]["lod"]
    assert found["G_synthesis/noise1"] is sources[3]["G_synthesis/noise1"]
    assert found["G_synthesis/8x8/ToRGB/weight"] is sources[0]["G_synthesis/8x8/ToRGB/weight"]
    merged = whole(merge("linear", networks, Weights((1, 1, {"mapping": 2}), mapping=MERGED, dlatent_avg=MERGED)))
    close(merged["G_mapping/Dense1/bias"], sum(
        part * source["G_mapping/Dense1/bias"] for part, source in zip((0.25, 0.25, 0.5), sources)))
    close(merged["dlatent_avg"], sum(source["dlatent_avg"] for source in sources[:2]) / 2)


def test_layers_without_weights():
    some = shares(NAMES, Weights(({"8x8": 0.5}, {"8x8": 0.5}), rest=1))
    assert some["G_synthesis/16x16/Conv1/weight"].source == 1
    assert some["G_synthesis/8x8/Conv1/weight"].weights == (0.5, 0.5)
    assert all(share.reason for share in some.values()) and list(some) == NAMES


def test_weights_are_parts_of_1_unless_told_otherwise():
    name = "G_synthesis/8x8/Conv1/weight"
    assert shares(NAMES, Weights((2, 1, 1)))[name].weights == (0.5, 0.25, 0.25)
    assert shares(NAMES, Weights((2, 1, 1), normalise=False))[name].weights == (2, 1, 1)
    assert shares(NAMES, Weights((0.1, 0.2, 0.7)))[name].weights == (0.1, 0.2, 0.7)
    assert shares(NAMES, Weights((None, 0.25, 0.5)))[name].weights == (0.25, 0.25, 0.5)
    assert shares(NAMES, Weights((None, 1 - 1e-12)))[name].weights == (pytest.approx(0, abs=1e-11), 1)


@pytest.mark.parametrize("weights, says", [
    ((None, None), "only one can take"), ((None, 0.7, 0.6), "add up to 1.3"), (("x", 1), "must be a number, not 'x'"),
    ((True, 1), "must be a number"), ((float("nan"), 1), "must be a number"),
    ((1, {"8x9": 1}), "no layer is called 8x9"), ((1, {"8x8": "a"}), "must be a number"),
    ((1, {"noise": 1}), "did you mean noise_buffers?"),
])
def test_bad_weights(weights, says):
    with pytest.raises(blend.BlendError, match=says.replace("?", ".")):
        shares(NAMES, Weights(weights))


@pytest.mark.parametrize("method, count, base, says", [
    ("lerp", 2, False, "no method is called 'lerp'"), ("slerp", 3, False, "slerp takes 2 networks, not 3"),
    ("ties", 2, False, "needs base"), ("linear", 2, True, "takes no base"),
    ("model-stock", 1, True, "at least 2"), ("linear", 0, False, "at least 1"),
])
def test_bad_merges(method, count, base, says):
    networks = [pico_file(seed=seed) for seed in range(count)]
    with pytest.raises(blend.BlendError, match=says):
        merge(method, networks, Weights((1,) * count), pico_file() if base else None)


@pytest.mark.parametrize("weights, says", [
    (Weights((1,)), "1 weights are given for 2 networks"), (Weights((1, 1, 1)), "3 weights are given for 2 networks"),
    (Weights((1, 1), mapping=2), "mapping must be the index of a network, from 0 to 1, not 2"),
    (Weights((1, 1), dlatent_avg=-1), "dlatent_avg must be the index"), (Weights((1, 1), rest=2), "rest must be"),
    (Weights((1, 1), torgb="merged"), "torgb must be"), (Weights((1, 1), noise_buffers=None), "noise_buffers must be"),
])
def test_weights_of_other_networks(weights, says):
    networks = [pico_file(), pico_file(seed=1)]
    with pytest.raises(blend.BlendError, match=says):
        merge("linear", networks, weights)


def test_networks_that_do_not_fit():
    with pytest.raises(blend.MismatchError, match="channels|fmap_max"):
        merge("linear", [pico_file(), pico_file(), pico_file(channels=4)], Weights((1, 1, 1)))


def test_the_rest_of_the_file_is_the_first_network_s():
    networks = [blend.shipped("photo"), blend.shipped("cartoon")]
    found = merge("slerp", networks, Weights((0.5, 0.5)))
    assert found.G is networks[0].G and found.D is networks[0].D and found.format == "tensorflow"


@pytest.mark.parametrize("method", EVERY)
def test_pending_arrays_are_the_same_and_the_files_too(method, tmp_path):
    count = methods.METHODS[method].most or 3
    networks = [pico_file(channels=64, seed=seed) for seed in range(count)]
    base = pico_file(channels=64, seed=9) if method in WITH_BASE else None
    weights = Weights((0.5,) * count, normalise=methods.METHODS[method].normalised)
    parameters = dict(density=0.5, seed=3)
    eager, lazy = [merge(method, networks, weights, base, parameters=parameters, pending=pending)
                   for pending in (False, True)]
    later = whole(lazy)
    assert any(isinstance(value, Pending) for value in later.values())
    for name, value in whole(eager).items():
        assert np.array_equal(computed(later[name]), value) and later[name].shape == value.shape
    for name, options in (("a.pkl", "tensorflow"), ("a.safetensors", None), ("b.pkl", "pytorch"), ("a.pt", None)):
        for networks, folder in ((eager, tmp_path / "eager"), (lazy, tmp_path / "lazy")):
            folder.mkdir(exist_ok=True)
            networks.save(str(folder / name), options)
        assert (tmp_path / "eager" / name).read_bytes() == (tmp_path / "lazy" / name).read_bytes(), name


def test_values_that_are_not_finite_stop_the_writing(tmp_path):
    bad = pico_file(channels=64, seed=2)
    bad.Gs.components["synthesis"].own_variables["8x8/Conv1/weight"][0, 0, 0, 0] = np.inf
    found = merge("linear", [pico_file(channels=64), bad], Weights((0.5, 0.5)), pending=True)
    with pytest.raises(blend.BlendError, match="8x8/Conv1/weight has values that are NaN"):
        found.save(str(tmp_path / "x.pkl"), "tensorflow")
    assert not list(tmp_path.iterdir())


def test_what_files_lack_is_not_computed_for_networks_that_do_not_give_it():
    def never():
        raise AssertionError("computed")

    low, high = pico_file(seed=1), pico_file(seed=2)
    lacking = high._replace(Gs=high.Gs.replaced(dict(high.Gs.variables, dlatent_avg=Kept((8,), never))))
    found = merge("linear", [low, lacking], Weights((0.5, 0.5)))
    assert found.Gs.variables["dlatent_avg"] is low.Gs.variables["dlatent_avg"]
    assert blend.blend(low, lacking, 8).Gs.variables["dlatent_avg"] is low.Gs.variables["dlatent_avg"]
    average = np.arange(8, dtype=np.float32)
    there = high._replace(Gs=high.Gs.replaced(dict(high.Gs.variables, dlatent_avg=Kept((8,), lambda: average))))
    found = merge("linear", [low, there], Weights((0.5, 0.5), dlatent_avg=MERGED))
    close(found.Gs.variables["dlatent_avg"], (low.Gs.variables["dlatent_avg"] + average) / 2)
    assert np.array_equal(blend.blend(there, low, 8).Gs.variables["dlatent_avg"], average)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Three networks of 21 MB, as views of their files."""
    folder = tmp_path_factory.mktemp("large")
    for seed in range(3):
        pico_file(64, 256, 8, seed=seed).save(str(folder / ("%d.pkl" % seed)), "tensorflow")
    return [blend.load(str(folder / ("%d.pkl" % seed))) for seed in range(3)]


@pytest.mark.parametrize("name, format", [("x.pkl", "tensorflow"), ("x.pkl", "pytorch"), ("x.pt", None),
                                          ("x.safetensors", None)])
def test_a_merge_is_written_in_the_memory_of_a_few_arrays(name, format, large, tmp_path):
    array = large[0].Gs.variables["G_synthesis/64x64/Conv1/weight"].nbytes
    tracemalloc.start()
    merge("linear", large, Weights((0.5, 0.3, 0.2)), pending=True).save(str(tmp_path / name), format)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * array < sum(value.nbytes for value in large[0].Gs.variables.values()) / 1.5
