"""What a terminal shows while something takes its time; silent where there is none."""

from tqdm import tqdm

_COUNT = "{desc} {n_fmt}/{total_fmt} {bar} {elapsed}, {remaining} left"


def waiting(text):
    """Context: a line that stands while the block runs."""
    return tqdm(desc=text, bar_format="{desc}", leave=False, disable=None)


def counting(text, total, start=0):
    """Context: a bar with the time that is left; its `update` counts on."""
    return tqdm(desc=text, total=total, initial=start, bar_format=_COUNT, disable=None)


def bytes_of(text):
    """A bar for a download; its `total` is set when it is known."""
    return tqdm(desc=text, unit="B", unit_scale=True, unit_divisor=1000, disable=None)
