"""The shape of the code: functions that fit on a screen and take few things, assets that read like a sentence, one name for one thing."""

import ast
from collections import defaultdict

from poverty_assets_tests.parsed import PACKAGE, modules, nodes_of

MOST_LINES, MOST_PARAMETERS, MOST_LINES_OF_AN_ASSET, MOST_LINES_OF_A_FILE = 60, 7, 20, 600
LONGER = {"twin"}  # a simulated world is written as one recipe


def functions():
    for name in modules():
        if name.split("/")[0] not in LONGER:
            for node in nodes_of(PACKAGE / name):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield name, node


def is_asset(node):
    return any(
        ast.unparse(decorator).startswith(("asset(", "assets(", "dg.asset(")) for decorator in node.decorator_list
    )


def test_no_function_is_longer_than_a_screen():
    length = {f"{name}:{node.name}": node.end_lineno - node.lineno + 1 for name, node in functions()}
    assert {name: lines for name, lines in length.items() if lines > MOST_LINES} == {}


def test_no_file_holds_more_than_one_thought():
    length = {path.relative_to(PACKAGE).as_posix(): path.read_text().count("\n") for path in PACKAGE.rglob("*.py")}
    assert {name: lines for name, lines in length.items() if lines > MOST_LINES_OF_A_FILE} == {}


def test_no_function_takes_more_than_seven_things():
    taken = {}
    for name, node in functions():
        given = [
            a.arg
            for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            if a.arg not in ("self", "cls")
        ]
        if node.name != "__init__" and not (name.startswith("graph/assets/") and is_asset(node)):
            taken[f"{name}:{node.name}"] = len(given)
    assert {name: number for name, number in taken.items() if number > MOST_PARAMETERS} == {}


def test_no_public_class_name_stands_in_two_modules():
    places = defaultdict(set)
    for name, tree in modules().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].add(name)
    assert {name: sorted(files) for name, files in places.items() if len(files) > 1} == {}


def asset_functions():
    return [(name, node) for name, node in functions() if name.startswith("graph/assets/") and is_asset(node)]


def test_an_asset_reads_like_a_sentence():
    bodies = {}
    for name, node in asset_functions():
        said = node.body[1:] if isinstance(node.body[0], ast.Expr) else node.body
        bodies[f"{name}:{node.name}"] = node.end_lineno - said[0].lineno + 1
    assert len(bodies) > 30
    assert {name: lines for name, lines in bodies.items() if lines > MOST_LINES_OF_AN_ASSET} == {}


def test_assets_stand_at_module_level_but_for_those_whose_number_the_pack_decides():
    top = {id(node) for tree in modules().values() for node in tree.body}
    assert [node.name for _, node in asset_functions() if id(node) not in top] == ["landed", "source"]
