"""The house has floors: a module imports from its own room and from rooms below it, never from beside or above."""

import ast
import functools
from pathlib import Path

import pytest

from poverty_assets_tests.parsed import PACKAGE, nodes_of

FLOORS = [
    ["errors"],
    ["atomic", "kept", "memory", "signs_of_life", "quarter", "arrays", "workers", "catalog"],
    ["lined_yaml", "settings"],
    ["pack", "measure", "judging"],
    ["geography", "published"],
    ["sources", "measurement"],
    ["features", "registers", "twin", "fetching", "intake"],
    ["small_area"],
    ["vulnerability", "evaluation"],
    ["warehouse"],
    ["reports"],
    ["graph"],
    ["definitions"],
    ["running"],
    ["cli"],
]
"""Rooms from the ground up; rooms of one floor do not know each other."""
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def imports_of(file: Path) -> set[str]:
    """Rooms that a file imports from, wherever in it."""
    nodes = [node for node in nodes_of(file) if isinstance(node, ast.ImportFrom)]
    named = [f"{node.module}.{alias.name}" for node in nodes for alias in node.names]
    return {name.split(".")[1] for name in named if name.startswith("poverty_assets.")} & set(FLOOR)


@pytest.mark.parametrize("room", FLOOR)
def test_nothing_is_imported_from_beside_or_above(room):
    files = sorted((PACKAGE / room).rglob("*.py")) or [PACKAGE / f"{room}.py"]
    up = [
        f"{f.relative_to(PACKAGE)} -> {other}"
        for f in files
        for other in imports_of(f) - {room}
        if FLOOR[other] >= FLOOR[room]
    ]
    assert not up


def test_every_room_has_a_floor():
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert rooms - {"__init__"} == set(FLOOR)


def test_no_two_files_hold_each_other():
    arrows = {name: _files_behind(name) for name in _files()}

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = list(arrows[start])
        while waiting:
            at = waiting.pop()
            if at not in seen:
                seen.add(at)
                waiting += arrows[at]
        return seen

    assert [name for name in arrows if name in reached(name)] == []


@functools.cache
def _files() -> dict[str, Path]:
    return {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}


def _files_behind(name: str) -> list[str]:
    """Modules that a module imports, itself apart; a name taken from a package is that module, or the package."""
    known, found = _files(), set()
    for node in nodes_of(known[name]):
        for alias in node.names if isinstance(node, ast.ImportFrom) and node.module else []:
            found |= {m for m in (f"{node.module}.{alias.name}", node.module) if m in known}
    return sorted(found - {name})
