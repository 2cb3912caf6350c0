"""Areas of a made-up country of any pack: two of the published level, twelve of the finest, and those that lie between.

Belongs here: codes, levels, names and places of areas, all taken from a pack. Does not belong here: figures of them
(``warehouse.made_warehouse``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
import shapely

from poverty_assets.pack.country import Country, load_country

DEFAULT = load_country("khm")
ROOT = DEFAULT.area_id
_, PUBLISHED, BETWEEN, FINEST = DEFAULT.levels.ids
PER_HOLDER = (1, 2, 3)
PARTS = (("01", "02"), ("01", "03"), ("02", "01"), ("02", "02"))


@dataclass(frozen=True, eq=False)
class MadeCountry:
    """A country of twelve squares in a row.

    Parameters
    ----------
    pack : Country
        With two, three or four levels below the country.
    code : callable
        What the pack writes for a code of two digits a level, such as ``010203``.
    """

    pack: Country
    code: Callable[[str], str] = str

    @cached_property
    def _parents(self) -> dict[str, dict[str, str]]:
        """Of each level below the country the areas, by their own code, and the code of what holds them."""
        levels, found = self.pack.levels, {}
        held = {"01": "", "02": ""}
        found[levels.published] = held
        for depth, level in enumerate(levels.between):
            held = {a + b: a for a, b in PARTS} if depth == 0 else {f"{one}01": one for one in held}
            found[level] = held
        many = PER_HOLDER if levels.between else range(1, 7)
        found[levels.finest] = {f"{one}{i:02d}": one for one in held for i in many}
        return found

    @cached_property
    def nested(self) -> list[tuple[str, str, str | None]]:
        """Code, level and parent of every area, the country first."""
        root = self.pack.area_id
        rows: list[tuple[str, str, str | None]] = [(root, self.pack.levels.ids[0], None)]
        for level, held in self._parents.items():
            rows += [(self.code(one), level, self.code(above) if above else root) for one, above in held.items()]
        return rows

    @cached_property
    def finest(self) -> tuple[str, ...]:
        """Codes of the finest level, from west to east."""
        return self.at(self.pack.levels.finest)

    def at(self, level: str) -> tuple[str, ...]:
        """Codes of the areas of a level."""
        return tuple(code for code, own, _ in self.nested if own == level)

    @cached_property
    def level(self) -> dict[str, str]:
        """The level of each area."""
        return {code: level for code, level, _ in self.nested}

    def role(self, level: str) -> str:
        """``country``, ``published``, ``between`` or ``finest``."""
        levels = self.pack.levels
        named = {levels.ids[0]: "country", levels.published: "published", levels.finest: "finest"}
        return named.get(level, "between")

    def line(self, area: str) -> list[str]:
        """The area and all that hold it."""
        above = {code: parent for code, _, parent in self.nested}
        found = [area]
        while above[found[-1]] is not None:
            found.append(str(above[found[-1]]))
        return found

    def members(self, area: str) -> list[str]:
        """Areas of the finest level in an area."""
        return [code for code in self.finest if area in self.line(code)]

    def name(self, area: str) -> str:
        """An area's name in English: the word for its level, and its code."""
        level = self.pack.levels[self.level[area]]
        return self.pack.name_en if area == self.pack.area_id else f"{level.name('en').capitalize()} {area}"

    def dim_area(self) -> pd.DataFrame:
        """``dim_area``: squares of a quarter of a degree in a row."""
        levels = self.pack.levels
        frame = pd.DataFrame(self.nested, columns=["area_id", "area_level", "parent_id"])
        people = {code: 1000 * (i + 1) for i, code in enumerate(self.finest)}
        shapes = {code: shapely.box(102.5 + i / 4, 12, 102.75 + i / 4, 12.5) for i, code in enumerate(self.finest)}
        joined = [shapely.union_all([shapes[c] for c in self.members(area)]) for area in frame["area_id"]]
        frame["name_en"] = frame["area_id"].map(self.name)
        frame["population"] = [sum(people[c] for c in self.members(area)) for area in frame["area_id"]]
        small = frame["area_level"] == levels.finest
        others: dict[str, Any] = {
            f"name_{one}": levels[levels.finest].name(one) for one in self.pack.language_codes[1:]
        }  # every area bears that of the smallest
        return frame.assign(
            **others, is_urban=frame["area_id"].isin([self.code(c) for c in self._parents[levels.finest] if c.endswith("01")])
            .where(small, None), households=frame["population"] // 5, area_km2=100.0,
            centroid_lon=[s.centroid.x for s in joined], centroid_lat=12.25, geometry=shapely.to_wkb(joined), valid_from=None,
            valid_to=None, edition=None, population_parts_unknown=0,
        )  # fmt: skip
