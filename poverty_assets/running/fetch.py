"""A fetch from the command line.

Belongs here: what is asked of a fetch before anything is opened, the quarters that it is for, and what it says. Does not belong here:
fetching (``fetching``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from poverty_assets.errors import FetchFailed, UsageError
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings, require_kind

if TYPE_CHECKING:
    from poverty_assets.fetching.fetch import Fetching, Told
    from poverty_assets.pack.source import SourceSpec

How = Literal["fetch", "dry_run", "probe"]


def fetch(
    settings: Settings,
    names: Sequence[str],
    quarters: Sequence[Quarter],
    *,
    today: dt.date,
    how: How = "fetch",
    say: Callable[[str], None] = lambda line: None,
) -> FetchFailed | None:
    """Fetch what quarters want, and what the earlier quarters want that their models learn from.

    Parameters
    ----------
    settings : Settings
    names : sequence of str
        Sources; empty: all that can be fetched and whose licence lets anybody use them.
    quarters : sequence of Quarter
    today : date
        Quarters that have not ended by it are refused.
    how : {"fetch", "dry_run", "probe"}
    say : callable
        Told a line for each file.

    Returns
    -------
    FetchFailed or None
        What failed; all else was fetched.

    Raises
    ------
    InputError
        If the request cannot be carried out; nothing was asked of anybody.
    """
    _require_ended(quarters, today)
    require_kind(settings)
    country = load_country(settings.country)
    specs = load_sources(country, simulated=False)
    # the clients' libraries take a second to import, and a refused request needs none of them
    from poverty_assets.fetching.fetch import Fetching, failures
    from poverty_assets.fetching.orders import fetched_sources, with_earlier
    from poverty_assets.fetching.web import open_web

    chosen = fetched_sources(specs, names, whatever_licence=how == "probe")  # nobody's licence forbids to ask
    if not chosen:
        raise UsageError(
            f"no source of {country.name_en} is fetched", remedy="add a block fetch to entries of sources.yaml"
        )
    for spec in specs:
        if not names and spec.fetch is not None and spec not in chosen:
            say(f"passed    {spec.source_id}: {spec.licence} forbids commercial use; name the source to fetch it")
    with open_web() as web:
        work = Fetching(
            country, settings.landing_folder, settings.home / "fetching", web, today, named=bool(names), say=say
        )
        if how == "probe":
            told = work.probe(chosen, max(quarters))
        else:
            told = _fetched(work, chosen, with_earlier(specs, quarters), dry_run=how == "dry_run")
    return failures(told)


def _fetched(work: Fetching, specs: Sequence[SourceSpec], quarters: list[Quarter], *, dry_run: bool) -> list[Told]:
    """Files that quarters want, and grids of people of the years of censuses."""
    from poverty_assets.fetching.orders import with_census

    told = work.fetch(specs, quarters, dry_run=dry_run)
    for spec in specs:
        further = [one for one in with_census(spec, quarters, work.landing, work.country) if one not in quarters]
        told += work.fetch([spec], further, dry_run=dry_run) if further else []
    return told


def _require_ended(quarters: Sequence[Quarter], today: dt.date) -> None:
    for quarter in quarters:
        if quarter.end >= today:
            raise UsageError(
                f"quarter {quarter} has not ended; the latest complete quarter is {Quarter.latest_complete(today)}",
                remedy="ask for a quarter that is over",
            )
