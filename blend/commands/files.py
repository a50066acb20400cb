"""Command lines about files: `python -m blend.run convert`, `inspect` and `zoo`."""

import argparse
import os

import numpy as np

from blend import carried, checkpoints, zoo
from blend.checkpoints import tensorflow_pickle
from blend.errors import BlendError, brief, one_line
from blend.networks import shapes
from blend.networks.network import not_finite
from blend.system import files, progress

CONVERT = """\
Formats: tensorflow (.pkl of NVIDIA's stylegan2 and stylegan2-ada), pytorch (.pkl of stylegan2-ada-pytorch and of the
stylegan3 repository), rosinality (.pt of stylegan2-pytorch), safetensors. IN is recognised by its content.

  python -m blend.run convert ffhq.pkl ffhq.safetensors
  python -m blend.run convert ffhq.pkl ffhq-torch.pkl --format pytorch
"""

ZOO = """\
Files are kept in one folder ($BLEND_CACHE, else the system's cache) and compared with their checksum whenever they are
used. Names of the zoo and URLs can stand wherever a network file can:

  python -m blend.run zoo get ffhq
  python -m blend.run ffhq ffhq-cartoon --resolution 32 --seeds 0-3
"""


def convert(kind, arguments):
    """Write a network file in another format, and say what that cannot hold. Returns the exit code."""
    made = kind("python -m blend.run convert", epilog=CONVERT, description="Write a network file in another format.",
                formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("source", metavar="IN", help="a network file, a URL, or a name that the zoo or the package has")
    made.add_argument("target", metavar="OUT", help="the file to write; its ending says the format")
    made.add_argument("--format", choices=list(checkpoints.FORMATS),
                      help="of OUT, where the ending does not say it (.pkl)")
    made.add_argument("--own-source", action="store_true", help="carry only blend's own source, not that of IN, for "
                      "programs that execute it")
    given = made.parse_args(arguments)
    files.check_target(given.target)
    if given.format is None and given.target.lower().endswith(".pkl"):
        raise BlendError("both TensorFlow's and PyTorch's networks end in .pkl; say --format tensorflow or "
                         "--format pytorch")
    checkpoints.format_for(given.target, None, given.format)
    networks = checkpoints.load(zoo.find(given.source))
    if os.path.exists(given.target) and os.path.samefile(networks.path, given.target):
        raise BlendError("%s: IN and OUT are the same file" % given.target)
    if given.own_source:
        networks = tensorflow_pickle.without_source(networks)
    with progress.waiting("writing %s" % given.target):
        lost = networks.save(given.target, given.format)
    written = checkpoints.format_for(given.target, networks, given.format)
    print("from     %s (%s)" % (networks.path, networks.format))
    print("to       %s (%s)" % (given.target, written))
    for what in list(networks.left_out) + lost:
        print("left out %s" % one_line(what))
    _tell_bad_values(networks)
    return 0


def inspect(kind, arguments):
    """Say what a network file holds. Returns the exit code."""
    made = kind("python -m blend.run inspect", description="Say what a network file holds; nothing in it is executed.")
    made.add_argument("source", metavar="FILE", help="a network file, a URL, or a name that the zoo or the package has")
    made.add_argument("--variables", action="store_true", help="list the variables of Gs with their shapes")
    given = made.parse_args(arguments)
    networks = checkpoints.load(zoo.find(given.source))
    architecture = networks.Gs.architecture
    print("file     %s" % networks.path)
    print("format   %s" % networks.format)
    with progress.waiting("reading"):
        print("sha256   %s" % files.sha256(networks.path))
    for role in ("Gs", "G", "D"):
        network = getattr(networks, role)
        if network is not None:
            values = network.variables.values()
            print("%-8s %s: %d variables, %s numbers" % (
                role, one_line(network.name), len(values), format(sum(np.size(value) for value in values), ",")))
    print("pictures %dx%d, %d channels, %s" % (
        networks.resolution, networks.resolution, architecture["num_channels"], architecture["architecture"]))
    print("latents  z %d, w %d, %d mapping layers, %s" % (
        architecture["latent_size"], architecture["dlatent_size"], architecture["mapping_layers"],
        "%d classes" % architecture["label_size"] if architecture["label_size"] else "no labels"))
    print("channels %s" % ", ".join("%d: %d" % each for each in shapes.channels(architecture)))
    for key in sorted(set(networks.Gs.static_kwargs) - set(architecture) | {"conv_clamp"} & set(
            networks.Gs.static_kwargs)):
        print("also     %s" % one_line("%s = %s" % (key, brief(networks.Gs.static_kwargs[key]))))
    source = networks.Gs.extra.get("build_module_src")
    if networks.format == tensorflow_pickle.NAME and source:
        known = " (blend's own)" if carried.own(source, carried.TENSORFLOW) else ""
        print("source   %d lines, which other programs execute%s" % (source.count("\n"), known))
    for what in networks.left_out:
        print("besides  %s" % one_line(what))
    if given.variables:
        for name, value in networks.Gs.variables.items():
            print("         %s %s" % (name, "x".join(map(str, value.shape)) or "scalar"))
    _tell_bad_values(networks)
    return 0


def _tell_bad_values(networks):
    with progress.waiting("looking for NaN"):
        for role in ("Gs", "G", "D"):
            network = getattr(networks, role)
            for name, count in (not_finite(network).items() if network is not None else ()):
                print("warning  %s: %s has %d values that are NaN or infinite" % (role, name, count))


def zoo_command(kind, arguments):
    """List, fetch and add networks. Returns the exit code."""
    made = kind("python -m blend.run zoo", epilog=ZOO, formatter_class=argparse.RawDescriptionHelpFormatter,
                description="Networks that people know, by name.")
    verbs = made.add_subparsers(dest="verb", metavar="list|get|add")
    verbs.add_parser("list", help="what there is; networks of one family blend well")
    one = verbs.add_parser("get", help="fetch a network, and say where it is")
    one.add_argument("name", metavar="NAME", help="of the list, or a URL")
    one = verbs.add_parser("add", help="put an address into your own list")
    one.add_argument("name", metavar="NAME")
    one.add_argument("url", metavar="URL")
    one.add_argument("--sha256", metavar="DIGITS", help="of the file, if you know it; else that of the first download")
    given = made.parse_args(arguments)
    if given.verb == "get":
        path = zoo.get(given.name)
        print("%s  %s" % (files.sha256(path), path))
    elif given.verb == "add":
        zoo.add(given.name, given.url, given.sha256)
        print("added    %s to %s" % (given.name, zoo.cache()))
    else:
        _list_zoo()
    return 0


def _list_zoo():
    rows = [("name", "pixels", "format", "family", "licence", "what")]
    for entry in zoo.entries():
        here = os.path.exists(os.path.join(zoo.cache(), entry.file_name))
        rows.append((entry.name + (" *" if here else ""), str(entry.resolution or "?"), entry.format or "?",
                     entry.family or "", entry.licence, entry.what or entry.url))
    widths = [max(map(len, column)) for column in zip(*rows)][:-1]
    for row in rows:
        print("  ".join([cell.ljust(width) for cell, width in zip(row, widths)] + [row[-1]]))
    print("\n* is in %s." % zoo.cache())
    print("Networks of one family have a common ancestor and blend well. Licences are as their makers, or the lists")
    print("that name the networks, state them; sources are in zoo.json of the package.")
