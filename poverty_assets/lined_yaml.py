"""Yaml read together with the line of every value, so that a fault in a country's file can be pointed at.

Belongs here: reading a yaml file into plain values and line numbers, and asking for a key of it. Does not belong here:
what a particular file should say (``measure``, ``sources.surveys``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import yaml

from poverty_assets.errors import MissingFile, SpecificationError

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class LinedYaml:
    """A mapping read from yaml; ``at`` is the place within the file that this part of it stands at."""

    file: Path
    value: Any
    lines: dict[Place, int]
    at: Place = ()

    def line(self, *key: str | int) -> int:
        """Line of a key, or of the nearest thing around it, counted from 1."""
        place = (*self.at, *key)
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def refuse(self, problem: str, remedy: str, *key: str | int) -> NoReturn:
        """Raise SpecificationError with the file, the line of ``key``, what is wrong and the remedy."""
        raise SpecificationError(problem, file=self.file, place=f"line {self.line(*key)}", remedy=remedy)

    def part(self, *key: str | int) -> LinedYaml:
        """The part under ``key``."""
        value = self.value
        for step in key:
            value = value[step]
        return LinedYaml(self.file, value, self.lines, (*self.at, *key))

    def items(self, key: str) -> list[LinedYaml]:
        """The mappings of the list under ``key``; an absent list is empty."""
        values = self.value.get(key) or []
        if not isinstance(values, list) or any(not isinstance(value, dict) for value in values):
            self.refuse(f"{key} is not a list of mappings", f"write {key} as a list, each entry of it key: value", key)
        return [self.part(key, i) for i in range(len(values))]

    def text(self, key: str, default: str | None = None) -> str:
        """A text, with its line ends folded; numbers are taken as written."""
        value = self.value.get(key, default)
        if value is None or isinstance(value, dict | list) or str(value).strip() == "":
            self.refuse(f"{key} is missing", f"add a line `{key}: ...`", *([key] if key in self.value else []))
        return " ".join(str(value).split())

    def check_keys(self, known: Collection[str]) -> None:
        """Refuse a part that is not a mapping, or has a key that is not known."""
        if not isinstance(self.value, dict):
            self.refuse("a mapping (key: value) is expected here", "see another file of this kind")
        for key in self.value:
            if key not in known:
                near = get_close_matches(str(key), known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(sorted(known))}"
                self.refuse(f"unknown key {key!r}", hint, key)


def read_lined_yaml(path: Path | str) -> LinedYaml:
    """Read a yaml file.

    Raises
    ------
    MissingFile
        If there is no such file.
    SpecificationError
        If it is not yaml, holds a key twice, or is not a mapping.
    """
    file = Path(path)
    if not file.is_file():
        raise MissingFile("there is no such file", file=file, remedy="check the path and the name")
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else None
        problem = getattr(error, "problem", None) or str(error)
        raise SpecificationError(
            f"this is not valid yaml: {problem}", file=file, place=place, remedy="correct the indentation or quoting"
        ) from None
    lines: dict[Place, int] = {}
    value = _plain(node, (), lines, file) if node is not None else None
    whole = LinedYaml(file, value, lines)
    if not isinstance(value, dict):
        whole.refuse("the file is empty or not a mapping", "write `key: value` lines")
    return whole


def _plain(node: yaml.Node, place: Place, lines: dict[Place, int], file: Path) -> Any:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        out: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = _scalar(key_node)
            if key in out:
                line = key_node.start_mark.line + 1
                raise SpecificationError(
                    f"key {key!r} is there twice", file=file, place=f"line {line}", remedy="keep one of the two"
                )
            lines[(*place, key)] = key_node.start_mark.line + 1
            out[key] = _plain(value_node, (*place, key), lines, file)
        return out
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, (*place, i), lines, file) for i, child in enumerate(node.value)]
    return _scalar(node)


def _scalar(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    finally:
        loader.dispose()
