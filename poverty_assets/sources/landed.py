"""Where a landed file came from: the record that lies beside it when it was fetched.

Belongs here: the form of that record, writing and reading it. Does not belong here: fetching (``fetching``).

The record of ``rasters/rain_2026Q3.tif`` is ``rasters/rain_2026Q3.tif.fetched.json``. It holds for the file with the digest that it
names and for no other: a file that somebody put in its place is as one that was never fetched.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from poverty_assets.atomic import write_text

ENDING = ".fetched.json"


class Part(BaseModel):
    """One of the files that a landed file was made from, as its server told of it."""

    model_config = ConfigDict(frozen=True)

    address: str
    size: int | None = None
    etag: str | None = None
    last_modified: str | None = None


class LandedRecord(BaseModel):
    """What is recorded of a fetched file.

    Attributes
    ----------
    url : str
        Where it came from, without secrets.
    parts : list of Part
        The publisher's files that it was made from; for a plain file that file.
    release : str, optional
        What the publisher calls this release.
    is_preliminary : bool
        Whether the publisher will replace it by a final release.
    fetched_at : datetime
        When this very file came first: one that comes again is no other.
    recipe : str
        Digest of how it was made from its parts.
    replaces : str, optional
        Digest of the file that was there before: this one is a revision.
    """

    model_config = ConfigDict(frozen=True)

    source_id: str
    url: str
    licence: str
    publisher: str
    citation: str
    sha256: str
    size: int
    observed_from: dt.date
    observed_to: dt.date
    released_on: dt.date | None = None
    release: str | None = None
    is_preliminary: bool = False
    fetched_at: dt.datetime
    client: str
    recipe: str
    parts: list[Part]
    replaces: str | None = None

    def as_noted(self) -> dict[str, Any]:
        """What the lake notes of it, for ``meta_source``."""
        noted: dict[str, Any] = {"url": self.url, "licence": self.licence, "citation": self.citation}
        noted["fetched_at"] = self.fetched_at.isoformat()
        if self.release is not None:
            noted["release"] = self.release
        if self.released_on is not None:
            noted["released_on"] = self.released_on.isoformat()
        if self.is_preliminary:
            noted["is_preliminary"] = True
        return noted


def record_path(path: Path) -> Path:
    """Where the record of a file lies."""
    return path.with_name(path.name + ENDING)


def landed_files(folder: Path, pattern: str) -> list[Path]:
    """Files of a landing folder that a pattern fits, by name; records that lie beside them are none of them."""
    return sorted(path for path in folder.glob(pattern) if not path.name.endswith(ENDING))


def write_record(path: Path, record: LandedRecord) -> None:
    """Put the record of a file beside it."""
    write_text(record_path(path), json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n")


def read_record(path: Path) -> LandedRecord | None:
    """The record that lies beside a file; None where there is none that can be read. The file's digest is not compared."""
    try:
        return LandedRecord.model_validate_json(record_path(path).read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None
