"""Area codes of other years and sources, mapped to the areas of the warehouse.

Belongs here: the rules that map a code, applied in one order to every source. Does not belong here: which areas were
renumbered (``country.yaml``), or what any source counts.

The rules, in order: the code is an area's own; it was renumbered; the area that it lay in was renumbered, and one of that name
lies in the new one; exactly one area of the finest level bears the same name in the same area of the published level (and is not
claimed by its own code in this source); the unit is one of those that sources of names list, or what held it is an area, so that
it counts there but in none of the finest. A code that none of them places is an error of the source. Where a code lies that is
no area's, its own form says (``pack.levels``).
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from poverty_assets.errors import ContractViolation
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.pack.country import Country
from poverty_assets.pack.source import SourceSpec


def normalised_name(name: object) -> str:
    """Case-, accent-, space- and punctuation-insensitive form of a name.

    Examples
    --------
    >>> normalised_name("Krâchéh  (Town)")
    'krachehtown'
    """
    if not isinstance(name, str):
        return ""
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", name)).casefold()
    return "".join(letter for letter in plain if unicodedata.category(letter)[0] in "LMN")


_ACCENTS = re.compile("[\u0300-\u036f]")


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
        names = areas.set_index("area_id")["name_en"].map(normalised_name)
        named: dict[tuple[str, str], list[str]] = defaultdict(list)
        for code in hierarchy.codes(hierarchy.finest):
            for holder in hierarchy.line(code)[1:]:
                named[holder, names[code]].append(code)
        return cls(hierarchy, named, claimed)

    def is_area(self, code: str | None) -> bool:
        """Whether an area of any level has this code."""
        return code is not None and bool(self.hierarchy.number([code])[0] >= 0)

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


def map_codes(
    source_id: str, codes: pd.DataFrame, areas: pd.DataFrame, country: Country, known: set[str], file: object
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

    Raises
    ------
    ContractViolation
        If a code is in no area and nothing is known of it.
    """
    places = _Places.of(areas, set(codes["area_code"]))
    unique = codes.drop_duplicates("area_code")
    names = unique["name_en"] if "name_en" in unique else pd.Series([""] * len(unique), index=unique.index)
    placed = [
        _placed(code, name, places, country, known)
        for code, name in zip(unique["area_code"], names.map(normalised_name), strict=True)
    ]
    unplaced = [code for code, found in zip(unique["area_code"], placed, strict=True) if found is None]
    if unplaced:
        row = int(np.flatnonzero(codes["area_code"].to_numpy() == unplaced[0])[0]) + 1
        raise ContractViolation(
            f"{len(unplaced)} of {len(unique)} area codes are unknown; first {unplaced[0]!r}",
            file=file,
            place=f"record {row}",
            remedy="correct the code, or enter the renumbered area in country.yaml",
        )
    rows = [(source_id, code, *found) for code, found in zip(unique["area_code"], placed, strict=True) if found]
    frame = pd.DataFrame(rows, columns=["source_id", "source_code", "area_id", "parent_id", "how"])
    doubled = frame["area_id"].notna() & frame["area_id"].duplicated(keep=False) & (frame["how"] == "same_name")
    frame.loc[doubled, ["area_id", "how"]] = [None, "known_without_boundary"]
    return frame


def _placed(
    code: str, name: str, places: _Places, country: Country, known: set[str]
) -> tuple[str | None, str, str] | None:
    """Area, the one that holds it, and how it was found; None for a code that is nowhere."""
    if places.is_area(code):
        return code, places.holder(code), "same_code"
    renumbered = {area.old: area.new for area in country.renumbered}
    if places.is_area(renumbered.get(code)):
        return renumbered[code], places.holder(renumbered[code]), "renumbered"
    larger = country.levels.ids[-2:0:-1]
    line = [country.code_at(code, level) for level in larger]
    moved = next((renumbered[area] for area in line if area in renumbered), None)
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


def map_sources(
    specs: Sequence[SourceSpec],
    read: Callable[[str], pd.DataFrame | None],
    areas: pd.DataFrame,
    country: Country,
    lists: Sequence[str] = (),
) -> pd.DataFrame:
    """Crosswalk rows of every source that carries codes of areas and had been observed; ``lists`` are sources that tell which
    codes there are."""
    known = {code for source_id in lists for code in _codes(read(source_id))}
    parts = []
    for spec in specs:
        frame = read(spec.source_id)
        if frame is not None:
            parts.append(map_codes(spec.source_id, frame, areas, country, known, spec.path))
    columns = ["source_id", "source_code", "area_id", "parent_id", "how"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _codes(frame: pd.DataFrame | None) -> list[str]:
    return [] if frame is None or "area_code" not in frame else [str(code) for code in frame["area_code"]]


def areas_of_codes(codes: pd.Series, crosswalk: pd.DataFrame) -> pd.Series:
    """Area of each code of one source: its own, else the lowest that certainly holds it; missing for a code that has no row.

    Parameters
    ----------
    codes : Series
    crosswalk : DataFrame (catalog: ``area_crosswalk``)
        The rows of the source.
    """
    mapped = crosswalk.set_index("source_code")
    return codes.map(mapped["area_id"].fillna(mapped["parent_id"]))
