"""The version of the code that makes an asset, told from the sources themselves.

Belongs here: which definitions and modules stand behind a function of the graph, and one digest over them. Does not belong here: what
the function reads when it runs (``watched``).

Nobody has to remember to count a version up. Rooms below the graph count by module: whatever a module imports, wherever in it, stands
behind it. In the graph, where every module imports the whole house to wire it, single definitions count: what a function names, what it
imports in its body, and the members of `Home` that it asks for. Comments and layout of the graph's own modules do not count; of other
modules every byte does.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import poverty_assets

PACKAGE = poverty_assets.__name__
ROOT = Path(poverty_assets.__file__).resolve().parent
GRAPH = f"{PACKAGE}.graph"
HOME = (f"{GRAPH}.resources.home", "Home")
ALWAYS = ("words",)
"""Folders of the package itself that hold data for any of its modules."""
_BY_NAME = "import_module("
_IMPORT = re.compile(
    r"^[ \t]*(?:from (?P<of>poverty_assets[\w.]*) import (?:\((?P<names>[^)]*)\)|(?P<name>[^#\n]*))"
    r"|import (?P<itself>poverty_assets[\w.]*))",
    re.MULTILINE,
)
_FOR_TYPES = re.compile(r"^if TYPE_CHECKING:\n(?:(?:[ \t].*)?\n)+", re.MULTILINE)


@cache
def code_version(module: str, name: str = "") -> str:
    """Digest over the sources behind a definition of the graph, or behind a whole module.

    Parameters
    ----------
    module : str
        As ``poverty_assets.graph.assets.survey``.
    name : str
        Of a definition in it; empty for all of it.
    """
    definitions, modules = behind(module, name)
    sha = hashlib.sha256()
    for of, one in sorted(definitions):
        sha.update(f"{of}:{one}\n{ast.dump(_bare(_definition(of, one)))}\n".encode())
    for path in sorted({*map(_file, modules), *_data_of(modules)}):
        sha.update(f"{path.relative_to(ROOT).as_posix()}\n".encode())
        sha.update(path.read_bytes())
    return sha.hexdigest()


@cache
def behind(module: str, name: str = "") -> tuple[frozenset[tuple[str, str]], frozenset[str]]:
    """Definitions of the graph and modules below it that stand behind a definition, or behind a whole module."""
    definitions: set[tuple[str, str]] = set()
    whole: set[str] = set() if name else {module}
    left = [(module, name)] if name else list(_named_in_whole(module))
    while left:
        one = left.pop()
        if one in definitions:
            continue
        definitions.add(one)
        for used in _uses(*one):
            if isinstance(used, tuple):
                left.append(used)
            else:
                whole.add(used)
    return frozenset(definitions), frozenset(_with_imports(whole))


def members_of_home(module: str, name: str) -> frozenset[str]:
    """Which members of `Home` stand behind a definition: those that it may ask for."""
    return frozenset(one.partition(".")[2] for of, one in behind(module, name)[0] if of == HOME[0] and "." in one)


# ---------------------------------------------------------------------- definitions of the graph
def _named_in_whole(module: str) -> Iterator[tuple[str, str]]:
    """Of a module of the graph that counts as a whole: the definitions of other modules of the graph that it uses."""
    if module.startswith(GRAPH):
        bound = _imported(module)
        for used in _loaded(_tree(module), bound):
            if isinstance(used, tuple):
                yield used


def _uses(module: str, name: str) -> Iterator[tuple[str, str] | str]:
    """What one definition uses: other definitions of the graph, and modules below it."""
    node = _definition(module, name)
    bound = {**_imported(module), **_bindings([node], module)}
    own = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
    local = {one for one in _defined(module) if one not in own}
    yield from _loaded(node, bound)
    for part in ast.walk(_bare(node)):
        if isinstance(part, ast.Name) and part.id in local and part.id not in bound:
            yield module, part.id
        if name.startswith("Home.") and module == HOME[0] and _is_member(part, "self"):
            yield module, f"Home.{part.attr}"  # type: ignore[attr-defined]


def _loaded(node: ast.AST, bound: dict[str, tuple[str, str]]) -> Iterator[tuple[str, str] | str]:
    """What a tree uses of what is imported into it, and of `Home`."""
    for part in ast.walk(_bare(node)):
        if isinstance(part, ast.Name) and part.id in bound:
            module, name = bound[part.id]
            yield (module, name) if module.startswith(GRAPH) and name else module
        if _is_member(part, "home") and _has(*HOME, part.attr):  # type: ignore[attr-defined]
            yield HOME[0], f"{HOME[1]}.{part.attr}"  # type: ignore[attr-defined]


def _is_member(part: ast.AST, of: str) -> bool:
    return isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == of


def _has(module: str, name: str, member: str) -> bool:
    return any(getattr(one, "name", "") == member for one in _defined(module)[name].body)  # type: ignore[attr-defined]


@cache
def _defined(module: str) -> dict[str, ast.stmt]:
    """Statements at a module's top by the names that they define."""
    found: dict[str, ast.stmt] = {}
    for node in _tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = (part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
            found.update(dict.fromkeys(names, node))
    return found


def _definition(module: str, name: str) -> ast.stmt:
    own, _, member = name.partition(".")
    node = _defined(module)[own]
    if not member:
        return node
    return next((one for one in node.body if getattr(one, "name", "") == member), ast.Pass())  # type: ignore[attr-defined]


@cache
def _bare(node: ast.AST) -> ast.AST:
    """A tree without what runs nothing when it is called: decorators, annotations, docstrings."""
    tree = ast.parse(ast.unparse(node))
    for part in ast.walk(tree):
        if isinstance(part, ast.FunctionDef):
            part.decorator_list, part.returns = [], None
            if ast.get_docstring(part, clean=False) is not None:
                part.body = part.body[1:] or [ast.Pass()]
        elif isinstance(part, ast.arg):
            part.annotation = None
    return tree


# ---------------------------------------------------------------------- modules
@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_file(module).read_bytes())


def _file(module: str) -> Path:
    place = ROOT.joinpath(*module.split(".")[1:])
    package = place / "__init__.py"  # a folder of data may have a module's name
    return package if package.is_file() else place.with_suffix(".py")


def _is_module(name: str) -> bool:
    return name == PACKAGE or (name.startswith(f"{PACKAGE}.") and _file(name).is_file())


@cache
def _imported(module: str) -> dict[str, tuple[str, str]]:
    """Names that a module's top imports from the house: module and name there; no name where it is a module itself."""
    return _bindings(_tree(module).body, module)


def _bindings(nodes: Iterable[ast.AST], module: str) -> dict[str, tuple[str, str]]:
    found = {}
    for node in _run(nodes):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                found[alias.asname or alias.name] = (
                    (below, "") if _is_module(below) else _origin(node.module, alias.name)
                )
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == PACKAGE:
                    found[alias.asname or PACKAGE] = (alias.name, "")
    return found


def _origin(module: str | None, name: str) -> tuple[str, str]:
    """Where a name of the graph is defined that a package hands on."""
    of = module or PACKAGE
    if of.startswith(GRAPH) and name not in _defined(of) and name in _imported(of):
        return _imported(of)[name]
    return of, name


def _run(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes below, those apart that only a type checker sees."""
    for node in nodes:
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        yield node
        yield from _run(ast.iter_child_nodes(node))


def _with_imports(modules: Iterable[str]) -> set[str]:
    """Modules with all that they import, and the packages that they lie in; of the graph none but those that are named."""
    reached: set[str] = set()
    left = list(modules)
    while left:
        module = left.pop()
        if module not in reached:
            reached.add(module)
            left += [one for one in _imports_of(module) if not one.startswith(GRAPH)]
    return reached


@cache
def _imports_of(module: str) -> frozenset[str]:
    parents = module.split(".")
    found = {".".join(parents[:i]) for i in range(1, len(parents))}
    text = _file(module).read_text(encoding="utf-8")
    for line in _IMPORT.finditer(_FOR_TYPES.sub("\n", text)):  # a syntax tree of each of 300 modules would take seconds
        of = line["of"] or line["itself"]
        names = (name.split(" as ")[0].strip() for name in (line["names"] or line["name"] or "").split(","))
        found |= {of, *(below for name in names if _is_module(below := f"{of}.{name}"))}
    if _BY_NAME in text:  # which modules it names is told by data
        package = _file(module).parent
        parts = (path.relative_to(ROOT).with_suffix("").parts for path in package.rglob("*.py"))
        found |= {".".join([PACKAGE, *each]).removesuffix(".__init__") for each in parts}
    return frozenset(found - {module})


def _data_of(modules: Iterable[str]) -> Iterator[Path]:
    """Files that are no modules, in the packages that the modules lie in."""
    packages = {_file(module).parent for module in modules} - {ROOT}
    for folder in [*packages, *(ROOT / name for name in ALWAYS)]:
        for path in folder.rglob("*"):
            nearest = next(up for up in path.parents if (up / "__init__.py").is_file() or up == ROOT)
            own = nearest == folder or folder.name in ALWAYS
            if own and path.is_file() and path.suffix not in (".py", ".pyc"):
                yield path
