"""What one look at all cells of a raster tells: for people, for the gate, and as a picture.

Belongs here: the range and mean of the cells, those of the country, and every so-and-so-manieth cell. Does not belong here: reading
(``raster``), what a raster may hold (``intake.size``), statistics over areas (``features.zonal``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from poverty_assets.sources.raster import Bounds, Raster, RasterGrid

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


class Looking:
    """A look at all rows of a raster, as ``raster.opened_raster`` shows them.

    Parameters
    ----------
    within : (west, south, east, north), optional
        Bounds in degrees of the country, where its cells are to be looked at for themselves.
    likely : (low, high), optional
        Values that cells of the country may hold.

    Attributes
    ----------
    summary : RasterSummary
        Once all rows have gone by.
    """

    summary: RasterSummary

    def __init__(self, within: Bounds | None = None, likely: tuple[float, float] | None = None) -> None:
        self._within, self._likely = within, likely or (-np.inf, np.inf)
        self._number, self._total, self._least, self._most = 0, 0.0, np.inf, -np.inf
        self._country, self._thin = CountryCells(), list[np.ndarray]()

    def begin(self, grid: RasterGrid) -> None:
        """Take note of the grid."""
        self._described, self._of = _grid(grid), (grid.bounds, grid.crs, grid.path)
        self._step = max(1, int(max(grid.shape) / _ACROSS))
        self._inside = _inside(grid, self._within) if self._within else (0, 0, 0, 0)

    def add(self, top: int, rows: np.ndarray) -> None:
        """Take some rows from number ``top`` on."""
        values = rows[np.isfinite(rows)]
        if values.size:
            self._number, self._total = (
                self._number + int(values.size),
                self._total + float(values.sum(dtype=np.float64)),
            )
            self._least, self._most = min(self._least, float(values.min())), max(self._most, float(values.max()))
        first, last, left, right = self._inside
        self._country.add(rows[max(0, first - top) : max(0, last - top), left:right], *self._likely)
        self._thin.append(rows[-top % self._step :: self._step, :: self._step])

    def end(self) -> None:
        """Put together what was seen."""
        mean = self._total / self._number if self._number else np.nan
        cells = {"valid_cells": self._number, "minimum": self._least, "mean": mean, "maximum": self._most}
        overview = Raster(np.concatenate(self._thin), *self._of)
        self.summary = RasterSummary(self._described | cells, self._country, overview)


def _grid(raster: RasterGrid) -> dict[str, Any]:
    from pyproj import CRS

    crs = CRS.from_wkt(raster.crs)
    return {
        "width": raster.shape[1],
        "height": raster.shape[0],
        "cell_width": raster.cell_size[0],
        "cell_height": raster.cell_size[1],
        "crs": crs.to_string() if crs.to_authority() else crs.name,
    }


def _inside(raster: RasterGrid, bounds: Bounds) -> tuple[int, int, int, int]:
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
