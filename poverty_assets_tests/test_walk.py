"""The walk in ``docs/architecture.md``: what it counts as entered again, that nothing is, and that it is what a traced run prints."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import poverty_assets

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(poverty_assets.__file__).parent
sys.path.append(str(ROOT / "docs"))
from trace_walk import WALKERS, Event, entered_again, in_three, is_tool, walk_in  # noqa: E402

STAY = re.compile(r"`([\w/]+\.py)` ([^;`\n]+)")


def walk_on_the_page() -> str:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    return page.split("<!-- begin: walk -->")[1].split("<!-- end: walk -->")[0].strip()


def again(*told: str) -> list[str]:
    """What is entered again where functions held something in this order; ``<`` is Dagster reading, ``>`` writing."""
    ways = {"<": "read", ">": "written"}
    events = [
        Event(one.strip("<>"), f"f{number}", number + 1, number, is_at_work=False, frame=ways.get(one[0], ""))
        for number, one in enumerate(told)
    ]
    return entered_again(in_three(events))


def test_no_file_of_the_walk_is_entered_left_and_entered_again() -> None:
    counts = re.findall(r"^Entered, left and entered again within a step: (.+)$", walk_on_the_page(), re.MULTILINE)
    assert counts == ["none."] * 4
    assert "not seen in this run" not in walk_on_the_page()


def test_a_file_that_is_left_and_entered_again_is_told() -> None:
    assert again("a", "a", "b", "c") == []
    assert again("a", "b", "a") == ["a"]


def test_the_lake_may_be_read_as_a_step_begins_and_written_as_it_ends_and_no_more() -> None:
    assert again("<lake", "<manager", "a", ">manager", ">lake") == []
    assert again("lake", "a", "b", ">manager", ">lake") == []  # read by the step itself
    assert again("<lake", "a", "lake", "b", ">manager", ">lake") == ["lake"]
    assert again("a", "lake", "b", ">manager", ">lake") == ["lake"]


def test_what_is_called_while_a_step_is_being_read_belongs_to_its_reading() -> None:
    of_look = [Event("raster", "f", 1, 0, False), Event("look", "g", 2, 1, False), Event("raster", "h", 3, 2, True)]
    rest = [
        Event("gate", "i", 4, 3, False),
        Event("lake", "j", 5, 4, False, "written"),
        Event("raster", "k", 6, 5, False, "written"),
    ]
    assert entered_again(in_three([*of_look, *rest])) == []
    again_later = Event("look", "l", 5, 4, False)
    assert entered_again(in_three([*of_look, rest[0], again_later, *rest[1:]])) == ["look"]


def test_a_file_of_the_domain_is_counted_in_the_frame_too() -> None:
    assert again("<lake", "a", "b", ">manager", ">a", ">lake") == ["a"]
    assert again("<lake", "<a", "<lake", "b", ">lake") == ["lake"]


def test_tools_of_the_ground_floor_are_no_rooms_and_whatever_knows_what_it_holds_is_one() -> None:
    assert again("a", "arrays.py", "b", "workers.py", "arrays.py") == []
    assert again("a", "arrays.py", "a") == []
    assert again("a", "small_area/people.py", "a") == ["a"]
    assert [file for file in ("errors.py", "catalog/tables.py", "pack/source.py") if is_tool(file)] == [
        "errors.py",
        "catalog/tables.py",
    ]


def test_every_function_of_the_walk_is_there() -> None:
    """A walk that was printed before a function moved or got another name is not this house's."""
    steps = "\n".join(line for line in walk_on_the_page().splitlines() if line.startswith("- to"))
    for file, functions in STAY.findall(steps):
        tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
        there = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        absent = [name for name in functions.split(", ") if name.strip().split(".")[-1] not in there]
        assert not absent, f"docs/architecture.md: {file} has no {absent}; run docs/trace_walk.py"


def test_the_walks_of_the_page_are_told_apart_so_that_one_can_be_printed_anew() -> None:
    found = [walk_in(walk_on_the_page(), walker) for walker in WALKERS]
    assert "\n\n".join(found) == walk_on_the_page()
    assert len(found) == len(set(found))


@pytest.mark.soak
def test_the_walk_on_the_page_is_what_a_traced_run_prints() -> None:
    command = [sys.executable, str(ROOT / "docs" / "trace_walk.py"), "--print"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.partition("**One household**")[2].strip() == walk_on_the_page().partition("**One household**")[2]
