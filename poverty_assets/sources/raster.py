"""The one raster reader: a band of a file as an array that knows its grid, its CRS and which cells are valid.

Belongs here: opening, the refusals (no CRS, truncated, rotated, nothing valid within the bounds), nodata, valid range, scale and
offset. Does not belong here: what one look at all of it tells (``raster_summary``), the rows in which a raster goes through the lake
(``kept_raster``), statistics over areas (``features.zonal``), or what a raster means (``sources.yaml``).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from poverty_assets.errors import InputError, MissingCRS, MissingFile, NoDataInBounds, UnreadableFile
from poverty_assets.pack.source import RasterOptions

MOST_CELLS = 200_000_000
"""Cells of the largest grid that is read into memory: of a larger file the window that holds the country."""
CELLS_AT_A_TIME = 1 << 20
"""Cells that are worked on at a time, at least a row of blocks: some 8 MB, which a core's own memory nearly holds."""
IN_MEMORY = 50_000_000
"""A raster of no more cells is read once and held while it is looked at; a larger one is read again for each look."""
WHOLE_UP_TO = 16_000_000
"""A file of no more cells is read whole, so that a truncated one is found wherever it was cut."""
_BLOCKS_KEPT = 256_000_000
"""Bytes of blocks that GDAL keeps, which else is a twentieth of the machine's: rows are read in order, and no block twice."""
_PLAIN_FILLS = (
    -9999.0,
    -99999.0,
    -999.0,
    -32768.0,
    -3.4028234663852886e38,
    3.4028234663852886e38,
    -1.7976931348623157e308,
)
"""Numbers that software writes for "no value"."""

Bounds = tuple[float, float, float, float]
"""West, south, east, north."""


class RasterGrid(Protocol):
    """Cells of a raster, whatever they hold: see ``Raster``."""

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north in units of ``crs``."""

    @property
    def crs(self) -> str:
        """Coordinate reference system as WKT."""

    @property
    def path(self) -> str:
        """Where it came from, for messages."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    @property
    def cell_size(self) -> tuple[float, float]:
        """Width and height of a cell in units of ``crs``."""

    @property
    def grid(self) -> tuple[Any, ...]:
        """Key: grids with the same key have the same cells, and so the same coverage by areas."""


class RasterCells(RasterGrid, Protocol):
    """A grid with a value in each cell, which is read as it is asked for."""

    def rows(self, top: int, bottom: int) -> np.ndarray:
        """Values of the rows ``top <= row < bottom``; NaN where not valid."""


@dataclass(frozen=True, eq=False)
class Raster:
    """One band on a north-up grid.

    Attributes
    ----------
    values : numpy.ndarray of float, shape (rows, columns)
        First row is the northernmost; NaN where not valid.
    bounds : tuple of float
        (west, south, east, north) in units of ``crs``.
    crs : str
        Coordinate reference system as WKT.
    path : str
        The file it came from; used in messages.
    shape : tuple of int
        Rows and columns. This and what follows is worked out as the raster is made.
    cell_size : tuple of float
        Width and height of a cell in units of ``crs``.
    grid : tuple
        Key of the grid: rasters with the same key have the same cells, and so the same coverage by areas.
    """

    values: np.ndarray
    bounds: Bounds
    crs: str
    path: str = "(in memory)"
    shape: tuple[int, int] = field(init=False)
    cell_size: tuple[float, float] = field(init=False)
    grid: tuple[Any, ...] = field(init=False)

    def __post_init__(self) -> None:
        west, south, east, north = self.bounds
        rows, columns = self.values.shape
        size = (east - west) / columns, (north - south) / rows
        vars(self).update(shape=(rows, columns), cell_size=size, grid=(self.crs, self.bounds, (rows, columns)))

    def rows(self, top: int, bottom: int) -> np.ndarray:
        """Values of the rows ``top <= row < bottom``."""
        return self.values[top:bottom]


class Look(Protocol):
    """Who looks at all rows of a raster as it is opened (``raster_summary.Looking``)."""

    def begin(self, grid: RasterGrid) -> None:
        """Take note of the grid."""

    def add(self, top: int, rows: np.ndarray) -> None:
        """Take some rows from number ``top`` on."""

    def end(self) -> None:
        """There are no more."""


def opened_raster(
    path: str | Path,
    options: RasterOptions | None = None,
    *,
    season: int = 1,
    within: Bounds | None = None,
    look: Look | None = None,
) -> RasterCells:
    """A raster for whoever takes it row by row: in memory where it is small, so that a truncated one is found at once; else its file.

    Parameters
    ----------
    path, options, season, within
        As ``RasterFile`` takes them.
    look : Look, optional
        Who is shown all rows; so a truncated file is found at once, however large.
    """
    file = RasterFile(path, options, season=season, within=within)
    raster: RasterCells = file
    if file.shape[0] * file.shape[1] > IN_MEMORY:
        _require_valid_cells(file, within)
    else:
        raster = file.whole(within)
    if look is not None:
        look.begin(raster)
        for top, part in by_rows(raster):
            look.add(top, part)
        look.end()
    return raster


class RasterFile:
    """One band of a file, read from where it lies as its rows are asked for; never held whole.

    Parameters
    ----------
    path : str or path
        A raster file, or a zip of which the options name a member.
    options : RasterOptions, optional
        Which band, and what its numbers mean.
    season : int
        The quarter of the year, for files that have a band for each.
    within : (west, south, east, north), optional
        Bounds in degrees in which there must be at least one valid cell.

    Attributes
    ----------
    bounds, crs, path, shape, cell_size, grid
        As of a ``Raster``: of a large file, of the window that holds the bounds.
    dtype : numpy.dtype
        Of the values: 32-bit floats where they lose nothing.

    Raises
    ------
    MissingFile, UnreadableFile, MissingCRS, NoDataInBounds
    """

    def __init__(
        self,
        path: str | Path,
        options: RasterOptions | None = None,
        *,
        season: int = 1,
        within: Bounds | None = None,
    ) -> None:
        self._options = options or RasterOptions()
        self._asked = (str(path), self._options, season, within)
        _require_file(Path(path))
        self.path = f"/vsizip/{path}/{self._options.member}" if self._options.member else str(path)
        self._band = season if self._options.band == "quarter" else self._options.band
        self._held: tuple[int, np.ndarray] | None = None
        with _at_file(self.path):
            self._file = _opened(self.path)
            self._look(within)

    def _look(self, within: Bounds | None) -> None:
        file = self._file
        if not 1 <= self._band <= file.count:
            raise InputError(
                f"band {self._band} was asked for; the file has {file.count}",
                file=self.path,
                remedy="check that this is the right file, or correct band in its entry",
            )
        _refuse_turned(file.transform, self.path)
        if not file.crs:
            raise MissingCRS(
                "the raster does not state its coordinate reference system",
                file=self.path,
                remedy="write it into the file, for instance: gdal_edit.py -a_srs EPSG:4326 FILE (if that is what it is in)",
            )
        window = _window(file, within, self.path)
        left, bottom, right, top = file.bounds if window is None else file.window_bounds(window)
        self._corner = (0, 0) if window is None else (window.row_off, window.col_off)
        self.shape: tuple[int, int] = file.shape if window is None else (window.height, window.width)
        self.bounds: Bounds = (min(left, right), min(bottom, top), max(left, right), max(bottom, top))
        self.crs: str = file.crs.to_wkt()
        west, south, east, north = self.bounds
        self.cell_size = (east - west) / self.shape[1], (north - south) / self.shape[0]
        self.grid = (self.crs, self.bounds, self.shape)
        self._code = _Code.of(file, self._band, self._options)
        self.dtype = self._code.dtype
        block = file.block_shapes[self._band - 1][0]
        self._step = max(block, CELLS_AT_A_TIME // self.shape[1] // block * block)

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process opens the file for itself."""
        return _file_again, self._asked

    def __enter__(self) -> RasterFile:
        """The file itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close it."""
        self._file.close()
        self._held = None

    def whole(self, within: Bounds | None = None) -> Raster:
        """All of it, in memory; the file is closed.

        Raises
        ------
        UnreadableFile, NoDataInBounds
        """
        rows, columns = self.shape
        with self:
            if rows * columns > MOST_CELLS:
                raise UnreadableFile(
                    f"it has {columns:,} by {rows:,} cells over the country; at most {MOST_CELLS:,} are read",
                    file=self.path,
                    remedy="resample it to larger cells (gdalwarp -tr)",
                )
            values = np.empty(self.shape, dtype=self.dtype)
            for top, part in self.through():
                values[top : top + len(part)] = part
        raster = Raster(values, self.bounds, self.crs, self.path)
        _require_valid_cells(raster, within)
        return raster

    def rows(self, top: int, bottom: int) -> np.ndarray:
        """Values of the rows ``top <= row < bottom``, from the north; NaN where not valid. Of each block once where rows are asked for in
        order."""
        if self._held is not None and self._held[0] <= top and bottom <= self._held[0] + len(self._held[1]):
            return self._held[1][top - self._held[0] : bottom - self._held[0]]
        out = np.empty((bottom - top, self.shape[1]), dtype=self.dtype)
        for first, values in self._pieces(top, bottom):
            a, b = max(first, top), min(first + len(values), bottom)
            out[a - top : b - top] = values[a - first : b - first]
        return out

    def through(self) -> Iterator[tuple[int, np.ndarray]]:
        """All rows, some at a time, with the number of the first; each block is read.

        Raises
        ------
        UnreadableFile
            Also where a number stands that software writes for "no value", and neither the file nor the entry says that it means that.
        """
        fills: dict[float, int] = {}
        valid = 0
        for top in self._tops():
            values = self._decoded(top, fills)
            valid += int(np.isfinite(values).sum())
            yield top, values
        self._refuse(fills, valid)

    def _refuse(self, fills: dict[float, int], valid: int) -> None:
        for fill, number in fills.items():
            raise UnreadableFile(
                f"{number:,} of {valid:,} cells hold {fill:g}, which software writes for no value, and the file does not say so",
                file=self.path,
                remedy=f"state nodata: {fill:g} in the options of its entry, or write it into the file (gdal_edit.py -a_nodata)",
            )

    def _tops(self) -> list[int]:
        rows = self.shape[0]
        if self._file.transform.e > 0:  # stored from the south
            return [max(0, bottom - self._step) for bottom in range(rows, 0, -self._step)][::-1]
        start = -(self._corner[0] % self._step)
        return [max(0, top) for top in range(start, rows, self._step)]

    def _pieces(self, top: int, bottom: int) -> Iterator[tuple[int, np.ndarray]]:
        tops = self._tops()
        ends = [*tops[1:], self.shape[0]]
        for first, end in zip(tops, ends, strict=True):
            if first < bottom and end > top:
                if self._held is None or self._held[0] != first:
                    fills: dict[float, int] = {}
                    self._held = first, self._decoded(first, fills)
                    self._refuse(fills, int(np.isfinite(self._held[1]).sum()) if fills else 0)
                yield self._held

    def _decoded(self, top: int, fills: dict[float, int]) -> np.ndarray:
        """The piece that begins with a row, decoded; of numbers that may be fills the count is added."""
        from rasterio.windows import Window

        tops = self._tops()
        bottom = [*tops[1:], self.shape[0]][tops.index(top)]
        south_up = self._file.transform.e > 0
        first = self._corner[0] + (self.shape[0] - bottom if south_up else top)
        window = Window(self._corner[1], first, self.shape[1], bottom - top)
        with _at_file(self.path):
            stored = self._file.read(self._band, window=window)
            mask = None if self._code.masked_by_number else self._file.read_masks(self._band, window=window) == 0
        values = self._code.decode(stored, mask, fills)
        return values[::-1] if south_up else values


def _file_again(path: str, options: RasterOptions, season: int, within: Bounds | None) -> RasterFile:
    return RasterFile(path, options, season=season, within=within)


@dataclass(frozen=True)
class _Code:
    """How the stored numbers of a band stand for values.

    Attributes
    ----------
    scale, offset : float
    stored_nodata : float, optional
        Of the file; ``masked_by_number`` says that nothing but it marks cells that are not valid.
    """

    scale: float
    offset: float
    stored_nodata: float | None
    masked_by_number: bool
    dtype: np.dtype[Any]
    options: RasterOptions

    @classmethod
    def of(cls, file: Any, band: int, options: RasterOptions) -> _Code:
        """That of a band of an open file."""
        from rasterio.enums import MaskFlags

        flags, stored = set(file.mask_flag_enums[band - 1]), np.dtype(file.dtypes[band - 1])
        scale = float(file.scales[band - 1]) if options.scale is None else options.scale
        offset = float(file.offsets[band - 1]) if options.offset is None else options.offset
        exact_in_32_bit = stored.itemsize <= 2 or stored == np.float32
        dtype = np.dtype(np.float32 if exact_in_32_bit and scale == 1.0 and offset == 0.0 else np.float64)
        return cls(
            scale,
            offset,
            file.nodatavals[band - 1] if flags == {MaskFlags.nodata} else None,
            flags in ({MaskFlags.nodata}, {MaskFlags.all_valid}),
            dtype,
            options,
        )

    def decode(self, stored: np.ndarray, mask: np.ndarray | None, fills: dict[float, int]) -> np.ndarray:
        """Stored numbers to values, NaN where not valid; numbers that may be fills are counted first."""
        values: np.ndarray[Any, np.dtype[np.floating[Any]]] = stored.astype(self.dtype, copy=False)
        invalid = ~np.isfinite(values)
        if mask is not None:
            invalid |= mask
        elif self.stored_nodata is not None:
            invalid |= _is_number(stored, self.stored_nodata)
        values[invalid] = np.nan
        self._count_fills(values, fills)
        if self.options.nodata is not None:
            values[values == values.dtype.type(self.options.nodata)] = np.nan
        if self.options.valid_range is not None:
            low, high = self.options.valid_range
            values[(values < low) | (values > high)] = np.nan
        if self.scale != 1.0 or self.offset != 0.0:
            values = values * self.scale + self.offset
        return values

    def _count_fills(self, values: np.ndarray, fills: dict[float, int]) -> None:
        least, most = np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)
        low, high = self.options.valid_range or (-np.inf, np.inf)
        for fill in _PLAIN_FILLS:
            if fill == self.options.nodata or not low <= fill <= high or not _holds(values.dtype, fill):
                continue
            number = values.dtype.type(fill)
            if least <= number <= most and (found := int((values == number).sum())):
                fills[fill] = fills.get(fill, 0) + found


def _is_number(stored: np.ndarray, number: float) -> np.ndarray:
    """Where a stored number is this one; of floats as near as GDAL takes for equal, since a file states it in decimals."""
    if np.isnan(number) or not _holds(stored.dtype, number):
        return np.isnan(stored) if stored.dtype.kind == "f" else np.zeros(stored.shape, dtype=bool)
    if stored.dtype.kind != "f":
        return np.asarray(stored == stored.dtype.type(number))
    near = 4 * float(np.finfo(stored.dtype).eps) * abs(number)
    limit = float(np.finfo(stored.dtype).max)
    low, high = max(number - near, -limit), min(number + near, limit)
    return np.asarray((stored >= stored.dtype.type(low)) & (stored <= stored.dtype.type(high)))


@contextmanager
def _at_file(text: str) -> Iterator[None]:
    """Open or read a file, and say what GDAL refuses of it."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings(), rasterio.Env(GDAL_CACHEMAX=_BLOCKS_KEPT):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # answered by MissingCRS, with a remedy
            yield
    except RasterioError as error:
        raise UnreadableFile(
            f"the raster cannot be read whole: {error}", file=text, remedy="it may be truncated: download it again"
        ) from error


def _opened(text: str) -> Any:
    import rasterio

    # of a file alone: what lies beside it has no part in its digest, and another format may read other files; shared, so that bands
    # which lie in one block are unpacked once, whoever reads them
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        return rasterio.open(text, driver="GTiff", sharing=True)


def _require_file(path: Path) -> None:
    """Refuse a path that is not there, or a file of no bytes."""
    if not path.exists():
        raise MissingFile("there is no such file", file=path, remedy="put it there, or correct the path of its source")
    if path.is_file() and path.stat().st_size == 0:
        raise UnreadableFile("the file is empty (0 bytes)", file=path, remedy="download it again")


def _refuse_turned(transform: Any, text: str) -> None:
    if transform.b or transform.d:
        raise UnreadableFile(
            "the grid is rotated", file=text, remedy="warp it to a north-up grid (gdalwarp -t_srs EPSG:4326)"
        )
    if transform.a <= 0:
        raise UnreadableFile(
            f"the grid is mirrored: its cells have a width of {transform.a:g}",
            file=text,
            remedy="warp it to a grid that runs from west to east (gdalwarp -t_srs EPSG:4326)",
        )


def _window(data: Any, within: Bounds | None, text: str) -> Any:
    """The window of a large file that holds the bounds, a cell wider on each side; None where the file is read whole."""
    if data.width * data.height <= WHOLE_UP_TO:
        return None
    size = data.width, data.height
    if within is not None and data.crs:
        from rasterio.warp import transform_bounds
        from rasterio.windows import Window, from_bounds

        wanted = from_bounds(
            *_ordered(transform_bounds("EPSG:4326", data.crs, *within), data.transform), data.transform
        )
        first = [max(0, int(np.floor(start)) - 1) for start in (wanted.col_off, wanted.row_off)]
        ends = [wanted.col_off + wanted.width, wanted.row_off + wanted.height]
        last = [min(most, int(np.ceil(end)) + 1) for most, end in zip(size, ends, strict=True)]
        size = max(0, last[0] - first[0]), max(0, last[1] - first[1])
        if not all(size):
            raise NoDataInBounds(
                "the raster covers nothing of the country's bounds",
                file=text,
                remedy="check that the file covers the country, and that longitude stands before latitude in it",
            )
        return Window(first[0], first[1], *size)
    return None


def _ordered(bounds: Bounds, transform: Any) -> Bounds:
    """Bounds as a grid counts its rows: of one stored from the south, the south is where the first row is."""
    west, south, east, north = bounds
    return (west, south, east, north) if transform.e < 0 else (west, north, east, south)


def _holds(dtype: Any, number: float) -> bool:
    """Whether numbers of a type can be this one."""
    if np.issubdtype(dtype, np.floating):
        return abs(number) <= float(np.finfo(dtype).max)
    return bool(np.issubdtype(dtype, np.integer) and np.iinfo(dtype).min <= number <= np.iinfo(dtype).max)


def _require_valid_cells(raster: RasterCells, within: Bounds | None) -> None:
    """Refuse a raster without one valid cell in the bounds."""
    rows, columns = raster.shape
    first_row, last_row, first_column, last_column = 0, rows, 0, columns
    if within is not None:
        from pyproj import Transformer

        transformer = Transformer.from_crs("EPSG:4326", raster.crs, always_xy=True)
        west, south, east, north = transformer.transform_bounds(*within)
        width, height = raster.cell_size
        first_row = int(np.clip(np.floor((raster.bounds[3] - north) / height), 0, rows))
        last_row = int(np.clip(np.ceil((raster.bounds[3] - south) / height), 0, rows))
        first_column = int(np.clip(np.floor((west - raster.bounds[0]) / width), 0, columns))
        last_column = int(np.clip(np.ceil((east - raster.bounds[0]) / width), 0, columns))
    parts = by_rows(raster, first_row, last_row)
    if not any(np.isfinite(part[:, first_column:last_column]).any() for _, part in parts):
        raise NoDataInBounds(
            f"none of the {max(0, last_row - first_row) * (last_column - first_column)} cells within the bounds holds a valid value",
            file=raster.path,
            remedy="check that the file covers the country, and the nodata and valid_range of its source",
        )


def by_rows(raster: RasterCells, first: int = 0, last: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
    """Rows of a raster, some at a time, with the number of the first."""
    step = max(1, CELLS_AT_A_TIME // raster.shape[1])
    last = raster.shape[0] if last is None else last
    for top in range(first, last, step):
        yield top, raster.rows(top, min(top + step, last))
