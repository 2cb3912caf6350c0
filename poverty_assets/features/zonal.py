"""Coverage-weighted statistics of rasters over areas.

Belongs here: sums, extremes and quantiles over the cells that areas cover. Does not belong here: which cells those are (``coverage``),
reading rasters (``sources.raster``), points and lines (``vector``), or the choice of features.

A raster is taken some rows at a time, in the type that its reader gives, and never as a whole: what is kept are a few numbers an area.
Rasters on one grid that are read from where they lie are taken side by side, so that of a file with several bands each piece is read once.
Quantiles alone need the values themselves: those of areas that the rows at hand reach are held, and let go as an area ends.
"""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd

from poverty_assets.errors import InputError, SpecificationError
from poverty_assets.features.coverage import Coverage, RunningSums, coverage_of
from poverty_assets.pack.feature import RasterStatistic
from poverty_assets.sources.raster import CELLS_AT_A_TIME, IN_MEMORY, WHOLE_UP_TO, Raster, RasterCells
from poverty_assets.workers import Threads, Workers

if TYPE_CHECKING:
    import geopandas as gpd

STATISTICS = get_args(RasterStatistic)
_COLUMNS = ["area_id", "raster", "statistic", "value", "coverage"]
_STRIP = 1 << 25
"""Cells of a strip of a raster that is taken apart."""
_HELD = 4_000_000
"""Values held for quantiles before those of areas that have ended are let go."""


@dataclass(frozen=True)
class CellStatistic:
    """A statistic that needs more than its name.

    Attributes
    ----------
    statistic : {"share_above", "quantile", "weighted_mean"}
        Share of the area on cells above ``number``; quantile ``number`` (0 to 1), cells weighted by the share covered; mean weighted by
        what the cells of the raster ``weight`` hold, too.
    number : float
    weight : str
    """

    statistic: str
    number: float = np.nan
    weight: str = ""

    @property
    def name(self) -> str:
        """How the answer calls it."""
        return f"{self.statistic}:{self.weight or format(self.number, 'g')}"


Statistic = str | CellStatistic


def name_of(statistic: Statistic) -> str:
    """How the answer calls a statistic."""
    return statistic if isinstance(statistic, str) else statistic.name


@dataclass(eq=False)
class _Sums:
    """What every statistic of one raster is made of, one entry an area; grows as rows come."""

    n_areas: int
    asked: Sequence[Statistic]
    centre: float | None = None
    low: np.ndarray = field(init=False)
    high: np.ndarray = field(init=False)
    above: dict[CellStatistic, RunningSums] = field(default_factory=dict)
    weighted: dict[str, tuple[RunningSums, RunningSums]] = field(default_factory=dict)
    held: _Held | None = None

    def __post_init__(self) -> None:
        n = self.n_areas
        self._weight, self._first, self._second = RunningSums(n), RunningSums(n), RunningSums(n)
        self.low, self.high = np.full(n, np.inf), np.full(n, -np.inf)
        more = [one for one in self.asked if isinstance(one, CellStatistic)]
        self.above = {one: RunningSums(n) for one in more if one.statistic == "share_above"}
        self.weighted = {
            one.weight: (RunningSums(n), RunningSums(n)) for one in more if one.statistic == "weighted_mean"
        }

    def add(self, values: np.ndarray, first: int, part: Coverage, weights: Callable[[str], np.ndarray]) -> None:
        """Take the cells from number ``first`` on, of which ``part`` says who covers them."""
        valid = np.isfinite(values)
        whole = bool(valid.all())
        if self.centre is None and valid.any():
            self.centre = _mean(values)
        about = values.astype(float)
        about -= self.centre or 0.0
        if not whole:
            about[~valid] = 0.0
        self._weight.add(part, None if whole else valid.astype(np.float32))
        self._first.add(part, about)
        part.extreme(np.minimum, values if whole else np.where(valid, values, np.inf), self.low)
        part.extreme(np.maximum, values if whole else np.where(valid, values, -np.inf), self.high)
        for one, sums in self.above.items():
            sums.add(part, (values > one.number).astype(np.float32))  # NaN is above nothing
        for name, (times, of) in self.weighted.items():
            weight = weights(name)
            weight = np.where(valid & (weight > 0), weight, 0.0).astype(float)
            times.add(part, about * weight)
            of.add(part, weight)
        if self.held is not None:
            self.held.add(values, valid, first, part)
        if "stdev" in self.asked:
            self._second.add(part, np.square(about, out=about))

    def join(self, other: _Sums) -> None:
        """Take what another has of the same raster's next rows."""
        pairs = [(self._weight, other._weight), (self._first, other._first), (self._second, other._second)]
        pairs += [(self.above[one], other.above[one]) for one in self.above]
        pairs += [pair for one in self.weighted for pair in zip(self.weighted[one], other.weighted[one], strict=True)]
        for own, more in pairs:
            own.join(more)
        self.low, self.high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)

    @property
    def weight(self) -> np.ndarray:
        """Sum of the shares of valid cells."""
        return self._weight.total

    def statistic(self, asked: Statistic) -> np.ndarray:
        """One statistic; NaN where an area has no valid cell (its ``count`` is 0)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            if isinstance(asked, CellStatistic):
                return self._further(asked)
            mean = self._first.total / self.weight
            # rounding may not bring a mean out of the range of its cells: no flooded share below 0
            within = np.clip(mean + (self.centre or 0.0), self.low, self.high)
            answers = {
                "count": lambda: self.weight,
                "mean": lambda: within,
                "sum": lambda: np.where(self.weight > 0, within * self.weight, np.nan),
                "stdev": lambda: self._stdev(mean),
                "min": lambda: np.where(self.weight > 0, self.low, np.nan),
                "max": lambda: np.where(self.weight > 0, self.high, np.nan),
            }
            return np.asarray(answers[asked](), dtype=float)

    def _further(self, asked: CellStatistic) -> np.ndarray:
        if asked.statistic == "share_above":
            return np.clip(self.above[asked].total / self.weight, 0.0, 1.0)
        if asked.statistic == "weighted_mean":
            times, of = (sums.total for sums in self.weighted[asked.weight])
            return np.where(of > 0, np.clip(times / of + (self.centre or 0.0), self.low, self.high), np.nan)
        if self.held is None:
            raise SpecificationError("no quantile was asked for", remedy="name it among the statistics")
        return self.held.quantile(asked.number)

    def _stdev(self, mean: np.ndarray) -> np.ndarray:
        spread = np.sqrt(np.maximum(self._second.total / self.weight - mean**2, 0.0))
        return np.where(self.low == self.high, 0.0, spread)  # no rounding dust where all cells are equal

    def share_valid(self, cells: np.ndarray) -> np.ndarray:
        """Share of each area's size, in cells, that lies on valid ones, 0 to 1."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(cells > 0, np.clip(self.weight / cells, 0.0, 1.0), 0.0)


class _Held:
    """Values of areas for their quantiles, until an area ends.

    The quantiles are exactextract's (Baston 2024), from equal values together: with weights ``w`` of ``n`` different values in order, the
    value ``i`` stands at ``i w_i + (n - 1) (w_0 + ... + w_{i-1})`` of ``(n - 1)`` times their sum, and between two it is a straight line.
    """

    def __init__(self, coverage: Coverage, quantiles: Sequence[float]) -> None:
        self._numbers = list(dict.fromkeys(quantiles))
        self._found = np.full((len(self._numbers), coverage.n_areas), np.nan)
        self._ends = np.full(coverage.n_areas, -1)
        np.maximum.at(self._ends, coverage.edge_area, coverage.edge_cell + 1)
        np.maximum.at(self._ends, coverage.run_area, coverage.run_stop)
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._held = 0

    def add(self, values: np.ndarray, valid: np.ndarray, first: int, part: Coverage) -> None:
        """Hold the valid cells of the rows at hand."""
        length = part.run_stop - part.run_start
        cell = np.repeat(part.run_stop - np.cumsum(length), length) + np.arange(int(length.sum()))
        cell = np.concatenate([part.edge_cell, cell])
        area = np.concatenate([part.edge_area, np.repeat(part.run_area, length)])
        share = np.concatenate([part.edge_share, np.ones(int(length.sum()), np.float32)])
        known = valid[cell]
        self._parts.append((area[known], values[cell[known]], share[known]))
        self._held += int(known.sum())
        if self._held > _HELD:
            self._let_go(first + len(values))

    def _let_go(self, upto: float) -> None:
        """Work out the areas that have ended, and hold the others."""
        if not self._parts:
            return
        area, value, share = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        over = self._ends[area] <= upto
        self._work_out(area[over], value[over], share[over])
        self._parts = [(area[~over], value[~over], share[~over])]
        self._held = 0  # of what is held on, as much again may come before it is looked at again

    def _work_out(self, area: np.ndarray, value: np.ndarray, share: np.ndarray) -> None:
        order = np.lexsort((value, area))
        area, value, share = area[order], value[order], share[order].astype(float)
        if not len(area):
            return
        new = np.append(True, (area[1:] != area[:-1]) | (value[1:] != value[:-1]))
        first = np.flatnonzero(new)
        area, value, share = area[first], value[first].astype(float), np.add.reduceat(share, first)
        starts = np.flatnonzero(np.append(True, area[1:] != area[:-1]))
        for start, stop in zip(starts, np.append(starts[1:], len(area)), strict=True):
            weight, n = share[start:stop], stop - start
            before = np.cumsum(weight) - weight
            stands = np.arange(n) * weight + (n - 1) * before
            at = np.asarray(self._numbers) * ((n - 1) * weight.sum())
            self._found[:, area[start]] = np.interp(at, stands, value[start:stop])

    def quantile(self, number: float) -> np.ndarray:
        """The quantile of every area."""
        self._let_go(np.inf)
        return self._found[self._numbers.index(number)]


def zonal_statistics(
    rasters: Iterable[tuple[str, RasterCells]],
    zones: gpd.GeoDataFrame,
    statistics: Sequence[Statistic] | Mapping[str, Sequence[Statistic]] = ("mean",),
    *,
    weights: Mapping[str, RasterCells] | None = None,
    kept: Path | None = None,
    workers: Workers | None = None,
) -> pd.DataFrame:
    """Statistics of each raster over each area, every cell weighted by the share of it that the area covers.

    Equal to exactextract's own; see Baston (2024), exactextract. ``stdev`` is that of a population (divisor: the sum of
    shares), ``count`` the sum of shares, ``min`` and ``max`` range over every cell touched.

    Parameters
    ----------
    rasters : iterable of (str, RasterCells)
        Each with a name of its own; those in memory are taken one after the other, so that one at a time need be there.
    zones : GeoDataFrame
        Columns ``area_id`` (unique) and ``geometry``, with a CRS.
    statistics : sequence of str or CellStatistic, or mapping of str to such
        Of ``STATISTICS``, or ``CellStatistic``: of all rasters, or of each by its name.
    weights : mapping of str to RasterCells, optional
        Rasters that weigh a ``weighted_mean``, by the name under which it asks for them. A cell without a weight has none; on another
        grid, that of the weight's cell at its centre.
    kept : Path, optional
        Folder in which coverages are kept for the next one who asks.
    workers : Workers, optional
        Who takes rasters, and strips of large ones; by default one after the other, here. The answer is the same to the last bit.

    Returns
    -------
    DataFrame
        Columns ``area_id, raster, statistic, value, coverage``: ``coverage`` is the share (0 to 1) of the area that lies
        on valid cells. Where it is 0 the value is NaN: missing, never filled.
    """
    of_each = statistics if isinstance(statistics, Mapping) else defaultdict(lambda: statistics, {"": statistics})
    _refuse_unknown([one for asked in of_each.values() for one in asked], weights or {})
    ids = _unique_ids(zones)
    groups: deque[tuple[Coverage, dict[str, Sequence[Statistic]], int]] = deque()

    def strips() -> Iterator[tuple[_Strip]]:
        known: dict[object, Coverage] = {}
        for together in _side_by_side(rasters):
            grid = next(iter(together.values()))
            if grid.grid not in known:
                known[grid.grid] = coverage_of(zones, grid, kept)
            asked = {name: of_each[name] for name in together}
            cut = _strips(together, known[grid.grid], asked, weights or {})
            groups.append((known[grid.grid], asked, len(cut)))
            del grid, together
            while cut:
                yield (cut.pop(0),)

    tables, found = [], (workers or Threads(1)).each(_sums, strips())
    for sums in found:
        coverage, asked, number = groups.popleft()
        _join(sums, itertools.islice(found, number - 1))
        tables += [_table(name, ids, of, asked[name], of.share_valid(coverage.cells)) for name, of in sums.items()]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_COLUMNS)


def _refuse_unknown(asked: Sequence[Statistic], weights: Mapping[str, RasterCells]) -> None:
    known = ("share_above", "quantile", "weighted_mean")
    for one in asked:
        if isinstance(one, str) and one not in STATISTICS:
            raise SpecificationError(f"{one!r} is not a zonal statistic", remedy=f"one of {', '.join(STATISTICS)}")
        if isinstance(one, CellStatistic) and one.statistic not in known:
            raise SpecificationError(f"{one.statistic!r} is not a zonal statistic", remedy=f"one of {', '.join(known)}")
        if isinstance(one, CellStatistic) and one.statistic == "quantile" and not 0 <= one.number <= 1:
            raise SpecificationError(f"there is no quantile {one.number:g}", remedy="name one from 0 to 1")
        if isinstance(one, CellStatistic) and one.statistic == "weighted_mean" and one.weight not in weights:
            raise SpecificationError(f"there is no raster {one.weight!r} to weigh by", remedy="name one that is there")


def _side_by_side(rasters: Iterable[tuple[str, RasterCells]]) -> Iterator[dict[str, RasterCells]]:
    """Rasters that are taken together: of one grid, and read as they are taken; one in memory is taken alone."""
    group: dict[str, RasterCells] = {}
    for name, raster in rasters:
        alone = isinstance(raster, Raster)
        if group and (alone or next(iter(group.values())).grid != raster.grid):
            yield group
            group = {}
        group = {**group, name: raster}
        del raster
        if alone:
            yield group
            group = {}
    if group:
        yield group


@dataclass(frozen=True, eq=False)
class _Strip:
    """Some rows of rasters on one grid, and all that is needed to take them.

    Attributes
    ----------
    rasters, weights : mapping of str to RasterCells
    asked : mapping of str to sequence of Statistic
    centre : mapping of str to float or None
        About what the sums of each raster run; None: the mean of the first cells that come.
    top, bottom : int
    coverage : Coverage
        Of these rows, cells counted from the first of them.
    """

    rasters: Mapping[str, RasterCells]
    weights: Mapping[str, RasterCells]
    asked: Mapping[str, Sequence[Statistic]]
    centre: Mapping[str, float | None]
    top: int
    bottom: int
    coverage: Coverage

    def parts(self) -> Iterator[tuple[int, int, Coverage]]:
        """First row, row after the last, and who covers the cells of some rows at a time; nobody's rows are left out, not even read."""
        columns = next(iter(self.rasters.values())).shape[1]
        step = max(1, CELLS_AT_A_TIME // columns)
        for top in range(self.top, self.bottom, step):
            bottom = min(top + step, self.bottom)
            part = self.coverage.within((top - self.top) * columns, (bottom - self.top) * columns)
            if len(part.run_area) or len(part.edge_area):
                yield top, bottom, part


def _strips(
    rasters: Mapping[str, RasterCells],
    coverage: Coverage,
    asked: Mapping[str, Sequence[Statistic]],
    weights: Mapping[str, RasterCells],
) -> list[_Strip]:
    """Rasters on one grid in strips that may be taken apart: a large one in several, unless quantiles are asked for, which need all the
    values of an area."""
    rows, columns = next(iter(rasters.values())).shape
    is_whole = rows * columns <= IN_MEMORY or any(_is_quantile(one) for of in asked.values() for one in of)
    # Sums run about the raster's own mean: squares of large numbers with a small spread would lose the spread. Of a raster that is not
    # held whole that of its first cells does as well.
    held = rows * columns <= WHOLE_UP_TO
    centre = {name: _mean(raster.rows(0, rows)) if held else None for name, raster in rasters.items()}
    of_all = _Strip(rasters, weights, asked, centre, 0, rows, coverage)
    if is_whole:
        return [of_all]
    centre = {name: _first_mean(raster, of_all) for name, raster in rasters.items()}
    step = max(1, _STRIP // columns)
    bounds = [(top, min(top + step, rows)) for top in range(0, rows, step)]
    return [
        replace(of_all, centre=centre, top=top, bottom=end, coverage=coverage.within(top * columns, end * columns))
        for top, end in bounds
    ]


def _join(sums: dict[str, _Sums], others: Iterable[dict[str, _Sums]]) -> None:
    """Add what the strips that follow have."""
    for other in others:
        for name, more in other.items():
            sums[name].join(more)


def _is_quantile(asked: Statistic) -> bool:
    return isinstance(asked, CellStatistic) and asked.statistic == "quantile"


def _first_mean(raster: RasterCells, strip: _Strip) -> float | None:
    """Mean of the first valid cells that anybody covers, some rows at a time."""
    means = (_mean(raster.rows(top, bottom)) for top, bottom, _ in strip.parts())
    return next((mean for mean in means if mean is not None), None)


def _sums(strip: _Strip) -> dict[str, _Sums]:
    """Sums of a strip's rasters, some rows at a time."""
    grid = next(iter(strip.rasters.values()))
    columns, n = grid.shape[1], strip.coverage.n_areas
    sums = {name: _Sums(n, strip.asked[name], strip.centre[name]) for name in strip.rasters}
    for name, of in sums.items():
        if quantiles := [
            one.number for one in strip.asked[name] if isinstance(one, CellStatistic) and _is_quantile(one)
        ]:
            of.held = _Held(strip.coverage, quantiles)
    for top, bottom, part in strip.parts():
        at_hand: dict[str, np.ndarray] = {}

        def weight(
            name: str, top: int = top, bottom: int = bottom, held: dict[str, np.ndarray] = at_hand
        ) -> np.ndarray:
            if name not in held:
                held[name] = nearest(strip.weights[name], grid, top, bottom).ravel()
            return held[name]

        for name, raster in strip.rasters.items():
            sums[name].add(raster.rows(top, bottom).ravel(), (top - strip.top) * columns, part, weight)
    return sums


def _mean(values: np.ndarray) -> float | None:
    valid = values[np.isfinite(values)].astype(float, copy=False)
    return float(valid.mean()) if len(valid) else None


def nearest(other: RasterCells, grid: RasterCells, top: int, bottom: int) -> np.ndarray:
    """Values of a raster at the centres of another grid's cells in rows ``top`` to ``bottom``, shape (rows, columns); NaN beyond it."""
    if other.grid == grid.grid:
        return other.rows(top, bottom)
    width, height = grid.cell_size
    x = grid.bounds[0] + width * (np.arange(grid.shape[1]) + 0.5)
    y = grid.bounds[3] - height * (np.arange(top, bottom) + 0.5)
    if other.crs == grid.crs:
        column, row = (
            np.floor((x - other.bounds[0]) / other.cell_size[0]),
            np.floor((other.bounds[3] - y) / other.cell_size[1]),
        )
        column, row = column[None, :], row[:, None]
    else:
        from pyproj import Transformer

        xx, yy = np.meshgrid(x, y)
        xx, yy = Transformer.from_crs(grid.crs, other.crs, always_xy=True).transform(xx, yy)
        column, row = (
            np.floor((xx - other.bounds[0]) / other.cell_size[0]),
            np.floor((other.bounds[3] - yy) / other.cell_size[1]),
        )
    on_row, on_column = (row >= 0) & (row < other.shape[0]), (column >= 0) & (column < other.shape[1])
    if not on_row.any() or not on_column.any():
        return np.full((bottom - top, grid.shape[1]), np.nan)
    first, last = int(row[on_row].min()), int(row[on_row].max()) + 1
    there = other.rows(first, last)
    at = np.where(on_row, row - first, 0).astype(np.int64), np.where(on_column, column, 0).astype(np.int64)
    return np.where(on_row & on_column, there[at], np.nan)


def _unique_ids(zones: gpd.GeoDataFrame) -> np.ndarray:
    ids = zones["area_id"].to_numpy(dtype=object)
    repeated = zones.loc[zones["area_id"].duplicated(), "area_id"]
    if len(repeated):
        raise InputError(f"{len(repeated)} areas occur twice, first {repeated.iloc[0]!r}", place="area_id")
    return ids


def _table(
    name: str, ids: np.ndarray, sums: _Sums, statistics: Sequence[Statistic], share_valid: np.ndarray
) -> pd.DataFrame:
    n = len(ids)
    return pd.DataFrame(
        {
            "area_id": np.tile(ids, len(statistics)),
            "raster": name,
            "statistic": np.repeat(np.asarray([name_of(one) for one in statistics], dtype=object), n),
            "value": np.concatenate([sums.statistic(one) for one in statistics]) if statistics else np.empty(0),
            "coverage": np.tile(share_valid, len(statistics)),
        }
    )
