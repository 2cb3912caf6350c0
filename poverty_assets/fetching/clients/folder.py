"""The country's window of rasters in folders whose files a web page lists: names hold when a file was made, and cannot be foreseen.

Belongs here: reading such a page, files that are packed, and cells that were not seen often enough. Does not belong here: windows
(``windows``).
"""

from __future__ import annotations

import fnmatch
import gzip
import re
import shutil
import zlib
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urljoin, urlsplit

import numpy as np

from poverty_assets.errors import NotThere
from poverty_assets.fetching.answers import Version
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.download import download, forget
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import NotTheFile, Web, bearer
from poverty_assets.fetching.windows import RemoteCells, combined, read_cells, write_cells
from poverty_assets.pack.fetch import FolderFetch

_LINK = re.compile(rb"""<a\s[^>]*href\s*=\s*["']?([^"'>\s]+)""", re.IGNORECASE)


class FolderClient:
    """The client ``folder``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """A part for each file of each month, by its headers."""
        fetch, parts = _of(order), []
        headers = bearer(fetch.token)
        for _, address in order.addresses:
            there = web.read(address, _links, pause=fetch.pause_seconds, headers=headers)
            for pattern in (fetch.file, *([fetch.looks] if fetch.looks else [])):
                at = urljoin(address, _named(there, order.filled(pattern), address))
                parts.append((at, web.look(at, pause=fetch.pause_seconds, headers=headers)))
        return Offer(parts)

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """Download, unpack and cut out each, and write months as one raster."""
        fetch = _of(order)
        folder.mkdir(parents=True, exist_ok=True)
        months: list[RemoteCells] = []
        step = 2 if fetch.looks else 1
        for first in range(0, len(offer.parts), step):
            cells, *seen = (self._window(*part, order, web, folder) for part in offer.parts[first : first + step])
            unseen = ~(seen[0].values >= fetch.least_looks) if seen else np.zeros(cells.values.shape, dtype=bool)
            months.append(RemoteCells(np.where(unseen, np.nan, cells.values), cells.transform, cells.crs))
        made = folder / order.release.path.name
        write_cells(made, [months[0] if fetch.combine is None else combined(months, fetch.combine)])
        return made

    def _window(self, address: str, version: Version, order: Order, web: Web, folder: Path) -> RemoteCells:
        fetch = _of(order)
        piece, raster = folder / PurePosixPath(urlsplit(address).path).name, folder / "unpacked.tif"
        with web.tries(address) as attempts:
            for attempt in attempts:
                with attempt:
                    download(web, address, piece, pause=fetch.pause_seconds, headers=bearer(fetch.token))
                    try:
                        _unpack(piece, raster)
                        cells = read_cells(raster, order.country.bounds, nodata=fetch.nodata)
                    except NotTheFile:
                        forget(piece)
                        raise
        raster.unlink(missing_ok=True)
        return cells


def _links(page: bytes) -> list[str]:
    """What a page links to.

    Raises
    ------
    NotTheFile
        If it links to nothing.
    """
    found = [link.decode("utf-8", "replace") for link in _LINK.findall(page)]
    if not found:
        raise NotTheFile("the page lists no files", "open the folder in a browser; it may want a login")
    return found


def _named(links: list[str], pattern: str, folder: str) -> str:
    names = {unquote(PurePosixPath(urlsplit(link).path).name): link for link in links}
    fit = sorted(fnmatch.filter(names, pattern))
    if not fit:
        raise NotThere(
            f"the folder has no file {pattern}", address=folder, remedy="look in it what its files are called now"
        )
    return names[fit[-1]]


def _unpack(piece: Path, target: Path) -> None:
    if piece.suffix != ".gz":
        shutil.copyfile(piece, target)
        return
    try:
        with gzip.open(piece, "rb") as packed, target.open("wb") as out:
            shutil.copyfileobj(packed, out)
    except (OSError, EOFError, zlib.error) as error:
        raise NotTheFile(f"the packed file cannot be read ({error})", "it came broken: fetch it again") from None


def _of(order: Order) -> FolderFetch:
    if not isinstance(order.fetch, FolderFetch):
        raise TypeError(f"{order.fetch.client} is another client's")
    return order.fetch
