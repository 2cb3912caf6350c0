"""Sources parsed once a process, for the tests that read the package's own code."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import poverty_assets

PACKAGE = Path(poverty_assets.__file__).parent


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file, which no test changes."""
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """All nodes of a file."""
    return tuple(ast.walk(tree_of(path)))


@functools.cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package, by its path below it."""
    return {path.relative_to(PACKAGE).as_posix(): tree_of(path) for path in sorted(PACKAGE.rglob("*.py"))}
