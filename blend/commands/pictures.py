"""What the commands that make pictures share: their options, and a folder of pictures with a grid."""

import itertools
import math
import os
import re

from blend.commands.options import grid, number, seeds
from blend.errors import BlendError
from blend.pictures import generate, images
from blend.system import progress

_GRID_MOST = 64             # pictures, where no grid is asked for
_GRID_PIXELS = 2 ** 28      # of a grid that is asked for


def add_options(group, seeds_default="0-7"):
    """Add the options of pictures to a group of a parser; none has a default value there."""
    group.add_argument("--seeds", type=seeds, metavar="0,3,7-9", help="one picture each (default %s)" % seeds_default)
    group.add_argument("--psi", type=number, help="truncation; 1 is none (default 0.7)")
    group.add_argument("--cutoff", type=int, metavar="N", help="truncate only the first N layers")
    group.add_argument("--noise", choices=generate.NOISES, help="const: stored in the file (default)")
    group.add_argument("--noise-seed", type=int, metavar="N", help="of --noise random (default: another each time)")
    group.add_argument("--label", type=int, metavar="N", help="class, for networks with labels")
    group.add_argument("--grid", type=grid, metavar="4x2", help="columns x rows of the grid")
    group.add_argument("--device", choices=("cpu", "gpu"), help="default: a GPU if TensorFlow sees one")
    group.add_argument("--precision", choices=generate.PRECISIONS,
                       help="bfloat16: faster where the processor computes it, less accurate (default float32)")


def write_folder(batches, seeds, folder, text, shape):
    """Write batches of pictures uint8 [N,H,W,C] as seedNNNN.png and grid.png, with a recipe's text in each.

    shape: columns and rows of the grid. Returns the grid, a Pillow image.
    """
    columns, rows = shape
    shown = []
    with progress.counting("pictures", len(seeds)) as bar, images.Writer(bar.update) as writer:
        for seed, picture in zip(seeds, itertools.chain.from_iterable(batches)):
            writer.save(picture, os.path.join(folder, "seed%04d.png" % seed), text)
            if len(shown) < columns * rows:
                shown.append(picture)
    names = {"seed%04d.png" % seed for seed in seeds}
    others = [name for name in os.listdir(folder) if re.fullmatch(r"seed\d+\.png", name) and name not in names]
    if others:
        print("note     %d pictures of other seeds, of an earlier run, are in %s" % (len(others), folder))
    sheet = images.contact_sheet(shown, ["seed %d" % seed for seed in seeds], columns, rows)
    images.save_png(sheet, os.path.join(folder, "grid.png"), text)
    return sheet


def grid_shape(asked, count, resolution):
    """Columns and rows of the grid of `count` pictures, as asked for or, for None, about square."""
    return check_grid(default_grid(count) if asked is None else asked, count, resolution)


def default_grid(count):
    """Columns and rows, full and about square where that can be, of at most 64 pictures.

    >>> default_grid(8), default_grid(7), default_grid(1000)
    ([4, 2], [3, 3], [8, 8])
    """
    count = min(count, _GRID_MOST)
    root = math.ceil(math.sqrt(count))
    columns = next((c for c in range(root, 2 * root + 1) if count % c == 0), root)
    return [columns, math.ceil(count / columns)]


def check_grid(grid, count, resolution):
    """Columns and rows, no more than `count` pictures fill. BlendError: not two numbers, or too large a picture."""
    if len(grid) != 2 or not all(type(number) is int and number > 0 for number in grid):
        raise BlendError("a grid is columns and rows, such as 4x2, not %r" % (grid,))
    columns = min(grid[0], count)
    rows = min(grid[1], math.ceil(count / columns))
    if columns * rows * max(resolution, images.VIEWED) ** 2 > _GRID_PIXELS:
        raise BlendError("a grid of %dx%d pictures is too large for a file; choose a smaller one" % (columns, rows))
    return columns, rows
