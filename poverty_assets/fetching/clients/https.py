"""A file that lies at an address.

Belongs here: the plain case, an address that a small JSON document gives, and digests that the publisher states.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from poverty_assets.errors import FetchFailed
from poverty_assets.fetching.addresses import shown
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.download import download, forget
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import Web, bearer
from poverty_assets.pack.fetch import HttpsFetch, is_guarded

_ROUNDS = 3


class HttpsClient:
    """The client ``https``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """One part, by its headers."""
        fetch, ((_, address),) = _of(order), order.addresses
        headers = bearer(fetch.token)
        if fetch.link is not None:
            address = linked(web.json(address, pause=fetch.pause_seconds, headers=headers), fetch.link, address)
        return Offer([(address, web.look(address, pause=fetch.pause_seconds, headers=headers))])

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """Download it; a file with another digest than was stated is fetched anew."""
        fetch, ((address, _),) = _of(order), offer.parts
        file = folder / order.release.path.name
        download_stated(order, address, file, web, fetch.checksum, fetch.sha256)
        return file


def download_stated(
    order: Order, address: str, file: Path, web: Web, checksum: str | None, sha256: str | None = None
) -> None:
    """Download a file and hold it against the digest that is stated, if one is.

    Raises
    ------
    FetchFailed
        If it has another, three times.
    """
    fetch = order.fetch
    for _ in range(_ROUNDS):
        download(web, address, file, pause=fetch.pause_seconds, headers=bearer(fetch.token))
        stated = sha256 or (checksum and _stated(order.filled(checksum), fetch.pause_seconds, web))
        if not stated:
            return
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "md5" if len(stated) == 32 else "sha256").hexdigest()
        if found == stated:
            return
        forget(file)
    raise FetchFailed(
        f"the file's digest is {found}, and {stated} is stated",
        address=shown(address),
        remedy="the publisher may be changing it right now: try again later",
    )


def linked(document: object, key: str, address: str) -> str:
    """The address that stands under a key of a JSON document.

    Raises
    ------
    FetchFailed
    """
    found = document.get(key) if isinstance(document, dict) else None
    if not isinstance(found, str) or not is_guarded(found):
        raise FetchFailed(
            f"the answer has no https address under {key!r}",
            address=shown(address),
            remedy="the publisher has changed its interface: correct the entry",
        )
    return found


def _stated(where: str, pause: float, web: Web) -> str:
    """The digest in the publisher's own file of it."""
    with web.tries(where) as attempts:
        for attempt in attempts:
            with attempt, web.ask("GET", where, pause=pause) as answer:
                text = answer.read().decode("ascii", "replace")
    found = re.match(r"\s*([0-9a-fA-F]{64}|[0-9a-fA-F]{32})\b", text)
    if not found:
        raise FetchFailed(
            "the file does not begin with a digest", address=shown(where), remedy="correct checksum in the entry"
        )
    return found[1].lower()


def _of(order: Order) -> HttpsFetch:
    if not isinstance(order.fetch, HttpsFetch):
        raise TypeError(f"{order.fetch.client} is another client's")
    return order.fetch
