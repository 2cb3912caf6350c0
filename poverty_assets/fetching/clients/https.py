"""A file that lies at an address.

Belongs here: the plain case, an address that a small JSON document gives, and digests that the publisher states.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.download import download_told, forget
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import NotTheFile, Web, bearer
from poverty_assets.pack.fetch import HttpsFetch
from poverty_assets.pack.fetch_spec import is_guarded


class HttpsClient:
    """The client ``https``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """One part, by its headers."""
        fetch, ((_, address),) = _of(order), order.addresses
        headers = bearer(fetch.token)
        if fetch.link is None:
            return Offer([(address, web.look(address, pause=fetch.pause_seconds, headers=headers))])

        def looked(at: str) -> Offer:
            return Offer([(at, web.look(at, pause=fetch.pause_seconds, headers=headers))])

        return web.let_in(lambda again: _linked(order, web), looked)

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """Download it; a file with another digest than was stated is fetched anew."""
        fetch, ((address, version),) = _of(order), offer.parts
        file = folder / order.release.path.name
        stated = Stated(version.size, fetch.checksum, fetch.sha256)
        web.let_in(
            lambda again: _linked(order, web) if again and fetch.link is not None else address,
            lambda at: download_stated(order, at, file, web, stated),
        )
        return file


@dataclass(frozen=True)
class Stated:
    """What a publisher states of a file: its size, the address of its digest (a template), or the digest itself."""

    size: int | None = None
    checksum: str | None = None
    sha256: str | None = None


def download_stated(order: Order, address: str, file: Path, web: Web, stated: Stated) -> None:
    """Download a file and hold it against what is stated of it.

    A file of another digest is fetched once more; where the same comes again, the digest is asked for until it, too, is the new one.

    Raises
    ------
    FetchFailed
    """
    pause, headers, seen = order.fetch.pause_seconds, bearer(order.fetch.token), set()
    size = [stated.size]

    def told(anew: bool) -> int | None:
        if anew:
            size[0] = web.look(address, pause=pause, headers=headers).size
        return size[0]

    with web.tries(address) as attempts:
        for attempt in attempts:
            with attempt:
                download_told(web, address, file, told, pause=pause, headers=headers)
                wanted = stated.sha256 or (
                    _digest_at(order.filled(stated.checksum), pause, web) if stated.checksum else None
                )
                if wanted is None:
                    return
                with file.open("rb") as stream:
                    found = hashlib.file_digest(stream, "md5" if len(wanted) == 32 else "sha256").hexdigest()
                if found == wanted:
                    return
                if found not in seen:
                    seen.add(found)
                    forget(file)
                raise NotTheFile(
                    f"the file's digest is {found}, and {wanted} is stated",
                    "the publisher may be changing it right now: try again later",
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

    return web.json(address, found, pause=fetch.pause_seconds, headers=bearer(fetch.token))


def _digest_at(where: str, pause: float, web: Web) -> str:
    """The digest in the publisher's own file of it."""

    def digest(body: bytes) -> str:
        found = re.match(rb"\s*([0-9a-fA-F]{64}|[0-9a-fA-F]{32})\b", body)
        if not found:
            raise NotTheFile("the file does not begin with a digest", "correct checksum in the entry")
        return found[1].decode().lower()

    return web.read(where, digest, pause=pause, keep=False)


def _of(order: Order) -> HttpsFetch:
    if not isinstance(order.fetch, HttpsFetch):
        raise TypeError(f"{order.fetch.client} is another client's")
    return order.fetch
