"""A MICS that knows only provinces, of a country without hazards, shocks and words of its own: the quarter is published, provinces as
the survey has them, communes downscaled from those, and nothing of what the country does not have."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import load_measure
from poverty_assets.measurement.estimates import estimate_measure
from poverty_assets.pack.country import load_country
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.lake import Lake
from poverty_assets_tests.attacker import follows, told
from poverty_assets_tests.attacker_of_sets import register_cells_found
from poverty_assets_tests.integration.conftest import HOUSEHOLDS, QUARTER
from poverty_assets_tests.landing import PROVINCES


@pytest.fixture(scope="module")
def home(regions) -> Path:
    return regions / "home"


def test_a_country_without_hazards_and_shocks_has_empty_tables_and_no_such_section(home):
    with duckdb.connect(str(home / "warehouse" / "poverty.duckdb"), read_only=True) as connection:
        tables = ("dim_hazard", "fct_hazard", "fct_hazard_overlap", "dim_shock", "fct_vulnerability")
        rows = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}
    assert rows == dict.fromkeys(tables, 0)
    report = (home / "reports" / f"{QUARTER}.html").read_text(encoding="utf-8").lower()
    assert "hazard" not in report
    assert "flood" not in report
    assert "shock" not in report


def test_a_survey_of_regions_is_published_with_finest_downscaled_from_it(home):
    with duckdb.connect(str(home / "warehouse" / "poverty.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "SELECT area_id, area_level, method, estimate, se FROM read_parquet(?) WHERE is_headline AND statistic = 'mpi'"
            " AND subgroup = 'all' AND k BETWEEN 0.33 AND 0.34",
            [str(home / "lake" / "fct_mpi" / "*" / "part.parquet")],
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
    assert source == [(3, len(HOUSEHOLDS))]
    measure = load_measure(load_country("khm").folder / "measures" / "global_mpi.yaml")
    areas = pd.DataFrame(
        [(code, "province", "KH") for code in PROVINCES], columns=["area_id", "area_level", "parent_id"]
    )
    canonical = HOUSEHOLDS.assign(area_id=HOUSEHOLDS["area_id"].str[:2])
    direct = estimate_measure(canonical, measure, Hierarchy.of(areas, root="KH"), subgroups=()).mpi
    direct = direct[(direct["statistic"] == "mpi") & direct["k"].between(0.33, 0.34)].set_index("area_id")
    found = rows.set_index("area_id").loc[list(direct.index)]
    np.testing.assert_allclose(found["estimate"], direct["estimate"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found["se"], direct["se"], rtol=0, atol=1e-12)


def test_no_secret_of_a_landed_survey_follows_for_who_solves_all_sums_at_once(home):
    with duckdb.connect(str(home / "warehouse" / "poverty.duckdb"), read_only=True) as connection:
        parent = dict(connection.execute("SELECT area_id, parent_id FROM dim_area").fetchall())
        households = Lake(home / "lake").read("survey_household", Quarter.from_label(QUARTER))
        known = told(households, parent, connection)
    small = (known.cells["n_households"] < 25).to_numpy()[:, None]
    few = ~small & (known.n < 5)
    secret = known.secrets() & (small | few)
    assert (secret & small).sum() > 0
    assert (secret & few).sum() > 100
    found = follows(known.cells, parent, known.identities, known.shown, known.n == 0)
    assert (found & secret).sum() == 0
    assert known.shown.mean() > 0.5


def test_no_register_cell_of_few_is_shown_or_follows_from_the_registers_table_and_its_audit(home):
    with duckdb.connect(str(home / "warehouse" / "poverty.duckdb"), read_only=True) as connection:
        areas = connection.execute("SELECT area_id, area_level, parent_id FROM dim_area").df()
        counts = Lake(home / "lake").read("register_count", Quarter.from_label(QUARTER)).dropna(subset="listed")
        counts = counts[counts["area_id"].isin(areas.loc[areas["area_level"] == "commune", "area_id"])]
        parent = dict(areas[["area_id", "parent_id"]].itertuples(index=False, name=None))
        assert sorted(counts["listed"])[:6] == [0, 0, 1, 2, 3, 4]
        assert register_cells_found(counts, parent, connection) == set()
        shown = "SELECT count(*) FROM fct_register_audit WHERE share_missed_at_least IS NOT NULL"
        assert connection.execute(shown).fetchone()[0] > 60
