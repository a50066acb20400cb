"""Command line of training: `python -m blend.run train`."""

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


def parser(kind):
    """The parser, an instance of `kind`."""
    made = kind("python -m blend.run train", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                description="Train a network from scratch, or fine-tune or enlarge one (--start).",
                argument_default=argparse.SUPPRESS)

    def number(group, option, kind, text, **options):
        group.add_argument(option, type=kind, metavar="N", help=text, **options)

    made.add_argument("--data", required=True, metavar="photo|cartoon|FOLDER",
                      help="drawn portraits of a style, or a folder of images")
    made.add_argument("--out", required=True, metavar="FOLDER", help="for snapshots, samples and logs")
    number(made, "--kimg", float, "length of the run, in thousands of images", required=True)
    made.add_argument("--start", metavar="FILE", help="network to start from: a file, or photo or cartoon for the "
                      "shipped ones; layers above its resolution are new")
    number(made, "--resolution", int, "default: that of --start, or 64")
    number(made, "--snapshot-kimg", float, "between snapshots (default 20)")
    number(made, "--seed", int, "of weights, latents and the order of pictures (default 0)")
    number(made, "--metric-images", int, "for the sliced Wasserstein distance; 0: none (default 512)")
    network = made.add_argument_group("network, without --start")
    number(network, "--fmap-base", int, "channels at RxR are fmap-base * 2 / R (default 1024)")
    number(network, "--fmap-max", int, "channels are at most this (default 80)")
    number(network, "--latent-size", int, "size of z, of w and of the mapping network (default 64)")
    number(network, "--mapping-layers", int, "default 4")
    how = made.add_argument_group("training")
    number(how, "--minibatch", int, "default 16")
    number(how, "--learning-rate", float, "Adam's (default 0.0025)")
    number(how, "--r1-gamma", float, "R1 regularisation (default 0.1)")
    number(how, "--pl-weight", float, "path-length regularisation (default 0: none; NVIDIA: 2)")
    number(how, "--ema-kimg", float, "half-life of the average Gs (default 3)")
    how.add_argument("--no-mirror", dest="mirror", action="store_false", help="no mirrored images")
    return made


def run(kind, arguments):
    """Train as the arguments say; returns the exit code."""
    given = vars(parser(kind).parse_args(arguments))

    with progress.waiting("loading TensorFlow"):
        from blend.training import graph, loop

    options = {key: given.pop(key) for key in list(given) if key in graph.Options._fields}
    print("network  %s" % loop.train(loop.Config(**given), graph.Options(**options)))
    return 0
