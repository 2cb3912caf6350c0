"""Zonal statistics: by hand on nine cells, and against exactextract and published means."""

import weakref

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import from_bounds
from shapely.geometry import box

from poverty_assets.errors import InputError, MissingCRS, SpecificationError
from poverty_assets.features.zonal import STATISTICS, CellStatistic, zonal_statistics
from poverty_assets.sources.raster import Raster, RasterFile
from poverty_assets_tests.features.test_coverage import crooked
from poverty_assets_tests.sources.whole_raster import open_raster

WGS84 = "EPSG:4326"


def nine(values=None):
    values = np.arange(1.0, 10.0).reshape(3, 3) if values is None else np.asarray(values, dtype=float)
    return Raster(values, (0, 0, 3, 3), WGS84)


def zones(*shapes, crs=WGS84):
    return gpd.GeoDataFrame({"area_id": [f"z{i}" for i in range(len(shapes))]}, geometry=list(shapes), crs=crs)


def value(statistic, *shapes, raster=None):
    return zonal_statistics([("r", raster or nine())], zones(*shapes), [statistic])["value"].tolist()


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [("mean", 5), ("sum", 20), ("count", 4), ("min", 1), ("max", 9), ("stdev", np.sqrt(5))],
)
def test_square_over_the_middle_of_nine_cells(statistic, expected):
    # covers the middle cell, half of the four sides and a quarter of the four corners
    assert value(statistic, box(0.5, 0.5, 2.5, 2.5)) == pytest.approx([expected])


def test_rounding_brings_no_mean_out_of_the_range_of_its_cells():
    dry = nine([[0.1, 0.7, 0.3], [0, 0, 0], [0, 0, 0]])
    shapes = [box(0.13 * i, 0.07 * i, 0.13 * i + 1.3, 0.07 * i + 0.9) for i in range(12)]
    assert value("mean", *shapes, raster=dry) == [0] * 12
    assert value("sum", *shapes, raster=dry) == [0] * 12


def test_whole_cells_only():
    assert value("mean", box(0, 0, 3, 1), box(0, 0, 3, 3)) == pytest.approx([8, 5])


def test_cells_without_value_are_left_out_and_the_coverage_says_so():
    values = np.arange(1.0, 10.0).reshape(3, 3)
    values[0] = np.nan
    answer = zonal_statistics([("r", nine(values))], zones(box(0, 0, 1, 3), box(0, 2, 3, 3)), ["mean"])
    assert answer["value"].iloc[0] == pytest.approx(5.5)
    assert answer["coverage"].tolist() == pytest.approx([2 / 3, 0])
    assert np.isnan(answer["value"].iloc[1])


def test_area_beyond_the_raster_is_covered_in_part_or_not_at_all():
    answer = zonal_statistics([("r", nine())], zones(box(2, 0, 4, 3), box(8, 8, 9, 9)), STATISTICS)
    wide = answer.pivot(index="area_id", columns="statistic", values="value")
    assert wide.loc["z0", "mean"] == pytest.approx(6)
    assert wide.loc["z1"].drop("count").isna().all()
    assert wide.loc["z1", "count"] == 0
    assert answer.groupby("area_id")["coverage"].first().tolist() == pytest.approx([0.5, 0])


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.floats(0.05, 2.95), st.integers(0, 10_000))
def test_parts_add_up_to_the_whole(cut, seed):
    raster = nine(np.random.default_rng(seed).normal(1000, 1, (3, 3)))
    parts = zones(box(0, 0, cut, 3), box(cut, 0, 3, 3))
    left, right = (of_parts(zonal_statistics([("r", raster)], parts, STATISTICS), name) for name in ("z0", "z1"))
    whole = of_parts(zonal_statistics([("r", raster)], zones(box(0, 0, 3, 3)), STATISTICS), "z0")
    for name in ("sum", "count"):  # shares are single precision
        assert left[name] + right[name] == pytest.approx(whole[name], rel=1e-6)
    assert min(left["min"], right["min"]) == whole["min"]
    assert max(left["max"], right["max"]) == whole["max"]
    mean = (left["mean"] * left["count"] + right["mean"] * right["count"]) / whole["count"]
    assert mean == pytest.approx(whole["mean"], rel=1e-6)


def of_parts(answer, area_id):
    return answer[answer["area_id"] == area_id].set_index("statistic")["value"]


def test_rasters_are_taken_one_at_a_time():
    alive = []

    def one_by_one():
        for number in range(3):
            raster = nine(np.full((3, 3), float(number)))
            alive.append(weakref.ref(raster))
            assert sum(ref() is not None for ref in alive) <= 2
            yield str(number), raster
            del raster

    answer = zonal_statistics(one_by_one(), zones(box(0, 0, 3, 3)))
    assert answer["value"].tolist() == [0, 1, 2]


def test_crs_must_be_stated_and_ids_unique():
    with pytest.raises(MissingCRS):
        zonal_statistics([("r", nine())], zones(box(0, 0, 1, 1), crs=None))
    with pytest.raises(MissingCRS):
        zonal_statistics([("r", Raster(np.ones((3, 3)), (0, 0, 3, 3), ""))], zones(box(0, 0, 1, 1)))
    twice = zones(box(0, 0, 1, 1), box(1, 1, 2, 2)).assign(area_id="a")
    with pytest.raises(InputError, match="1 areas occur twice, first 'a'"):
        zonal_statistics([("r", nine())], twice)
    with pytest.raises(SpecificationError, match="median"):
        value("median", box(0, 0, 1, 1))


def communes(folder):
    return gpd.read_file(folder / "boundaries" / "geoBoundaries-KHM-ADM3_simplified.geojson").rename(
        columns={"shapeID": "area_id"}
    )


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize(
    "name", ["gds4ae/cambodia_2020_walking_friction_surface.tif", "gpw_v411_popdensity_2020_decoded_3857.tif"]
)
def test_communes_agree_with_exactextract_in_both_crs(landing_khm, name):
    from exactextract import exact_extract

    path, areas = landing_khm / "rasters" / name, communes(landing_khm)
    raster = open_raster(path)
    ours = zonal_statistics([("r", raster)], areas, ["mean", "sum", "max"])
    wide = ours.pivot(index="area_id", columns="statistic", values="value").loc[areas["area_id"]]
    theirs = exact_extract(str(path), areas.to_crs(raster.crs)[["geometry"]], ["mean", "sum", "max"], output="pandas")
    for statistic in theirs:
        np.testing.assert_allclose(wide[statistic], theirs[statistic], rtol=1e-9)


@pytest.mark.slow
@pytest.mark.shared
def test_districts_agree_with_published_means(landing_khm):
    folder = landing_khm / "rasters" / "gds4ae"
    published = gpd.read_file(folder / "cambodia_regional.gpkg")
    published["area_id"] = published.index.astype(str)
    files = {
        "walk_mean": ("cambodia_2020_walking_friction_surface.tif", 0.0018),
        "motor_mean": ("cambodia_2020_motorized_friction_surface.tif", 0.0064),
        "no2_mean": ("cambodia_s5_no2.tif", 0.018),
    }
    rasters = {name: open_raster(folder / file) for name, (file, _) in files.items()}
    ours = zonal_statistics(rasters.items(), published).pivot(index="area_id", columns="raster", values="value")
    for name, (_, most) in files.items():
        relative = (ours.loc[published["area_id"], name].to_numpy() / published[name] - 1).abs()
        assert relative.median() <= most, name


def in_slices(monkeypatch):
    """A few rows at a time, and areas by their outlines, as a large raster is taken."""
    monkeypatch.setattr("poverty_assets.features.coverage._BY_EXACTEXTRACT", 0)
    monkeypatch.setattr("poverty_assets.features.zonal.CELLS_AT_A_TIME", 60)


FURTHER = [
    CellStatistic("quantile", 0.5),
    CellStatistic("quantile", 0.1),
    CellStatistic("share_above", 1.0),
    CellStatistic("weighted_mean", weight="w"),
]


@pytest.mark.parametrize("of_values", ["any", "few"])
def test_every_statistic_is_exactextracts_own_in_slices_too(monkeypatch, of_values):
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    in_slices(monkeypatch)
    rng = np.random.default_rng(3)
    values = rng.gamma(2, 1, (20, 20)) if of_values == "any" else rng.integers(0, 4, (20, 20)).astype(float)
    people = rng.gamma(1, 9, (20, 20))
    values[rng.random((20, 20)) < 0.1] = np.nan
    areas = crooked(5)
    sources = [NumPyRasterSource(part, 0, 0, 20, 20, nodata=np.nan, srs_wkt=WGS84) for part in (values, people)]
    plain = ["mean", "sum", "count", "stdev", "min", "max", "median", "quantile(q=0.1)", "weighted_mean"]
    theirs = exact_extract(sources[0], areas[["geometry"]], plain, weights=sources[1], output="pandas")
    above = NumPyRasterSource(
        np.where(np.isnan(values), np.nan, values > 1), 0, 0, 20, 20, nodata=np.nan, srs_wkt=WGS84
    )
    theirs["share_above:1"] = exact_extract(above, areas[["geometry"]], ["mean"], output="pandas")["mean"]
    theirs = theirs.rename(
        columns={"median": "quantile:0.5", "quantile_10": "quantile:0.1", "weighted_mean": "weighted_mean:w"}
    )
    bounds = (0, 0, 20, 20)
    ours = (
        zonal_statistics(
            [("r", Raster(values, bounds, WGS84))],
            areas,
            [*STATISTICS, *FURTHER],
            weights={"w": Raster(people, bounds, WGS84)},
        )
        .pivot(index="area_id", columns="statistic", values="value")
        .loc[areas["area_id"]]
    )
    assert set(theirs) == set(ours)
    some = ours["count"].to_numpy() > 0
    assert ours.loc[~some].drop(columns="count").isna().all(axis=None)  # of nothing there is no sum: theirs is 0
    for statistic in theirs:
        np.testing.assert_allclose(
            ours.loc[some, statistic], theirs.loc[some, statistic], rtol=1e-9, atol=1e-12, err_msg=statistic
        )


def test_sums_are_the_same_to_the_last_bit_however_many_rows_come_at_a_time(monkeypatch):
    values = np.random.default_rng(6).normal(50, 9, (20, 20))
    values[3, 4] = np.nan
    raster, areas = [("r", Raster(values, (0, 0, 20, 20), WGS84))], crooked(2)
    whole = zonal_statistics(raster, areas, STATISTICS)
    monkeypatch.setattr("poverty_assets.features.zonal.CELLS_AT_A_TIME", 60)
    assert zonal_statistics(raster, areas, STATISTICS).equals(whole)


def test_values_held_for_quantiles_are_let_go_where_areas_end(monkeypatch):
    in_slices(monkeypatch)
    monkeypatch.setattr("poverty_assets.features.zonal._HELD", 80)
    values = np.random.default_rng(4).normal(size=(20, 20))
    strips = zones(*(box(0, y, 20, y + 1.5) for y in range(19)))
    medians = value(CellStatistic("quantile", 0.5), *strips.geometry, raster=Raster(values, (0, 0, 20, 20), WGS84))
    monkeypatch.undo()
    assert medians == value(
        CellStatistic("quantile", 0.5), *strips.geometry, raster=Raster(values, (0, 0, 20, 20), WGS84)
    )


def test_people_on_a_coarser_grid_weigh_by_the_cell_at_each_centre():
    people = Raster(np.array([[1.0, 0.0], [3.0, np.nan]]), (0, 0, 4, 4), WGS84)
    values = Raster(np.arange(16.0).reshape(4, 4), (0, 0, 4, 4), WGS84)
    asked = CellStatistic("weighted_mean", weight="people")
    answer = zonal_statistics(
        [("r", values)], zones(box(0, 0, 4, 4), box(2, 0, 4, 2)), [asked], weights={"people": people}
    )
    top, bottom = np.mean([0, 1, 4, 5]), np.mean([8, 9, 12, 13])
    assert answer["value"].tolist()[0] == pytest.approx((top + 3 * bottom) / 4)
    assert np.isnan(answer["value"].iloc[1])  # nobody lives there


def test_what_cannot_be_asked_is_refused_by_name():
    for asked, said in (
        (CellStatistic("quantile", 1.5), "1.5"),
        (CellStatistic("weighted_mean", weight="w"), "'w'"),
        (CellStatistic("mode"), "mode"),
    ):
        with pytest.raises(SpecificationError, match=said):
            value(asked, box(0, 0, 1, 1))


@pytest.mark.slow
def test_a_large_raster_is_taken_in_strips_and_by_whomever_it_is_the_same(monkeypatch, tmp_path, cluster):
    shapes, file = crooked(5), tmp_path / "large.tif"
    values = np.random.default_rng(3).normal(50, 9, (90, 80)).astype("float32")
    place = {"crs": WGS84, "transform": from_bounds(0, 0, 20, 20, 80, 90)}
    with rasterio.open(file, "w", driver="GTiff", width=80, height=90, count=1, dtype="float32", **place) as out:
        out.write(values, 1)
    asked = [*STATISTICS, CellStatistic("share_above", number=55), CellStatistic("weighted_mean", weight="r")]
    answers = {}
    for cells, workers in ((80 * 90, None), (80 * 7, None), (80 * 7, cluster)):
        monkeypatch.setattr("poverty_assets.features.zonal.IN_MEMORY", cells)
        monkeypatch.setattr("poverty_assets.features.zonal._STRIP", cells)
        raster = RasterFile(file)
        answers[cells, workers is None] = zonal_statistics(
            [("r", raster)], shapes, asked, weights={"r": raster}, workers=workers
        )
    whole, strips, afar = answers.values()
    np.testing.assert_allclose(strips["value"], whole["value"], rtol=1e-12)
    assert afar.equals(strips)
