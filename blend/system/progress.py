"""What a terminal shows while something takes its time; silent where there is none."""

import sys
import threading

from blend.errors import one_line

_COUNT = "{desc} {n_fmt}/{total_fmt} {bar} {elapsed}, {remaining} left"


class _Silent(object):
    """A bar that nobody sees."""

    total, n = None, 0

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        pass

    def update(self, count=1):
        self.n += count

    def refresh(self):
        pass

    def set_postfix_str(self, text):
        pass

    def write(self, text):
        print(text)


def _bar(desc, **options):
    if sys.stderr is None or not sys.stderr.isatty():
        return _Silent()
    from tqdm import tqdm  # a tenth of the time of --help

    tqdm.set_lock(threading.RLock())  # its default lock is for several processes, and slow to make
    return tqdm(desc=one_line(desc), **options)


def waiting(text):
    """Context: a line that stands while the block runs."""
    return _bar(desc=text, bar_format="{desc}", leave=False)


def counting(text, total, start=0):
    """Context: a bar with the time that is left; its `update` counts on."""
    return _bar(desc=text, total=total, initial=start, bar_format=_COUNT)


def bytes_of(text, total=None, delay=0):
    """A bar that counts bytes; its `total` may be set later. delay: seconds after which it shows for the first time."""
    return _bar(desc=text, total=total, unit="B", unit_scale=True, unit_divisor=1000, delay=delay)
