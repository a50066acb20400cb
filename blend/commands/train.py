"""`python -m blend.run train`: train a network, or fine-tune or enlarge one."""

import argparse

from blend.system import progress

EPILOG = """\
  python -m blend.run train --data photo --resolution 32 --kimg 200 --out runs/photo32
  python -m blend.run train --data photo --start runs/photo32/network-snapshot-000200.pkl --resolution 64 \\
      --kimg 200 --out runs/photo64
  python -m blend.run train --data FOLDER --start photo --kimg 20 --out runs/mine
  python -m blend.run train --data cartoon --start runs/photo64/network-snapshot-000200.pkl --kimg 20 --out runs/cartoon

The same command again resumes a run that was stopped.
"""


def run(parser_class, arguments):
    """Train as the arguments say; returns the exit code."""
    given = vars(_parser(parser_class).parse_args(arguments))

    with progress.waiting("loading TensorFlow"):
        from blend.training import graph, loop

    options = {key: given.pop(key) for key in list(given) if key in graph.Options._fields}
    print("network  %s" % loop.train(loop.Config(**given), graph.Options(**options), tell=print))
    return 0


def _parser(parser_class):
    options = parser_class("python -m blend.run train", epilog=EPILOG, argument_default=argparse.SUPPRESS,
                           description="Train a network from scratch, or fine-tune or enlarge one (--start).",
                           formatter_class=argparse.RawDescriptionHelpFormatter)
    _add_run(options)
    _add_network(options.add_argument_group("network, without --start"))
    _add_training(options.add_argument_group("training"))
    return options


def _add_number(group, option, number, text, **settings):
    group.add_argument(option, type=number, metavar="N", help=text, **settings)


def _add_run(group):
    group.add_argument("--data", required=True, metavar="photo|cartoon|FOLDER",
                       help="drawn portraits of a style, or a folder of images")
    group.add_argument("--out", required=True, metavar="FOLDER", help="for snapshots, samples and logs")
    _add_number(group, "--kimg", float, "length of the run, in thousands of images", required=True)
    group.add_argument("--start", metavar="FILE", help="network to start from: a file, or photo or cartoon for the "
                       "shipped ones; layers above its resolution are new")
    _add_number(group, "--resolution", int, "default: that of --start, or 64")
    _add_number(group, "--snapshot-kimg", float, "between snapshots (default 20)")
    _add_number(group, "--seed", int, "of weights, latents and the order of pictures (default 0)")
    _add_number(group, "--metric-images", int, "for the sliced Wasserstein distance; 0: none (default 512)")


def _add_network(group):
    _add_number(group, "--fmap-base", int, "channels at RxR are fmap-base * 2 / R (default 1024)")
    _add_number(group, "--fmap-max", int, "channels are at most this (default 80)")
    _add_number(group, "--latent-size", int, "size of z, of w and of the mapping network (default 64)")
    _add_number(group, "--mapping-layers", int, "default 4")


def _add_training(group):
    _add_number(group, "--minibatch", int, "default 16")
    _add_number(group, "--learning-rate", float, "Adam's (default 0.0025)")
    _add_number(group, "--r1-gamma", float, "R1 regularisation (default 0.1)")
    _add_number(group, "--pl-weight", float, "path-length regularisation (default 0: none; NVIDIA: 2)")
    _add_number(group, "--ema-kimg", float, "half-life of the average Gs (default 3)")
    group.add_argument("--no-mirror", dest="mirror", action="store_false", help="no mirrored images")
