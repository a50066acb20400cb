"""A card beside a network file, in Markdown: what it was made of, how, and how to load it.

`mixed.pkl` gets `mixed.md` and, where pictures were made, `mixed-grid.png`. Other people's files of these names stay.
"""

import os
import re
import shlex
from typing import NamedTuple, Optional, Tuple

from PIL import Image

from blend import zoo
from blend.errors import one_line
from blend.pictures import images
from blend.system import plain_yaml
from blend.system.files import open_regular, replacing
from blend.system.version import VERSION
from blend.zoo.shipped import SHIPPED

_MARK = "<!-- A card that blend wrote; it writes it anew with the network. -->"
_WIDEST = 768  # pixels of the grid
_MOST = 2 ** 20  # bytes of a card that are looked at
# How other programs read each format: in a shell and in Python.
_ELSEWHERE = {
    "tensorflow": "NVIDIA's stylegan2 and stylegan2-ada: `pretrained_networks.load_networks({python})`; "
                  "stylegan2-ada-pytorch: `python legacy.py --source {shell} --dest OUT.pkl`",
    "pytorch": "stylegan2-ada-pytorch and stylegan3: `python generate.py --network {shell}`, or "
               "`legacy.load_network_pkl(open({python}, \"rb\"))[\"G_ema\"]`",
    "rosinality": "rosinality's stylegan2-pytorch: `python generate.py --ckpt {shell}`, or "
                  "`torch.load({python})[\"g_ema\"]`",
    "safetensors": "any reader of safetensors, as tensors by name: `safetensors.numpy.load_file({python})`; as a "
                   "network, only blend",
}
_GS_ALONE = "NVIDIA's stylegan2 and stylegan2-ada: `pickle.load(open({python}, \"rb\"))`, which gives Gs alone"


class Ingredient(NamedTuple):
    """A network that went into another: the name that the user gave, its SHA-256 if known, what it was there for."""

    name: str
    sha256: Optional[str] = None
    role: str = ""


class Card(NamedTuple):
    """Everything that a card says beside what the networks say of themselves.

    ingredients: what went into the network, in order. recipe: plain data, shown as YAML. summary: what the network is,
    in a few words. again: the command that makes it again; recipe_file: the file that it reads the recipe from, if it
    does. lost: what the format cannot hold, in words. grid: a Pillow image of some pictures.
    """

    ingredients: Tuple[Ingredient, ...]
    recipe: dict
    summary: str = "a blend"
    again: str = ""
    recipe_file: str = ""
    lost: Tuple[str, ...] = ()
    grid: Optional[Image.Image] = None


def path_of(path):
    """Where the card of a network file is: `mixed.pkl` to `mixed.md`."""
    return os.path.splitext(path)[0] + ".md"


def write(target, networks, card):
    """Write the card of the networks that were written to a Target. Its path; None: another file has that name.

    BlendError: it cannot be written.
    """
    path = path_of(target.path)
    old = _card_at(path)
    if path == target.path or os.path.lexists(path) and old is None:
        return None
    picture = None
    if card.grid is not None:
        picture = os.path.splitext(target.path)[0] + "-grid.png"
        if not os.path.lexists(picture) or _link_to(picture) in (old or ""):
            images.save_png(_small(card.grid), picture)
        else:
            picture = None
    with replacing(path) as file:
        file.write(text(target, networks, card, picture).encode("utf-8", "backslashreplace"))
    return path


def save_options(name, format):
    """The words of a command that write a network under a name. format: as it was asked for; None: by the name."""
    return ["--save", name] + ([] if format is None else ["--format", format])


def _card_at(path):
    """The text of the card that is there, or None: nothing, or another file."""
    try:
        with open_regular(path) as file:
            text = file.read(_MOST).decode("utf-8", "replace")
    except OSError:
        return None
    return text if text.startswith(_MARK) else None


def _link_to(picture):
    return "](%s)" % _escaped(os.path.basename(picture))


def _small(image):
    image = image.copy()
    image.thumbnail((_WIDEST, _WIDEST))
    return image


def text(target, networks, card, picture=None):
    """The card's text. picture: the path of a grid of pictures beside it, or None."""
    generator = networks.Gs
    holds = "A generator" if networks.G is None else "Generator, its average and discriminator"
    lines = [_MARK, "", "# %s" % _plain(os.path.basename(target.path)), "",
             "%s of %s for pictures of %dx%d, made with blend %s: %s." % (
                 holds, generator.family.name, generator.resolution, generator.resolution, VERSION, card.summary), ""]
    if picture is not None:
        lines += ["![Pictures of this network" + _link_to(picture), ""]
    has_training = networks.G is not None
    return "\n".join(lines + _made_of(card) + _recipe(card) + _loading(target, card, has_training)) + "\n"


def _made_of(card):
    rows = ["| %s%s | %s | %s |" % (
        _cell(without_secrets(ingredient.name)), " (%s)" % ingredient.role if ingredient.role else "",
        ingredient.sha256 or "not worked out", _plain(licence(ingredient))) for ingredient in card.ingredients]
    return ["## Made of", "", "| network | SHA-256 | licence |", "| --- | --- | --- |"] + rows + [
        "", "What is made of networks is bound by the licences of all of them.", ""]


def _recipe(card):
    recipe = plain_yaml.dump(card.recipe).rstrip("\n")
    fence = "`" * max([3] + [len(run) + 1 for run in re.findall("`+", recipe)])
    lines = ["## Recipe", "", fence + "yaml", recipe, fence, ""]
    if not card.again:
        return lines
    first = "Again, with this recipe as the file %s: " % _code(card.recipe_file) if card.recipe_file else "Again: "
    return lines + [first + _code(card.again), ""]


def _loading(target, card, has_training):
    name = os.path.basename(target.path)
    lines = ["## How to load it", "",
             "- blend: `python -m blend.run inspect %s`, or `blend.load(%s)` in Python" % (
                 _in_shell(name), _in_python(name)),
             "- %s" % _elsewhere(target.format, name, has_training), "",
             "The format is %s; `python -m blend.run convert` makes others." % target.format]
    return lines + ["- left out in this format: %s" % _plain(part) for part in card.lost]


def _escaped(name):
    """A file name as Markdown wants it in a link."""
    return re.sub(r"[^A-Za-z0-9._~-]",
                  lambda match: "".join("%%%02X" % byte for byte in match.group().encode("utf-8")), name)


def licence(ingredient):
    """What is known of a network's licence: of the zoo by name, address or SHA-256, and of the shipped ones."""
    if ingredient.name in SHIPPED:
        return "MIT (comes with blend)"
    for entry in zoo.entries():
        if ingredient.name in (entry.name, entry.url) or ingredient.sha256 and ingredient.sha256 == entry.sha256:
            return entry.licence
    return "unknown here"


def without_secrets(name):
    """An address without the user and password in it.

    >>> without_secrets("https://me:secret@example.org/a.pkl")
    'https://example.org/a.pkl'
    """
    return re.sub(r"://[^/\s]*@", "://", name)


def _elsewhere(format, name, is_whole):
    line = _GS_ALONE if format == "tensorflow" and not is_whole else _ELSEWHERE[format]
    return line.format(shell=_in_shell(name), python=_in_python(name))


def _plain(value):
    """A text of unknown origin as Markdown that means nothing but itself."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", one_line(value))


def _code(value):
    """The same as code."""
    value = one_line(value)
    fence = "`" * max([1] + [len(run) + 1 for run in re.findall("`+", value)])
    return "%s %s %s" % (fence, value, fence) if "`" in value else "`%s`" % value


def _in_shell(name):
    """A file name in a command line, inside of backquotes."""
    return shlex.quote(one_line(name).replace("`", "'"))


def _in_python(name):
    """A file name as a text of Python, inside of backquotes."""
    return '"%s"' % re.sub(r'(["\\])', r"\\\1", one_line(name)).replace("`", "'")


def _cell(value):
    """The same in a table, as code where that can be: what a backslash before a bar means differs in code."""
    return _plain(value) if "|" in one_line(value) else _code(value)
