"""How each source stands to a quarter, in one screen: there, of an earlier period, or not there; when it is expected; what it is worth.

Belongs here: that screen. Does not belong here: how a source stands (``intake.standing``), what a quarter waits for (``intake.due``), or
what is published (``status``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from poverty_assets.errors import MissingFile, NotObserved
from poverty_assets.fetching.orders import fetched_unasked
from poverty_assets.intake.arrivals import read_arrivals
from poverty_assets.intake.due import first_try, lacking, last_wait
from poverty_assets.intake.standing import Standing, standings
from poverty_assets.pack.as_of import release
from poverty_assets.pack.country import Country, load_country, load_sources
from poverty_assets.pack.source import SourceSpec
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings
from poverty_assets.warehouse.query import worth_of_sources


def source_screen(settings: Settings, quarter: Quarter | None, now: dt.datetime) -> tuple[str, bool]:
    """The screen, and whether the quarter lacks something that was promised.

    Parameters
    ----------
    quarter : Quarter, optional
        By default the newest whose time has come.
    now : datetime
        In UTC.
    """
    country = load_country(settings.country)
    specs = load_sources(country, simulated=settings.is_simulated)
    asked = quarter or newest_due(now)
    found, lacks = awaited(settings, asked)
    at, worth = worth_of_sources(settings.warehouse)
    lines = [_headline(found, asked)]
    lines += [one.line + _worth(one.source_id, worth) for one in sorted(found, key=_order)]
    lines += _of_packages(specs, asked, settings)
    if at:
        lines.append(
            f"In brackets: rank correlation in {at} of held-out blocks of land without the source; with all {worth['']:.3f}."
        )
    if not settings.is_simulated:
        lines.append(_waiting(lacks, asked, country, now))
    return "\n".join(lines), bool(lacks)


def awaited(settings: Settings, quarter: Quarter) -> tuple[list[Standing], tuple[str, ...]]:
    """How each source stands to a quarter, and those that it waits for."""
    country = load_country(settings.country)
    specs = load_sources(country, simulated=settings.is_simulated)
    arrivals = [] if settings.is_simulated else read_arrivals(settings.arrivals)
    fetched = [spec.source_id for spec in fetched_unasked(specs)] if settings.fetch else []
    found = standings(specs, settings.landing_folder, quarter, arrivals, fetched)
    return found, () if settings.is_simulated else lacking(found, quarter, country.last_day)


def newest_due(now: dt.datetime) -> Quarter:
    """The newest quarter that is tried by now."""
    newest = Quarter.latest_complete(now.date())
    return newest if first_try(newest) <= now else newest.shift(-1)


def _headline(found: list[Standing], quarter: Quarter) -> str:
    counts = {state: sum(one.state == state for one in found) for state in ("present", "stale", "missing")}
    return f"{quarter}: {', '.join(f'{number} {state}' for state, number in counts.items())}"


def _order(one: Standing) -> tuple[int, str]:
    return ("missing", "stale", "present").index(one.state), one.source_id


def _worth(source_id: str, worth: Mapping[str, float]) -> str:
    return f" [{worth[source_id]:.3f}]" if source_id in worth else ""


def _of_packages(specs: list[SourceSpec], quarter: Quarter, settings: Settings) -> list[str]:
    """Sources that come with an installed package."""
    found = []
    for spec in specs:
        if spec.package is None:
            continue
        try:
            wanted = release(spec, quarter, settings.landing_folder)
        except NotObserved:
            continue
        except MissingFile:
            found.append(f"{'missing':<9} {spec.source_id}: by hand: {spec.obtain}")
            continue
        found.append(f"{'present':<9} {spec.source_id}: {wanted.file(settings.landing_folder)}")
    return found


def _waiting(lacks: tuple[str, ...], quarter: Quarter, country: Country, now: dt.datetime) -> str:
    last = last_wait(quarter, country.last_day)
    if not lacks:
        return "Everything that was promised is there."
    if now.date() > last:
        return (
            f"Waited until {last} for {', '.join(lacks)}: the quarter goes without, and is made again when one comes."
        )
    return f"Waits for {', '.join(lacks)}, until {last} at the latest."
