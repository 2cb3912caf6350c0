"""Hazards of a real run: from the quarter's own rasters in the landing folder, never from another quarter's, and from the static index only
where there is no raster, and then it is said."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio.transform import from_origin

from poverty_assets.pack.as_of import release
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.pack.source import RasterSource
from poverty_assets.quarter import Quarter
from poverty_assets.vulnerability.hazards import load_hazards
from poverty_assets_tests.command_line import answer_of
from poverty_assets_tests.integration.conftest import set_landing
from poverty_assets_tests.landing import COLUMNS, NORTH, SIDE, WEST, commune_codes
from poverty_assets_tests.made_once import made_once

WITH, BEFORE, AFTER = Quarter(2022, 4), Quarter(2022, 3), Quarter(2023, 1)
CELL, BORDER = 0.05, 0.1
SOURCES = {spec.source_id: spec for spec in load_sources(load_country("khm"), simulated=False)}
RASTERS = [name for name in load_hazards(load_country("khm")).sources if isinstance(SOURCES.get(name), RasterSource)]


def cells(west: float, east: float) -> np.ndarray:
    """A value west and one east of the middle of the communes."""
    rows, columns = 36, 44
    values = np.full((rows, columns), east)
    values[:, : columns // 2] = west
    return values


def put(landing: Path, source_id: str, quarter: Quarter, values: np.ndarray) -> None:
    """A GeoTIFF where the source's entry says that the quarter's lies, of as many bands as it says."""
    path = release(SOURCES[source_id], quarter, landing).path
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = 4 if SOURCES[source_id].options.band == "quarter" else 1
    grid = {"height": values.shape[0], "width": values.shape[1], "count": bands, "dtype": "float32", "nodata": -9999}
    where = from_origin(WEST - BORDER, NORTH + BORDER, CELL, CELL)
    with rasterio.open(path, "w", driver="GTiff", crs="EPSG:4326", transform=where, **grid) as file:
        for band in range(bands):
            file.write(values.astype("float32"), band + 1)


def write(landing: Path) -> None:
    """Rasters of one quarter, and of the quarter before extremes everywhere."""
    put(landing, "population", WITH, cells(30, 10))
    put(landing, "population", AFTER, cells(30, 10))
    put(landing, "rainfall_normal", WITH, cells(100, 100))
    for quarter, rain, heat, flood in ((WITH, (50, 200), (20, 35), (0.0, 0.6)), (BEFORE, (1, 1), (60, 60), (1.0, 1.0))):
        put(landing, "rainfall", quarter, cells(*rain))
        put(landing, "land_surface_temperature", quarter, cells(*heat))
        if "flood_extent" in RASTERS:
            put(landing, "flood_extent", quarter, cells(*flood))


def write_prices(landing: Path) -> None:
    """Prices of two markets in Alpha, where rice rose by a tenth and a fifth, and of one in Beta, where it stayed; and of after the
    quarter, when it became ten times as dear."""
    rows = [
        {"date": day, "admin1": region, "market": market, "latitude": 12.0, "longitude": 104.0, "category": "cereals and tubers",
         "commodity": "Rice (mixed, low quality)", "unit": "KG", "pricetype": "Retail", "price": price, "usdprice": price / 4000}
        for region, market, now in (("Alpha", "a", 2200), ("Alpha", "b", 2400), ("Beta", "c", 2000))
        for day, price in (("2021-11-15", 2000), ("2022-11-15", now), ("2023-01-15", 20_000))
    ]  # fmt: skip
    path = release(SOURCES["food_prices"], WITH, landing).path
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)


@pytest.fixture(scope="module")
def warehouse(
    landing: Path, published_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Of the quarter with rasters, where it had been published without them, and of the one after, which has none."""

    def publish(home: Path) -> None:
        own = Path(shutil.copytree(landing, home.with_name("landing_with_rasters"), dirs_exist_ok=True))
        write(own)
        write_prices(own)
        shutil.copytree(published_home, home)
        set_landing(home, own)
        done = answer_of(home, "refresh", "--quarter", WITH.label, "--quarter", AFTER.label)
        assert done.code == 0, done.err

    home = made_once(tmp_path_factory, "published_hazards", publish)
    with duckdb.connect(str(home / "warehouse/poverty.duckdb"), read_only=True) as connection:
        yield connection


def shares(warehouse: duckdb.DuckDBPyConnection, hazard: str, quarter: Quarter) -> dict[str, float]:
    sql = """SELECT area_id, share_exposed FROM fct_hazard
        WHERE hazard_id = ? AND quarter = ? AND area_level = 'commune' AND is_headline"""
    return dict(warehouse.execute(sql, [hazard, quarter.start]).fetchall())


def in_the_east() -> dict[str, float]:
    return {code: float(i % COLUMNS >= COLUMNS // 2) for i, code in enumerate(commune_codes())}


def test_each_hazard_is_that_of_the_quarters_own_raster(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert pytest.approx(WEST + SIDE * COLUMNS / 2) == WEST - BORDER + 22 * CELL
    east = in_the_east()
    assert shares(warehouse, "heat", WITH) == pytest.approx(east)
    assert shares(warehouse, "drought", WITH) == pytest.approx({code: 1 - one for code, one in east.items()})
    if "flood_extent" in RASTERS:
        assert shares(warehouse, "flood", WITH) == pytest.approx(east)


def test_what_measures_a_hazard_stands_with_its_days_and_what_is_usual(warehouse: duckdb.DuckDBPyConnection) -> None:
    sql = """SELECT hazard_id, source_id, normal_source_id, observed_from, observed_to, is_of_quarter FROM dim_hazard
        WHERE quarter = ? AND hazard_id <> 'flood' ORDER BY 1"""
    assert warehouse.execute(sql, [WITH.start]).fetchall() == [
        ("drought", "rainfall", "rainfall_normal", WITH.start, WITH.end, True),
        ("heat", "land_surface_temperature", None, WITH.start, WITH.end, True),
    ]


def test_a_quarter_without_rasters_takes_none_of_another_quarter(warehouse: duckdb.DuckDBPyConnection) -> None:
    measured = warehouse.execute(
        "SELECT hazard_id, source_id, is_of_quarter FROM dim_hazard WHERE quarter = ?", [AFTER.start]
    )
    assert measured.fetchall() == [("flood", "flood_hazard_index", False)]


def test_the_static_index_is_flagged_and_said_with_its_days(warehouse: duckdb.DuckDBPyConnection) -> None:
    sql = """SELECT DISTINCT contains(quality_flag, 'hazard_of_another_time') FROM fct_hazard WHERE quarter = ? AND hazard_id = ?"""
    assert warehouse.execute(sql, [AFTER.start, "flood"]).fetchall() == [(True,)]
    assert warehouse.execute(sql, [WITH.start, "heat"]).fetchall() == [(False,)]
    sql = "SELECT passed, severity, observed FROM check_result WHERE quarter = ? AND check_name LIKE 'flood is measured by%'"
    assert warehouse.execute(sql, [AFTER.start]).fetchall() == [
        (False, "warn", "flood_hazard_index, observed 2020-01-01 to 2020-12-31")
    ]


def test_people_exposed_are_held_to_cells_touched_at_two_resolutions(warehouse: duckdb.DuckDBPyConnection) -> None:
    sql = """SELECT hazard_id, cells_to_a_side, count(*), count(*) FILTER (share_exposed > share_touched + 1e-9) FROM hazard_reach
        WHERE quarter = ? AND hazard_id IN ('drought', 'heat') GROUP BY ALL ORDER BY ALL"""
    rows = warehouse.execute(sql, [WITH.start]).fetchall()
    assert [row[:2] for row in rows] == [("drought", 1), ("drought", 2), ("heat", 1), ("heat", 2)]
    assert all(areas > 80 and over == 0 for _, _, areas, over in rows)
    sql = """SELECT count(*), bool_and(passed) FROM check_result
        WHERE quarter = ? AND table_name = 'hazard_reach' AND check_name LIKE '%touches%'"""
    assert warehouse.execute(sql, [WITH.start]).fetchone() == (6, True)


def test_prices_are_those_observed_by_the_quarters_end_in_each_area(warehouse: duckdb.DuckDBPyConnection) -> None:
    sql = """SELECT area_id, round(price_change, 6), basis, n_markets, baseline FROM price_change
        WHERE quarter = ? AND commodity = 'basket' AND area_level = 'province' ORDER BY 1"""
    rows = warehouse.execute(sql, [WITH.start]).fetchall()
    whole = round((1.1 * 1.2) ** (1 / 3) - 1, 6)
    assert rows == [
        ("01", round((1.1 * 1.2) ** 0.5 - 1, 6), "own", 2, "2021Q4"), ("02", 0.0, "own", 1, "2021Q4"),
        ("03", whole, "level_above", 0, "2021Q4"), ("04", whole, "level_above", 0, "2021Q4"),
    ]  # fmt: skip
    assert warehouse.execute("SELECT count(*) FROM price_change WHERE quarter = ?", [AFTER.start]).fetchone() == (0,)


def test_where_prices_were_measured_the_newly_poor_are_told_and_elsewhere_not(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    sql = "SELECT quarter, shock_id, count(*) FROM fct_vulnerability GROUP BY ALL"
    told = {(str(quarter)[:10], shock): rows for quarter, shock, rows in warehouse.execute(sql).fetchall()}
    others = told.get((WITH.key, "food_crisis"), 0)
    assert told.get((WITH.key, "food_prices"), 0) == others
    assert (AFTER.key, "food_prices") not in told
    stated = "SELECT DISTINCT price_source_id, per_price_change FROM dim_shock WHERE shock_id = 'food_prices' AND quarter = ?"
    assert warehouse.execute(stated, [WITH.start]).fetchall() == [("food_prices", 0.5)]
