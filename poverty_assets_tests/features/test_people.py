"""People of areas from grids in WorldPop's form: which year a quarter sees, which stands for the census, what an empty cell means."""

import datetime as dt

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from poverty_assets.features.feature_table import Observed
from poverty_assets.features.people import people_of_quarter
from poverty_assets.pack.as_of import release
from poverty_assets.pack.census import Census
from poverty_assets.pack.country import load_country
from poverty_assets.quarter import Quarter
from poverty_assets.sources.earlier import census_files
from poverty_assets.sources.raster import opened_raster
from poverty_assets_tests.pack.test_source import make_spec
from poverty_assets_tests.worlds import DEEP, WORLDS

NOW = Quarter(2023, 1)
CENSUS = {"day": dt.date(2019, 3, 3), "total": 10_000, "source": "the office"}
NODATA = -99999.0


def country(*censuses):
    held = [Census.model_validate(CENSUS | changes) for changes in censuses or ({},)]
    return load_country("khm").model_copy(update={"censuses": held, "bounds": (-180.0, -90.0, 180.0, 90.0)})


def spec(name="grid", **people):
    return make_spec(
        source_id=name, reader="geotiff", path=name + "_{year}.tif", cadence="year", observed_from=dt.date(2015, 1, 1),
        options={"nodata": NODATA, "people": {"without_value": "nobody"} | people}, required=False,
    )  # fmt: skip


def write_grid(folder, world, year, people, name="grid", within=1.0):
    """A grid of four cells an area, of which each holds a quarter of its people; ``within``: which part of the country it reaches."""
    west, south, east, north = world.outlined.to_crs(4326).total_bounds
    cells = np.repeat(np.asarray(people, "float32") / 4, 2)
    cells = np.vstack([cells, cells])[:, : round(within * 2 * len(people))]
    size = (east - west) / (2 * len(people)), (north - south) / 2
    with rasterio.open(
        folder / f"{name}_{year}.tif", "w", driver="GTiff", height=2, width=cells.shape[1], count=1, dtype="float32",
        crs="EPSG:4326", transform=from_origin(west, north, *size), nodata=NODATA,
    ) as file:  # fmt: skip
        file.write(cells, 1)


def found(folder, world, *specs, quarter=NOW, pack=None):
    pack = pack or country()

    def raster(source_id):
        of = release(next(s for s in specs if s.source_id == source_id), quarter, folder)
        return opened_raster(of.path, of.spec.options, within=pack.bounds) if of.path.is_file() else None

    def noted(source_id):
        return {"observed_to": release(next(s for s in specs if s.source_id == source_id), quarter, folder).observed_to}

    seen = Observed(lambda _: None, noted, quarter, folder, raster=raster)
    return people_of_quarter(specs, world.dim_area, pack, seen)


def by_area(made, age_group="all"):
    rows = made.rows[made.rows["age_group"] == age_group]
    return rows.set_index("area_id")["population"]


@pytest.mark.parametrize("world", WORLDS)
def test_a_grid_is_laid_on_the_census_and_moved_on_by_its_own_growth(tmp_path, world):
    then = 100.0 * np.arange(1, len(world.finest) + 1)
    write_grid(tmp_path, world, 2019, then)
    write_grid(tmp_path, world, 2022, 1.1 * then)
    write_grid(tmp_path, world, 2023, 9.0 * then)  # not over yet when the quarter ends
    made = found(tmp_path, world, spec())
    assert made.said == {}
    assert made.rows["population"].sum() == 11_000
    people = by_area(made)
    shares = [people[code] / 11_000 for code in world.finest]
    assert shares == pytest.approx(
        list(then / then.sum()), abs=2e-3
    )  # a metre's projection moves edges of cells a little
    row = made.rows.iloc[0]
    assert (row["observed_on"], row["benchmark_total"], row["benchmark_grid_year"]) == (
        dt.date(2022, 7, 1),
        10_000,
        2019,
    )


def test_without_the_census_year_the_nearest_stands_for_it_and_that_is_said(tmp_path):
    then = np.full(len(DEEP.finest), 50.0)
    write_grid(tmp_path, DEEP, 2021, then)
    write_grid(tmp_path, DEEP, 2022, 2 * then)
    made = found(tmp_path, DEEP, spec())
    assert made.rows["population"].sum() == 20_000
    assert made.said["benchmark"].startswith("there is no grid of the census year 2019; that of 2021 stands for it")
    assert census_files([spec()], country(), NOW, tmp_path) == [tmp_path / "grid_2021.tif"]


def test_before_its_first_census_and_without_a_grid_there_is_nothing(tmp_path):
    write_grid(tmp_path, DEEP, 2018, np.ones(len(DEEP.finest)))
    made = found(tmp_path, DEEP, spec(), quarter=Quarter(2018, 4))
    assert made.rows.empty
    assert "no census" in made.said["benchmark"]
    assert found(tmp_path, DEEP, spec()).rows.empty
    assert census_files([spec()], country(), Quarter(2018, 4), tmp_path) == []


def test_a_cell_without_a_value_is_nobody_or_unknown_as_the_entry_says(tmp_path):
    people = np.full(len(DEEP.finest), 100.0)
    people[2] = 4 * NODATA
    write_grid(tmp_path, DEEP, 2022, people)
    empty = DEEP.finest[2]
    assert by_area(found(tmp_path, DEEP, spec()))[empty] <= 3  # neighbours' cells reach over its edge by a metre
    unknown = by_area(found(tmp_path, DEEP, spec(without_value="unknown")))
    assert unknown[unknown.isna()].index.tolist() == [empty]
    assert unknown.sum() == 10_000


def test_an_area_that_the_grid_does_not_reach_is_unknown(tmp_path):
    write_grid(tmp_path, DEEP, 2022, np.full(len(DEEP.finest), 100.0), within=0.6)
    made = found(tmp_path, DEEP, spec())
    assert by_area(made)[by_area(made).isna()].index.tolist() == sorted(DEEP.finest[-2:])
    assert by_area(made).sum() == 10_000
    assert made.said["unknown"] == "the grid reaches less than half of 2 areas, which have no population; the first w1"


def test_age_groups_take_the_ratio_of_everybody_and_rasters_of_one_group_are_added(tmp_path):
    n = len(DEEP.finest)
    write_grid(tmp_path, DEEP, 2022, np.full(n, 100.0))
    write_grid(tmp_path, DEEP, 2022, np.full(n, 10.0), "infants")
    write_grid(tmp_path, DEEP, 2022, np.full(n, 20.0), "toddlers")
    specs = [spec(), spec("infants", age_group="under_5"), spec("toddlers", age_group="under_5")]
    made = found(tmp_path, DEEP, *specs)
    assert by_area(made, "under_5").sum() == pytest.approx(3_000, abs=n)
    assert set(made.rows["age_group"]) == {"all", "under_5"}
