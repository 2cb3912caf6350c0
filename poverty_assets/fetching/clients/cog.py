"""The country's window of rasters that can be read in pieces.

Belongs here: one window a month, and months as one raster.
"""

from __future__ import annotations

from pathlib import Path

from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.clients.raster import read_raster
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import Web, bearer
from poverty_assets.fetching.windows import RemoteCells, combined, read_cells, write_cells
from poverty_assets.pack.fetch import CogFetch


class CogClient:
    """The client ``cog_window``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """A part for each month, by its headers."""
        headers, pause = bearer(order.fetch.token), order.fetch.pause_seconds
        found = [(a, web.look(a, pause=pause, headers=headers)) for _, a in order.addresses]
        return Offer(found, is_whole=False)

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """Read each window, and write them as one raster."""
        fetch = order.fetch
        if not isinstance(fetch, CogFetch):
            raise TypeError(f"{fetch.client} is another client's")
        cells = [self._read(address, fetch, order, web, folder) for address, _ in offer.parts]
        if fetch.by_quarter:
            bands = [combined(cells[first : first + 3], str(fetch.combine)) for first in range(0, 12, 3)]
        else:
            bands = [cells[0] if fetch.combine is None else combined(cells, fetch.combine)]
        file = folder / order.release.path.name
        folder.mkdir(parents=True, exist_ok=True)
        write_cells(file, bands)
        return file

    def _read(self, address: str, fetch: CogFetch, order: Order, web: Web, folder: Path) -> RemoteCells:
        bounds = order.country.bounds
        return read_raster(
            web,
            lambda again: address,
            lambda where: read_cells(where, bounds, nodata=fetch.nodata),
            folder,
            pause=fetch.pause_seconds,
            headers=bearer(fetch.token),
        )
