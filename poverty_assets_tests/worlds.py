"""Small countries of two shapes, so that the suite sees a country in the code: what holds in one must hold in the other.

``PREFIXED`` writes the codes of larger areas into those of smaller ones and has three levels below the country;
``FREE`` has two, codes that tell nothing, and names in another script.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

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
        place = {code: i for i, code in enumerate(self.finest)}
        shapes = []
        for code in self.areas["area_id"]:
            own = [place[one] for one in self.finest if code in self.hierarchy.line(one)]
            shapes.append(box(1_000 * min(own), 0, 1_000 * (max(own) + 1), 1_000))
        return gpd.GeoDataFrame(self.areas, geometry=shapes, crs="EPSG:32648")

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
    "KH",
    (
        ("01", "province", "KH", "North"),
        ("02", "province", "KH", "South"),
        ("0101", "district", "01", "Upper"),
        ("0102", "district", "01", "Lower"),
        ("0201", "district", "02", "Coast"),
        ("010101", "commune", "0101", "Hill"),
        ("010102", "commune", "0101", "Slope"),
        ("010201", "commune", "0102", "Plain"),
        ("020101", "commune", "0201", "Bay"),
        ("020102", "commune", "0201", "Cape"),
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
WORLDS = [pytest.param(world, id=world.name) for world in (PREFIXED, FREE)]
