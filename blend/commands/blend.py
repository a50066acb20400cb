"""`python -m blend.run LOW HIGH`: one blend, or the figure of all of them."""

import argparse
import itertools
import json
import math
import os

from blend import mixing, recipe
from blend.checkpoints import FORMATS, target_for
from blend.commands.options import fractions, grid, seeds
from blend.errors import BlendError
from blend.figures import splits
from blend.networks.network import check_finite, check_same_architecture
from blend.pictures import generate, images
from blend.system import files, memory, progress

EPILOG = """\
Without LOW and HIGH: the two networks that come with the package, and a figure of their blends at every
resolution, both ways round. LOW and HIGH are network files, URLs, names of the zoo, or photo and cartoon.

  python -m blend.run low.pkl high.pkl --resolution 32 --seeds 0-7 --save mixed.pkl
  python -m blend.run photo cartoon --fractions 8x8=0.5,16x16/Conv1=1
  python -m blend.run low.pkl high.pkl --figure
  python -m blend.run --recipe blend-out/recipe.json
  python -m blend.run ffhq ffhq-cartoon --seeds 0-3
  python -m blend.run inspect|convert|zoo|train|report --help
"""
_GRID_MOST = 64             # pictures, where no grid is asked for
_GRID_PIXELS = 2 ** 28      # of a grid that is asked for


def parser(parser_class):
    """The parser of the command's options."""
    options = parser_class(
        "python -m blend.run", description="Blend two StyleGAN2 networks and make pictures.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter, argument_default=argparse.SUPPRESS)
    options.add_argument("networks", nargs="*", metavar="LOW HIGH", default=[],
                         help="network of the low resolutions (structure) and of the high ones (texture)")
    _add_split(options.add_argument_group("blend"))
    _add_pictures(options.add_argument_group("pictures"))
    _add_engine(options.add_argument_group("engine"))
    _add_places(options.add_argument_group("files"))
    return options


def _add_split(group):
    group.add_argument("--resolution", type=int, metavar="R",
                       help="split: up to here from LOW (default 32, at most a quarter of the networks' resolution)")
    group.add_argument("--level", type=int, choices=(0, 1), help="finer split within R (default 0)")
    group.add_argument("--width", type=float, metavar="W", help="smooth split of this width (default: hard)")
    group.add_argument("--rule", choices=mixing.RULES, help="for smooth splits (default article, as published)")
    group.add_argument("--fractions", type=fractions, metavar="8x8=0.3,...", help="of HIGH, by resolution or layer")
    for option, part in (("mapping", "mapping network"), ("dlatent-avg", "average w"),
                         ("noise-buffers", "stored noise")):
        group.add_argument("--" + option, choices=mixing.SIDES,
                           help="network that gives the %s (default low)" % part)
    group.add_argument("--torgb", choices=mixing.SIDES,
                       help="network that gives ToRGB (default: follows the split)")


def _add_pictures(group):
    group.add_argument("--seeds", type=seeds, metavar="0,3,7-9", help="one picture each (default 0-7)")
    group.add_argument("--psi", type=float, help="truncation; 1 is none (default 0.7)")
    group.add_argument("--cutoff", type=int, metavar="N", help="truncate only the first N layers")
    group.add_argument("--figure", action="store_true", help="a figure of all splits in place of one blend")
    group.add_argument("--noise", choices=generate.NOISES, help="const: stored in the file (default)")
    group.add_argument("--label", type=int, metavar="N", help="class, for networks with labels")
    group.add_argument("--grid", type=grid, metavar="4x2", help="columns x rows of the grid")
    group.add_argument("--device", choices=("cpu", "gpu"), help="default: a GPU if TensorFlow sees one")
    group.add_argument("--precision", choices=generate.PRECISIONS,
                       help="bfloat16: faster where the processor computes it, less accurate (default float32)")


def _add_engine(group):
    group.add_argument("--engine", choices=recipe.ENGINES, help="nvidia: NVIDIA's own code, from its repository")
    group.add_argument("--stylegan2", metavar="FOLDER", help="that repository (default $STYLEGAN2, or the submodule)")
    group.add_argument("--trust", action="store_true", help="let it execute the source stored in the network files")


def _add_places(group):
    group.add_argument("--out", metavar="FOLDER", help="for pictures and recipe.json (default blend-out)")
    group.add_argument("--save", metavar="FILE", help="write the blended network (G, D of LOW and blended Gs)")
    group.add_argument("--no-pictures", dest="pictures", action="store_false",
                       help="with --save: write the network alone, in a second")
    group.add_argument("--format", choices=list(FORMATS), help="of --save, where its ending does not say it (.pkl)")
    group.add_argument("--all-networks", action="store_true", help="blend G as well as Gs")
    group.add_argument("--recipe", metavar="FILE", help="options from a recipe.json or a PNG; others given here win")
    group.add_argument("--report", action="store_true", help="print what happens to every variable, and why")


def run(parser_class, arguments, hint=lambda word: ""):
    """Blend as the arguments say. Returns the exit code. `hint`: what else a single word may have meant."""
    given = vars(parser(parser_class).parse_args(arguments))
    sources = given.pop("networks")
    if len(sources) not in (0, 2):
        raise BlendError("give two networks, LOW and HIGH, none for the shipped pair, or a command%s; not %s" % (
            hint(sources[0]), " ".join(sources)))
    make(_options(given, sources))
    return 0


def _options(given, sources):
    """The recipe.Options of what was given on the command line, and of the recipe that it names."""
    if "figure" in given and ("save" in given or "resolution" in given):
        raise BlendError("a figure shows all splits and saves no network; leave out --figure, or the other options")
    if "pictures" in given and "save" not in given:
        raise BlendError("--no-pictures leaves nothing to make; say with --save where the network goes")
    recorded = {}
    if "recipe" in given:
        path = given.pop("recipe")
        stored = recipe.read(path)
        recorded = stored.options
        if not stored.is_repeatable and "noise" not in given:
            print("note     %s is of an earlier version, which drew random noise in another way: these pictures have "
                  "other noise than its own" % path)
    asked = set(given)
    rule = {key: given.pop(key) for key in asked & set(mixing.Rule._fields)}
    options = recipe.Options(**dict(recorded, **given))
    options = options._replace(blend=options.blend._replace(**rule))
    if sources:
        options = options._replace(low=recipe.Source(sources[0]), high=recipe.Source(sources[1]))
    if options.engine != "nvidia" and ("stylegan2" in given or "trust" in given):
        raise BlendError("--stylegan2 and --trust are for --engine nvidia; blend's own engine executes nothing")
    blends = sources or asked & set(recipe.BLEND_OPTIONS)
    return options._replace(figure=not blends and options.figure or "figure" in asked)


def make(options):
    """Make what the options ask for, and tell which files were written."""
    memory.keep()
    opened = recipe.open_networks(options)
    options = recipe.completed(options, opened.networks[0].resolution)
    if options.pictures:
        files.check_folder(options.out)
    target = None
    if options.save is not None:
        # A network may go into the folder that is made for the pictures.
        with_pictures = os.path.dirname(os.path.abspath(options.save)) == os.path.abspath(options.out)
        target = target_for(options.save, opened.networks[0].format, options.format, folder_exists=not with_pictures)
    if options.engine == "nvidia":
        opened = opened._replace(networks=_with_nvidia(opened.networks, options, target))
    if not options.pictures:
        make_network(opened, options, target)
    elif options.figure:
        make_figure(opened, options)
    else:
        make_blend(opened, options, target)
    if options.pictures and options.precision == "bfloat16":
        from blend.engine import bfloat16

        if bfloat16.is_native() is False:
            print("note     this processor has no instructions for bfloat16: float32 is faster here")


def _with_nvidia(networks, options, target):
    """The networks of parsed files in NVIDIA's own code. BlendError: it is not there, or the files are not trusted."""
    with progress.waiting("starting NVIDIA's code"):
        from blend.nvidia import admission, repository

        if target is not None:
            repository.check_format(target)
        repository.folder(options.stylegan2)
        streams = [admission.admit(network, options.trust) for network in networks]
        engine = repository.start(options.stylegan2, options.device)
    print("engine   %s" % engine.description)
    print("         It executes the Python text that is stored in the network files.")
    live = []
    for network, stream in zip(networks, streams):
        with progress.waiting("opening %s" % network.path):
            live.append(engine.open(network, stream))
    return tuple(live)


def _blended(opened, options, pending=False):
    """(the blend, what happens to every variable of Gs)."""
    changes = mixing.plan(opened.networks[0].Gs.variables, options.blend)
    return mixing.blend(*opened.networks, all_networks=options.all_networks, pending=pending,
                        **options.blend._asdict()), changes


def make_network(opened, options, target):
    """One blend as a network file alone; nothing of it enters memory but the array that is being mixed."""
    mixed, changes = _blended(opened, options, pending=True)
    check_finite(mixed.Gs, "the blend")
    files.make_folder(os.path.dirname(os.path.abspath(target.path)))
    tell(opened, options, changes, mixed.write(target))


def make_blend(opened, options, target):
    """One blend: a PNG for each seed, a grid, recipe.json, and the network where `target` says so."""
    mixed, changes = _blended(opened, options)
    batches = generate.iterate(mixed.Gs, options.seeds, **recipe.picture_options(options))
    asked = default_grid(len(options.seeds)) if options.grid is None else options.grid
    columns, rows = check_grid(asked, len(options.seeds), mixed.resolution)
    with progress.waiting("loading TensorFlow"):
        recorded = recipe.record(options, opened.digests)
        first = next(batches)  # a mistake in the options shows here, before anything is written
    files.make_folder(options.out)
    lost = [] if target is None else mixed.write(target)
    text = json.dumps(recorded)
    pictures = itertools.chain.from_iterable(itertools.chain([first], batches))
    shown = write_pictures(pictures, options.seeds, options.out, text, columns * rows)
    labels = ["seed %d" % seed for seed in options.seeds]
    images.save_png(images.contact_sheet(shown, labels, columns, rows), os.path.join(options.out, "grid.png"), text)
    recipe.write(recipe.with_changes(recorded, changes), options.out)
    tell(opened, options, changes, lost)


def write_pictures(pictures, seeds, folder, text, count):
    """Write pictures uint8 [H,W,C] as seedNNNN.png with a recipe's text; returns the first `count` of them."""
    shown = []
    with progress.counting("pictures", len(seeds)) as bar, images.Writer(bar.update) as writer:
        for seed, picture in zip(seeds, pictures):
            writer.save(picture, os.path.join(folder, "seed%04d.png" % seed), text)
            if len(shown) < count:
                shown.append(picture)
    return shown


def tell(opened, options, changes, lost):
    """Say what happened to the variables, and where the files are."""
    clamps = tuple(network.Gs.architecture.get("conv_clamp") for network in opened.networks)
    if options.report:
        for name, change in changes.items():
            print("%-8s %-5.4g %s (%s)" % (change.action, change.fraction, name, change.reason))
    actions = [change.action for change in changes.values()]
    print("blended  %d variables: %s" % (len(actions), ", ".join(
        "%d %s" % (actions.count(action), action) for action in ("swapped", "mixed", "kept"))))
    if actions.count("kept") == len(actions):
        print("note     nothing comes from HIGH: choose a lower --resolution")
    if clamps[0] != clamps[1]:
        print("note     conv_clamp is %s in LOW and %s in HIGH; that of LOW is taken" % clamps)
    if options.save is not None:
        print("network  %s" % options.save)
        for part in lost:
            print("left out %s" % part)
    if options.pictures:
        print("pictures %s" % os.path.join(options.out, "grid.png"))
        print("recipe   %s" % os.path.join(options.out, "recipe.json"))


def make_figure(opened, options):
    """The figure of all splits, both ways round, and recipe.json."""
    low, high = opened.networks
    names = tuple(os.path.splitext(os.path.basename(source.name))[0] for source in (options.low, options.high))
    check_same_architecture(low.Gs, high.Gs, "networks")
    picture_options = recipe.picture_options(options)
    generate.iterate(low.Gs, options.seeds, **picture_options)  # checks the options
    with progress.waiting("loading TensorFlow"):
        recorded = recipe.record(options, opened.digests)
        generate.generator_for(low.Gs, options.device, options.precision)
    with progress.counting("pictures", splits.count(low.resolution, options.seeds)) as bar:
        figure = splits.both_ways(low, high, options.seeds, names, bar.update, **picture_options)
    files.make_folder(options.out)
    path = os.path.join(options.out, "figure.png")
    images.save_png(figure, path, json.dumps(recorded))
    print("figure   %s" % path)
    print("recipe   %s" % recipe.write(recorded, options.out))


def default_grid(count):
    """Columns and rows, full and about square where that can be, of at most 64 pictures.

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
