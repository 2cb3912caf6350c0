"""Where figures come from: source files, runs, and whose word.

Belongs here: the rows of ``meta_source``, from what the lake noted when each source was read, and what a publication is told of runs,
approvals and sources behind tables. Does not belong here: who may approve (``approval``), or the graph (``graph``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from poverty_assets.catalog import table
from poverty_assets.pack.source import SourceSpec
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.approval import Approval
from poverty_assets.warehouse.lake import Lake


@dataclass(frozen=True)
class Backing:
    """What stands behind a published file, beyond the lake.

    Attributes
    ----------
    approved : mapping, optional
        Approvals by quarter where quarters are approved, even if none; None where nobody is asked.
    runs : mapping
        Run that made each quarter, and by which version of the code.
    sources : mapping
        Sources by table and method that figures of it rest on; the method is empty where a table has none.
    before : str
        SHA-256 of the published file as the same code and pack have made it: rows of quarters that have not changed stay as they lie
        in that. Empty where that is not known, or all is to be made anew.
    """

    approved: Mapping[Quarter, Approval] | None = None
    runs: Mapping[Quarter, tuple[str, str]] = field(default_factory=dict)
    sources: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    before: str = ""

    def signed(self, quarter: Quarter | None = None) -> tuple[str | None, dt.datetime | None]:
        """Who approved a quarter, or the file at last, and when; nothing where nobody was asked."""
        given = self.approved or {}
        last = max(given.values(), key=lambda one: one.at, default=None) if quarter is None else given.get(quarter)
        return (None, None) if last is None else (last.by, last.at.astimezone(dt.UTC).replace(tzinfo=None))

    def made_by(self, quarter: Quarter) -> tuple[str | None, str | None]:
        """Run that made a quarter, and version of the code."""
        return self.runs.get(quarter, (None, None))

    def lineage(self) -> list[tuple[str, str, str]]:
        """Rows of ``meta_lineage``."""
        return sorted((table, method, source) for (table, method), names in self.sources.items() for source in names)


def source_rows(lake: Lake, specs: list[SourceSpec], quarter: Quarter) -> pd.DataFrame:
    """Rows of ``meta_source``: the sources that had been observed by the quarter's end, and whether their files were there."""
    rows = []
    for spec in specs:
        noted = lake.notes(f"src_{spec.source_id}", quarter)
        if "absent" in noted and "state" not in noted:
            continue
        rows.append(
            {
                "source_id": spec.source_id,
                "title": spec.title,
                "publisher": spec.publisher,
                "url": noted.get("url", spec.url),
                "licence": noted.get("licence", spec.licence),
                "is_simulated": spec.is_simulated,
                **(_of_wanted(noted) if "absent" in noted else _of_file(noted)),
            }
        )
    return pd.DataFrame(rows, columns=[column.name for column in table("meta_source").lake_columns])


def late_sources(lake: Lake, specs: list[SourceSpec], quarter: Quarter) -> list[str]:
    """Sources whose files were not there for a quarter, though those of an earlier period were."""
    noted = {spec.source_id: lake.notes(f"src_{spec.source_id}", quarter) for spec in specs if not spec.is_simulated}
    return [source_id for source_id, one in noted.items() if one.get("state") == "late"]


def rows_of_late(late: Collection[str], behind: Mapping[tuple[str, str], Collection[str]]) -> pd.DataFrame:
    """Rows of ``late_source``: tables and methods that rest on one of these sources, by the sources behind each."""
    rows = [
        (name, method, source)
        for (name, method), sources in sorted(behind.items())
        for source in sorted({*sources} & {*late})
        if method
    ]
    return pd.DataFrame(rows, columns=[column.name for column in table("late_source").lake_columns])


def _of_file(noted: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "file": noted["file"],
        "sha256": noted["sha256"],
        "observed_from": noted["observed_from"],
        "observed_to": noted["observed_to"],
        "released_on": noted.get("released_on"),
        "rows": noted["rows"],
        "quarantined": int(sum(noted.get("quarantined", {}).values())),
        "is_preliminary": bool(noted.get("is_preliminary", False)),
        "state": "present",
        "expected_on": None,
        "citation": noted.get("citation"),
        "release": noted.get("release"),
        "fetched_at": _moment(noted.get("fetched_at")),
    }


def _of_wanted(noted: Mapping[str, Any]) -> dict[str, Any]:
    expected = noted.get("expected_on")
    return {
        "file": noted["wanted"],
        "sha256": None,
        "observed_from": dt.date.fromisoformat(noted["wanted_from"]),
        "observed_to": dt.date.fromisoformat(noted["wanted_to"]),
        "rows": 0,
        "quarantined": 0,
        "is_preliminary": False,
        "state": noted["state"],
        "expected_on": dt.date.fromisoformat(expected) if expected else None,
    }


def _moment(text: str | None) -> dt.datetime | None:
    """A moment in UTC, as the warehouse has it: without saying so."""
    return None if text is None else dt.datetime.fromisoformat(text).astimezone(dt.UTC).replace(tzinfo=None)


def survey_wave(lake: Lake, quarter: Quarter) -> tuple[str | None, dt.date | None]:
    """The survey wave that serves a quarter and the last day of its fieldwork; (None, None) where there is none."""
    noted = lake.notes("survey_household", quarter) if lake.has("survey_household", quarter) else {}
    return noted.get("source_id"), noted.get("observed_to")


def replicates(lake: Lake, quarter: Quarter) -> int | None:
    """How many replicates stand behind the intervals of the quarter's estimates of areas; None where there are no estimates."""
    noted = lake.notes("area_draw", quarter).get("replicates")
    return int(noted) if noted else None


def nowcast_choice(lake: Lake, quarter: Quarter) -> tuple[str | None, str | None]:
    """Whether the quarter's estimates of small areas are a nowcast or persistence, and why; (None, None) without a survey."""
    noted = lake.notes("area_draw", quarter) if lake.has("area_draw", quarter) else {}
    return (noted["nowcast"], noted["reason"]) if noted.get("nowcast") else (None, None)
