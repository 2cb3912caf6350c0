"""Observations of an SDMX service, as a statistics office gives them.

Belongs here: one query, and its answer as a table. The service is asked by sdmx1, which knows the forms of the answer.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from poverty_assets.errors import FetchFailed, NotThere
from poverty_assets.fetching.addresses import shown
from poverty_assets.fetching.clients.extra import from_extra
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import WORTH_ANOTHER_TRY, NotTheFile, Refused, Version, Web, seconds_to_wait
from poverty_assets.pack.fetch import SdmxFetch

_SOURCE = "OURS"


class SdmxClient:
    """The client ``sdmx``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """The query, asked for one observation: a service tells neither size nor version."""
        from_extra("sdmx")  # said before anything moves
        fetch, ((_, address),) = _of(order), order.addresses
        where = f"{address.rstrip('/')}/data/{fetch.flow}/{fetch.key}".rstrip("/")
        words = _period(order) | {"firstNObservations": "1"}
        with web.tries(where) as attempts:
            for attempt in attempts:
                with attempt, web.ask("GET", where, pause=fetch.pause_seconds, params=words):
                    pass  # its body is not read: some services give all of it all the same
        return Offer([(where, Version())])

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """Ask, and write the observations, sorted by their dimensions."""
        import pandas as pd

        sdmx, fetch, ((_, address),) = from_extra("sdmx"), _of(order), order.addresses
        sdmx.add_source({"id": _SOURCE, "name": order.spec.publisher, "url": address.rstrip("/")}, override=True)
        client = sdmx.Client(_SOURCE)
        where = offer.parts[0][0]
        with web.tries(where) as attempts:
            for attempt in attempts:
                with attempt:
                    web.wait_for_turn(address, fetch.pause_seconds)
                    found = sdmx.to_pandas(_asked(client, order, where))
        if not isinstance(found, pd.Series) or found.empty:
            raise FetchFailed(
                "the service gives no observation", address=shown(where), remedy="check flow and key in the entry"
            )
        table = found.rename("value").reset_index()
        dimensions = [name for name in table.columns if name != "value"]
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / order.release.path.name
        table.sort_values(dimensions).to_csv(file, index=False)
        return file


def _asked(client: Any, order: Order, where: str) -> Any:
    """One answer of the service.

    Raises
    ------
    NotTheFile, Refused
        If a later try may be answered better.
    FetchFailed
        If it will not.
    """
    import requests

    fetch = _of(order)
    try:
        return client.get("data", resource_id=fetch.flow, key=fetch.key, params=_period(order))
    except requests.HTTPError as error:
        answer = error.response
        if answer is None:
            raise NotTheFile(f"the connection failed ({error})") from None
        if answer.status_code == 404:
            raise NotThere(
                "the service has no such observations (404)",
                address=shown(where),
                remedy="check flow and key in the entry",
            ) from None
        if answer.status_code not in WORTH_ANOTHER_TRY:
            raise FetchFailed(
                f"the service refused the query ({answer.status_code})",
                address=shown(where),
                remedy="check flow and key in the entry",
            ) from None
        wait = seconds_to_wait(answer.headers.get("retry-after"), dt.datetime.now(dt.UTC))
        raise Refused(answer.status_code, wait) from None
    except requests.RequestException as error:
        raise NotTheFile(f"the connection failed ({type(error).__name__})") from None
    except (ValueError, SyntaxError) as error:  # sdmx1 and lxml: what came is no SDMX
        raise NotTheFile(f"an answer came that is not SDMX ({str(error).splitlines()[0][:100]})") from None


def _period(order: Order) -> dict[str, str]:
    """From when to when observations are asked for."""
    since = _of(order).since
    period = {"endPeriod": order.release.observed_to.isoformat()}
    return period if since is None else period | {"startPeriod": order.filled(since)}


def _of(order: Order) -> SdmxFetch:
    if not isinstance(order.fetch, SdmxFetch):
        raise TypeError(f"{order.fetch.client} is another client's")
    return order.fetch
