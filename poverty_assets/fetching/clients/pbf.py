"""Points or lines of an OpenStreetMap extract, as GeoParquet.

Belongs here: which objects of an extract are kept, and as which shape. The file is read by osmium.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from poverty_assets.errors import FetchFailed
from poverty_assets.fetching.addresses import shown
from poverty_assets.fetching.clients.https import Stated, download_stated
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.download import forget
from poverty_assets.fetching.extra import from_extra
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import Web, bearer
from poverty_assets.pack.fetch import PbfFetch


class PbfClient:
    """The client ``pbf``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """One part, by its headers."""
        from_extra("osmium")  # said before anything moves
        fetch, ((_, address),) = _of(order), order.addresses
        return Offer([(address, web.look(address, pause=fetch.pause_seconds, headers=bearer(fetch.token)))])

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """Download the extract and write what is kept of it."""
        import geopandas as gpd

        fetch, ((address, version),) = _of(order), offer.parts
        extract = folder / PurePosixPath(urlsplit(address).path).name
        download_stated(order, address, extract, web, Stated(version.size, fetch.checksum))
        try:
            rows = sorted(kept(extract, fetch), key=lambda row: row["osm_id"])
        except RuntimeError as error:
            forget(extract)
            raise FetchFailed(
                f"the extract cannot be read ({error})", address=shown(address), remedy="it came broken: fetch it again"
            ) from None
        if not rows:
            raise FetchFailed(
                "the extract has nothing that is kept",
                address=shown(address),
                remedy="check keep and shape in the entry",
            )
        shapes = gpd.GeoSeries.from_wkb([row.pop("wkb") for row in rows], crs="EPSG:4326")
        file = folder / order.release.path.name
        gpd.GeoDataFrame(rows, geometry=shapes).to_parquet(file)
        return file


def kept(extract: Path, fetch: PbfFetch) -> Iterator[dict[str, Any]]:
    """Objects of an extract that have one of the tags, with their shape as WKB (hexadecimal).

    Raises
    ------
    RuntimeError
        If the file cannot be read (osmium's own error).
    """
    osmium = from_extra("osmium")
    shapes = osmium.geom.WKBFactory()
    objects = osmium.FileProcessor(str(extract)).with_locations().with_filter(osmium.filter.KeyFilter(*fetch.keep))
    for one in objects:
        tags = dict(one.tags)
        if not any(tag in tags and (not values or tags[tag] in values) for tag, values in fetch.keep.items()):
            continue
        wkb = _shape(one, fetch.shape, shapes, osmium)
        if wkb is not None:
            kind = "n" if one.is_node() else "w"
            yield {"osm_id": f"{kind}{one.id}", **{tag: tags.get(tag, "") for tag in fetch.tags}, "wkb": wkb}


def _shape(one: Any, shape: str, shapes: Any, osmium: Any) -> Any:
    """A node as a point, a way as a line or, where points are wanted, the middle of its corners; None for all else."""
    if one.is_node():
        return shapes.create_point(one) if shape == "point" else None
    if not one.is_way():
        return None
    corners = [node.location for node in one.nodes if node.location.valid()]
    if shape == "line":
        return (
            shapes.create_linestring(one)
            if len({(c.x, c.y) for c in corners}) > 1 and len(corners) == len(one.nodes)
            else None
        )
    if not corners:
        return None
    corners = corners[1:] if len(corners) > 1 and one.is_closed() else corners
    middle = osmium.osm.Location(sum(c.lon for c in corners) / len(corners), sum(c.lat for c in corners) / len(corners))
    return shapes.create_point(middle)


def _of(order: Order) -> PbfFetch:
    if not isinstance(order.fetch, PbfFetch):
        raise TypeError(f"{order.fetch.client} is another client's")
    return order.fetch
