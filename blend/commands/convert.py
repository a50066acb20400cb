"""`python -m blend.run convert`: a network file in another format."""

import argparse

from blend import checkpoints, zoo
from blend.checkpoints import tensorflow_pickle
from blend.commands.inspect import tell_bad_values, tell_source
from blend.errors import BlendError, one_line
from blend.system import files, progress

EPILOG = """\
Formats: tensorflow (.pkl of NVIDIA's stylegan2 and stylegan2-ada), pytorch (.pkl of stylegan2-ada-pytorch and of the
stylegan3 repository), rosinality (.pt of stylegan2-pytorch), safetensors. IN is recognised by its content.

  python -m blend.run convert ffhq.pkl ffhq.safetensors
  python -m blend.run convert ffhq.pkl ffhq-torch.pkl --format pytorch
"""


def run(parser_class, arguments):
    """Write a network file in another format, and say what that cannot hold. Returns the exit code."""
    given = _parser(parser_class).parse_args(arguments)
    if given.format is None and given.target.lower().endswith(".pkl"):
        files.check_target(given.target)
        raise BlendError("both TensorFlow's and PyTorch's networks end in .pkl; say --format tensorflow or "
                         "--format pytorch")
    target = checkpoints.target_for(given.target, None, given.format)
    networks = zoo.load(given.source)
    target.check_apart([networks])
    if given.own_source:
        networks = tensorflow_pickle.without_source(networks)
    with progress.waiting("writing %s" % target.path):
        lost = networks.write(target)
    print("from     %s (%s)" % (networks.path, networks.format))
    print("to       %s (%s)" % target)
    for part in list(networks.left_out) + lost:
        print("left out %s" % one_line(part))
    if target.format == tensorflow_pickle.NAME:
        tell_source(networks._replace(format=target.format))
    tell_bad_values(networks)
    return 0


def _parser(parser_class):
    options = parser_class("python -m blend.run convert", epilog=EPILOG,
                           description="Write a network file in another format.",
                           formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("source", metavar="IN",
                         help="a network file, a URL, or a name that the zoo or the package has")
    options.add_argument("target", metavar="OUT", help="the file to write; its ending says the format")
    options.add_argument("--format", choices=list(checkpoints.FORMATS),
                         help="of OUT, where the ending does not say it (.pkl)")
    options.add_argument("--own-source", action="store_true", help="carry only blend's own source, not that of IN, "
                         "for programs that execute it")
    return options
