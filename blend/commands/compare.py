"""`python -m blend.run compare`: do networks fit, and are they relatives."""

import argparse
import os

from blend import zoo
from blend.errors import BlendError, one_line
from blend.figures import compare
from blend.pictures import images
from blend.system import files, progress

EPILOG = """\
Distance is the length of the difference of all weights of a resolution, in parts of the first network's; the cosine is
of the angle between them: about 1 for relatives, about 0 for strangers, which do not blend.

  python -m blend.run compare photo cartoon
  python -m blend.run compare ffhq mine.pkl other.pkl --out comparison
"""
_MOST = 12  # networks
_MOST_DIFFERENCES = 6


def run(parser_class, arguments):
    """Compare networks. Returns the exit code."""
    options = parser_class("python -m blend.run compare", epilog=EPILOG,
                           description="Say whether networks can be blended, and whether one came from another.",
                           formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("networks", nargs="+", metavar="NETWORK",
                         help="two or more network files, URLs, or names that the zoo or the package has")
    options.add_argument("--layers", action="store_true", help="a row for each layer, not for each resolution")
    options.add_argument("--out", metavar="FOLDER", help="for a picture of every layer, compare.png")
    given = options.parse_args(arguments)
    if not 2 <= len(given.networks) <= _MOST:
        raise BlendError("give from two to %d networks to compare, not %d" % (_MOST, len(given.networks)))
    if given.out is not None:
        files.check_folder(given.out)
    names = labels(given.networks)
    networks = [zoo.load(name).Gs for name in given.networks]
    comparisons = []
    pairs = compare.pairs(len(networks))
    with progress.counting("variables", sum(len(networks[first].stored) for first, _ in pairs)) as bar:
        for first, second in pairs:
            comparisons.append(("%s - %s" % (names[first], names[second]), compare.compare(
                networks[first], networks[second], (names[first], names[second]), lambda done: bar.update())))
    _tell(comparisons, given.layers)
    if given.out is not None:
        files.make_folder(given.out)
        path = os.path.join(given.out, "compare.png")
        images.save_png(compare.heat_map(comparisons), path)
        print("\npicture  %s" % path)
    return 0


def labels(names):
    """Short names to tell networks by: the file's, or the whole where two files have the same.

    >>> labels(["a/x.pkl", "b/y.pkl"]), labels(["a/x.pkl", "b/x.pkl"])
    (['x', 'y'], ['a/x.pkl', 'b/x.pkl'])
    """
    short = [one_line(os.path.splitext(os.path.basename(name))[0] or name)[:40] for name in names]
    if len(set(short)) == len(names):
        return short
    return [one_line(name)[-60:] for name in names]


def _tell(comparisons, by_layer):
    several = len(comparisons) > 1
    for number, (label, comparison) in enumerate(comparisons, 1):
        label = "%d  %s" % (number, label) if several else label
        if comparison.differences:
            print("fit      %s: no, they have different layers" % label)
            most = len(comparison.differences) if by_layer else _MOST_DIFFERENCES
            for line in comparison.differences[:most]:
                print("         %s" % one_line(line))
            if len(comparison.differences) > most:
                print("         and %d more (--layers lists all)" % (len(comparison.differences) - most))
        else:
            print("fit      %s: yes, they have the same layers" % label)
        print("verdict  %s%s" % ("%d  " % number if several else "", comparison.text))
    if not by_layer and all(comparison.differences for _, comparison in comparisons):
        return
    print()
    shown = [(label, comparison._replace(by_resolution=comparison.by_layer) if by_layer else comparison)
             for label, comparison in comparisons]
    print("\n".join(compare.table(shown)))
