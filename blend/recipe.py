"""A recipe: everything that a run depends on; read, completed, recorded. Nothing here prints or makes pictures."""

import os
import platform
import re
import shlex
from collections import OrderedDict
from concurrent import futures
from typing import Dict, List, NamedTuple, Optional

import numpy as np

from blend import mixing, zoo
from blend.errors import BlendError, brief
from blend.pictures import images, latents
from blend.pictures.png_text import is_png
from blend.system import files
from blend.system.version import VERSION as BLEND

# Of recipes. 2: random noise is drawn for every picture from (noise seed, index); 1 drew it batch by batch.
VERSION = 2
ENGINES = ("blend", "nvidia")


class Source(NamedTuple):
    """A network file: a path, a URL or a name of the zoo; its SHA-256 where a recipe states it.

    fetch: whether an address that is not published with the package may be asked for it.
    """

    name: str
    sha256: Optional[str] = None
    fetch: bool = True


class Options(NamedTuple):
    """Everything that a run depends on; these names and those of `mixing.Rule` are the command line's."""

    low: Source = Source("photo")
    high: Source = Source("cartoon")
    figure: bool = True              # the figure of all splits in place of one blend
    blend: mixing.Rule = mixing.Rule()  # without resolution and fractions: 32, at most a quarter of the networks'
    all_networks: bool = False
    seeds: Optional[List[int]] = None
    psi: float = 0.7
    cutoff: Optional[int] = None
    noise: str = "const"
    noise_seed: Optional[int] = None  # of 'random' noise
    label: Optional[int] = None
    grid: Optional[List[int]] = None  # columns and rows
    device: Optional[str] = None
    precision: str = "float32"       # or 'bfloat16'
    engine: str = "blend"            # or 'nvidia': its own repository
    # Where and how it is told; not part of the recipe.
    out: str = "blend-out"
    save: Optional[str] = None
    format: Optional[str] = None     # of `save`
    pictures: bool = True            # else the network alone
    card: bool = True                # beside `save`
    report: bool = False
    stylegan2: Optional[str] = None  # the folder of NVIDIA's repository, where it is not the submodule
    trust: bool = False              # let it execute what is in the network files


# Whoever gives one of these wants a blend, not the figure.
BLEND_OPTIONS = mixing.Rule._fields + ("all_networks", "save", "report", "grid")
_RECORDED_APART = ("low", "high", "blend")
_NOT_RECORDED = ("out", "save", "format", "pictures", "card", "report", "stylegan2", "trust")
_FIGURE_SEEDS = (3, 6, 1, 5)
_LONGEST = 4096  # letters of a text in a recipe: paths


class Recipe(NamedTuple):
    """What a recipe.json, or a PNG that carries one, says: values for `Options` by name, and the recipe's version."""

    options: Dict[str, object]
    version: int

    @property
    def is_repeatable(self):
        """Whether today's blend draws what the recipe's did."""
        return self.version >= 2 or self.options.get("noise") != "random"


def read(path, engine=None):
    """The Recipe in a recipe.json, or in a PNG that carries one. BlendError: not a recipe.

    A recipe may come from anywhere, so it does not decide alone what is executed and whom the network is asked for:
    one of NVIDIA's engine is refused unless the user asks for an `engine` as well, and its sources have `fetch` off.
    """
    recorded = _parsed(path)
    try:
        options = dict(recorded["options"], blend=mixing.Rule(**recorded["blend"]))
        options.update((side, _source(recorded[side], os.path.dirname(path))) for side in mixing.SIDES)
        version = recorded.get("recipe", 1)
        if type(version) is not int:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BlendError("%s: not a recipe.json, nor a PNG, that blend wrote" % path)
    # Where to write, and whom to trust, is not for a recipe to say.
    unknown = set(options) - set(Options._fields).difference(_NOT_RECORDED)
    if unknown or version > VERSION:
        raise BlendError("%s: unknown options %s; it may come from a newer version" % (
            path, ", ".join(sorted(unknown)) or "of recipe version %d" % version))
    for key, value in dict(options, **options["blend"]._asdict()).items():
        if key not in _RECORDED_APART and not _is_plain(key, value):
            raise BlendError("%s: %s cannot be %s in a recipe" % (path, key, brief(value)))
    if options.get("engine", ENGINES[0]) not in ENGINES:
        raise BlendError("%s: unknown engine %r; there are %s" % (path, options["engine"], " and ".join(ENGINES)))
    if options.get("engine") == "nvidia" and engine is None:
        raise BlendError("%s: was made by NVIDIA's code, which executes text that is stored in network files; add "
                         "--engine nvidia to let it run, or --engine blend" % path)
    return Recipe(options, version)


def _parsed(path):
    """The JSON object of a recipe, of which nothing is checked yet."""
    try:
        recorded = files.parse_json(_text(path))
    except OSError as error:
        raise BlendError("%s: cannot be read (%s)" % (path, files.reason(error)))
    except (ValueError, TypeError):
        hint = ""
        if path.lower().endswith((".yaml", ".yml")):
            hint = "; recipes of merges are for python -m blend.run merge"
        raise BlendError("%s: not a recipe.json, nor a PNG, that blend wrote%s" % (path, hint))
    if isinstance(recorded, dict) and "merge" in recorded:
        raise BlendError("%s: carries the recipe of a merge: python -m blend.run merge %s" % (path, path))
    return recorded


def _source(recorded, folder):
    """The Source of a recipe's entry: where it says, or beside the recipe. ValueError or KeyError: it is none."""
    name, digest = recorded["source"], recorded["sha256"]
    if not (len(name) <= _LONGEST and "\0" not in name and re.fullmatch("[0-9a-f]{64}", digest)):
        raise ValueError
    beside = os.path.join(folder, os.path.basename(name))
    return Source(beside if not os.path.exists(name) and os.path.isfile(beside) else name, digest, False)


def _is_plain(key, value):
    """Whether an option's value is a short text, a number, or a list or a dict of numbers, as it is in a recipe.

    Whether it makes sense is for those to say who use it.
    """
    if key == "fractions" and isinstance(value, dict):
        return all(len(name) <= _LONGEST and type(number) in (int, float) for name, number in value.items())
    if key in ("seeds", "grid"):
        is_list = isinstance(value, list) and all(type(number) is int for number in value)
        return is_list or key == "grid" and value is None
    if key in ("figure", "all_networks"):
        return type(value) is bool
    if key in ("cutoff", "label", "noise_seed") and type(value) is float:
        return False
    return value is None or type(value) in (bool, int, float) or isinstance(value, str) and len(value) <= _LONGEST


def _text(path):
    """The text of a recipe.json, or of the recipe in a PNG. OSError or ValueError: there is none."""
    return images.read_recipe(path) if is_png(path) else files.read_text(path)


class Opened(NamedTuple):
    """The networks of a run, low and high, and the SHA-256 of their files, which are worked out meanwhile."""

    networks: tuple
    digests: Dict[str, futures.Future]


def open_networks(options):
    """The Opened of the options' sources. MismatchError: a file is not the one that a recipe names."""
    networks = tuple(zoo.load(source.name, source.sha256, source.fetch) for source in (options.low, options.high))
    hashing = futures.ThreadPoolExecutor(len(mixing.SIDES))  # half a second for a large file
    digests = {side: hashing.submit(getattr, network, "sha256") for side, network in zip(mixing.SIDES, networks)
               if options.pictures or options.card}
    hashing.shutdown(wait=False)  # what was submitted is finished
    return Opened(networks, digests)


def completed(options, resolution):
    """Options with what follows from the others, and from the networks' resolution, in place of None."""
    if options.blend.resolution is None and not options.blend.fractions:
        split = max(4, min(32, resolution // 4))
        options = options._replace(blend=options.blend._replace(resolution=split))
    if options.seeds is None:
        options = options._replace(seeds=list(_FIGURE_SEEDS if options.figure else range(8)))
    if options.noise == "random" and options.noise_seed is None:
        options = options._replace(noise_seed=latents.fresh_seed())
    return options


def record(options, digests):
    """What recipe.json says of completed options, as an OrderedDict. Waits for the digests; loads TensorFlow."""
    recorded = OrderedDict([("recipe", VERSION), ("version", BLEND)])
    recorded.update(sources(options, digests))
    recorded["blend"] = options.blend._asdict()
    recorded["options"] = OrderedDict(
        (key, value) for key, value in options._asdict().items() if key not in _RECORDED_APART + _NOT_RECORDED)
    recorded["versions"] = versions()
    return recorded


def sources(options, digests):
    """What a record says of both networks: {'low': {'source': name, 'sha256': digits}, 'high': …}."""
    return OrderedDict((side, OrderedDict([("source", source.name), ("sha256", digests[side].result())]))
                       for side, source in zip(mixing.SIDES, (options.low, options.high)))


def changed_rule(rule):
    """The values of a Rule that are not its defaults, as a dict."""
    default = mixing.Rule()._asdict()
    return {key: value for key, value in rule._asdict().items() if value != default[key]}


def command_line(options):
    """The command that makes the same blend again, with its pictures or `--no-pictures`.

    >>> command_line(Options(blend=mixing.Rule(16, fractions={"8x8": 0.5}), seeds=[0, 1, 2, 5]))
    'python -m blend.run photo cartoon --resolution 16 --fractions 8x8=0.5 --seeds 0-2,5'
    """
    words = ["python", "-m", "blend.run", options.low.name, options.high.name]
    for key, value in changed_rule(options.blend).items():
        words += _option(key, value)
    if options.all_networks:
        words.append("--all-networks")
    if not options.pictures:
        return " ".join(map(shlex.quote, words + ["--no-pictures"]))
    default = Options()
    words += ["--seeds", _ranges(options.seeds)]
    for key in ("psi", "cutoff", "noise", "noise_seed", "label", "grid", "device", "precision", "engine"):
        value = getattr(options, key)
        if value != getattr(default, key):
            words += _option(key, value)
    return " ".join(map(shlex.quote, words))


def _option(key, value):
    """The words of an option on the command line."""
    if isinstance(value, dict):
        text = ",".join("%s=%s" % pair for pair in value.items())
    elif isinstance(value, (list, tuple)):
        text = "x".join(map(str, value))
    else:
        text = str(value)
    return ["--" + key.replace("_", "-"), text]


def _ranges(seeds):
    """[0, 1, 2, 5] as '0-2,5'."""
    ranges = []
    for seed in seeds:
        if ranges and seed == ranges[-1][1] + 1:
            ranges[-1][1] = seed
        else:
            ranges.append([seed, seed])
    return ",".join("%d" % first if first == last else "%d-%d" % (first, last) for first, last in ranges)


def with_changes(recorded, changes):
    """The same with what happened to every variable: {name: [action, fraction of the high network, reason]}."""
    return OrderedDict(recorded, changes=OrderedDict(
        (name, [change.action, change.fraction, change.reason]) for name, change in changes.items()))


def picture_options(options):
    """The options that `pictures.generate` takes, as a dict."""
    return dict(psi=options.psi, cutoff=options.cutoff, noise=options.noise, noise_seed=options.noise_seed,
                labels=options.label, device=options.device, precision=options.precision)


def write(recorded, folder):
    """Write recipe.json into a folder; returns its path."""
    path = os.path.join(folder, "recipe.json")
    files.write_json(path, recorded)
    return path


def versions():
    """What the pictures' bytes depend on."""
    import PIL

    from blend.engine import tensorflow

    return OrderedDict([("python", platform.python_version()), ("numpy", np.__version__),
                        ("tensorflow", tensorflow.__version__), ("pillow", PIL.__version__)])
