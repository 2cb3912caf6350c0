"""What one look at all cells of a raster tells: for people, for the gate, and as a picture.

Belongs here: the range and mean of the cells, those of the country, and every so-and-so-manieth cell. Does not belong here: reading
(``raster``), what a raster may hold (``intake.size``), statistics over areas (``features.zonal``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from poverty_assets.sources.raster import Bounds, Raster, RasterCells, by_rows

_ACROSS = 400
"""Cells of an overview along its longer side, at least."""


@dataclass
class CountryCells:
    """Valid cells of the country, and which of them are of no likely value.

    Attributes
    ----------
    number, beyond : int
        All of them, and those outside the likely values.
    total : float
        Sum of their values.
    first : float
        Value of the first one that is outside; NaN where none is.
    """

    number: int = 0
    beyond: int = 0
    total: float = 0.0
    first: float = field(default=np.nan)

    def add(self, values: np.ndarray, low: float, high: float) -> None:
        """Take some rows' cells."""
        cells = np.asarray(values[np.isfinite(values)], dtype=float)
        strange = cells[(cells < low) | (cells > high)]
        self.first = float(strange[0]) if strange.size and not self.beyond else self.first
        self.number, self.beyond = self.number + cells.size, self.beyond + strange.size
        self.total += float(cells.sum())


@dataclass(frozen=True, eq=False)
class RasterSummary:
    """What is known of a raster once all its rows have gone by.

    Attributes
    ----------
    described : dict
        Grid, CRS, and the range of the valid cells, for people.
    of_country : CountryCells
    overview : Raster
        Cells at regular steps, within the same bounds.
    """

    described: dict[str, Any]
    of_country: CountryCells
    overview: Raster

    @property
    def mean(self) -> float:
        """Of all valid cells."""
        return float(self.described["mean"])


def summary_of(
    raster: RasterCells, within: Bounds | None = None, likely: tuple[float, float] | None = None
) -> RasterSummary:
    """Look at all rows once.

    Parameters
    ----------
    within : (west, south, east, north), optional
        Bounds in degrees of the country, where its cells are to be looked at for themselves.
    likely : (low, high), optional
        Values that cells of the country may hold.
    """
    step = max(1, int(max(raster.shape) / _ACROSS))
    first_row, last_row, first_column, last_column = _inside(raster, within) if within else (0, 0, 0, 0)
    low, high = likely or (-np.inf, np.inf)
    number, total, least, most = 0, 0.0, np.inf, -np.inf
    country, thin = CountryCells(), []
    for top, part in by_rows(raster):
        values = part[np.isfinite(part)]
        if values.size:
            number, total = number + int(values.size), total + float(values.sum(dtype=np.float64))
            least, most = min(least, float(values.min())), max(most, float(values.max()))
        rows = slice(max(0, first_row - top), max(0, last_row - top))
        country.add(part[rows, first_column:last_column], low, high)
        thin.append(part[-top % step :: step, ::step])
    mean = total / number if number else np.nan
    described = _grid(raster) | {"valid_cells": number, "minimum": least, "mean": mean, "maximum": most}
    return RasterSummary(described, country, Raster(np.concatenate(thin), raster.bounds, raster.crs, raster.path))


def _grid(raster: RasterCells) -> dict[str, Any]:
    from pyproj import CRS

    crs = CRS.from_wkt(raster.crs)
    return {
        "width": raster.shape[1],
        "height": raster.shape[0],
        "cell_width": raster.cell_size[0],
        "cell_height": raster.cell_size[1],
        "crs": crs.to_string() if crs.to_authority() else crs.name,
    }


def _inside(raster: RasterCells, bounds: Bounds) -> tuple[int, int, int, int]:
    """First row, row after the last, first column and column after the last whose centres lie within bounds in degrees."""
    from rasterio.warp import transform_bounds

    west, south, east, north = transform_bounds("EPSG:4326", raster.crs, *bounds)
    width, height = raster.cell_size
    rows, columns = raster.shape
    x = raster.bounds[0] + width * (np.arange(columns) + 0.5)
    y = raster.bounds[3] - height * (np.arange(rows) + 0.5)
    across, down = np.flatnonzero((x >= west) & (x <= east)), np.flatnonzero((y >= south) & (y <= north))
    if not len(across) or not len(down):
        return 0, 0, 0, 0
    return int(down[0]), int(down[-1]) + 1, int(across[0]), int(across[-1]) + 1
