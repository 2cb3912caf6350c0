"""Features by statistic, for two communes, their district, province and country."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError
from shapely.geometry import LineString, Point, box

from poverty_assets.errors import SpecificationError
from poverty_assets.features.layers_and_tables import features_from_source
from poverty_assets.pack.feature import RasterFeature, TableFeature

METRIC = "EPSG:32648"
AREAS = gpd.GeoDataFrame(
    {
        "area_id": ["KH", "01", "0101", "010101", "010102"],
        "area_level": ["country", "province", "district", "commune", "commune"],
        "parent_id": [None, "KH", "01", "0101", "0101"],
    },
    geometry=[None, None, None, box(0, 0, 1_000, 1_000), box(1_000, 0, 4_000, 1_000)],
    crs=METRIC,
)


def values(data, statistic, areas=AREAS, **options):
    entry = {"feature_id": "f", "name": "n", "unit": "u", "statistic": statistic, "options": options}
    answer = features_from_source([TypeAdapter(TableFeature).validate_python(entry)], data, areas, metric_crs=METRIC)
    assert answer.columns.tolist() == ["area_id", "feature_id", "value"]
    return answer.set_index("area_id")["value"].loc[AREAS["area_id"]].tolist()


def layer(*shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=METRIC)


def test_counts_densities_and_lengths_add_up():
    points = layer(Point(500, 500), Point(600, 500), Point(2_000, 500), x=[1.0, 3, 8])
    assert values(points, "count") == [3, 3, 3, 2, 1]
    assert values(points, "count", where="x > 2") == [2, 2, 2, 1, 1]
    assert values(points, "count_per_km2") == pytest.approx([0.75, 0.75, 0.75, 2, 1 / 3])
    assert values(points, "mean_of", column="x") == pytest.approx([4, 4, 4, 2, 8])
    assert values(layer(LineString([(0, 500), (2_000, 500)])), "length_km_per_km2") == pytest.approx(
        [0.5, 0.5, 0.5, 1, 1 / 3]
    )


def test_share_of_larger_areas_is_that_of_their_territory():
    park = layer(box(500, 0, 1_600, 1_000))
    assert values(park, "area_share") == pytest.approx([1.1 / 4] * 3 + [0.5, 0.2])


def test_distance_of_larger_areas_is_the_mean_of_their_parts_by_size():
    district = (1 * 0 + 3 * 2) / 4
    assert values(layer(Point(500, 500)), "distance_km") == pytest.approx([district] * 3 + [0, 2])


def test_table_ratio_is_of_sums_also_over_several_rows_an_area():
    table = pd.DataFrame(
        {"area_id": ["010101", "010101", "010102", "999999"], "n": [1, 2, 3, 9], "all": [10, 20, 70, 9]}
    )
    assert values(table, "column", value="n", per="all") == pytest.approx([0.06, 0.06, 0.06, 0.1, 3 / 70])
    assert values(table, "column", value="2 * n + all", combine="sum") == pytest.approx([112, 112, 112, 36, 76])
    assert values(table, "column", value="n", weight="all") == pytest.approx([2.6, 2.6, 2.6, 5 / 3, 3])


def test_areas_below_inherit_only_when_asked():
    table = pd.DataFrame({"area_id": ["0101"], "x": [7.0]})
    assert values(table, "column", value="x") == pytest.approx([7, 7, 7, np.nan, np.nan], nan_ok=True)
    assert values(table, "column", value="x", inherit=True) == pytest.approx([7] * 5)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("__import__('os').getcwd()", "neither a column nor arithmetic"),
        ("n.values", "neither a column nor arithmetic"),
        ("nothing + 1", "cannot be worked out"),
    ],
)
def test_what_is_no_arithmetic_on_columns_is_refused_by_name(value, message):
    with pytest.raises(SpecificationError, match=message):
        values(pd.DataFrame({"area_id": ["010101"], "n": [1]}), "column", value=value)


def test_a_rasters_statistic_is_not_made_of_a_table():
    feature = RasterFeature(feature_id="f", name="n", unit="u", statistic="mean")
    with pytest.raises(SpecificationError, match="'mean' cannot be made of a layer or a table"):
        features_from_source([feature], pd.DataFrame({"area_id": ["010101"]}), AREAS, metric_crs=METRIC)


HELD = AREAS.assign(population=[50, 50, 50, 10, 40], households=[9, 9, 9, None, 9], area_km2=[4.0, 4, 4, 1, 3])


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        ("person", [0.18, 0.18, 0.18, 0.3, 0.15]),
        (
            "household",
            [6 / 9, 6 / 9, 6 / 9, np.nan, 6 / 9],
        ),  # people of the first are not known: its clinics are left out, too
        ("km2", [2.25, 2.25, 2.25, 3, 2]),
        ("area", [4.5, 4.5, 4.5, 3, 6]),
    ],
)
def test_a_sum_may_be_for_each_person_household_square_kilometre_or_area(each, expected):
    table = pd.DataFrame({"area_id": ["010101", "010101", "010102"], "clinics": [1, 2, 6]})
    points = layer(*[Point(500, 500)] * 3, *[Point(2_000, 500)] * 6)
    for data, statistic, options in ((table, "column", {"value": "clinics"}), (points, "count", {})):
        assert values(data, statistic, areas=HELD, each=each, **options) == pytest.approx(expected, nan_ok=True)


def test_what_only_a_larger_area_is_said_to_have_is_divided_by_its_own_people():
    table = pd.DataFrame({"area_id": ["0101", "010102"], "clinics": [10, 4]})
    assert values(table, "column", areas=HELD, value="clinics", each="person") == pytest.approx(
        [14 / 50] * 3 + [np.nan, 0.1], nan_ok=True
    )


def test_a_sum_for_each_person_has_no_other_denominator():
    with pytest.raises(ValidationError, match="each: person divides a sum"):
        values(pd.DataFrame(), "column", value="n", per="all", each="person")
