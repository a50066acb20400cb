"""The one error root: everything that a user can put right is a BlendError."""

import difflib

_LONGEST_WORD = 64  # that is compared with others: the time grows with the square


class BlendError(Exception):
    """A mistake in what was asked or given. The message is one line: what, where, what to try.

    Messages quote files that nobody vouches for: control characters are escaped, long ones cut.
    """

    def __init__(self, message):
        super(BlendError, self).__init__(one_line(message))


def one_line(text):
    """Text of unknown origin for a terminal: control characters escaped, cut off at 800 characters."""
    text = str(text)[:1000]
    line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    return line if len(line) <= 800 else line[:780] + " ... (cut)"


def closest(word, known, cutoff=0.6):
    """The known word that a mistyped one may have meant, or None.

    >>> closest("catroon", ["photo", "cartoon"])
    'cartoon'
    """
    word = str(word)
    near = difflib.get_close_matches(word, known, 1, cutoff) if len(word) <= _LONGEST_WORD else []
    return near[0] if near else None


def brief(value):
    """A value in a message: shared tuples can be small in a file and endless when written out, texts long."""
    if type(value) is tuple and len(value) <= 8:
        return "(%s)" % ", ".join(str(part) if type(part) is int else "a " + type(part).__name__ for part in value)
    if type(value) is str:
        value = value[:80]  # before there is a repr, several times as long
    return repr(value)[:80] if type(value) in (str, int, float, bool, type(None)) else "a " + type(value).__name__


class NetworkFileError(BlendError):
    """A file that is not a readable network file."""


class ForbiddenGlobalError(NetworkFileError):
    """A file that asks for something that network files do not need; nothing was executed."""


class MismatchError(BlendError):
    """Two networks that cannot be blended, or arrays that do not fit a network."""
