"""Scenes of a STAC interface: found page by page, signed, brought onto one grid, laid over each other."""

import numpy as np
import pytest
import rasterio

from poverty_assets.fetching.windows import Overlaid, RemoteGrid
from poverty_assets_tests.fetching.conftest import BOUNDS, entry, values_of
from poverty_assets_tests.fetching.formats import scene

PATH = "rasters/rain_2026Q3.tif"


class Catalogue:
    """A STAC interface that gives out two scenes a page."""

    def __init__(self, provider):
        self.provider, self.items, self.tokens = provider, [], 0
        provider.answers |= {"/stac/search": self.search, "/token": self.token}

    def add(self, name, data, day="2026-07-10", asset="LST"):
        self.provider.put(f"/{name}.tif", data)
        said = {"start_datetime": f"{day}T00:00:00Z", "end_datetime": f"{day}T23:59:59Z", "updated": "1"}
        self.items.append(
            {"id": name, "properties": said, "assets": {asset: {"href": self.provider.at(f"/{name}.tif")}}}
        )

    def search(self, words):
        first = int(words.get("page", "0"))
        if not first:
            assert words["collections"] == "heat"
            assert words["bbox"] == "100.0,10.0,102.0,12.0"
            assert words["datetime"] == "2026-07-01T00:00:00Z/2026-09-30T23:59:59Z"
        following = self.provider.at(f"/stac/search?page={first + 2}")
        links = [{"rel": "next", "href": following}] if first + 2 < len(self.items) else []
        return {"features": self.items[first : first + 2], "links": links}

    def token(self, words):
        self.tokens += 1
        return {"token": f"sig={self.tokens}"}


@pytest.fixture
def catalogue(provider):
    return Catalogue(provider)


def heat(provider, **fetch):
    said = {"collection": "heat", "asset": "LST", "cells_per_degree": 10, "nodata": 0, "scale": 0.02, "offset": -273.15}
    return entry(provider.at("/stac"), client="stac", fetch=said | fetch)


def test_scenes_of_any_projection_are_brought_onto_one_grid_and_averaged(bench, provider, catalogue):
    catalogue.add("a", scene(15000))
    catalogue.add("b", scene(15100, "EPSG:32648"))
    catalogue.add("c", scene(15200, "EPSG:3857"))
    catalogue.add("cloud", scene(0))
    assert bench.fetch(heat(provider)).state == "fetched"
    with rasterio.open(bench.landing / PATH) as found:
        assert (found.bounds, found.crs) == (BOUNDS, rasterio.CRS.from_epsg(4326))
        np.testing.assert_allclose(found.read(1), 15100 * 0.02 - 273.15, rtol=1e-6)


def test_only_scenes_within_the_quarter_count(bench, provider, catalogue):
    catalogue.add("a", scene(15000))
    catalogue.add("before", scene(20000), day="2026-06-30")
    catalogue.add("after", scene(20000), day="2026-10-01")
    bench.fetch(heat(provider))
    np.testing.assert_allclose(values_of(bench.landing / PATH), 15000 * 0.02 - 273.15, rtol=1e-6)


def test_half_a_scene_leaves_the_other_half_empty(bench, provider, catalogue):
    catalogue.add("west", scene(15000, box=(99.0, 9.0, 101.0, 13.0)))
    bench.fetch(heat(provider))
    values = values_of(bench.landing / PATH)
    assert (values[:, :10] > 0).all()
    assert (values[:, 10:] == -9999).all()


def test_numbers_that_are_out_of_range_are_none(bench, provider, catalogue):
    catalogue.add("a", scene(15000))
    catalogue.add("b", scene(60000))
    bench.fetch(heat(provider, valid_range=[7500, 50000]))
    np.testing.assert_allclose(values_of(bench.landing / PATH), 15000 * 0.02 - 273.15, rtol=1e-6)


def test_the_same_scenes_are_not_read_again_and_one_more_is_a_revision(bench, provider, catalogue):
    catalogue.add("a", scene(15000))
    bench.fetch(heat(provider))
    asked = len(provider.asked)
    assert bench.fetch(heat(provider)).state == "unchanged"
    assert len(provider.asked) == asked + 1
    catalogue.add("b", scene(15100))
    assert bench.fetch(heat(provider)).state == "revised"


def test_a_token_that_has_expired_is_asked_for_anew_and_stands_in_no_record(bench, provider, catalogue):
    for name in "abc":
        catalogue.add(name, scene(15000))
    provider.files["/b.tif"].refuses = "sig=1"
    assert bench.fetch(heat(provider, sign=provider.at("/token"))).state == "fetched"
    assert catalogue.tokens == 2
    assert {path for _, path, _ in provider.asked if path.startswith("/c.tif")} == {"/c.tif?sig=2"}
    assert "sig" not in (bench.landing / f"{PATH}.fetched.json").read_text()


def test_what_the_catalogue_lacks_is_said(bench, provider, catalogue):
    told = bench.fetch(heat(provider))
    assert told.state == "late"
    assert "no scene over the country" in told.words
    catalogue.add("a", scene(15000), asset="LST_2")
    told = bench.fetch(heat(provider))
    assert told.state == "failed"
    assert "scene a has no https asset LST; it has: LST_2" in told.words


def test_a_grid_is_of_whole_cells_around_the_bounds():
    grid = RemoteGrid.over((102.3, 9.9, 107.7, 14.7), 120)
    assert grid.bounds == pytest.approx((102.3, 9.9, 107.7, 14.7))
    assert grid.shape == (576, 648)


@pytest.mark.parametrize(
    ("how", "expected"),
    [("mean", [3.0, 5.0, np.nan]), ("minimum", [2.0, 5.0, np.nan]), ("maximum", [4.0, 5.0, np.nan])],
)
def test_rasters_are_laid_over_each_other(how, expected):
    laid = Overlaid(how, (1, 3))
    for values in ([2.0, np.nan, np.nan], [4.0, 5.0, np.nan], [np.nan, np.nan, np.nan]):
        laid.add(np.array([values]))
    np.testing.assert_array_equal(laid.values, [expected])
