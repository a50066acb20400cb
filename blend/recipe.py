"""A blend from options to files, and the record from which it can be made again."""

import itertools
import json
import math
import os
import platform
from collections import OrderedDict
from concurrent import futures
from typing import NamedTuple

import numpy as np

from blend import __version__, mixing, zoo
from blend.checkpoints import format_for, load
from blend.errors import BlendError, MismatchError
from blend.networks.network import check_finite
from blend.pictures import generate, images
from blend.system import files, memory, progress

_GRID_MOST = 64             # pictures, where no grid is asked for
_GRID_PIXELS = 2 ** 28      # of a grid that is asked for


class Source(NamedTuple):
    """A network file: a path or the name of a shipped network; its SHA-256 where a recipe states it."""

    name: str
    sha256: object = None


class Options(NamedTuple):
    """Everything that a run depends on; these names and those of `mixing.Rule` are the command line's."""

    low: Source = Source("photo")
    high: Source = Source("cartoon")
    figure: bool = True          # the figure of all splits in place of one blend
    blend: mixing.Rule = mixing.Rule()  # without resolution and fractions: 32, at most a quarter of the networks'
    all_networks: bool = False
    seeds: object = None
    psi: float = 0.7
    cutoff: object = None
    noise: str = "const"
    noise_seed: object = None    # of 'random' noise
    label: object = None
    grid: object = None
    device: object = None
    precision: str = "float32"   # or 'bfloat16'
    engine: str = "blend"        # or 'nvidia': its own repository
    # Where and how it is told; not part of the recipe.
    out: str = "blend-out"
    save: object = None
    format: object = None        # of `save`
    pictures: bool = True        # else the network alone
    report: bool = False
    stylegan2: object = None     # the folder of NVIDIA's repository, where it is not the submodule
    trust: bool = False          # let it execute what is in the network files


ENGINES = ("blend", "nvidia")
# Whoever gives one of these wants a blend, not the figure.
BLEND_OPTIONS = mixing.Rule._fields + ("all_networks", "save", "report", "grid")
_RECORDED_APART = ("low", "high", "blend")
_NOT_RECORDED = ("out", "save", "format", "pictures", "report", "stylegan2", "trust")
_FIGURE_SEEDS = (3, 6, 1, 5)


def read(path):
    """The options in a recipe.json, or in a PNG that carries one, as a dict. BlendError: not a recipe."""
    try:
        recipe = json.loads(_text(path))
        found = dict(recipe["options"], blend=mixing.Rule(**recipe["blend"]))
        for side in mixing.SIDES:
            name, digest = recipe[side]["source"], recipe[side]["sha256"]
            beside = os.path.join(os.path.dirname(path), os.path.basename(name))
            found[side] = Source(beside if not os.path.exists(name) and os.path.isfile(beside) else name, str(digest))
    except OSError as error:
        raise BlendError("%s: cannot be read (%s)" % (path, files.reason(error)))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BlendError("%s: not a recipe.json, nor a PNG, that blend wrote" % path)
    # Where to write, and whom to trust, is not for a recipe to say.
    unknown = set(found) - set(Options._fields).difference(_NOT_RECORDED)
    if unknown:
        raise BlendError("%s: unknown options %s; it may come from a newer version" % (
            path, ", ".join(sorted(unknown))))
    if found.get("engine", ENGINES[0]) not in ENGINES:
        raise BlendError("%s: unknown engine %r; there are %s" % (path, found["engine"], " and ".join(ENGINES)))
    if not (isinstance(found.get("grid"), (list, type(None))) and isinstance(found.get("seeds"), list)):
        raise BlendError("%s: the grid or the seeds of this recipe are not lists" % path)
    return found


def _text(path):
    with open(path, "rb") as file:
        start = file.read(4)
    if start == b"\x89PNG":
        return images.read_recipe(path)
    with open(path, encoding="utf-8") as file:
        return file.read()


def make(options, out):
    """Make what the options ask for; tell on `out` which files were written."""
    networks, record = [], OrderedDict([("version", __version__)])
    memory.keep()
    hashing = futures.ThreadPoolExecutor(2)
    for side, source in zip(mixing.SIDES, (options.low, options.high)):
        path = zoo.find(source.name)
        networks.append(load(path))
        digest = None
        if options.pictures or source.sha256 is not None:
            digest = hashing.submit(checked_digest, path, source.sha256)  # half a second for a large file
        if source.sha256 is not None:
            digest.result()
        record[side] = OrderedDict([("source", source.name), ("sha256", digest)])
    options = completed(options, networks[0].resolution)
    record["blend"] = options.blend._asdict()
    record["options"] = OrderedDict(
        (key, value) for key, value in options._asdict().items() if key not in _RECORDED_APART + _NOT_RECORDED)
    if options.pictures:
        files.check_folder(options.out)
    # A network may go into the folder that is made for the generate.
    if options.save is not None and os.path.dirname(os.path.abspath(options.save)) != os.path.abspath(options.out):
        files.check_target(options.save)
    if options.save is not None:
        format_for(options.save, networks[0], options.format)
    if options.engine == "nvidia":
        networks = with_nvidia(networks, options, out)
    if not options.pictures:
        make_network(networks, options, out)
    elif options.figure:
        make_figure(networks, options, record, out)
    else:
        make_blend(networks, options, record, out)
    if options.pictures and options.precision == "bfloat16":
        from blend.engine import bfloat16

        if bfloat16.is_native() is False:
            print("note     this processor has no instructions for bfloat16: float32 is faster here", file=out)


def with_nvidia(networks, options, out):
    """The networks of parsed files in NVIDIA's own code. BlendError: it is not there, or the files are not trusted."""
    with progress.waiting("starting NVIDIA's code"):
        from blend.nvidia import repository

        if options.save is not None:
            repository.check_format(options.save, options.format)
        repository.folder(options.stylegan2)
        for each in networks:
            repository.check_trust(each, options.trust)
        engine = repository.start(options.stylegan2, options.device)
    print("engine   %s" % engine.description, file=out)
    print("         It executes the Python text that is stored in the network files.", file=out)
    found = []
    for each in networks:
        with progress.waiting("opening %s" % each.path):
            found.append(engine.open(each))
    return found


def completed(options, resolution):
    """Options with what follows from the others in place of None."""
    if options.blend.resolution is None and not options.blend.fractions:
        split = max(4, min(32, resolution // 4))
        options = options._replace(blend=options.blend._replace(resolution=split))
    if options.seeds is None:
        options = options._replace(seeds=list(_FIGURE_SEEDS if options.figure else range(8)))
    if options.noise == "random" and options.noise_seed is None:
        options = options._replace(noise_seed=int.from_bytes(os.urandom(4), "little"))
    return options


def checked_digest(path, expected):
    """The SHA-256 of a file. MismatchError: it is not the expected one (None: any)."""
    digest = files.sha256(path)
    if expected not in (None, digest):
        raise MismatchError("%s: not the file of the recipe (SHA-256 %s, the recipe says %s)" % (
            path, digest, expected))
    return digest


def complete_record(record):
    """Add what is known when TensorFlow is there: its version, and the digests, which were worked out meanwhile."""
    record["versions"] = versions()
    for side in mixing.SIDES:
        record[side]["sha256"] = record[side]["sha256"].result()


def make_network(networks, options, out):
    """One blend as a network file alone; nothing of it enters memory but what is mixed."""
    folder = os.path.dirname(os.path.abspath(options.save))
    if folder == os.path.abspath(options.out):
        files.make_folder(folder)
    changes = mixing.plan(networks[0].Gs.variables, options.blend)
    mixed = mixing.blend(*networks, all_networks=options.all_networks, **options.blend._asdict())
    check_finite(mixed.Gs, "the blend")
    tell(changes, mixed.save(options.save, options.format), networks, options, out)


def make_blend(networks, options, record, out):
    """One blend: a PNG for each seed, a grid, recipe.json, and the network where `save` says so."""
    changes = mixing.plan(networks[0].Gs.variables, options.blend)
    mixed = mixing.blend(*networks, all_networks=options.all_networks, **options.blend._asdict())
    batches = generate.iterate(mixed.Gs, options.seeds, **picture_options(options))
    grid = default_grid(len(options.seeds)) if options.grid is None else options.grid
    columns, rows = check_grid(grid, len(options.seeds), mixed.resolution)
    with progress.waiting("loading TensorFlow"):
        complete_record(record)
        first = next(batches)  # a mistake in the options shows here, before anything is written
    files.make_folder(options.out)
    lost = [] if options.save is None else mixed.save(options.save, options.format)
    text = json.dumps(record)
    shown, todo = [], iter(options.seeds)
    with progress.counting("pictures", len(options.seeds)) as bar, images.Writer(bar.update) as writer:
        for batch in itertools.chain([first], batches):
            for image in batch:
                writer.save(image, os.path.join(options.out, "seed%04d.png" % next(todo)), text)
                if len(shown) < columns * rows:
                    shown.append(image)
    labels = ["seed %d" % seed for seed in options.seeds]
    images.save_png(images.contact_sheet(shown, labels, columns, rows), os.path.join(options.out, "grid.png"), text)
    record["changes"] = OrderedDict(
        (name, [change.action, change.fraction, change.reason]) for name, change in changes.items())
    write_record(record, options.out)
    tell(changes, lost, networks, options, out)


def tell(changes, lost, networks, options, out):
    """Say what happened to the variables, and where the files are."""
    clamps = tuple(each.Gs.architecture["conv_clamp"] for each in networks)
    if options.report:
        for name, change in changes.items():
            print("%-8s %-5.4g %s (%s)" % (change.action, change.fraction, name, change.reason), file=out)
    actions = [change.action for change in changes.values()]
    print("blended  %d variables: %s" % (len(actions), ", ".join(
        "%d %s" % (actions.count(action), action) for action in ("swapped", "mixed", "kept"))), file=out)
    if actions.count("kept") == len(actions):
        print("note     nothing comes from HIGH: choose a lower --resolution", file=out)
    if clamps[0] != clamps[1]:
        print("note     conv_clamp is %s in LOW and %s in HIGH; that of LOW is taken" % clamps, file=out)
    if options.save is not None:
        print("network  %s" % options.save, file=out)
        for what in lost:
            print("left out %s" % what, file=out)
    if not options.pictures:
        return
    print("pictures %s" % os.path.join(options.out, "grid.png"), file=out)
    print("recipe   %s" % os.path.join(options.out, "recipe.json"), file=out)


def picture_options(options):
    """The options that `generate.generate` takes, as a dict."""
    return dict(psi=options.psi, cutoff=options.cutoff, noise=options.noise, noise_seed=options.noise_seed,
                labels=options.label, device=options.device, precision=options.precision)


def make_figure(networks, options, record, out):
    """The figure of all splits, both ways round, and recipe.json."""
    from blend.figures import splits

    names = [os.path.splitext(os.path.basename(source.name))[0] for source in (options.low, options.high)]
    mixing.check_same_architecture(networks[0].Gs, networks[1].Gs, "networks")
    generate.iterate(networks[0].Gs, options.seeds, **picture_options(options))  # checks the options
    with progress.waiting("loading TensorFlow"):
        complete_record(record)
        generate.generator_for(networks[0].Gs, options.device, options.precision)
    with progress.counting("pictures", splits.count(networks[0].resolution, options.seeds)) as bar:
        figure = splits.both_ways(
            networks[0], networks[1], options.seeds, tuple(names), bar.update, **picture_options(options))
    files.make_folder(options.out)
    path = os.path.join(options.out, "figure.png")
    images.save_png(figure, path, json.dumps(record))
    write_record(record, options.out)
    print("figure   %s" % path, file=out)
    print("recipe   %s" % os.path.join(options.out, "recipe.json"), file=out)


def write_record(record, folder):
    files.write_json(os.path.join(folder, "recipe.json"), record)


def default_grid(count):
    """Columns and rows, full and about square where that can be, of at most 64 generate.

    >>> default_grid(8), default_grid(7), default_grid(1000)
    ([4, 2], [3, 3], [8, 8])
    """
    count = min(count, _GRID_MOST)
    root = math.ceil(math.sqrt(count))
    columns = next((c for c in range(root, 2 * root + 1) if count % c == 0), root)
    return [columns, math.ceil(count / columns)]


def check_grid(grid, count, resolution):
    """Columns and rows, no more than `count` pictures fill. BlendError: not two numbers, or too large a picture."""
    if len(grid) != 2 or not all(type(number) is int and number > 0 for number in grid):
        raise BlendError("a grid is columns and rows, such as 4x2, not %r" % (grid,))
    columns = min(grid[0], count)
    rows = min(grid[1], math.ceil(count / columns))
    if columns * rows * max(resolution, images.VIEWED) ** 2 > _GRID_PIXELS:
        raise BlendError("a grid of %dx%d pictures is too large for a file; choose a smaller one" % (columns, rows))
    return columns, rows


def versions():
    """What the pictures' bytes depend on."""
    import PIL

    from blend.engine import tensorflow

    return OrderedDict([("python", platform.python_version()), ("numpy", np.__version__),
                        ("tensorflow", tensorflow.__version__), ("pillow", PIL.__version__)])
