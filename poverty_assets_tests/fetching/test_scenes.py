"""Scenes and tiles laid on one grid: shares of classes, maps without a date, tiles that there are not."""

import datetime as dt

import numpy as np
import pytest
import rasterio
from pydantic import ValidationError
from rasterio.transform import from_origin

from poverty_assets.quarter import Quarter
from poverty_assets_tests.fetching.conftest import entry, values_of

PATH = "rasters/rain_2026Q3.tif"


def classes(values, west=100.0, north=12.0, degrees=2.0, crs="EPSG:4326", nodata=0, **more):
    """A map of classes over so many degrees."""
    values = np.array(values, dtype="uint8")
    rows, columns = values.shape
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=columns, height=rows, count=1, dtype="uint8", crs=crs, nodata=nodata,
            transform=from_origin(west, north, degrees / columns, degrees / rows), **more,
        ) as out:  # fmt: skip
            out.write(values, 1)
        return memory.read()


def cover(provider, **fetch):
    """An entry of tiles of two degrees, made into cells of one."""
    said = {"tile_degrees": 2, "cells_per_degree": 1, "nodata": 0, "share_of": [50], "points": 10}
    return entry(provider.at("/cover_{lat}{lon}.tif"), client="tiles", fetch=said | fetch)


def test_the_share_of_a_class_is_of_the_points_that_have_a_value(bench, provider):
    half, none, unknown, some = [[50, 10]], [[10, 10]], [[0, 0]], [[50, 0]]
    values = np.block([[np.array(half), np.array(none)], [np.array(unknown), np.array(some)]])
    provider.put("/cover_N10E100.tif", classes(np.kron(values, np.ones((10, 5)))))
    assert bench.fetch(cover(provider)).state == "fetched"
    np.testing.assert_allclose(values_of(bench.landing / PATH), [[0.5, 0.0], [-9999, 1.0]])


def test_several_classes_are_one_share(bench, provider):
    provider.put("/cover_N10E100.tif", classes([[50, 60], [10, 10]]))
    bench.fetch(cover(provider, share_of=[50, 60]))
    np.testing.assert_allclose(values_of(bench.landing / PATH), [[1.0, 1.0], [0.0, 0.0]])


def test_a_tile_that_there_is_not_is_the_sea(bench, provider):
    provider.put("/cover_N11E100.tif", classes([[50]], north=12.0, degrees=1.0))
    assert bench.fetch(cover(provider, tile_degrees=1)).state == "fetched"
    np.testing.assert_allclose(values_of(bench.landing / PATH), [[1.0, -9999], [-9999, -9999]])
    assert sum(command == "HEAD" for command, _, _ in provider.asked) == 4


def test_a_country_without_any_tile_is_late(bench, provider):
    assert bench.fetch(cover(provider)).state == "late"


def test_a_fine_map_is_read_in_strips(bench, provider, monkeypatch):
    provider.put("/cover_N10E100.tif", classes(np.kron(np.eye(2) * 50, np.ones((50, 50))), nodata=None))
    whole = bench.fetch(cover(provider, cells_per_degree=10, nodata=255))
    assert whole.state == "fetched"
    before = values_of(bench.landing / PATH)
    monkeypatch.setattr("poverty_assets.fetching.windows._POINTS_AT_ONCE", 1)
    (bench.landing / PATH).unlink()
    bench.fetch(cover(provider, cells_per_degree=10, nodata=255))
    np.testing.assert_array_equal(values_of(bench.landing / PATH), before)
    assert (before[:10, :10] == 1).all()
    assert (before[:10, 10:] == 0).all()


def test_tiles_of_numbers_are_averaged(bench, provider):
    provider.put("/cover_N10E100.tif", classes([[10, 30], [0, 50]]))
    bench.fetch(cover(provider, share_of=[], cells_per_degree=1))
    np.testing.assert_allclose(values_of(bench.landing / PATH), [[10, 30], [-9999, 50]])


def test_an_address_of_tiles_says_where_a_tile_is_named():
    with pytest.raises(ValidationError, match=r"does not hold \{lat\} and \{lon\}"):
        entry(
            "https://example.org/a.tif", client="tiles", fetch={"tile_degrees": 1, "cells_per_degree": 1, "nodata": 0}
        )
    with pytest.raises(ValidationError, match=r"holds \{lat\}"):
        entry("https://example.org/{lat}.tif")


# ---------------------------------------------------------------- catalogues
@pytest.fixture
def flooded(provider):
    """Scenes of flood: dry, a quarter of a cell under water, and one that lies elsewhere though the catalogue finds it."""
    water = np.zeros((20, 20))
    water[:5, :5] = 1
    found = {
        "dry": classes(np.zeros((20, 20)), nodata=255),
        "wet": classes(water, nodata=255),
        "elsewhere": classes(np.ones((20, 20)), west=-70.0, north=20.0, nodata=255),
    }
    items = []
    for name, data in found.items():
        provider.put(f"/{name}.tif", data)
        said = {"datetime": "2026-08-01T11:00:00Z", "updated": "1"}
        items.append({"id": name, "properties": said, "assets": {"extent": {"href": provider.at(f"/{name}.tif")}}})
    asked = []
    provider.answers["/stac/search"] = lambda words: asked.append(words) or {"features": items, "links": []}
    return asked


def flood(provider, **fetch):
    said = {
        "collection": "GFM",
        "asset": "extent",
        "combine": "maximum",
        "cells_per_degree": 1,
        "nodata": 255,
        "share_of": [1],
    }
    return entry(provider.at("/stac"), client="stac", fetch=said | fetch)


def test_the_largest_flooded_share_of_a_quarter(bench, provider, flooded):
    assert bench.fetch(flood(provider)).state == "fetched"
    np.testing.assert_allclose(values_of(bench.landing / PATH), [[0.25, 0.0], [0.0, 0.0]])


def test_scenes_of_one_map_are_taken_whatever_their_date(bench, provider, flooded):
    (told,) = bench.fetching(dt.date(2020, 1, 1), named=True).fetch(
        [flood(provider, any_time=True)], [Quarter(2019, 1)]
    )
    assert told.state == "fetched"
    assert "datetime" not in flooded[0]
    assert bench.fetch(flood(provider)).state == "fetched"
    assert flooded[-1]["datetime"] == "2026-07-01T00:00:00Z/2026-09-30T23:59:59Z"


# ---------------------------------------------------------------- probes
def test_a_probe_asks_for_one_tile_of_many(bench, provider):
    provider.put("/cover_N11E100.tif", classes([[50]], north=12.0, degrees=1.0))
    provider.put("/cover_N11E101.tif", classes([[50]], west=101.0, north=12.0, degrees=1.0))
    assert bench.probe(cover(provider, tile_degrees=1)).state == "there"
    asked = [path for _, path, _ in provider.asked]
    assert asked == ["/cover_N10E100.tif", "/cover_N10E101.tif", "/cover_N11E100.tif"]


@pytest.mark.slow
def test_a_probe_reads_the_beginning_of_one_scene(bench, provider, flooded):
    told = bench.probe(flood(provider))
    assert told.state == "there", told.words
    assert {path.partition("?")[0] for _, path, _ in provider.asked} == {"/stac/search", "/dry.tif"}
    del provider.files["/dry.tif"]
    assert bench.probe(flood(provider)).state == "failed"
