"""Running the jobs from the command line, without a server.

Belongs here: what is asked of a refresh before anything runs, and running the quarters. Does not belong here: publishing
(``publication``), the command line itself (``cli``), or assets.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from poverty_assets.errors import NotObserved, UsageError
from poverty_assets.graph.pruning import prune
from poverty_assets.measure.measure import load_measure, measure_files
from poverty_assets.pack.as_of import first_served, release
from poverty_assets.pack.country import Country, load_country, load_sources
from poverty_assets.pack.source import HOW_TO_ESTIMATE, NOTHING_ESTIMATED, SourceSpec, is_anything_estimated
from poverty_assets.quarter import Quarter
from poverty_assets.running.interrupted import give_up_interrupted, living
from poverty_assets.running.publication import Following, follow, made_and_reused, run_job, who
from poverty_assets.running.side_by_side import run_side_by_side
from poverty_assets.settings import Settings, chosen_measure, claim_home
from poverty_assets.sources.provenance import check_present


@dataclass
class Refreshed:
    """What a refresh did."""

    quarters: list[Quarter]
    warehouse: Any
    published_level: str
    following: Following
    assets: int = 0
    reused: int = 0

    @property
    def published(self) -> list[Quarter]:
        """Those of its quarters that are published as they were made."""
        held_back = {*self.following.waiting, *self.following.embargoed}
        return [quarter for quarter in self.quarters if quarter not in held_back]


def default_quarters(today: dt.date) -> list[Quarter]:
    """The latest complete quarter and the same quarter a year before, the earlier first."""
    latest = Quarter.latest_complete(today)
    return [latest.shift(-4), latest]


def refresh(
    settings: Settings,
    quarters: list[Quarter],
    *,
    today: dt.date,
    why: str = "",
    announce: Callable[[str, int], None] = lambda text, steps: None,
    full: bool = False,
) -> Refreshed:
    """Check the request, run each quarter, publish.

    Parameters
    ----------
    settings : Settings
    quarters : list of Quarter
    today : date
        Quarters that have not ended by it are refused.
    why : str
        The runs' reason.
    announce : callable
        Told each stage, and of how many steps it consists.
    full : bool
        Whether everything is made anew, also what is there already.

    Raises
    ------
    InputError, PovertyAssetsError
        If the request or an input file cannot be used, or a step, a blocking check or the gate failed; nothing was published.
    """
    preflight(settings, quarters, today)
    claim_home(settings)
    # dagster takes seconds to import, and a refused request needs none of it
    from poverty_assets.definitions import build_definitions
    from poverty_assets.graph.jobs import QUARTER
    from poverty_assets.running.instance import open_instance

    asked = sorted(set(quarters))
    country = load_country(settings.country)
    said = {"who": who(), "why": why or " ".join(["poverty-assets refresh", *map(str, asked)])} | _full(full)
    side_by_side = min(settings.workers, len(asked), os.cpu_count() or 1)
    with open_instance(settings.dagster_home) as instance, living(settings.dagster_home) as tags:
        give_up_interrupted(settings.dagster_home)
        definitions = build_definitions(settings)
        job = definitions.resolve_job_def(QUARTER)
        steps = len(list(job.asset_layer.executable_asset_keys))
        if side_by_side > 1:
            announce(" and ".join(map(str, asked)) + ", side by side", steps * len(asked))
            each = [(settings.model_dump_json(), quarter.key, said) for quarter in asked]
            counts = run_side_by_side(run_quarter, each, side_by_side)
        else:
            counts = []
            for quarter in asked:
                announce(str(quarter), steps)
                done = run_job(job, instance, str(quarter), tags | said, partition_key=quarter.key)
                counts.append(made_and_reused(done))
        announce("publishing", 1)
        following = follow(settings, country, definitions, instance, tags | said)
        prune(instance, settings.dagster_home, dt.datetime.now(dt.UTC), settings.keep_days)
    assets, reused = (sum(number) for number in zip(*counts, strict=True))
    return Refreshed(asked, settings.warehouse, country.levels.published, following, assets, reused)


def _full(full: bool) -> dict[str, str]:
    from poverty_assets.graph.resources.home import FULL

    return {FULL: "true"} if full else {}


def run_quarter(settings_json: str, key: str, said: dict[str, str]) -> tuple[int, int]:
    """Run one quarter, in whatever process this is; returns how many assets it has, and how many of them were there already.

    Parameters
    ----------
    settings_json : str
        ``Settings`` as JSON.
    key : str
        The quarter's partition.
    said : dict
        Tags that say who asked for the run, and why.
    """
    from poverty_assets.definitions import build_definitions
    from poverty_assets.graph.jobs import QUARTER
    from poverty_assets.running.instance import open_instance

    settings = Settings.model_validate_json(settings_json)
    with open_instance(settings.dagster_home) as instance, living(settings.dagster_home) as tags:
        job = build_definitions(settings).resolve_job_def(QUARTER)
        done = run_job(job, instance, str(Quarter.from_key(key)), tags | said, partition_key=key)
    return made_and_reused(done)


def preflight(settings: Settings, quarters: list[Quarter], today: dt.date) -> None:
    """Refuse, before anything is written, what cannot be done: quarters without data, files that are not there."""
    country = load_country(settings.country)
    load_measure(_measure_file(settings, country))
    latest = Quarter.latest_complete(today)
    for quarter in quarters:
        if quarter > latest:
            raise UsageError(
                f"quarter {quarter} has not ended; the latest complete quarter is {latest}",
                remedy=f"ask for {latest} or an earlier quarter",
            )
    if not settings.is_simulated and not settings.landing_folder.is_dir():
        claim_home(settings)
    _refuse_pack(country, settings)
    specs = load_sources(country, simulated=settings.is_simulated)
    first = first_served(specs, Quarter.from_label(country.first_quarter))
    for quarter in quarters:
        seen = _observed(specs, quarter, settings)
        if quarter < first or not seen:
            raise NotObserved(
                f"quarter {quarter} lies before any source: nothing had been observed by {quarter.end}",
                remedy=f"ask for {first} or a later quarter",
            )
        if not settings.is_simulated:
            for found in seen:
                if found.spec.required or found.path.exists():
                    check_present(found)


def _refuse_pack(country: Country, settings: Settings) -> None:
    """Refuse a pack that has not what is asked for."""
    if settings.is_simulated and not (country.folder / "simulated.yaml").is_file():
        raise UsageError(
            f"{country.country_id} has no simulated.yaml: there is no twin of it",
            remedy="ask for its files, --sources landing --landing DIR, or write that file (docs/country-pack.md)",
        )
    if not is_anything_estimated(load_sources(country, simulated=settings.is_simulated)):
        raise UsageError(f"{country.country_id} has {NOTHING_ESTIMATED}", file=country.folder, remedy=HOW_TO_ESTIMATE)


def _measure_file(settings: Settings, country: Country) -> Any:
    name = chosen_measure(settings, country.default_measure)
    files = measure_files(country.folder)
    if name not in files:
        known = ", ".join(sorted(files))
        raise UsageError(f"{country.name_en} has no measure {name!r}", remedy=f"use one of {known}, or add {name}.yaml")
    return files[name]


def _observed(specs: list[SourceSpec], quarter: Quarter, settings: Settings) -> list[Any]:
    """Releases of the sources, other than reference, that had been observed by the quarter's end, and of the reference."""
    found, anything = [], False
    for spec in specs:
        try:
            found.append(release(spec, quarter, settings.landing_folder))
            anything |= not spec.reference
        except NotObserved:
            continue
    return found if anything else []
