"""`python -m blend.run zoo`: the networks that people know, by name."""

import argparse
import os

from blend import zoo
from blend.errors import one_line
from blend.system import files

EPILOG = """\
Files are kept in one folder ($BLEND_CACHE, else the system's cache) and compared with their checksum whenever they are
used. Names of the zoo and URLs can stand wherever a network file can:

  python -m blend.run zoo get ffhq
  python -m blend.run ffhq ffhq-cartoon --resolution 32 --seeds 0-3
"""


def run(parser_class, arguments):
    """List, fetch and add networks. Returns the exit code."""
    given = _parser(parser_class).parse_args(arguments)
    if given.verb == "get":
        path = zoo.get(given.name)
        print("%s  %s" % (files.sha256(path), path))
    elif given.verb == "add":
        zoo.add(given.name, given.url, given.sha256)
        print("added    %s to %s" % (given.name, zoo.cache()))
    else:
        _list()
    return 0


def _parser(parser_class):
    options = parser_class("python -m blend.run zoo", epilog=EPILOG, description="Networks that people know, by name.",
                           formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = options.add_subparsers(dest="verb", metavar="list|get|add")
    verbs.add_parser("list", help="what there is; networks of one family blend well")
    get = verbs.add_parser("get", help="fetch a network, and say where it is")
    get.add_argument("name", metavar="NAME", help="of the list, or a URL")
    add = verbs.add_parser("add", help="put an address into your own list")
    add.add_argument("name", metavar="NAME")
    add.add_argument("url", metavar="URL")
    add.add_argument("--sha256", metavar="DIGITS", help="of the file, if you know it; else that of the first download")
    return options


def _list():
    rows = [("name", "pixels", "format", "family", "licence", "what")]
    for entry in zoo.entries():
        here = os.path.exists(os.path.join(zoo.cache(), entry.file_name))
        row = (entry.name + (" *" if here else ""), str(entry.resolution or "?"), entry.format or "?",
               entry.family or "", entry.licence, entry.about)
        rows.append([one_line(cell) for cell in row])
    widths = [max(map(len, column)) for column in zip(*rows)][:-1]
    for row in rows:
        print("  ".join([cell.ljust(width) for cell, width in zip(row, widths)] + [row[-1]]))
    print("\n%sThe networks photo and cartoon come with the package." % (
        "* is in %s. " % zoo.cache() if any(row[0].endswith(" *") for row in rows) else ""))
    print("Networks of one family have a common ancestor and blend well. Licences are as their makers, or the lists")
    print("that name the networks, state them; sources are in zoo.json of the package.")
