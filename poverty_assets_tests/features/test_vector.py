"""Points and lines over two squares of 10 by 10 km."""

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import LineString, Point, box

from poverty_assets.errors import ContractViolation, InputError, MissingCRS
from poverty_assets.features import vector

METRIC = "EPSG:32648"
ZONES = gpd.GeoDataFrame(
    {"area_id": ["a", "b"]}, geometry=[box(0, 0, 10_000, 10_000), box(10_000, 0, 20_000, 10_000)], crs=METRIC
)


def layer(*shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=METRIC)


def test_points_are_counted_once_even_on_a_shared_border():
    points = layer(Point(1, 1), Point(10_000, 5), Point(15_000, 5), Point(99_000, 5))
    assert vector.count(points, ZONES, METRIC).tolist() == [2, 1]


def test_distance_to_points_lines_and_outlines():
    assert vector.distance_km(layer(Point(5_000, 8_000)), ZONES, METRIC) == pytest.approx([3, np.hypot(10, 3)])
    assert vector.distance_km(layer(LineString([(0, -1_000), (20_000, -1_000)])), ZONES, METRIC) == pytest.approx(
        [6, 6]
    )
    country = layer(box(0, 0, 20_000, 10_000))
    assert vector.distance_km(country, ZONES, METRIC) == pytest.approx([0, 0])
    assert vector.distance_km(country, ZONES, METRIC, boundary=True) == pytest.approx([5, 5])


def test_nothing_to_measure_to_is_refused():
    with pytest.raises(ContractViolation):
        vector.distance_km(layer(), ZONES, METRIC)


def test_length_is_cut_at_the_border():
    assert vector.length_km(layer(LineString([(4_000, 5), (13_000, 5)])), ZONES, METRIC) == pytest.approx([6, 3])


def test_polygons_that_overlap_cover_land_once():
    polygons = layer(box(5_000, 0, 12_000, 10_000), box(6_000, 0, 11_000, 4_000), box(90_000, 0, 91_000, 1))
    assert vector.covered_km2(polygons, ZONES, METRIC) == pytest.approx([50, 20])
    assert vector.covered_km2(layer(box(-1, -1, 20_001, 10_001)), ZONES, METRIC).tolist() == [100, 100]


def test_sums_leave_out_missing_values_and_use_weights():
    points = layer(Point(1, 1), Point(2, 2), Point(3, 3), x=[1.0, 4.0, np.nan], w=[3.0, 1.0, 9.0])
    top, bottom = vector.sums_of(points, ZONES, METRIC, "x", "w")
    assert top.tolist() == [7, 0]
    assert bottom.tolist() == [4, 0]
    with pytest.raises(InputError, match="no column 'y'"):
        vector.sums_of(points, ZONES, METRIC, "y")


def test_a_layer_without_crs_is_refused():
    with pytest.raises(MissingCRS):
        vector.count(layer(Point(1, 1)).set_crs(None, allow_override=True), ZONES, METRIC)
