"""How many people and households live in each area, from the sources that count them.

Belongs here: numbers of areas of every level, what a source's own number of a larger area is good for, and what is said of it.
Does not belong here: the areas themselves (``areas``), or which area a row is of (``crosswalk``).

Estimates weigh the areas of the finest level by their people. So a number of a larger area helps only where there is one area in it, which
then has it; else it stands in place of a sum that some of its parts would be missing from.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.geography.crosswalk import spread
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.pack.source import SourceSpec, TableSource

Read = Callable[[str], "pd.DataFrame | None"]
"""Gives the rows of a source as the quarter sees it, or None where it had not been observed."""
UNKNOWN_PARTS = "population_parts_unknown"
SOURCE, MIXED = "population_source", "population_is_mixed"
"""Columns beside those of ``dim_area``: the source that most people of an area are counted by, and whether some are by another."""
MOST_APART = 0.01
"""Share by which a larger area's own number may differ from the sum of its parts before that is said."""
_SHOWN = 5
_NOBODY = 1e-9


def counts_from_sources(
    areas: pd.DataFrame, crosswalk: pd.DataFrame, specs: Sequence[SourceSpec], read: Read, said: list[str] | None = None
) -> pd.DataFrame:
    """Fill in the counts of people from the sources that state ``area_attributes``, the newest observation last; see ``add_counts``."""
    tables = []
    for spec in sorted(specs, key=lambda s: (s.observed_to or dt.date.max, s.source_id)):
        if not isinstance(spec, TableSource) or spec.options.area_attributes is None:
            continue
        frame = read(spec.source_id)
        if frame is not None:
            attributes = spec.options.area_attributes.model_dump(exclude_none=True)
            tables.append((spec.source_id, attributes, frame, spec.options.urban_value))
    return add_counts(areas, crosswalk, tables, said)


def add_counts(
    areas: pd.DataFrame,
    crosswalk: pd.DataFrame,
    tables: list[tuple[str, dict[str, str], pd.DataFrame, Any]],
    said: list[str] | None = None,
) -> pd.DataFrame:
    """Fill ``population``, ``households``, ``is_urban`` and ``population_parts_unknown`` from sources, the oldest first, so that the
    newest wins.

    Parameters
    ----------
    areas : DataFrame from ``build_areas``
    crosswalk : DataFrame (catalog: ``area_crosswalk``)
    tables : list of (source_id, attribute -> column, frame with ``area_code``, values that mean urban)
        Ordered by the day observed.
    said : list of str, optional
        Takes what was done with numbers of larger areas, a sentence each.

    Notes
    -----
    A larger area is the sum of those in it and of the source's units that have no boundary of their own but lie in it. Where parts of it
    have no number, a source's own number of it stands instead, unless it is smaller than what is known. An area that a source of
    urban status does not list is rural. Beside what ``dim_area`` has, ``SOURCE`` and ``MIXED`` say whose numbers the people are.
    """
    hierarchy = Hierarchy.of(areas)
    areas = areas.set_index("area_id", drop=False)
    finest = areas.index[areas["area_level"] == hierarchy.finest]
    counts = {name: _Count(hierarchy, areas["name_en"]) for name in ("population", "households")}
    for source_id, attributes, frame, urban_values in tables:
        counted_in = [column for attribute, column in attributes.items() if attribute != "is_urban"]
        whole = frame.assign(**{column: np.trunc(frame[column].astype("float64")) for column in counted_in})
        rows = spread(whole, crosswalk[crosswalk["source_id"] == source_id], counted_in)
        for attribute, column in attributes.items():
            if attribute == "is_urban":
                urban = rows[column].astype(str).isin([str(v) for v in urban_values])
                areas["is_urban"] = areas["is_urban"].astype("object")
                areas.loc[finest, "is_urban"] = pd.Index(finest).isin(rows.loc[urban, "area_id"])
            else:
                counts[attribute].take(rows[rows[column].notna()], column, source_id)
    for attribute, count in counts.items():
        values, unknown = count.totals()
        areas[attribute] = _whole(values, hierarchy).reindex(areas.index)
        if attribute == "population":
            areas[UNKNOWN_PARTS] = pd.Series(unknown, index=hierarchy.ids).reindex(areas.index)
            source, mixed = count.sources()
            areas[SOURCE], areas[MIXED] = (
                pd.Series(told, index=hierarchy.ids).reindex(areas.index) for told in (source, mixed)
            )
        if said is not None:
            said += [f"{attribute}: {sentence}" for sentence in count.said]
    return areas.reset_index(drop=True)


def _whole(values: FloatArray, hierarchy: Hierarchy) -> pd.Series:
    return pd.Series(values, index=hierarchy.ids).astype("Int64")


class _Count:
    """One number of every area while sources are read.

    Attributes
    ----------
    own : ndarray, shape (n,)
        Of areas of the finest level; missing where no source says.
    beside : ndarray, shape (n,)
        Of units without a boundary that lie in a larger area.
    stated : ndarray, shape (n,)
        Numbers that sources give larger areas themselves.
    said : list of str
    """

    def __init__(self, hierarchy: Hierarchy, names: pd.Series) -> None:
        self.hierarchy, self.names = hierarchy, names
        self.own, self.beside, self.stated = (np.full(len(hierarchy), np.nan) for _ in range(3))
        self.said: list[str] = []
        self._source = {name: np.full(len(hierarchy), "", dtype=object) for name in ("own", "beside", "stated")}
        self._stands: list[int] = []

    @cached_property
    def _is_finest(self) -> Any:
        return self.hierarchy.level_names == self.hierarchy.finest

    def take(self, rows: pd.DataFrame, column: str, source_id: str) -> None:
        """Rows of a newer source, as ``spread`` makes them: a larger area that it speaks of has no older units beside its areas."""
        number = self.hierarchy.number(rows["area_id"])
        values, has_own = rows[column].to_numpy(dtype=float), rows["own_area_id"].notna().to_numpy()
        there = number >= 0
        larger = there & has_own & ~self._is_finest[number]
        spoken = self.hierarchy.add_up(number[there & ~larger], np.ones(int((there & ~larger).sum()))) > 0
        self.beside[spoken] = np.nan
        for name, mine in (("own", has_own & ~larger), ("stated", larger), ("beside", ~has_own)):
            at, kept = number[mine & there], getattr(self, name)
            sums = np.bincount(at, values[mine & there], len(self.hierarchy))
            kept[at] = sums[at]
            self._source[name][at] = source_id

    def totals(self) -> tuple[FloatArray, IntArray]:
        """Number of every area, missing where nothing is known, and how many areas of the finest level in it are not in that number."""
        self._give_only_children()
        parent, finest = self.hierarchy.parent, self._is_finest
        total = np.where(finest, np.nan_to_num(self.own), 0) + np.nan_to_num(self.beside)
        known = np.isfinite(np.where(finest, self.own, self.beside))
        unknown = (finest & ~known).astype(np.int64)
        used, smaller, apart = [], [], []
        for area in np.argsort(-self.hierarchy.level, kind="stable"):
            stated = self.stated[area]
            if np.isfinite(stated):
                shown = self._shown(area, stated, total[area])
                if unknown[area] and stated >= total[area]:
                    total[area], known[area], unknown[area] = stated, True, 0
                    self._stands.append(int(area))
                    used.append(shown)
                elif unknown[area]:
                    smaller.append(shown)
                elif abs(stated - total[area]) > MOST_APART * stated:
                    apart.append(shown)
            if parent[area] >= 0:
                for values in (total, unknown):
                    values[parent[area]] += values[area]
                known[parent[area]] |= known[area]
        self._say(used, "have a number of their own, which stands since parts of them have none")
        self._say(smaller, "have a number of their own that is less than that of some of their parts, and is not used")
        self._say(apart, "have a number of their own other than the sum of their parts, and the sum stands")
        return np.where(known, total, np.nan), unknown

    def sources(self) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.bool_]]:
        """Which source most people of each area are counted by, None where they are not, and whether others are by another; of what
        ``totals`` has found."""
        names = sorted({name for kept in self._source.values() for name in kept} - {""})
        people = np.zeros((len(names), len(self.hierarchy)))
        for row, name in enumerate(names):
            for kept, values in (("own", self.own), ("beside", self.beside)):
                at = np.flatnonzero((self._source[kept] == name) & np.isfinite(values))
                # an area of nobody is counted, too
                people[row] += self.hierarchy.add_up(at, values[at] + _NOBODY)
            for area in self._stands:
                if self._source["stated"][area] == name:
                    people[:, area] = 0.0
                    people[row, area] = self.stated[area] + _NOBODY
        if not names:
            return np.full(len(self.hierarchy), None, dtype=object), np.zeros(len(self.hierarchy), dtype=bool)
        most = np.array(names, dtype=object)[people.argmax(axis=0)]
        counted = people > 0
        most[~counted.any(axis=0)] = None
        return most, counted.sum(axis=0) > 1

    def _give_only_children(self) -> None:
        """Give an area that is alone in a larger one the number of that."""
        finest = np.flatnonzero(self._is_finest)
        alone = self.hierarchy.add_up(finest, np.ones(len(finest))) == 1
        given = []
        for area in finest[~np.isfinite(self.own[finest])]:
            line = self.hierarchy.number(self.hierarchy.line(self.hierarchy.ids[area])[1:])
            for holder in line[alone[line] & np.isfinite(self.stated[line])][:1]:
                self.own[area] = self.stated[holder]
                self._source["own"][area] = self._source["stated"][holder]
                given.append(f"{self._named(area)} {self.own[area]:,.0f}")
        self._say(given, "are alone in a larger area and have its number")

    def _shown(self, area: int, stated: float, parts: float) -> str:
        return f"{self._named(area)} {stated:,.0f} (parts {parts:,.0f})"

    def _named(self, area: int) -> str:
        code = str(self.hierarchy.ids[area])
        return f"{code} {self.names[code]}"

    def _say(self, shown: list[str], what: str) -> None:
        if shown:
            more = ", ..." if len(shown) > _SHOWN else ""
            self.said.append(f"{len(shown)} areas {what}: {', '.join(shown[:_SHOWN])}{more}")
