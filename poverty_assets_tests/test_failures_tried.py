"""What the runbook says of the likeliest failures is tried: every row of its table names a test that is there, and a message of ours."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def rows():
    text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    section = text.split("\n## The likeliest failures\n")[1].split("\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [row for row in cells[1:] if not set("".join(row)) <= set("-|")]


@functools.cache
def by_file():
    found = {}
    for path in sorted((ROOT / "poverty_assets_tests").rglob("test_*.py")):
        names = [node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)]
        found[path.relative_to(ROOT).as_posix()] = {name for name in names if name.startswith("test_")}
    return found


def test_there_are_at_least_ten():
    assert len(rows()) >= 10
    assert {len(row) for row in rows()} == {4}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_each_is_tried_by_a_test_that_is_there(row):
    there = by_file()
    named = re.findall(r"\[`(test_\w+)`\]\(\.\./([\w/.]+)\)", row[3])
    assert named
    assert [(name, path) for name, path in named if name not in there.get(path, set())] == []
