"""`python -m blend.run LOW HIGH`: one blend, or the figure of all of them."""

import argparse
import contextlib
import itertools
import json
import os
import shlex

from blend import card, mixing, recipe, zoo
from blend.checkpoints import FORMATS, target_for
from blend.commands import pictures
from blend.commands.options import fractions, number
from blend.errors import BlendError, closest
from blend.figures import splits
from blend.mixing import relatives
from blend.networks import stand_ins
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
  python -m blend.run merge|compare|inspect|convert|zoo|train|portraits|report --help
"""


def parser(parser_class):
    """The parser of the command's options."""
    options = parser_class(
        "python -m blend.run", description="Blend two StyleGAN2 networks and make pictures.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter, argument_default=argparse.SUPPRESS)
    options.add_argument("networks", nargs="*", metavar="LOW HIGH", default=[],
                         help="network of the low resolutions (structure) and of the high ones (texture)")
    _add_split(options.add_argument_group("blend"))
    group = options.add_argument_group("pictures")
    pictures.add_options(group)
    group.add_argument("--figure", action="store_true", help="a figure of all splits in place of one blend")
    _add_engine(options.add_argument_group("engine"))
    _add_places(options.add_argument_group("files"))
    return options


def _add_split(group):
    group.add_argument("--resolution", type=int, metavar="R",
                       help="split: up to here from LOW (default 32, at most a quarter of the networks' resolution)")
    group.add_argument("--level", type=int, choices=(0, 1), help="finer split within R (default 0)")
    group.add_argument("--width", type=number, metavar="W", help="smooth split of this width (default: hard)")
    group.add_argument("--rule", choices=mixing.RULES, help="for smooth splits (default article, as published)")
    group.add_argument("--fractions", type=fractions, metavar="8x8=0.3,...", help="of HIGH, by resolution or layer")
    for option, part in (("mapping", "mapping network"), ("dlatent-avg", "average w"),
                         ("noise-buffers", "stored noise")):
        group.add_argument("--" + option, choices=mixing.SIDES,
                           help="network that gives the %s (default low)" % part)
    group.add_argument("--torgb", choices=mixing.SIDES,
                       help="network that gives ToRGB (default: follows the split)")


def _add_engine(group):
    group.add_argument("--engine", choices=recipe.ENGINES, help="nvidia: NVIDIA's own code, from its repository")
    group.add_argument("--stylegan2", metavar="FOLDER", help="that repository (default $STYLEGAN2, or the submodule)")
    group.add_argument("--trust", action="store_true", help="let it execute the source stored in the network files")


def _add_places(group):
    group.add_argument("--out", metavar="FOLDER", help="for pictures and recipe.json (default blend-out)")
    group.add_argument("--save", metavar="FILE", help="write the blended network (G, D of LOW and blended Gs)")
    group.add_argument("--no-pictures", dest="pictures", action="store_false",
                       help="with --save: write the network alone, in a second")
    group.add_argument("--format", choices=list(FORMATS), help="of --save (default: by its ending; .pkl: that of LOW)")
    group.add_argument("--no-card", dest="card", action="store_false", help="with --save: no FILE.md that says what "
                       "the network was made of")
    group.add_argument("--all-networks", action="store_true", help="blend G as well as Gs")
    group.add_argument("--recipe", metavar="FILE", help="options from a recipe.json or a PNG; others given here win")
    group.add_argument("--fetch", action="store_true", help="let --recipe ask addresses that only it names")
    group.add_argument("--report", action="store_true", help="print what happens to every variable, and why")


def run(parser_class, arguments, commands):
    """Blend as the arguments say. Returns the exit code. commands: other words that may have been meant."""
    given = vars(parser(parser_class).parse_args(arguments))
    sources = given.pop("networks")
    near = closest(sources[0], commands) if sources else None
    is_mistyped = near is not None and not os.path.exists(sources[0]) and sources[0] not in zoo.names()
    if len(sources) not in (0, 2) or is_mistyped:
        raise BlendError("give two networks, LOW and HIGH, none for the shipped pair, or a command (%s%s); not %s" % (
            ", ".join(commands), "; did you mean %s?" % near if near else "", " ".join(sources)))
    make(_options(given, sources))
    return 0


def _options(given, sources):
    """The recipe.Options of what was given on the command line, and of the recipe that it names."""
    if "figure" in given and ("save" in given or "resolution" in given):
        raise BlendError("a figure shows all splits and saves no network; leave out --figure, or the other options")
    if "pictures" in given and "save" not in given:
        raise BlendError("--no-pictures leaves nothing to make; say with --save where the network goes")
    recorded, may_fetch = {}, given.pop("fetch", False)
    if may_fetch and ("recipe" not in given or sources):
        raise BlendError("--fetch is for the networks of a --recipe; those that you give yourself are fetched anyway")
    if "recipe" in given:
        path = given.pop("recipe")
        stored = recipe.read(path, given.get("engine"))
        recorded = stored.options
        if not stored.is_repeatable and "noise" not in given:
            print("note     %s is of an earlier version, which drew random noise in another way: these pictures have "
                  "other noise than its own" % path)
    asked = set(given)
    rule = {key: given.pop(key) for key in asked & set(mixing.Rule._fields)}
    options = recipe.Options(**dict(recorded, **given))
    options = options._replace(blend=options.blend._replace(**rule))
    if may_fetch:
        options = options._replace(low=options.low._replace(fetch=True), high=options.high._replace(fetch=True))
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
    target = _target(options, opened.networks)
    warning = relatives.warning(*[networks.Gs for networks in opened.networks])
    if options.engine == "nvidia":
        opened = opened._replace(networks=_with_nvidia(opened.networks, options, target))
    if not options.pictures:
        make_network(opened, options, target)
    elif options.figure:
        make_figure(opened, options)
    else:
        make_blend(opened, options, target)
    if warning is not None:
        print("note     %s" % warning)
    if options.pictures and options.precision == "bfloat16":
        from blend.engine import bfloat16

        if bfloat16.is_native() is False:
            print("note     this processor has no instructions for bfloat16: float32 is faster here")


def _target(options, sources):
    """The Target of --save, or None. BlendError: nothing can be written there, or to --out, or it is a source."""
    if options.pictures:
        files.check_folder(options.out)
    if options.save is None:
        return None
    target = target_for(options.save, sources[0].format, options.format, made_folder=options.out)
    target.check_apart(sources)
    return target


def _with_nvidia(networks, options, target):
    """The networks of parsed files in NVIDIA's own code. BlendError: it is not there, or the files are not trusted."""
    with progress.waiting("starting NVIDIA's code"):
        from blend.nvidia import admission, repository

        if target is not None:
            repository.check_format(target)
        repository.folder(options.stylegan2)
        with contextlib.ExitStack() as opened:
            streams = [opened.enter_context(admission.admit(network, options.trust)) for network in networks]
            engine = repository.start(options.stylegan2, options.device)
            opened.pop_all()  # `open` closes them
    print("engine   %s" % engine.description)
    print("         It executes the Python text that is stored in the network files.")
    live = []
    for network, stream in zip(networks, streams):
        with progress.waiting("opening %s" % network.path):
            live.append(engine.open(network, stream))
    return tuple(live)


def make_network(opened, options, target):
    """One blend as a network file alone; nothing of it enters memory but the array that is being mixed."""
    mixed, changes = mixing.blend_files(*opened.networks, options.blend, options.all_networks, pending=True)
    check_finite(mixed.Gs, "the blend")
    files.make_folder(os.path.dirname(os.path.abspath(target.path)))
    with progress.waiting("writing %s" % target.path):
        lost = mixed.write(target)
    tell(opened, options, changes)
    _tell_network(mixed, opened, options, target, lost)


def make_blend(opened, options, target):
    """One blend: a PNG for each seed, a grid, recipe.json, and the network where `target` says so."""
    mixed, changes = mixing.blend_files(*opened.networks, options.blend, options.all_networks)
    batches = generate.iterate(mixed.Gs, options.seeds, **recipe.picture_options(options))
    shape = pictures.grid_shape(options.grid, len(options.seeds), mixed.resolution)
    with progress.waiting("loading TensorFlow"):
        recorded = recipe.record(options, opened.digests)
        first = next(batches)  # a mistake in the options shows here, before anything is written
    files.make_folder(options.out)
    lost = [] if target is None else mixed.write(target)
    batches = itertools.chain([first], batches)
    sheet = pictures.write_folder(batches, options.seeds, options.out, json.dumps(recorded), shape)
    path = recipe.write(recipe.with_changes(recorded, changes), options.out)
    tell(opened, options, changes)
    if target is not None:
        _tell_network(mixed, opened, options, target, lost, sheet)
    print("pictures %s" % os.path.join(options.out, "grid.png"))
    print("recipe   %s" % path)


def _tell_network(mixed, opened, options, target, lost, sheet=None):
    """Say where the network is, and write its card. lost: what its format cannot hold; sheet: a grid of pictures."""
    tell_network(target, lost)
    if options.card:
        sources = recipe.sources(options, opened.digests)
        ingredients = tuple(card.Ingredient(source["source"], source["sha256"], side)
                            for side, source in sources.items())
        plain = dict(sources, blend=recipe.changed_rule(options.blend))
        saving = card.save_options(os.path.basename(target.path), options.format)
        command = " ".join([recipe.command_line(options)] + list(map(shlex.quote, saving)))
        tell_card(target, mixed, card.Card(ingredients, plain, "a blend of two networks", command,
                                           lost=tuple(lost), grid=sheet))


def tell_network(target, lost):
    """Say where a network file is. lost: what its format cannot hold, in words."""
    print("network  %s" % target.path)
    for part in lost:
        print("left out %s" % part)


def tell_card(target, networks, text):
    """Write a card beside a network file, and say where it is."""
    path = card.write(target, networks, text)
    if path is None:
        print("note     %s is there already and is no card of blend's; it stays as it is" % card.path_of(target.path))
    else:
        print("card     %s" % path)


def tell(opened, options, changes):
    """Say what happened to the variables."""
    clamps = tuple(networks.Gs.architecture.get("conv_clamp") for networks in opened.networks)
    if options.report:
        for name, change in changes.items():
            print("%-8s %-5.4g %s (%s)" % (change.action, change.fraction, name, change.reason))
    actions = [change.action for change in changes.values()]
    print("blended  %d variables: %s" % (len(actions), ", ".join(
        "%d %s" % (actions.count(action), action) for action in ("swapped", "mixed", "kept"))))
    if actions.count("kept") == len(actions):
        print("note     nothing comes from HIGH: choose a lower --resolution")
    if clamps[0] != clamps[1]:
        print("note     conv_clamp is %s in LOW and %s in HIGH; that of LOW is taken" % tuple(
            "not there" if clamp is None else clamp for clamp in clamps))
    sides = dict(zip(mixing.SIDES, opened.networks))
    for side, lacking in ((options.blend.dlatent_avg, stand_ins.NO_AVERAGE),
                          (options.blend.noise_buffers, stand_ins.NO_NOISE)):
        if lacking in sides[side].left_out:
            print("note     %s has %s" % (side.upper(), lacking))


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
