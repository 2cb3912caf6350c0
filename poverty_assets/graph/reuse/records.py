"""What each step made of a quarter, of what and by which code, as records beside the lake.

Belongs here: the form of a record, where it lies, and taking files of one quarter for another. Does not belong here: whether what a step
would be made of is the same (``step``).

A record never vouches for a file by being there: it holds the digests of the files that the step made, and is believed only where the
files have them. So a run that is killed at any moment leaves nothing that could be mistaken for something whole.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from poverty_assets.atomic import write_text
from poverty_assets.graph.reuse.watched import ABSENT, digest_of
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.lake import Lake

_PLACE = "quarter="


@dataclass(frozen=True)
class StepRecord:
    """What a step made of a quarter.

    Attributes
    ----------
    base : str
        Digest of its code and of all else that it was made of and that was known before it ran.
    answers : mapping
        What it asked when it ran, and what it was told.
    files : mapping
        Files below the lake's root, with ``quarter=*`` for the quarter, and their digests; of those that it is to have none of,
        ``absent``.
    beside : mapping
        The same of files below the home that belong to one quarter, as saved models.
    quarter : str
        Key of the quarter for which it was made.
    run_id : str
        Run that made it.
    """

    base: str
    answers: Mapping[str, str]
    files: Mapping[str, str]
    beside: Mapping[str, str]
    quarter: str
    run_id: str


@dataclass(frozen=True)
class Records:
    """Records of one step.

    Attributes
    ----------
    folder : Path
    lake : Lake
    home : Path
    """

    folder: Path
    lake: Lake
    home: Path

    def of(self, quarter: Quarter) -> StepRecord | None:
        """The record of a quarter; None where there is none that can be read."""
        try:
            return StepRecord(**json.loads(self._path(quarter).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def of_others(self, quarter: Quarter) -> Iterator[tuple[Quarter, StepRecord]]:
        """Records of other quarters, the newest quarter first."""
        for path in sorted(self.folder.glob("*-*-*.json"), reverse=True):
            with suppress(ValueError):
                other = Quarter.from_key(path.stem)
                made = self.of(other) if other != quarter else None
                if made is not None:
                    yield other, made

    def shown(self, quarter: Quarter) -> list[dict[str, Any]] | None:
        """What was shown of a quarter's step; None where that cannot be read."""
        try:
            shown = json.loads(self._path(quarter, ".shown").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return shown if isinstance(shown, list) else None

    def write(self, quarter: Quarter, made: StepRecord, shown: list[dict[str, Any]]) -> None:
        """Write what was made of a quarter, after the files themselves."""
        write_text(self._path(quarter, ".shown"), json.dumps(shown))
        write_text(self._path(quarter), json.dumps(asdict(made), indent=1, sort_keys=True))

    def holds(self, made: StepRecord, quarter: Quarter) -> bool:
        """Whether the files of a quarter are those that were made."""
        in_lake = all(digest_of(self.lake.file(_at(name, quarter))) == digest for name, digest in made.files.items())
        return in_lake and all(digest_of(self.home / name) == digest for name, digest in made.beside.items())

    def take(self, made: StepRecord, other: Quarter, quarter: Quarter) -> StepRecord | None:
        """Have a quarter hold the files that were made for another: the same file under another name where the disk can do that.

        None where they are not to be had any more.
        """
        for name, digest in made.files.items():
            source, target = (self.lake.file(_at(name, one)) for one in (other, quarter))
            if digest == ABSENT:
                self.lake.shelf.remove(target)
            elif digest_of(target) != digest:
                with suppress(FileNotFoundError), self.lake.shelf.writing(target) as temporary:
                    _have(source, temporary)
        if not self.holds(made, quarter):  # the other quarter was made again meanwhile
            return None
        self.write(quarter, made, self.shown(other) or [])
        return made

    def _path(self, quarter: Quarter, of: str = "") -> Path:
        return self.folder / f"{quarter.key}{of}.json"


def _have(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def in_any_quarter(path: Path, lake: Path) -> str:
    """A file's place below the lake's root, with ``quarter=*`` for its quarter."""
    parts = path.relative_to(lake).parts
    return "/".join(f"{_PLACE}*" if part.startswith(_PLACE) else part for part in parts)


def _at(name: str, quarter: Quarter) -> str:
    return name.replace(f"{_PLACE}*", f"{_PLACE}{quarter.key}")
