"""What earlier quarters saw of the sources: the covariates that survey households are modelled with, and the people of census years.

Belongs here: which earlier quarters matter to a quarter, and the releases that served them; which year of a grid stands for a census.
Does not belong here: what a quarter
itself sees (``readers.observe``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from poverty_assets.errors import NotObserved
from poverty_assets.pack.as_of import Release, release
from poverty_assets.pack.census import census_seen
from poverty_assets.pack.country import Country
from poverty_assets.pack.source import RasterSource, SourceSpec, grids_of_people
from poverty_assets.quarter import Quarter

TimeKind = Literal["wave", "same_season", "between_waves"]


@dataclass(frozen=True)
class EarlierTime:
    """An earlier quarter that matters, and why.

    Attributes
    ----------
    kind : str
        ``wave`` (a survey wave ended in it), ``same_season`` (it has the season of the quarter that looks back) or
        ``between_waves``.
    quarter : Quarter
    wave : str
        The wave that ended in it; empty for the other kinds.
    """

    kind: TimeKind
    quarter: Quarter
    wave: str = ""


def earlier_times(waves: list[tuple[str, dict[str, Any]]], quarter: Quarter) -> list[EarlierTime]:
    """The quarters in which the two latest waves ended; and, as ``same_season``, the last one up to the latest wave's end with
    the season of ``quarter``.

    In the quarter in which a new wave comes, also every quarter between it and the wave before (``between_waves``): what was
    said of them then can now be judged.

    Parameters
    ----------
    waves : list
        ``(source_id, {"observed_to": date})`` by the end of fieldwork.
    """
    ends = {name: Quarter.containing(noted["observed_to"]) for name, noted in waves[-2:]}
    if not ends:
        return []
    last = ends[waves[-1][0]]
    times = [EarlierTime("wave", end, name) for name, end in ends.items()]
    times.append(EarlierTime("same_season", last.shift(-((last.number - quarter.number) % 4))))
    if last == quarter and len(ends) > 1:
        between = next(iter(ends.values())).shift(1)
        while between < last:
            times.append(EarlierTime("between_waves", between))
            between = between.shift(1)
    return times


def waves_stated(specs: list[SourceSpec], quarter: Quarter) -> list[tuple[str, dict[str, Any]]]:
    """Survey waves that have ended by the quarter's end, as `earlier_times` takes them, by what their entries state."""
    ended = [s for s in specs if s.role == "survey" and s.observed_to and s.observed_to <= quarter.end]
    waves: list[tuple[str, dict[str, Any]]] = [(s.source_id, {"observed_to": s.observed_to}) for s in ended]
    return sorted(waves, key=lambda wave: wave[1]["observed_to"])


def release_then(spec: SourceSpec, quarter: Quarter, landing: Path) -> Release | None:
    """The release that served an earlier quarter; None where nothing had been observed, or the file is not there any more."""
    try:
        found = release(spec, quarter, landing)
    except NotObserved:
        return None
    return found if found.path.exists() else None


def file_then(spec: SourceSpec, year: int, last: int, landing: Path) -> tuple[int, Path] | None:
    """The file of a yearly source that is nearest to a year, none after ``last``; of two as near, the later. None where there is none."""
    if spec.cadence != "year":
        return None
    first = spec.observed_from.year if spec.observed_from is not None else year
    there = [(one, landing / spec.path.format(year=one)) for one in range(first, last + 1)]
    return min((one for one in there if one[1].is_file()), key=lambda one: (abs(one[0] - year), -one[0]), default=None)


def census_files(specs: list[SourceSpec], country: Country, quarter: Quarter, landing: Path) -> list[Path]:
    """Files of the landing folder that a quarter's population is made of beside what the lake has of it."""
    census, found = census_seen(country.censuses, quarter.end), []
    if census is None:
        return []
    for spec in grids_of_people(specs):
        try:
            year = release(spec, quarter, landing).observed_to.year
        except NotObserved:
            continue
        found.append(file_then(spec, census.day.year, year, landing))
    return [one[1] for one in found if one is not None]


def with_days(
    features: pd.DataFrame, specs: list[SourceSpec], quarter: Quarter, landing: Path, now: pd.DataFrame
) -> pd.DataFrame:
    """Features of an earlier time with ``observed_on``: the end of the release that served it, for sources without a date of
    their own that of ``now``."""
    days = now.drop_duplicates("feature_id").set_index("feature_id")["observed_on"].to_dict()
    for spec in specs:
        found = release_then(spec, quarter, landing)
        if found is not None and isinstance(spec, RasterSource):
            days |= {feature.feature_id: found.observed_to for feature in spec.features}
    return features.assign(observed_on=features["feature_id"].map(days))
