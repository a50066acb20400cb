"""Training: it learns, resumes after a kill, grows, fine-tunes, and writes files that others open."""

import glob
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import golden
from PIL import Image

import blend
from blend import carried
from blend.portraits import faces
from blend.training import data, graph, loop, losses, metrics

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SMALL = dict(data="photo", resolution=16, fmap_base=64, fmap_max=8, latent_size=8, mapping_layers=2, pictures=64,
             snapshot_kimg=0.032, metric_images=32)
QUICK = graph.Options(minibatch=8, r1_interval=2)
OPTIONS = QUICK._replace(pl_weight=2.0, pl_interval=2)


def config(out, **changes):
    return loop.Config(out=str(out), **dict(SMALL, **dict(dict(kimg=0.064), **changes)))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return loop.train(config(folder), OPTIONS)


def test_a_run_writes_what_it_says(trained):
    folder = os.path.dirname(trained)
    names = os.listdir(folder)
    assert {"reals.png", "fakes000000.png", loop.STATE} <= set(names)
    assert len([name for name in names if name.startswith("events.out.tfevents")]) == 1
    assert not [name for name in names if name.endswith(".tmp")]
    networks = blend.load(trained)
    assert networks.resolution == 16 and networks.Gs.architecture["fmap_max"] == 8
    assert all(np.isfinite(value).all() for value in networks.Gs.variables.values())
    assert not np.array_equal(networks.Gs.variables["G_mapping/Dense0/weight"],
                              networks.G.variables["G_mapping/Dense0/weight"])
    assert np.array_equal(networks.Gs.variables["G_synthesis/noise1"], networks.G.variables["G_synthesis/noise1"])
    assert np.abs(networks.Gs.variables["dlatent_avg"]).max() > 0
    pictures = blend.generate(networks, seeds=range(2), psi=1)
    assert pictures.shape == (2, 16, 16, 3)


def test_the_file_carries_our_source_and_no_more_kwargs_than_others_know(trained):
    network = blend.load(trained).Gs
    source = network.extra["build_module_src"]
    assert source == carried.text(carried.TENSORFLOW)
    names = {}
    exec(compile(source, "networks", "exec"), names)
    assert {"G_main", "G_mapping", "G_synthesis_stylegan2", "D_stylegan2"} <= set(names)
    assert set(network.static_kwargs) <= {"num_channels", "resolution", "label_size", "fmap_base", "fmap_max",
                                          "latent_size", "dlatent_size", "mapping_layers", "mapping_fmaps"}


def test_tensorboard_reads_the_log(trained):
    import tensorflow.compat.v1 as tf
    events = [event for name in glob.glob(os.path.join(os.path.dirname(trained), "events*"))
              for event in tf.train.summary_iterator(name)]
    tags = [value.tag for event in events for value in event.summary.value]
    assert tags.count("swd") >= 2 and {"loss/G", "loss/D"} <= set(tags)


def test_resumes_where_it_stopped(tmp_path, capsys):
    loop.train(config(tmp_path, kimg=0.032), QUICK)
    first = dict(np.load(str(tmp_path / loop.STATE)))
    loop.train(config(tmp_path, kimg=0.064), QUICK, tell=print)
    assert "at 0.0 kimg" in capsys.readouterr().out
    second = dict(np.load(str(tmp_path / loop.STATE)))
    assert int(first["seen"]) == 32 and int(second["seen"]) == 64
    assert any("Adam" in name for name in first)
    with pytest.raises(blend.BlendError):
        loop.train(config(tmp_path, fmap_max=4), QUICK)


@pytest.mark.slow
def test_resumes_after_a_kill(tmp_path):
    command = [sys.executable, "-m", "blend.run", "train", "--data", "photo", "--resolution", "16", "--fmap-base", "64",
               "--fmap-max", "8", "--latent-size", "8", "--mapping-layers", "1", "--minibatch", "8",
               "--snapshot-kimg", "0.04", "--metric-images", "0", "--out", str(tmp_path)]
    state = str(tmp_path / loop.STATE)
    process = subprocess.Popen(command + ["--kimg", "1000"], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        limit = time.time() + 120
        while not os.path.exists(state):
            assert process.poll() is None and time.time() < limit
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    seen = int(np.load(state)["seen"])
    for name in glob.glob(str(tmp_path / "*.pkl")):
        blend.load(name)
    done = subprocess.run(command + ["--kimg", "%g" % (seen / 1000.0 + 0.04)], cwd=ROOT, stdout=subprocess.PIPE)
    assert done.returncode == 0 and b"resume" in done.stdout
    assert int(np.load(state)["seen"]) >= seen + 40


def test_fine_tuning_starts_from_every_weight(trained, tmp_path, capsys):
    loop.train(config(tmp_path, data="cartoon", start=trained, resolution=None, kimg=0.008), QUICK, tell=print)
    assert "0 of the larger resolution new" in capsys.readouterr().out
    before, after = blend.load(trained), blend.load(glob.glob(str(tmp_path / "*.pkl"))[0])
    for name, value in before.Gs.variables.items():
        assert np.abs(value - after.Gs.variables[name]).max() < 0.1, name
    blend.blend(before, after, 8)


def test_fine_tuning_starts_from_pytorch_s_files(tmp_path, capsys):
    """Conversion is part of reading: names, layouts and `lod`, which those networks lack, are no obstacle."""
    start = os.path.join(ROOT, "tests", "golden", "stylegan3.pkl")
    path = loop.train(config(tmp_path, start=start, resolution=None, kimg=0.008),
                      QUICK._replace(learning_rate=1e-12), tell=print)
    assert " 0 of the larger resolution new" in capsys.readouterr().out
    before, after = blend.load(start), blend.load(path)
    name = "G_synthesis/8x8/Conv0_up/weight"
    assert np.allclose(after.G.variables[name], before.G.variables[name], atol=1e-6)
    assert after.format == "tensorflow"


@pytest.mark.slow
def test_growing_starts_from_the_small_network_s_pictures(trained, tmp_path):
    loop.train(config(tmp_path, start=trained, resolution=32, kimg=0.008), QUICK)
    small = blend.generate(blend.load(trained), seeds=range(4), psi=1, output="float32")
    large = blend.load(glob.glob(str(tmp_path / "*.pkl"))[0])
    grown = blend.generate(large, seeds=range(4), psi=1, output="float32")
    assert grown.shape[2] == 32
    again = grown.reshape(4, 3, 16, 2, 16, 2).mean((3, 5))
    assert np.abs(again - small).mean() < 0.3 * small.std()
    with pytest.raises(blend.BlendError):
        loop.train(config(tmp_path / "x", start=str(glob.glob(str(tmp_path / "*.pkl"))[0]), resolution=16), QUICK)


@pytest.mark.slow
def test_learning_brings_pictures_closer(tmp_path):
    # Colours and the rough head come first: the distance falls well below that of an untrained network.
    options = graph.Options(minibatch=8, learning_rate=0.005, ema_kimg=0.5)
    loop.train(config(tmp_path, kimg=0.008, metric_images=0), options)
    early = blend.load(glob.glob(str(tmp_path / "*.pkl"))[0])
    late = blend.load(loop.train(config(tmp_path, kimg=2, snapshot_kimg=2, metric_images=0), options))
    reals = faces.draw(range(loop.data.HELD_OUT, loop.data.HELD_OUT + 64), "photo", 16)
    distances = [metrics.sliced_wasserstein(blend.generate(each, seeds=range(64), psi=1), reals)["mean"]
                 for each in (early, late)]
    assert distances[1] < 0.7 * distances[0]


def test_a_folder_of_images(tmp_path):
    for i, size in enumerate([(20, 30), (32, 32), (50, 17)]):
        Image.new("RGB", size, (80 * i, 10, 20)).save(str(tmp_path / ("%d.png" % i)))
    pictures = data.folder(str(tmp_path), 16)
    assert pictures.count == 3 and pictures.get(np.array([2, 0])).tolist()[0][0][0] == [160, 10, 20]
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(blend.BlendError) as error:
        data.folder(str(tmp_path), 16).get(np.arange(4))
    assert "bad.png" in str(error.value)


def test_r1_and_path_length_against_plain_arithmetic():
    import tensorflow.compat.v1 as tf
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.constant(np.random.RandomState(0).randn(2, 3, 4, 4).astype(np.float32))
        scores = tf.reshape(3 * images[:, 0, 0, 0] + images[:, 1, 2, 2] ** 2, [2, 1])
        value, raw = session.run([losses.r1_penalty(images, scores, 10.0), images])
        assert value == pytest.approx(5 * np.mean(9 + 4 * raw[:, 1, 2, 2] ** 2), rel=1e-5)
        w = tf.zeros([4096, 6, 5])
        mean = tf.get_variable("mean", [], initializer=tf.initializers.zeros())
        flat = tf.reduce_sum(w, [1, 2])[:, None, None, None] * tf.ones([4096, 1, 2, 2])
        penalty = losses.path_length_penalty(flat, w, mean, 2.0)
        session.run(tf.global_variables_initializer())
        # The gradient of each w is y = the sum of four N(0, 1/4) = N(0, 1): length |y| sqrt(5).
        assert session.run(penalty) == pytest.approx(2 * 5 * (1 - 2 * 0.01 * 2 / np.pi), rel=0.1)
        assert session.run(mean) == pytest.approx(0.01 * np.sqrt(5 * 2 / np.pi), rel=0.05)


def test_lazy_regularisation_scales_adam():
    options = graph.Options(learning_rate=0.002)
    optimizer = graph.adam(options, 16)
    assert optimizer._lr == pytest.approx(0.002 * 16 / 17) and optimizer._beta2 == pytest.approx(0.99 ** (16 / 17))
    assert optimizer._beta1 == 0 and graph.adam(options)._lr == 0.002


def test_metric_knows_same_from_different():
    photo = faces.draw(range(64), "photo", 32)
    other = faces.draw(range(1000, 1064), "photo", 32)
    cartoon = faces.draw(range(64), "cartoon", 32)
    assert metrics.sliced_wasserstein(photo, photo)["mean"] < metrics.sliced_wasserstein(photo, other)["mean"]
    assert metrics.sliced_wasserstein(photo, other)["mean"] < 0.5 * metrics.sliced_wasserstein(photo, cartoon)["mean"]
    assert list(metrics.sliced_wasserstein(photo, other)) == ["32x32", "16x16", "mean"]


def test_the_pyramid_adds_up_to_the_picture():
    pictures = faces.draw(range(2), "photo", 64)
    levels = metrics.pyramid(pictures)
    whole = levels[-1]
    for level in levels[-2::-1]:
        whole = level + metrics.blur(metrics.spread(whole)) * 4
    assert [level.shape[1] for level in levels] == [64, 32, 16] and np.abs(whole - pictures).max() < 1e-3


def test_labels_and_gs_alone_cannot_be_trained(tmp_path):
    networks = golden("labels32").a
    networks.save(str(tmp_path / "labels.pkl"))
    networks._replace(G=None).save(str(tmp_path / "alone.pkl"))
    for name, says in (("labels", "has labels"), ("alone", "Gs alone")):
        with pytest.raises(blend.BlendError) as error:
            loop.train(config(tmp_path / "x", start=str(tmp_path / (name + ".pkl")), resolution=None), QUICK)
        assert says in str(error.value)
    golden("orig32").a.save(str(tmp_path / "orig.pkl"))
    with pytest.raises(blend.BlendError) as error:
        loop.train(config(tmp_path / "x", start=str(tmp_path / "orig.pkl"), resolution=64), QUICK)
    assert "skip" in str(error.value) and not (tmp_path / "x").exists()


def test_a_broken_state_is_named(tmp_path):
    (tmp_path / loop.STATE).write_bytes(b"garbage")
    with pytest.raises(blend.BlendError) as error:
        loop.train(config(tmp_path), QUICK)
    assert "delete it" in str(error.value)


@pytest.mark.parametrize("changes", [
    dict(kimg=float("inf")), dict(kimg=0), dict(seed=-1), dict(resolution=48), dict(metric_images=-1),
    dict(fmap_max=0)])
def test_numbers_that_cannot_work(changes, tmp_path):
    with pytest.raises(blend.BlendError):
        loop.train(config(tmp_path / "x", **changes), QUICK)
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_ctrl_c_saves_the_state(tmp_path, monkeypatch):
    step = loop.Run.step

    def interrupted(run):
        if run.seen == 16:
            raise KeyboardInterrupt
        return step(run)

    monkeypatch.setattr(loop.Run, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        loop.train(config(tmp_path), QUICK)
    assert int(np.load(str(tmp_path / loop.STATE))["seen"]) == 16


class StandInNetwork(object):
    """The few things of NVIDIA's `dnnlib.tflib.Network` that our build functions rely on."""

    def __init__(self, name, func_name, **kwargs):
        self.name, self.function, self.kwargs = name, func_name, kwargs

    def get_output_for(self, *inputs, **kwargs):
        import tensorflow.compat.v1 as tf
        with tf.variable_scope(self.name, reuse=tf.AUTO_REUSE):
            return self.function(*inputs, **dict(self.kwargs, **kwargs))


def test_the_carried_source_builds_the_same_pictures_in_nvidia_s_convention(trained, monkeypatch):
    import types

    import tensorflow.compat.v1 as tf
    network = blend.load(trained).Gs
    monkeypatch.setitem(sys.modules, "dnnlib", types.ModuleType("dnnlib"))
    monkeypatch.setitem(sys.modules, "dnnlib.tflib", types.ModuleType("dnnlib.tflib"))
    sys.modules["dnnlib"].tflib = sys.modules["dnnlib.tflib"]
    sys.modules["dnnlib"].tflib.Network = StandInNetwork
    names = {"__name__": "carried"}
    exec(compile(network.extra["build_module_src"], "carried", "exec"), names)

    class Components(dict):
        __getattr__, __setattr__ = dict.__getitem__, dict.__setitem__

    with tf.Graph().as_default(), tf.Session() as session:
        z = tf.placeholder(tf.float32, [None, None])
        labels = tf.placeholder(tf.float32, [None, None])
        components = Components()

        def main(**kwargs):
            with tf.variable_scope("Gs", reuse=tf.AUTO_REUSE):
                return names["G_main"](z, labels, components=components, **dict(network.static_kwargs, **kwargs))

        images = main(truncation_psi=0.7, randomize_noise=False, is_template_graph=True)
        training = main(is_training=True)
        session.run(tf.global_variables_initializer())
        for var in tf.global_variables():
            var.load(network.variables[var.name[len("Gs/"):-2]], session)
        feed = {z: np.random.RandomState(0).randn(3, 8), labels: np.zeros([3, 0])}
        ours = blend.generate(network, z=feed[z], psi=0.7, output="float32")
        assert np.abs(session.run(images, feed) - ours).max() <= 5e-6 * np.abs(ours).max()
        average = [var for var in tf.global_variables() if var.name == "Gs/dlatent_avg:0"]
        before = session.run(average)
        assert session.run(training, feed).shape == (3, 3, 16, 16)
        assert not np.array_equal(before, session.run(average))
