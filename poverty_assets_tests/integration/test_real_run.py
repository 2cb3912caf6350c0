"""The main job on real Cambodian files: what the published file must hold."""

import duckdb
import geopandas as gpd
import numpy as np
import pytest

from poverty_assets.geography.areas import to_geodataframe
from poverty_assets.pack.as_of import release
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.pack.source import RasterSource
from poverty_assets.quarter import Quarter
from poverty_assets.sources.earlier import release_then
from poverty_assets.warehouse.lake import Lake
from poverty_assets_tests.command_line import answer_of
from poverty_assets_tests.sources.whole_raster import open_raster

QUARTER = Quarter(2022, 4)


@pytest.fixture(scope="module")
def home(landing_khm, tmp_path_factory):
    home = tmp_path_factory.mktemp("real")
    done = answer_of(home, "refresh", "--quarter", QUARTER.label, "--sources", "landing", "--landing", landing_khm)
    assert done.code == 0, done.err
    return home


@pytest.fixture(scope="module")
def warehouse(home):
    with duckdb.connect(str(home / "warehouse/poverty.duckdb"), read_only=True) as connection:
        yield connection


def test_areas_are_those_of_2014(warehouse):
    rows = warehouse.execute("SELECT area_level, count(*) FROM dim_area GROUP BY 1").fetchall()
    assert dict(rows) == {"country": 1, "province": 25, "district": 197, "commune": 1633}


def test_the_registers_national_rate_counts_every_household_and_nearly_every_commune_has_one(warehouse):
    national = warehouse.execute("SELECT listed, households, rate FROM fct_register WHERE area_id = 'KH'").fetchone()
    assert national == (690895, 3928051, pytest.approx(690895 / 3928051))
    sql = "SELECT count(rate), count(modelled_rate), count(*) FROM fct_register WHERE area_level = 'commune' AND is_headline"
    with_rate, modelled, communes = warehouse.execute(sql).fetchone()
    assert with_rate >= 1590
    assert modelled == communes == 1633


def test_published_figures_are_ophis_with_their_errors(warehouse):
    sql = (
        "SELECT statistic, estimate, se FROM fct_mpi WHERE area_id = 'KH' AND method = 'published' AND subgroup = 'all'"
    )
    figures = {name: (value, se) for name, value, se in warehouse.execute(sql).fetchall()}
    assert figures["headcount_ratio"] == (pytest.approx(0.16645, abs=5e-6), pytest.approx(0.006628, abs=1e-6))
    assert figures["intensity"][0] == pytest.approx(0.42276, abs=5e-6)
    assert figures["mpi"] == (pytest.approx(0.07037, abs=5e-6), pytest.approx(0.003021, abs=1e-6))
    sql = "SELECT count(DISTINCT area_id) FROM fct_mpi WHERE area_level = 'province' AND statistic IN ('headcount_ratio', 'mpi') AND se > 0"
    assert warehouse.execute(sql).fetchone() == (25,)


def test_all_communes_have_ten_indicators_h_a_and_m0_downscaled_from_ophis_provinces(warehouse):
    sql = """
        SELECT count(DISTINCT area_id), count(*), bool_and(estimate > 0 AND estimate < 1 AND ci_low < ci_high)
        FROM {} WHERE area_level = 'commune' AND method = 'downscaled' AND is_headline AND {}
    """
    headcounts = warehouse.execute(sql.format("fct_headcount", "kind = 'uncensored'")).fetchone()
    assert headcounts == (1633, 16330, True)
    three = "statistic IN ('headcount_ratio', 'intensity', 'mpi') AND k BETWEEN 0.33 AND 0.34"
    assert warehouse.execute(sql.format("fct_mpi", three)).fetchone() == (1633, 4899, True)


def test_downscaled_communes_add_up_to_what_is_published_of_their_province(warehouse):
    sql = """
        SELECT max(abs(d.estimate - p.estimate)) FROM fct_headcount d JOIN fct_headcount p
        USING (quarter, area_id, measure_id, indicator_id, subgroup, kind)
        WHERE d.method = 'downscaled' AND p.method = 'published' AND d.area_level = 'province' AND kind = 'uncensored'
          AND p.estimate > 0.0005
    """
    assert warehouse.execute(sql).fetchone()[0] < 1e-6


def test_people_exposed_to_floods_are_told_and_the_pages_do_not_call_real_data_simulated(warehouse, home):
    sql = "SELECT share_exposed FROM fct_hazard WHERE area_id = 'KH' AND hazard_id = 'flood'"
    assert 0.05 < warehouse.execute(sql).fetchone()[0] < 0.6
    assert "SIMULATED DATA" not in (home / "reports/2022Q4.html").read_text(encoding="utf-8")


def test_nearly_every_commune_has_every_feature_and_the_others_are_named(warehouse):
    sql = """
        WITH n AS (SELECT area_id, count(*) AS features FROM commune_feature WHERE length(area_id) = 6 GROUP BY 1)
        SELECT avg((features = (SELECT count(DISTINCT feature_id) FROM commune_feature))::INT) FROM n
    """
    assert warehouse.execute(sql).fetchone()[0] >= 0.99
    sql = "SELECT observed FROM check_result WHERE check_name = 'ndvi_june_mean for every area'"
    assert "180103 Lekh Bei" in warehouse.execute(sql).fetchone()[0]


def test_the_register_model_ranks_communes_of_unseen_blocks(warehouse):
    sql = """
        SELECT m.value FROM model_metric m JOIN model_run r USING (quarter, target_kind, target, learner)
        WHERE m.target_kind = 'register_rate' AND m.fold_design = 'block50km' AND m.metric = 'spearman'
    """
    assert warehouse.execute(sql).fetchone()[0] >= 0.60
    features = warehouse.execute("SELECT unnest(features) FROM model_run").fetchall()
    assert not [name for (name,) in features if "idpoor" in name or "register" in name]


def test_zonal_means_of_every_raster_are_exactextracts_own(home, warehouse, landing_khm):
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    country = load_country("khm")
    table = warehouse.execute("SELECT * FROM dim_area").df()
    areas = to_geodataframe(table.assign(geometry=table["geometry"].map(bytes)))
    lower = areas[areas["area_level"].isin(["commune", "district"])]
    ours = Lake(home / "lake").read("area_feature", QUARTER).set_index(["feature_id", "area_id"])["value"]
    for spec in load_sources(country, simulated=False):
        means = [f.feature_id for f in spec.features if f.statistic == "mean"]
        if not isinstance(spec, RasterSource) or not means:
            continue
        found = release_then(spec, QUARTER, landing_khm)
        if found is None:
            assert not spec.required
            continue
        raster = open_raster(found.path, spec.options)
        source = NumPyRasterSource(raster.values, *raster.bounds, srs_wkt=raster.crs)
        theirs = exact_extract(source, lower.to_crs(raster.crs), ["mean"], include_cols=["area_id"], output="pandas")
        theirs = theirs.set_index("area_id").iloc[:, 0].dropna()
        mine = ours[means[0]].reindex(theirs.index)
        worst = (mine - theirs).abs().div(theirs.abs()).max()
        assert worst < 1e-9, (spec.source_id, worst)


@pytest.mark.parametrize(
    ("source_id", "column", "most"),
    [
        ("friction_walking", "walk_mean", 0.0017),
        ("friction_motorised", "motor_mean", 0.0064),
        ("no2", "no2_mean", 0.018),
    ],
)
def test_district_means_are_near_those_published_by_the_cell_centre_rule(landing_khm, source_id, column, most):
    from poverty_assets.features.zonal import zonal_statistics

    country = load_country("khm")
    spec = next(s for s in load_sources(country, simulated=False) if s.source_id == source_id)
    districts = gpd.read_file(landing_khm / "rasters/gds4ae/cambodia_regional.gpkg")
    districts["area_id"] = [str(i) for i in range(len(districts))]
    raster = open_raster(release(spec, QUARTER, landing_khm).path, spec.options)
    ours = zonal_statistics([("r", raster)], districts[["area_id", "geometry"]]).set_index("area_id")["value"]
    published = districts.set_index("area_id")[column]
    gap = ((ours - published).abs() / published.abs()).median()
    assert gap <= round(most, 4) + 5e-5
    assert np.isfinite(ours).all()
