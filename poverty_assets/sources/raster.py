"""The one raster reader: a band of a file as an array that knows its grid, its CRS and which cells are valid.

Belongs here: opening, the refusals (no CRS, truncated, rotated, nothing valid within the bounds), nodata, valid range, scale and
offset, and the rows in which a raster goes through the lake. Does not belong here: statistics over areas (``features.zonal``), or
what a raster means (``sources.yaml``).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.errors import InputError, MissingCRS, MissingFile, NoDataInBounds, UnreadableFile
from poverty_assets.pack.source import RasterOptions

MOST_CELLS = 200_000_000
"""Cells of the largest grid that is read: of a larger file the window that holds the country."""
WHOLE_UP_TO = 16_000_000
"""A file of no more cells is read whole, so that a truncated one is found wherever it was cut."""
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


def open_raster(
    path: str | Path,
    options: RasterOptions | None = None,
    *,
    season: int = 1,
    within: Bounds | None = None,
) -> Raster:
    """Read one band, whole or, of a large file, where it covers the bounds.

    Every block is read, so that a truncated file is found now and not as a hole in a map.

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

    Returns
    -------
    Raster

    Raises
    ------
    MissingFile, UnreadableFile, MissingCRS, NoDataInBounds
    """
    options = options or RasterOptions()
    _require_file(Path(path))
    text = f"/vsizip/{path}/{options.member}" if options.member else str(path)
    stored = _read(text, season if options.band == "quarter" else options.band, within)
    if not stored.crs:
        raise MissingCRS(
            "the raster does not state its coordinate reference system",
            file=text,
            remedy="write it into the file, for instance: gdal_edit.py -a_srs EPSG:4326 FILE (if that is what it is in)",
        )
    _refuse_silent_fill(stored, options, text)
    values = _decode(stored, options)
    raster = Raster(values[::-1] if stored.south_up else values, stored.bounds, stored.crs, text)
    _require_valid_cells(raster, within)
    return raster


@dataclass(frozen=True, eq=False)
class _Stored:
    """Stored numbers of a band with the file's mask, its scale and offset, bounds, CRS, and whether south is up."""

    numbers: np.ma.MaskedArray
    scale: float
    offset: float
    bounds: Bounds
    crs: str
    south_up: bool


def _require_file(path: Path) -> None:
    """Refuse a path that is not there, or a file of no bytes."""
    if not path.exists():
        raise MissingFile("there is no such file", file=path, remedy="put it there, or correct the path of its source")
    if path.is_file() and path.stat().st_size == 0:
        raise UnreadableFile("the file is empty (0 bytes)", file=path, remedy="download it again")


def _read(text: str, band: int, within: Bounds | None) -> _Stored:
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        # of a file alone: what lies beside it has no part in its digest, and another format may read other files
        with warnings.catch_warnings(), rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # answered by MissingCRS, with a remedy
            with rasterio.open(text, driver="GTiff") as data:
                if not 1 <= band <= data.count:
                    raise InputError(
                        f"band {band} was asked for; the file has {data.count}",
                        file=text,
                        remedy="check that this is the right file, or correct band in its entry",
                    )
                _refuse_turned(data.transform, text)
                window = _window(data, within, text)
                stored = data.read(band, masked=True, window=window)
                left, bottom, right, top = data.bounds if window is None else data.window_bounds(window)
                crs = data.crs.to_wkt() if data.crs else ""
                scale, offset = float(data.scales[band - 1]), float(data.offsets[band - 1])
                is_south_up = bool(data.transform.e > 0)
    except RasterioError as error:
        raise UnreadableFile(
            f"the raster cannot be read whole: {error}", file=text, remedy="it may be truncated: download it again"
        ) from error
    bounds = (min(left, right), min(bottom, top), max(left, right), max(bottom, top))
    return _Stored(stored, scale, offset, bounds, crs, is_south_up)


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
        window = Window(first[0], first[1], *size)
    else:
        window = None
    if size[0] * size[1] > MOST_CELLS:
        raise UnreadableFile(
            f"it has {size[0]:,} by {size[1]:,} cells over the country; at most {MOST_CELLS:,} are read",
            file=text,
            remedy="resample it to larger cells (gdalwarp -tr)",
        )
    return window


def _ordered(bounds: Bounds, transform: Any) -> Bounds:
    """Bounds as a grid counts its rows: of one stored from the south, the south is where the first row is."""
    west, south, east, north = bounds
    return (west, south, east, north) if transform.e < 0 else (west, north, east, south)


def _refuse_silent_fill(stored: _Stored, options: RasterOptions, text: str) -> None:
    """Refuse a number that software writes for "no value" where neither the file nor the entry says that it means that."""
    valid = stored.numbers.compressed()
    low, high = options.valid_range or (-np.inf, np.inf)
    for fill in _PLAIN_FILLS:
        if fill == options.nodata or not low <= fill <= high:
            continue
        number = int((valid == np.asarray(fill).astype(valid.dtype)).sum()) if _holds(valid.dtype, fill) else 0
        if number:
            raise UnreadableFile(
                f"{number:,} of {valid.size:,} cells hold {fill:g}, which software writes for no value, and the file does not say so",
                file=text,
                remedy=f"state nodata: {fill:g} in the options of its entry, or write it into the file (gdal_edit.py -a_nodata)",
            )


def _holds(dtype: Any, number: float) -> bool:
    """Whether numbers of a type can be this one."""
    if np.issubdtype(dtype, np.floating):
        return abs(number) <= float(np.finfo(dtype).max)
    return bool(np.issubdtype(dtype, np.integer) and np.iinfo(dtype).min <= number <= np.iinfo(dtype).max)


def _decode(band: _Stored, options: RasterOptions) -> np.ndarray:
    """Stored numbers to values, NaN where not valid; 32-bit floats are kept where they lose nothing."""
    stored = band.numbers
    scale = band.scale if options.scale is None else options.scale
    offset = band.offset if options.offset is None else options.offset
    exact_in_32_bit = stored.dtype.itemsize <= 2 or stored.dtype == np.float32
    plain = scale == 1.0 and offset == 0.0
    values: np.ndarray[Any, np.dtype[np.floating[Any]]] = stored.filled(0).astype(
        np.float32 if exact_in_32_bit and plain else np.float64
    )
    invalid = np.ma.getmaskarray(stored) | ~np.isfinite(values)
    if options.nodata is not None:
        invalid |= values == values.dtype.type(options.nodata)
    if options.valid_range is not None:
        low, high = options.valid_range
        invalid |= (values < low) | (values > high)
    if not plain:
        values = values * scale + offset
    values[invalid] = np.nan
    return values


def _require_valid_cells(raster: Raster, within: Bounds | None) -> None:
    """Refuse a raster without one valid cell in the bounds."""
    values = raster.values
    if within is not None:
        from pyproj import Transformer

        transformer = Transformer.from_crs("EPSG:4326", raster.crs, always_xy=True)
        west, south, east, north = transformer.transform_bounds(*within)
        width, height = raster.cell_size
        rows, columns = raster.shape
        first_row = int(np.clip(np.floor((raster.bounds[3] - north) / height), 0, rows))
        last_row = int(np.clip(np.ceil((raster.bounds[3] - south) / height), 0, rows))
        first_column = int(np.clip(np.floor((west - raster.bounds[0]) / width), 0, columns))
        last_column = int(np.clip(np.ceil((east - raster.bounds[0]) / width), 0, columns))
        values = values[first_row:last_row, first_column:last_column]
    if not np.isfinite(values).any():
        raise NoDataInBounds(
            f"none of the {values.size} cells within the bounds holds a valid value",
            file=raster.path,
            remedy="check that the file covers the country, and the nodata and valid_range of its source",
        )


def raster_rows(raster: Raster) -> pd.DataFrame:
    """A raster as rows of a table, one a row of cells from the north: ``cells`` (bytes of ``dtype``) and, in each, the grid."""
    west, south, east, north = raster.bounds
    cells = [np.ascontiguousarray(row).tobytes() for row in raster.values]
    grid = {"west": west, "south": south, "east": east, "north": north, "crs": raster.crs}
    return pd.DataFrame({"cells": cells, "dtype": raster.values.dtype.str, **grid})


def raster_of_rows(rows: pd.DataFrame) -> Raster:
    """The raster that ``raster_rows`` gave these rows of."""
    first = rows.iloc[0]
    values = np.frombuffer(b"".join(rows["cells"]), dtype=first["dtype"]).reshape(len(rows), -1)
    bounds = (float(first["west"]), float(first["south"]), float(first["east"]), float(first["north"]))
    return Raster(values, bounds, first["crs"], "(from the lake)")


def describe(raster: Raster) -> dict[str, Any]:
    """Grid, CRS, and the range of the valid cells, for people."""
    from pyproj import CRS

    values = raster.values[np.isfinite(raster.values)]
    crs = CRS.from_wkt(raster.crs)
    return {
        "width": raster.shape[1],
        "height": raster.shape[0],
        "cell_width": raster.cell_size[0],
        "cell_height": raster.cell_size[1],
        "crs": crs.to_string() if crs.to_authority() else crs.name,
        "valid_cells": int(values.size),
        "minimum": float(values.min()),
        "mean": float(values.mean(dtype=np.float64)),
        "maximum": float(values.max()),
    }
