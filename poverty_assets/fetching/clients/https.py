"""A file that lies at an address.

Belongs here: the plain case, an address that a small JSON document gives, and digests that the publisher states.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from poverty_assets.errors import FetchFailed
from poverty_assets.fetching.addresses import shown
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.download import download, forget
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import NotLetIn, NotTheFile, Web, bearer
from poverty_assets.pack.fetch import HttpsFetch, is_guarded

_ROUNDS = 3


class HttpsClient:
    """The client ``https``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """One part, by its headers."""
        fetch, ((_, address),) = _of(order), order.addresses
        headers = bearer(fetch.token)
        if fetch.link is not None:
            address = _linked(order, web)
        return Offer([(address, web.look(address, pause=fetch.pause_seconds, headers=headers))])

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """Download it; a file with another digest than was stated is fetched anew."""
        fetch, ((address, _),) = _of(order), offer.parts
        file = folder / order.release.path.name
        try:
            download_stated(order, address, file, web, fetch.checksum, fetch.sha256)
        except NotLetIn:
            if fetch.link is None:
                raise
            download_stated(order, _linked(order, web), file, web, fetch.checksum, fetch.sha256)  # its time was over
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


def _linked(order: Order, web: Web) -> str:
    """The address that the document at the entry's address gives."""
    fetch, ((_, address),) = _of(order), order.addresses
    key = str(fetch.link)

    def found(document: Any) -> str:
        said = document.get(key) if isinstance(document, dict) else None
        if not isinstance(said, str) or not is_guarded(said):
            raise NotTheFile(
                f"the answer has no https address under {key!r}",
                "the publisher has changed its interface: correct the entry",
            )
        return said

    return web.json(address, found, pause=fetch.pause_seconds, headers=bearer(fetch.token), keep=False)


def _stated(where: str, pause: float, web: Web) -> str:
    """The digest in the publisher's own file of it."""

    def digest(body: bytes) -> str:
        found = re.match(rb"\s*([0-9a-fA-F]{64}|[0-9a-fA-F]{32})\b", body)
        if not found:
            raise NotTheFile("the file does not begin with a digest", "correct checksum in the entry")
        return found[1].decode().lower()

    return web.read(where, digest, pause=pause)


def _of(order: Order) -> HttpsFetch:
    if not isinstance(order.fetch, HttpsFetch):
        raise TypeError(f"{order.fetch.client} is another client's")
    return order.fetch
