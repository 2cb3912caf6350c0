"""Observations of an SDMX service, as a statistics office gives them.

Belongs here: one query, and its answer as a table. sdmx1 knows how a query is written and what the forms of answers mean; it asks nobody.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import httpx

from poverty_assets.errors import FetchFailed
from poverty_assets.fetching.addresses import shown
from poverty_assets.fetching.answers import Version
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.extra import from_extra
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import NotTheFile, Web
from poverty_assets.pack.fetch import SdmxFetch

_SOURCE = "OURS"


class SdmxClient:
    """The client ``sdmx``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """The query: a service tells neither size nor version. Asked for one observation, or whether its last answer still holds."""
        fetch, ((_, address),) = _of(order), order.addresses
        where = f"{address.rstrip('/')}/data/{fetch.flow}/{fetch.key}".rstrip("/")
        query, headers = _query(order)
        if web.answers.of(query) is not None:
            web.read(query, _table, pause=fetch.pause_seconds, headers=headers)
            return Offer([(where, Version())])
        one = str(httpx.URL(where).copy_merge_params(_period(order) | {"firstNObservations": "1"}))
        with web.tries(where) as attempts:
            for attempt in attempts:
                with attempt, web.ask("GET", one, pause=fetch.pause_seconds):
                    pass  # its body is not read: some services give all of it all the same
        return Offer([(where, Version())])

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """Ask, and write the observations, sorted by their dimensions."""
        query, headers = _query(order)
        table = web.read(query, _table, pause=order.fetch.pause_seconds, headers=headers)
        if table.empty:
            raise FetchFailed(
                "the service gives no observation",
                address=shown(offer.parts[0][0]),
                remedy="check flow and key in the entry",
            )
        dimensions = [name for name in table.columns if name != "value"]
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / order.release.path.name
        table.sort_values(dimensions).to_csv(file, index=False)
        return file


def _query(order: Order) -> tuple[str, dict[str, str]]:
    """The address of all observations, and the header that says in which form."""
    sdmx, fetch, ((_, address),) = from_extra("sdmx"), _of(order), order.addresses
    sdmx.add_source({"id": _SOURCE, "name": order.spec.publisher, "url": address.rstrip("/")}, override=True)
    query = sdmx.Client(_SOURCE).get("data", resource_id=fetch.flow, key=fetch.key, params=_period(order), dry_run=True)
    return str(query.url), {"Accept": query.headers.get("Accept", "*/*")}


def _table(body: bytes) -> Any:
    """Observations of an answer, a row each.

    Raises
    ------
    NotTheFile
        If it is none: a later try may be answered better.
    """
    import pandas as pd

    sdmx = from_extra("sdmx")
    try:
        found = sdmx.to_pandas(sdmx.read_sdmx(io.BytesIO(body)))
    except Exception as error:  # sdmx1 raises whatever its reader stumbles upon, errors of lxml and json among them
        said = (str(error) or type(error).__name__).splitlines()[0][:100]
        raise NotTheFile(f"an answer came that is not SDMX ({said})", "check flow and key in the entry") from None
    if not isinstance(found, pd.Series):
        return pd.DataFrame()
    return found.rename("value").reset_index()


def _period(order: Order) -> dict[str, str]:
    """From when to when observations are asked for."""
    since = _of(order).since
    period = {"endPeriod": order.release.observed_to.isoformat()}
    return period if since is None else period | {"startPeriod": order.filled(since)}


def _of(order: Order) -> SdmxFetch:
    if not isinstance(order.fetch, SdmxFetch):
        raise TypeError(f"{order.fetch.client} is another client's")
    return order.fetch
