"""The catalog as it is in one country, and the levels of a published file.

Belongs here: what a pack's levels and languages make of the tables, and of ``dim_level``. Does not belong here: what a table means
(``catalog``), or what a pack may say (``pack``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from poverty_assets.catalog import TABLES, Locale, Table
from poverty_assets.catalog.model import FALLBACK
from poverty_assets.pack.country import Country


def locale_of(country: Country) -> Locale:
    """What a country adds to the catalog; the country's own code is the only one of its level."""
    languages = {one.code: f"{one.name} ({one.code})" for one in country.languages if one.code != FALLBACK}
    first, *rest = country.levels
    return Locale(
        languages, {first.level_id: re.escape(country.area_id), **{level.level_id: level.code for level in rest}}
    )


def tables_of(country: Country) -> tuple[Table, ...]:
    """The published tables as they are in a country."""
    locale = locale_of(country)
    return tuple(one.within(locale) for one in TABLES)


@dataclass(frozen=True)
class LevelRow:
    """A level as ``dim_level`` of a file has it."""

    area_level: str
    role: str
    one: str
    many: str


def read_levels(connection: Any) -> list[LevelRow]:
    """Levels of the areas of a published file from the country down, named in English."""
    sql = "SELECT area_level, role, name_en, plural_en FROM dim_level ORDER BY depth"
    return [LevelRow(*row) for row in connection.execute(sql).fetchall()]


def level_rows(country: Country) -> list[dict[str, Any]]:
    """Rows of ``dim_level``."""
    levels = country.levels
    roles = {levels.ids[0]: "country", levels.published: "published", levels.finest: "finest"}
    rows = []
    for depth, level in enumerate(levels):
        row: dict[str, Any] = {
            "area_level": level.level_id, "depth": depth, "role": roles.get(level.level_id, "between"),
        }  # fmt: skip
        for code in country.language_codes:
            has = code == FALLBACK or code in level.names
            row |= {f"name_{code}": level.name(code) if has else None}
            row |= {f"plural_{code}": level.name(code, many=True) if has else None}
        rows.append(row)
    return rows
