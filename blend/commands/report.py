"""`python -m blend.run report`: the tables about the two shipped networks in the README and in MODEL.md."""

import argparse

from blend.system import progress

EPILOG = """\
Takes some minutes. Columns: width of the head with its hair, size of eyes and brows (percent; structure), strength of
outlines (0 to 255; texture), as medians of 256 pictures each; then sliced Wasserstein distances, times 1000.
"""


def run(parser_class, arguments):
    """Print both tables as Markdown. Returns the exit code."""
    parser_class("python -m blend.run report", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                 description="How good the shipped networks are, and what their blends take from which.",
                 ).parse_args(arguments)

    with progress.waiting("loading TensorFlow"):
        from blend.figures import report

    print("| low network | split | high network | head width | eye size | outline strength |")
    print("| --- " * 6 + "|")
    with progress.waiting("making 256 pictures of every blend"):
        for low, split, high, medians in report.shipped_blends():
            print("| %s | %s | %s | %.0f | %.0f | %.1f |" % ((low, split or "", high) + medians))
    print("\n| network | distance to held-out portraits | floor |")
    print("| --- | --- | --- |")
    with progress.waiting("making 2048 pictures of each network"):
        for name in report.SHIPPED:
            print("| %s | %.1f | %.1f |" % ((name,) + tuple(report.distance(name))))
    return 0
