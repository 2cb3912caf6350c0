"""Changes between quarters are made when both are published, whatever order they were refreshed in."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest

from poverty_assets.catalog import TABLES
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.build import publish
from poverty_assets.warehouse.changes import DRAWS
from poverty_assets.warehouse.lake import SEAL, Lake
from poverty_assets_tests.warehouse.small_lake import KHM, areas, people, write_quarter

pytestmark = pytest.mark.slow

Q1, Q2, Q5 = (Quarter.from_label(label) for label in ("2022Q1", "2022Q2", "2023Q1"))


def write_draws(lake: Lake, quarter: Quarter, estimate: float, wave: str, area: str = "010101") -> None:
    """Sealed figures of H of the commune, with draws that two quarters of one wave share."""
    draws = (estimate + 0.05 * np.random.default_rng(1).standard_normal(200)).astype(np.float32)
    row = {
        "area_id": area, "area_level": "commune", "statistic": "headcount_ratio", "indicator_id": "all", "k": 0.333333,
        "method": "composite", "n_households": 30, "estimate": estimate, "draws": draws,
    }  # fmt: skip
    lake.write(DRAWS, quarter, pd.DataFrame([row]), {"wave": wave, "measure_id": "m", "drift_per_year": 0.0001})
    seal = lake.read(SEAL, quarter)
    digests = lake.digests(quarter, [DRAWS])
    more = pd.DataFrame([(name, digest) for name, digest in digests.items()], columns=["file", "sha256"])
    lake.write(SEAL, quarter, pd.concat([seal, more]).drop_duplicates("file").sort_values("file"))


@pytest.fixture
def lake(tmp_path) -> Lake:
    made = Lake(tmp_path / "lake")
    for quarter, estimate, wave in ((Q1, 0.30, "a"), (Q2, 0.31, "a"), (Q5, 0.60, "b")):
        write_quarter(made, quarter)
        write_draws(made, quarter, estimate, wave)
    return made


def rows(target, sql="SELECT * FROM fct_change ORDER BY quarter, baseline_quarter") -> pd.DataFrame:
    with duckdb.connect(str(target), read_only=True) as connection:
        return connection.execute(sql).df()


def test_a_quarter_is_compared_with_the_one_before_and_that_of_a_year_before(lake, tmp_path):
    publish(lake, tmp_path / "w.duckdb", KHM, is_simulated=True, run_id="r")
    found = rows(tmp_path / "w.duckdb")
    assert [
        (str(a.date()), str(b.date())) for a, b in zip(found["quarter"], found["baseline_quarter"], strict=True)
    ] == [
        (Q2.key, Q1.key),
        (Q5.key, Q1.key),
    ]
    assert found["difference"].to_list() == pytest.approx([0.01, 0.30])
    assert found["is_headline"].all()


def test_what_two_quarters_of_one_wave_share_is_no_error_of_their_difference(lake, tmp_path):
    publish(lake, tmp_path / "w.duckdb", KHM, is_simulated=True, run_id="r")
    same, other = rows(tmp_path / "w.duckdb")["se"]
    assert same < 0.02
    assert other == pytest.approx(np.hypot(0.05, 0.05), rel=0.15)


@pytest.mark.parametrize("quarter", [Q1, Q2])
def test_a_change_says_that_either_quarter_went_without_a_late_source(lake, tmp_path, quarter):
    late = pd.DataFrame(
        {"table_name": ["fct_change", "fct_mpi"], "method": ["composite", "direct"], "source_id": "rain"}
    )
    lake.write("late_source", quarter, late)
    publish(lake, tmp_path / "w.duckdb", KHM, is_simulated=True, run_id="r")
    found = rows(tmp_path / "w.duckdb").set_index(["quarter", "baseline_quarter"])["quality_flag"]
    flags = {(str(a.date()), str(b.date())): flag for (a, b), flag in found.items()}
    assert flags[Q2.key, Q1.key] == "same_survey_wave,late_source"
    assert flags[Q5.key, Q1.key].split(",")[-1:] == (["late_source"] if quarter == Q1 else ["ok"])


EAST = [("KH", "country", None), ("25", "province", "KH"), ("2501", "district", "25"), ("250101", "commune", "2501")]
WEST = [("KH", "country", None), ("03", "province", "KH"), ("0304", "district", "03"), ("030401", "commune", "0304")]


def test_change_over_new_boundaries_is_of_the_areas_that_there_are_now_and_says_which(tmp_path):
    lake = Lake(tmp_path / "lake")
    for quarter, nested, edition, estimate in ((Q1, WEST, "2011", 0.30), (Q2, EAST, "2014", 0.35)):
        codes, levels, parents = zip(*nested, strict=True)
        write_quarter(lake, quarter, seal=False)
        held = areas().assign(area_id=codes, area_level=levels, parent_id=parents, name_en="Dambae", edition=edition)
        lake.write("dim_area", quarter, held)
        lake.write("fct_population", quarter, people(held))
        names = [t.name for t in TABLES if t.is_one_file]
        lake.write(
            SEAL, quarter, pd.DataFrame(sorted(lake.digests(quarter, names).items()), columns=["file", "sha256"])
        )
        write_draws(lake, quarter, estimate, "a", codes[-1])
    publish(lake, tmp_path / "w.duckdb", KHM, is_simulated=True, run_id="r")
    found = rows(tmp_path / "w.duckdb").set_index("area_id")
    assert found.loc["250101", ["difference", "edition", "quality_flag"]].tolist() == [
        pytest.approx(0.05), "2014", "same_survey_wave,baseline_of_other_areas",
    ]  # fmt: skip


@pytest.mark.slow
def test_pairs_that_are_as_they_were_are_taken_over_and_others_made_again(lake, tmp_path, monkeypatch):
    target = tmp_path / "w.duckdb"
    publish(lake, target, KHM, is_simulated=True, run_id="r")
    first, read = rows(target), []
    write_quarter(lake, Q5)
    write_draws(lake, Q5, 0.40, "b")
    original = Lake.read
    monkeypatch.setattr(
        Lake,
        "read",
        lambda self, name, quarter, columns=None: (read.append((name, quarter)), original(self, name, quarter))[1],
    )
    publish(lake, target, KHM, is_simulated=True, run_id="r")
    again = rows(target)
    assert {quarter for name, quarter in read if name == DRAWS} == {Q1, Q5}
    assert again["difference"].to_list() == pytest.approx([first["difference"][0], 0.10])
