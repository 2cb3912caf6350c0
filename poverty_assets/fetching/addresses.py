"""An entry's address with its braces filled in.

Belongs here: what each name in braces stands for, the months of a period, and an address as it may be shown.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from poverty_assets.pack.as_of import Release
from poverty_assets.pack.country import Country
from poverty_assets.pack.fetch_spec import fields_in

SECRETS = re.compile(r"(sig|signature|token|key|credential|password|secret)", re.IGNORECASE)
"""Names of parameters that hold what nobody is to read."""


def filled(
    template: str, release: Release, country: Country, more: Mapping[str, str] | None = None
) -> list[tuple[int | None, str]]:
    """Addresses of a template for one release, each with its month; without ``{month}`` one, with None.

    A source without a cadence has the months of the calendar: it is a climatology. ``more`` are further names in braces.
    """
    words = {
        **(more or {}),
        "year": f"{release.observed_to.year}",
        "next_year_2": f"{(release.observed_to.year + 1) % 100:02d}",
        "label": release.quarter.label,
        "number": f"{release.quarter.number}",
        "first_month": f"{release.observed_from.month:02d}",
        "iso3": country.iso3,
        "iso3_lower": country.iso3.lower(),
        "name": re.sub(r"[^a-z0-9]+", "-", country.name_en.lower()).strip("-"),
    }
    if "month" not in fields_in(template):
        return [(None, template.format(**words))]
    months = range(1, 13) if release.spec.cadence == "once" else months_of(release.observed_from, release.observed_to)
    return [(month, template.format(**words, month=f"{month:02d}")) for month in months]


def months_of(first: dt.date, last: dt.date) -> range:
    """Months of a period within one year.

    Examples
    --------
    >>> list(months_of(dt.date(2026, 7, 1), dt.date(2026, 9, 30)))
    [7, 8, 9]
    """
    return range(first.month, last.month + 1)


def shown(address: str) -> str:
    """An address without the secrets that it may hold: what is printed and recorded.

    Examples
    --------
    >>> shown("https://me:pw@example.org/a.tif?sv=1&sig=abc")
    'https://example.org/a.tif?sv=1'
    """
    parts = urlsplit(address)
    query = urlencode([(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not SECRETS.search(k)])
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))
