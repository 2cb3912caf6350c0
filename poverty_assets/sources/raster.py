"""The one raster reader: a band of a file as an array that knows its grid, its CRS and which cells are valid.

Belongs here: opening, the refusals (no CRS, truncated, rotated, nothing valid within the bounds) and nodata, valid range,
scale and offset. Does not belong here: statistics over areas (``zonal``), or what a raster means (``sources``).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poverty_assets.errors import InputError, MissingCRS, MissingFile, NoDataInBounds, UnreadableFile


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
        Coordinate reference system as WKT; empty only where the caller asked for ``crs_required=False``.
    path : str
        The file it came from; used in messages.
    """

    values: np.ndarray
    bounds: tuple[float, float, float, float]
    crs: str
    path: str = "(in memory)"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.values.shape[0], self.values.shape[1]

    @property
    def cell_size(self) -> tuple[float, float]:
        """Width and height of a cell in units of ``crs``."""
        west, south, east, north = self.bounds
        rows, columns = self.shape
        return (east - west) / columns, (north - south) / rows

    @property
    def grid(self) -> tuple[Any, ...]:
        """Key of the grid: rasters with the same key have the same cells, and so the same coverage by areas."""
        return self.crs, self.bounds, self.shape


def open_raster(
    path: str | Path,
    *,
    band: int = 1,
    crs_required: bool = True,
    nodata: float | None = None,
    valid_range: tuple[float, float] | None = None,
    scale: float | None = None,
    offset: float | None = None,
    within: tuple[float, float, float, float] | None = None,
    within_crs: Any = "EPSG:4326",
) -> Raster:
    """Read one band whole.

    Every block is read, so that a truncated file is found now and not as a hole in a map.

    Parameters
    ----------
    path : str or path
        A raster file; ``/vsizip/archive.zip/inside.tif`` reads within a zip.
    band : int
        Counted from 1.
    crs_required : bool
        Refuse a file that does not state its CRS.
    nodata : float, optional
        A further stored number that means "no value", beside the file's own.
    valid_range : (low, high), optional
        Stored numbers outside it are not valid. As in product guides, it applies before scale and offset.
    scale, offset : float, optional
        ``value = stored * scale + offset``; the file's own where not given.
    within : (west, south, east, north), optional
        Bounds in ``within_crs`` in which there must be at least one valid cell.

    Returns
    -------
    Raster

    Raises
    ------
    MissingFile, UnreadableFile, MissingCRS, NoDataInBounds
    """
    text = str(path)
    _require_file(text)
    stored, file_scale, file_offset, bounds, crs, south_up = _read(text, band)
    if not crs and crs_required:
        raise MissingCRS(
            "the raster does not state its coordinate reference system",
            file=text,
            remedy="write it into the file, for instance: gdal_edit.py -a_srs EPSG:4326 FILE (if that is what it is in)",
        )
    values = _decode(stored, nodata, valid_range, file_scale if scale is None else scale,
                     file_offset if offset is None else offset)  # fmt: skip
    raster = Raster(values[::-1] if south_up else values, bounds, crs, text)
    _require_valid_cells(raster, within, within_crs)
    return raster


def _require_file(text: str) -> None:
    """Refuse a path that is not there, or a file of no bytes; for a path within an archive, look at the archive."""
    outer = (
        Path(text.removeprefix("/vsizip/").split(".zip/")[0] + ".zip") if text.startswith("/vsizip/") else Path(text)
    )
    if not outer.exists():
        raise MissingFile("there is no such file", file=outer, remedy="put it there, or correct the path of its source")
    if outer.is_file() and outer.stat().st_size == 0:
        raise UnreadableFile("the file is empty (0 bytes)", file=outer, remedy="download it again")


def _read(text: str, band: int) -> tuple[np.ma.MaskedArray, float, float, tuple[float, float, float, float], str, bool]:
    """Stored numbers of a band with the file's mask, its scale and offset, bounds, CRS, and whether south is up."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # answered by MissingCRS, with a remedy
            with rasterio.open(text) as data:
                if not 1 <= band <= data.count:
                    raise InputError(f"band {band} was asked for; the file has {data.count}", file=text)
                transform = data.transform
                if transform.b or transform.d:
                    raise UnreadableFile(
                        "the grid is rotated",
                        file=text,
                        remedy="warp it to a north-up grid (gdalwarp -t_srs EPSG:4326)",
                    )
                stored = data.read(band, masked=True)
                left, bottom, right, top = data.bounds
                crs = data.crs.to_wkt() if data.crs else ""
                scale, offset = float(data.scales[band - 1]), float(data.offsets[band - 1])
    except RasterioError as error:
        raise UnreadableFile(
            f"the raster cannot be read whole: {error}", file=text, remedy="it may be truncated: download it again"
        ) from error
    bounds = (min(left, right), min(bottom, top), max(left, right), max(bottom, top))
    return stored, scale, offset, bounds, crs, bool(transform.e > 0)


def _decode(
    stored: np.ma.MaskedArray,
    nodata: float | None,
    valid_range: tuple[float, float] | None,
    scale: float,
    offset: float,
) -> np.ndarray:
    """Stored numbers to values, NaN where not valid; 32-bit floats are kept where they lose nothing."""
    exact_in_32_bit = stored.dtype.itemsize <= 2 or stored.dtype == np.float32
    plain = scale == 1.0 and offset == 0.0
    values: np.ndarray[Any, np.dtype[np.floating[Any]]] = stored.filled(0).astype(
        np.float32 if exact_in_32_bit and plain else np.float64
    )
    invalid = np.ma.getmaskarray(stored) | ~np.isfinite(values)
    if nodata is not None:
        invalid |= values == values.dtype.type(nodata)
    if valid_range is not None:
        low, high = valid_range
        invalid |= (values < low) | (values > high)
    if not plain:
        values = values * scale + offset
    values[invalid] = np.nan
    return values


def _require_valid_cells(raster: Raster, within: tuple[float, float, float, float] | None, within_crs: Any) -> None:
    """Refuse a raster without one valid cell in the bounds."""
    values = raster.values
    if within is not None and raster.crs:
        from pyproj import Transformer

        transformer = Transformer.from_crs(within_crs, raster.crs, always_xy=True)
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
