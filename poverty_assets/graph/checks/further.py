"""What is looked at in a quarter's table beside the expectations that follow from its columns: one row a check.

Belongs here: what such a check reads, and in what words the UI shows it. Does not belong here: what it finds (``coverage``, ``hazards``),
the checks of Dagster (``asset_checks``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from poverty_assets.graph.checks.coverage import (
    agreement,
    covariate_drift,
    feature_coverage,
    household_sizes,
    national_departures,
    published_figures,
    quarantine,
)
from poverty_assets.graph.checks.hazards import hazards_of_another_time, people_touched
from poverty_assets.graph.checks.suites import CheckFinding
from poverty_assets.graph.resources import Home
from poverty_assets.quarter import Quarter


@dataclass(frozen=True)
class Further:
    """A check of one table.

    Attributes
    ----------
    table, group : str
        ``group`` is the check's name in the UI, and that of its findings.
    description : str
        Said in the UI, with whether it warns or blocks: findings of severity error stop the quarter.
    look : callable
        From the home and the quarter to what was found.
    """

    table: str
    group: str
    description: str
    look: Callable[[Home, Quarter], list[CheckFinding]]


def _people(home: Home, quarter: Quarter) -> list[CheckFinding]:
    people, areas = home.lake.read("fct_population", quarter), home.lake.read("dim_area", quarter)
    return household_sizes(people, areas, home.country.levels.finest)


def _coverage(home: Home, quarter: Quarter) -> list[CheckFinding]:
    features, areas = home.lake.read("area_feature", quarter), home.lake.read("dim_area", quarter)
    return feature_coverage(features, areas, home.country.levels.finest)


def _drift(home: Home, quarter: Quarter) -> list[CheckFinding]:
    return covariate_drift(home.lake.read("feature_drift", quarter))


def _quarantine(home: Home, quarter: Quarter) -> list[CheckFinding]:
    noted = {source_id: home.lake.notes(f"src_{source_id}", quarter) for source_id in home.sources}
    set_aside = {source_id: n.get("quarantined", {}) for source_id, n in noted.items() if "absent" not in n}
    return quarantine({name: {why: int(rows) for why, rows in each.items()} for name, each in set_aside.items()})


def _reach(home: Home, quarter: Quarter) -> list[CheckFinding]:
    return people_touched(home.lake.read("hazard_reach", quarter))


def _observed(home: Home, quarter: Quarter) -> list[CheckFinding]:
    return hazards_of_another_time(home.lake.read("dim_hazard", quarter))


def _published(home: Home, quarter: Quarter) -> list[CheckFinding]:
    warned = home.lake.notes("published_mpi", quarter).get("warning", {})
    published = [home.lake.notes(f"src_{spec.source_id}", quarter) for spec in home.of_role("published")]
    rows = home.lake.read("fct_mpi", quarter)
    departs = national_departures(rows, home.country.area_id, *_years_of(home, quarter))
    return published_figures(warned, [noted.get("rounded", {}) for noted in published]) + departs


def _agreement(home: Home, quarter: Quarter) -> list[CheckFinding]:
    return agreement(home.lake.read("fct_mpi", quarter), home.country.levels.published)


def _years_of(home: Home, quarter: Quarter) -> tuple[set[int], set[int]]:
    """Years that published figures are of, and those of the fieldwork of the wave that serves the quarter."""
    read = (home.observed(spec.source_id, quarter) for spec in home.of_role("published"))
    of_files = [
        frame["observed_from"].map(str).str[:4].astype(int) for frame in read if frame is not None and len(frame)
    ]
    published = {max(int(years.max()) for years in of_files)} if of_files else set()
    waves = home.survey_waves(quarter)
    days = [waves[-1][1][end] for end in ("observed_from", "observed_to")] if waves else []
    return published, {day.year for day in days if day is not None}


FURTHER = (
    Further("fct_population", "people", "Areas whose persons per household are no household's (warns).", _people),
    Further(
        "area_feature", "coverage", "Areas of the finest level without a value, feature by feature (warns).", _coverage
    ),
    Further(
        "area_feature",
        "drift",
        "Features whose distribution is not that of the training data any more, by name (warns).",
        _drift,
    ),
    Further(
        "meta_source",
        "quarantine",
        "Rows that were set aside because they break their source's contract (warns).",
        _quarantine,
    ),
    Further(
        "fct_mpi",
        "published",
        "Regions and figures of published tables that a person should look at, by name (warns).",
        _published,
    ),
    Further(
        "fct_mpi",
        "agreement",
        "Areas of the published level of which joint profiles and the survey itself say too different things (warns).",
        _agreement,
    ),
    Further(
        "hazard_reach",
        "reach",
        "People exposed to a hazard are at most those in cells that it touches, at two resolutions (blocking).",
        _reach,
    ),
    Further(
        "dim_hazard",
        "observed",
        "Hazards that are measured by what was observed before the quarter, by name (warns).",
        _observed,
    ),
)
