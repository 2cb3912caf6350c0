"""A lake of one area a level with made-up figures, small enough to check by eye."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import shapely

from poverty_assets.catalog import TABLES, table
from poverty_assets.geography.counts import MIXED, SOURCE
from poverty_assets.geography.population import population_rows
from poverty_assets.pack.country import Country, load_country
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.lake import SEAL, Lake
from poverty_assets.warehouse.local import locale_of

KHM = load_country("khm")
DIGEST = "0" * 64
EVIDENCE = {"method": "direct", "n_households": 100, "suppressed": False, "quality_flag": "ok", "is_headline": True}


NAMES = [f"name_{one}" for one in KHM.language_codes[1:]]


def columns(name: str, country: Country = KHM) -> list[str]:
    """Columns of a table as the lake of the country has them."""
    return [column.name for column in table(name).within(locale_of(country)).lake_columns]


def areas() -> pd.DataFrame:
    codes = [KHM.area_id, "01", "0101", "010101"]
    rows = list(zip(codes, KHM.levels.ids, [None, *codes], strict=False))
    frame = pd.DataFrame(rows, columns=["area_id", "area_level", "parent_id"])
    square = shapely.to_wkb(shapely.box(104, 12, 105, 13))
    return frame.assign(
        name_en=frame["area_id"], **dict.fromkeys(NAMES), is_urban=None, population=1000, households=200, area_km2=1.0,
        centroid_lon=104.5, centroid_lat=12.5, geometry=square, valid_from=None, valid_to=None, edition=None,
        population_parts_unknown=0,
    )  # fmt: skip


def people(of: pd.DataFrame | None = None) -> pd.DataFrame:
    """Rows of ``fct_population``: the people of the areas, as source s counts them."""
    made = (areas() if of is None else of).assign(**{SOURCE: "s", MIXED: False})
    return population_rows(made, pd.DataFrame(columns=["age_group"]), {"s": dt.date(2022, 1, 1)})


def mpi(headcount_ratio: float, **changes: object) -> pd.DataFrame:
    """H, A = 0.4 and M0 of the country at k of one third."""
    rows = []
    for statistic, value in (("headcount_ratio", headcount_ratio), ("intensity", 0.4), ("mpi", 0.4 * headcount_ratio)):
        rows.append(
            {"area_id": KHM.area_id, "area_level": "country", "measure_id": "m", "subgroup": "all", "k": 0.333333,
             "statistic": statistic, "estimate": value, "se": 0.01, "ci_low": value - 0.02, "ci_high": value + 0.02,
             **EVIDENCE, **changes}
        )  # fmt: skip
    return pd.DataFrame(rows)


def write_quarter(lake: Lake, quarter: Quarter, *, headcount_ratio: float = 0.2, seal: bool = True) -> None:
    """Every table of a quarter: those without figures here are empty. Hundreds of tests want the same few, so files are made once."""
    for name, content in _files(quarter, headcount_ratio, seal).items():
        with lake.shelf.writing(lake.root / name) as beside:
            beside.write_bytes(content)


@cache
def _files(quarter: Quarter, headcount_ratio: float, seal: bool) -> dict[str, bytes]:
    """Files of a quarter, by their place in a lake."""
    with TemporaryDirectory() as folder:
        _make(Lake(Path(folder)), quarter, headcount_ratio, seal)
        made = (path for path in sorted(Path(folder).rglob("*")) if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in made}


def _make(lake: Lake, quarter: Quarter, headcount_ratio: float, seal: bool) -> None:
    frames = {
        "dim_area": areas(),
        "fct_population": people(),
        "dim_indicator": pd.DataFrame(
            [("m", "i", "d", "I", None, "deprived", None, "none", 1.0, "s")],
            columns=columns("dim_indicator"),
        ),
        "fct_mpi": mpi(headcount_ratio),
        "meta_source": pd.DataFrame(
            [
                (
                    "s",
                    "t",
                    "p",
                    "u",
                    "l",
                    "f",
                    DIGEST,
                    dt.date(2022, 1, 1),
                    dt.date(2022, 1, 1),
                    None,
                    1,
                    0,
                    True,
                    False,
                    "present",
                    *(None,) * 4,
                )
            ],
            columns=columns("meta_source"),
        ),
    }
    names = [t.name for t in TABLES if t.is_one_file]
    for name in names:
        empty = pd.DataFrame(columns=columns(name))
        lake.write(name, quarter, frames.get(name, empty))
    checks = {
        "table_name": "fct_mpi",
        "check_name": "c",
        "passed": True,
        "severity": "error",
        "observed": "3 rows",
        "failing_rows": 0,
    }
    lake.write_checks("fct_mpi", quarter, pd.DataFrame([checks]))
    if seal:
        digests = lake.digests(quarter, names)
        lake.write(SEAL, quarter, pd.DataFrame(sorted(digests.items()), columns=["file", "sha256"]))
