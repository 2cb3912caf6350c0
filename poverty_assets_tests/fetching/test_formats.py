"""Formats that need a library of the extra: HDF5 tiles of Earthdata, extracts of OpenStreetMap, GeoParquet in a bucket."""

import datetime as dt

import geopandas as gpd
import numpy as np
import pytest
from pydantic import ValidationError

from poverty_assets.errors import FetchFailed
from poverty_assets.fetching.clients.object_store import newest
from poverty_assets.fetching.variables import variable_of_hdf4
from poverty_assets.fetching.web import NotTheFile
from poverty_assets.sources.landed import read_record
from poverty_assets_tests.fetching.conftest import entry, of_package, values_of
from poverty_assets_tests.fetching.formats import (
    VARIABLE,
    Bucket,
    catalogue,
    extract_of_roads,
    modis_tile,
    shapes,
    tile,
)


# ---------------------------------------------------------------- Earthdata
class Granules:
    """A catalogue of granules, of which only a token opens the files."""

    def __init__(self, provider):
        self.provider, self.entries = provider, []
        provider.answers["/granules.json"] = self.search

    def add(self, month, data, name="h28v07"):
        path = f"/VNP46A3.A2026{month:03d}.{name}.002.h5"
        self.provider.put(path, data, wants="Bearer let-me-in")
        last = dt.date(2026, month + 1, 1) - dt.timedelta(1)
        self.entries.append({
            "id": path, "updated": "1", "time_start": f"2026-{month:02d}-01T00:00:00.000Z", "time_end": f"{last}T23:59:59.000Z",
            "granule_size": len(data) / (1 << 20),
            "links": [
                {"rel": "http://esipfed.org/ns/fedsearch/1.1/browse#", "href": self.provider.at("/picture.png")},
                {"rel": "http://esipfed.org/ns/fedsearch/1.1/data#", "href": self.provider.at(path)},
            ],
        })  # fmt: skip

    def search(self, words):
        assert (words["short_name"], words["version"]) == ("VNP46A3", "2")
        assert words["bounding_box"] == "100.0,10.0,102.0,12.0"
        return {"feed": {"entry": self.entries}}


@pytest.fixture
def granules(provider, monkeypatch):
    monkeypatch.setenv("EARTHDATA_TOKEN", "let-me-in")
    return Granules(provider)


def lights(provider, **fetch):
    said = {
        "product": "VNP46A3", "version": "2", "variable": ["Radiance", VARIABLE], "looks": [f"{VARIABLE}_Num"], "least_looks": 2,
        "nodata": -999.9, "cells_per_degree": 10,
    }  # fmt: skip
    return entry(provider.at("/granules.json"), client="earthdata", fetch=said | fetch)


def test_months_of_night_lights_are_averaged_over_cells_that_were_seen(bench, provider, granules):
    west = np.r_[[np.repeat([5, 0], [10, 90])] * 100]
    for month, radiance, looks in ((7, 1.0, 5), (8, 3.0, west), (9, -999.9, 5), (6, 100.0, 5)):
        granules.add(month, tile(radiance, looks))
    told = bench.fetch(lights(provider))
    assert told.state == "fetched"
    values = values_of(bench.landing / "rasters/rain_2026Q3.tif")
    assert (values[:, :10] == 2.0).all()  # of July and August
    assert (values[:, 10:] == 1.0).all()  # nobody saw August there: it was not dark
    written = [path.read_bytes() for path in bench.landing.parent.rglob("*") if path.is_file()]
    assert not any(b"let-me-in" in data for data in written)


def test_a_month_that_is_missing_is_late(bench, provider, granules):
    granules.add(7, tile(1.0, 5))
    told = bench.fetch(lights(provider))
    assert told.state == "late"
    assert "of months 08, 09" in told.words


def test_a_page_in_place_of_a_tile_and_a_variable_of_another_name_are_said(bench, provider, granules):
    for month in (7, 8, 9):
        granules.add(month, tile(1.0, 5, variable="Radiance"))
    assert bench.fetch(lights(provider)).state == "fetched"
    told = bench.fetch(lights(provider, variable=["Brightness"]))
    assert told.state == "failed"
    assert "has no variable Brightness; it has: AllAngle_Composite_Snow_Free_Num, Radiance" in told.words
    for file in provider.files.values():
        file.data, file.etag = b"<html><title>Earthdata Login</title>", '"2"'
    granules.entries[0]["updated"] = "2"
    assert "a web page (Earthdata Login) came in place of the file" in bench.fetch(lights(provider)).words


def test_without_a_token_nobody_is_asked(bench, provider, granules, monkeypatch):
    monkeypatch.delenv("EARTHDATA_TOKEN")
    assert bench.fetch(lights(provider)).state == "passed"
    assert provider.asked == []


# ---------------------------------------------------------------- MODIS, where the first provider fails
@pytest.fixture
def vegetation(provider, monkeypatch, tmp_path):
    """The package's entry of the vegetation index, at two providers on this machine, of which the first is out of order."""
    monkeypatch.setenv("EARTHDATA_TOKEN", "let-me-in")
    provider.always["/api/stac"] = "500"

    def search(words):
        entries = []
        for month in ("07", "08", "09") if words["short_name"] in ("MOD13Q1", "MYD13Q1") else ():
            path = f"/{words['short_name']}.A2026{month}0.h27v07.061.hdf"
            stored = 5000 if words["short_name"] == "MOD13Q1" else 7000
            provider.put(path, modis_tile(tmp_path / "tile.hdf", stored), wants="Bearer let-me-in")
            entries.append({
                "id": path, "updated": "1", "time_start": f"2026-{month}-01T00:00:00Z", "time_end": f"2026-{month}-16T23:59:59Z",
                "links": [{"rel": "http://esipfed.org/ns/fedsearch/1.1/data#", "href": provider.at(path)}],
            })  # fmt: skip
        return {"feed": {"entry": entries}}

    provider.answers["/search/granules.json"] = search
    hosts = ("https://planetarycomputer.microsoft.com", "https://cmr.earthdata.nasa.gov")
    return of_package("ndvi", provider, *hosts)


def test_where_the_catalogue_of_scenes_fails_modis_comes_from_its_own_archive(bench, provider, vegetation):
    told = bench.fetch(vegetation)
    assert told.state == "fetched", told.words
    assert "another provider: " in told.words
    values = values_of(bench.landing / "rasters/modis_ndvi_2026Q3.tif")
    # the tile reaches from 10 to 20 degrees north, and there to some 102 degrees east; both satellites count alike
    assert np.unique(values[values > -1].astype(float).round(6)).tolist() == [0.6]
    assert (values > -1).mean() > 0.9
    assert read_record(bench.landing / "rasters/modis_ndvi_2026Q3.tif").client == "earthdata"


def test_a_variable_of_hdf4_is_found_by_what_it_says_and_one_that_is_not_there_is_named(tmp_path):
    modis_tile(tmp_path / "a.hdf", 5000, variable="NDVI_16")
    found = variable_of_hdf4(tmp_path / "a.hdf", ["250m 16 days NDVI"], {"long_name": ["16 day NDVI average"]})
    assert found.max() == 5000
    with pytest.raises(FetchFailed, match="no variable LST; it has: NDVI_16"):
        variable_of_hdf4(tmp_path / "a.hdf", ["LST"])
    (tmp_path / "b.hdf").write_bytes(b"\x0e\x03\x13\x01" + b"\0" * 40)
    with pytest.raises(NotTheFile, match="cannot be read"):
        variable_of_hdf4(tmp_path / "b.hdf", ["LST"])


# ---------------------------------------------------------------- OpenStreetMap
@pytest.fixture(scope="module")
def extract(tmp_path_factory):
    return extract_of_roads(tmp_path_factory.mktemp("osm"))


def osm(provider, **fetch):
    said = {"keep": {"highway": ["primary", "trunk"]}, "shape": "line", "tags": ["highway", "name"]} | fetch
    shapes = {"reader": "geoparquet", "options": {"columns": {"road_id": "osm_id"}, "key": ["road_id"]}}
    spec = entry(provider.at("/cambodia-{next_year_2}0101.osm.pbf"), client="pbf", cadence="year", fetch=said, **shapes)
    return spec.model_copy(update={"path": "lines/osm_{year}.parquet"})


def test_roads_of_an_extract_become_lines(bench, provider, extract):
    provider.put("/cambodia-260101.osm.pbf", extract)
    assert bench.fetch(osm(provider)).state == "fetched"
    roads = gpd.read_parquet(bench.landing / "lines/osm_2025.parquet")
    assert roads[["osm_id", "highway", "name"]].to_numpy().tolist() == [["w10", "primary", "5"]]
    assert roads.geometry.iloc[0].wkt == "LINESTRING (101 11, 101.1 11, 101.1 11.1)"
    first = (bench.landing / "lines/osm_2025.parquet").read_bytes()
    provider.files["/cambodia-260101.osm.pbf"].etag = '"2"'
    assert bench.fetch(osm(provider)).state == "unchanged"
    assert (bench.landing / "lines/osm_2025.parquet").read_bytes() == first


def test_services_become_points_where_they_are_or_in_the_middle_of_their_grounds(bench, provider, extract):
    provider.put("/cambodia-260101.osm.pbf", extract)
    bench.fetch(osm(provider, keep={"amenity": []}, shape="point", tags=["amenity"]))
    places = gpd.read_parquet(bench.landing / "lines/osm_2025.parquet")
    assert dict(zip(places["amenity"], places.geometry.to_wkt(rounding_precision=3), strict=True)) == {
        "clinic": "POINT (101 11)",
        "school": "POINT (101.05 11.05)",
    }


def test_an_extract_that_is_cut_off_or_without_what_is_wanted_is_not_landed(bench, provider, extract):
    provider.put("/cambodia-260101.osm.pbf", extract[:-30])
    assert "the extract cannot be read" in bench.fetch(osm(provider)).words
    provider.put("/cambodia-260101.osm.pbf", extract)
    assert "nothing that is kept" in bench.fetch(osm(provider, keep={"highway": ["motorway"]})).words
    assert bench.files == []


# ---------------------------------------------------------------- GeoParquet in a bucket
@pytest.fixture
def bucket(provider):
    found = Bucket(provider)
    for release in ("2026-08-19.0", "2026-09-23.0", "2026-10-21.0"):
        found.put(f"release/{release}/theme=places/part-0.parquet", shapes([99.5, 100.5, 101.5]))
        found.put(f"release/{release}/theme=places/part-1.parquet", shapes([105.0, 106.0]))
        found.put(f"release/{release}/theme=places/part-2.parquet", shapes([101.75]))
    return found


def places(provider, **fetch):
    said = {
        "region": "us-west-2",
        "endpoint": provider.address,
        "columns": {"place_id": "id", "name_en": "names.primary"},
    } | fetch
    read = {"reader": "geoparquet", "options": {"columns": {"place_id": "place_id"}, "key": ["place_id"]}}
    spec = entry("s3://maps/release/{release}/theme=places/", client="object_store", fetch=said, **read)
    return spec.model_copy(update={"path": "points/places_{label}.parquet"})


def test_of_the_newest_release_of_the_quarter_come_the_shapes_of_the_country(bench, provider, bucket):
    told = bench.fetch(places(provider))
    assert told.state == "fetched", told.words
    found = gpd.read_parquet(bench.landing / "points/places_2026Q3.parquet")
    assert found["place_id"].tolist() == ["p100.5", "p101.5", "p101.75"]
    assert found["name_en"].tolist()[0] == "Place 100.5"
    assert found.crs == "EPSG:4326"
    record = read_record(bench.landing / "points/places_2026Q3.parquet")
    assert (record.url, record.released_on) == ("s3://maps/release/2026-09-23.0/theme=places/", dt.date(2026, 9, 23))
    read = {path for method, path, _ in provider.asked if ".parquet" in path}
    assert {path for path in read if "2026-09-23.0" not in path} == set()
    assert bench.fetch(places(provider)).state == "unchanged"


def test_only_rows_that_are_kept_come(bench, provider, bucket):
    bench.fetch(places(provider, keep={"kind": ["road", "path"]}))
    assert gpd.read_parquet(bench.landing / "points/places_2026Q3.parquet")["place_id"].tolist() == ["p100.5"]
    assert "no column class" in bench.fetch(places(provider, keep={"class": ["road"]})).words


def test_a_release_can_be_pinned(bench, provider, bucket):
    assert bench.fetch(places(provider, release="2026-08-19.0")).state == "fetched"
    assert read_record(bench.landing / "points/places_2026Q3.parquet").release == "2026-08-19.0"
    assert "release 2025-01-01.0 has no such files" in bench.fetch(places(provider, release="2025-01-01.0")).words


def test_the_release_is_found_in_the_publishers_catalogue_and_recorded(bench, provider, bucket):
    provider.tagged = True
    provider.answers["/catalog.json"] = lambda words: catalogue(["2026-10-21.0", "2026-09-23.0"])
    pinned = places(provider, catalogue=provider.at("/catalog.json"))
    assert bench.fetch(pinned).state == "fetched"
    record = read_record(bench.landing / "points/places_2026Q3.parquet")
    assert (record.release, record.released_on) == ("2026-09-23.0", dt.date(2026, 9, 23))
    provider.asked.clear()
    told = bench.fetch(pinned)
    assert (told.state, told.moved) == ("unchanged", 0)
    assert [path for _, path, _ in provider.asked] == ["/catalog.json"]  # nothing is listed of a release that is here
    provider.answers["/catalog.json"] = lambda words: catalogue(["2026-10-21.0"])
    told = bench.fetch(pinned)
    assert told.state == "late"
    assert "there are: 2026-10-21.0" in told.words
    provider.answers["/catalog.json"] = lambda words: {"links": "none"}
    assert "no STAC catalogue" in bench.fetch(pinned).words


def test_a_long_list_of_a_bucket_is_read_to_its_end_and_left_in_peace_when_it_asks(bench, provider, bucket):
    bucket.at_once = 2
    waited = []
    bench.web.sleep = waited.append
    provider.plans["/maps"] = ["429 later"]
    assert bench.fetch(places(provider)).state == "fetched"
    found = gpd.read_parquet(bench.landing / "points/places_2026Q3.parquet")
    assert found["place_id"].tolist() == ["p100.5", "p101.5", "p101.75"]
    assert any("continuation-token=2" in path for _, path, _ in provider.asked)
    assert sum(waited) >= 6


def test_files_of_points_without_shapes_and_without_releases_are_read(bench, provider, bucket):
    bucket.put("speed/year=2026/quarter=3/2026-07-01_tiles.parquet", shapes([99.5, 100.5]))
    fetch = {"region": "us-west-2", "endpoint": provider.address, "columns": {"place_id": "id"}, "points": ["x", "y"]}
    read = {"reader": "geoparquet", "options": {"columns": {"place_id": "place_id"}}}
    named = "s3://maps/speed/year={year}/quarter={number}/{year}-{first_month}-01_tiles.parquet"
    spec = entry(named, client="object_store", fetch=fetch, **read)
    assert bench.fetch(spec).state == "fetched"
    sent = provider.sent
    assert (bench.fetch(spec).state, provider.sent) == ("unchanged", sent)
    found = gpd.read_parquet(bench.landing / "rasters/rain_2026Q3.tif")
    assert [(found["place_id"][0], found.geometry[0].x, found.geometry[0].y)] == [("p100.5", 100.5, 11.0)]
    assert len(found) == 1


def test_of_shapes_too_many_to_land_their_number_in_each_cell_is(bench, provider, bucket):
    fetch = {"region": "us-west-2", "endpoint": provider.address, "cells_per_degree": 1}
    told = bench.fetch(entry("s3://maps/release/{release}/theme=places/", client="object_store", fetch=fetch))
    assert told.state == "fetched", told.words
    assert values_of(bench.landing / "rasters/rain_2026Q3.tif").tolist() == [[0, 0], [1, 2]]


def test_a_raster_of_counts_is_read_as_one():
    fetch = {"region": "us-west-2", "cells_per_degree": 1}
    with pytest.raises(ValidationError, match="does not land what reader geoparquet reads"):
        entry("s3://maps/{release}/", client="object_store", fetch=fetch, reader="geoparquet")
    with pytest.raises(ValidationError, match="a raster of counts has no columns"):
        entry("s3://maps/{release}/", client="object_store", fetch=fetch | {"columns": {"a": "b"}})
    with pytest.raises(ValidationError, match=r"holds no \{release\}"):
        entry("s3://maps/{year}/", client="object_store", fetch=fetch | {"release": "2026-01-01.0"})


def test_a_column_or_a_bucket_that_is_not_there_is_said(bench, provider, bucket):
    assert "no column rank" in bench.fetch(places(provider, columns={"place_id": "rank"})).words
    bucket.keys.clear()
    told = bench.fetch(places(provider))
    assert told.state == "late"
    assert "no release of 2026-09-30 or before is kept; there are: none" in told.words


@pytest.mark.parametrize(
    ("day", "expected"), [("2026-09-30", "2026-09-23.0"), ("2026-09-23", "2026-09-23.0"), ("2026-08-18", None)]
)
def test_a_quarter_sees_no_later_release(day, expected):
    there = ["2026-08-19.0", "2026-10-21.0", "2026-09-23.0", "latest"]
    assert newest(there, dt.date.fromisoformat(day)) == expected
