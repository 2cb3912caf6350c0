"""Tiles of one map in degrees, laid on one grid over the country.

Belongs here: which tiles the country wants, and that there is none of the sea. Does not belong here: reading them (``scenes``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from poverty_assets.errors import NotThere
from poverty_assets.fetching.answers import Version
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.clients.scenes import laid
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import Web, bearer
from poverty_assets.fetching.windows import Bounds
from poverty_assets.pack.fetch import TilesFetch


class TilesClient:
    """The client ``tiles``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """A part for each tile over the country that there is."""
        return Offer(list(_tiles(order, web)), is_whole=False)

    def glance(self, order: Order, web: Web) -> Offer:
        """One tile: a large country has hundreds."""
        return Offer([next(_tiles(order, web))], is_whole=False)

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """Read each tile, and write the result."""
        return laid(order, [address for address, _ in offer.parts], web, folder, headers=bearer(order.fetch.token))


def _tiles(order: Order, web: Web) -> Iterator[tuple[str, Version]]:
    """Tiles over the country that there are.

    Raises
    ------
    NotThere
        If there is none.
    """
    fetch = order.fetch
    if not isinstance(fetch, TilesFetch):
        raise TypeError(f"{fetch.client} is another client's")
    ((_, template),) = order.addresses
    missed: NotThere | None = NotThere("the country has no tile", address=template)
    for lat, lon in corners(order.country.bounds, fetch.tile_degrees):
        address = template.replace("{lat}", lat).replace("{lon}", lon)
        try:
            found = web.look(address, pause=fetch.pause_seconds, headers=bearer(fetch.token))
        except NotThere as error:
            missed = missed and error
        else:
            missed = None
            yield address, found
    if missed is not None:
        raise missed


def corners(bounds: Bounds, degrees: int) -> Iterator[tuple[str, str]]:
    """South-western corners of the tiles that touch the bounds, as they are written.

    Examples
    --------
    >>> list(corners((102.3, -1.5, 103.5, 0.0), 3))
    [('S03', 'E102')]
    """
    west, south, east, north = bounds
    for lat in range(math.floor(south / degrees) * degrees, math.ceil(north), degrees):
        for lon in range(math.floor(west / degrees) * degrees, math.ceil(east), degrees):
            yield f"{'N' if lat >= 0 else 'S'}{abs(lat):02d}", f"{'E' if lon >= 0 else 'W'}{abs(lon):03d}"
