"""Which file of which source a quarter wants, and where it is to come from.

Belongs here: choosing sources, the release that serves a quarter, and when it can be expected. Does not belong here: asking anybody.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from poverty_assets.errors import NotObserved, UsageError
from poverty_assets.fetching.addresses import filled
from poverty_assets.lined_yaml import nearest
from poverty_assets.pack.as_of import Release, release
from poverty_assets.pack.census import ALL_AGES, census_seen
from poverty_assets.pack.country import Country
from poverty_assets.pack.fetch import AnyFetch
from poverty_assets.pack.source import SourceSpec, grids_of_people
from poverty_assets.quarter import Quarter
from poverty_assets.sources.earlier import earlier_times, waves_stated


@dataclass(frozen=True)
class Order:
    """A file that is wanted.

    Attributes
    ----------
    release : Release
        The file, and the period that it observes.
    fetch : AnyFetch
    country : Country
    is_preliminary : bool
        Whether it is what the publisher gives out until the final release is there.
    """

    release: Release
    fetch: AnyFetch
    country: Country
    is_preliminary: bool = False

    @property
    def spec(self) -> SourceSpec:
        """The entry."""
        return self.release.spec

    @property
    def title(self) -> str:
        """What it is called in a line: the source, and its period where there are several."""
        if self.spec.cadence == "once":
            return self.spec.source_id
        period = self.release.quarter.label if self.spec.cadence == "quarter" else self.release.observed_to.year
        return f"{self.spec.source_id} {period}"

    @property
    def addresses(self) -> list[tuple[int | None, str]]:
        """The entry's address filled in, for each month where it asks for months."""
        theirs = {name: f"{{{name}}}" for name in ("release", *self.fetch.fills)}
        return filled(self.fetch.address, self.release, self.country, {**self.fetch.names, **theirs})

    def filled(self, template: str) -> str:
        """Another template of the entry filled in."""
        return filled(template, self.release, self.country, self.fetch.names)[0][1]

    def filled_each(self, value: str | list[str]) -> str | list[str]:
        """A template, or a list of them, filled in: what holds ``{month}`` becomes a list, of one for each month of the period."""
        if isinstance(value, list):
            return [text for one in value for text in self._each_month(one)]
        each = self._each_month(value)
        return each if "{month}" in value else each[0]

    def _each_month(self, template: str) -> list[str]:
        return [text for _, text in filled(template, self.release, self.country, self.fetch.names)]

    @property
    def providers(self) -> list[Order]:
        """The order at each provider of the entry."""
        return [replace(self, fetch=fetch) for fetch in self.fetch.providers]

    @property
    def preliminary(self) -> Order | None:
        """The order of what is given out until this one is there."""
        fetch = self.fetch.preliminary
        return None if fetch is None else replace(self, fetch=fetch, is_preliminary=True)

    @property
    def expected(self) -> dt.date | None:
        """By when it can be expected; None where that day is not stated: a file that is not of a period."""
        if self.spec.cadence == "once":
            return None
        return self.release.observed_to + dt.timedelta(self.fetch.lag_days)

    @property
    def recipe(self) -> str:
        """A digest of how the file is made: with another recipe the same addresses give another file."""
        words = {
            "citation",
            "licence",
            "confirmed",
            "lag_days",
            "pause_seconds",
            "resolution",
            "instead",
            "preliminary",
        }
        # what is left at its default says nothing, so that a field that entries can have from now on changes no recipe
        said = [self.fetch.model_dump(mode="json", exclude=words, exclude_defaults=True), self.country.bounds]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def fetched_sources(
    specs: Sequence[SourceSpec], names: Sequence[str], *, whatever_licence: bool = False
) -> list[SourceSpec]:
    """Sources to fetch: those named, else all that can be and whose licence lets anybody use them, or whatever it is.

    Raises
    ------
    UsageError
        If there is no source of that name, or nothing says how to fetch it.
    """
    known = {spec.source_id: spec for spec in specs}
    able = [spec for spec in specs if spec.fetch is not None]
    for name in names:
        if name not in known:
            raise UsageError(f"there is no source {name!r}", remedy=nearest(name, [spec.source_id for spec in able]))
        if known[name].fetch is None:
            raise UsageError(
                f"source {name} is not fetched: its entry has no block fetch", remedy=f"by hand: {known[name].obtain}"
            )
    if names:
        return [known[name] for name in dict.fromkeys(names)]
    return [spec for spec in able if spec.fetch is not None and (whatever_licence or not spec.fetch.non_commercial)]


def fetched_unasked(specs: Sequence[SourceSpec]) -> list[SourceSpec]:
    """Those that come without being named and without a secret that is not set: what a home fetches that does so by itself."""
    found = []
    for spec in fetched_sources(specs, []):
        tokens = [one.token for one in spec.fetch.providers] if spec.fetch is not None else []
        if any(token is None or os.environ.get(token) for token in tokens):
            found.append(spec)
    return found


def order(spec: SourceSpec, quarter: Quarter, landing: Path, country: Country) -> Order:
    """The file of a source that serves a quarter.

    Raises
    ------
    NotObserved
        If the source had observed nothing by then.
    """
    if spec.fetch is None:
        raise NotObserved(f"source {spec.source_id} is not fetched")
    return Order(release(spec, quarter, landing), spec.fetch, country)


def with_earlier(specs: Sequence[SourceSpec], quarters: Sequence[Quarter]) -> list[Quarter]:
    """Quarters, and after them the earlier ones that their models learn from."""
    before = {time.quarter for one in quarters for time in earlier_times(waves_stated(list(specs), one), one)}
    return [*sorted(quarters), *sorted(before - {*quarters})]


def with_census(spec: SourceSpec, quarters: Sequence[Quarter], landing: Path, country: Country) -> list[Quarter]:
    """Quarters, and after them, of a grid of people, those that see the years of the censuses that it is laid on in these quarters."""
    if not _counts_everybody(spec) or spec.cadence != "year":
        return list(quarters)
    held = (census_seen(country.censuses, quarter.end) for quarter in quarters)
    years = {census.day.year for census in held if census is not None}
    wanted, found = set(), list(quarters)
    for quarter in (*quarters, *(Quarter(year, 4) for year in sorted(years))):
        try:
            path = release(spec, quarter, landing).path
        except NotObserved:
            continue
        if quarter not in quarters and path not in wanted:
            found.append(quarter)
        wanted.add(path)
    return found


def _counts_everybody(spec: SourceSpec) -> bool:
    """Whether a source is a grid of all people: those of age groups take its ratio to the census."""
    own = [one.options.people for one in grids_of_people([spec])]
    return any(people is not None and people.age_group == ALL_AGES for people in own)


def earlier(wanted: Order, landing: Path, periods: int) -> list[Order]:
    """The same of so many periods before, of the same provider, the latest first; nothing where the source has no periods."""
    step = {"quarter": 1, "year": 4}.get(wanted.spec.cadence, 0)
    found = []
    for back in range(1, periods + 1) if step else ():
        try:
            before = order(wanted.spec, wanted.release.quarter.shift(-back * step), landing, wanted.country)
            found.append(replace(before, fetch=wanted.fetch, is_preliminary=wanted.is_preliminary))
        except NotObserved:
            break
    return found
