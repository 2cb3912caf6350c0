"""Rasters in the lake: the rows in which one is written, and reading them as they are asked for.

Belongs here: one row of a table for each row of cells, and back. Does not belong here: files of publishers (``raster``), or writing
files (``warehouse.lake``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.sources.raster import Bounds, Raster, RasterCells, by_rows


def rows_in_parts(raster: RasterCells) -> Iterator[pd.DataFrame]:
    """A raster as rows of a table, some at a time, one a row of cells from the north: ``cells`` (bytes of ``dtype``) and, in each, the
    grid."""
    west, south, east, north = raster.bounds
    grid = {"west": west, "south": south, "east": east, "north": north, "crs": raster.crs}
    for _, values in by_rows(raster):
        cells = [np.ascontiguousarray(row).tobytes() for row in values]
        yield pd.DataFrame({"cells": cells, "dtype": values.dtype.str, **grid})


def raster_of_rows(rows: pd.DataFrame) -> Raster:
    """The raster that ``rows_in_parts`` gave these rows of, put together."""
    first = rows.iloc[0]
    values = np.frombuffer(b"".join(rows["cells"]), dtype=first["dtype"]).reshape(len(rows), -1)
    bounds = (float(first["west"]), float(first["south"]), float(first["east"]), float(first["north"]))
    return Raster(values, bounds, first["crs"], "(from the lake)")


class KeptRaster:
    """A raster whose rows a Parquet file keeps in groups, which are read as they are asked for.

    Parameters
    ----------
    path : Path
        With the columns of ``rows_in_parts``.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self.file = Path(path)
        self._file = pq.ParquetFile(path)
        sizes = [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(sizes)])
        self._held: tuple[int, np.ndarray] | None = None
        top = raster_of_rows(next(self._file.iter_batches(batch_size=1, row_groups=[0])).to_pandas())
        self.path, self.crs = top.path, top.crs
        self.bounds: Bounds = top.bounds
        self.shape: tuple[int, int] = (int(self._starts[-1]), top.shape[1])
        west, south, east, north = self.bounds
        self.cell_size = (east - west) / self.shape[1], (north - south) / self.shape[0]
        self.grid = (self.crs, self.bounds, self.shape)

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process opens the file for itself."""
        return KeptRaster, (self.file,)

    def rows(self, top: int, bottom: int) -> np.ndarray:
        """Values of the rows ``top <= row < bottom``; each group is read once where they are asked for in order."""
        parts = []
        for number, (start, stop) in enumerate(zip(self._starts[:-1], self._starts[1:], strict=True)):
            if start < bottom and stop > top:
                if self._held is None or self._held[0] != number:
                    self._held = number, self._group(number).values
                parts.append(self._held[1][max(0, top - start) : bottom - start])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _group(self, number: int) -> Raster:
        return raster_of_rows(self._file.read_row_group(number).to_pandas())
