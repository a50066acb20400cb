"""Command line: `python -m blend.run`. Parses, calls, prints; the work is done elsewhere."""

import argparse
import difflib
import io
import os
import signal
import sys

from blend import recipe as recipes
from blend.checkpoints import FORMATS
from blend.commands import files as file_commands
from blend.commands import train as training_command
from blend.commands.options import fractions, grid, seeds
from blend.errors import BlendError
from blend.mixing import RULES, SIDES, Rule
from blend.pictures.generate import NOISES, PRECISIONS
from blend.system import files

EPILOG = """\
Without LOW and HIGH: the two networks that come with the package, and a figure of their blends at every
resolution, both ways round. LOW and HIGH are network files, URLs, names of the zoo, or photo and cartoon.

  python -m blend.run low.pkl high.pkl --resolution 32 --seeds 0-7 --save mixed.pkl
  python -m blend.run photo cartoon --fractions 8x8=0.5,16x16/Conv1=1
  python -m blend.run low.pkl high.pkl --figure
  python -m blend.run --recipe blend-out/recipe.json
  python -m blend.run ffhq ffhq-cartoon --seeds 0-3
  python -m blend.run inspect|convert|zoo|train --help
"""


class Parser(argparse.ArgumentParser):
    """Errors in one line."""

    def error(self, message):
        raise BlendError("%s (see --help)" % message)


def parser():
    made = Parser("python -m blend.run", description="Blend two StyleGAN2 networks and make pictures.",
                  epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                  argument_default=argparse.SUPPRESS)
    made.add_argument("networks", nargs="*", metavar="LOW HIGH", default=[],
                      help="network of the low resolutions (structure) and of the high ones (texture)")
    split = made.add_argument_group("blend")
    split.add_argument("--resolution", type=int, metavar="R",
                       help="split: up to here from LOW (default 32, at most a quarter of the networks' resolution)")
    split.add_argument("--level", type=int, choices=(0, 1), help="finer split within R (default 0)")
    split.add_argument("--width", type=float, metavar="W", help="smooth split of this width (default: hard)")
    split.add_argument("--rule", choices=RULES, help="for smooth splits (default article, as published)")
    split.add_argument("--fractions", type=fractions, metavar="8x8=0.3,...", help="of HIGH, by resolution or layer")
    for option, what in (("mapping", "mapping network"), ("dlatent-avg", "average w"),
                         ("noise-buffers", "stored noise")):
        split.add_argument("--" + option, choices=SIDES, help="network that gives the %s (default low)" % what)
    split.add_argument("--torgb", choices=SIDES, help="network that gives ToRGB (default: follows the split)")
    pictures = made.add_argument_group("pictures")
    pictures.add_argument("--seeds", type=seeds, metavar="0,3,7-9", help="one picture each (default 0-7)")
    pictures.add_argument("--psi", type=float, help="truncation; 1 is none (default 0.7)")
    pictures.add_argument("--cutoff", type=int, metavar="N", help="truncate only the first N layers")
    pictures.add_argument("--figure", action="store_true", help="a figure of all splits in place of one blend")
    pictures.add_argument("--noise", choices=NOISES, help="const: stored in the file (default)")
    pictures.add_argument("--label", type=int, metavar="N", help="class, for networks with labels")
    pictures.add_argument("--grid", type=grid, metavar="4x2", help="columns x rows of the grid")
    pictures.add_argument("--device", choices=("cpu", "gpu"), help="default: a GPU if TensorFlow sees one")
    pictures.add_argument("--precision", choices=PRECISIONS,
                          help="bfloat16: faster where the processor computes it, less accurate (default float32)")
    engine = made.add_argument_group("engine")
    engine.add_argument("--engine", choices=recipes.ENGINES, help="nvidia: NVIDIA's own code, from its repository")
    engine.add_argument("--stylegan2", metavar="FOLDER", help="that repository (default $STYLEGAN2, or the submodule)")
    engine.add_argument("--trust", action="store_true", help="let it execute the source stored in the network files")
    places = made.add_argument_group("files")
    places.add_argument("--out", metavar="FOLDER", help="for pictures and recipe.json (default blend-out)")
    places.add_argument("--save", metavar="FILE", help="write the blended network (G, D of LOW and blended Gs)")
    places.add_argument("--no-pictures", dest="pictures", action="store_false",
                        help="with --save: write the network alone, in a second")
    places.add_argument("--format", choices=list(FORMATS), help="of --save, where its ending does not say it (.pkl)")
    places.add_argument("--all-networks", action="store_true", help="blend G as well as Gs")
    places.add_argument("--recipe", metavar="FILE", help="options from a recipe.json or a PNG; others given here win")
    places.add_argument("--report", action="store_true", help="print what happens to every variable, and why")
    return made


def command(arguments):
    """Run the command line's arguments."""
    commands = {"train": training_command.run, "convert": file_commands.convert, "inspect": file_commands.inspect,
                "zoo": file_commands.zoo_command}
    if arguments and arguments[0] in commands:
        return commands[arguments[0]](Parser, arguments[1:])
    given = vars(parser().parse_args(arguments))
    recipe = recipes.read(given.pop("recipe")) if "recipe" in given else {}
    networks = given.pop("networks")
    if len(networks) not in (0, 2):
        near = difflib.get_close_matches(networks[0], commands, 1, 0.6)
        hint = "; did you mean %s?" % near[0] if near else ""
        raise BlendError("give two networks, LOW and HIGH, none for the shipped pair, or a command (%s); not %s%s" % (
            ", ".join(sorted(commands)), " ".join(networks), hint))
    if "figure" in given and ("save" in given or "resolution" in given):
        raise BlendError("a figure shows all splits and saves no network; leave out --figure, or the other options")
    if "pictures" in given and "save" not in given:
        raise BlendError("--no-pictures leaves nothing to make; say with --save where the network goes")
    asked = set(given)
    rule = {key: given.pop(key) for key in asked & set(Rule._fields)}
    options = recipes.Options(**dict(recipe, **given))
    options = options._replace(blend=options.blend._replace(**rule))
    if networks:
        options = options._replace(low=recipes.Source(networks[0]), high=recipes.Source(networks[1]))
    if options.engine != "nvidia" and ("stylegan2" in given or "trust" in given):
        raise BlendError("--stylegan2 and --trust are for --engine nvidia; blend's own engine executes nothing")
    blends = networks or asked & set(recipes.BLEND_OPTIONS)
    recipes.make(options._replace(figure=not blends and options.figure or "figure" in asked), sys.stdout)
    return 0


def main(arguments=None):
    """Exit code: 0, 2 for a mistake in what was asked (one line on stderr), 130 for Ctrl-C."""
    try:
        return command(sys.argv[1:] if arguments is None else arguments)
    except BlendError as error:
        print("blend: %s" % error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("blend: stopped; files that are there are whole", file=sys.stderr)
        return 130
    except MemoryError:
        print("blend: not enough memory; ask for fewer or smaller pictures", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def start():
    """The command as a process of its own: with the ends that the system can give it."""
    def ended(_number, _frame):
        raise SystemExit(143)  # files that are being written vanish

    signal.signal(signal.SIGTERM, ended)
    files.guard_maps()
    # Names of files may have letters that the terminal's encoding lacks.
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, sys.stdout.encoding, "backslashreplace",
                                  line_buffering=sys.stdout.isatty())
    sys.exit(main())


if __name__ == "__main__":
    start()
