"""What a home fetches by itself: its own landing folder and pieces, and the quarter that sees a year.

Belongs here: a fetch of which nobody named a source. Does not belong here: when that is done (``intake.due``), or the steps of a fetch
(``fetch``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poverty_assets.errors import NotObserved
from poverty_assets.fetching.fetch import Fetching
from poverty_assets.fetching.orders import order
from poverty_assets.fetching.web import open_web
from poverty_assets.pack.country import Country
from poverty_assets.pack.source import SourceSpec
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings


@contextmanager
def fetching(settings: Settings, country: Country) -> Iterator[Fetching]:
    """Fetching into a home's landing folder, of which nobody named a source: what was put there by hand stays."""
    today = dt.datetime.now(dt.UTC).date()
    with open_web() as web:
        yield Fetching(country, settings.landing_folder, settings.home / "fetching", web, today)


def quarter_of_year(spec: SourceSpec, year: int, landing: Path, country: Country) -> Quarter:
    """The first quarter that sees a year of a yearly source.

    Raises
    ------
    NotObserved
        If no quarter does.
    """
    for quarter in (Quarter(year, 4).shift(n) for n in range(_QUARTERS_ON)):
        if order(spec, quarter, landing, country).release.observed_to.year == year:
            return quarter
    raise NotObserved(f"no quarter sees {year} of source {spec.source_id}")


_QUARTERS_ON = 9
"""Quarters after a year's end among which the first that sees it is looked for."""
