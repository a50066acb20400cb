"""Command line: `python -m blend.run`. It chooses the command, and turns what goes wrong into one line."""

import argparse
import importlib
import io
import os
import signal
import sys

from blend.errors import BlendError, closest
from blend.system import files

COMMANDS = ("compare", "convert", "inspect", "merge", "portraits", "report", "train", "zoo")


class Parser(argparse.ArgumentParser):
    """Errors in one line."""

    def error(self, message):
        words = message.partition("unrecognized arguments: ")[2].split()
        near = [closest(word.partition("=")[0], self._option_string_actions) for word in words if word[:2] == "--"]
        hint = "; did you mean %s?" % near[0] if near and near[0] else ""
        raise BlendError("%s%s (see --help)" % (message, hint))


def command(arguments):
    """Run the command line's arguments; returns the exit code."""
    if arguments and arguments[0] in COMMANDS:
        return _module(arguments[0]).run(Parser, arguments[1:])
    return _module("blend").run(Parser, arguments, COMMANDS)


def _module(name):
    """The module of a command; the others are not imported, which takes a while."""
    return importlib.import_module("blend.commands." + name)


def main(arguments=None):
    """Exit code: 0, 2 for a mistake in what was asked (one line on stderr), 130 for Ctrl-C."""
    try:
        return command(sys.argv[1:] if arguments is None else arguments)
    except BlendError as error:
        print("blend: %s" % error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("blend: stopped; files that are there are whole", file=sys.stderr)
        return 130
    except MemoryError:
        print("blend: not enough memory; ask for fewer or smaller pictures", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def start():
    """The command as a process of its own: with the ends that the system can give it."""
    def ended(_number, _frame):
        raise SystemExit(143)  # files that are being written vanish

    signal.signal(signal.SIGTERM, ended)
    files.guard_maps()
    # Names of files may have letters that the terminal's encoding lacks.
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, sys.stdout.encoding, "backslashreplace",
                                  line_buffering=sys.stdout.isatty())
    sys.exit(main())


if __name__ == "__main__":
    start()
