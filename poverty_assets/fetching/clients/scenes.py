"""Scenes laid over each other on one grid over the country.

Belongs here: reading each at the resolution that is wanted, and the raster that comes of it. Does not belong here: which scenes there
are (``stac``, ``tiles``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from rasterio.crs import CRS

from poverty_assets.fetching.clients.raster import read_raster
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import Web
from poverty_assets.fetching.windows import Overlaid, RemoteCells, RemoteGrid, SceneNumbers, read_onto, write_cells
from poverty_assets.pack.fetch import ScenesFetch

Signed = Callable[[str, bool], str]
"""An address as it is asked for; with True, signed anew."""


def laid(
    order: Order,
    scenes: Iterable[str],
    web: Web,
    folder: Path,
    signed: Signed = lambda address, again: address,
    headers: dict[str, str] | None = None,
) -> Path:
    """The file of an order made of scenes.

    Parameters
    ----------
    order : Order
        Of a client that lays scenes.
    scenes : iterable of str
        Their addresses.
    web, folder
    signed : callable
    headers : dict of str to str, optional
    """
    fetch = order.fetch
    if not isinstance(fetch, ScenesFetch):
        raise TypeError(f"{fetch.client} lays no scenes")
    stored = SceneNumbers(
        fetch.nodata, fetch.valid_range, fetch.scale, fetch.offset, tuple(fetch.share_of), fetch.points
    )
    grid = RemoteGrid.over(order.country.bounds, fetch.cells_per_degree)
    over = Overlaid(fetch.combine, grid.shape)
    for address in scenes:
        over.add(
            read_raster(
                web,
                lambda again, address=address: signed(address, again),  # type: ignore[misc]
                lambda where: read_onto(where, grid, stored),
                folder,
                pause=fetch.pause_seconds,
                headers=headers,
            )
        )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / order.release.path.name
    write_cells(file, [RemoteCells(over.values, grid.transform, CRS.from_epsg(4326))])
    return file
