"""Figures: each a function of networks and options."""

from blend import images
from blend.mixing import blend
from blend.pictures import generate


def splits(resolution):
    """The resolutions at which a network can be split, from the finest to the coarsest: 32, 16, 8, 4 for 64."""
    return [2 ** n for n in range(resolution.bit_length() - 2, 1, -1)]


def sweep(low, high):
    """[(split, NetworkFile)]: the low network, its blends from the finest split to the coarsest, the high one.

    The split of the two ends is None.
    """
    return [(None, low)] + [(split, blend(low, high, split)) for split in splits(low.resolution)] + [(None, high)]


def shorten(name):
    """A name that fits over a column: its beginning and its end, where snapshots differ.

    >>> shorten("network-snapshot-000016")
    'netwo..000016'
    """
    return name if len(name) <= 13 else "%s..%s" % (name[:5], name[-6:])


def both_ways(first, second, seeds, names=("base", "fine-tuned"), progress=None, **options):
    """The paper's main figure: two networks and their blends at every resolution, both ways round.

    seeds: one row each. names: what the two networks are called. options: those of `generate`. Returns a Pillow image.
    """
    panels = [one_way(first, second, seeds, names, progress, **options),
              one_way(second, first, seeds, names[::-1], progress, **options)]
    return images.stack(panels)


def one_way(low, high, seeds, names, progress=None, **options):
    """Rows are seeds; columns the low network, its blends with ever more layers of the high one, the high one."""
    seeds, short = list(seeds), [shorten(name) for name in names]
    columns, pictures = [], []
    for split, networks in sweep(low, high):
        if split is None:
            columns.append("%s\nnetwork" % short[networks is high])
        else:
            columns.append("%s to %dx%d\n%s from %dx%d" % (short[0], split, split, short[1], 2 * split, 2 * split))
        pictures.append(generate(networks, seeds, **options))
        if progress is not None:
            progress(1)
    factor = max(1, images.VIEWED // low.resolution)
    return images.labelled_grid(
        list(zip(*pictures)), columns, "Structure from %s, texture from %s" % names,
        "Low resolutions (pose, shape of head and eyes) come from the %s network, high ones (shading, lines, skin) "
        "from the %s network." % names, factor, ["seed %d" % seed for seed in seeds])
