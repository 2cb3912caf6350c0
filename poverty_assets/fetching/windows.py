"""The country's cells of a raster, wherever it lies, and the rasters that are made of them.

Belongs here: reading a window in pieces over HTTP (GDAL's ``/vsicurl/``), combining months, and writing the result. Does not belong
here: what a raster means (``sources.raster`` reads it again as every landing file).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poverty_assets.errors import FetchFailed
from poverty_assets.fetching.addresses import shown
from poverty_assets.fetching.web import NotTheFile

Bounds = tuple[float, float, float, float]
NODATA = -9999.0

_POLITE = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no request for a listing, or for files beside it
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",  # the header in one request
    "GDAL_HTTP_CONNECTTIMEOUT": "15",
    "GDAL_HTTP_TIMEOUT": "60",
    "CPL_VSIL_CURL_NON_CACHED": "/vsicurl/",  # another release may have taken the place of the one before
    "CPL_VSIL_CURL_USE_HEAD": "NO",
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


def read_cells(
    where: str, bounds: Bounds, *, nodata: float | None = None, headers: dict[str, str] | None = None
) -> RemoteCells:
    """RemoteCells of the first band that touch the bounds.

    Parameters
    ----------
    where : str
        A path, or an https address: of that only the pieces that hold the window come.
    bounds : (west, south, east, north) in degrees
    nodata : float, optional
        Stored number that means "no value", beside the file's own.

    Raises
    ------
    NotTheFile
        If it cannot be read: a later try may go better.
    FetchFailed
        If it does not cover the bounds, or does not say where it lies.
    """
    import rasterio
    from rasterio.errors import RasterioError

    path = f"/vsicurl/{where}" if "://" in where else where
    more = {"GDAL_HTTP_HEADERS": "\r\n".join(f"{k}: {v}" for k, v in headers.items())} if headers else {}
    try:
        with rasterio.Env(**_POLITE, **more), rasterio.open(path) as data:
            if data.crs is None or data.transform.is_identity:
                raise FetchFailed("the raster does not say where it lies", address=shown(where))
            window = _window(data, bounds, where)
            stored = data.read(1, window=window, masked=True)
            values = np.ma.filled(stored.astype("float64"), np.nan)
            if nodata is not None:
                values[np.ma.getdata(stored) == nodata] = np.nan
            return RemoteCells(values * data.scales[0] + data.offsets[0], data.window_transform(window), data.crs)
    except RasterioError as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NotTheFile(f"the raster cannot be read ({said.replace(where, shown(where))})") from None


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


def _window(data: Any, bounds: Bounds, where: str) -> Any:
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
        raise FetchFailed(
            "the raster does not cover the country", address=shown(where), remedy="check the entry's address"
        )
    return Window(left, top, right - left, bottom - top)


def _over_valid(of: Callable[..., np.ndarray], stack: np.ndarray) -> np.ndarray:
    out = np.full(stack.shape[1:], np.nan)
    some = ~np.isnan(stack).all(axis=0)
    out[some] = of(stack[:, some], axis=0)
    return out
