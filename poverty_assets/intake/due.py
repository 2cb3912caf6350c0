"""When a quarter is begun: once what it needs has arrived, or once it has been waited for long enough.

Belongs here: that decision, as a function of the day, the files and what was tried, and what a home remembers for it (``waiting.json``).
Does not belong here: how sources stand (``standing``), or starting anything (``graph.sensors``).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from poverty_assets.atomic import write_text
from poverty_assets.intake.standing import Standing
from poverty_assets.quarter import Quarter

FIRST_TRY_DAYS = 20
"""Days after a quarter's end on which it is tried for the first time: by then its satellite products and counts have been released."""
FIRST_TRY_HOUR = 2
MOST_MADE_UP = 8
"""Quarters back to which what was missed is made up; for more, a backfill is asked for by a person."""


ASKED_AGAIN_DAYS = 7
MOST_COMPLETED = 4
"""Quarters back to which a home that fetches goes on asking for what they went without."""


@dataclass(frozen=True)
class Decision:
    """What is to be done of a quarter now.

    Attributes
    ----------
    do : {"wait", "fetch", "start"}
    why : str
    lacking : tuple of str
        Sources that are promised and are not there.
    """

    do: Literal["wait", "fetch", "start"]
    why: str
    lacking: tuple[str, ...] = ()


def first_try(quarter: Quarter) -> dt.datetime:
    """When a quarter is tried for the first time."""
    return dt.datetime.combine(quarter.end + dt.timedelta(FIRST_TRY_DAYS), dt.time(FIRST_TRY_HOUR), tzinfo=dt.UTC)


def last_wait(quarter: Quarter, last_day: int) -> dt.date:
    """The last day on which a quarter waits."""
    return quarter.end + dt.timedelta(last_day)


def lacking(found: Sequence[Standing], quarter: Quarter, last_day: int) -> tuple[str, ...]:
    """Sources that a quarter waits for: promised, not there, and not such as come only after it has waited its longest."""
    last = last_wait(quarter, last_day)
    wanted = [one for one in found if one.promised and one.state != "present"]
    return tuple(one.source_id for one in wanted if one.expected is None or one.expected <= last)


def decide(
    quarter: Quarter,
    found: Sequence[Standing],
    now: dt.datetime,
    *,
    last_day: int,
    fetches: bool,
    tried: dt.date | None,
) -> Decision:
    """Whether a quarter that is not made is to wait, to be fetched for, or to be started.

    Parameters
    ----------
    found : sequence of Standing
    now : datetime
        In UTC.
    last_day : int
        Days after the quarter's end for which it waits at most.
    fetches : bool
        Whether the home fetches by itself: then it does so before a quarter begins, and once a day while something lacks.
    tried : date, optional
        When it last fetched for this quarter.
    """
    begins, last = first_try(quarter), last_wait(quarter, last_day)
    if now < begins:
        return Decision("wait", f"{quarter} is tried from {begins:%Y-%m-%d} on")
    lacks = lacking(found, quarter, last_day)
    due = tried is None or tried < begins.date() or bool(lacks and tried < now.date())
    if fetches and due:
        return Decision("fetch", f"{quarter}: asking publishers" + (f" for {', '.join(lacks)}" if lacks else ""), lacks)
    if not lacks:
        return Decision("start", "everything that was promised is there")
    if now.date() > last:
        return Decision("start", f"waited until {last} for {', '.join(lacks)}, and goes without", lacks)
    return Decision("wait", f"{quarter} waits for {', '.join(lacks)}, until {last} at the latest", lacks)


def completed_by(found: Sequence[Standing], now: dt.datetime, tried: dt.date | None) -> tuple[str, ...]:
    """Sources that a quarter which is made would be fetched once more for: promised and expected by now, and not there or preliminary.

    Not within `ASKED_AGAIN_DAYS` of the last time.
    """
    if tried is not None and (now.date() - tried).days < ASKED_AGAIN_DAYS:
        return ()
    wanted = [one for one in found if one.promised and (one.state != "present" or one.is_preliminary)]
    return tuple(one.source_id for one in wanted if one.expected is None or one.expected <= now.date())


def due_quarters(
    now: dt.datetime, first: Quarter, made: Sequence[Quarter], since: dt.date, last_day: int
) -> list[Quarter]:
    """Quarters that are to be begun by themselves, whether or not the time has come: those after the newest that is made, not further
    back than `MOST_MADE_UP`; of a home without any the last one.

    Parameters
    ----------
    first : Quarter
        The first that the pack has data for.
    made : sequence of Quarter
    since : date
        When the home was first looked at. What could not be waited for any more by then is left to people: a home of old quarters
        alone is not taken further by being opened.
    """
    newest = Quarter.latest_complete(now.date())
    begin = max(made).shift(1) if made else newest
    if last_wait(begin, last_day) < since:
        return []
    back = [newest.shift(-n) for n in reversed(range(MOST_MADE_UP))]
    return [one for one in back if one >= max(first, begin)]


@dataclass(frozen=True)
class Waiting:
    """What a home remembers of quarters that wait.

    Attributes
    ----------
    since : date
        When the home was first looked at.
    tried : mapping
        When it last fetched for each quarter, by label.
    """

    since: dt.date
    tried: Mapping[str, dt.date]

    def tried_on(self, quarter: Quarter) -> dt.date | None:
        """When it last fetched for a quarter."""
        return self.tried.get(quarter.label)

    def with_try(self, quarter: Quarter, day: dt.date) -> Waiting:
        """The same after a fetch for a quarter."""
        return Waiting(self.since, {**self.tried, quarter.label: day})


def read_waiting(record: Path, today: dt.date) -> Waiting:
    """What a home remembers; of one that is looked at for the first time, or whose record cannot be read, that it is today."""
    try:
        said = json.loads(record.read_text(encoding="utf-8"))
        tried = {label: dt.date.fromisoformat(day) for label, day in said["tried"].items()}
        return Waiting(dt.date.fromisoformat(said["since"]), tried)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Waiting(today, {})


def write_waiting(record: Path, waiting: Waiting) -> None:
    """Remember it."""
    tried = {label: day.isoformat() for label, day in sorted(waiting.tried.items())[-4 * MOST_MADE_UP :]}
    write_text(record, json.dumps({"since": waiting.since.isoformat(), "tried": tried}, indent=1) + "\n")
