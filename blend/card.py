"""A card beside a network file, in Markdown: what it was made of, how, and how to load it.

`mixed.pkl` gets `mixed.md` and, where pictures were made, `mixed-grid.png`. Other people's files of these names stay.
"""

import json
import os
import re
from typing import NamedTuple, Optional, Tuple

from PIL import Image

from blend import zoo
from blend.errors import one_line
from blend.pictures import images
from blend.system import plain_yaml
from blend.system.files import replacing
from blend.system.version import VERSION
from blend.zoo.shipped import SHIPPED

_MARK = "<!-- A card that blend wrote; it writes it anew with the network. -->"
_WIDEST = 768  # pixels of the grid
# How other programs read each format; %s is the file.
_ELSEWHERE = {
    "tensorflow": "NVIDIA's stylegan2 and stylegan2-ada: `pretrained_networks.load_networks(\"%s\")`; "
                  "stylegan2-ada-pytorch: `python legacy.py --source %s --dest OUT.pkl`",
    "pytorch": "stylegan2-ada-pytorch and stylegan3: `python generate.py --network %s`, or "
               "`legacy.load_network_pkl(open(\"%s\", \"rb\"))[\"G_ema\"]`",
    "rosinality": "rosinality's stylegan2-pytorch: `python generate.py --ckpt %s`, or `torch.load(\"%s\")[\"g_ema\"]`",
    "safetensors": "any reader of safetensors, as tensors by name: `safetensors.numpy.load_file(\"%s\")`; as a "
                   "network, only blend",
}


class Ingredient(NamedTuple):
    """A network that went into another: the name that the user gave, its SHA-256 if known, what it was there for."""

    name: str
    sha256: Optional[str] = None
    role: str = ""


class Card(NamedTuple):
    """Everything that a card says beside what the networks say of themselves.

    ingredients: what went into the network, in order. recipe: plain data, shown as YAML, or as JSON for recipes that
    are read as that. made: what this is. again: the command that makes it again from the recipe. lost: what the format
    cannot hold, in words. grid: a Pillow image of some pictures.
    """

    ingredients: Tuple[Ingredient, ...]
    recipe: dict
    made: str = "a blend"
    again: str = ""
    lost: Tuple[str, ...] = ()
    grid: Optional[Image.Image] = None
    as_json: bool = False


def path_of(path):
    """Where the card of a network file is: `mixed.pkl` to `mixed.md`."""
    return os.path.splitext(path)[0] + ".md"


def write(target, networks, card):
    """Write the card of the networks that were written to a Target. Its path; None: another file has that name.

    BlendError: it cannot be written.
    """
    path = path_of(target.path)
    if path == target.path or os.path.lexists(path) and not _is_card(path):
        return None
    picture = None
    if card.grid is not None:
        picture = os.path.splitext(target.path)[0] + "-grid.png"
        if os.path.lexists(path) or not os.path.lexists(picture):
            images.save_png(_small(card.grid), picture)
        else:
            picture = None
    with replacing(path) as file:
        file.write(text(target, networks, card, picture).encode("utf-8", "backslashreplace"))
    return path


def _is_card(path):
    try:
        with open(path, "rb") as file:
            return os.path.isfile(path) and file.read(len(_MARK)) == _MARK.encode("ascii")
    except OSError:
        return False


def _small(image):
    image = image.copy()
    image.thumbnail((_WIDEST, _WIDEST))
    return image


def text(target, networks, card, picture=None):
    """The card's text."""
    name = os.path.basename(target.path)
    generator = networks.Gs
    parts = "Gs" if networks.G is None else "G, D and Gs"
    lines = [_MARK, "", "# %s" % _plain(name), "", "%s (%s) of %dx%d pixels, made with blend %s: %s." % (
        generator.family.name, parts, generator.resolution, generator.resolution, VERSION, card.made), ""]
    if picture is not None:
        lines += ["![Pictures of this network](%s)" % re.sub(
            r"[^A-Za-z0-9._~-]", lambda match: "".join("%%%02X" % byte for byte in match.group().encode("utf-8")),
            os.path.basename(picture)), ""]
    lines += ["## Made of", "", "| network | SHA-256 | licence |", "| --- | --- | --- |"]
    for ingredient in card.ingredients:
        label = _code(without_secrets(ingredient.name)) + (" (%s)" % ingredient.role if ingredient.role else "")
        lines.append("| %s | %s | %s |" % (label, ingredient.sha256 or "not worked out", _plain(licence(ingredient))))
    lines += ["", "What is made of networks is bound by the licences of all of them.", "", "## Recipe", ""]
    recipe = json.dumps(card.recipe, indent=1, ensure_ascii=False) if card.as_json else plain_yaml.dump(card.recipe)
    recipe = recipe.rstrip("\n")
    fence = "`" * max([3] + [len(run) + 1 for run in re.findall("`+", recipe)])
    lines += [fence + ("json" if card.as_json else "yaml"), recipe, fence, ""]
    if card.again:
        lines += ["Again, with this recipe in a file: %s" % _code(card.again), ""]
    ours = "blend: `python -m blend.run inspect %s`, or `blend.load(\"%s\")` in Python" % (_quoted(name), _quoted(name))
    lines += ["## How to load it", "", "It is of the format %s; `python -m blend.run convert` makes others." %
              target.format, "", "- " + ours,
              "- %s" % _elsewhere(target.format, name, networks.G is not None)]
    lines += ["- left out in this format: %s" % _plain(part) for part in card.lost]
    return "\n".join(lines) + "\n"


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
    return re.sub(r"://[^/@\s]*@", "://", name)


def _elsewhere(format, name, is_whole):
    line = _ELSEWHERE[format]
    if format == "tensorflow" and not is_whole:
        line = "NVIDIA's stylegan2 and stylegan2-ada: `pickle.load(open(\"%s\", \"rb\"))`, which gives Gs alone"
    return line % ((_quoted(name),) * line.count("%s"))


def _plain(value):
    """A text of unknown origin as Markdown that means nothing but itself."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", one_line(value))


def _code(value):
    """The same as code, also in a table."""
    value = one_line(value).replace("|", "\\|")
    fence = "`" * max([1] + [len(run) + 1 for run in re.findall("`+", value)])
    return "%s %s %s" % (fence, value, fence) if "`" in value else "`%s`" % value


def _quoted(name):
    return one_line(name).replace("`", "'").replace('"', "'")
