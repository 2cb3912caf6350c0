"""Scenes that a STAC interface finds, brought onto one grid over the country.

Belongs here: the search, and signed addresses. Does not belong here: laying scenes over each other (``scenes``). Of each scene only
the pieces over the country come, at the resolution that is wanted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from poverty_assets.errors import FetchFailed, NotThere
from poverty_assets.fetching.addresses import shown
from poverty_assets.fetching.answers import Version
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.clients.scenes import laid
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.remote import NoRanges, RemoteFile
from poverty_assets.fetching.web import NotTheFile, Web, bearer
from poverty_assets.pack.fetch import StacFetch
from poverty_assets.pack.fetch_spec import is_guarded

_AT_ONCE = 100
_MOST_PAGES = 1000


class StacClient:
    """The client ``stac``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """A part for each scene, by its id and when it was last changed."""
        fetch = _of(order)
        found = sorted((_part(item, fetch) for item in _items(order, fetch, web)), key=lambda part: part[0])
        if not found:
            raise NotThere(
                f"collection {fetch.collection} has no scene over the country in this period",
                address=order.addresses[0][1],
                remedy="look in the catalogue how far the collection goes",
            )
        return Offer(found, is_whole=False)

    def glance(self, order: Order, web: Web) -> Offer:
        """One scene, whose beginning is read: search, token and file are tried without paging through all."""
        fetch = _of(order)
        first = next((_part(item, fetch) for item in _items(order, fetch, web)), None)
        if first is None:
            return self.offer(order, web)
        (address, version), signer = first, _Signer(fetch, web)
        with suppress(NoRanges):  # it is fetched whole, then
            file = RemoteFile(web, lambda again: signer.signed(address, again=again), pause=fetch.pause_seconds)
            version = replace(version, size=file.size)
        return Offer([(address, version)], is_whole=False)

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """Read each scene, lay them over each other, and write the result."""
        signer = _Signer(_of(order), web)
        return laid(
            order,
            [address for address, _ in offer.parts],
            web,
            folder,
            lambda address, again: signer.signed(address, again=again),
        )


class _Signer:
    """Addresses with the token that the provider gives to anybody for a while."""

    def __init__(self, fetch: StacFetch, web: Web) -> None:
        self._fetch, self._web = fetch, web
        self._token: str | None = None

    def signed(self, address: str, *, again: bool) -> str:
        """An address with a token; with a new one where the last did not do (they expire)."""
        where = self._fetch.sign
        if where is None:
            return address
        if self._token is None or again:
            self._token = self._web.json(where, _token, pause=self._fetch.pause_seconds, keep=False)
        return f"{address}{'&' if '?' in address else '?'}{self._token}"


def _token(answer: Any) -> str:
    found = answer.get("token") if isinstance(answer, dict) else None
    if not isinstance(found, str) or not found:
        raise NotTheFile("the answer has no token", "correct sign in the entry")
    return found


def _features(answer: Any) -> dict[str, Any]:
    """An answer to a search, with its scenes."""
    features = answer.get("features") if isinstance(answer, dict) else None
    if not isinstance(features, list) or not all(isinstance(item, dict) for item in features):
        raise NotTheFile("the answer is no list of scenes", "correct the address in the entry")
    return dict(answer)


def _items(order: Order, fetch: StacFetch, web: Web) -> Iterator[dict[str, Any]]:
    """Scenes over the country whose time lies within the period."""
    ((_, root),) = order.addresses
    address = f"{root.rstrip('/')}/search"
    first, last = order.release.observed_from, order.release.observed_to
    params = {
        "collections": fetch.collection,
        "bbox": ",".join(str(side) for side in order.country.bounds),
        "limit": str(_AT_ONCE),
    }
    if not fetch.any_time:
        params["datetime"] = f"{first}T00:00:00Z/{last}T23:59:59Z"
    seen: set[str] = set()
    for _ in range(_MOST_PAGES):
        answer = web.json(address, _features, pause=fetch.pause_seconds, headers=bearer(fetch.token), params=params)
        yield from (item for item in answer["features"] if fetch.any_time or _began_within(item, first, last))
        following = next((str(link.get("href")) for link in answer.get("links") or () if link.get("rel") == "next"), "")
        if not answer["features"]:
            return
        if not following:
            return
        if following in seen or not is_guarded(following):
            raise FetchFailed(
                "the pages of the search lead nowhere",
                address=shown(following),
                remedy="correct the address in the entry",
            )
        seen.add(following)
        address, params = following, {}
    raise FetchFailed(
        f"there is no end after {_MOST_PAGES:,} pages",
        address=shown(address),
        remedy="correct the address in the entry",
    )


def _began_within(item: dict[str, Any], first: dt.date, last: dt.date) -> bool:
    """Whether a scene belongs to the period: a search also finds those that only reach into it, from before or beyond."""
    said = item.get("properties") or {}
    day = str(said.get("start_datetime") or said.get("datetime") or "")[:10]
    end = str(said.get("end_datetime") or day)[:10]
    return bool(day) and first.isoformat() <= day and end <= last.isoformat()


def _part(item: dict[str, Any], fetch: StacFetch) -> tuple[str, Version]:
    assets = item.get("assets") or {}
    asset = assets.get(fetch.asset)
    href = _over_https(str(asset.get("href"))) if isinstance(asset, dict) else ""
    if not href.startswith("http") or not is_guarded(href):
        there = ", ".join(sorted(assets)[:8])
        raise FetchFailed(
            f"scene {item.get('id')} has no https asset {fetch.asset}; it has: {there}",
            address=fetch.address,
            remedy="the provider may have renamed it: correct asset in the entry",
        )
    changed = (item.get("properties") or {}).get("updated")
    return href, Version(None, str(item.get("id")), str(changed) if changed else None)


def _over_https(href: str) -> str:
    """The address of a file; of one in a bucket that which anybody may ask.

    Examples
    --------
    >>> _over_https("s3://bucket/a/b.tif")
    'https://bucket.s3.amazonaws.com/a/b.tif'
    """
    parts = urlsplit(href)
    return f"https://{parts.netloc}.s3.amazonaws.com{parts.path}" if parts.scheme == "s3" else href


def _of(order: Order) -> StacFetch:
    if not isinstance(order.fetch, StacFetch):
        raise TypeError(f"{order.fetch.client} is another client's")
    return order.fetch
