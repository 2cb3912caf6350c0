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
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from poverty_assets.errors import ContractViolation
from poverty_assets.geography.gazetteer import read_gazetteer
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
    communes = areas[areas["area_level"] == "commune"]
    own = set(communes["area_id"])
    higher = set(areas["area_id"]) - own
    district_digits, province_digits = country.area_digits["district"], country.area_digits["province"]
    renumbered = {district.old: district.new for district in country.renumbered_districts}
    by_name = communes.assign(
        key=communes["name_en"].map(normalised_name), province=communes["area_id"].str[:province_digits]
    )
    claimed = set(codes["area_code"]) & own
    in_province = by_name[~by_name["area_id"].isin(claimed)].groupby(["province", "key"])["area_id"].agg(list).to_dict()
    in_district = (
        by_name.assign(d=by_name["area_id"].str[:district_digits]).groupby(["d", "key"])["area_id"].agg(list).to_dict()
    )
    unique = codes.drop_duplicates("area_code")
    names = unique["name_en"] if "name_en" in unique else pd.Series([""] * len(unique), index=unique.index)
    rows: list[tuple[str, str, str | None, str, str]] = []
    unplaced: list[str] = []
    for code, name in zip(unique["area_code"], names.map(normalised_name), strict=True):
        moved = renumbered.get(code[:district_digits])
        same = in_district.get((moved, name), []) if moved and name else []
        province = moved[:province_digits] if moved else code[:province_digits]
        alike = in_province.get((province, name), []) if name else []
        if code in own:
            rows.append((source_id, code, code, code[:district_digits], "same_code"))
        elif len(same) == 1:
            rows.append((source_id, code, same[0], same[0][:district_digits], "renumbered_district"))
        elif len(alike) == 1:
            rows.append((source_id, code, alike[0], alike[0][:district_digits], "same_name_in_province"))
        else:
            district = moved or code[:district_digits]
            holder = district if district in higher else province if province in higher else None
            if holder is None or not (code in known or district in higher):
                unplaced.append(code)
            else:
                rows.append((source_id, code, None, holder, "known_without_boundary"))
    if unplaced:
        row = int(np.flatnonzero(codes["area_code"].to_numpy() == unplaced[0])[0]) + 1
        raise ContractViolation(
            f"{len(unplaced)} of {len(unique)} commune codes are unknown; first {unplaced[0]!r}",
            file=file,
            place=f"record {row}",
            remedy="correct the code, or enter the renumbered district in country.yaml",
        )
    frame = pd.DataFrame(rows, columns=["source_id", "source_code", "area_id", "parent_id", "how"])
    doubled = (
        frame["area_id"].notna() & frame["area_id"].duplicated(keep=False) & (frame["how"] == "same_name_in_province")
    )
    frame.loc[doubled, ["area_id", "how"]] = [None, "known_without_boundary"]
    return frame


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


def commune_codes(frame: pd.DataFrame, country: Country) -> pd.DataFrame:
    """The frame with ``area_code``: its own, or the commune's part of a village code."""
    if "area_code" in frame:
        return frame
    return frame.assign(area_code=frame["village_code"].str[: country.commune_digits])
