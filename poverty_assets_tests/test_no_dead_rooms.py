"""No dead rooms: whatever the package names in public, something of the package reaches."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

from poverty_assets_tests.parsed import PACKAGE, modules

DOORS = {
    "load_model": ("docs/runbook.md", "load_model"),  # for an analyst with a saved model
    "count_masks_parquet": (
        "docs/quality.md",
        "bench_masks",
    ),  # for a census: benchmarks/bench_masks.py prints the mark
    "of_weights": (
        "poverty_assets/measure/measure.py",
        ">>> measure = Measure.of_weights(",
    ),  # for a user's own indicator columns, and for examples
}
"""Names for people, who come in from outside, and where each is shown the way, in which words."""
CALLED_BY_OTHERS = {
    "handle_output", "load_input", "setup_for_execution", "teardown_after_execution", "from_config_value", "add_run", "has_table",
    # the above by Dagster, the others by Python's own text, logging and files
    "emit", "format_field", "readable", "seek", "seekable", "tell",
}  # fmt: skip


def public_names(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Functions, classes, constants and methods that are public, and are not handed to a decorator that keeps them."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((one.id, node) for one in targets if isinstance(one, ast.Name))
        members = node.body if isinstance(node, ast.ClassDef) else []
        for one in (node, *members):
            kept = any(isinstance(by, ast.Call) for by in getattr(one, "decorator_list", []))
            if isinstance(one, ast.ClassDef) or (isinstance(one, ast.FunctionDef) and not kept):
                yield one.name, one


def uses(tree: ast.AST) -> Counter[str]:
    """Names in code: read, looked up, given as an argument's name, or spelt as text (as a column, or in code that is text)."""
    found: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found[node.id] += 1
        elif isinstance(node, ast.Attribute):
            found[node.attr] += 1
        elif isinstance(node, ast.alias) and node.asname:
            found[node.name] += 1
        elif isinstance(node, ast.keyword) and node.arg:
            found[node.arg] += 1
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            called = (
                [] if ">>>" in node.value else re.findall(r"(\w+)\(", node.value)
            )  # in code that is written to a file
            found.update({node.value, *called})
    return found


def test_everything_public_is_reached_by_the_package_itself() -> None:
    trees = {PACKAGE / name: tree for name, tree in modules().items()}
    reached: Counter[str] = Counter()
    for tree in trees.values():
        reached.update(uses(tree))
    unreached = [
        f"{file.relative_to(PACKAGE)}: {name}"
        for file, tree in trees.items()
        for name, node in public_names(tree)
        if not name.startswith("_") and name not in DOORS and name not in CALLED_BY_OTHERS
        if reached[name] <= uses(node)[name]  # itself alone, if at all
    ]
    assert not unreached, "reached by tests and benchmarks at most: use it, or take it out with its tests"


def test_doors_for_people_are_shown_to_them() -> None:
    for page, words in DOORS.values():
        assert words in (PACKAGE.parent / page).read_text(encoding="utf-8")
