"""Figures: each a function of networks and options."""

import numpy as np

from blend.mixing import blend
from blend.pictures import images
from blend.pictures.generate import iterate_many


def resolutions(resolution):
    """The resolutions at which a network can be split, from the finest to the coarsest: 32, 16, 8, 4 for 64."""
    return [2 ** n for n in range(resolution.bit_length() - 2, 1, -1)]


def sweep(low, high):
    """[(split, NetworkFile)]: the low network, its blends from the finest split to the coarsest, the high one.

    The split of the two ends is None.
    """
    return [(None, low)] + [(split, blend(low, high, split)) for split in resolutions(low.resolution)] + [(None, high)]


def shorten(name):
    """A name that fits over a column: its beginning and its end, where snapshots differ.

    >>> shorten("network-snapshot-000016")
    'netwo..000016'
    """
    return name if len(name) <= 13 else "%s..%s" % (name[:5], name[-6:])


def both_ways(first, second, seeds, names=("base", "fine-tuned"), progress=None, **options):
    """The paper's main figure: two networks and their blends at every resolution, both ways round.

    seeds: one row each. names: what the two networks are called. progress: called with the number of pictures done.
    options: those of `generate`. Returns a Pillow image.
    """
    seeds = list(seeds)
    forth, back = [columns(low, high, seeds, progress, **options) for low, high in ((first, second), (second, first))]
    return images.stack([one_way(first.resolution, forth + back[:1], seeds, names),
                         one_way(first.resolution, back + forth[:1], seeds, names[::-1])])


def count(resolution, seeds):
    """How many pictures `both_ways` makes."""
    return 2 * (len(resolutions(resolution)) + 1) * len(seeds)


def columns(low, high, seeds, progress=None, **options):
    """[pictures uint8 [N,H,W,C]] of the low network and of its blends, with ever more layers of the high one."""
    batches = []
    generators = [blended.Gs for _, blended in sweep(low, high)[:-1]]
    for batch in iterate_many(generators, seeds, **options):
        batches.append(batch)
        if progress is not None:
            progress(sum(len(pictures) for pictures in batch))
    return [np.concatenate(column) for column in zip(*batches)]


def one_way(resolution, pictures, seeds, names):
    """A panel of `columns`, the last of the high network: rows are seeds."""
    short = [shorten(name) for name in names]
    texts = ["%s to %dx%d\n%s from %dx%d" % (short[0], split, split, short[1], 2 * split, 2 * split)
             for split in resolutions(resolution)]
    return images.labelled_grid(
        list(zip(*pictures)), ["%s\nnetwork" % short[0]] + texts + ["%s\nnetwork" % short[1]],
        "Structure from %s, texture from %s" % names,
        "Low resolutions (pose, shape of head and eyes) come from the %s network, high ones (shading, lines, skin) "
        "from the %s network." % names, max(1, images.VIEWED // resolution), ["seed %d" % seed for seed in seeds])
