"""Households as a few small numbers each: mask, area, subgroup, primary sampling unit, weight.

Belongs here: turning a frame or a Parquet file of households into codes, chunk by chunk, and checking what it holds. Does not
belong here: counting (``masks``).

A chunk of some 130,000 households stays in the processor's cache, and chunks of a file are read and coded side by side, which
is what makes a country's register as quick to read here as in a database. Codes of a chunk are its own; `merged` makes them
one, in an order that depends on the values alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.errors import ContractViolation, SpecificationError
from poverty_assets.measurement.domains import groupings

MOST_INDICATORS = 16
CHUNK = 1 << 17
PARTS_PERSONS = ("age_group",)
"""Subgroups of the persons within a household; all others part households."""
SOURCES = {"hh_size_class": "hh_size", "age_group": "n_children"}
"""Column that a subgroup is made from where the households have none of its name."""


Table: TypeAlias = "pd.DataFrame | Mapping[str, Any]"
"""Columns of households by name."""


@dataclass(frozen=True)
class Columns:
    """Names of the columns to read.

    Attributes
    ----------
    indicators : tuple of str
        In the measure's order: 1, 0 or NULL.
    subgroups : tuple of str
        As in ``domains.groupings``: columns that part households (``is_urban``), and ``age_group``, which counts the children
        and the adults of each household.
    area, weight : str
    size : str, optional
        None weighs households, not persons.
    psu, stratum : str, optional
        ``psu=None`` leaves the sampling design out, strata with it (a register or census).
    """

    indicators: tuple[str, ...]
    subgroups: tuple[str, ...] = ()
    area: str = "area_id"
    weight: str = "weight"
    size: str | None = "hh_size"
    psu: str | None = "psu"
    stratum: str | None = "stratum"

    def __post_init__(self) -> None:
        if self.psu is None:
            object.__setattr__(self, "stratum", None)

    @property
    def coded(self) -> tuple[str, ...]:
        """Columns that become codes, the area first."""
        return (self.area, *(name for name in (self.psu, self.stratum) if name))

    @property
    def parting(self) -> tuple[str, ...]:
        """Subgroups that part households."""
        return tuple(name for name in self.subgroups if name not in PARTS_PERSONS)

    def sources(self, there: Sequence[str]) -> tuple[str, ...]:
        """Column that each of ``parting`` is made from."""
        return tuple(name if name in there else SOURCES.get(name, name) for name in self.parting)


@dataclass(frozen=True)
class Chunk:
    """Codes of some households.

    ``codes`` and ``values`` have an entry for each coded column; code -1 is NULL. ``people`` has, for each subgroup of
    persons, its label and the weight of its persons in each household.
    """

    mask: np.ndarray
    known: np.ndarray
    weight: FloatArray
    codes: dict[str, np.ndarray]
    values: dict[str, Any]
    people: list[tuple[str, FloatArray]]


def household_masks(households: Table, indicators: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Bitmask of each household, and whether all its indicators are known.

    Parameters
    ----------
    households : DataFrame or mapping of str to array
        One column per indicator: 1 deprived, 0 not, NULL not known.
    indicators : sequence of str
        The measure's order; at most 16.

    Returns
    -------
    masks : ndarray of uint16, shape (n,)
        Bits of unknown indicators are 0.
    known : ndarray of bool, shape (n,)

    Raises
    ------
    ContractViolation
        If a column is missing or holds a value other than 0, 1 and NULL.
    SpecificationError
        If there are no indicators, more than 16, or one twice.
    """
    if not 1 <= len(indicators) <= MOST_INDICATORS or len(set(indicators)) != len(indicators):
        raise SpecificationError(
            f"{len(indicators)} indicators ({len(set(indicators))} different) cannot be one mask",
            remedy=f"a measure has 1 to {MOST_INDICATORS} different indicators",
        )
    _need_columns(households, indicators)
    n = len(households[indicators[0]])
    masks, known = np.zeros(n, dtype=np.uint16), np.ones(n, dtype=bool)
    for bit, name in enumerate(indicators):
        values, missing = _zero_one(households[name], name)
        masks |= values.astype(np.uint16) << np.uint16(bit)
        if missing is not None:
            known &= ~missing
    return masks, known


def _zero_one(column: Any, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Values of an indicator column with 0 for NULL, and where it is NULL (None where nowhere)."""
    missing = None
    if isinstance(column, np.ndarray) and column.dtype.kind in "bui":
        values = column
    else:
        series = pd.Series(column)
        missing = series.isna().to_numpy()
        numbers = pd.to_numeric(series, errors="coerce").astype("Float64").fillna(-1).to_numpy(dtype=float)
        values = np.where(missing, 0, numbers)
    if values.dtype != bool and len(values) and not (values.min() >= 0 and values.max() <= 1 and _is_whole(values)):
        wrong = (values != 0) & (values != 1)
        raise _refusal(
            column, name, wrong, "neither 0, 1 nor NULL", "code it 1 deprived, 0 not deprived, NULL not known"
        )
    return values, missing if missing is not None and missing.any() else None


def _is_whole(values: np.ndarray) -> bool:
    return values.dtype.kind != "f" or bool((values == np.floor(values)).all())


def _refusal(column: Any, name: str, wrong: np.ndarray, what: str, remedy: str) -> ContractViolation:
    """The error for values that cannot be used, with their number and the first."""
    at = int(np.argmax(wrong))
    series = pd.Series(column)
    return ContractViolation(
        f"{int(wrong.sum())} values of {name} are {what}; the first is {series.iloc[at]}",
        place=f"household {series.index[at]}, column {name}",
        remedy=remedy,
    )


def _need_columns(households: Table, names: Sequence[str]) -> None:
    absent = [name for name in names if name not in households]
    if absent:
        raise ContractViolation(
            f"{len(absent)} columns are missing from the households; the first is {absent[0]!r}",
            remedy="map every indicator and design column in the survey's survey.yaml",
        )


def coded(households: Table, columns: Columns) -> Chunk:
    """Code one chunk of households.

    Raises
    ------
    ContractViolation
        If a column is missing; an indicator is not 0, 1 or NULL; a weight or size is missing, infinite or below 0; or a
        sampling unit or stratum is missing.
    """
    sources = columns.sources(list(households.keys()))
    _need_columns(households, [*columns.coded, columns.weight, *([columns.size] if columns.size else []), *sources])
    masks, known = household_masks(households, columns.indicators)
    codes: dict[str, np.ndarray] = {}
    values: dict[str, Any] = {}
    for name in dict.fromkeys((*columns.coded, *sources)):
        codes[name], values[name] = _coded_column(households[name])
        if name in columns.coded[1:] and (codes[name] < 0).any():
            raise _refusal(
                households[name], name, codes[name] < 0, "missing", "give every household its PSU and stratum"
            )
    weight = _number(households[columns.weight], columns.weight)
    size = None if columns.size is None else _number(households[columns.size], columns.size)
    people = _people(households, columns, weight, size)
    return Chunk(masks, known, weight if size is None else weight * size, codes, values, people)


def _coded_column(column: Any) -> tuple[np.ndarray, Any]:
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(), column.cat.categories
    if isinstance(kind, np.dtype) and kind in (np.dtype(bool), np.dtype(np.uint8)):
        small = np.asarray(column).view(np.uint8)  # 256 values at most: looked up, not hashed
        found = np.flatnonzero(np.bincount(small, minlength=256))
        place = np.zeros(256, dtype=np.int16)
        place[found] = np.arange(len(found))
        return place[small], found.astype(kind)
    return pd.factorize(column)


def _number(column: Any, name: str) -> FloatArray:
    values: FloatArray = (
        column.astype(float) if isinstance(column, np.ndarray) else column.to_numpy(dtype=float, na_value=np.nan)
    )
    if not (values.min(initial=0) >= 0 and values.max(initial=0) < np.inf):  # NaN fails the first
        wrong = ~(np.isfinite(values) & (values >= 0))
        raise _refusal(column, name, wrong, "not a finite number of 0 or more", f"give every household its {name}")
    return values


def _people(
    households: Table, columns: Columns, weight: FloatArray, size: FloatArray | None
) -> list[tuple[str, FloatArray]]:
    wanted = [name for name in columns.subgroups if name in PARTS_PERSONS]
    if not wanted:
        return []
    if size is None:
        remedy = "name the column of persons"
        raise SpecificationError(f"{wanted[0]} parts persons, and households are counted", remedy=remedy)
    there = [SOURCES[name] for name in wanted if SOURCES[name] in households]
    parts = groupings(pd.DataFrame({name: households[name] for name in there}), size, wanted)[1:]
    return [(part.labels[0], np.where(part.code < 0, 0.0, part.people) * weight) for part in parts]


def chunks_of_frame(households: pd.DataFrame, columns: Columns) -> Iterator[Chunk]:
    """Code a frame, a chunk at a time."""
    for start in range(0, max(len(households), 1), CHUNK):
        yield coded(households.iloc[start : start + CHUNK], columns)


def chunks_of_parquet(path: str | Path, columns: Columns, n_threads: int) -> list[Chunk]:
    """Code a Parquet file, its row groups side by side; only the columns needed are read."""
    from concurrent.futures import ThreadPoolExecutor

    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    numbers = [*columns.indicators, columns.weight, *([columns.size] if columns.size else [])]
    sources = [*columns.sources(schema.names), *(SOURCES[name] for name in columns.subgroups if name in PARTS_PERSONS)]
    wanted = [name for name in dict.fromkeys([*numbers, *columns.coded, *sources]) if name in schema.names]

    def some(first: int) -> list[tuple[int, list[Chunk]]]:
        with pq.ParquetFile(path, read_dictionary=[columns.area], memory_map=True) as file:
            return [
                (group, _chunks_of_table(file.read_row_group(group, wanted, use_threads=False), columns))
                for group in range(first, file.num_row_groups, n_threads)
            ]

    with ThreadPoolExecutor(n_threads) as pool:
        parts = sorted((part for parts in pool.map(some, range(n_threads)) for part in parts), key=lambda part: part[0])
    return [chunk for _, chunks in parts for chunk in chunks]


def _chunks_of_table(table: Any, columns: Columns) -> list[Chunk]:
    return [coded(_arrays(table.slice(at, CHUNK)), columns) for at in range(0, max(len(table), 1), CHUNK)]


def _arrays(table: Any) -> dict[str, Any]:
    """Columns without NULLs as arrays, others as series that keep whole numbers and flags whole."""
    import pyarrow as pa

    nullable = {pa.bool_(): pd.BooleanDtype(), pa.int8(): pd.Int8Dtype(), pa.uint8(): pd.UInt8Dtype()}
    nullable |= {pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}
    simple = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating)
    out: dict[str, Any] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        plain = column.null_count == 0 and any(is_kind(column.type) for is_kind in simple)
        out[name] = column.to_numpy() if plain else column.to_pandas(types_mapper=nullable.get)
    return out


def merged(chunks: Sequence[Chunk], name: str) -> tuple[list[Any], list[IntArray]]:
    """Values of a coded column over all chunks, sorted, and for each chunk the place of each of its own values.

    The places end with -1, so that a code of -1 (NULL) looks up -1.
    """
    lists = [np.asarray(chunk.values[name], dtype=object) for chunk in chunks]
    new = [number for number, values in enumerate(lists) if not number or not np.array_equal(values, lists[number - 1])]
    found = sorted(set().union(*(lists[number].tolist() for number in new)))
    place = {value: number for number, value in enumerate(found)}
    places: list[IntArray] = []
    for number, values in enumerate(lists):
        same = number not in new
        places.append(places[-1] if same else np.array([*map(place.__getitem__, values), -1], dtype=np.int64))
    return found, places
