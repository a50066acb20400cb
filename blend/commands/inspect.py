"""`python -m blend.run inspect`: what a network file holds."""

import numpy as np

from blend import carried, zoo
from blend.checkpoints import tensorflow_pickle
from blend.errors import brief, one_line
from blend.networks.network import not_finite
from blend.system import progress


def run(parser_class, arguments):
    """Say what a network file holds. Returns the exit code."""
    options = parser_class("python -m blend.run inspect",
                           description="Say what a network file holds; nothing in it is executed.")
    options.add_argument("source", metavar="FILE",
                         help="a network file, a URL, or a name that the zoo or the package has")
    options.add_argument("--variables", action="store_true", help="list the variables of Gs with their shapes")
    given = options.parse_args(arguments)
    networks = zoo.load(given.source)
    _tell_file(networks)
    _tell_architecture(networks.Gs)
    tell_source(networks)
    for part in networks.left_out:
        print("besides  %s" % one_line(part))
    if given.variables:
        for name, value in networks.Gs.stored.items():
            print("         %s %s" % (name, "x".join(map(str, value.shape)) or "scalar"))
    tell_bad_values(networks)
    return 0


def _tell_file(networks):
    print("file     %s" % networks.path)
    print("format   %s" % networks.format)
    print("sha256   %s" % networks.sha256)
    for role, network in networks.by_role.items():
        values = network.stored.values()
        print("%-8s %s: %d variables, %s numbers" % (
            role, one_line(network.name), len(values), format(sum(np.size(value) for value in values), ",")))


def _tell_architecture(network):
    print("family   %s" % network.family.name)
    for word, text in network.family.summary(network.architecture):
        print("%-8s %s" % (word, text))
    for key in sorted(network.static_kwargs):
        argument = network.family.roles["generator"].arguments.get(key)
        if argument is None or argument.is_optional:
            print("also     %s" % one_line("%s = %s" % (key, brief(network.static_kwargs[key]))))


def tell_source(networks):
    """Print a line if networks carry text that is executed somewhere: a stranger's, in any part, or blend's own."""
    is_tensorflow = networks.format == tensorflow_pickle.NAME
    texts = tensorflow_pickle.sources(networks)
    foreign = [text for text in texts if not carried.own(text, carried.TENSORFLOW)]
    if foreign:
        print("source   %d lines, which other programs execute%s" % (
            sum(text.count("\n") for text in foreign), "" if is_tensorflow else " in TensorFlow's files made of this"))
    elif texts and is_tensorflow:
        print("source   %d lines, which other programs execute (blend's own)" % max(
            text.count("\n") for text in texts))


def tell_bad_values(networks):
    """Print a line for every variable with values that are NaN or infinite."""
    with progress.waiting("looking for NaN"):
        for role, network in networks.by_role.items():
            for name, count in not_finite(network).items():
                print("warning  %s: %s has %d values that are NaN or infinite" % (role, name, count))
