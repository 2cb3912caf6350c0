"""Small countries of three shapes, so that the suite sees a country in the code: what holds in one must hold in the other.

``PREFIXED`` writes the codes of larger areas into those of smaller ones and has three levels below the country;
``FREE`` has two, codes that tell nothing, and names in another script; ``DEEP`` has four.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.geometry import box

from poverty_assets.geography.crosswalk import COLUMNS
from poverty_assets.geography.hierarchy import Hierarchy


@dataclass(frozen=True)
class World:
    """A country of a few square kilometres.

    ``nested`` gives every area below the country: its code, level, the code of what holds it, and its name. Areas of the
    finest level are squares of one kilometre side by side, from west to east in this order.
    """

    name: str
    root: str
    nested: tuple[tuple[str, str, str, str], ...]

    @property
    def areas(self) -> pd.DataFrame:
        """``area_id, area_level, parent_id, name_en``: the country first, else as in ``nested``."""
        rows = [(self.root, "country", None, self.root), *self.nested]
        return pd.DataFrame(rows, columns=["area_id", "area_level", "parent_id", "name_en"])

    @property
    def hierarchy(self) -> Hierarchy:
        return Hierarchy.of(self.areas)

    @property
    def finest(self) -> list[str]:
        """Codes of the finest level, from west to east."""
        level = self.nested[-1][1]
        return [code for code, own, *_ in self.nested if own == level]

    @property
    def outlined(self) -> gpd.GeoDataFrame:
        """``areas`` with shapes, in metres: larger areas are the union of what they hold."""
        hierarchy, place = self.hierarchy, {code: i for i, code in enumerate(self.finest)}
        squares = {code: box(1_000 * i, 0, 1_000 * (i + 1), 1_000) for code, i in place.items()}
        shapes = [
            shapely.union_all([squares[one] for one in self.finest if code in hierarchy.line(one)])
            for code in self.areas["area_id"]
        ]
        return gpd.GeoDataFrame(self.areas, geometry=shapes, crs="EPSG:32648")

    @property
    def dim_area(self) -> pd.DataFrame:
        """What rooms read of ``dim_area``: people and households by area, a square kilometre each."""
        outlined, hierarchy = self.outlined, self.hierarchy
        number = hierarchy.number(self.finest)
        people = hierarchy.add_up(number, 1_000.0 * np.arange(1, len(self.finest) + 1))
        held = people[hierarchy.number(self.areas["area_id"])]
        degrees, middle = outlined.geometry.to_crs(4326), outlined.centroid.to_crs(4326)
        return self.areas.assign(
            is_urban=False,
            population=held.astype(int),
            households=(held / 5).astype(int),
            area_km2=outlined.area / 1e6,
            centroid_lon=middle.x,
            centroid_lat=middle.y,
            geometry=shapely.to_wkb(degrees.to_numpy()),
        )

    @property
    def crosswalk(self) -> pd.DataFrame:
        """``area_crosswalk`` of `register`: every code is an area's own."""
        holders = self.hierarchy.holders(self.finest)
        rows = [
            ("register", code, 1, code, above, "same_code", 1.0)
            for code, above in zip(self.finest, holders, strict=True)
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def households(self, indicators: tuple[str, ...] = ("water", "school"), per_area: int = 6) -> pd.DataFrame:
        """A survey that visits every finest area in two clusters; the same answers in every world, area for area."""
        rng = np.random.default_rng(7)
        area = np.repeat(self.finest, per_area)
        n = len(area)
        columns: dict[str, Any] = {
            "area_id": area,
            "psu": [f"{code}/{i % 2}" for i, code in enumerate(area)],
            "stratum": "all",
            "weight": rng.integers(1, 4, n).astype(float),
            "hh_size": rng.integers(1, 7, n),
            "is_urban": rng.random(n) < 0.4,
        }
        return pd.DataFrame(columns | {name: rng.integers(0, 2, n) for name in indicators})

    @property
    def register(self) -> pd.DataFrame:
        """``area_code, households, listed`` of every finest area."""
        n = np.arange(1, len(self.finest) + 1)
        return pd.DataFrame({"area_code": self.finest, "households": 100 * n, "listed": 10 * n + 7})


PREFIXED = World(
    "prefixed",
    "PX",
    (
        ("01", "region", "PX", "North"),
        ("02", "region", "PX", "South"),
        ("0101", "county", "01", "Upper"),
        ("0102", "county", "01", "Lower"),
        ("0201", "county", "02", "Coast"),
        ("010101", "parish", "0101", "Hill"),
        ("010102", "parish", "0101", "Slope"),
        ("010201", "parish", "0102", "Plain"),
        ("020101", "parish", "0201", "Bay"),
        ("020102", "parish", "0201", "Cape"),
    ),
)
FREE = World(
    "free",
    "KG",
    (
        ("KG-Ч", "облус", "KG", "Чүй облусу"),
        ("KG-Б", "облус", "KG", "Баткен облусу"),
        ("KG-Б/7", "район", "KG-Ч", "Ысык-Ата району"),  # its code suggests another holder than it has
        ("KG-Ч/1", "район", "KG-Ч", "Аламүдүн району"),
        ("7", "район", "KG-Ч", "Жайыл району"),
        ("საქ-2", "район", "KG-Б", "Кадамжай району"),
        ("KG-Б/10", "район", "KG-Б", "Лейлек району"),
    ),
)
DEEP = World(
    "deep",
    "DE",
    (
        ("B", "land", "DE", "Hills"),
        ("C", "land", "DE", "Coast"),
        ("b1", "county", "B", "Upper"),
        ("c1", "county", "C", "Shore"),
        ("b1x", "town", "b1", "Mill"),
        ("b1y", "town", "b1", "Ford"),
        ("c1z", "town", "c1", "Port"),
        ("w5", "ward", "b1x", "One"),
        ("w4", "ward", "b1x", "Two"),
        ("w3", "ward", "b1y", "Three"),
        ("w2", "ward", "c1z", "Four"),
        ("w1", "ward", "c1z", "Five"),
    ),
)
WORLDS = [pytest.param(world, id=world.name) for world in (PREFIXED, FREE, DEEP)]
