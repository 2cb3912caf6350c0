"""Saved models: an archive in skops format, the same bytes for the same model, and a card beside it.

Belongs here: writing both files whole or not at all, and reading an archive back only if every type in it is trusted. Does not
belong here: what a model holds and what its card says (``registers.artifact``, ``small_area``), or where files are kept.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.errors import UnreadableFile

_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def save(content: dict[str, Any], card: dict[str, Any], path: Path, trusted: Sequence[str] = ()) -> Path:
    """Write the archive and its card (``model.json`` beside ``model.skops``), each to a temporary name first.

    Parameters
    ----------
    trusted : sequence of str
        Types that the archive may hold beside what skops trusts of its own accord: those that `load` will be given.

    Returns
    -------
    Path
        Of the archive.

    Raises
    ------
    UnreadableFile
        If it holds another type: nobody could read it back.
    """
    import skops.io

    path.parent.mkdir(parents=True, exist_ok=True)
    archive = path.with_name(path.name + ".next")
    skops.io.dump(content, archive)
    make_reproducible(archive)
    _check_types(archive, trusted)
    beside = path.with_suffix(".json")
    unfinished = beside.with_name(beside.name + ".next")
    unfinished.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, beside)
    os.replace(archive, path)
    return path


def load(path: Path, trusted: Sequence[str]) -> dict[str, Any]:
    """Read an archive.

    Parameters
    ----------
    trusted : sequence of str
        Types that it may hold beside what skops trusts of its own accord.

    Raises
    ------
    UnreadableFile
        If it holds another type; nothing of it is then run.
    """
    import skops.io

    _check_types(path, trusted)
    return dict(skops.io.load(path, trusted=list(trusted)))


def _check_types(path: Path, trusted: Sequence[str]) -> None:
    import skops.io

    strange = sorted(set(skops.io.get_untrusted_types(file=path)) - set(trusted))
    if strange:
        raise UnreadableFile(
            f"{len(strange)} types are not trusted, first {strange[0]}",
            file=path,
            remedy="fit the model again; a new learner's own types are named where its models are saved",
        )


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as a card has them."""
    columns = {name: frame[name].tolist() for name in frame.columns}
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, map(number, row), strict=True)) for row in rows]


def number(value: Any) -> Any:
    """A value as JSON has it, which knows no dates, and neither infinity nor what is not a number."""
    if isinstance(value, dt.date):
        return value.isoformat()
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not np.isfinite(plain) else plain


def make_reproducible(path: Path) -> None:
    """Number objects in their order, not by memory address, and leave the time of writing out of the archive."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    numbers: dict[int, int] = {}
    renamed: dict[str, str] = {}
    schema = _renumbered(json.loads(parts.pop("schema.json")), numbers, renamed)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(parts, key=lambda old: renamed.get(old, old)):
            archive.writestr(zipfile.ZipInfo(renamed.get(name, name), _LONG_AGO), parts[name], zipfile.ZIP_DEFLATED)
        text = json.dumps(schema, indent=2)
        archive.writestr(zipfile.ZipInfo("schema.json", _LONG_AGO), text, zipfile.ZIP_DEFLATED)


def _renumbered(node: Any, numbers: dict[int, int], renamed: dict[str, str]) -> Any:
    if isinstance(node, list):
        return [_renumbered(item, numbers, renamed) for item in node]
    if not isinstance(node, dict):
        return node
    answer = {}
    for key, value in node.items():
        if key == "__id__":
            value = numbers.setdefault(value, len(numbers))
        elif key == "file" and isinstance(value, str):
            value = renamed.setdefault(value, f"{len(renamed)}{Path(value).suffix}")
        else:
            value = _renumbered(value, numbers, renamed)
        answer[key] = value
    return answer
