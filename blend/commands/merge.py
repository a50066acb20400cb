"""`python -m blend.run merge`: any number of networks to one, by a recipe."""

import argparse
import itertools
import json
import os
import shlex
from collections import OrderedDict
from concurrent import futures
from typing import Dict, NamedTuple, Optional

from blend import card as cards
from blend import recipe as recipes
from blend import zoo
from blend.checkpoints import FORMATS, NetworkFile, Target, target_for
from blend.commands import pictures
from blend.commands.blend import tell_card, tell_network
from blend.errors import BlendError
from blend.mixing import merge_recipe, relatives, stages
from blend.networks.network import check_finite
from blend.pictures import generate, images, latents
from blend.pictures.png_text import is_png
from blend.system import files, memory, plain_yaml, progress
from blend.system.pending import computed
from blend.system.version import VERSION
from blend.zoo.addresses import check_url

EPILOG = """\
A recipe is a file in YAML or JSON:

  method: linear                        # slerp, task-arithmetic, model-stock, ties, dare, dare-ties
  networks:
    - network: photo                    # a file, a URL, a name of the zoo, or of an earlier stage
    - network: cartoon
      weight: {8x8: 0.3, 16x16/Conv1: 1}    # or a number; one network without takes what is left of 1, none: the mean
  # base: ffhq                          # the common ancestor, for task-arithmetic, model-stock, ties and dare
  # parameters: {density: 0.5}          # also seed, scale, t (slerp), normalize (linear)
  # mapping: photo                      # who gives mapping network, dlatent_avg, noise_buffers, torgb; or merged

Several stages are a list of such entries, each with a name; later ones use earlier ones by it.

  python -m blend.run merge recipe.yaml --save merged.pkl
  python -m blend.run merge recipe.yaml --save merged.pkl --seeds 0-7 --psi 0.7
  python -m blend.run merge blend-out/merge.yaml          # the same pictures again
"""
# What the recipe's `pictures` may say, and the command line.
_PICTURES = OrderedDict([("seeds", list), ("psi", float), ("cutoff", int), ("noise", str), ("noise_seed", int),
                         ("label", int), ("grid", list), ("precision", str)])


def parser(parser_class):
    """The parser of the command's options."""
    options = parser_class("python -m blend.run merge", description="Merge any number of networks by a recipe.",
                           epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                           argument_default=argparse.SUPPRESS)
    options.add_argument("recipe", nargs="+", metavar="RECIPE",
                         help="a merge recipe: YAML, JSON, or a PNG that carries one")
    options.add_argument("--save", metavar="FILE", help="write the merged network (G, D of the first one, merged Gs)")
    options.add_argument("--format", choices=list(FORMATS),
                         help="of --save (default: by its ending; .pkl: that of the first one)")
    options.add_argument("--no-card", dest="card", action="store_false",
                         help="no FILE.md beside it, and no checksums of what it was made of")
    options.add_argument("--fetch", action="store_true", help="let it ask addresses that only the recipe names")
    options.add_argument("--report", action="store_true", help="print what happens to every variable, and why")
    group = options.add_argument_group("pictures")
    pictures.add_options(group, "none: no pictures")
    group.add_argument("--out", metavar="FOLDER", help="for pictures and merge.yaml (default blend-out)")
    group.add_argument("--no-pictures", dest="pictures", action="store_false", help="whatever the recipe says")
    return options


class Opened(NamedTuple):
    """The networks of a recipe by name, and the futures of their files' SHA-256, where `with_digests` asks for them.

    fetch: whether addresses that are not published with the package may be asked.
    """

    networks: Dict[str, NetworkFile]
    hashes: Dict[str, futures.Future]
    hashing: futures.Executor
    with_digests: bool
    fetch: bool

    def load(self, entry):
        """The NetworkFile of an Entry. MismatchError: it is not the file that the recipe names."""
        networks = zoo.load(entry.network, entry.sha256, self.fetch)
        if self.with_digests:  # a third of a second for a large file, beside the rest
            self.hashes[entry.network] = self.hashing.submit(getattr, networks, "sha256")
        self.networks[entry.network] = networks
        return networks

    @property
    def digests(self):
        """{name: SHA-256}."""
        return OrderedDict((name, future.result()) for name, future in self.hashes.items())


class Job(NamedTuple):
    """A merge that is ready to be written: all that the two ways to do so need."""

    recipe: merge_recipe.MergeRecipe
    opened: Opened
    merged: NetworkFile           # its large arrays may be Pending
    target: Optional[Target]      # of --save
    format: Optional[str]         # of --save, as it was asked for
    has_card: bool
    out: str                      # folder of pictures
    device: Optional[str]


def run(parser_class, arguments):
    """Merge as a recipe says. Returns the exit code."""
    given = vars(parser(parser_class).parse_args(arguments))
    if len(given["recipe"]) != 1:
        raise BlendError("merge takes one recipe file, not %s; two networks without a recipe: python -m blend.run "
                         "LOW HIGH" % " ".join(given["recipe"]))
    path, out = given["recipe"][0], given.get("out", "blend-out")
    recipe = _read(path)
    options = _picture_options(recipe, given, path)
    if options is None and "save" not in given:
        raise BlendError("say with --save where the network goes, or with --seeds which pictures to make")
    if options is not None:
        files.check_folder(out)
    memory.keep()
    has_card = "save" in given and given.get("card", True)
    opened = Opened(OrderedDict(), OrderedDict(), futures.ThreadPoolExecutor(2), options is not None or has_card,
                    given.get("fetch", False))
    try:
        recipe = merge_recipe.with_places(recipe, lambda name: _place(name, os.path.dirname(path), given.get("fetch")))
        merged, changes = stages.run(recipe, opened.load)
    except BlendError as error:
        raise type(error)("%s: %s" % (path, error))
    check_finite(merged.Gs, "the merge")
    target = None
    if "save" in given:
        made_folder = None if options is None else out
        target = target_for(given["save"], merged.format, given.get("format"), made_folder)
        target.check_apart(opened.networks.values())
    _tell_variables(recipe.stages[-1], changes, "report" in given)
    _tell_differences(opened.networks)
    job = Job(recipe, opened, merged, target, given.get("format"), has_card, out, given.get("device"))
    if options is None:
        _write_network(job)
    else:
        _make_pictures(job, options)
    return 0


def _write_network(job):
    """The network alone, array by array, and its card."""
    with progress.waiting("writing %s" % job.target.path):
        lost = job.merged.write(job.target)
    _tell_network(job, lost)


def _read(path):
    """The MergeRecipe of a file, or of a PNG that carries one."""
    try:
        is_picture = is_png(path)
    except OSError as error:
        raise BlendError("%s: cannot be read (%s)" % (path, files.reason(error)))
    if not is_picture:
        return merge_recipe.read(path)
    try:
        return merge_recipe.parse(files.parse_json(images.read_recipe(path))["merge"], path)
    except (ValueError, KeyError, TypeError, OSError):
        raise BlendError("%s: carries no recipe of a merge" % path)


def _picture_options(recipe, given, path):
    """The options of pictures, of the recipe and of the command line, completed; None where none are asked for."""
    for key, value in recipe.pictures.items():
        expected = (int, float) if _PICTURES.get(key) is float else _PICTURES.get(key)
        if expected is None:
            raise BlendError("%s: pictures: unknown key %s; there are %s" % (path, key[:60], ", ".join(_PICTURES)))
        if value is not None and (not isinstance(value, expected) or isinstance(value, bool)):
            raise BlendError("%s: pictures: %s: a %s is expected, not %s" % (
                path, key, _PICTURES[key].__name__, str(value)[:60]))
    options = dict(recipe.pictures, **{key: given[key] for key in _PICTURES if key in given})
    if options.get("seeds") is None or not given.get("pictures", True):
        if given.get("pictures", True) and set(_PICTURES) & set(given):
            raise BlendError("pictures need --seeds, such as --seeds 0-7")
        return None
    options = dict({"psi": 0.7, "noise": "const"}, **options)
    options["psi"] = None if options["psi"] is None else float(options["psi"])
    if options["noise"] == "random" and options.get("noise_seed") is None:
        options["noise_seed"] = latents.fresh_seed()
    return options


def _place(name, folder, fetch):
    """Where a network of a recipe is: as it is called, or beside the recipe."""
    if zoo.is_url(name):
        check_url(name)  # first, as its error tells no password
        if not fetch:
            raise BlendError("%s: the recipe asks this address for a network; say --fetch if that is what you want"
                             % name)
    beside = os.path.join(folder, name)
    return beside if not os.path.exists(name) and os.path.isfile(beside) else name


def _tell_network(job, lost, grid_picture=None):
    """Say where the network is, and write its card. lost: what its format cannot hold, in words."""
    tell_network(job.target, lost)
    if not job.has_card:
        return
    digests = job.opened.digests
    bases = {stage.base.network for stage in job.recipe.stages if stage.base}
    ingredients = tuple(cards.Ingredient(name, digest, "base" if name in bases else "")
                        for name, digest in digests.items())
    name = os.path.basename(job.target.path)
    recipe_file = os.path.splitext(name)[0] + "-recipe.yaml"  # no file of the user's, which may be another recipe
    command = ["python", "-m", "blend.run", "merge", recipe_file] + cards.save_options(name, job.format)
    command += ["--fetch"] if job.opened.fetch else []
    tell_card(job.target, job.merged, cards.Card(
        ingredients, _recorded(job.recipe, digests), summary=_described(len(digests), job.merged.G is not None),
        again=" ".join(map(shlex.quote, command)), recipe_file=recipe_file, lost=tuple(lost), grid=grid_picture))


def _described(count, has_training):
    return "a merge of %d network%s%s" % (
        count, "" if count == 1 else "s", "; G and D are those of the first one" if has_training else "")


def _recorded(recipe, digests):
    """The recipe as plain data with checksums and without secrets."""
    return merge_recipe.as_dict(merge_recipe.with_places(recipe, cards.without_secrets), {
        cards.without_secrets(name): digest for name, digest in digests.items()})


def _make_pictures(job, options):
    """A PNG for each seed, a grid, merge.yaml, and the network and its card where they are asked for."""
    stored = job.merged.Gs.stored
    generator = job.merged.Gs.replaced(OrderedDict((name, computed(value)) for name, value in stored.items()))
    job = job._replace(recipe=job.recipe._replace(pictures=options), merged=job.merged._replace(Gs=generator))
    batches = generate.iterate(generator, options["seeds"], device=job.device, labels=options.get("label"), **{
        key: options[key] for key in ("psi", "cutoff", "noise", "noise_seed", "precision") if key in options})
    shape = pictures.grid_shape(options.get("grid"), len(options["seeds"]), generator.resolution)
    recorded = _recorded(job.recipe, job.opened.digests)
    with progress.waiting("loading TensorFlow"):
        versions = recipes.versions()
        first = next(batches)  # a mistake in the options shows here, before anything is written
    files.make_folder(job.out)
    lost = [] if job.target is None else job.merged.write(job.target)
    text = json.dumps(OrderedDict([("merge", recorded), ("version", VERSION), ("versions", versions)]))
    sheet = pictures.write_folder(itertools.chain([first], batches), options["seeds"], job.out, text, shape)
    _write_recipe(os.path.join(job.out, "merge.yaml"), recorded, versions)
    if job.target is not None:
        _tell_network(job, lost, sheet)
    print("pictures %s" % os.path.join(job.out, "grid.png"))
    print("recipe   %s" % os.path.join(job.out, "merge.yaml"))


def _write_recipe(path, recorded, versions):
    programs = ", ".join(["blend %s" % VERSION] + ["%s %s" % pair for pair in versions.items()])
    with files.replacing(path) as file:
        file.write(("# Made with %s\n%s" % (programs, plain_yaml.dump(recorded))).encode("utf-8"))


def _tell_variables(stage, changes, report):
    """Say what happened to the variables in the last stage."""
    if report:
        for name, share in changes.items():
            weights = "whole" if share.source is not None else ",".join("%.4g" % weight for weight in share.weights)
            print("%-12s %s (%s)" % (weights, name, share.reason))
    whole = sum(share.source is not None for share in changes.values())
    count = len(stage.networks)
    print("merged   %d variables of %d network%s by %s; %d are one network's" % (
        len(changes) - whole, count, "" if count == 1 else "s", stage.method, whole))


def _tell_differences(sources):
    """Say which networks, {name: NetworkFile}, are strangers to the first one, and whether they have other clamps."""
    first = next(iter(sources))
    for name, networks in itertools.islice(sources.items(), 1, None):
        warning = relatives.warning(sources[first].Gs, networks.Gs, (first, name))
        if warning is not None:
            print("note     %s" % warning)
    clamps = OrderedDict((name, networks.Gs.architecture.get("conv_clamp")) for name, networks in sources.items())
    if len(set(clamps.values())) > 1:
        print("note     conv_clamp differs (%s); that of the first network is taken" % ", ".join(
            "%s: %s" % pair for pair in clamps.items()))
