"""`python -m blend.run portraits`: people drawn from seeds, as a folder of pictures or one sheet."""

import argparse
import functools
import multiprocessing
import os
import signal

from blend.commands.options import seeds as parse_seeds
from blend.errors import BlendError, brief
from blend.pictures import images
from blend.system import files, progress

EPILOG = """\
Everyone is drawn from a seed, the same in every style: 0-19999 is a set that networks can be trained on, and pictures
that are already there are kept, so that a drawing that was stopped goes on. CC0: do with the pictures what you like.

  python -m blend.run portraits --style photo --seeds 0-19999 --size 128 --out people
  python -m blend.run train --data people --resolution 128 --kimg 1000 --out run
  python -m blend.run portraits --style cartoon,photo --seeds 0-23 --sheet people.png
"""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_AT_ONCE = 4   # pictures that a process draws before it says so
_RECORD = "portraits.json"
_MOST_SHEET = 2000  # pictures on a sheet
_MOST_COLUMNS = 12
_MOST_PIXELS = 2 ** 28  # of a sheet


def run(parser_class, arguments):
    """Draw people into a folder, or onto a sheet. Returns the exit code."""
    given = _parser(parser_class).parse_args(arguments)
    styles = list(dict.fromkeys(given.style.split(",")))
    wanted = parse_seeds(given.seeds)
    _check(given, styles, wanted)
    if given.sheet:
        return _sheet(given, styles, wanted)
    return _folder(given, styles[0], wanted)


def _check(given, styles, wanted):
    from blend.portraits import people
    from blend.portraits.styles import named

    for style in styles:
        named(style)
    if not people.SMALLEST <= given.size <= people.LARGEST:
        raise BlendError("--size is %d to %d pixels, not %d" % (people.SMALLEST, people.LARGEST, given.size))
    if given.samples not in people.SAMPLES:
        raise BlendError("--samples is 1, 4, 9 or 16, not %d" % given.samples)
    if given.jobs is not None and given.jobs < 1:
        raise BlendError("--jobs is 1 or more, not %d" % given.jobs)
    if bool(given.sheet) == bool(given.out):
        raise BlendError("say where to: --out FOLDER for pictures, or --sheet FILE.png for one sheet")
    if given.sheet:
        files.check_target(given.sheet)
        if os.path.splitext(given.sheet)[1].lower() != ".png":
            raise BlendError("%s: a sheet is a PNG; name it .png" % given.sheet)
        if len(styles) * len(wanted) > _MOST_SHEET:
            raise BlendError("a sheet holds %d portraits, not %d; ask for fewer seeds" % (
                _MOST_SHEET, len(styles) * len(wanted)))
        if len(styles) * len(wanted) * given.size ** 2 > _MOST_PIXELS:
            raise BlendError("a sheet of %d portraits of %d pixels is too large; ask for fewer or smaller ones" % (
                len(styles) * len(wanted), given.size))
    elif len(styles) > 1:
        raise BlendError("a folder holds one style; give %s a folder each" % " and ".join(styles))


def _folder(given, style, wanted):
    """One PNG a seed; whole ones that are there are kept."""
    files.make_folder(given.out)
    width = max(6, len(str(max(wanted))))
    named = [(seed, os.path.join(given.out, "seed%0*d.png" % (width, seed))) for seed in wanted]
    _agree_with_the_record(given, style, [path for _, path in named])
    missing = [(seed, path) for seed, path in named if not _is_whole(path, given.size)]
    work = functools.partial(_draw_files, style=style, size=given.size, samples=given.samples)
    batches = [missing[first:first + _AT_ONCE] for first in range(0, len(missing), _AT_ONCE)]
    kept = len(named) - len(missing)
    with progress.counting("portraits", len(named), kept) as bar:
        for count in _in_processes(work, batches, _jobs(given.jobs, len(batches))):
            bar.update(count)
    print("%d portraits (%s, %dx%d) in %s%s" % (len(named), style, given.size, given.size, given.out,
                                                ", %d of them were there" % kept if kept else ""))
    return 0


def _sheet(given, styles, wanted):
    """Columns of seeds, at most _MOST_COLUMNS, with a row for each style under the other."""
    from PIL import Image

    work = functools.partial(_draw_one, size=given.size, samples=given.samples)
    columns = min(len(wanted), _MOST_COLUMNS)
    blocks = [wanted[start:start + columns] for start in range(0, len(wanted), columns)]
    pairs = [(seed, style) for block in blocks for style in styles for seed in block]
    places = [(column, number * len(styles) + row) for number, block in enumerate(blocks)
              for row in range(len(styles)) for column in range(len(block))]
    sheet = Image.new("RGB", (columns * given.size, len(blocks) * len(styles) * given.size), "white")
    with progress.counting("portraits", len(pairs)) as bar:
        for (column, row), picture in zip(places, _in_processes(work, pairs, _jobs(given.jobs, len(pairs)))):
            sheet.paste(Image.fromarray(picture), (column * given.size, row * given.size))
            bar.update()
    images.save_png(sheet, given.sheet)
    print("%s: %s of seeds %s" % (given.sheet, " and ".join(styles), given.seeds))
    return 0


def _agree_with_the_record(given, style, paths):
    """A folder's record says what it holds; a new one gets it. BlendError: the folder holds something else."""
    from blend.portraits import people

    record = {"style": style, "size": given.size, "samples": given.samples, "drawing": people.DRAWING}
    path = os.path.join(given.out, _RECORD)
    if not os.path.lexists(path):
        for picture in paths:
            if os.path.lexists(picture):
                raise BlendError("%s: is there, and nothing says who drew it (%s is missing); choose another folder" % (
                    picture, _RECORD))
        files.write_json(path, record)
        return
    try:
        there = files.parse_json(files.read_text(path))
    except (OSError, ValueError):
        there = None
    if there != record:
        raise BlendError("%s: the folder holds other portraits (%s), not %s; choose another folder" % (
            path, _described(there), _described(record)))


def _described(record):
    if not isinstance(record, dict):
        return "its record cannot be read"
    return ", ".join("%s %s" % (name, brief(record[name])) for name in ("style", "size", "samples", "drawing")
                     if name in record)


def _is_whole(path, size):
    """Whether a picture of the size is there. BlendError: a link, a folder or a device is."""
    from PIL import Image

    if not os.path.lexists(path):
        return False
    if os.path.islink(path) or not os.path.isfile(path):
        raise BlendError("%s: is there, but is no plain file; choose another folder" % path)
    try:
        with Image.open(path) as image:
            if image.size != (size, size):
                return False
            image.load()
    except Exception:  # Pillow raises many kinds of error for a file that was cut off
        return False
    return True


def _jobs(given, pictures):
    """Processes: as many as there are cores for this one, and no more than pictures."""
    if given is None:
        given = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(given, pictures))


def _in_processes(work, things, jobs):
    """work(thing) of each, in order, as they get done. Ctrl-C ends all of it."""
    if jobs == 1:
        for thing in things:
            yield work(thing)
        return
    kept = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update({name: "1" for name in _THREADS})  # each process draws on one core
    try:
        # Fresh processes: those that are forked would have this one's threads of NumPy.
        pool = multiprocessing.get_context("spawn").Pool(jobs, _quiet)
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    try:
        for result in pool.imap(work, things):
            yield result
        pool.close()
    finally:
        pool.terminate()
        pool.join()


def _quiet():
    """Of a process of the pool: Ctrl-C is for the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _draw_one(pair, size, samples):
    from blend.portraits import people

    seed, style = pair
    return people.draw([seed], style, size=size, samples=samples)[0]


def _draw_files(batch, style, size, samples):
    """Draw [(seed, path)]; the number of files written."""
    for seed, path in batch:
        images.save_png(_draw_one((seed, style), size, samples), path)
    return len(batch)


def _parser(parser_class):
    options = parser_class("python -m blend.run portraits", epilog=EPILOG,
                           description="Draw people from seeds: pictures to train networks on, or a sheet to look at.",
                           formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--style", default="photo", metavar="NAME",
                         help="photo or cartoon; several with commas for a sheet (default: photo)")
    options.add_argument("--seeds", required=True, help="people, such as 0-19999 or 3,7,9")
    options.add_argument("--size", type=int, default=128, metavar="PIXELS", help="width and height (default: 128)")
    options.add_argument("--samples", type=int, default=4, metavar="N",
                         help="of each pixel: 1, 4, 9 or 16; more is smoother and slower (default: 4)")
    options.add_argument("--out", metavar="FOLDER", help="write a PNG for each seed; those that are there are kept")
    options.add_argument("--sheet", metavar="FILE", help="write one PNG: a row for each style, a column for each seed")
    options.add_argument("--jobs", type=int, metavar="N", help="processes that draw (default: one for each core)")
    return options
