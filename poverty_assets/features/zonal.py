"""Coverage-weighted statistics of rasters over areas.

Belongs here: which share of each cell an area covers (computed once a grid, by exactextract), and sums over it. Does not
belong here: reading rasters (``sources.raster``), points and lines (``vector``), or the choice of features.

An area covers most of its cells wholly, so its coverage is kept as runs of whole cells along rows, plus the cells at its
edge with their share. A statistic then costs one pass over the raster for all areas together, and every raster on the
same grid shares the coverage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd
import shapely

from poverty_assets.errors import InputError, MissingCRS, SpecificationError
from poverty_assets.pack.feature import RasterStatistic
from poverty_assets.sources.raster import Raster

if TYPE_CHECKING:
    import geopandas as gpd

STATISTICS = get_args(RasterStatistic)
_AREAS_AT_A_TIME = 256


@dataclass(frozen=True, eq=False)
class Coverage:
    """Which cells of a grid each area covers, and how much of each.

    Attributes
    ----------
    n_areas : int
        Areas are numbered from 0.
    run_area, run_start, run_stop : numpy.ndarray of int
        A run of wholly covered cells ``start <= cell < stop`` (cells counted along rows), sorted by ``run_start``.
    edge_area, edge_cell, edge_share : numpy.ndarray
        Cells covered in part, with the share covered, above 0 and below 1.
    cells : numpy.ndarray of float, shape (n_areas,)
        Each area's size in cells, also beyond the grid's bounds.
    """

    n_areas: int
    run_area: np.ndarray
    run_start: np.ndarray
    run_stop: np.ndarray
    edge_area: np.ndarray
    edge_cell: np.ndarray
    edge_share: np.ndarray
    cells: np.ndarray

    def total(self, cell_values: np.ndarray) -> np.ndarray:
        """Sum of ``share * value`` over each area's cells, shape (n_areas,); values must be finite."""
        sums = np.bincount(
            self.edge_area, weights=self.edge_share * cell_values[self.edge_cell], minlength=self.n_areas
        ).astype(float)
        if len(self.run_area):
            sums += np.bincount(self.run_area, weights=self._reduce_runs(np.add, cell_values), minlength=self.n_areas)
        return sums

    def extreme(self, which: np.ufunc, cell_values: np.ndarray, start: float) -> np.ndarray:
        """``numpy.minimum`` or ``numpy.maximum`` over every cell that each area touches, shape (n_areas,)."""
        found = np.full(self.n_areas, start)
        which.at(found, self.edge_area, cell_values[self.edge_cell])
        if len(self.run_area):
            which.at(found, self.run_area, self._reduce_runs(which, cell_values))
        return found

    def _reduce_runs(self, ufunc: np.ufunc, cell_values: np.ndarray) -> np.ndarray:
        # reduceat takes [start, stop, start, stop, ...] and answers for the gaps too: every second answer is a run's.
        # The appended cell lets the last run stop at the end of the grid.
        ends = np.column_stack([self.run_start, self.run_stop]).ravel()
        return ufunc.reduceat(np.append(cell_values, 0.0), ends)[::2]


def coverage_of(zones: gpd.GeoDataFrame, raster: Raster) -> Coverage:
    """Coverage of the raster's grid by each zone, in order of the zones.

    Parameters
    ----------
    zones : GeoDataFrame
        Polygons in any stated CRS; they are brought to the raster's.
    raster : Raster
        Only its grid matters.

    Returns
    -------
    Coverage
    """
    if zones.crs is None:
        raise MissingCRS(
            "the areas do not state their coordinate reference system", remedy="set it where they are read"
        )
    if not raster.crs:
        raise MissingCRS("the raster does not state its coordinate reference system", file=raster.path)
    geometry = zones.geometry.to_crs(raster.crs)
    width, height = raster.cell_size
    whole: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    edge: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for first in range(0, len(zones), _AREAS_AT_A_TIME):
        for number, cell, share in _cells_covered(geometry.iloc[first : first + _AREAS_AT_A_TIME], raster, first):
            inside = share >= 1.0
            whole.append(_runs(number, np.sort(cell[inside]), raster.shape[1]))
            edge.append((np.full(int((~inside).sum()), number), cell[~inside], share[~inside]))
    run_area, run_start, run_stop = (_concatenate(part) for part in zip(*whole, strict=True))
    edge_area, edge_cell, edge_share = (_concatenate(part) for part in zip(*edge, strict=True))
    order = np.argsort(run_start, kind="stable")
    return Coverage(
        len(zones), run_area[order], run_start[order], run_stop[order], edge_area, edge_cell, edge_share,
        shapely.area(geometry.to_numpy()) / (width * height),  # in cells, whatever the CRS: no metres are meant
    )  # fmt: skip


def _cells_covered(geometry: gpd.GeoSeries, raster: Raster, first: int) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Zone number, cells and shares, for each zone, as exactextract answers for a grid without values."""
    import geopandas as gpd
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    # a single zero seen as the whole grid: exactextract leaves cells without a value out, and here all must be in
    blank = np.broadcast_to(np.zeros(1, dtype=np.uint8), raster.shape)
    west, south, east, north = raster.bounds
    source = NumPyRasterSource(blank, west, south, east, north, srs_wkt=raster.crs)
    frame = gpd.GeoDataFrame({"zone": np.arange(first, first + len(geometry))}, geometry=geometry.array)
    answer = exact_extract(source, frame, ["cell_id", "coverage"], include_cols=["zone"], output="pandas")
    return [
        (int(zone), np.asarray(cell, dtype=np.int64), np.asarray(share, dtype=float))
        for zone, cell, share in zip(answer["zone"], answer["cell_id"], answer["coverage"], strict=True)
    ]


def _runs(number: int, cells: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorted cells of one zone as runs of neighbours along a row."""
    if not len(cells):
        none = np.empty(0, dtype=np.int64)
        return none, none, none
    breaks = (np.diff(cells) != 1) | (cells[1:] % columns == 0)
    start = cells[np.concatenate([[True], breaks])]
    stop = cells[np.concatenate([breaks, [True]])] + 1
    return np.full(len(start), number), start, stop


def _concatenate(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class _Sums:
    """What every statistic of one raster is made of, one entry an area."""

    weight: np.ndarray
    first: np.ndarray
    second: np.ndarray
    low: np.ndarray
    high: np.ndarray
    cells: np.ndarray
    centre: float

    def statistic(self, name: str) -> np.ndarray:
        """One of ``STATISTICS``; NaN where an area has no valid cell (its ``count`` is 0)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self.first / self.weight
            # rounding may not bring a mean out of the range of its cells: no flooded share below 0
            within = np.clip(mean + self.centre, self.low, self.high)
            answers = {
                "count": lambda: self.weight,
                "mean": lambda: within,
                "sum": lambda: np.where(self.weight > 0, within * self.weight, np.nan),
                "stdev": lambda: self._stdev(mean),
                "min": lambda: np.where(self.weight > 0, self.low, np.nan),
                "max": lambda: np.where(self.weight > 0, self.high, np.nan),
            }
            return np.asarray(answers[name](), dtype=float)

    def _stdev(self, mean: np.ndarray) -> np.ndarray:
        spread = np.sqrt(np.maximum(self.second / self.weight - mean**2, 0.0))
        return np.where(self.low == self.high, 0.0, spread)  # no rounding dust where all cells are equal

    @property
    def share_valid(self) -> np.ndarray:
        """Share of each area's size that lies on valid cells, 0 to 1."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.cells > 0, np.clip(self.weight / self.cells, 0.0, 1.0), 0.0)


def _sums(raster: Raster, coverage: Coverage) -> _Sums:
    values = raster.values.ravel().astype(float)
    valid = np.isfinite(values)
    # Sums run about the raster's own mean: squares of large numbers with a small spread would lose the spread.
    centre = float(values[valid].mean()) if valid.any() else 0.0
    filled = np.where(valid, values - centre, 0.0)
    return _Sums(
        weight=coverage.total(valid.astype(float)),
        first=coverage.total(filled),
        second=coverage.total(filled**2),
        low=coverage.extreme(np.minimum, np.where(valid, values, np.inf), np.inf),
        high=coverage.extreme(np.maximum, np.where(valid, values, -np.inf), -np.inf),
        cells=coverage.cells,
        centre=centre,
    )


def zonal_statistics(
    rasters: Iterable[tuple[str, Raster]], zones: gpd.GeoDataFrame, statistics: Sequence[str] = ("mean",)
) -> pd.DataFrame:
    """Statistics of each raster over each area, every cell weighted by the share of it that the area covers.

    Equal to exactextract's own; see Baston (2024), exactextract. ``stdev`` is that of a population (divisor: the sum of
    shares), ``count`` the sum of shares, ``min`` and ``max`` range over every cell touched.

    Parameters
    ----------
    rasters : iterable of (str, Raster)
        Each with a name of its own; taken one after the other, so that one at a time need be in memory.
    zones : GeoDataFrame
        Columns ``area_id`` (unique) and ``geometry``, with a CRS.
    statistics : sequence of str
        Of ``STATISTICS``.

    Returns
    -------
    DataFrame
        Columns ``area_id, raster, statistic, value, coverage``: ``coverage`` is the share (0 to 1) of the area that lies
        on valid cells. Where it is 0 the value is NaN: missing, never filled.
    """
    unknown = [name for name in statistics if name not in STATISTICS]
    if unknown:
        raise SpecificationError(f"{unknown[0]!r} is not a zonal statistic", remedy=f"one of {', '.join(STATISTICS)}")
    ids = _unique_ids(zones)
    known: dict[object, Coverage] = {}
    tables = []
    for name, raster in rasters:
        if raster.grid not in known:
            known[raster.grid] = coverage_of(zones, raster)
        sums = _sums(raster, known[raster.grid])
        tables.append(_table(name, ids, sums, statistics))
    columns = ["area_id", "raster", "statistic", "value", "coverage"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def _unique_ids(zones: gpd.GeoDataFrame) -> np.ndarray:
    ids = zones["area_id"].to_numpy(dtype=object)
    repeated = zones.loc[zones["area_id"].duplicated(), "area_id"]
    if len(repeated):
        raise InputError(f"{len(repeated)} areas occur twice, first {repeated.iloc[0]!r}", place="area_id")
    return ids


def _table(name: str, ids: np.ndarray, sums: _Sums, statistics: Sequence[str]) -> pd.DataFrame:
    n = len(ids)
    return pd.DataFrame(
        {
            "area_id": np.tile(ids, len(statistics)),
            "raster": name,
            "statistic": np.repeat(np.asarray(statistics, dtype=object), n),
            "value": np.concatenate([sums.statistic(one) for one in statistics]),
            "coverage": np.tile(sums.share_valid, len(statistics)),
        }
    )
