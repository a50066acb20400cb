"""The house: nothing imports from a floor above its own, nothing in a circle; texts that files carry are known."""

import ast
import os
import re
from collections import OrderedDict

import pytest

import blend
from blend import carried

PACKAGE = os.path.dirname(blend.__file__)
# Room, or file of the package's own folder: its floor. The table is also in docs/design.md.
FLOORS = OrderedDict([
    ("run", 8), ("commands", 7), ("figures", 6), ("recipe", 5), ("card", 5), ("training", 4), ("nvidia", 4),
    ("pictures", 3), ("mixing", 3), ("zoo", 3), ("checkpoints", 2), ("engine", 2), ("networks", 1), ("portraits", 1),
    ("system", 0), ("carried", 0), ("errors", 0),
])


def modules():
    """{name of a module, 'blend.zoo.downloads': its path}."""
    paths = {}
    for folder, _, names in os.walk(PACKAGE):
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                dotted = os.path.relpath(path, os.path.dirname(PACKAGE))[:-len(".py")].replace(os.sep, ".")
                paths[dotted[:-len(".__init__")] if dotted.endswith(".__init__") else dotted] = path
    return paths


MODULES = modules()


def imports(path):
    """The modules of the package that a file imports, wherever in the file it does."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "blend":
                    yield alias.name
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "blend":
            for alias in node.names:
                inner = "%s.%s" % (node.module, alias.name)
                yield inner if inner in MODULES else node.module


ARROWS = {name: set(imports(path)) - {name} for name, path in MODULES.items()}


def floor(name):
    """Of a module; the package itself, `import blend`, stands above all."""
    return FLOORS[name.split(".")[1]] if "." in name else 9


def test_every_room_has_a_floor_and_stands_in_the_design():
    rooms = {name.split(".")[1] for name in MODULES if "." in name}
    assert rooms == set(FLOORS)
    with open(os.path.join(os.path.dirname(PACKAGE), "docs", "design.md"), encoding="utf-8") as file:
        rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in file if line.startswith("|")]
    written = {re.fullmatch(r"`blend/(\w+)(/|\.py)`", room).group(1): int(number)
               for number, rooms in rows if number.isdigit() for room in rooms.split(", ")}
    assert written == dict(FLOORS)


def test_nothing_imports_from_a_floor_above():
    wrong = ["%s imports %s" % (name, other) for name, others in sorted(ARROWS.items()) for other in sorted(others)
             if floor(other) > floor(name) and name != "blend"]
    assert not wrong


def test_nothing_imports_in_a_circle():
    def reach(name, way):
        assert name not in way, " -> ".join(way[way.index(name):] + (name,))
        if name not in done:
            for other in sorted(ARROWS[name]):
                reach(other, way + (name,))
            done.add(name)

    done = set()
    for name in sorted(MODULES):
        reach(name, ())


def test_only_commands_print():
    printing = set()
    for name, path in MODULES.items():
        with open(path, encoding="utf-8") as file:
            if any(isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
                   for node in ast.walk(ast.parse(file.read()))):
                printing.add(name)
    # A library function that says what it does (blend.legacy), and print_progress, an option of NVIDIA's.
    allowed = {"blend", "blend.run", "blend.nvidia.dnnlib", "blend.system.progress"}
    assert {name for name in printing if not name.startswith("blend.commands.")} <= allowed


@pytest.mark.parametrize("name", [carried.TENSORFLOW, carried.TORCH])
def test_a_text_that_files_carry_is_known_as_ours(name):
    """Whoever changes a text adds its SHA-256 to blend/carried/__init__.py; those that are there stay."""
    assert carried.own(carried.text(name), name)
    assert not carried.own(carried.text(name) + "\n", name) and not carried.own(None, name)


def test_the_shipped_networks_carry_an_earlier_text_which_is_ours():
    for name in ("photo", "cartoon"):
        source = blend.shipped(name).Gs.extra["build_module_src"]
        assert source != carried.text(carried.TENSORFLOW) and carried.own(source, carried.TENSORFLOW)
