"""Command line of training: `python -m blend.run train`."""

import argparse

EPILOG = """\
  python -m blend.run train --data photo --resolution 32 --kimg 200 --out runs/photo32
  python -m blend.run train --data photo --start runs/photo32/network-snapshot-000200.pkl --resolution 64 \\
      --kimg 200 --out runs/photo64
  python -m blend.run train --data cartoon --start runs/photo64/network-snapshot-000200.pkl --kimg 20 --out runs/cartoon

The same command again resumes a run that was stopped.
"""


def parser(kind):
    """The parser, an instance of `kind`."""
    made = kind("python -m blend.run train", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                description="Train a network from scratch, or fine-tune or enlarge one (--start).",
                argument_default=argparse.SUPPRESS)
    made.add_argument("--data", required=True, metavar="photo|cartoon|FOLDER",
                      help="drawn portraits of a style, or a folder of images")
    made.add_argument("--out", required=True, metavar="FOLDER", help="for snapshots, samples and logs")
    made.add_argument("--kimg", required=True, type=float, help="length of the run, in thousands of images")
    made.add_argument("--start", metavar="FILE", help="network file to start from; layers above its resolution are new")
    made.add_argument("--resolution", type=int, help="default: that of --start, or 64")
    made.add_argument("--snapshot-kimg", type=float, help="between snapshots (default 20)")
    made.add_argument("--seed", type=int, help="of weights, latents and the order of pictures (default 0)")
    made.add_argument("--metric-images", type=int, help="for the sliced Wasserstein distance; 0: none (default 512)")
    network = made.add_argument_group("network, without --start")
    network.add_argument("--fmap-base", type=int, help="channels at RxR are fmap-base * 2 / R … (default 1024)")
    network.add_argument("--fmap-max", type=int, help="… at most this (default 80)")
    network.add_argument("--latent-size", type=int, help="also of w and the mapping network (default 64)")
    network.add_argument("--mapping-layers", type=int, help="default 4")
    how = made.add_argument_group("training")
    how.add_argument("--minibatch", type=int, help="default 16")
    how.add_argument("--learning-rate", type=float, help="Adam's (default 0.0025)")
    how.add_argument("--r1-gamma", type=float, help="R1 regularisation (default 0.1)")
    how.add_argument("--pl-weight", type=float, help="path-length regularisation (default 0: none; NVIDIA: 2)")
    how.add_argument("--ema-kimg", type=float, help="half-life of the average Gs (default 3)")
    how.add_argument("--no-mirror", dest="mirror", action="store_false", help="no mirrored images")
    return made


def run(kind, arguments):
    """Train as the arguments say; returns the exit code."""
    given = vars(parser(kind).parse_args(arguments))

    from blend.training import graph, loop

    options = {key: given.pop(key) for key in list(given) if key in graph.Options._fields}
    print("network  %s" % loop.train(loop.Config(**given), graph.Options(**options)))
    return 0
