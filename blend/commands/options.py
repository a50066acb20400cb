"""Option texts to values. Each raises BlendError with the form that it expects."""

import argparse
from collections import OrderedDict

from blend.errors import BlendError


def number(text):
    """'0.7' to 0.7; argparse says for which option it is none."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a number such as 0.7 is expected, not %r" % text[:40])


def seeds(text):
    """'0,3,7-9' to [0, 3, 7, 8, 9].

    >>> seeds("0,3,7-9")
    [0, 3, 7, 8, 9]
    """
    numbers = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise BlendError("seeds are numbers and ranges such as 0,3,7-9, not %r" % text)
        first, last = int(first), int(last or first)
        if last < first:
            raise BlendError("seeds %d-%d run backwards; write %d-%d" % (first, last, last, first))
        if last >= 2 ** 32:
            raise BlendError("seeds go up to 4294967295, %d does not" % last)
        if last - first >= 10 ** 6:
            raise BlendError("seeds %d-%d are more than a million pictures" % (first, last))
        numbers.extend(range(first, last + 1))
    return list(OrderedDict.fromkeys(numbers))


def fractions(text):
    """'8x8=0.3,16x16/Conv1=1' to {'8x8': 0.3, '16x16/Conv1': 1.0}."""
    by_layer = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        try:
            by_layer[name] = float(value)
        except ValueError:
            raise BlendError("fractions look like 8x8=0.3,16x16/Conv1=1, not %r" % text)
    return by_layer


def grid(text):
    """'4x2' to [4, 2], columns and rows."""
    columns, _, rows = text.partition("x")
    if not (columns.isdecimal() and rows.isdecimal() and int(columns) and int(rows)):
        raise BlendError("a grid is columns x rows, such as 4x2, not %r" % text)
    return [int(columns), int(rows)]
