"""A blend from options to files, and the record from which it can be made again."""

import json
import math
import os
import platform
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

import blend
from blend import files, images, mixing, pictures
from blend.errors import BlendError, MismatchError

_GRID_MOST = 64


class Source(NamedTuple):
    """A network file: a path or the name of a shipped network; its SHA-256 where a recipe states it."""

    name: str
    sha256: object = None


class Options(NamedTuple):
    """Everything that a run depends on; the names are those of the command line."""

    low: Source = Source("photo")
    high: Source = Source("cartoon")
    figure: bool = True          # the figure of all splits in place of one blend
    resolution: object = None    # None: 32, or nothing where fractions are given
    level: int = 0
    width: object = None
    rule: str = "article"
    fractions: object = None
    mapping: str = "low"
    dlatent_avg: str = "low"
    noise_buffers: str = "low"
    torgb: object = None
    all_networks: bool = False
    seeds: object = None
    psi: float = 0.7
    cutoff: object = None
    noise: str = "const"
    label: object = None
    grid: object = None
    device: object = None
    # Where and how it is told; not part of the recipe.
    out: str = "blend-out"
    save: object = None
    report: bool = False


BLEND_OPTIONS = mixing.Rule._fields + ("all_networks", "save", "report", "grid")
_NOT_RECORDED = ("low", "high", "out", "save", "report", "device")
_FIGURE_SEEDS = (0, 1, 2, 3)


def read(path):
    """The options in a recipe.json, as a dict. BlendError: not a recipe."""
    try:
        with open(path, encoding="utf-8") as file:
            recipe = json.load(file)
        found = dict(recipe["options"])
        for side in mixing.SIDES:
            found[side] = Source(str(recipe[side]["source"]), str(recipe[side]["sha256"]))
    except OSError as error:
        raise BlendError("%s: cannot be read (%s)" % (path, files.reason(error)))
    except (ValueError, KeyError, TypeError):
        raise BlendError("%s: not a recipe.json that blend wrote" % path)
    unknown = set(found) - set(Options._fields)
    if unknown:
        raise BlendError("%s: unknown options %s; it may come from a newer version" % (
            path, ", ".join(sorted(unknown))))
    return found


def find(source):
    """The path of a Source, its SHA-256 checked. BlendError: another file than the recipe's."""
    path = source.name
    if not os.path.isfile(path) and source.name in blend.SHIPPED:
        path = blend.shipped(source.name).path
    if not os.path.exists(path):
        raise BlendError("%s: no such file; give a network file, or photo or cartoon for the shipped ones" % path)
    return path


def make(options, out):
    """Make what the options ask for; tell on `out` which files were written."""
    networks, record = [], OrderedDict([("blend", blend.__version__)])
    for side, source in zip(mixing.SIDES, (options.low, options.high)):
        path = find(source)
        networks.append(blend.load(path))
        digest = files.sha256(path)
        if source.sha256 not in (None, digest):
            raise MismatchError("%s: not the file of the recipe (SHA-256 %s, the recipe says %s)" % (
                path, digest, source.sha256))
        name = source.name if path != source.name else os.path.abspath(path)
        record[side] = OrderedDict([("source", name), ("sha256", digest)])
    if options.resolution is None and not options.fractions and not options.figure:
        options = options._replace(resolution=32)
    if options.seeds is None:
        options = options._replace(seeds=list(_FIGURE_SEEDS if options.figure else range(8)))
    record["options"] = OrderedDict(
        (key, value) for key, value in options._asdict().items() if key not in _NOT_RECORDED)
    (make_figure if options.figure else make_blend)(networks, options, record, out)


def make_blend(networks, options, record, out):
    """One blend: a PNG for each seed, a grid, recipe.json, and the network where `save` says so."""
    rule = mixing.Rule(*[getattr(options, field) for field in mixing.Rule._fields])
    changes = mixing.plan(networks[0].Gs.variables, rule)
    mixed = blend.blend(*networks, all_networks=options.all_networks, **rule._asdict())
    batches = picture_batches(mixed, options)
    with tqdm(desc="loading", bar_format="{desc} TensorFlow", leave=False, disable=None):
        record["versions"] = versions()
        first = next(batches)  # a mistake in the options shows here, before anything is written
    if options.save:
        files.check_target(options.save)
    files.make_folder(options.out)
    print(summary(changes), file=out)
    if options.report:
        for name, change in changes.items():
            print("%-8s %-5.4g %s (%s)" % (change.action, change.fraction, name, change.reason), file=out)
    if options.save:
        mixed.save(options.save)
        print("network  %s" % options.save, file=out)
    text = json.dumps(record, sort_keys=False)
    columns, rows = options.grid or default_grid(len(options.seeds))
    shown, todo = [], iter(options.seeds)
    with tqdm(total=len(options.seeds), unit="picture", disable=None) as bar:
        for batch in chain(first, batches):
            for image in batch:
                images.save_png(image, os.path.join(options.out, "seed%04d.png" % next(todo)), text)
                if len(shown) < columns * rows:
                    shown.append(image)
                bar.update()
    images.save_png(images.tile(np.stack(shown), columns, rows), os.path.join(options.out, "grid.png"), text)
    record["changes"] = OrderedDict(
        (name, [change.action, change.fraction, change.reason]) for name, change in changes.items())
    write_record(record, options.out)
    print("pictures %s" % os.path.join(options.out, "seed%04d.png … grid.png" % options.seeds[0]), file=out)
    print("recipe   %s" % os.path.join(options.out, "recipe.json"), file=out)


def chain(first, rest):
    yield first
    for batch in rest:
        yield batch


def picture_batches(networks, options):
    """uint8 [N,R,R,C] batch by batch."""
    return pictures.iterate(networks.Gs, options.seeds, psi=options.psi, cutoff=options.cutoff,
                            noise=options.noise, labels=options.label, device=options.device)


def make_figure(networks, options, record, out):
    """The figure of all splits, both ways round, and recipe.json."""
    from blend import figures

    names = [os.path.splitext(os.path.basename(source.name))[0] for source in (options.low, options.high)]
    steps = 2 * (len(figures.splits(networks[0].resolution)) + 2)
    with tqdm(total=steps, unit="column", disable=None) as bar:
        record["versions"] = versions()
        figure = figures.both_ways(
            networks[0], networks[1], options.seeds, tuple(names), bar.update, psi=options.psi,
            cutoff=options.cutoff, noise=options.noise, labels=options.label, device=options.device)
    files.make_folder(options.out)
    path = os.path.join(options.out, "figure.png")
    images.save_png(figure, path, json.dumps(record))
    write_record(record, options.out)
    print("figure   %s" % path, file=out)
    print("recipe   %s" % os.path.join(options.out, "recipe.json"), file=out)


def write_record(record, folder):
    with files.replacing(os.path.join(folder, "recipe.json")) as file:
        file.write((json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode("utf-8"))


def summary(changes):
    """One line: how many variables were swapped, mixed and kept."""
    actions = [change.action for change in changes.values()]
    return "blended  %d variables: %s" % (len(actions), ", ".join(
        "%d %s" % (actions.count(action), action) for action in ("swapped", "mixed", "kept")))


def default_grid(count):
    """Columns and rows, about square, of at most 64 pictures.

    >>> default_grid(8)
    [3, 3]
    """
    columns = math.ceil(math.sqrt(min(count, _GRID_MOST)))
    return [columns, math.ceil(min(count, _GRID_MOST) / columns)]


def versions():
    """What the pictures' bytes depend on."""
    import PIL

    from blend.engine import tensorflow

    return OrderedDict([("python", platform.python_version()), ("numpy", np.__version__),
                        ("tensorflow", tensorflow.__version__), ("pillow", PIL.__version__)])
