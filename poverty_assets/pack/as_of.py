"""Which release of a source a quarter sees.

Belongs here: the as-of rule, and where the file lies. Does not belong here: looking at the file (``sources``), releases as they were at
earlier times (``sources.earlier``), or the form of an entry (``source``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from poverty_assets.errors import MissingFile, NotObserved
from poverty_assets.pack.fetch_spec import PATIENCE_DAYS
from poverty_assets.pack.source import SourceSpec, TableSource
from poverty_assets.quarter import Quarter

_MOST_EMPTY = 200
"""Quarters that may lie before the first source."""


@dataclass(frozen=True)
class Release:
    """The one file of a source that serves ``quarter``, and the period it observes."""

    spec: SourceSpec
    quarter: Quarter
    path: Path
    observed_from: dt.date
    observed_to: dt.date
    landing: Path

    def file(self, landing: Path) -> str:
        """Its place within the landing folder, or the package and the place within it."""
        if self.spec.package is not None:
            return f"{self.spec.package}: {self.path.relative_to(_home_of(self.spec, landing)).as_posix()}"
        return self.path.relative_to(landing).as_posix()


def release(spec: SourceSpec, quarter: Quarter, landing: Path) -> Release:
    """The release of ``spec`` in the folder ``landing`` that ``quarter`` sees: the last one observed in full by its end.

    Of a yearly source that is fetched it is the last year that can be expected while the quarter is waited for; so an old quarter
    run again does not see what came later. The file itself is not looked at.

    Raises
    ------
    NotObserved
        If the source had observed nothing by then.
    """
    if spec.cadence == "once":
        if spec.observed_from is None or spec.observed_to is None:  # the model's validator refuses this
            raise NotObserved(f"source {spec.source_id} states no observed period")
        # of a table with a column for each year, the first is enough
        by = dt.date(spec.observed_from.year, 12, 31) if _in_years(spec) else spec.observed_to
        if by > quarter.end and not spec.reference:
            raise NotObserved(
                f"source {spec.source_id} was observed by {by}, after the quarter's end {quarter.end}",
                remedy=f"ask for a quarter that ends on {by} or later",
            )
        first, last = spec.observed_from, spec.observed_to
        if _in_years(spec):
            year = min(last.year, quarter.end.year - (quarter.end < dt.date(quarter.end.year, 12, 31)))
            first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
        return Release(spec, quarter, _home_of(spec, landing) / spec.path, first, last, landing)
    if spec.cadence == "year":
        by = quarter.end + dt.timedelta(PATIENCE_DAYS - spec.fetch.lag_days) if spec.fetch else quarter.end
        year = min(by, quarter.end).year
        year -= dt.date(year, 12, 31) > min(by, quarter.end)
        first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
        path = spec.path.format(year=year)
    else:
        first, last, path = quarter.start, quarter.end, spec.path.format(label=quarter.label)
    if spec.observed_from is not None and first < spec.observed_from:
        raise NotObserved(
            f"source {spec.source_id} begins on {spec.observed_from}, after {first}",
            remedy=f"ask for a quarter that begins on {spec.observed_from} or later",
        )
    return Release(spec, quarter, _home_of(spec, landing) / path, first, last, landing)


def first_served(specs: Iterable[SourceSpec], first: Quarter) -> Quarter:
    """The first quarter from ``first`` on by whose end a source had been observed; ``first`` where none ever is.

    Reference is none, and neither is a feature that is observed once for all (elevation, a normal): it tells nothing of a quarter.
    """
    sources = [spec for spec in specs if not spec.reference and (spec.role, spec.cadence) != ("features", "once")]
    quarter = first
    while sources and quarter < first.shift(_MOST_EMPTY):
        for spec in sources:
            try:
                release(spec, quarter, Path())
            except NotObserved:
                continue
            return quarter
        quarter = quarter.shift(1)
    return first


def _in_years(spec: SourceSpec) -> bool:
    """Whether it is a table with a column for each year, of which a quarter sees one. Of official rates all are read."""
    return isinstance(spec, TableSource) and spec.options.wide is not None and spec.role != "truth"


def _home_of(spec: SourceSpec, landing: Path) -> Path:
    """The folder that holds the source's file: the landing folder, or that of the Python package that brings it."""
    if spec.package is None:
        return landing
    from importlib.util import find_spec

    found = find_spec(spec.package)
    if found is None or found.origin is None:
        raise MissingFile(
            f"the package {spec.package}, which brings source {spec.source_id}, is not installed", remedy=spec.obtain
        )
    return Path(found.origin).parent
