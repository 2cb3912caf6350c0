"""What a publisher has of an order, and what every client does.

Belongs here: the two steps of a client: ask, then make the file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from poverty_assets.fetching.addresses import shown
from poverty_assets.fetching.answers import Version
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import Web
from poverty_assets.sources.landed import Part


@dataclass(frozen=True)
class Offer:
    """What a publisher has.

    Attributes
    ----------
    parts : sequence of (address, Version)
        The publisher's files, with the secrets that their addresses may hold.
    is_whole : bool
        Whether all bytes of them come, or only those of the country.
    release : str, optional
        What the publisher calls it.
    released_on : date, optional
    """

    parts: Sequence[tuple[str, Version]]
    is_whole: bool = True
    release: str | None = None
    released_on: dt.date | None = None

    @property
    def size(self) -> int | None:
        """Bytes of all parts, where the publisher tells."""
        sizes = [version.size for _, version in self.parts]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def recorded(self) -> list[Part]:
        """The parts as they are recorded."""
        return [Part(address=shown(a), size=v.size, etag=v.etag, last_modified=v.last_modified) for a, v in self.parts]

    @property
    def can_be_known_again(self) -> bool:
        """Whether another offer can be told to be the same."""
        return all(version.is_known for _, version in self.parts)


class Client(Protocol):
    """What every client does."""

    def offer(self, order: Order, web: Web) -> Offer:
        """What the publisher has of the order.

        Raises
        ------
        FetchFailed
            Where it has none (``NotThere``), or cannot be asked.
        """

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """The file of the order, in ``folder`` under the name that it will have.

        Raises
        ------
        FetchFailed
            Pieces in the folder stay for the next time.
        """
