"""No code that fits, chooses or calibrates can read the twin's truth: it neither imports what reads it nor is given its folder."""

import ast
from pathlib import Path

import dagster as dg

import poverty_assets
from poverty_assets.definitions import build_definitions
from poverty_assets.settings import Settings

PACKAGE = Path(poverty_assets.__file__).parent
READERS = {"poverty_assets.twin.truth", "poverty_assets.evaluation.truth"}
MAY_IMPORT = {"twin/generate.py", "evaluation/truth.py", "evaluation/judge.py"}
MAY_NAME_THE_FOLDER = {"settings.py", "graph/assets/evaluation.py", "graph/assets/sources.py"}


def imports(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def modules() -> dict[str, ast.AST]:
    return {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}


def test_only_the_twin_and_the_evaluation_import_what_reads_truth():
    assert {name for name, tree in modules().items() if imports(tree) & READERS} == MAY_IMPORT


def test_only_the_twin_and_the_evaluation_are_told_where_truth_lies():
    told = {
        name
        for name, tree in modules().items()
        if any(isinstance(node, ast.Attribute) and node.attr == "truth" for node in ast.walk(tree))
        or any(
            isinstance(node, ast.Constant) and node.value == "truth" and name == "settings.py"
            for node in ast.walk(tree)
        )
    }
    assert told == MAY_NAME_THE_FOLDER


def test_nothing_but_the_scores_is_made_from_what_was_compared_with_truth(tmp_path):
    graph = build_definitions(Settings(home=tmp_path)).resolve_asset_graph()
    children = graph.get(dg.AssetKey("truth_metric")).child_keys
    assert children == {dg.AssetKey("model_metric")}
    assert graph.get(dg.AssetKey("model_metric")).child_keys == {dg.AssetKey("quarter_seal")}
