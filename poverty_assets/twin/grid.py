"""The grid of a twin's rasters.

Belongs here: where its cells are. Does not belong here: what is in them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KM_PER_DEGREE = 111.32


@dataclass(frozen=True)
class Grid:
    """Cells of a raster in EPSG:4326, rows from north to south."""

    west: float
    north: float
    columns: int
    rows: int
    per_degree: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns

    @property
    def lon(self) -> NDArray[np.float64]:
        """Longitude of the centres of the columns, degrees."""
        return self.west + (np.arange(self.columns) + 0.5) / self.per_degree

    @property
    def lat(self) -> NDArray[np.float64]:
        """Latitude of the centres of the rows, degrees."""
        return self.north - (np.arange(self.rows) + 0.5) / self.per_degree

    @property
    def cell_km(self) -> float:
        """North-south extent of a cell, km."""
        return KM_PER_DEGREE / self.per_degree

    def mesh(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Longitude and latitude of every cell, each of shape (rows, columns)."""
        lon, lat = np.meshgrid(self.lon, self.lat)
        return lon, lat

    def cell_of(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Row and column of the cell that holds each point, moved to the edge where it lies outside."""
        row = np.floor((self.north - lat) * self.per_degree).astype(np.intp)
        column = np.floor((lon - self.west) * self.per_degree).astype(np.intp)
        return row.clip(0, self.rows - 1), column.clip(0, self.columns - 1)
