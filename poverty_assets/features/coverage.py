"""Which cells of a grid each area covers, and how much of each.

Belongs here: the share of every cell that an area covers, and keeping it for whoever asks again about the same grid and areas. Does not
belong here: statistics over those cells (``zonal``), reading rasters (``sources.raster``).

An area covers most of its cells wholly, so its coverage is kept as runs of whole cells along rows, plus the cells at its edge with their
share. On a small grid exactextract gives the cells. It hands out each of them, which on a large grid takes longer than the statistics and
a gigabyte; there both follow from the outline alone: it is cut at the lines of the grid, each piece adds the area to its right within its
cell and its height to all cells beyond (the way fonts are drawn), and one sum along every row gives the share of each cell. So the cost
grows with the length of outlines in cells and not with the cells within them. Shares are rounded to single precision ring by ring, as
exactextract does (Baston 2024): its numbers come out, where an area lies on few cells too.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely

from poverty_assets.atomic import replacing
from poverty_assets.errors import MissingCRS
from poverty_assets.kept import is_made_anew, let_go
from poverty_assets.sources.raster import RasterGrid

if TYPE_CHECKING:
    import geopandas as gpd

_FORM = b"1"
"""Of the way in which shares are made and kept: another makes them anew."""
_KEPT = 48
"""Coverages that a folder keeps, those last used; each is some 10 to 30 MB at 100 m and a few hundred kB at 1 km."""
_BY_EXACTEXTRACT = 16_000_000
"""On grids of no more cells exactextract is asked, whose answer holds every cell of every area; on larger ones outlines alone are."""
_AREAS_AT_A_TIME = 256
_PIECES_AT_A_TIME = 200_000


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
        Cells covered in part, with the share covered, above 0 and below 1, sorted by ``edge_cell``.
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

    def within(self, first: int, last: int) -> Coverage:
        """The part in cells ``first <= cell < last``, which are whole rows, counted from ``first``."""
        if first == 0 and (not len(self.run_stop) or last >= self.run_stop[-1]) and self._ends_before(last):
            return self
        a, b = np.searchsorted(self.run_start, (first, last))
        c, d = np.searchsorted(self.edge_cell, (first, last))
        return Coverage(
            self.n_areas, self.run_area[a:b], self.run_start[a:b] - first, self.run_stop[a:b] - first,
            self.edge_area[c:d], self.edge_cell[c:d] - first, self.edge_share[c:d], self.cells,
        )  # fmt: skip

    def _ends_before(self, last: int) -> bool:
        return not len(self.edge_cell) or bool(last > self.edge_cell[-1])

    def total(self, cell_values: np.ndarray) -> np.ndarray:
        """Sum of ``share * value`` over each area's cells, shape (n_areas,); values must be finite."""
        sums = RunningSums(self.n_areas)
        sums.add(self, cell_values)
        return sums.total

    def extreme(self, which: np.ufunc, cell_values: np.ndarray, found: np.ndarray) -> None:
        """Bring the ``numpy.minimum`` or ``numpy.maximum`` of every cell that each area touches into ``found``, shape (n_areas,)."""
        # numpy is ten times as fast where neither index nor values have to be cast
        which.at(found, self.edge_area.astype(np.intp), cell_values[self.edge_cell].astype(float))
        if len(self.run_area):
            which.at(found, self.run_area.astype(np.intp), self.reduce_runs(which, cell_values).astype(float))

    @cached_property
    def _ends(self) -> np.ndarray:
        # reduceat takes [start, stop, start, stop, ...] and answers for the gaps too: every second answer is a run's
        return np.column_stack([self.run_start, self.run_stop]).ravel()

    def reduce_runs(self, ufunc: np.ufunc, cell_values: np.ndarray) -> np.ndarray:
        """A ufunc over the cells of each run."""
        ends = self._ends
        if ends[-1] >= len(cell_values):  # the last run stops where the cells do, and reduceat wants a cell there
            reaching = ends >= len(cell_values)
            if reaching.sum() == 1 and reaching[-1]:
                return ufunc.reduceat(cell_values, ends[:-1])[::2]
            return ufunc.reduceat(np.append(cell_values, cell_values[:1]), ends)[::2]
        return ufunc.reduceat(cell_values, ends)[::2]


class RunningSums:
    """Sums of ``share * value`` over each area's cells, which grow as rows of cells come: the same to the last bit however they come.

    Parameters
    ----------
    n_areas : int
    """

    def __init__(self, n_areas: int) -> None:
        self._n = n_areas
        self._edge, self._runs = np.zeros(n_areas), np.zeros(n_areas)

    def add(self, part: Coverage, cell_values: np.ndarray | None) -> None:
        """Take some rows' cells; without values, each counts 1."""
        share = part.edge_share.astype(float)
        self._edge = self._on(
            self._edge,
            part.edge_area,
            share if cell_values is None else share * cell_values[part.edge_cell].astype(float),
        )
        if len(part.run_area):
            of_runs = part.run_stop - part.run_start if cell_values is None else part.reduce_runs(np.add, cell_values)
            self._runs = self._on(self._runs, part.run_area, of_runs)

    def join(self, other: RunningSums) -> None:
        """Take what another has summed of other cells of the same areas."""
        self._edge, self._runs = self._edge + other._edge, self._runs + other._runs

    def _on(self, so_far: np.ndarray, area: np.ndarray, values: np.ndarray) -> np.ndarray:
        """One after the other, on top of what there is."""
        area, values = np.append(np.arange(self._n), area), np.append(so_far, values)
        return np.bincount(area, weights=values, minlength=self._n).astype(float)

    @property
    def total(self) -> np.ndarray:
        """Of all so far, shape (n_areas,)."""
        return self._edge + self._runs


def coverage_of(zones: gpd.GeoDataFrame, grid: RasterGrid, kept: Path | None = None) -> Coverage:
    """Coverage of a grid by each zone, in order of the zones.

    Parameters
    ----------
    zones : GeoDataFrame
        Polygons in any stated CRS; they are brought to the grid's.
    grid : RasterGrid
        A raster does too: only its grid matters.
    kept : Path, optional
        Folder in which coverages are kept under the digest of grid and areas: one that is there is taken from it.

    Returns
    -------
    Coverage
    """
    if zones.crs is None:
        raise MissingCRS(
            "the areas do not state their coordinate reference system", remedy="set it where they are read"
        )
    if not grid.crs:
        raise MissingCRS("the raster does not state its coordinate reference system", file=grid.path)
    if kept is None:
        return _made(zones, grid)
    file = kept / f"{_digest(zones, grid)}.npz"
    found = _kept(file)
    if found is None:
        found = _made(zones, grid)
        _keep(found, file)
    return found


# ---------------------------------------------------------------------- kept
def _digest(zones: gpd.GeoDataFrame, grid: RasterGrid) -> str:
    import pyproj

    sha = hashlib.sha256(_FORM)
    said = (grid.grid, zones.crs.to_wkt(), pyproj.proj_version_str, shapely.geos_version_string, len(zones))
    sha.update(repr(said).encode())
    for shape in shapely.to_wkb(zones.geometry.to_numpy()):
        sha.update(shape or b"-")
    return sha.hexdigest()[:40]


def _kept(file: Path) -> Coverage | None:
    """The coverage that a file keeps; None where there is none, or it cannot be read: then it is made again."""
    if is_made_anew():
        return None
    try:
        with np.load(file, allow_pickle=False) as parts:
            found = Coverage(int(parts["n_areas"]), *(parts[name] for name in _ARRAYS))
        os.utime(file)  # used now: others go first
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return found


def _keep(coverage: Coverage, file: Path) -> None:
    """Keep a coverage, whole or not at all, and let go of those that have not been used for longest. Several processes may do so at
    once: they write the same."""
    with replacing(file) as temporary, temporary.open("wb") as stream:
        np.savez(stream, n_areas=coverage.n_areas, **{name: getattr(coverage, name) for name in _ARRAYS})
    let_go(file.parent.glob("*.npz"), _KEPT)


_ARRAYS = ("run_area", "run_start", "run_stop", "edge_area", "edge_cell", "edge_share", "cells")


# ---------------------------------------------------------------------- made
def _made(zones: gpd.GeoDataFrame, grid: RasterGrid) -> Coverage:
    geometry = zones.geometry.to_crs(grid.crs)
    width, height = grid.cell_size
    if grid.shape[0] * grid.shape[1] <= _BY_EXACTEXTRACT:
        parts = [_of_cells(*one, grid.shape[1]) for one in _cells_covered(geometry, grid)]
    else:
        parts = [_of_outlines(outlines, grid.shape) for outlines in _Outlines.of(geometry.to_numpy(), grid)]
    empty = [np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.int64)]
    empty += [np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float32)]
    run_area, run_start, run_stop, edge_area, edge_cell, edge_share = (
        np.concatenate([nothing, *(part[i] for part in parts)]) for i, nothing in enumerate(empty)
    )
    runs, edge = np.argsort(run_start, kind="stable"), np.argsort(edge_cell, kind="stable")
    return Coverage(
        len(zones), run_area[runs], run_start[runs], run_stop[runs], edge_area[edge], edge_cell[edge], edge_share[edge],
        shapely.area(geometry.to_numpy()) / (width * height),  # in cells, whatever the CRS: no metres are meant
    )  # fmt: skip


def _cells_covered(geometry: gpd.GeoSeries, grid: RasterGrid) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Zone number, cells and shares, for each zone, as exactextract answers for a grid without values."""
    import geopandas as gpd
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    # a single zero seen as the whole grid: exactextract leaves cells without a value out, and here all must be in
    blank = np.broadcast_to(np.zeros(1, dtype=np.uint8), grid.shape)
    west, south, east, north = grid.bounds
    source = NumPyRasterSource(blank, west, south, east, north, srs_wkt=grid.crs)
    for first in range(0, len(geometry), _AREAS_AT_A_TIME):
        some = geometry.iloc[first : first + _AREAS_AT_A_TIME]
        frame = gpd.GeoDataFrame({"zone": np.arange(first, first + len(some))}, geometry=some.array)
        answer = exact_extract(source, frame, ["cell_id", "coverage"], include_cols=["zone"], output="pandas")
        for zone, cell, share in zip(answer["zone"], answer["cell_id"], answer["coverage"], strict=True):
            yield int(zone), np.asarray(cell, dtype=np.int64), np.asarray(share, dtype=np.float32)


def _of_cells(zone: int, cell: np.ndarray, share: np.ndarray, columns: int) -> tuple[np.ndarray, ...]:
    """Runs (area, start, stop) and edge cells (area, cell, share) of one area's cells."""
    whole, edge = np.sort(cell[share >= 1]), share < 1
    joins = np.append(False, (np.diff(whole) == 1) & (whole[1:] % columns != 0))[: len(whole)]
    start, stop = whole[~joins], whole[~np.append(joins[1:], False)[: len(whole)]] + 1
    return (
        np.full(len(start), zone, np.int32), start, stop,
        np.full(int(edge.sum()), zone, np.int32), cell[edge], share[edge],
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Outlines:
    """Segments of rings of areas; ``y`` runs downwards.

    Attributes
    ----------
    x0, y0, x1, y1 : numpy.ndarray
        A segment's ends.
    ring : numpy.ndarray of int
        Of each segment; rings of an area follow one another.
    area, sign : numpy.ndarray
        Of each ring: its area's number, and what turns the sum of its pieces into a share to be added (-1 for that of a hole).
    columns, rows : _Lines
        Between columns and between rows of cells.
    """

    x0: np.ndarray
    y0: np.ndarray
    x1: np.ndarray
    y1: np.ndarray
    ring: np.ndarray
    area: np.ndarray
    sign: np.ndarray
    columns: _Lines
    rows: _Lines

    @classmethod
    def of(cls, geometry: np.ndarray, grid: RasterGrid) -> Iterator[_Outlines]:
        """Some areas at a time."""
        polygons, of_area = shapely.get_parts(geometry, return_index=True)
        polygonal = shapely.get_type_id(polygons) == shapely.GeometryType.POLYGON
        polygons, of_area = polygons[polygonal], of_area[polygonal]
        rings, of_polygon = shapely.get_rings(polygons, return_index=True)
        if not len(rings):
            return
        width, height = grid.cell_size
        around = shapely.bounds(rings)
        lines = shapely.get_num_coordinates(rings) + 2 * (
            (around[:, 2] - around[:, 0]) / width + (around[:, 3] - around[:, 1]) / height
        )
        area = of_area[of_polygon]
        groups = (np.cumsum(lines) // _PIECES_AT_A_TIME).astype(np.int64)
        groups = groups[np.searchsorted(area, area)]  # rings of an area stay together
        hole = np.concatenate([[False], of_polygon[1:] == of_polygon[:-1]])
        for group in np.unique(groups):
            own = groups == group
            yield cls._of_rings(rings[own], area[own], hole[own], grid)

    @classmethod
    def _of_rings(cls, rings: np.ndarray, area: np.ndarray, hole: np.ndarray, grid: RasterGrid) -> _Outlines:
        points, ring = shapely.get_coordinates(rings, return_index=True)
        x, y = points[:, 0], -points[:, 1]
        within = ring[1:] == ring[:-1]
        x0, y0, x1, y1, ring = x[:-1][within], y[:-1][within], x[1:][within], y[1:][within], ring[1:][within]
        first = np.searchsorted(ring, np.arange(len(rings)))
        middle = 0.5 * (x0 + x1) - np.repeat(x0[first], np.diff(np.append(first, len(ring))))
        size = -np.add.reduceat((y1 - y0) * middle, first)
        around = shapely.bounds(rings)
        columns = _Lines.of(grid.bounds[0], grid.cell_size[0], grid.shape[1], around[:, 0])
        rows = _Lines.of(-grid.bounds[3], grid.cell_size[1], grid.shape[0], -around[:, 3])
        return cls(x0, y0, x1, y1, ring, area, np.sign(size) * np.where(hole, -1.0, 1.0), columns, rows)


@dataclass(frozen=True, eq=False)
class _Lines:
    """Lines between the columns, or the rows, of a grid, number 0 to ``most``.

    They stand where exactextract counts them from for each ring, its own first line: the last digit of a coordinate is a thousand times
    the last digit of a share, and a share that differs in it may be rounded to another number.

    Attributes
    ----------
    edge, size : float
        Where line 0 is, and from one to the next.
    most : int
    origin, number : numpy.ndarray
        Of each ring: where its own first line stands, and which it is.
    """

    edge: float
    size: float
    most: int
    origin: np.ndarray
    number: np.ndarray

    @classmethod
    def of(cls, edge: float, size: float, most: int, begins: np.ndarray) -> _Lines:
        """Those of rings that begin at these coordinates."""
        number = np.clip(np.floor((begins - edge) / size), 0, most - 1)
        return cls(edge, size, most, edge + number * size, number)

    def at(self, line: np.ndarray, ring: np.ndarray) -> np.ndarray:
        """Where a line stands."""
        return self.origin[ring] + (line - self.number[ring]) * self.size

    def after(self, a: np.ndarray, ring: np.ndarray) -> np.ndarray:
        """The first line beyond a coordinate."""
        line = np.floor((a - self.edge) / self.size) + 1
        line -= self.at(line - 1, ring) > a  # rounding may have led past it, or not far enough
        line += self.at(line, ring) <= a
        return line

    def before(self, a: np.ndarray, ring: np.ndarray) -> np.ndarray:
        """The last line before a coordinate."""
        line = np.ceil((a - self.edge) / self.size) - 1
        line += self.at(line + 1, ring) < a
        line -= self.at(line, ring) >= a
        return line

    def cut(
        self, a0: np.ndarray, a1: np.ndarray, b0: np.ndarray, b1: np.ndarray, ring: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """Segments cut where ``a`` crosses a line: ``a0, a1, b0, b1`` of the pieces, after which line each lies (-1 and ``most``: beyond
        the grid), and of which segment it is."""
        low, high = np.minimum(a0, a1), np.maximum(a0, a1)
        first = np.maximum(self.after(low, ring), 0)
        last = np.minimum(self.before(high, ring), self.most)
        cuts = np.maximum(last - first + 1, 0).astype(np.int64)
        of = np.repeat(np.arange(len(a0)), cuts + 1)
        number = np.arange(len(of)) - (np.cumsum(cuts + 1) - (cuts + 1))[of]
        rising = ((a1 >= a0) | (cuts == 0))[of]
        begins = np.where(rising, first[of] + number - 1, last[of] - number + 1)  # the line at which a piece begins
        slope = np.divide(b1 - b0, a1 - a0, out=np.zeros(len(a0)), where=a1 != a0)
        line = self.at(begins, ring[of])
        is_first, is_last = number == 0, np.append(number[1:] == 0, True)
        start_a = np.where(is_first, a0[of], line)
        start_b = np.where(is_first, b0[of], b0[of] + (line - a0[of]) * slope[of])
        stop_a = np.where(is_last, a1[of], np.append(start_a[1:], 0.0))
        stop_b = np.where(is_last, b1[of], np.append(start_b[1:], 0.0))
        behind = np.clip(begins - ~rising, -1, self.most).astype(np.int64)
        return start_a, stop_a, start_b, stop_b, behind, of


def _of_outlines(outlines: _Outlines, shape: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """Runs (area, start, stop) and edge cells (area, cell, share) of some areas."""
    rows, columns = shape
    ring, row, column, height, right = _pieces(outlines)
    wide = columns + 2  # and a column on either side for what lies beyond the grid
    key = (ring * rows + row) * wide + column + 1
    order = np.argsort(key, kind="stable")
    key, first = np.unique(key[order], return_index=True)
    if not len(key):
        return tuple(np.empty(0, t) for t in (np.int32, np.int64, np.int64, np.int32, np.int64, np.float32))
    height, right = (np.add.reduceat(part[order], first) for part in (height, right))
    # each ring's own share of the cells that it passes through, as exactextract rounds it
    own = _along(height, key // wide) - height + right
    ring = key // (rows * wide)
    key = outlines.area[ring] * (rows * wide) + key % (rows * wide)
    rounded, of = own.astype(np.float32), np.arange(len(key))
    if np.any(key[1:] <= key[:-1]):  # areas of several rings
        order = np.argsort(key, kind="stable")
        key, first, of = np.unique(key[order], return_index=True, return_inverse=True)
        height, right, own = (np.add.reduceat(part[order], first) for part in (height, right, own))
        rounded = rounded[order]
    cover = _along(height, key // wide)
    share = np.rint(cover - height + right - own).astype(np.float32)  # rings that pass around the cell, not through it
    np.add.at(share, of, rounded)  # one after the other, as exactextract adds them
    return _runs_and_edges(key, cover > 0.5, share, rows, columns)


def _along(height: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Running sums along each row."""
    sums = np.cumsum(height)
    begins = np.flatnonzero(np.append(True, line[1:] != line[:-1]))
    return sums - np.repeat(sums[begins] - height[begins], np.diff(np.append(begins, len(line))))


def _runs_and_edges(
    key: np.ndarray, inside: np.ndarray, share: np.ndarray, rows: int, columns: int
) -> tuple[np.ndarray, ...]:
    """Cells that outlines pass through, and what lies behind each in its row, as runs of whole cells and edge cells."""
    line, column = key // (columns + 2), key % (columns + 2) - 1
    area, row = line // rows, line % rows
    on_grid = (column >= 0) & (column < columns)
    edge = on_grid & (share > 0) & (share < 1)
    follows = np.append(line[1:] == line[:-1], False)
    start = np.column_stack([column, column + 1]).ravel()
    stop = np.column_stack([column + 1, np.where(follows, np.append(column[1:], 0), 0)]).ravel()
    is_run = np.column_stack([on_grid & (share >= 1), follows & inside]).ravel()
    is_run &= start < stop
    start, stop, at = start[is_run], stop[is_run], np.repeat(line, 2)[is_run]
    joins = np.append(False, (at[1:] == at[:-1]) & (start[1:] == stop[:-1]))[: len(at)]
    first, last = np.flatnonzero(~joins), np.flatnonzero(~np.append(joins[1:], False)[: len(at)])
    at, start, stop = at[first], start[first], stop[last]
    beyond = (at % rows) * columns
    return (
        (at // rows).astype(np.int32), beyond + start, beyond + stop,
        area[edge].astype(np.int32), (row * columns + column)[edge], share[edge],
    )  # fmt: skip


def _pieces(outlines: _Outlines) -> tuple[np.ndarray, ...]:
    """Segments cut at the lines of the grid: ring, row, column, signed height, and signed area to the right within the cell, of a
    cell's."""
    x0, y0, x1, y1, ring = outlines.x0, outlines.y0, outlines.x1, outlines.y1, outlines.ring
    y0, y1, x0, x1, row, of = outlines.rows.cut(y0, y1, x0, x1, ring)
    ring = ring[of]
    on = (row >= 0) & (row < outlines.rows.most)
    x0, y0, x1, y1, ring, row = x0[on], y0[on], x1[on], y1[on], ring[on], row[on]
    x0, x1, y0, y1, column, of = outlines.columns.cut(x0, x1, y0, y1, ring)
    ring, row = ring[of], row[of]
    top, left, right = (
        outlines.rows.at(row, ring),
        outlines.columns.at(column, ring),
        outlines.columns.at(column + 1, ring),
    )
    height = (y1 - y0) * outlines.sign[ring] / (outlines.rows.at(row + 1, ring) - top)
    beside = 0.5 * ((right - x0) + (right - x1)) / (right - left)
    return ring, row, column, height, height * np.clip(beside, 0.0, 1.0)
