"""The country's window of remote rasters: few bytes, months as one raster, and a whole file where a server sends nothing less."""

import os

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling
from rasterio.transform import from_origin
from rasterio.windows import Window

from poverty_assets.fetching.windows import RemoteCells, combined
from poverty_assets.sources.landed import read_record
from poverty_assets_tests.fetching.conftest import BOUNDS, entry, tiff, values_of
from poverty_assets_tests.fetching.server import OnDisk

PATH = "rasters/rain_2026Q3.tif"
WHOLE = np.arange(1600, dtype="float64").reshape(40, 40)
WINDOW = WHOLE[10:30, 10:30]  # cells of a tenth of a degree from 99 E, 13 N; the country is 100 to 102 E, 10 to 12 N


@pytest.fixture
def months(provider):
    for month, value in (("07", 1.0), ("08", 2.0), ("09", 3.0)):
        provider.put(f"/rain_2026.{month}.tif", tiff(value))
    return entry(provider.at("/rain_{year}.{month}.tif"), client="cog_window", fetch={"combine": "sum"})


def test_months_of_a_quarter_are_added_up_over_the_country(bench, months):
    told = bench.fetch(months)
    assert told.state == "fetched"
    assert read_record(bench.landing / PATH).url.endswith("/rain_2026.07.tif")
    with rasterio.open(bench.landing / PATH) as found:
        assert found.bounds == BOUNDS
        np.testing.assert_array_equal(found.read(1), 6 * WINDOW)
        assert found.nodata == -9999


def test_the_same_cells_give_the_same_bytes_and_the_same_versions_are_not_read_again(bench, provider, months):
    bench.fetch(months)
    first = (bench.landing / PATH).read_bytes()
    assert bench.fetch(months).state == "unchanged"
    assert {method for method, _, _ in provider.asked[-3:]} == {"HEAD"}
    provider.files["/rain_2026.07.tif"].etag = '"2"'
    assert bench.fetch(months).state == "unchanged"
    assert (bench.landing / PATH).read_bytes() == first


def test_a_final_month_in_place_of_a_preliminary_one_is_a_revision(bench, provider, months):
    bench.fetch(months)
    provider.put("/rain_2026.09.tif", tiff(4.0), etag='"final"')
    assert bench.fetch(months).state == "revised"
    np.testing.assert_array_equal(values_of(bench.landing / PATH), 7 * WINDOW)


def test_a_month_without_a_value_leaves_no_total(bench, provider, months):
    provider.put("/rain_2026.08.tif", tiff(2.0, nodata=None))
    provider.put("/rain_2026.09.tif", tiff(3.0, nodata=3.0 * WINDOW[0, 0]))
    bench.fetch(months)
    values = values_of(bench.landing / PATH)
    assert values[0, 0] == -9999
    np.testing.assert_array_equal(values[1:], 6 * WINDOW[1:])


def test_a_number_that_the_entry_knows_means_nothing_is_no_value(bench, provider):
    provider.put("/rain.tif", tiff(nodata=None))
    bench.fetch(entry(provider.at("/rain.tif"), client="cog_window", fetch={"nodata": float(WINDOW[0, 1])}))
    values = values_of(bench.landing / PATH)
    assert values[0, 1] == -9999
    assert values[0, 0] == WINDOW[0, 0]


def test_months_that_are_not_all_there_make_no_quarter(bench, provider, months):
    del provider.files["/rain_2026.09.tif"]
    assert bench.fetch(months).state == "late"
    assert bench.files == []


def test_months_on_another_grid_are_refused(bench, provider, months):
    provider.put("/rain_2026.09.tif", tiff(size=20))
    told = bench.fetch(months)
    assert told.state == "failed"
    assert "not on the same grid" in told.words
    assert bench.files == []


def test_a_climatology_has_a_band_for_each_quarter_of_the_year(bench, provider):
    for month in range(1, 13):
        provider.put(f"/normal.{month:02d}.tif", tiff(float(month)))
    spec = entry(
        provider.at("/normal.{month}.tif"), client="cog_window", cadence="once", options={"band": "quarter"},
        observed_from="1991-01-01", observed_to="2020-12-31", fetch={"combine": "sum", "by_quarter": True},
    )  # fmt: skip
    assert bench.fetch(spec).state == "fetched"
    with rasterio.open(bench.landing / "rasters/rain.tif") as found:
        assert found.count == 4
        np.testing.assert_array_equal(found.read(4), 33 * WINDOW)


def test_a_server_that_ignores_ranges_is_asked_for_the_whole_file(bench, provider, months):
    for file in provider.files.values():
        file.ranges = False
    assert bench.fetch(months).state == "fetched"
    np.testing.assert_array_equal(values_of(bench.landing / PATH), 6 * WINDOW)
    assert not list(bench.work.rglob("*.tif"))


def test_a_raster_of_elsewhere_is_refused(bench, provider, country):
    provider.put("/rain.tif", tiff())
    bench.country = country.model_copy(update={"bounds": (10.0, 10.0, 12.0, 12.0)})
    told = bench.fetch(entry(provider.at("/rain.tif"), client="cog_window"))
    assert "does not cover the country" in told.words


def test_faults_on_the_way_are_outlasted(bench, provider, months):
    for name, faults in (("07", ["503"]), ("08", ["429", "cut"]), ("09", ["", "500"])):
        provider.files[f"/rain_2026.{name}.tif"].faults = faults
    assert bench.fetch(months).state == "fetched"
    np.testing.assert_array_equal(values_of(bench.landing / PATH), 6 * WINDOW)


def test_of_a_large_raster_only_the_pieces_of_the_country_come(bench, provider):
    large = tiff(0.0, size=4000, tiled=True, blockxsize=256, blockysize=256)
    provider.put("/rain.tif", large)
    bench.country = bench.country.model_copy(update={"bounds": (100.0, 11.8, 100.2, 12.0)})
    told = bench.fetch(entry(provider.at("/rain.tif"), client="cog_window", fetch={"nodata": -1.0}))
    assert told.state == "fetched"
    assert len(large) > 64_000_000
    assert provider.sent < 0.05 * len(large)


GIGABYTE = 1 << 30


@pytest.fixture(scope="module")
def gigabyte(tmp_path_factory):
    """A raster of a gigabyte with overviews, of 40 degrees by 40; only the country's tiles have bytes."""
    path = tmp_path_factory.mktemp("large") / "rain.tif"
    shape = {"width": 16_000, "height": 16_000, "count": 1, "dtype": "float32", "crs": "EPSG:4326", "nodata": -9999.0}
    tiles = {"tiled": True, "blockxsize": 512, "blockysize": 512, "SPARSE_OK": True, "BIGTIFF": "YES"}
    with rasterio.open(
        path, "w", driver="GTiff", transform=from_origin(80, 30, 0.0025, 0.0025), **shape, **tiles
    ) as out:
        rows, columns = np.mgrid[:1024, :1024]
        out.write(
            (rows * 10.0 + columns).astype("float32"),
            1,
            window=Window(8000 - 8000 % 512, 7200 - 7200 % 512, 1024, 1024),
        )
    with rasterio.open(path, "r+") as out:
        out.build_overviews([2, 4, 8, 16], Resampling.average)
    os.truncate(path, GIGABYTE)
    return path


@pytest.mark.slow
def test_of_a_gigabyte_hardly_more_than_the_cells_of_the_country_come(bench, provider, gigabyte):
    provider.put("/rain.tif", OnDisk(gigabyte))
    told = bench.fetch(entry(provider.at("/rain.tif"), client="cog_window"))
    assert told.state == "fetched", told.words
    assert f"{GIGABYTE:,} bytes" not in told.words
    with rasterio.open(gigabyte) as whole:
        window = whole.window(*BOUNDS)
        np.testing.assert_array_equal(values_of(bench.landing / PATH), whole.read(1, window=window))
    assert provider.sent < 0.01 * GIGABYTE
    assert told.moved == provider.sent
    assert len(provider.asked) < 40
    sent = provider.sent
    assert (bench.fetch(entry(provider.at("/rain.tif"), client="cog_window")).state, provider.sent) == (
        "unchanged",
        sent,
    )


@pytest.mark.parametrize(("how", "expected"), [("sum", np.nan), ("mean", 3.0), ("minimum", 2.0), ("maximum", 4.0)])
def test_how_months_become_one(how, expected):
    def one(value):
        return RemoteCells(np.array([[value]]), rasterio.Affine.identity(), "EPSG:4326")

    found = combined([one(2.0), one(np.nan), one(4.0)], how).values[0, 0]
    np.testing.assert_equal(found, expected)
    np.testing.assert_equal(combined([one(np.nan), one(np.nan)], how).values[0, 0], np.nan)
