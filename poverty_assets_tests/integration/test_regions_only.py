"""A MICS that knows only provinces: the quarter is published, provinces as the survey has them, communes downscaled from those."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd

from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import load_measure
from poverty_assets.measurement.estimates import estimate_measure
from poverty_assets.pack.country import load_country
from poverty_assets_tests.integration.conftest import QUARTER
from poverty_assets_tests.landing import PROVINCES, commune_codes
from poverty_assets_tests.sources.surveys.as_mics import write_mics
from poverty_assets_tests.sources.surveys.families import made


def test_a_survey_of_regions_is_published_with_communes_downscaled_from_it(run_cli, tmp_path, broken):
    households = made(1200, commune_codes())
    wave = broken / "survey" / "dhs_2021_22"
    wave.mkdir(parents=True)
    write_mics(wave, households, np.random.default_rng(3), with_communes=False)
    home = tmp_path / "home"
    done = run_cli(home, "refresh", "--quarter", QUARTER, "--sources", "landing", "--landing", broken)
    assert done.code == 0, done.err
    with duckdb.connect(str(home / "warehouse" / "poverty.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "SELECT area_id, area_level, method, estimate, se FROM fct_mpi WHERE is_headline AND statistic = 'mpi'"
            " AND subgroup = 'all' AND k BETWEEN 0.33 AND 0.34"
        ).df()
        source = connection.execute("SELECT quarantined, rows FROM meta_source WHERE source_id LIKE 'dhs%'").fetchall()
    method = rows.groupby("area_level", observed=True)["method"].unique().map(list).to_dict()
    assert method == {
        "country": ["direct"],
        "province": ["direct"],
        "district": ["downscaled"],
        "commune": ["downscaled"],
    }
    assert len(rows) == 1 + 4 + 8 + 80
    assert source == [(3, len(households))]
    measure = load_measure(load_country("khm").folder / "measures" / "global_mpi.yaml")
    areas = pd.DataFrame(
        [(code, "province", "KH") for code in PROVINCES], columns=["area_id", "area_level", "parent_id"]
    )
    canonical = households.assign(area_id=households["area_id"].str[:2])
    direct = estimate_measure(canonical, measure, Hierarchy.of(areas, root="KH"), subgroups=()).mpi
    direct = direct[(direct["statistic"] == "mpi") & direct["k"].between(0.33, 0.34)].set_index("area_id")
    found = rows.set_index("area_id").loc[list(direct.index)]
    np.testing.assert_allclose(found["estimate"], direct["estimate"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found["se"], direct["se"], rtol=0, atol=1e-12)
