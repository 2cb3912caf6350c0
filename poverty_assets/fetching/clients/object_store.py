"""Shapes within the country's bounds from GeoParquet files in a bucket.

Belongs here: which release, which row groups of which files, and the rows within them. Of each file come its footer and the row groups
that touch the bounds. Does not belong here: what a bucket answers (``bucket``).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rasterio.crs import CRS

from poverty_assets.errors import FetchFailed, NotThere
from poverty_assets.fetching.answers import Version
from poverty_assets.fetching.clients.bucket import Bucket
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.remote import FileChanged, NoRanges, RemoteFile
from poverty_assets.fetching.web import NotTheFile, Web
from poverty_assets.fetching.windows import Bounds, RemoteCells, RemoteGrid, write_cells
from poverty_assets.pack.fetch import ObjectStoreFetch
from poverty_assets.sources.landed import LandedRecord, read_record

T = TypeVar("T")
_DAY = re.compile(r"^(\d{4}-\d{2}-\d{2})")


class ObjectStoreClient:
    """The client ``object_store``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """A part for each file, of the newest release that was made by the end of the period where there are several.

        Of a release that is here already nothing is listed: what is out is not changed, a corrected one has another name.
        """
        fetch = _of(order)
        bucket, prefix = Bucket.of(fetch, web), urlsplit(order.addresses[0][1]).path.lstrip("/")
        release = _release(order, bucket, prefix, web) if "{release}" in prefix else None
        held = read_record(order.release.path)
        if held is not None and release is not None and (held.release, held.recipe) == (release, order.recipe):
            return Offer(_as_before(held), is_whole=False, release=release, released_on=held.released_on)
        under = prefix.replace("{release}", release or "")
        if not under.endswith("/"):
            parts = [(bucket.named(under), web.look(bucket.address(under), pause=fetch.pause_seconds))]
        else:
            parts = [(bucket.named(key), version) for key, version in bucket.files(under)]
        if not parts:
            which = f"release {release} has" if release else "there are"
            raise NotThere(f"{which} no such files", address=bucket.named(under))
        found = _DAY.match(release or "")
        day = dt.date.fromisoformat(found[1]) if found else None
        return Offer(sorted(parts, key=lambda part: part[0]), is_whole=False, release=release, released_on=day)

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """Read the row groups that touch the bounds, and write the rows within them, or how many there are in each cell."""
        fetch, bounds = _of(order), order.country.bounds
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / order.release.path.name
        if fetch.cells_per_degree is not None:
            grid = RemoteGrid.over(bounds, fetch.cells_per_degree)
            counts = sum(
                self._each(offer, fetch, web, lambda opened: counted(opened, grid, fetch)), np.zeros(grid.shape)
            )
            _refuse_nothing(counts.sum(), fetch)
            write_cells(file, [RemoteCells(counts, grid.transform, CRS.from_epsg(4326))])
            return file
        read = self._each(offer, fetch, web, lambda opened: list(rows_within(opened, bounds, fetch)))
        rows = [part for parts in read for part in parts]
        _refuse_nothing(sum(part.num_rows for part in rows), fetch)
        _write(pa.concat_tables(rows), file)
        return file

    def _each(self, offer: Offer, fetch: ObjectStoreFetch, web: Web, how: Callable[[pq.ParquetFile], T]) -> list[T]:
        """What is made of each file."""
        bucket, found = Bucket.of(fetch, web), []
        for name, version in offer.parts:
            address = bucket.address(urlsplit(name).path.lstrip("/"))
            with web.tries(address) as attempts:
                for attempt in attempts:
                    with attempt:
                        found.append(_read(address, version, fetch, web, how))
        return found


def _as_before(held: LandedRecord) -> list[tuple[str, Version]]:
    return [(part.address, Version(part.size, part.etag, part.last_modified)) for part in held.parts]


def _release(order: Order, bucket: Bucket, prefix: str, web: Web) -> str:
    """The release that the entry pins, else the newest of its catalogue, or of the bucket's folders, by the end of the period."""
    fetch = _of(order)
    if fetch.release is not None:
        return fetch.release
    if fetch.catalogue is not None:
        there = web.json(order.filled(fetch.catalogue), _releases, pause=fetch.pause_seconds)
    else:
        there = bucket.folders(prefix.partition("{release}")[0])
    release = newest(there, order.release.observed_to)
    if release is None:
        raise NotThere(
            f"no release of {order.release.observed_to} or before is kept; there are: {', '.join(sorted(there)) or 'none'}",
            address=fetch.catalogue or fetch.address,
            remedy="a publisher that keeps only the newest releases cannot serve an older quarter",
        )
    return release


def _releases(catalogue: Any) -> list[str]:
    """Releases that a STAC catalogue has as its children: the folders that they lie in.

    Raises
    ------
    NotTheFile
        If it is no catalogue.

    Examples
    --------
    >>> _releases({"links": [{"rel": "child", "href": "./2026-09-23.0/catalog.json"}, {"rel": "root", "href": "./catalog.json"}]})
    ['2026-09-23.0']
    """
    links = catalogue.get("links") if isinstance(catalogue, dict) else None
    if not isinstance(links, list) or not all(isinstance(link, dict) for link in links):
        raise NotTheFile("the answer is no STAC catalogue", "correct catalogue in the entry")
    paths = [
        urlsplit(urljoin("https://catalogue/", str(link.get("href")))).path
        for link in links
        if link.get("rel") == "child"
    ]
    return [path.rpartition("/")[0].rpartition("/")[2] for path in paths]


def _refuse_nothing(found: float, fetch: ObjectStoreFetch) -> None:
    if not found:
        raise FetchFailed("nothing lies within the country's bounds", address=fetch.address, remedy="check the entry")


def newest(releases: list[str], day: dt.date) -> str | None:
    """The last release that begins with a day up to this one; None where there is none.

    Parameters
    ----------
    releases : list of str
        As ``2026-09-17.0``.
    day : date
    """
    dated = [(found[1], name) for name in releases if (found := _DAY.match(name))]
    made = [pair for pair in dated if pair[0] <= day.isoformat()]
    return max(made)[1] if made else None


def rows_within(file: pq.ParquetFile, bounds: Bounds, fetch: ObjectStoreFetch) -> Iterator[pa.Table]:
    """Rows whose box touches the bounds and that are kept, row group by row group, with our columns and ``geometry``.

    Groups whose statistics lie elsewhere are not read.

    Raises
    ------
    FetchFailed
        If a column is not there.
    """
    shaped = not fetch.as_points and fetch.points is None
    theirs = [*fetch.columns.values(), *(["geometry"] if shaped else [])]
    for rows, box in _within(file, bounds, fetch, theirs):
        columns = {ours: _column(rows, name) for ours, name in fetch.columns.items()}
        yield pa.table({**columns, "geometry": rows["geometry"] if shaped else pa.array(_middles(box))})


def counted(file: pq.ParquetFile, grid: RemoteGrid, fetch: ObjectStoreFetch) -> np.ndarray:
    """How many of the shapes that are kept have the middle of their box in each cell.

    Returns
    -------
    numpy.ndarray of float, shape (rows, columns)
    """
    rows, columns = grid.shape
    west, south, east, north = grid.bounds
    out = np.zeros(grid.shape)
    for _, (left, right, bottom, top) in _within(file, grid.bounds, fetch, []):
        x, y = (left + right) / 2, (bottom + top) / 2
        out += np.histogram2d(north - y, x - west, bins=(rows, columns), range=((0, north - south), (0, east - west)))[
            0
        ]
    return out


Box = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""West, east, south, north of shapes."""


def _within(
    file: pq.ParquetFile, bounds: Bounds, fetch: ObjectStoreFetch, theirs: list[str]
) -> Iterator[tuple[pa.Table, Box]]:
    """Rows that are kept and touch the bounds, with their boxes."""
    asked = [*theirs, *fetch.keep, *(fetch.points or [fetch.bbox])]
    there = set(file.schema_arrow.names)
    absent = [name for name in asked if name.partition(".")[0] not in there]
    if absent:
        raise FetchFailed(f"the files have no column {absent[0]}", remedy="the release has changed: correct the entry")
    west, south, east, north = bounds
    for number in range(file.metadata.num_row_groups):
        if not _may_touch(file.metadata.row_group(number), bounds, _sides(fetch)):
            continue
        rows = file.read_row_group(number, columns=list(dict.fromkeys(asked)))
        left, right, bottom, top = _boxes(rows, fetch)
        inside = (left <= east) & (right >= west) & (bottom <= north) & (top >= south)
        for name, values in fetch.keep.items():
            inside &= pc.is_in(_column(rows, name), value_set=pa.array(values)).to_numpy(zero_copy_only=False)
        yield rows.filter(pa.array(inside)), (left[inside], right[inside], bottom[inside], top[inside])


def _sides(fetch: ObjectStoreFetch) -> dict[str, str]:
    """Columns of the sides of boxes."""
    if fetch.points is not None:
        x, y = fetch.points
        return {"xmin": x, "xmax": x, "ymin": y, "ymax": y}
    return {side: f"{fetch.bbox}.{side}" for side in ("xmin", "xmax", "ymin", "ymax")}


def _boxes(rows: pa.Table, fetch: ObjectStoreFetch) -> Box:
    west, east, south, north = (_column(rows, name).to_numpy().astype("float64") for name in _sides(fetch).values())
    return west, east, south, north


def _middles(box: Box) -> Any:
    import shapely

    west, east, south, north = box
    return shapely.to_wkb(shapely.points((west + east) / 2, (south + north) / 2))


def _may_touch(group: Any, bounds: Bounds, sides: Mapping[str, str]) -> bool:
    """Whether a row group may hold a box that touches the bounds, by its statistics; without them it may."""
    columns = [group.column(i) for i in range(group.num_columns)]
    said = {c.path_in_schema: c.statistics for c in columns if c.statistics is not None and c.statistics.has_min_max}
    west, south, east, north = bounds
    least = {side: said[sides[side]].min for side in ("xmin", "ymin") if sides[side] in said}
    most = {side: said[sides[side]].max for side in ("xmax", "ymax") if sides[side] in said}
    return not (
        least.get("xmin", west) > east
        or least.get("ymin", south) > north
        or most.get("xmax", east) < west
        or most.get("ymax", north) < south
    )


def _column(rows: pa.Table, name: str) -> Any:
    """A column, or a part of one: ``names.primary``."""
    first, *rest = name.split(".")
    column = rows[first]
    for part in rest:
        column = pc.struct_field(column, part)
    return column


def _write(rows: pa.Table, file: Path) -> None:
    import geopandas as gpd

    frame = rows.drop_columns("geometry").to_pandas()
    shapes = gpd.GeoSeries.from_wkb(rows["geometry"].to_pylist(), crs="EPSG:4326")
    gpd.GeoDataFrame(frame, geometry=shapes.to_list(), crs="EPSG:4326").to_parquet(file)


def _read(address: str, listed: Version, fetch: ObjectStoreFetch, web: Web, how: Callable[[pq.ParquetFile], T]) -> T:
    """What is made of a file that is read here and there; all its pieces are of the one that was listed."""
    file = RemoteFile(web, lambda again: address, pause=fetch.pause_seconds)
    try:
        if listed.etag and file.version.etag not in (None, listed.etag):
            raise NotTheFile("the file is another than was listed", "the publisher is changing it right now: try later")
        return how(pq.ParquetFile(file.opened(address)))
    except NoRanges:
        raise _whole() from None
    except (pa.ArrowException, OSError) as error:
        if isinstance(file.trouble, NoRanges):
            raise _whole() from None
        if isinstance(file.trouble, FileChanged):
            raise NotTheFile("the file changed while it was read") from None
        if file.trouble is not None:
            raise file.trouble from None
        said = str(error).splitlines()[0]
        raise NotTheFile(
            f"the Parquet file cannot be read ({said})", "the release may be broken: try again later"
        ) from None


def _whole() -> NotTheFile:
    """A bucket gives pieces; one that does not now may the next time."""
    return NotTheFile("the whole file came where a piece was asked for", "look whether the bucket still gives pieces")


def _of(order: Order) -> ObjectStoreFetch:
    if not isinstance(order.fetch, ObjectStoreFetch):
        raise TypeError(f"{order.fetch.client} is another client's")
    return order.fetch
