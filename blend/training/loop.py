"""The training loop: steps, snapshots to resume from, samples, logs."""

import json
import os
import time
import zipfile
from collections import OrderedDict
from typing import NamedTuple, Optional

import numpy as np
import tensorflow.compat.v1 as tf

from blend import carried, checkpoints, zoo
from blend.engine import generator, quiet_stderr
from blend.errors import BlendError, MismatchError
from blend.networks.network import Network
from blend.networks.stylegan2 import RESOLUTIONS, synthesis_layers
from blend.pictures import generate, images
from blend.system import files, progress
from blend.training import data, graph, metrics

STATE = "training-state.npz"
_SAMPLE_COLUMNS, _SAMPLE_ROWS = 10, 6


class Config(NamedTuple):
    """What to train; `graph.Options` says how."""

    data: str                    # photo, cartoon, or a folder of images
    out: str
    kimg: float                  # length, thousands of images
    start: Optional[str] = None  # network file to fine-tune or to grow from
    resolution: Optional[int] = None  # None: that of `start`, or 64
    fmap_base: int = 1024
    fmap_max: int = 80
    latent_size: int = 64
    mapping_layers: int = 4
    snapshot_kimg: float = 20
    metric_images: int = 512
    seed: int = 0
    pictures: int = 20000        # different portraits to draw


def train(config, options, tell=lambda line: None):
    """Train until `config.kimg`, from where a killed run of the same folder stopped.

    Writes training-state.npz, network-snapshot-….pkl, fakes….png and TensorBoard events to `config.out`.
    Returns the path of the last network file. tell: is called with lines on where the run begins and was saved.
    BlendError: options that do not fit each other or the files.
    """
    check(config, options)
    start = zoo.load(config.start) if config.start else None
    g_kwargs, d_kwargs = static_kwargs(config, start)
    resolution = g_kwargs["resolution"]
    source = open_data(config, resolution)
    files.check_folder(config.out)
    with tf.Graph().as_default() as tensorflow_graph:
        tf.set_random_seed(config.seed)
        with progress.waiting("building the graph"):
            training_graph = graph.build(g_kwargs, d_kwargs, options)
        variables = OrderedDict((var.name.split(":")[0], var) for var in tf.global_variables())
        session = generator.session(tensorflow_graph)
        with session:
            run = Run(config, options, g_kwargs, d_kwargs, training_graph, variables, session, source)
            tell(run.begin(start))
            try:
                return run.loop()
            except KeyboardInterrupt:
                run.save_state()
                tell("saved    %s at %.1f kimg; the same command goes on from there" % (config.out, run.seen / 1000.0))
                raise


def check(config, options):
    """Raise BlendError for numbers that cannot work."""
    if config.resolution is not None and config.resolution not in RESOLUTIONS:
        raise BlendError("resolution must be a power of two, 4 to 1024, not %d" % config.resolution)
    values = dict(config._asdict(), **options._asdict())
    for name in ("kimg", "snapshot_kimg", "fmap_base", "fmap_max", "latent_size", "mapping_layers", "pictures",
                 "minibatch", "learning_rate", "r1_interval", "pl_interval", "ema_kimg"):
        if not 0 < values[name] < 2 ** 32:
            raise BlendError("%s must be above 0, not %s" % (name, values[name]))
    for name in ("seed", "metric_images", "r1_gamma", "pl_weight"):
        if not 0 <= values[name] < 2 ** 32:
            raise BlendError("%s must be 0 or above, not %s" % (name, values[name]))
    if options.minibatch > 4 and options.minibatch % 4:
        raise BlendError("minibatch must be at most 4 or a multiple of 4, not %d" % options.minibatch)


def static_kwargs(config, start):
    """The static_kwargs of G and D: those of the network to start from, or the configuration's."""
    if start is None:
        common = OrderedDict([("num_channels", 3), ("resolution", config.resolution or 64), ("label_size", 0),
                              ("fmap_base", config.fmap_base), ("fmap_max", config.fmap_max)])
        g_kwargs = OrderedDict(common, latent_size=config.latent_size, dlatent_size=config.latent_size,
                               mapping_layers=config.mapping_layers, mapping_fmaps=config.latent_size)
        return g_kwargs, common
    check_start(config, start)
    resolution = config.resolution or start.resolution
    return dict(start.G.static_kwargs, resolution=resolution), dict(start.D.static_kwargs, resolution=resolution)


def check_start(config, start):
    """Raise BlendError unless training can go on from the NetworkFile `start`."""
    if start.G is None or start.D is None:
        raise BlendError("%s: holds Gs alone; training starts from a file with G and D" % config.start)
    if start.Gs.architecture["label_size"]:
        raise BlendError("%s: has labels; training with labels is not supported" % config.start)
    if start.Gs.architecture["num_channels"] != 3:
        raise BlendError("%s: makes pictures of %d channels; training needs 3" % (
            config.start, start.Gs.architecture["num_channels"]))
    resolution = config.resolution or start.resolution
    if resolution > start.resolution and start.Gs.architecture["architecture"] != "skip":
        raise BlendError("%s: only networks of the architecture skip can grow" % config.start)
    if resolution < start.resolution:
        raise BlendError("%s: is %dx%d already; a network can grow, not shrink to %d" % (
            config.start, start.resolution, start.resolution, resolution))


def open_data(config, resolution):
    """The `data.Pictures` to train on. BlendError: there are none, or not of this resolution."""
    if config.data in data.faces.STYLES and not os.path.isdir(config.data):
        if resolution not in data.faces.RESOLUTIONS:
            raise BlendError("portraits are drawn at %s pixels, not %d" % (
                ", ".join(map(str, data.faces.RESOLUTIONS)), resolution))
        return data.drawn(config.data, resolution, config.pictures)
    return data.folder(config.data, resolution)


class Run(object):
    """One run: the graph, its session and the number of images so far."""

    def __init__(self, config, options, g_kwargs, d_kwargs, training_graph, variables, session, source):
        self.config, self.options, self.graph = config, options, training_graph
        self.g_kwargs, self.d_kwargs = g_kwargs, d_kwargs
        self.variables, self.session, self.source = variables, session, source
        self.seen = 0
        self.random = None
        self.z = np.random.RandomState(config.seed).randn(
            _SAMPLE_COLUMNS * _SAMPLE_ROWS, g_kwargs["latent_size"])

    def begin(self, start):
        """Make the folder and set the variables: of the interrupted run in this folder, of a network, or at random.

        Returns a line that says which.
        """
        files.make_folder(self.config.out)
        with quiet_stderr():
            self.session.run(tf.global_variables_initializer())
        state = os.path.join(self.config.out, STATE)
        if os.path.exists(state):
            line = self._resume(state)
        elif start is not None:
            line = "start    %s" % self._copy(start)
        else:
            self._start_average(self.variables)
            line = "start    from scratch"
        self.random = np.random.RandomState([self.config.seed, self.seen % 2 ** 32])
        return line

    def _set(self, values):
        generator.set_variables(self.session, [(self.variables[name], value) for name, value in values.items()])

    def _start_average(self, names):
        """Gs begins where G is, in those of its variables that are among the names."""
        self._set({name: self.session.run(self.variables["G" + name[2:]]) for name in names if name.startswith("Gs/")})

    def _copy(self, start):
        """Weights of a network into the graph. New layers of a larger resolution stay as they are, ToRGB at 0."""
        values = OrderedDict()
        for scope, network in (("G", start.G), ("D", start.D), ("Gs", start.Gs)):
            values.update((scope + "/" + name, value) for name, value in network.variables.items())
        names = {name for name in self.variables if name.split("/")[0] in ("G", "D", "Gs")
                 and "Adam" not in name}
        grows = self.g_kwargs["resolution"] > start.resolution
        copied = OrderedDict((name, value) for name, value in values.items() if name in names
                             and value.shape == tuple(self.variables[name].shape.as_list()))
        new = sorted(names - set(copied) - {"G/lod", "Gs/lod"})  # which networks of ADA do not have
        if new and not grows:
            raise MismatchError("%s: does not fit its own static_kwargs: %s" % (self.config.start, ", ".join(new[:5])))
        self._set(copied)
        self._set({name: np.zeros(self.variables[name].shape.as_list(), np.float32)
                   for name in new if name.startswith("G/") and name.endswith("ToRGB/weight")})
        self._start_average(new)
        return "%s: %d variables copied, %d of the larger resolution new" % (self.config.start, len(copied), len(new))

    def _resume(self, path):
        try:
            with files.open_regular(path) as file, np.load(file) as state:
                values = {name: state[name] for name in state.files}
            seen, kwargs = int(values.pop("seen")), json.loads(str(values.pop("static_kwargs")))
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            raise BlendError("%s: cannot be read; delete it to start anew" % path)
        if kwargs != json.loads(self._static_kwargs()):
            raise BlendError("%s: is of another network; give another --out to start anew" % path)
        if set(values) != set(self.variables):
            difference = sorted(set(values) ^ set(self.variables))[0]
            raise BlendError("%s: is of other options (%s); give another --out" % (path, difference))
        self._set(values)
        self.seen = seen
        return "resume   %s at %.1f kimg" % (path, self.seen / 1000.0)

    def _static_kwargs(self):
        return json.dumps([self.g_kwargs, self.d_kwargs], sort_keys=True)

    def loop(self):
        """Steps until the end; a snapshot every `snapshot_kimg` and at the end."""
        config, minibatch = self.config, self.options.minibatch
        total = -(-int(config.kimg * 1000) // minibatch) * minibatch  # whole minibatches
        if self.seen == 0:
            self._sample()
            self._sample_reals()
        writer = tf.summary.FileWriter(config.out)
        with progress.counting("images", total, self.seen) as bar:
            while self.seen < total:
                began, before = time.time(), self.seen
                losses = self._steps(min(before + config.snapshot_kimg * 1000, total), bar)
                speed = (self.seen - before) / (time.time() - began)
                values = OrderedDict(zip(("loss/G", "loss/D"), np.mean(losses, 0)), **{"img per s": speed})
                values.update(self.snapshot())
                self._log(writer, values)
                bar.write("%6.1f kimg  %s" % (self.seen / 1000.0, "  ".join(
                    "%s %.3f" % pair for pair in values.items())))
        writer.close()
        if not os.path.exists(self.network_path()):  # the run was stopped just before it
            self.networks(self._values()).save(self.network_path())
            self._sample()
        return self.network_path()

    def _steps(self, count, bar):
        """Steps, at least one, until `count` images were seen. Returns their losses, [(G, D)]."""
        losses = []
        while not losses or self.seen < count:
            losses.append(self.step())
            bar.update(self.options.minibatch)
        return losses

    def step(self):
        """One minibatch of every phase (arXiv 1912.04958, appendix B). Returns the losses of G and D."""
        options, run = self.options, self.session.run
        count = self.seen // options.minibatch
        feed = {self.graph.reals: self.source.get(self.random.randint(0, self.source.count, options.minibatch))}
        g_loss, _ = run([self.graph.g_loss, self.graph.g_step])
        if self.graph.g_regularise is not None and count % options.pl_interval == 0:
            run(self.graph.g_regularise)
        run(self.graph.average)
        d_loss, _ = run([self.graph.d_loss, self.graph.d_step], feed)
        if count % options.r1_interval == 0:
            run(self.graph.d_regularise, feed)
        self.seen += options.minibatch
        if not np.isfinite(g_loss + d_loss):
            raise BlendError("training diverged at %.1f kimg (loss %s); resume with a larger --r1-gamma or a "
                             "smaller --learning-rate" % (self.seen / 1000.0, g_loss + d_loss))
        return g_loss, d_loss

    def snapshot(self):
        """Write the network file, the samples and, when they are there, the state to resume from; return the metric."""
        values = self._values()
        path = self.network_path()
        if os.path.islink(path):
            os.unlink(path)  # else what it points to would be replaced
        self.networks(values).save(path)
        self._sample()
        metric = self._metric()
        self.save_state(values)
        return metric

    def save_state(self, values=None):
        """Write the state to resume from."""
        with files.replacing(os.path.join(self.config.out, STATE)) as file:
            np.savez(file, seen=self.seen, static_kwargs=self._static_kwargs(), **(values or self._values()))

    def _values(self):
        return OrderedDict(zip(self.variables, self.session.run(list(self.variables.values()))))

    def network_path(self):
        return os.path.join(self.config.out, "network-snapshot-%06d.pkl" % (self.seen // 1000))

    def networks(self, values):
        """The NetworkFile of the variables' values."""
        source = carried.text(carried.TENSORFLOW)

        def part(scope, name, function, kwargs, components=None):
            own = OrderedDict((key[len(scope) + 1:], value) for key, value in values.items()
                              if key.startswith(scope + "/") and "Adam" not in key
                              and not key.startswith((scope + "/G_synthesis/", scope + "/G_mapping/")))
            return Network(name, function, kwargs, own, components, {"version": 4, "build_module_src": source})

        def full_generator(scope):
            layers = synthesis_layers(self.g_kwargs["resolution"])
            parts = OrderedDict([
                ("synthesis", part(scope + "/G_synthesis", "G_synthesis", "G_synthesis_stylegan2", self.g_kwargs)),
                ("mapping", part(scope + "/G_mapping", "G_mapping", "G_mapping",
                                 dict(self.g_kwargs, dlatent_broadcast=layers)))])
            return part(scope, scope, "G_main", self.g_kwargs, parts)

        return checkpoints.NetworkFile(full_generator("Gs"), full_generator("G"),
                                       part("D", "D", "D_stylegan2", self.d_kwargs))

    def _fakes(self, z):
        """Pictures uint8 [N,R,R,3] of latents, by Gs with stored noise."""
        size = 64
        batches = [self.session.run(self.graph.samples, {self.graph.sample_z: z[i:i + size]})
                   for i in range(0, len(z), size)]
        return generate.to_bytes(np.concatenate(batches))

    def _sample_reals(self):
        reals = self.source.get(np.arange(min(self.source.count, len(self.z))))
        rows = -(-len(reals) // _SAMPLE_COLUMNS)
        images.save_png(images.tile(reals, _SAMPLE_COLUMNS, rows), os.path.join(self.config.out, "reals.png"))

    def _sample(self):
        sheet = images.tile(self._fakes(self.z), _SAMPLE_COLUMNS, _SAMPLE_ROWS)
        images.save_png(sheet, os.path.join(self.config.out, "fakes%06d.png" % (self.seen // 1000)))

    def _metric(self):
        """Sliced Wasserstein distance of Gs' pictures (ψ 1, stored noise) to real ones, held-out ones where drawn."""
        if not self.config.metric_images:
            return {}
        source = self.source.held_out or self.source
        count = min(self.config.metric_images, source.count)
        real = source.get(np.arange(count))
        fakes = self._fakes(np.random.RandomState(1).randn(count, self.g_kwargs["latent_size"]))
        return {"swd": metrics.sliced_wasserstein(fakes, real)["mean"]}

    def _log(self, writer, values):
        summary = tf.Summary(value=[tf.Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
        writer.add_summary(summary, self.seen // 1000)
        writer.flush()
