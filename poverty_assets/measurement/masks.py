"""Households as bitmasks, and the one aggregate that every joint figure comes from.

Belongs here: the table of weighted and unweighted counts by area, subgroup, primary sampling unit and mask (bit j set where
the household is deprived in indicator j, in the measure's order), its roll-up to areas and subgroups, and the algebra of the
2^d profiles (which bits, which pairs). Does not belong here: reading households (``coding``), statistics and
their intervals (``overlap``, ``bundles``, ``joint``), or who may be published (``disclosure``).

All statistics of this package are smooth functions of totals, and totals are linear in the counts: they are taken once for
each unit (the finest area x subgroup combination x primary sampling unit) by one matrix product, and then rolled up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measurement.coding import Chunk, Columns, chunks_of_frame, chunks_of_parquet, merged
from poverty_assets.measurement.domains import ALL, areas_of, groupings


@dataclass(frozen=True)
class MaskCounts:
    """The aggregate: one row a unit, one column a mask that occurs.

    Attributes
    ----------
    indicators : tuple of str
        Indicator of each bit, bit 0 first.
    subgroups : tuple of str
        Columns of ``units`` that part households into subgroups; each holds labels, as in ``is_urban=true``.
    masks : ndarray of uint16, shape (n_masks,)
        Masks that occur, ascending.
    units : DataFrame
        ``area_id`` (finest known), the subgroup columns, ``population`` (the subgroup of persons counted, empty for all),
        ``psu_code`` (row of ``psus``, or -1), ``n_households``, and ``n_left_out`` and ``weight_left_out`` (households with
        an indicator not known).
    weight : ndarray or scipy.sparse.csr_array, shape (n_units, n_masks)
        Sum of weights (persons).
    households : ndarray or scipy.sparse.csr_array, shape (n_units, n_masks)
        Number of households.
    psus : DataFrame
        ``stratum`` and ``psu`` of every primary sampling unit of the sample; empty where none was asked for.
    n_indicators : int
        Number of indicators, d; worked out as the counts are made.
    """

    indicators: tuple[str, ...]
    subgroups: tuple[str, ...]
    masks: np.ndarray
    units: pd.DataFrame
    weight: Any
    households: Any
    psus: pd.DataFrame
    n_indicators: int = field(init=False)

    def __post_init__(self) -> None:
        vars(self).update(n_indicators=len(self.indicators))


@dataclass(frozen=True)
class Cells:
    """Areas x subgroups, and which units each is made of.

    ``table`` has one row a cell: ``area_id, area_level, subgroup, n_households, n_left_out, share_left_out``. ``rollup`` is a
    csr_array of zeros and ones, shape (n_cells, n_units).
    """

    table: pd.DataFrame
    rollup: Any


# ---- the aggregate


def count_masks(households: pd.DataFrame, columns: Columns) -> MaskCounts:
    """Aggregate households to the table unit x mask.

    Parameters
    ----------
    households : DataFrame
        One row a household.
    columns : Columns
        Households with an indicator NULL are left out and counted; a NULL in a column that parts households
        (``is_urban``) puts them in ``all`` only.

    Raises
    ------
    ContractViolation
        If a column is missing or holds a value that cannot be counted (see ``coding.coded``).
    """
    return _count(list(chunks_of_frame(households, columns)), columns)


def counts_and_cells(households: pd.DataFrame, columns: Columns, hierarchy: Hierarchy) -> tuple[MaskCounts, Cells]:
    """`count_masks`, and the areas x subgroups that the units make up (`cells_of`)."""
    counts = count_masks(households, columns)
    return counts, cells_of(counts, hierarchy)


def count_masks_parquet(path: str | Path, columns: Columns, *, n_threads: int = 2) -> MaskCounts:
    """`count_masks` of a Parquet file of a whole country: the same result, without the file ever being in memory."""
    return _count(chunks_of_parquet(path, columns, n_threads), columns)


def _count(chunks: list[Chunk], names: Columns) -> MaskCounts:
    """Codes of all chunks to units, and units x masks to counts."""
    areas, area_places = merged(chunks, names.area)
    psus, psu_of = _primary_sampling_units(chunks, names)
    groups, group_of = _group_codes(chunks, names)
    populations = ["", *(label for label, _ in chunks[0].people)]
    shape = (len(populations), len(areas) + 1, len(groups), max(len(psus), 1))
    size = int(np.prod(shape[1:]))

    def entries_of(number: int) -> Entries:
        chunk = chunks[number]
        area = area_places[number][chunk.codes[names.area]]
        area[area < 0] = len(areas)  # area not known becomes the last
        return _entries(chunk, (area * shape[2] + group_of[number]) * shape[3] + psu_of[number], size)

    entries = _side_by_side(entries_of, range(len(chunks)))
    unit_keys, entries = _ranked(entries, size * shape[0])
    population, area_code, group_code, psu_code = np.unravel_index(unit_keys, shape)
    units = groups.iloc[group_code].reset_index(drop=True)
    units.insert(0, "area_id", np.array([*areas, None], dtype=object)[area_code])
    units["population"] = np.array(populations, dtype=object)[population]
    units["psu_code"] = psu_code if names.psu else -1
    return _tabulate(names, units, entries, psus)


Entries = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # unit, mask, known, weight of some households


def _entries(chunk: Chunk, key: np.ndarray, size: int) -> Entries:
    """Units of a chunk's households, and once more of those with persons of each subgroup of persons."""
    if not chunk.people:
        return key, chunk.mask, chunk.known, chunk.weight
    rows = [np.arange(len(key)), *(np.flatnonzero(weight > 0) for _, weight in chunk.people)]
    weights = [chunk.weight, *(weight for _, weight in chunk.people)]
    every = np.concatenate(rows)
    moved = np.concatenate([key[row] + number * size for number, row in enumerate(rows)])
    weight = np.concatenate([weight[row] for weight, row in zip(weights, rows, strict=True)])
    return moved, chunk.mask[every], chunk.known[every], weight


def _side_by_side(work: Callable[[Any], Any], parts: Iterable[Any]) -> list[Any]:
    """Results of ``work``, in order; the arrays' arithmetic of two parts runs at once."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(work, parts))


def _ranked(entries: list[Entries], size: int) -> tuple[np.ndarray, list[Entries]]:
    """Keys that occur, ascending, and the entries with ranks among them for keys."""
    n_rows = sum(len(key) for key, *_ in entries)
    if size > 4 * n_rows + 1024:
        found = np.unique(np.concatenate([np.unique(key) for key, *_ in entries]))
        return found, [(np.searchsorted(found, key), mask, known, weight) for key, mask, known, weight in entries]
    occurs = np.zeros(size, dtype=bool)
    for key, *_ in entries:
        occurs[key] = True
    found = np.flatnonzero(occurs)
    if len(found) == size:
        return found, entries
    rank = np.cumsum(occurs) - 1
    return found, _side_by_side(lambda entry: (rank[entry[0]], *entry[1:]), entries)


def _primary_sampling_units(chunks: list[Chunk], names: Columns) -> tuple[pd.DataFrame, list[Any]]:
    """Every primary sampling unit, nested in its stratum, and the number of each household's."""
    if names.psu is None:
        return pd.DataFrame({"stratum": [], "psu": []}), [0] * len(chunks)
    inner, inner_places = merged(chunks, names.psu)
    outer, outer_places = merged(chunks, names.stratum) if names.stratum else ([0], [np.array([0])] * len(chunks))
    keys = []
    for chunk, within, stratum in zip(chunks, inner_places, outer_places, strict=True):
        above = stratum[chunk.codes[names.stratum]] if names.stratum else 0
        keys.append(above * len(inner) + within[chunk.codes[names.psu]])
    found = np.unique(np.concatenate(keys))
    stratum_of, psu_of = np.divmod(found, max(len(inner), 1))
    frame = pd.DataFrame({"stratum": [outer[code] for code in stratum_of], "psu": [inner[code] for code in psu_of]})
    return frame, [np.searchsorted(found, key) for key in keys]


def _group_codes(chunks: list[Chunk], names: Columns) -> tuple[pd.DataFrame, list[Any]]:
    """Every combination of subgroup labels (None where NULL), and the number of each household's."""
    numbers: list[Any] = [0] * len(chunks)
    labels: list[list[str | None]] = []
    for name, source in zip(names.parting, names.sources(list(chunks[0].codes)), strict=True):
        values, places = merged(chunks, source)
        grouping = groupings(pd.DataFrame({source: values}), np.ones(len(values)), [name])[1]
        labels.append([*grouping.labels, None])
        of_value = np.append(np.where(grouping.code < 0, len(grouping.labels), grouping.code), len(grouping.labels))
        for at, (chunk, place) in enumerate(zip(chunks, places, strict=True)):
            numbers[at] = numbers[at] * len(labels[-1]) + of_value[place][chunk.codes[source]]
    if not labels:
        return pd.DataFrame(index=[0]), numbers
    grid = pd.MultiIndex.from_product(labels, names=list(names.parting)).to_frame(index=False)
    return grid.astype(object).where(grid.notna(), None), numbers


def _tabulate(names: Columns, units: pd.DataFrame, entries: list[Entries], psus: pd.DataFrame) -> MaskCounts:
    n_units, n_profiles = len(units), 1 << len(names.indicators)
    n_known, left_out, left_out_weight = np.zeros(n_units, np.int64), np.zeros(n_units, np.int64), np.zeros(n_units)
    for at, (unit, mask, known, weight) in enumerate(entries):
        if not known.all():
            left_out += np.bincount(unit[~known], minlength=n_units)
            left_out_weight += np.bincount(unit[~known], weight[~known], minlength=n_units)
            entries[at] = unit, mask, known, weight = unit[known], mask[known], known[known], weight[known]
        n_known += np.bincount(unit, minlength=n_units)
    units["n_households"] = n_known
    units["n_left_out"], units["weight_left_out"] = left_out, left_out_weight
    occurs = np.zeros(n_profiles, dtype=bool)
    for _, mask, *_ in entries:
        occurs[mask] = True
    masks = np.flatnonzero(occurs)
    column = np.cumsum(occurs) - 1
    codes = _side_by_side(lambda entry: entry[0] * len(masks) + column[entry[1]], entries)
    code = np.concatenate(codes)
    weights, households = _counted(code, np.concatenate([weight for *_, weight in entries]), (n_units, len(masks)))
    return MaskCounts(names.indicators, names.parting, masks.astype(np.uint16), units, weights, households, psus)


def _counted(code: np.ndarray, weight: np.ndarray, shape: tuple[int, int]) -> tuple[Any, Any]:
    """Sums of weights, and numbers of households, by flattened place: dense where that is no larger than what it came from, else
    sparse."""
    size = shape[0] * shape[1]
    if size <= 4 * len(code):
        dense = np.bincount(code, weight, minlength=size), np.bincount(code, minlength=size).astype(float)
        return dense[0].reshape(shape), dense[1].reshape(shape)
    from scipy.sparse import csr_array

    found, rank = np.unique(code, return_inverse=True)
    at = np.divmod(found, max(shape[1], 1))
    sums = np.bincount(rank, weight, minlength=len(found)), np.bincount(rank, minlength=len(found)).astype(float)
    return csr_array((sums[0], at), shape=shape), csr_array((sums[1], at), shape=shape)


# ---- areas and subgroups


def cells_of(counts: MaskCounts, hierarchy: Hierarchy) -> Cells:
    """Every area of every level x every subgroup that occurs, largest areas first, and the units that make it up.

    Parameters
    ----------
    counts : MaskCounts
    hierarchy : Hierarchy
        A household whose area is known only as one of the published level counts there and in the country, and in no
        smaller area.
    """
    from scipy.sparse import csr_array

    units = counts.units
    codes, names = pd.factorize(units["area_id"], use_na_sentinel=False)
    areas = areas_of(hierarchy, pd.Series(names, dtype=object))
    persons = (units["population"] == "").to_numpy()
    labels = [np.where(persons, ALL, units["population"].to_numpy())]
    labels += [units[name].where(persons, None).to_numpy(dtype=object) for name in counts.subgroups]
    found = list(dict.fromkeys([ALL, *sorted({str(x) for group in labels for x in group[pd.notna(group)]})]))
    place = {label: number for number, label in enumerate(found)}
    groups = [np.array([place.get(label, -1) for label in group]) for group in labels]
    keys, unit = [], []
    for level in range(len(hierarchy.levels)):
        area = areas[codes, level]
        for group in groups:
            inside = np.flatnonzero((area >= 0) & (group >= 0))
            keys.append(area[inside] * len(found) + group[inside])
            unit.append(inside)
    cells, number = np.unique(np.concatenate(keys), return_inverse=True)
    links = (np.ones(len(number)), (number, np.concatenate(unit)))
    rollup = csr_array(links, shape=(len(cells), len(units)))
    which, label = np.divmod(cells, len(found))
    table = pd.DataFrame(
        {
            "area_id": hierarchy.ids[which],
            "area_level": hierarchy.level_names[which],
            "subgroup": np.array(found, dtype=object)[label],
        }
    )
    kept = rollup @ np.asarray(counts.weight.sum(axis=1)).ravel()
    left_out = rollup @ units["weight_left_out"].to_numpy()
    table["n_households"] = np.rint(rollup @ units["n_households"].to_numpy()).astype(np.int64)
    table["n_left_out"] = np.rint(rollup @ units["n_left_out"].to_numpy()).astype(np.int64)
    everyone = kept + left_out
    table["share_left_out"] = np.divide(left_out, everyone, out=np.full(len(table), np.nan), where=everyone > 0)
    return Cells(table, rollup)


def holders(counts: MaskCounts, cells: Cells) -> pd.DataFrame:
    """Who holds each set of deprivations in each cell: ``cell`` (row of ``cells.table``), ``column`` (place in ``counts.masks``), the
    ``n_households`` and the ``n_clusters`` that they live in. Sets that nobody holds have no row."""
    from scipy.sparse import csr_array

    entries = csr_array(counts.households).tocoo()
    unit, column = entries.coords
    of_unit = cells.rollup.tocsc()
    n_cells = np.diff(of_unit.indptr)[unit]
    entry = np.repeat(np.arange(len(unit)), n_cells)
    within = np.arange(len(entry)) - np.repeat(np.cumsum(n_cells) - n_cells, n_cells)
    rows = pd.DataFrame(
        {
            "cell": of_unit.indices[of_unit.indptr[unit][entry] + within],
            "column": column[entry],
            "psu": counts.units["psu_code"].to_numpy()[unit][entry],
            "n_households": entries.data[entry],
        }
    )
    of_set = rows.groupby(["cell", "column"], sort=True)
    found = of_set["n_households"].sum().round().astype(np.int64).to_frame()
    return found.assign(n_clusters=of_set["psu"].nunique()).reset_index()


# ---- the algebra of profiles


def profile_bits(masks: np.ndarray, n_indicators: int) -> np.ndarray:
    """Which indicators each mask holds: float array of 0 and 1, shape (n_masks, d).

    Examples
    --------
    >>> profile_bits(np.array([0b00, 0b01, 0b10]), 2).tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    return ((np.asarray(masks, dtype=np.int64)[:, None] >> np.arange(n_indicators)) & 1).astype(float)


def pair_index(n_indicators: int) -> tuple[np.ndarray, np.ndarray]:
    """First and second indicator of each of the d(d-1)/2 pairs, first below second.

    Examples
    --------
    >>> [part.tolist() for part in pair_index(3)]
    [[0, 0, 1], [1, 2, 2]]
    """
    return np.triu_indices(n_indicators, k=1)
