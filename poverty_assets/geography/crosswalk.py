"""Area codes of other years and sources, mapped to the areas of the warehouse.

Belongs here: the rules that map a code, applied in one order to every source, and spreading a source's rows over the areas that its codes
became. Does not belong here: which areas changed (``pack.editions``), or what any source counts.

The rules, in order: the code is one that changed since the edition that the source says its codes are of; it is an area's own; it
changed between any other edition and this one; the area that it lay in did, and one of that name lies in the new one; exactly one
area of the finest level bears the same name in the same area of the published level (and is not claimed by its own code in this
source); the unit is one of those that sources of names list, or what held it is an area, so that it counts there but in none of the
finest. A code that none of them places is an error of the source. Where a code lies that is no area's, its own form says (``pack.levels``).

A code that became several areas has a row for each, with the share of its people; shares of a code sum to 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.errors import ContractViolation
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.pack.country import Country
from poverty_assets.pack.editions import Parts
from poverty_assets.pack.keys import letters_of
from poverty_assets.pack.source import SourceSpec, SurveySource, TableSource, VectorSource

COLUMNS = ("source_id", "source_code", "part", "area_id", "parent_id", "how", "weight")


@dataclass(frozen=True)
class _Places:
    """Where a code, or the name of an area of the finest level within a larger one, leads.

    Attributes
    ----------
    hierarchy : Hierarchy
    named : dict
        Areas of the finest level by holder (of any level) and normalised name.
    claimed : set of str
        Codes of the source.
    """

    hierarchy: Hierarchy
    named: dict[tuple[str, str], list[str]]
    claimed: set[str]

    @classmethod
    def of(cls, areas: pd.DataFrame, claimed: set[str]) -> _Places:
        """Places of the table of areas; ``claimed`` are codes of the source."""
        hierarchy = Hierarchy.of(areas)
        names = areas.set_index("area_id")["name_en"].map(letters_of)
        named: dict[tuple[str, str], list[str]] = defaultdict(list)
        for code in hierarchy.codes(hierarchy.finest):
            for holder in hierarchy.line(code)[1:]:
                named[holder, names[code]].append(code)
        return cls(hierarchy, named, claimed)

    def is_area(self, code: str | None) -> bool:
        """Whether an area of any level has this code."""
        return code is not None and code in self.hierarchy

    def is_larger(self, code: str | None) -> bool:
        """Whether an area of a larger level than the finest has this code."""
        return self.is_area(code) and code not in self._finest

    @cached_property
    def _finest(self) -> set[str]:
        return set(self.hierarchy.codes(self.hierarchy.finest))

    def holder(self, code: str) -> str:
        """The area that one lies in; the country in itself."""
        line = self.hierarchy.line(code)
        return line[min(1, len(line) - 1)]

    def only(self, holder: str | None, name: str, *, unclaimed: bool) -> str | None:
        """The one area of a name in a larger one, if there is just one."""
        if holder is None or not name:
            return None
        found = [code for code in self.named.get((holder, name), []) if not (unclaimed and code in self.claimed)]
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True)
class CodeChanges:
    """What became of codes of other editions.

    Attributes
    ----------
    codes : mapping of str to tuple of (str, float)
        Of a code, those of areas that it is now, with shares of its people.
    first : bool
        The source's codes are known to be of another edition: a code that changed is no area's own, though it looks like one.
    """

    codes: Parts = field(default_factory=dict)
    first: bool = False

    @classmethod
    def of(cls, source: SourceSpec, country: Country, edition: str | None) -> CodeChanges:
        """Those of a source's codes, where boundaries are of an edition."""
        if edition is None:
            return cls()
        own = source.options.edition if isinstance(source, TableSource | SurveySource) else None
        if own is not None:
            return cls(country.editions.between(own, edition), first=True)
        return cls(country.editions.into(edition))


NO_CHANGES = CodeChanges()


def map_codes(
    source_id: str,
    codes: pd.DataFrame,
    areas: pd.DataFrame,
    country: Country,
    known: set[str],
    file: object,
    changes: CodeChanges = NO_CHANGES,
) -> pd.DataFrame:
    """Crosswalk rows (catalog: ``area_crosswalk``) of one source.

    Parameters
    ----------
    source_id : str
    codes : DataFrame
        ``area_code`` (codes of areas of any level as the source writes them) and, where it has them, ``name_en``.
    areas : DataFrame (catalog: ``dim_area``)
    country : Country
    known : set of str
        Codes that sources of names list, of any year.
    file : path named in messages
    changes : CodeChanges

    Raises
    ------
    ContractViolation
        If a code is in no area and nothing is known of it.
    """
    places = _Places.of(areas, set(codes["area_code"]))
    unique = codes.drop_duplicates("area_code")
    names = unique["name_en"] if "name_en" in unique else pd.Series([""] * len(unique), index=unique.index)
    placed = [
        _parts(code, name, places, country, known, changes)
        for code, name in zip(unique["area_code"], names.map(letters_of), strict=True)
    ]
    unplaced = [code for code, found in zip(unique["area_code"], placed, strict=True) if not found]
    if unplaced:
        row = int(np.flatnonzero(codes["area_code"].to_numpy() == unplaced[0])[0]) + 1
        raise ContractViolation(
            f"{len(unplaced)} of {len(unique)} area codes are unknown; first {unplaced[0]!r}",
            file=file,
            place=f"record {row}",
            remedy="correct the code, or enter what became of the area in a table of changes (editions in country.yaml)",
        )
    rows = [
        (source_id, code, number, *part)
        for code, found in zip(unique["area_code"], placed, strict=True)
        for number, part in enumerate(found, start=1)
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    doubled = frame["area_id"].notna() & frame["area_id"].duplicated(keep=False) & (frame["how"] == "same_name")
    frame.loc[doubled, ["area_id", "how"]] = [None, "known_without_boundary"]
    return frame


_Part = tuple[str | None, str, str, float]


def _parts(
    code: str, name: str, places: _Places, country: Country, known: set[str], changes: CodeChanges
) -> list[_Part]:
    """Area, the one that holds it, how it was found, and the share of people, for each part; none for a code that is nowhere."""
    became = changes.codes.get(code, ())
    if became and (changes.first or not places.is_area(code)):
        how = "renumbered" if len(became) == 1 else "split"
        parts: list[_Part] = []
        for other, share in became:
            own = (other, places.holder(other), how) if places.is_area(other) else None
            own_or_by_name = own or _placed(other, name, places, country, known, CodeChanges())
            if own_or_by_name is None:
                return []
            parts.append((*own_or_by_name, share))
        return parts
    found = _placed(code, name, places, country, known, changes)
    return [] if found is None else [(*found, 1.0)]


def _placed(
    code: str, name: str, places: _Places, country: Country, known: set[str], changes: CodeChanges
) -> tuple[str | None, str, str] | None:
    """Area, the one that holds it, and how it was found, of a code that has not changed itself; None for one that is nowhere."""
    if places.is_area(code):
        return code, places.holder(code), "same_code"
    larger = country.levels.ids[-2:0:-1]
    line = [country.code_at(code, level) for level in larger]
    moved = _moved(line, places, changes)
    if moved is not None:
        line = [moved, country.code_at(moved, country.levels.published)]
    by_move = places.only(moved, name, unclaimed=False)
    by_name = places.only(line[-1], name, unclaimed=True)
    for found, how in ((by_move, "renumbered"), (by_name, "same_name")):
        if found is not None:
            return found, places.holder(found), how
    holder = next((area for area in line if places.is_larger(area)), None)
    if holder is None or not (code in known or places.is_larger(line[0])):
        return None
    return None, holder, "known_without_boundary"


def _moved(line: Sequence[str | None], places: _Places, changes: CodeChanges) -> str | None:
    """The area that the nearest of these larger ones is now, if that changed; None where it stayed or was divided."""
    for area in line:
        became = changes.codes.get(area or "", ())
        if became and (changes.first or not places.is_area(area)):
            return became[0][0] if len(became) == 1 else None
        if places.is_area(area):
            return None
    return None


def areas_of_units(
    codes: pd.Series, source: SourceSpec, areas: pd.DataFrame, country: Country, boundaries: VectorSource
) -> pd.Series:
    """Area of each unit of a survey by the code that it names, on the boundaries' edition: its own, that which it became, or, of one
    that was divided or has no boundary, the smallest that holds it whole. Missing where nothing is known of the code.

    Parameters
    ----------
    codes : Series
        A code for each unit; missing where its area is not known.
    source : SourceSpec
        The survey.
    areas : DataFrame (catalog: ``dim_area``)
    """
    changes, there = CodeChanges.of(source, country, edition_in_use(boundaries, country)), set(areas["area_id"])
    named = pd.unique(codes.dropna())
    moved = [code for code in named if code not in there or (changes.first and code in changes.codes)]
    if not moved:
        return codes
    places = _Places.of(areas, set(named))
    found = {code: _holding(_parts(code, "", places, country, set(), changes), places.hierarchy) for code in moved}
    placed = codes.astype(object).map(lambda code: found.get(code, code), na_action="ignore")
    return pd.Series([None if pd.isna(code) else code for code in placed], index=codes.index, dtype=object)


def _holding(parts: list[_Part], hierarchy: Hierarchy) -> str | None:
    """The smallest area that holds all parts of a code; None where there are none."""
    lines = [hierarchy.line(area or holder) for area, holder, *_ in parts]
    return next((one for one in lines[0] if all(one in line for line in lines)), None) if lines else None


def edition_in_use(boundaries: VectorSource, country: Country) -> str | None:
    """Edition that the boundaries are of; None where the pack tells none apart."""
    edition = boundaries.options.edition or country.editions.last
    if edition is not None:
        country.editions.place(edition)  # refuses one that there is not
    return edition


def map_sources(
    specs: Sequence[TableSource],
    read: Callable[[str], pd.DataFrame | None],
    areas: pd.DataFrame,
    country: Country,
    boundaries: VectorSource,
) -> pd.DataFrame:
    """Crosswalk rows of every source that carries codes of areas and had been observed; what ``boundaries`` take names from tells which
    codes there are."""
    known = {code for source_id in boundaries.options.names_from for code in _codes(read(source_id))}
    edition = edition_in_use(boundaries, country)
    parts = [pd.DataFrame(columns=list(COLUMNS))]
    for spec in specs:
        frame = read(spec.source_id)
        if frame is not None:
            changes = CodeChanges.of(spec, country, edition)
            parts.append(map_codes(spec.source_id, frame, areas, country, known, spec.path, changes))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def _codes(frame: pd.DataFrame | None) -> list[str]:
    return [] if frame is None or "area_code" not in frame else [str(code) for code in frame["area_code"]]


def spread(frame: pd.DataFrame, crosswalk: pd.DataFrame, counts: Sequence[str] = ()) -> pd.DataFrame:
    """Rows of a source as rows of areas: each of its own, else of the lowest that certainly holds it; a unit that was divided has a row for
    each part.

    Parameters
    ----------
    frame : DataFrame
        With ``area_code``.
    crosswalk : DataFrame (catalog: ``area_crosswalk``)
        The rows of the source. A code that has none has no area.
    counts : sequence of str
        Columns of whole numbers that are divided among the parts by their shares, as whole numbers that sum to the whole.

    Returns
    -------
    DataFrame
        With ``area_id`` (of its own or the holder's), ``own_area_id`` (None where it has no boundary) and ``share``.
    """
    rows = crosswalk.assign(lowest=crosswalk["area_id"].fillna(crosswalk["parent_id"]))
    rows = rows[["source_code", "lowest", "area_id", "weight"]]
    at = pd.Series(np.arange(len(frame)), name="at")
    codes = pd.DataFrame({"source_code": frame["area_code"].to_numpy(), "at": at})
    parts = codes.merge(rows, on="source_code", how="left").sort_values("at", kind="stable")
    place = parts["at"].to_numpy()
    share = parts["weight"].fillna(1.0).to_numpy(dtype=float)
    out = frame.iloc[place].reset_index(drop=True)
    for name in counts:
        out[name] = apportioned(out[name], share, place)
    area = {"area_id": "lowest", "own_area_id": "area_id"}
    return out.assign(**{name: parts[column].to_numpy() for name, column in area.items()}, share=share)


def apportioned(values: pd.Series, share: FloatArray, row: IntArray) -> pd.Series:
    """Whole numbers divided among the parts of each row, as whole numbers that sum to the whole (largest remainders, ties to the first);
    a missing one stays so.

    Examples
    --------
    >>> apportioned(pd.Series([7, 7, 4]), np.array([0.5, 0.5, 1.0]), np.array([0, 0, 1])).tolist()
    [4, 3, 4]
    """
    if not len(values) or (np.diff(row) > 0).all():
        return values
    whole = values.to_numpy(dtype=float, na_value=np.nan)
    exact = np.nan_to_num(whole) * share
    floor = np.floor(exact + 1e-9)
    lacking = np.rint(np.nan_to_num(whole) - np.bincount(row, floor)[row])
    order = np.lexsort((np.arange(len(row)), -(exact - floor), row))
    rank = np.empty(len(row))
    rank[order] = pd.Series(row[order]).groupby(row[order]).cumcount()
    made = pd.Series(floor + (rank < lacking), index=values.index)
    return made.where(~np.isnan(whole)).astype(values.dtype)
