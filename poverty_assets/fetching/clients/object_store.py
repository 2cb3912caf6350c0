"""Shapes within the country's bounds from GeoParquet files in a bucket.

Belongs here: which release, which row groups of which files, and the rows within them. The bucket is asked by obstore; of each file come
its footer and the row groups that touch the bounds.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rasterio.crs import CRS

from poverty_assets.errors import FetchFailed, NotThere
from poverty_assets.fetching.addresses import shown
from poverty_assets.fetching.answers import Version
from poverty_assets.fetching.clients.extra import from_extra
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import NotLetIn, NotTheFile, Web
from poverty_assets.fetching.windows import Bounds, RemoteCells, RemoteGrid, write_cells
from poverty_assets.pack.fetch import ObjectStoreFetch

T = TypeVar("T")
_DAY = re.compile(r"^(\d{4}-\d{2}-\d{2})")


class ObjectStoreClient:
    """The client ``object_store``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """A part for each file, of the newest release that was made by the end of the period where there are several."""
        obstore, fetch = from_extra("obstore"), _of(order)
        store, prefix = _store(fetch, web), urlsplit(order.addresses[0][1]).path.lstrip("/")
        release = _release(order, store, prefix, web) if "{release}" in prefix else None
        under = prefix.replace("{release}", release or "")
        files = _asked(web, fetch, lambda: [one for some in obstore.list(store, under) for one in some])
        if not files:
            which = f"release {release} has" if release else "there are"
            raise NotThere(f"{which} no such files", address=f"s3://{urlsplit(fetch.address).netloc}/{under}")
        bucket = urlsplit(fetch.address).netloc
        parts = [
            (
                f"s3://{bucket}/{one['path']}",
                Version(one["size"], one["e_tag"], f"{one['last_modified']:%Y-%m-%dT%H:%M:%SZ}"),
            )
            for one in files
        ]
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
        store, found = _store(fetch, web), []
        for address, version in offer.parts:
            path = urlsplit(address).path.lstrip("/")
            with web.tries(address) as attempts:
                for attempt in attempts:
                    with attempt:
                        found.append(_read(_Reader(store, path, version, fetch, web), how))
        return found


def _release(order: Order, store: Any, prefix: str, web: Web) -> str:
    fetch = _of(order)
    if fetch.release is not None:
        return fetch.release
    before = prefix.partition("{release}")[0]
    listed = _asked(web, fetch, lambda: from_extra("obstore").list_with_delimiter(store, before)["common_prefixes"])
    there = sorted(str(path).rstrip("/").rpartition("/")[2] for path in listed)
    release = newest(there, order.release.observed_to)
    if release is None:
        raise NotThere(
            f"no release of {order.release.observed_to} or before is kept; there are: {', '.join(there) or 'none'}",
            address=fetch.address,
            remedy="a publisher that keeps only the newest releases cannot serve an older quarter",
        )
    return release


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


def _read(file: _Reader, how: Callable[[pq.ParquetFile], T]) -> T:
    try:
        return how(pq.ParquetFile(file))
    except (pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0]
        raise NotTheFile(
            f"the Parquet file cannot be read ({said})", "the release may be broken: try again later"
        ) from None


class _Reader(io.RawIOBase):
    """An object of a bucket as a file that can be read here and there."""

    def __init__(self, store: Any, path: str, version: Version, fetch: ObjectStoreFetch, web: Web) -> None:
        self._store, self._path, self._version, self._fetch, self._web = store, path, version, fetch, web
        self._at, self._size = 0, int(version.size or 0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._at + size, self._size)
        if end <= self._at:
            return b""
        data = _asked(self._web, self._fetch, lambda: self._piece(self._at, end))
        self._at += len(data)
        self._web.count(len(data))
        return data

    def _piece(self, start: int, end: int) -> bytes:
        options: dict[str, Any] = {"range": (start, end)}
        if self._version.etag:
            options["if_match"] = self._version.etag  # all pieces are of the file that was listed
        data = bytes(from_extra("obstore").get(self._store, self._path, options=options).bytes())
        if len(data) != end - start:
            raise NotTheFile("the bucket sent another piece than it was asked for")
        return data


def _store(fetch: ObjectStoreFetch, web: Web) -> Any:
    """The bucket, asked without a signature: it is open to anybody. Every request is made once: see ``_asked``."""
    client: dict[str, Any] = {"user_agent": "poverty-assets", "timeout": f"{round(web.silence * 1000)}ms"}
    more: dict[str, Any] = {}
    if fetch.endpoint is not None:
        more["endpoint"] = fetch.endpoint
        client["allow_http"] = fetch.endpoint.startswith("http://")
    return from_extra("obstore.store").S3Store(
        urlsplit(fetch.address).netloc,
        region=fetch.region,
        skip_signature=True,
        client_options=client,
        retry_config={"max_retries": 0},
        **more,
    )


def _asked(web: Web, fetch: ObjectStoreFetch, how: Callable[[], T]) -> T:
    """What a bucket answers: with the tries, the pace and the sentences of everything else that is asked.

    Raises
    ------
    FetchFailed
    """
    errors = from_extra("obstore.exceptions")
    with web.tries(fetch.address) as attempts:
        for attempt in attempts:
            with attempt:
                web.wait_for_turn(fetch.endpoint or fetch.address, fetch.pause_seconds)
                try:
                    return how()
                except errors.NotFoundError:
                    raise NotThere(
                        "the bucket has no such file", address=fetch.address, remedy="correct the entry"
                    ) from None
                except (errors.PermissionDeniedError, errors.UnauthenticatedError):
                    raise NotLetIn(
                        "the bucket does not let us in",
                        address=fetch.address,
                        remedy="look whether it is still open to all",
                    ) from None
                except (errors.BaseError, OSError, ValueError) as error:
                    said = re.sub(r"https?://\S+", lambda found: shown(found[0]), (str(error) or "no reason given"))
                    raise NotTheFile(f"the bucket cannot be read ({_short(said)})", "try again later") from None
    raise AssertionError("unreachable")  # stamina ends with a value or an error


def _short(said: str) -> str:
    return " ".join(said.split())[:160]


def _of(order: Order) -> ObjectStoreFetch:
    if not isinstance(order.fetch, ObjectStoreFetch):
        raise TypeError(f"{order.fetch.client} is another client's")
    return order.fetch
