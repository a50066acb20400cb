"""The fast graph computes what the plain one does, to rounding, where it is taken."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from conftest import golden, pico_file
from test_goldens import close

import blend
from blend.carried import stylegan2_graph
from blend.engine import bfloat16, fast, tensorflow
from blend.engine.fast import TUNING
from blend.engine.generator import Generator, Shared
from blend.networks.network import Network
from blend.pictures import generate

needs_tensorflow_2 = pytest.mark.skipif(tensorflow.__version__.startswith("1."), reason="TensorFlow 1.15: plain graph")


def both(network):
    """A fast and a plain Generator of a network."""
    found = [Generator(network.architecture), Generator(network.architecture, tuning=None)]
    for each, kind in zip(found, (True, False)):
        each.load(network)
        assert each.is_fast is kind
    return found


@pytest.mark.parametrize("left_out", ["plain", "winograd", "rgb"])
def test_benchmarks_draw_with_other_tunings(left_out, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(os.path.join(os.path.dirname(os.path.dirname(__file__)), "benchmarks"))
    import worker

    path = str(tmp_path / "a.pkl")
    pico_file().save(path)
    assert worker.ours(path, left_out)().shape == (1, 16, 16, 3)


@needs_tensorflow_2
@pytest.mark.parametrize("resolution, channels, count", [
    (2 * TUNING.folded, 4, 1), (2 * TUNING.folded, TUNING.winograd_channels, 1), (TUNING.folded // 2, 4, 3),
    (TUNING.winograd[0], TUNING.winograd_channels + 9, 3), (4, 4, 2)])
def test_fast_is_plain(resolution, channels, count):
    network = pico_file(resolution, channels, seed=3).Gs
    quick, plain = both(network)
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
@pytest.mark.parametrize("tuning", [
    dict(winograd=None), dict(compiled=None), dict(compiled=32), dict(polyphase_rgb=False), dict(folded=32),
    dict(winograd=(64, 64), winograd_channels=1)])
def test_every_tuning_gives_the_same_values(tuning):
    network = pico_file(64, TUNING.winograd_channels, seed=3).Gs
    common = TUNING._replace(compiled=64)
    usual, other = [Generator(network.architecture, tuning=some) for some in (common, common._replace(**tuning))]
    for generator in (usual, other):
        generator.load(network)
    w = usual.map(np.random.RandomState(1).randn(1, 8), np.zeros([1, 0]))
    close(usual.synthesise(w, usual.stored_noise), other.synthesise(w, usual.stored_noise))
    assert len(usual._graph.get_operations()) != len(other._graph.get_operations())  # it is another graph


@needs_tensorflow_2
def test_large_networks_go_one_by_one():
    network = pico_file(TUNING.folded, 4, seed=3)
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
    for key, value in (("nonlinearity", "relu"), ("resample_kernel", (1, 1)), ("use_noise", False)):
        assert fast.supports(dict(usual, **{key: value})) is False


def test_the_order_in_memory_does_not_change_a_picture():
    network = pico_file().Gs
    turned = network.replaced({name: np.asarray(value, order="F") for name, value in network.variables.items()})
    first = blend.generate(network, seeds=[1], output="float32")
    assert np.array_equal(first, blend.generate(turned, seeds=[1], output="float32"))


@needs_tensorflow_2
def test_clamp():
    network = with_arguments(pico_file(2 * TUNING.folded, 4, seed=3).Gs, conv_clamp=0.5)
    quick, plain = both(network)
    w = quick.map(np.random.RandomState(1).randn(1, 8), np.zeros([1, 0]))
    close(quick.synthesise(w, quick.stored_noise), plain.synthesise(w, quick.stored_noise))
    clamped = quick.synthesise(w, quick.stored_noise)
    other = Generator(network.architecture._replace(conv_clamp=None))
    near = Generator(network.architecture, precision="bfloat16")
    for each in (other, near):
        each.load(network)
    assert np.abs(other.synthesise(w, quick.stored_noise) - clamped).max() > 0.01
    assert psnr(near.synthesise(w, quick.stored_noise), clamped) > 40


def with_arguments(network, **arguments):
    """A network whose static_kwargs have more arguments."""
    return Network(network.name, network.build_func_name, dict(network.static_kwargs, **arguments),
                   network.own_variables, network.components, network.extra)


def sweep_of(low, high):
    return [each.Gs for each in [low] + [blend.blend(low, high, split) for split in (8, 4)] + [high]]


@pytest.mark.parametrize("noise", ["const", "seed", "random"])
def test_what_blends_share_is_computed_once_and_equals(noise, pico, pico_other, monkeypatch):
    monkeypatch.setattr("blend.engine.generator._BATCH_PIXELS", 2 * 16 * 16)  # two batches
    networks = sweep_of(pico, pico_other)
    options = dict(noise=noise, noise_seed=3 if noise == "random" else None, output="float32")
    batches = list(generate.iterate_many(networks, range(3), **options))
    found = [np.concatenate(column) for column in zip(*batches)]
    for network, images in zip(networks, found):
        close(images, blend.generate(network, seeds=range(3), **options))


@needs_tensorflow_2
@pytest.mark.parametrize("precision", generate.PRECISIONS)
def test_large_blends_share(precision):
    low, high = [pico_file(2 * TUNING.folded, 4, seed=seed) for seed in (1, 2)]
    networks = [low.Gs] + [blend.blend(low, high, split).Gs for split in (128, 64, 4)]
    options = dict(seeds=[3], output="float32", precision=precision)
    for network, images in zip(networks, next(generate.iterate_many(networks, **options))):
        close(images, blend.generate(network, **options))


def test_networks_of_different_architectures_are_not_drawn_together(pico):
    with pytest.raises(blend.BlendError, match="architecture"):
        generate.iterate_many([pico.Gs, pico_file(8).Gs], [1])


@needs_tensorflow_2
def test_where_a_blend_begins(pico, pico_other):
    networks = sweep_of(pico, pico_other) + [
        blend.blend(pico, pico_other, 8, **{side: "high"}).Gs for side in ("noise_buffers", "torgb", "mapping")]
    shared = Shared()
    begins = []
    for network in networks:
        generator = generate.generator_for(network)
        w = np.zeros([1, generator.layers, 8])
        generator.synthesise(w, generator.stored_noise, shared)
        begins.append(shared.split(network.variables))
    assert begins == [8, 8, 4, None, None, None, 8]  # the last resolution of all is not kept


@needs_tensorflow_2
def test_only_what_differs_is_loaded(pico, pico_other, monkeypatch):
    generator, loaded = generate.generator_for(pico.Gs), []
    before = fast.Synthesis.load
    monkeypatch.setattr(fast.Synthesis, "load", lambda *arguments: loaded.append(arguments[2]) or before(*arguments))
    generator.load(blend.blend(pico, pico_other, 8).Gs)
    assert loaded[0] and all("/16x16/" in name for name in loaded[0])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="for Linux's C library")
def test_memory_is_kept_unless_the_environment_says_how():
    code = ("import ctypes, sys; from blend.system import memory; calls = []\n"
            "class Library(object):\n    mallopt = staticmethod(lambda *pair: calls.append(pair))\n"
            "ctypes.CDLL = lambda name: Library; memory.keep(); print(len(calls))")
    for more, count in (({}, b"4"), ({"MALLOC_ARENA_MAX": "2"}, b"0"),
                        ({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}, b"0")):
        clean = {key: value for key, value in os.environ.items() if "MALLOC_" not in key and key != "GLIBC_TUNABLES"}
        assert subprocess.check_output([sys.executable, "-c", code], env=dict(clean, **more)).strip() == count


@needs_tensorflow_2
def test_gpus_take_the_plain_graph(pico, monkeypatch):
    monkeypatch.setattr("blend.engine.generator.has_gpu", lambda session: True)
    assert not Generator(pico.Gs.architecture).is_fast


def psnr(a, b):
    """Of images in -1...1, in dB."""
    return 10 * np.log10(4 / np.mean(np.square(np.clip(a, -1, 1) - np.clip(b, -1, 1))))


@needs_tensorflow_2
@pytest.mark.parametrize("resolution, channels, count", [(64, 8, 3), (2 * TUNING.folded, 4, 1)])
def test_bfloat16_is_near(resolution, channels, count):
    network = pico_file(resolution, channels, seed=3)
    options = dict(seeds=range(count), noise="seed", output="float32")
    exact, near = [blend.generate(network, precision=each, **options) for each in generate.PRECISIONS]
    assert near.dtype == np.float32 and not np.array_equal(exact, near)
    assert psnr(exact, near) > 40


@needs_tensorflow_2
def test_polyphase_weights_are_the_convolution_and_the_filter():
    random = np.random.RandomState(0)
    x, weight = random.randn(2, 6, 6, 5).astype(np.float32), random.randn(3, 3, 5, 4).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as opened:
        composite = tf.nn.depth_to_space(stylegan2_graph.conv2d(x, bfloat16.polyphase_weights(tf.constant(weight))), 2)
        expected = stylegan2_graph.upsample_conv2d(tf.constant(x), tf.constant(weight), fast.TAPS)
        found, expected = opened.run([composite, expected])
    close(found, expected)


def test_bfloat16_needs_the_fast_graph():
    network = golden("resnet32").a
    with pytest.raises(blend.BlendError, match="bfloat16"):
        blend.generate(network, seeds=[0], precision="bfloat16")
    with pytest.raises(blend.BlendError, match="precision"):
        blend.generate(network, seeds=[0], precision="half")


def test_winograd_is_the_convolution():
    random = np.random.RandomState(0)
    x, weight = [random.randn(*shape).astype(np.float32) for shape in ((2, 5, 8, 7), (3, 3, 7, 6))]
    with tf.Graph().as_default(), tf.Session() as opened:
        found, expected = opened.run([
            fast.winograd_conv2d(tf.constant(x), fast.winograd_weights(tf.constant(weight))),
            stylegan2_graph.conv2d(x, weight)])
    close(found, expected)
