"""Approval: which complete quarters wait for somebody's word, and who gave it.

Belongs here: the record of approvals (``approvals.json`` of the home) and what it lets through. Does not belong here: building a file
(``build``), or the page that shows what would change (``reports.candidate``).

An approval is of the files that a quarter has in the lake, by their digest, and only of what the candidate showed: a quarter that is made
again, or was never shown, wants another one.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poverty_assets.atomic import write_text
from poverty_assets.errors import UnreadableFile, UsageError
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings
from poverty_assets.warehouse.behind import published_digests, quarters_behind, sealed_digests
from poverty_assets.warehouse.lake import Lake

LONGEST_NAME = 200


@dataclass(frozen=True)
class Approval:
    """Somebody's word that a quarter may be published.

    Attributes
    ----------
    quarter : Quarter
    lake_digest : str
        Of the quarter's sealed files.
    by : str
    at : datetime
        In UTC.
    embargo : date, optional
        The first day (UTC) on which it may be published; None: at once.
    """

    quarter: Quarter
    lake_digest: str
    by: str
    at: dt.datetime
    embargo: dt.date | None = None

    def lets_through(self, day: dt.date) -> bool:
        """Whether the embargo is over."""
        return self.embargo is None or self.embargo <= day

    def as_json(self) -> dict[str, Any]:
        """As the record has it."""
        return {
            "quarter": self.quarter.label,
            "by": self.by,
            "at": self.at.isoformat(timespec="seconds"),
            "embargo": None if self.embargo is None else self.embargo.isoformat(),
            "lake_digest": self.lake_digest,
        }

    @classmethod
    def of_json(cls, row: Mapping[str, Any]) -> Approval:
        """From the record; raises KeyError, TypeError, ValueError or UsageError for what is none."""
        embargo = row["embargo"]
        return cls(
            Quarter.from_label(row["quarter"]),
            str(row["lake_digest"]),
            str(row["by"]),
            dt.datetime.fromisoformat(row["at"]),
            None if embargo is None else dt.date.fromisoformat(embargo),
        )


@dataclass(frozen=True)
class ApprovalDesk:
    """What waits for approval in a home, and where word of it is kept.

    Attributes
    ----------
    lake : Lake
    warehouse, candidate : Path
        The published file, and the one that shows what would be published.
    record : Path
        The approvals.
    """

    lake: Lake
    warehouse: Path
    candidate: Path
    record: Path

    @classmethod
    def of(cls, settings: Settings) -> ApprovalDesk:
        """Of a home."""
        return cls(Lake.of(settings), settings.warehouse, settings.candidate, settings.approvals)

    def approvals(self) -> dict[Quarter, Approval]:
        """The last approval of each quarter as it is in the lake, those under embargo among them."""
        digests = sealed_digests(self.lake)
        return {one.quarter: one for one in self._read() if digests.get(one.quarter) == one.lake_digest}

    def approved(self, now: dt.datetime) -> dict[Quarter, Approval]:
        """Those that may be published now."""
        return {quarter: one for quarter, one in self.approvals().items() if one.lets_through(now.date())}

    def behind(self, now: dt.datetime) -> list[Quarter]:
        """Quarters that may be published now and are not published as they are."""
        approved = self.approved(now)
        return [quarter for quarter in quarters_behind(self.lake, self.warehouse) if quarter in approved]

    def waiting(self) -> list[Quarter]:
        """Complete quarters that are not published as they are and that nobody has approved."""
        approved = self.approvals()
        return [quarter for quarter in quarters_behind(self.lake, self.warehouse) if quarter not in approved]

    def embargoed(self, now: dt.datetime) -> dict[Quarter, Approval]:
        """Approvals whose day has not come, of quarters that are not published as they are."""
        behind = quarters_behind(self.lake, self.warehouse)
        return {q: one for q, one in self.approvals().items() if q in behind and not one.lets_through(now.date())}

    def unshown(self) -> list[Quarter]:
        """Of those that wait, the ones that the candidate does not show as they are."""
        shown = published_digests(self.candidate)
        return [quarter for quarter in self.waiting() if shown.get(quarter) != self.lake.sealed_digest(quarter)]

    def approve(self, quarter: Quarter, by: str, now: dt.datetime, embargo: dt.date | None = None) -> Approval:
        """Record an approval of a quarter as the candidate shows it.

        Raises
        ------
        UsageError
            If the name is no name, or there is nothing of that quarter to approve.
        """
        from filelock import FileLock

        with FileLock(self.record.with_name(".approvals.lock")):
            name = self.require_approvable(quarter, by)
            given = Approval(quarter, self.lake.sealed_digest(quarter), name, now, embargo)
            rows = [one.as_json() for one in [*self._read(), given]]
            write_text(self.record, json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
        return given

    def clear(self) -> None:
        """Take the candidate away where nothing waits any more."""
        if not self.waiting():
            for path in (self.candidate, page_of(self.candidate)):
                path.unlink(missing_ok=True)

    def require_approvable(self, quarter: Quarter, by: str) -> str:
        """Refuse an approval by nobody, or of what is not there to be approved; the name as it is written down.

        Raises
        ------
        UsageError
        """
        name = " ".join(by.split())
        if not name or len(name) > LONGEST_NAME:
            raise UsageError("an approval needs the name of who gives it", remedy="--by 'Name, office'")
        behind = quarters_behind(self.lake, self.warehouse)
        if quarter not in behind:
            held = published_digests(self.warehouse)
            if quarter in held and not self.lake.unsealed(quarter):
                raise UsageError(f"{quarter} is published as it is", remedy="there is nothing to approve")
            raise UsageError(
                f"{quarter} is not complete in the lake, so there is nothing to approve",
                remedy=f"run poverty-assets refresh --quarter {quarter}; quarters that wait: {_listed(behind)}",
            )
        if published_digests(self.candidate).get(quarter) != self.lake.sealed_digest(quarter):
            raise UsageError(
                f"{quarter} was made again after the candidate was, or was never shown, so that nobody has seen it",
                file=self.candidate,
                remedy="run the job candidate, or any refresh; read the page beside it and approve then",
            )
        return name

    def _read(self) -> list[Approval]:
        if not self.record.is_file():
            return []
        try:
            return [Approval.of_json(row) for row in json.loads(self.record.read_text(encoding="utf-8"))]
        except (ValueError, TypeError, KeyError, UsageError) as error:
            raise UnreadableFile(
                f"the record of approvals cannot be read ({type(error).__name__}: {error})",
                file=self.record,
                remedy="bring it back from a backup; without it quarters that are not published wait to be approved again",
            ) from error


def page_of(candidate: Path) -> Path:
    """Where the page lies that shows what a candidate would change."""
    return candidate.with_name("changes.html")


def embargo_day(text: str) -> dt.date | None:
    """The day that an embargo names; None for no text.

    Raises
    ------
    UsageError
        If it is no day.
    """
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError(f"{text!r} is not a day", remedy="write it as 2026-12-01") from None


def held_back(
    lake: Lake, warehouse: Path, complete: Collection[Quarter], approved: Mapping[Quarter, Approval]
) -> list[Quarter]:
    """Of complete quarters those that may not be published as they are: not approved, and not published so before."""
    held = published_digests(warehouse)
    return [q for q in complete if q not in approved and held.get(q) != lake.sealed_digest(q)]


def _listed(quarters: Collection[Quarter]) -> str:
    return ", ".join(quarter.label for quarter in quarters) or "none"
