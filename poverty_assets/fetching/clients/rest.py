"""Records that an interface gives out in pages of JSON.

Belongs here: going from page to page, asking each record further, and one list of all records.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from poverty_assets.errors import FetchFailed, NotThere
from poverty_assets.fetching.addresses import shown
from poverty_assets.fetching.answers import Version
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import NotTheFile, Web, bearer
from poverty_assets.pack.fetch import RestFetch, RestStep
from poverty_assets.pack.fetch_spec import fields_in, is_guarded

_MOST_PAGES = 10_000


class RestClient:
    """The client ``rest``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """The first page: an interface tells neither size nor version."""
        next(self._pages(order, web))
        ((_, address),) = order.addresses
        return Offer([(address, Version())])

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """Fetch every page and write one list."""
        records = [record for page in self._pages(order, web) for record in page]
        for step in _of(order).steps:
            records = [further for record in records for further in _asked_further(record, step, order, web)]
        point = _of(order).point
        records = records if point is None else [_placed(record, point, order) for record in records]
        if not records:
            raise FetchFailed(
                "the interface gives no record", address=shown(offer.parts[0][0]), remedy="check the entry's parameters"
            )
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / order.release.path.name
        file.write_text(json.dumps(records, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
        return file

    def _pages(self, order: Order, web: Web) -> Iterator[list[Any]]:
        fetch = _of(order)
        ((_, address),) = order.addresses
        params = _parameters(order)
        headers = bearer(fetch.token)

        def page(answer: Any) -> tuple[list[Any], str]:
            return _page(answer, fetch)

        seen: set[str] = set()
        for number in range(fetch.first_page, fetch.first_page + _MOST_PAGES):
            if fetch.page is not None:
                params[fetch.page] = str(number)
            more: dict[str, Any] = {"headers": headers, "params": params, "body": _body(order)}
            records, following = web.json(address, page, pause=fetch.pause_seconds, **more)
            yield records
            if (fetch.page is None and not following) or not records:
                return
            if following:
                address, params = _followed(following, seen, address), {}
        raise FetchFailed(
            f"there is no end after {_MOST_PAGES:,} pages",
            address=shown(address),
            remedy="correct page or next in the entry",
        )


def _parameters(order: Order) -> dict[str, str]:
    return {key: order.filled(value) for key, value in _of(order).parameters.items()}


def _body(order: Order) -> Any:
    """What is posted; None where nothing is."""
    west, south, east, north = order.country.bounds
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    bounds = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}

    def filled(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: filled(value) for name, value in part.items()}
        if isinstance(part, list):
            return [filled(value) for value in part]
        if part == "{bounds}":
            return bounds
        return order.filled(part) if isinstance(part, str) else part

    return filled(_of(order).body)


def _placed(record: Any, key: str, order: Order) -> Any:
    """A record with the longitude and latitude of its point."""
    try:
        said = record[key]
        point = json.loads(said) if isinstance(said, str) else said
        longitude, latitude = map(float, point["coordinates"])
    except (KeyError, TypeError, ValueError):
        raise FetchFailed(
            f"a record has no point under {key!r}",
            address=shown(_of(order).address),
            remedy="the publisher has changed its interface: correct point in the entry",
        ) from None
    return {
        **{name: value for name, value in record.items() if name != key},
        "longitude": longitude,
        "latitude": latitude,
    }


def _asked_further(record: Any, step: RestStep, order: Order, web: Web) -> list[Any]:
    """What a step makes of a record: those that its address gives, or the record with what is taken of the answer."""
    fetch = _of(order)
    try:
        names = {name: quote(str(record[name]), safe="") for name in fields_in(step.address)}
    except (KeyError, TypeError):
        raise FetchFailed(
            f"a record lacks what {step.address} asks for",
            address=shown(fetch.address),
            remedy="the publisher has changed its interface: correct steps in the entry",
        ) from None
    address = step.address.format(**names)
    more: dict[str, Any] = {
        "pause": fetch.pause_seconds,
        "headers": bearer(fetch.token),
        "params": _parameters(order),
    }
    if not step.take:
        return web.json(address, lambda answer: _page(answer, fetch)[0], **more)
    try:
        said = web.json(address, lambda answer: {name: _at(answer, path) for name, path in step.take.items()}, **more)
    except NotThere:
        said = dict.fromkeys(step.take)
    return [{**record, **said}]


def _at(answer: Any, path: str) -> Any:
    """What stands at a path of positions and keys; None where nothing does.

    Examples
    --------
    >>> _at([{"level": 1, "households": 12}], "0.households")
    12
    """
    for key in path.split("."):
        if isinstance(answer, list) and key.isdigit() and int(key) < len(answer):
            answer = answer[int(key)]
        elif isinstance(answer, dict) and key in answer:
            answer = answer[key]
        else:
            return None
    return answer


def _of(order: Order) -> RestFetch:
    if not isinstance(order.fetch, RestFetch):
        raise TypeError(f"{order.fetch.client} is another client's")
    return order.fetch


def _page(answer: Any, fetch: RestFetch) -> tuple[list[Any], str]:
    """Records of a page, and the address of the next one; empty where there is none."""
    key = fetch.records
    found = answer.get(key) if key is not None and isinstance(answer, dict) else answer
    if not isinstance(found, list):
        raise NotTheFile(
            f"the answer has no list of records{f' under {key!r}' if key else ''}",
            "the publisher has changed its interface: correct records in the entry",
        )
    return found, str(answer.get(fetch.next) or "") if fetch.next is not None and isinstance(answer, dict) else ""


def _followed(following: str, seen: set[str], address: str) -> str:
    if following in seen or not is_guarded(following):
        why = (
            "the pages go round in a circle"
            if following in seen
            else f"the next page is at {shown(following)}, not https"
        )
        raise FetchFailed(why, address=shown(address), remedy="correct next in the entry, or tell the publisher")
    seen.add(following)
    return following
