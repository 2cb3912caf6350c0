"""Scenes of many bands that a Parquet index lists, reduced to a raster of a few.

Belongs here: which scenes of the index lie over the country, and the directions that their bands are summed along. Does not belong
here: reading a scene (``windows``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rasterio.crs import CRS

from poverty_assets.errors import FetchFailed, NotThere
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.clients.raster import read_raster
from poverty_assets.fetching.download import download, forget
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import Web, bearer
from poverty_assets.fetching.windows import (
    Overlaid,
    RemoteCells,
    RemoteGrid,
    SceneNumbers,
    directions,
    read_bands_onto,
    write_cells,
)
from poverty_assets.pack.fetch import IndexFetch


class IndexClient:
    """The client ``index``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """One part: the index, which is another where a scene is."""
        fetch, ((_, address),) = _of(order), order.addresses
        version = web.look(address, pause=fetch.pause_seconds, headers=bearer(fetch.token))
        return Offer([(address, version)], is_whole=False)

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """Read the index and each scene, and write the sums along the directions."""
        fetch, ((address, _),) = _of(order), offer.parts
        index = folder / "index.parquet"
        download(web, address, index, pause=fetch.pause_seconds, headers=bearer(fetch.token))
        grid = RemoteGrid.over(order.country.bounds, fetch.cells_per_degree)
        stored = SceneNumbers(
            fetch.nodata, fetch.valid_range, fetch.scale, fetch.offset, points=fetch.points, root_of=fetch.root_of
        )
        over: Overlaid | None = None
        for scene in _scenes(index, order):
            read = read_raster(
                web,
                lambda again, scene=scene: scene,  # type: ignore[misc]
                lambda where: read_bands_onto(where, grid, stored),
                folder,
                pause=fetch.pause_seconds,
            )
            over = over or Overlaid("mean", read.shape)
            over.add(read)
        if over is None:
            raise NotThere(
                f"the index has no scene of {order.release.observed_to.year} over the country",
                address=address,
                remedy="look with the publisher how far the years go",
            )
        sums = np.tensordot(directions(fetch.directions, over.values.shape[0]), over.values, axes=1)
        file = folder / order.release.path.name
        write_cells(file, [RemoteCells(band, grid.transform, CRS.from_epsg(4326)) for band in sums])
        return file


def _scenes(index: Path, order: Order) -> list[str]:
    """Addresses of the scenes of the order's year that touch the country's bounds."""
    fetch = _of(order)
    west, south, east, north = order.country.bounds
    left, bottom, right, top = fetch.bounds
    try:
        rows = pq.read_table(
            index,
            columns=[fetch.path],
            filters=[
                (fetch.year, "=", order.release.observed_to.year),
                (left, "<=", east),
                (right, ">=", west),
                (bottom, "<=", north),
                (top, ">=", south),
            ],
        )
    except (pa.ArrowException, OSError) as error:
        forget(index)
        raise FetchFailed(
            f"the index cannot be read ({str(error).splitlines()[0]})",
            address=fetch.address,
            remedy="the publisher has changed it: correct the entry",
        ) from None
    theirs, ours = fetch.prefix
    return [ours + path.removeprefix(theirs) for path in sorted(rows[fetch.path].to_pylist())]


def _of(order: Order) -> IndexFetch:
    if not isinstance(order.fetch, IndexFetch):
        raise TypeError(f"{order.fetch.client} is another client's")
    return order.fetch
