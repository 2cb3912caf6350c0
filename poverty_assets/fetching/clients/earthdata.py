"""Tiles of a product of NASA's Earthdata: searched in its catalogue (CMR), downloaded with the user's token.

Belongs here: the search, where a tile lies, and cells that were not seen. The files are HDF5, or the HDF4 of MODIS.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.transform import from_origin

from poverty_assets.errors import FetchFailed, NotThere
from poverty_assets.fetching.answers import Version
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.download import download, forget
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.variables import variable_of, variable_of_hdf4
from poverty_assets.fetching.web import NotTheFile, Web, bearer
from poverty_assets.fetching.windows import (
    NODATA,
    Overlaid,
    RemoteCells,
    RemoteGrid,
    SceneNumbers,
    read_onto,
    write_cells,
)
from poverty_assets.pack.fetch import EarthdataFetch
from poverty_assets.pack.fetch_spec import is_guarded

_TILE = re.compile(r"\.h(\d{2})v(\d{2})\.")
_DEGREES = 10
_METRES = 1_111_950.5196666666
_SINUSOIDAL = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"
"""The grid of MODIS, 36 tiles by 18 of so many metres a side, the middle of the world at its middle."""
_HDF = (b"\x89HDF\r\n\x1a\n", b"\x0e\x03\x13\x01")
"""How files of version 5 and of version 4 begin."""
_MEGABYTE = 1 << 20


class EarthdataClient:
    """The client ``earthdata``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """A part for each tile and month."""
        fetch = _of(order)
        bearer(fetch.token)  # said before anything moves
        ((_, address),) = order.addresses
        first, last = order.release.observed_from, order.release.observed_to
        words = {
            "version": fetch.version,
            "bounding_box": ",".join(str(side) for side in order.country.bounds),
            "temporal": f"{first}T00:00:00Z,{last}T23:59:59Z",
            "page_size": "2000",
        }
        entries = [
            entry
            for product in (fetch.product, *fetch.also)
            for entry in web.json(
                address, _granules, pause=fetch.pause_seconds, params={"short_name": product, **words}
            )
        ]
        within = [
            e
            for e in entries
            if f"{first}" <= str(e.get("time_start"))[:10] and str(e.get("time_end"))[:10] <= f"{last}"
        ]
        _require_every_month(within, order)
        return Offer(sorted((_part(entry) for entry in within), key=lambda part: part[0]))

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """Download each tile, and lay months over each other."""
        fetch = _of(order)
        grid = RemoteGrid.over(order.country.bounds, fetch.cells_per_degree)
        laid = Overlaid(fetch.combine, grid.shape)
        folder.mkdir(parents=True, exist_ok=True)
        for address, _ in offer.parts:  # what the catalogue says of its size is rounded
            file = folder / PurePosixPath(urlsplit(address).path).name
            tile = folder / "tile.tif"
            self._tile(address, file, tile, fetch, web)
            laid.add(read_onto(tile, grid, SceneNumbers(NODATA)))
            tile.unlink()
        made = folder / order.release.path.name
        write_cells(made, [RemoteCells(laid.values, grid.transform, CRS.from_epsg(4326))])
        return made

    def _tile(self, address: str, file: Path, tile: Path, fetch: EarthdataFetch, web: Web) -> None:
        """Download a granule and write what it has of the variable; one that came broken is fetched anew."""
        with web.tries(address) as attempts:
            for attempt in attempts:
                with attempt:
                    download(web, address, file, pause=fetch.pause_seconds, headers=bearer(fetch.token))
                    try:
                        cells = seen_cells(file, fetch)
                    except NotTheFile:
                        forget(file)
                        raise
                    write_cells(tile, [cells])


def seen_cells(file: Path, fetch: EarthdataFetch) -> RemoteCells:
    """Cells of a tile that were seen often enough; the others are NaN.

    Raises
    ------
    NotTheFile
        If it is no such file.
    FetchFailed
        If it has not these variables.
    """
    found = _TILE.search(file.name)
    with file.open("rb") as stream:
        if not stream.read(8).startswith(_HDF) or not found:
            raise NotTheFile("what came is not an HDF file of a tile", "check the token, and the entry's product")
    values = _variable(file, fetch.variable, fetch.known_by)
    low, high = fetch.valid_range or (-np.inf, np.inf)
    unseen = np.isclose(values, fetch.nodata) | (values < low) | (values > high)
    if fetch.looks:
        looks = _variable(file, fetch.looks)
        unseen |= (looks < fetch.least_looks) | (looks == np.iinfo("uint16").max)
    stored = np.where(unseen, np.nan, values.astype("float64"))
    place, crs = _place(fetch.tiles, int(found[1]), int(found[2]), values.shape[0])
    return RemoteCells(stored * fetch.scale + fetch.offset, place, crs)


def _place(tiles: str, across: int, down: int, rows: int) -> tuple[Any, CRS]:
    """Where the cells of a tile lie."""
    if tiles == "degrees":
        side = _DEGREES / rows
        return from_origin(-180 + _DEGREES * across, 90 - _DEGREES * down, side, side), CRS.from_epsg(4326)
    side = _METRES / rows
    return from_origin((across - 18) * _METRES, (9 - down) * _METRES, side, side), CRS.from_proj4(_SINUSOIDAL)


def _variable(file: Path, names: Sequence[str], attributes: Mapping[str, Sequence[str]] | None = None) -> np.ndarray:
    with file.open("rb") as stream:
        if stream.read(4) == _HDF[1]:
            return variable_of_hdf4(file, names, attributes)
    path = variable_of(file, names, attributes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # a tile's place stands in its name
        try:
            with rasterio.open(path) as data:
                return np.asarray(data.read(1))
        except RasterioError as error:
            said = str(error).splitlines()[0]
            raise NotTheFile(f"the HDF5 file cannot be read ({said})", "it came broken: fetch it again") from None


def _require_every_month(entries: list[dict[str, Any]], order: Order) -> None:
    """Refuse a period of which a month is missing: it would pass for the whole."""
    there = {str(entry.get("time_start"))[5:7] for entry in entries}
    wanted = {f"{month:02d}" for month in range(order.release.observed_from.month, order.release.observed_to.month + 1)}
    if wanted - there:
        raise NotThere(
            f"nothing over the country yet of months {', '.join(sorted(wanted - there))}",
            address=order.addresses[0][1],
            remedy="look in the catalogue how far the product goes",
        )


def _granules(answer: Any) -> list[dict[str, Any]]:
    feed = answer.get("feed") if isinstance(answer, dict) else None
    entries = feed.get("entry") if isinstance(feed, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise NotTheFile("the answer is no list of granules", "correct the address in the entry")
    return entries


def _part(entry: dict[str, Any]) -> tuple[str, Version]:
    links = [
        str(link.get("href"))
        for link in entry.get("links") or ()
        if str(link.get("rel", "")).endswith("/data#") and str(link.get("href", "")).endswith((".h5", ".hdf"))
    ]
    links = [link for link in links if is_guarded(link)]
    if not links:
        raise FetchFailed(
            f"granule {entry.get('title') or entry.get('id')} has no https address of an HDF file",
            remedy="look in the catalogue what it has: the product may come in another form now",
        )
    try:
        size = round(float(entry["granule_size"]) * _MEGABYTE)
    except (KeyError, TypeError, ValueError):
        size = None
    return links[0], Version(size, str(entry.get("id")), str(entry.get("updated")) if entry.get("updated") else None)


def _of(order: Order) -> EarthdataFetch:
    if not isinstance(order.fetch, EarthdataFetch):
        raise TypeError(f"{order.fetch.client} is another client's")
    return order.fetch
