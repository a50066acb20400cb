"""How good the two shipped networks are, and what their blends take from which: `python -m blend.networks.report`.

Eye size stands for structure, outline strength for texture; both are measured in the pictures.
"""

import numpy as np
from tqdm import tqdm

import blend
from blend.figures import sweep
from blend.networks import portraits
from blend.training.metrics import sliced_wasserstein

# Where eyes are in these portraits, in parts of the picture: rows, then columns.
_EYES = (0.36, 0.60, 0.28, 0.72)


def eye_size(pictures):
    """White area of the eyes, in parts per thousand of the picture. uint8 [N,R,R,3] to float [N].

    Counted are bright pixels without colour in the region of the eyes: skin has colour, pupils are dark.
    """
    size = pictures.shape[1]
    top, bottom, left, right = [int(round(part * size)) for part in _EYES]
    region = pictures[:, top:bottom, left:right].astype(np.float32) / 255
    brightest, darkest = region.max(3), region.min(3)
    white = (brightest > 0.6) & (brightest - darkest < 0.16 * brightest)
    return white.sum((1, 2)) * 1000.0 / size ** 2


def outline_strength(pictures):
    """Mean depth of thin dark lines, 0…255. uint8 [N,R,R,3] to float [N].

    Black top-hat: what a morphological closing (1/16 of the picture wide) fills in; not wide dark areas such as hair.
    """
    grey = pictures.astype(np.float32).mean(3)
    radius = max(1, pictures.shape[1] // 32)
    return (_extreme(_extreme(grey, radius, np.maximum), radius, np.minimum) - grey).mean((1, 2))


def _extreme(grey, radius, function):
    """The largest or smallest value in a square around each pixel. [N,H,W]."""
    for axis in (1, 2):
        padding = [(radius, radius) if a == axis else (0, 0) for a in range(3)]
        padded = np.pad(grey, padding, "edge")
        shifted = [np.take(padded, np.arange(i, i + grey.shape[axis]), axis) for i in range(2 * radius + 1)]
        grey = function.reduce(shifted)
    return grey


def measure(networks, count=256, psi=0.7):
    """Median eye size and outline strength of `count` pictures."""
    pictures = blend.generate(networks, seeds=range(count), psi=psi)
    return np.median(eye_size(pictures)), np.median(outline_strength(pictures))


def distance(name, count=2048):
    """Sliced Wasserstein distances, times 1000: of a shipped network to held-out portraits, and the floor.

    The floor is the distance between two disjoint sets of portraits of the same size.
    """
    from blend.training.data import HELD_OUT

    networks = blend.shipped(name)
    held_out, others = [portraits.draw(range(first, first + count), name, networks.resolution)
                        for first in (HELD_OUT, 0)]
    fakes = blend.generate(networks, seeds=range(count), psi=1)
    return [sliced_wasserstein(each, held_out)["mean"] for each in (fakes, others)]


def main():
    """Print both tables."""
    photo, cartoon = blend.shipped("photo"), blend.shipped("cartoon")
    rows = ["| low network | split | high network | eye size | outline strength |", "| --- | --- | --- | --- | --- |"]
    ways = [("photo", "cartoon", sweep(photo, cartoon)), ("cartoon", "photo", sweep(cartoon, photo))]
    with tqdm(total=sum(len(way[2]) for way in ways) + len(blend.SHIPPED), unit="set", disable=None) as bar:
        for low, high, steps in ways:
            for split, networks in steps:
                rows.append("| %s | %s | %s | %.1f | %.1f |" % (
                    ("" if networks is steps[-1][1] else low, split or "", "" if networks is steps[0][1] else high)
                    + measure(networks)))
                bar.update()
        rows += ["", "| network | distance to held-out portraits | floor |", "| --- | --- | --- |"]
        for name in blend.SHIPPED:
            rows.append("| %s | %.1f | %.1f |" % ((name,) + tuple(distance(name))))
            bar.update()
    print("\n".join(rows))


if __name__ == "__main__":
    main()
