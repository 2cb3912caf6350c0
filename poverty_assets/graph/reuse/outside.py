"""What is made of all quarters together, the published file and the pages, where it is not there already.

Belongs here: telling whether such files are the ones that would be made. Does not belong here: steps of a quarter (``step``), or making
any file (``warehouse``, ``reports``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.metadata import normalize_metadata

from poverty_assets.atomic import write_text
from poverty_assets.graph.resources.home import FULL, Home
from poverty_assets.graph.reuse.code import code_version
from poverty_assets.graph.reuse.step import FROM_RUN, REUSED, environment, metadata_of, of_texts, plain
from poverty_assets.graph.reuse.watched import digest_of
from poverty_assets.measure.measure import SHARED


@dataclass(frozen=True)
class Outside:
    """Files that an asset of no quarter makes.

    Attributes
    ----------
    name : str
        The asset's.
    module : str
        Where its function stands.
    of : sequence of str
        What it is made of, beside the code and the pack.
    """

    name: str
    module: str
    of: Sequence[str]

    def result(
        self, context: Any, home: Home, make: Callable[[], tuple[Mapping[str, Any], Sequence[Path]]]
    ) -> dg.MaterializeResult[Any]:
        """What Dagster is told: of files that are there as they would be made, or of those that are made now.

        Parameters
        ----------
        make : callable
            Makes them; gives metadata and the files.
        """
        base, record = self._base(home), home.settings.made / f"{self.name}.json"
        there = None if FULL in context.run.tags else _read(record)
        root = home.settings.home.resolve()
        if there is not None and there["base"] == base and _holds(root, there["files"]):
            shown = {**metadata_of(there["shown"]), REUSED: True, FROM_RUN: there["run_id"]}
            return _result(shown, there["files"])
        metadata, files = make()
        digests = {path.resolve().relative_to(root).as_posix(): digest_of(path) for path in files}
        shown = plain(normalize_metadata(dict(metadata)))
        made = {
            "base": base,
            "maker": self._maker(home),
            "files": digests,
            "run_id": context.run.run_id,
            "shown": shown,
        }
        if self._base(home) == base:
            write_text(record, json.dumps(made))
        return _result({**metadata, REUSED: False}, digests)

    def to_build_on(self, context: Any, home: Home) -> str:
        """Digest of the one file that was made last, where code, libraries and pack were those of now: whatever it was made of, the
        next one may be made from it. Empty where they were not, or all is to be made anew."""
        there = None if FULL in context.run.tags else _read(home.settings.made / f"{self.name}.json")
        if there is None or there.get("maker") != self._maker(home):
            return ""
        (digest,) = there["files"].values()
        return str(digest)

    def _maker(self, home: Home) -> str:
        pack = (digest_of(home.country.folder), digest_of(SHARED), home.settings.kind)
        return of_texts(code_version(self.module, self.name), environment(), *pack)

    def _base(self, home: Home) -> str:
        return of_texts(self._maker(home), *self.of)


def _read(record: Path) -> dict[str, Any] | None:
    try:
        there = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return there if isinstance(there, dict) and {"base", "files", "run_id", "shown"} <= there.keys() else None


def _holds(root: Path, files: Mapping[str, str]) -> bool:
    return all(digest_of(root / name) == digest for name, digest in files.items())


def _result(metadata: Mapping[str, Any], files: Mapping[str, str]) -> dg.MaterializeResult[Any]:
    version = of_texts(*(f"{name} {digest}" for name, digest in sorted(files.items())))
    return dg.MaterializeResult(metadata=dict(metadata), data_version=dg.DataVersion(version))
