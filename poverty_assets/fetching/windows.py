"""The country's cells of a raster, wherever it lies, and the rasters that are made of them.

Belongs here: reading a window, combining months, and writing the result. Does not belong here: which bytes of a remote file come for it
(``remote``), or what a raster means (``sources.raster`` reads it again as every landing file).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poverty_assets.errors import FetchFailed
from poverty_assets.fetching.remote import FileChanged, RemoteFile
from poverty_assets.fetching.web import NotTheFile

Bounds = tuple[float, float, float, float]
NODATA = -9999.0
_POINTS_AT_ONCE = 1 << 22

_BY_ITSELF = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # nothing is looked for beside it
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",  # the header at once
}

_COMBINED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sum": lambda stack: np.asarray(stack.sum(axis=0)),  # a month without a value leaves no total
    "mean": lambda stack: _over_valid(np.nanmean, stack),
    "minimum": lambda stack: _over_valid(np.nanmin, stack),
    "maximum": lambda stack: _over_valid(np.nanmax, stack),
}


@dataclass(frozen=True, eq=False)
class RemoteCells:
    """A window of a raster.

    Attributes
    ----------
    values : numpy.ndarray of float, shape (rows, columns)
        Scale and offset of the file applied; NaN where there is no value.
    transform : affine.Affine
    crs : rasterio.crs.CRS
    """

    values: np.ndarray
    transform: Any
    crs: Any


def read_cells(where: Path | RemoteFile, bounds: Bounds, *, nodata: float | None = None) -> RemoteCells:
    """Cells of the first band that touch the bounds.

    Parameters
    ----------
    where : Path or RemoteFile
        Of a remote file only the pieces come that hold the window.
    bounds : (west, south, east, north) in degrees
    nodata : float, optional
        Stored number that means "no value", beside the file's own.

    Raises
    ------
    NotTheFile
        If it cannot be read: a later try may go better.
    NoRanges
        If the server sends whole files only.
    FetchFailed
        If it does not cover the bounds, or does not say where it lies.
    """
    with _opened(where) as data:
        if data.crs is None or data.transform.is_identity:
            raise FetchFailed("the raster does not say where it lies")
        window = _window(data, bounds)
        stored = data.read(1, window=window, masked=True)
        values = np.ma.filled(stored.astype("float64"), np.nan)
        if nodata is not None:
            values[np.ma.getdata(stored) == nodata] = np.nan
        return RemoteCells(values * data.scales[0] + data.offsets[0], data.window_transform(window), data.crs)


@contextmanager
def _opened(where: Path | RemoteFile) -> Iterator[Any]:
    """A raster opened; what went wrong on the way to a remote one is raised in place of what GDAL makes of it."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    trouble: Exception | None = None
    try:
        with warnings.catch_warnings(), rasterio.Env(**_BY_ITSELF):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            remote = {} if isinstance(where, Path) else {"opener": where.opened}
            with rasterio.open(where if isinstance(where, Path) else "remote.tif", **remote) as data:
                yield data
    except RasterioError as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        trouble = NotTheFile(f"the raster cannot be read ({said})")
    finally:
        if isinstance(where, RemoteFile) and where.trouble is not None:
            trouble = where.trouble
        if isinstance(trouble, FileChanged):
            trouble = NotTheFile("the file changed while it was read")
        if trouble is not None:
            raise trouble from None


@dataclass(frozen=True)
class RemoteGrid:
    """Cells in degrees that a raster is brought onto.

    Attributes
    ----------
    bounds : (west, south, east, north)
        Whole cells.
    per_degree : int
        Cells to a degree.
    """

    bounds: Bounds
    per_degree: int

    @classmethod
    def over(cls, bounds: Bounds, per_degree: int) -> RemoteGrid:
        """The whole cells that touch the bounds.

        Examples
        --------
        >>> RemoteGrid.over((102.3, 9.9, 102.55, 10.0), 2).bounds
        (102.0, 9.5, 103.0, 10.0)
        """
        west, south = (math.floor(side * per_degree + 1e-9) / per_degree for side in bounds[:2])
        east, north = (math.ceil(side * per_degree - 1e-9) / per_degree for side in bounds[2:])
        return cls((west, south, east, north), per_degree)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        west, south, east, north = self.bounds
        return round((north - south) * self.per_degree), round((east - west) * self.per_degree)

    @property
    def transform(self) -> Any:
        """As an affine transformation."""
        from rasterio.transform import from_bounds

        rows, columns = self.shape
        return from_bounds(*self.bounds, columns, rows)

    @property
    def as_vrt(self) -> dict[str, Any]:
        """As options of a ``WarpedVRT``."""
        rows, columns = self.shape
        return {"crs": "EPSG:4326", "transform": self.transform, "width": columns, "height": rows}

    def touched_by(self, data: Any) -> tuple[slice, slice] | None:
        """Rows and columns that an opened raster may reach; None where it lies elsewhere, as catalogues at times find."""
        from rasterio.errors import RasterioError
        from rasterio.warp import transform_bounds

        rows, columns = self.shape
        try:
            left, bottom, right, top = data.bounds  # rows may run from south to north
            sides = min(left, right), min(bottom, top), max(left, right), max(bottom, top)
            box = transform_bounds(data.crs, "EPSG:4326", *sides, densify_pts=21)
        except RasterioError:
            return slice(0, rows), slice(0, columns)
        west, south, east, north = box
        if not np.isfinite(box).all() or east < west:  # about a pole, or across the date line
            return slice(0, rows), slice(0, columns)
        left = math.floor((west - self.bounds[0]) * self.per_degree)
        right = math.ceil((east - self.bounds[0]) * self.per_degree)
        top = math.floor((self.bounds[3] - north) * self.per_degree)
        bottom = math.ceil((self.bounds[3] - south) * self.per_degree)
        if right <= 0 or bottom <= 0 or left >= columns or top >= rows:
            return None
        return slice(max(0, top), min(rows, bottom)), slice(max(0, left), min(columns, right))


@dataclass(frozen=True)
class SceneNumbers:
    """What the stored numbers of a scene mean: see ``ScenesFetch``."""

    nodata: float
    valid_range: tuple[float, float] | None = None
    scale: float = 1.0
    offset: float = 0.0
    share_of: tuple[float, ...] = ()
    points: int = 10
    root_of: float | None = None

    def valued(self, read: np.ndarray) -> np.ndarray:
        """Values of stored numbers; NaN where there is none."""
        values = np.where(_is_valid(read, self), read, np.nan).astype("float64")
        if self.root_of is not None:
            values = np.sign(values) * (values / self.root_of) ** 2
        return np.asarray(values * self.scale + self.offset)


def read_onto(where: Path | RemoteFile, grid: RemoteGrid, stored: SceneNumbers) -> np.ndarray:
    """The first band of a raster in any projection, brought onto a grid; where cells are smaller, their mean, or the share of classes.

    Returns
    -------
    numpy.ndarray of float, shape (rows, columns)
        NaN where there is no value.

    Raises
    ------
    NotTheFile
        If it cannot be read: a later try may go better.
    NoRanges
        If the server sends whole files only.
    """
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT

    values: dict[str, Any] = {"src_nodata": stored.nodata, "nodata": stored.nodata, "dtype": "float64"}
    with _opened(where) as data:
        touched = grid.touched_by(data)
        if touched is None:
            return np.full(grid.shape, np.nan)
        if stored.share_of:
            return _shares(data, grid, touched, stored)
        with WarpedVRT(data, **grid.as_vrt, **values, resampling=Resampling.average) as warped:
            read = warped.read(1)
    bad = ~_is_valid(read, stored)
    return np.where(bad, np.nan, read * stored.scale + stored.offset)


def read_bands_onto(where: Path | RemoteFile, grid: RemoteGrid, stored: SceneNumbers) -> np.ndarray:
    """All bands of a raster in any projection, brought onto a grid: the mean over a lattice of points in each cell.

    Returns
    -------
    numpy.ndarray of float, shape (bands, rows, columns)
        NaN where there is no value.

    Raises
    ------
    NotTheFile, NoRanges
        As ``read_onto``.
    """
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT
    from rasterio.windows import Window

    side = stored.points
    fine = RemoteGrid(grid.bounds, grid.per_degree * side)
    values: dict[str, Any] = {"src_nodata": stored.nodata, "nodata": stored.nodata}
    with _opened(where) as data:
        out = np.full((data.count, *grid.shape), np.nan)
        touched = grid.touched_by(data)
        if touched is None:
            return out
        rows, columns = touched
        width = columns.stop - columns.start
        step = max(1, _POINTS_AT_ONCE // (width * side * side * data.count))
        with WarpedVRT(data, **fine.as_vrt, **values, resampling=Resampling.nearest) as warped:
            for top in range(rows.start, rows.stop, step):
                bottom = min(top + step, rows.stop)
                window = Window(columns.start * side, top * side, width * side, (bottom - top) * side)
                lattice = stored.valued(warped.read(window=window)).reshape(-1, bottom - top, side, width, side)
                known = (~np.isnan(lattice)).sum(axis=(2, 4))
                mean = np.nansum(lattice, axis=(2, 4)) / np.where(known > 0, known, np.nan)
                out[:, top:bottom, columns] = mean
    return out


def directions(number: int, bands: int) -> np.ndarray:
    """So many directions at right angles in the space of the bands: cosines, which are the same wherever they are worked out.

    Returns
    -------
    numpy.ndarray, shape (number, bands)
        Rows of length 1.

    Examples
    --------
    >>> d = directions(3, 8)
    >>> bool(np.allclose(d @ d.T, np.eye(3)))
    True
    """
    steps, orders = np.arange(bands) + 0.5, np.arange(1, number + 1)
    return np.asarray(np.cos(np.pi * np.outer(orders, steps) / bands) * np.sqrt(2 / bands))


def _is_valid(read: np.ndarray, stored: SceneNumbers) -> np.ndarray:
    low, high = stored.valid_range or (-np.inf, np.inf)
    return np.asarray((read != stored.nodata) & (read >= low) & (read <= high))


def _shares(data: Any, grid: RemoteGrid, touched: tuple[slice, slice], stored: SceneNumbers) -> np.ndarray:
    """The share of each cell that is of the classes, of the points in it that have a value; NaN where none has.

    A lattice of points is read, so that of a map in cells of ten metres an overview will do.
    """
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT
    from rasterio.windows import Window

    side, out = stored.points, np.full(grid.shape, np.nan)
    fine = RemoteGrid(grid.bounds, grid.per_degree * side)
    rows, columns = touched
    left, width = columns.start * side, (columns.stop - columns.start) * side
    step = max(1, _POINTS_AT_ONCE // (width * side))
    values: dict[str, Any] = {"src_nodata": stored.nodata, "nodata": stored.nodata}
    with WarpedVRT(data, **fine.as_vrt, **values, resampling=Resampling.nearest) as warped:
        for top in range(rows.start, rows.stop, step):
            bottom = min(top + step, rows.stop)
            read = warped.read(1, window=Window(left, top * side, width, (bottom - top) * side))
            lattice = read.reshape(bottom - top, side, columns.stop - columns.start, side)
            there = _is_valid(lattice, stored)
            known = there.sum(axis=(1, 3))
            found = (there & np.isin(lattice, stored.share_of)).sum(axis=(1, 3))
            out[top:bottom, columns] = np.where(known > 0, found / np.maximum(known, 1), np.nan)
    return out


class Overlaid:
    """Rasters of one grid laid over each other, one at a time.

    Parameters
    ----------
    how : {"mean", "minimum", "maximum"}
    shape : (rows, columns)
    """

    def __init__(self, how: str, shape: tuple[int, int]) -> None:
        self._how = how
        self._seen = np.zeros(shape)
        self._value = np.zeros(shape)

    def add(self, values: np.ndarray) -> None:
        """Lay one more over the others; NaN changes nothing."""
        there, first = ~np.isnan(values), self._seen == 0
        self._seen += there
        if self._how == "mean":
            self._value[there] += values[there]
            return
        best = (np.fmin if self._how == "minimum" else np.fmax)(values, self._value)
        self._value = np.where(there, np.where(first, values, best), self._value)

    @property
    def values(self) -> np.ndarray:
        """What came of it; NaN where none had a value."""
        count = np.where(self._seen > 0, self._seen, np.nan)
        return self._value / count if self._how == "mean" else np.where(self._seen > 0, self._value, np.nan)


def combined(parts: Sequence[RemoteCells], how: str) -> RemoteCells:
    """Rasters of the same cells as one.

    Parameters
    ----------
    how : {"sum", "mean", "minimum", "maximum"}
        A sum has a value where every part has one, the others where any has.

    Raises
    ------
    FetchFailed
        If their cells are not the same.
    """
    first = parts[0]
    for part in parts[1:]:
        same = part.values.shape == first.values.shape and part.transform.almost_equals(first.transform)
        if not same or part.crs != first.crs:
            raise FetchFailed(
                "the months are not on the same grid",
                remedy="the publisher has changed the product: look at what the entry names",
            )
    return RemoteCells(_COMBINED[how](np.stack([part.values for part in parts])), first.transform, first.crs)


def write_cells(path: Path, bands: Sequence[RemoteCells]) -> None:
    """Write rasters of the same cells as the bands of a GeoTIFF; the same cells give the same bytes."""
    import rasterio

    first = bands[0]
    rows, columns = first.values.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=columns,
        height=rows,
        count=len(bands),
        dtype="float32",
        crs=first.crs,
        transform=first.transform,
        nodata=NODATA,
        compress="deflate",
    ) as out:
        for number, band in enumerate(bands, start=1):
            out.write(np.where(np.isnan(band.values), NODATA, band.values).astype("float32"), number)


def _window(data: Any, bounds: Bounds) -> Any:
    from rasterio.crs import CRS
    from rasterio.warp import transform_bounds
    from rasterio.windows import Window, from_bounds

    degrees = CRS.from_epsg(4326)
    box = bounds if data.crs == degrees else transform_bounds(degrees, data.crs, *bounds)
    exact = from_bounds(*box, transform=data.transform)
    left, top = max(0, math.floor(exact.col_off + 1e-6)), max(0, math.floor(exact.row_off + 1e-6))
    right = min(data.width, math.ceil(exact.col_off + exact.width - 1e-6))
    bottom = min(data.height, math.ceil(exact.row_off + exact.height - 1e-6))
    if right <= left or bottom <= top:
        raise FetchFailed("the raster does not cover the country", remedy="check the entry's address")
    return Window(left, top, right - left, bottom - top)


def _over_valid(of: Callable[..., np.ndarray], stack: np.ndarray) -> np.ndarray:
    out = np.full(stack.shape[1:], np.nan)
    some = ~np.isnan(stack).all(axis=0)
    out[some] = of(stack[:, some], axis=0)
    return out
