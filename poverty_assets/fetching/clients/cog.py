"""The country's window of rasters that can be read in pieces.

Belongs here: one window a month, months as one raster, and what is done where a server ignores ranges: it sends the whole file, and the
window is cut from that.
"""

from __future__ import annotations

from pathlib import Path

from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.download import download
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import NotTheFile, Web, bearer
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
        headers = bearer(fetch.token)
        where = address
        if not takes_ranges(web, address, fetch.pause_seconds, headers):
            piece = folder / f"whole_{Path(address.partition('?')[0]).name}"
            download(web, address, piece, pause=fetch.pause_seconds, headers=headers)
            where, headers = str(piece), {}
        with web.tries(address) as attempts:
            for attempt in attempts:
                with attempt:
                    return read_cells(where, order.country.bounds, nodata=fetch.nodata, headers=headers)
        raise AssertionError("unreachable")  # stamina ends with a value or an error


def takes_ranges(web: Web, address: str, pause: float, headers: dict[str, str]) -> bool:
    """Whether a server sends a piece when it is asked for one; some say so and send the whole file."""
    with web.tries(address) as attempts:
        for attempt in attempts:
            with attempt, web.ask("GET", address, pause=pause, headers={**headers, "Range": "bytes=0-15"}) as answer:
                if answer.status_code == 206 and len(answer.read()) != 16:
                    raise NotTheFile("the server sent another piece than it was asked for")
                return answer.status_code == 206
    raise AssertionError("unreachable")  # stamina ends with a value or an error
