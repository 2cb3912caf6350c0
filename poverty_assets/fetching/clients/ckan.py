"""A file of a data set in a CKAN catalogue, as the Humanitarian Data Exchange is one.

Belongs here: the one call that says which files a data set has and of when they are.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from poverty_assets.errors import FetchFailed, NotThere
from poverty_assets.fetching.addresses import shown
from poverty_assets.fetching.answers import Version
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.download import download_told
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import NotTheFile, Web
from poverty_assets.pack.fetch import CkanFetch
from poverty_assets.pack.fetch_spec import is_guarded


class CkanClient:
    """The client ``ckan``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """The file that the data set has of this name, by what the catalogue says of it."""
        fetch = _of(order)
        ((_, catalogue),) = order.addresses
        where = f"{catalogue.rstrip('/')}/api/3/action/package_show"
        dataset, name = order.filled(fetch.dataset), order.filled(fetch.file)
        resources = web.json(where, _resources, params={"id": dataset}, pause=fetch.pause_seconds)
        if not resources:
            raise NotThere(f"data set {dataset} has no files", address=where, remedy="correct dataset in the entry")
        found = [one for one in resources if name in _names(one)]
        if len(found) != 1:
            there = ", ".join(sorted({_names(one)[0] for one in resources})[:8])
            raise NotThere(
                f"data set {dataset} has {len(found)} files of the name {name}; there are: {there}",
                address=where,
                remedy="correct file in the entry",
            )
        return _offer(found[0], where)

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """Download it."""
        file = folder / order.release.path.name
        address, version = offer.parts[0]
        size = [version.size]

        def told(anew: bool) -> int | None:
            if anew:
                size[0] = self.offer(order, web).size
            return size[0]

        download_told(web, address, file, told, pause=order.fetch.pause_seconds)
        return file


def _resources(answer: Any) -> list[dict[str, Any]]:
    result = answer.get("result") if isinstance(answer, dict) else None
    found = result.get("resources") if isinstance(result, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise NotTheFile("the answer is not that of a CKAN catalogue", "correct the address in the entry")
    return found


def _names(resource: dict[str, Any]) -> list[str]:
    """How a file may be called: as its address ends, or by its name."""
    return [unquote(PurePosixPath(urlsplit(str(resource.get("url", ""))).path).name), str(resource.get("name", ""))]


def _offer(resource: dict[str, Any], where: str) -> Offer:
    address = str(resource.get("url", ""))
    if not is_guarded(address):
        raise FetchFailed(
            f"the catalogue names no https address but {shown(address)!r}",
            address=where,
            remedy="tell the publisher, and fetch it by hand",
        )
    modified = str(resource.get("last_modified") or "") or None
    size = resource.get("size")
    version = Version(
        size if isinstance(size, int) and size > 0 else None, str(resource.get("hash") or "") or None, modified
    )
    day = None
    if modified is not None:
        try:
            day = dt.datetime.fromisoformat(modified).date()
        except ValueError:
            day = None
    return Offer([(address, version)], release=modified, released_on=day)


def _of(order: Order) -> CkanFetch:
    if not isinstance(order.fetch, CkanFetch):
        raise TypeError(f"{order.fetch.client} is another client's")
    return order.fetch
