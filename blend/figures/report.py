"""How good the two shipped networks are, and what their blends take from which.

Head width and eye size stand for structure, outline strength for texture; all are measured in the pictures.
"""

import numpy as np

from blend.checkpoints import load
from blend.figures.splits import sweep
from blend.pictures.generate import generate
from blend.portraits import faces
from blend.training.data import HELD_OUT
from blend.training.metrics import shifted, sliced_wasserstein
from blend.zoo.shipped import SHIPPED, path_of

# Differences of colour, 0…255, that count as another thing than the background, or than skin.
_NOT_BACKGROUND, _NOT_SKIN = 36, 40


def part(pictures, top, bottom, left=0.0, right=1.0):
    """A region of pictures [N,R,R,3], its borders in parts of their size, as float32."""
    size = pictures.shape[1]
    rows, columns = [slice(int(round(a * size)), int(round(b * size))) for a, b in ((top, bottom), (left, right))]
    return pictures[:, rows, columns].astype(np.float32)


def head_width(pictures):
    """Width of the head with its hair at the height of the eyes, percent of the picture. uint8 [N,R,R,3] to [N].

    The background is what lies on straight lines between the left and the right edge of each row.
    """
    rows = part(pictures, 0.40, 0.55)
    edge = max(1, pictures.shape[1] // 16)
    left, right = [np.median(border, 2, keepdims=True) for border in (rows[:, :, :edge], rows[:, :, -edge:])]
    across = np.linspace(0, 1, rows.shape[2], dtype=np.float32)[None, None, :, None]
    head = np.abs(rows - (left + (right - left) * across)).max(3) > _NOT_BACKGROUND
    return head.mean((1, 2)) * 100


def eye_size(pictures):
    """Area of eyes and brows, percent of the region where they are. uint8 [N,R,R,3] to [N].

    Counted is what differs from the skin of the cheeks.
    """
    region, cheeks = part(pictures, 0.36, 0.60, 0.28, 0.72), part(pictures, 0.58, 0.66, 0.40, 0.60)
    skin = np.median(cheeks.reshape(len(cheeks), -1, 3), 1)[:, None, None]
    return (np.abs(region - skin).max(3) > _NOT_SKIN).mean((1, 2)) * 100


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
        grey = function.reduce(shifted(grey, axis, radius, "edge"))
    return grey


MEASURES = (head_width, eye_size, outline_strength)


def measure(networks, count=256, psi=0.7):
    """Medians of MEASURES over `count` pictures."""
    pictures = generate(networks, seeds=range(count), psi=psi)
    return tuple(np.median(measure_of(pictures)) for measure_of in MEASURES)


def distance(name, count=2048):
    """Sliced Wasserstein distances, times 1000: of a shipped network to held-out portraits, and the floor.

    The floor is the distance between two disjoint sets of portraits of the same size.
    """
    networks = load(path_of(name))
    held_out, others = [faces.draw(range(first, first + count), name, networks.resolution)
                        for first in (HELD_OUT, 0)]
    fakes = generate(networks, seeds=range(count), psi=1)
    return [sliced_wasserstein(pictures, held_out)["mean"] for pictures in (fakes, others)]


def shipped_blends():
    """[(low, split, high, `measure`)] of the shipped networks and their blends, both ways round, one after the other.

    low and high are names; of the two networks themselves only the one that it is, and the split is None.
    """
    photo, cartoon = [load(path_of(name)) for name in SHIPPED]
    for low, high, steps in (("photo", "cartoon", sweep(photo, cartoon)), ("cartoon", "photo", sweep(cartoon, photo))):
        for i, (split, networks) in enumerate(steps):
            yield ("" if i == len(steps) - 1 else low), split, ("" if i == 0 else high), measure(networks)
