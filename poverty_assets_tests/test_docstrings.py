"""Examples in docstrings: each is run, and shows what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import poverty_assets


def modules_with_examples() -> list[str]:
    """Modules of the package whose text holds an example, by name; the others need not be imported."""
    found = pkgutil.walk_packages(poverty_assets.__path__, f"{poverty_assets.__name__}.")
    root = Path(poverty_assets.__file__).parents[1]
    return [name for _, name, is_package in found if ">>> " in _file(root, name, is_package).read_text("utf-8")]


def _file(root: Path, name: str, is_package: bool) -> Path:
    path = root.joinpath(*name.split("."))
    return path / "__init__.py" if is_package else path.with_suffix(".py")


def test_small_functions_show_what_they_do():
    assert len(modules_with_examples()) >= 12


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_show_what_they_say(name):
    ran = doctest.testmod(importlib.import_module(name), report=True)
    assert ran.attempted > 0
    assert ran.failed == 0
