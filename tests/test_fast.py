"""The fast graph computes what the plain one does, to rounding, where it is taken."""

import numpy as np
import pytest
from conftest import golden, pico_file
from test_goldens import close

import blend
from blend.engine import fast, tensorflow
from blend.engine.generator import Generator

needs_tensorflow_2 = pytest.mark.skipif(tensorflow.__version__.startswith("1."), reason="TensorFlow 1.15: plain graph")


def both(network, monkeypatch):
    """A fast and a plain Generator of a network."""
    found = [Generator(network.architecture)]
    with monkeypatch.context() as patch:
        patch.setattr(fast, "supports", lambda architecture: False)
        found.append(Generator(network.architecture))
    for each, kind in zip(found, (True, False)):
        each.load(network)
        assert each.is_fast is kind
    return found


@needs_tensorflow_2
@pytest.mark.parametrize("resolution, channels, count", [
    (2 * fast.FOLDED, 4, 1), (8, 4 * fast._GROUP + 9, 3), (fast.FOLDED // 2, 4, 3), (4, 4, 2)])
def test_fast_is_plain(resolution, channels, count, monkeypatch):
    network = pico_file(resolution, channels, seed=3).Gs
    quick, plain = both(network, monkeypatch)
    random = np.random.RandomState(1)
    z, labels = random.randn(count, 8), np.zeros([count, 0])
    w = quick.map(z, labels, 0.7, 3)
    assert np.array_equal(w, plain.map(z, labels, 0.7, 3))
    noise = [random.randn(count, *buffer.shape[1:]).astype(np.float32) for buffer in quick.stored_noise]
    for given in (noise, quick.stored_noise):
        close(quick.synthesise(w, given), plain.synthesise(w, given))
    # Other weights, in the same graphs.
    other = pico_file(resolution, channels, seed=4).Gs
    for each in (quick, plain):
        each.load(other)
    close(quick.synthesise(w, noise), plain.synthesise(w, noise))


@needs_tensorflow_2
def test_large_networks_go_one_by_one():
    network = pico_file(fast.FOLDED, 4, seed=3)
    generator = Generator(network.Gs.architecture)
    assert generator.batch_size() == 1
    three = blend.generate(network, seeds=[1, 2, 3], output="float32")
    for i, seed in enumerate((1, 2, 3)):
        assert np.array_equal(three[i:i + 1], blend.generate(network, seeds=[seed], output="float32"))


def test_where_it_is_taken():
    new = not tensorflow.__version__.startswith("1.")
    for name, expected in (("skip64", new), ("labels32", new), ("resnet32", False), ("orig32", False)):
        assert fast.supports(golden(name).a.Gs.architecture) is expected
    usual = blend.shipped("photo").Gs.architecture
    for key, value in (("conv_clamp", 256.0), ("nonlinearity", "relu"), ("resample_kernel", (1, 1)),
                       ("use_noise", False)):
        assert fast.supports(dict(usual, **{key: value})) is False


def test_the_order_in_memory_does_not_change_what_is_prepared():
    variables = pico_file().Gs.variables
    turned = {name: np.asfortranarray(value) for name, value in variables.items()}
    for name, value in fast.prepare(variables).items():
        assert np.asarray(value).tobytes() == np.asarray(fast.prepare(turned)[name]).tobytes()
