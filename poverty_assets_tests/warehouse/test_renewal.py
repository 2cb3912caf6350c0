"""A file made from the one before holds what one made from nothing does."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from poverty_assets.catalog import TABLES, table
from poverty_assets.errors import GateFailed
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse import build
from poverty_assets.warehouse.build import propose, publish
from poverty_assets.warehouse.changes import DRAWS
from poverty_assets.warehouse.lake import SEAL, Lake
from poverty_assets.warehouse.local import tables_of
from poverty_assets.warehouse.provenance import Backing
from poverty_assets.warehouse.renewal import renewal
from poverty_assets_tests.warehouse.small_lake import KHM, columns, mpi, write_quarter
from poverty_assets_tests.warehouse.test_changes import write_draws

FIRST = Quarter(2021, 4)
QUARTERS = [FIRST.shift(step) for step in range(5)]
ANEW, RENEWED = "anew.duckdb", "renewed.duckdb"
TOLD = dt.datetime(2023, 1, 1), dt.datetime(2023, 4, 1)


def made(lake: Lake, quarter: Quarter, ratio: float, **changes: object) -> None:
    """A quarter whose survey's figures are those of all others, and whose own figures and draws are not."""
    write_quarter(lake, quarter, headcount_ratio=0.2)
    own = mpi(ratio).assign(method="composite", **changes)
    lake.write("fct_mpi", quarter, pd.concat([mpi(0.2).assign(is_headline=False), own]))
    write_draws(lake, quarter, ratio, "a")
    reseal(lake, quarter)


def reseal(lake: Lake, quarter: Quarter) -> None:
    """Seal the quarter's tables as they are now."""
    names = [one.name for one in TABLES if one.is_one_file]
    digests = lake.digests(quarter, [*names, DRAWS])
    lake.write(SEAL, quarter, pd.DataFrame(sorted(digests.items()), columns=["file", "sha256"]))


@pytest.fixture(scope="module")
def once(tmp_path_factory) -> Path:
    """A lake of four quarters and two files, both as published from it; tests copy them."""
    folder = tmp_path_factory.mktemp("once")
    lake = Lake(folder / "lake")
    for number, quarter in enumerate(QUARTERS[:4]):
        made(lake, quarter, 0.3 + number / 100)
    publish(lake, folder / ANEW / "poverty.duckdb", KHM, is_simulated=True, run_id="r", now=TOLD[0])
    shutil.copytree(folder / ANEW, folder / RENEWED)
    return folder


@pytest.fixture
def lake(once, tmp_path) -> Lake:
    return Lake(Path(shutil.copytree(once, tmp_path / "own")) / "lake")


def again(lake: Lake, name: str, before: str | None = None) -> None:
    """Publish once more, from nothing or from the file that is there."""
    file = lake.root.parent / name / "poverty.duckdb"
    own = hashlib.sha256(file.read_bytes()).hexdigest() if name == RENEWED else ""
    publish(
        lake,
        file,
        KHM,
        is_simulated=True,
        run_id="s",
        now=TOLD[1],
        backing=Backing(before=own if before is None else before),
    )


def held(lake: Lake, name: str) -> dict[str, list[tuple]]:
    """All rows and comments of a file; but of which build it is."""
    with duckdb.connect(str(lake.root.parent / name / "poverty.duckdb"), read_only=True) as connection:
        names = [*(one.name for one in tables_of(KHM)), "v_mpi_latest", "v_change_latest", "v_quality", "v_adding_up"]
        rows = {one: connection.execute(f'SELECT * FROM "{one}" ORDER BY ALL').fetchall() for one in names}
        rows["meta_build"] = [row[1:] for row in rows["meta_build"]]
        said = "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE schema_name = 'main' ORDER BY ALL"
        return rows | {"said": connection.execute(said).fetchall()}


def taken_out(monkeypatch) -> list[list[str]]:
    """Labels of the quarters that rows come for, of each file that is made from one before."""
    seen: list[list[str]] = []
    own = build.take_out

    def noted(connection, tables, of):
        seen.append(sorted(quarter.label for quarter in of.fresh))
        own(connection, tables, of)

    monkeypatch.setattr(build, "take_out", noted)
    return seen


@pytest.mark.slow
def test_a_changed_and_a_new_quarter_give_what_all_made_anew_gives(lake, monkeypatch):
    made(lake, QUARTERS[1], 0.5, quality_flag="a text that no row had")
    made(lake, QUARTERS[4], 0.6)
    seen = taken_out(monkeypatch)
    for name in (ANEW, RENEWED):
        again(lake, name)
    assert seen == [["2022Q1", "2022Q4"]]
    whole = held(lake, ANEW)
    assert held(lake, RENEWED) == whole
    assert len(whole["fct_change"]) == 5
    assert {row[0] for row in whole["v_mpi_latest"]} == {QUARTERS[4].start}
    assert len(whole["v_quality"]) == 5
    assert [row[11] for row in whole["dim_quarter"]] == [TOLD[number] for number in (0, 1, 0, 0, 1)]


@pytest.mark.slow
def test_so_does_one_after_the_other_beside_a_quarter_that_is_half_remade(lake, monkeypatch):
    lake.path(SEAL, QUARTERS[0]).unlink()
    seen = taken_out(monkeypatch)
    for number, ratio in ((3, 0.1), (4, 0.2), (2, 0.9)):
        made(lake, QUARTERS[number], ratio)
        for name in (ANEW, RENEWED):
            again(lake, name)
    assert seen == [["2022Q3"], ["2022Q4"], ["2022Q2"]]
    assert held(lake, RENEWED) == held(lake, ANEW)


@pytest.mark.slow
def test_rows_of_the_newest_quarters_alone_go_when_another_comes(lake, monkeypatch):
    row = {
        "area_id": "KH", "area_level": "country", "measure_id": "m", "figure_id": "mpi", "statistic": "mpi", "indicator_id": "all",
        "indicator_b": "all", "k": 1 / 3, "low": 0.1, "step": 0.001, "draws": [0, 7], "method": "modelled", "n_households": None,
        "suppressed": False, "quality_flag": "ok", "is_headline": True,
    }  # fmt: skip
    monkeypatch.setattr(build, "tables_of", lambda country: tuple(_one_alone(one) for one in tables_of(country)))
    for quarter in (QUARTERS[3], QUARTERS[4]):
        made(lake, quarter, 0.3)
        lake.write("fct_draw", quarter, pd.DataFrame([row]))
        reseal(lake, quarter)
        again(lake, RENEWED)
        assert [found[0] for found in held(lake, RENEWED)["fct_draw"]] == [quarter.start]


def _one_alone(one):
    return type(one)(**{**one.__dict__, "newest": 1}) if one.name == "fct_draw" else one


@pytest.mark.slow
def test_a_file_that_is_not_the_one_that_was_made_is_not_built_on(lake, monkeypatch):
    seen = taken_out(monkeypatch)
    made(lake, QUARTERS[4], 0.6)
    again(lake, RENEWED, before="0" * 64)
    again(lake, ANEW)
    assert seen == []
    assert held(lake, RENEWED) == held(lake, ANEW)


def test_where_too_many_quarters_change_or_one_goes_the_file_is_built_anew():
    one, two, three, four, five = QUARTERS
    assert renewal([one, two], [two, three], [one, two, three]) is None
    assert renewal([one], [two, three], [one, two, three]) is None
    assert renewal([one, two, three], [three], [one, two, three]) is None
    assert renewal([one, two], [], [one]) is None
    for held, fresh in (
        ([one, two], [three]),
        ([one, two, three, four], [two]),
        ([one, two, three, four], [two, five]),
    ):
        found = renewal(held, fresh, {*held, *fresh})
        assert found is not None
        assert found.fresh == {*fresh}


@pytest.mark.slow
def test_the_gate_holds_the_rows_that_came_against_all_its_checks(lake):
    made(lake, QUARTERS[2], 0.4, ci_high=0.0)
    file = lake.root.parent / RENEWED / "poverty.duckdb"
    before = file.read_bytes()
    with pytest.raises(GateFailed, match="intervals hold their estimate"):
        again(lake, RENEWED)
    assert file.read_bytes() == before


@pytest.mark.slow
def test_figures_of_all_quarters_are_held_against_weights_that_have_changed(lake):
    row = mpi(0.2).head(1).rename(columns={"k": "kind", "statistic": "indicator_id"})
    lake.write("fct_headcount", QUARTERS[0], row.assign(kind="censored", indicator_id="i", estimate=0.08, ci_low=0.0))
    reseal(lake, QUARTERS[0])
    again(lake, RENEWED)
    halves = [("m", one, "d", "I", None, "deprived", None, "none", 0.5, "s") for one in ("i", "j")]
    made(lake, QUARTERS[4], 0.6)
    lake.write("dim_indicator", QUARTERS[4], pd.DataFrame(halves, columns=columns("dim_indicator")))
    reseal(lake, QUARTERS[4])
    with pytest.raises(GateFailed, match="mpi equals the weighted sum of censored headcounts"):
        again(lake, RENEWED)


@pytest.mark.slow
def test_a_candidate_is_made_from_the_published_file_too(lake, monkeypatch):
    made(lake, QUARTERS[4], 0.6)
    seen, file = taken_out(monkeypatch), lake.root.parent / RENEWED / "poverty.duckdb"
    before, candidate = hashlib.sha256(file.read_bytes()).hexdigest(), file.with_name("candidate.duckdb")
    propose(lake, file, candidate, KHM, is_simulated=True, run_id="s", backing=Backing(before=before))
    assert seen == [["2022Q4"]]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before
    with duckdb.connect(str(candidate), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM dim_quarter").fetchone() == (5,)


def test_the_window_of_draws_is_of_quarters_that_profiles_have_too():
    assert table("fct_draw").newest == table("fct_profile").newest == 8
