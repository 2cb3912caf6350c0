"""Area codes of other years and sources, mapped to the areas of the warehouse.

Belongs here: the rules that map a code, applied in one order to every source. Does not belong here: which districts were
renumbered (``country.yaml``), or what any source counts.

The rules, in order: the code is an area's own; its district was renumbered, and a commune of that name lies in the new
district; exactly one commune of the province bears the same name (and is not claimed by its own code in this source);
the unit is known to the gazetteer, or its district or province is an area, so that it counts there but not in a commune.
A code that none of them places is an error of the source.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from poverty_assets.errors import ContractViolation
from poverty_assets.geography.gazetteer import read_gazetteer
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
    plain = unicodedata.normalize("NFKD", name)
    return re.sub(r"[^0-9a-z\u1780-\u17ff]", "", plain.casefold())


@dataclass(frozen=True)
class _Communes:
    """Where a commune's code, or its name in a district or province, leads.

    Attributes
    ----------
    hierarchy : Hierarchy
    in_district, in_province : dict
        Communes by holder and normalised name; of a province, only those whose own code the source does not have.
    """

    hierarchy: Hierarchy
    in_district: dict[tuple[str, str], list[str]]
    in_province: dict[tuple[str, str], list[str]]

    @classmethod
    def of(cls, areas: pd.DataFrame, claimed: set[str]) -> _Communes:
        """Communes of the table of areas; ``claimed`` are codes of the source."""
        hierarchy = Hierarchy.of(areas)
        names = areas.set_index("area_id")["name_en"].map(normalised_name)
        in_district: dict[tuple[str, str], list[str]] = defaultdict(list)
        in_province: dict[tuple[str, str], list[str]] = defaultdict(list)
        numbers = hierarchy.members(hierarchy.finest)
        districts = hierarchy.ids[hierarchy.parent[numbers]]
        provinces = hierarchy.ids[hierarchy.ancestor(numbers, hierarchy.published)]
        for code, district, province in zip(hierarchy.ids[numbers], districts, provinces, strict=True):
            in_district[district, names[code]].append(code)
            if code not in claimed:
                in_province[province, names[code]].append(code)
        return cls(hierarchy, in_district, in_province)

    def is_commune(self, code: str) -> bool:
        """Whether an area of the finest level has this code."""
        number = int(self.hierarchy.number([code])[0])
        return number >= 0 and self.hierarchy.level[number] == len(self.hierarchy.levels) - 1

    def is_larger(self, code: str) -> bool:
        """Whether an area of a larger level has this code."""
        return self.hierarchy.number([code])[0] >= 0 and not self.is_commune(code)

    def holder(self, code: str) -> str:
        """The area that a commune lies in."""
        return self.hierarchy.line(code)[1]


def map_codes(
    source_id: str, codes: pd.DataFrame, areas: pd.DataFrame, country: Country, known: set[str], file: object
) -> pd.DataFrame:
    """Crosswalk rows (catalog: ``area_crosswalk``) of one source.

    Parameters
    ----------
    source_id : str
    codes : DataFrame
        ``area_code`` (commune codes as the source writes them) and, where it has them, ``name_en``.
    areas : DataFrame (catalog: ``dim_area``)
    country : Country
    known : set of str
        Codes of communes that the gazetteer lists, of any year.
    file : path named in messages

    Raises
    ------
    ContractViolation
        If a code is in no area, province or gazetteer.
    """
    communes = _Communes.of(areas, set(codes["area_code"]))
    unique = codes.drop_duplicates("area_code")
    names = unique["name_en"] if "name_en" in unique else pd.Series([""] * len(unique), index=unique.index)
    placed = [
        _placed(code, name, communes, country, known)
        for code, name in zip(unique["area_code"], names.map(normalised_name), strict=True)
    ]
    unplaced = [code for code, found in zip(unique["area_code"], placed, strict=True) if found is None]
    if unplaced:
        row = int(np.flatnonzero(codes["area_code"].to_numpy() == unplaced[0])[0]) + 1
        raise ContractViolation(
            f"{len(unplaced)} of {len(unique)} commune codes are unknown; first {unplaced[0]!r}",
            file=file,
            place=f"record {row}",
            remedy="correct the code, or enter the renumbered district in country.yaml",
        )
    rows = [(source_id, code, *found) for code, found in zip(unique["area_code"], placed, strict=True) if found]
    frame = pd.DataFrame(rows, columns=["source_id", "source_code", "area_id", "parent_id", "how"])
    doubled = (
        frame["area_id"].notna() & frame["area_id"].duplicated(keep=False) & (frame["how"] == "same_name_in_province")
    )
    frame.loc[doubled, ["area_id", "how"]] = [None, "known_without_boundary"]
    return frame


def _placed(
    code: str, name: str, communes: _Communes, country: Country, known: set[str]
) -> tuple[str | None, str, str] | None:
    """Commune, the area that holds it, and how it was found; None for a code that is nowhere.

    Where a code of another year would lie, its own form says: the table of areas does not hold it.
    """
    if communes.is_commune(code):
        return code, communes.holder(code), "same_code"
    renumbered = {district.old: district.new for district in country.renumbered_districts}
    between, published = communes.hierarchy.levels[-2], communes.hierarchy.published
    moved = renumbered.get(country.code_at(code, between))
    district, province = moved or country.code_at(code, between), country.code_at(moved or code, published)
    same = communes.in_district.get((moved, name), []) if moved and name else []
    alike = communes.in_province.get((province, name), []) if name else []
    for found, how in ((same, "renumbered_district"), (alike, "same_name_in_province")):
        if len(found) == 1:
            return found[0], communes.holder(found[0]), how
    holder = next((area for area in (district, province) if communes.is_larger(area)), None)
    if holder is None or not (code in known or communes.is_larger(district)):
        return None
    return None, holder, "known_without_boundary"


def map_sources(
    specs: Sequence[SourceSpec], read: Callable[[str], pd.DataFrame | None], areas: pd.DataFrame, country: Country
) -> pd.DataFrame:
    """Crosswalk rows of every source that carries commune or village codes and had been observed."""
    gazetteer = set(read_gazetteer(country.gazetteer)["area_code"])
    parts = []
    for spec in specs:
        frame = read(spec.source_id)
        if frame is not None:
            parts.append(map_codes(spec.source_id, commune_codes(frame, country), areas, country, gazetteer, spec.path))
    columns = ["source_id", "source_code", "area_id", "parent_id", "how"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


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


def commune_codes(frame: pd.DataFrame, country: Country) -> pd.DataFrame:
    """The frame with ``area_code``: its own, or the commune's part of a village code."""
    if "area_code" in frame:
        return frame
    commune = {code: country.code_at(code, "commune") for code in frame["village_code"].dropna().unique()}
    return frame.assign(area_code=frame["village_code"].map(commune))
