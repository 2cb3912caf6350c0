"""What a publication says of quarters that it revises."""

import datetime as dt
import shutil

import duckdb
import pandas as pd
import pytest

from poverty_assets.catalog import TABLES
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.build import propose, publish
from poverty_assets.warehouse.lake import SEAL, Lake
from poverty_assets_tests.warehouse.small_lake import KHM, columns, mpi, write_quarter

pytestmark = pytest.mark.slow

Q1, Q2 = Quarter(2022, 3), Quarter(2022, 4)
PRELIMINARY, FINAL = "1" * 64, "2" * 64
FILE = "warehouse/poverty.duckdb"


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A folder with a lake of two quarters, and with the file published from it; tests copy it."""
    folder = tmp_path_factory.mktemp("once")
    made = Lake(folder / "lake")
    for quarter, ratio in ((Q1, 0.3), (Q2, 0.2)):
        write_quarter(made, quarter, headcount_ratio=ratio)
        rains(made, quarter, PRELIMINARY, dt.date(2022, 11, 1))
    publish(made, folder / FILE, KHM, is_simulated=False, run_id="first", now=dt.datetime(2023, 1, 1))
    return folder


@pytest.fixture(scope="module")
def revised_once(once, tmp_path_factory):
    """The same after the rain of Q2 was replaced and it was published again."""
    folder = shutil.copytree(once, tmp_path_factory.mktemp("revised_once") / "own")
    lake = Lake(folder / "lake")
    lake.write("fct_mpi", Q2, mpi(0.25))
    rains(lake, Q2, FINAL, dt.date(2022, 12, 31))
    publish(lake, folder / FILE, KHM, is_simulated=False, run_id="second", now=dt.datetime(2023, 1, 2))
    return folder


@pytest.fixture
def published(once, tmp_path):
    folder = shutil.copytree(once, tmp_path / "own")
    return Lake(folder / "lake"), folder / FILE


@pytest.fixture
def revised(revised_once, tmp_path):
    folder = shutil.copytree(revised_once, tmp_path / "own")
    return Lake(folder / "lake"), folder / FILE


def rains(lake, quarter, digest, released, *, more=()):
    """The quarter rests on a file of rain."""
    row = (
        "rain",
        "t",
        "p",
        "u",
        "l",
        "rain.tif",
        digest,
        quarter.start,
        quarter.end,
        released,
        1,
        0,
        False,
        digest == PRELIMINARY,
        "present",
        *(None,) * 4,
    )
    rows = [row, *((name, "t", "p", "u", "l", f"{name}.csv", digest, *row[7:]) for name in more)]
    lake.write("meta_source", quarter, pd.DataFrame(rows, columns=columns("meta_source")))
    seal(lake, quarter)


def seal(lake, quarter):
    digests = lake.digests(quarter, [one.name for one in TABLES if one.is_one_file])
    lake.write(SEAL, quarter, pd.DataFrame(sorted(digests.items()), columns=["file", "sha256"]))


def change(difference, significant, baseline=Q1):
    """Change of H of the country since a quarter."""
    return pd.DataFrame(
        [
            {"baseline_quarter": baseline.start, "area_id": "KH", "area_level": "country", "measure_id": "m", "subgroup": "all",
             "k": 0.333333, "statistic": "headcount_ratio", "indicator_id": "all", "change": "absolute", "difference": difference,
             "se": 0.01, "ci_low": difference - 0.02, "ci_high": difference + 0.02, "is_significant": significant, "method": "direct",
             "n_households": 100, "suppressed": False, "quality_flag": "ok", "is_headline": True, "edition": None}
        ]
    )  # fmt: skip


def told(target, sql="FROM meta_revision ORDER BY quarter, revision"):
    with duckdb.connect(str(target), read_only=True) as connection:
        return connection.execute(sql).df().to_dict("records")


def test_the_first_publication_of_a_quarter_is_no_revision(published):
    lake, target = published
    publish(lake, target, KHM, is_simulated=False, run_id="r")
    assert told(target) == []


def test_a_file_replaced_by_its_final_release_makes_a_revision(revised):
    _, target = revised
    (row,) = told(target)
    assert (row["quarter"].date(), row["revision"], row["run_id"]) == (Q2.start, 1, "second")
    assert (
        row["why"]
        == "source rain replaced (rain.tif, released 2022-12-31; was rain.tif, released 2022-11-01, preliminary)"
    )
    assert row["what"].startswith(
        "headcount ratio of the country 20.00%, now 25.00%; 2 of 3 figures moved; 1 of them out of"
    )
    assert list(row["sources"]) == ["rain"]
    assert (row["replaced"], row["built_at"]) == (dt.datetime(2023, 1, 1), dt.datetime(2023, 1, 2))


def test_it_says_by_how_much_for_each_kind_of_figure(revised):
    _, target = revised
    rows = {row["figure"]: row for row in told(target, "FROM meta_revision_figure")}
    assert rows["headcount_ratio"]["largest_move"] == pytest.approx(0.05)
    assert rows["headcount_ratio"]["largest_move_area_id"] == "KH"
    assert (rows["intensity"]["figures"], rows["intensity"]["moved"]) == (1, 0)
    assert pd.isna(rows["intensity"]["largest_move_area_id"])


def test_other_quarters_that_still_rest_on_the_replaced_file_are_named(revised):
    lake, target = revised
    assert list(told(target)[0]["wants_new_run"]) == [Q1.label]
    rains(lake, Q1, FINAL, dt.date(2022, 12, 31))
    publish(lake, target, KHM, is_simulated=False, run_id="third")
    assert list(told(target)[0]["wants_new_run"]) == []  # Q1 has been made again, and is a revision of its own
    assert told(target)[0]["what"].startswith("headcount ratio of the country 30.00%, as it was; 0 of 3 figures moved")


@pytest.mark.parametrize(
    ("difference", "significant", "turned", "clear"), [(0.1, True, 0, 0), (-0.01, False, 1, 0), (-0.1, True, 1, 1)]
)
def test_changes_that_turned_round_are_counted(published, difference, significant, turned, clear):
    lake, target = published
    target.unlink()
    lake.write("fct_change", Q2, change(0.05, True))
    seal(lake, Q2)
    publish(lake, target, KHM, is_simulated=False, run_id="first")
    lake.write("fct_change", Q2, change(difference, significant))
    seal(lake, Q2)
    publish(lake, target, KHM, is_simulated=False, run_id="second")
    (row,) = told(target)
    assert (row["changes"], row["turned"], row["turned_clear"]) == (1, turned, clear)
    assert row["why"].startswith("made anew of the same files")


def test_sources_that_came_and_went_are_named(published):
    lake, target = published
    target.unlink()
    rains(lake, Q2, FINAL, None, more=("roads",))
    publish(lake, target, KHM, is_simulated=False, run_id="first")
    rains(lake, Q2, FINAL, None, more=("lights",))
    publish(lake, target, KHM, is_simulated=False, run_id="second")
    assert told(target)[0]["why"] == "new source lights (lights.csv, 22222222); source roads no longer there"


def test_figures_that_came_or_are_gone_are_counted(published):
    lake, target = published
    lake.write("fct_mpi", Q2, mpi(0.2).assign(area_id="01", area_level="province"))
    seal(lake, Q2)
    publish(lake, target, KHM, is_simulated=False, run_id="second")
    row = told(target)[0]
    assert (row["figures"], row["came"], row["gone"]) == (0, 3, 3)


def test_the_history_goes_on_from_file_to_file(revised):
    lake, target = revised
    lake.write("fct_mpi", Q2, mpi(0.21))
    seal(lake, Q2)
    publish(lake, target, KHM, is_simulated=False, run_id="third")
    assert [(row["revision"], row["run_id"]) for row in told(target)] == [(1, "second"), (2, "third")]
    assert len(told(target, "FROM meta_revision_figure")) == 6


def test_a_quarter_that_stays_as_it_is_published_keeps_its_history(revised):
    lake, target = revised
    lake.write("fct_mpi", Q2, mpi(0.9))  # half remade
    lake.write("fct_mpi", Q1, mpi(0.31))
    seal(lake, Q1)
    publish(lake, target, KHM, is_simulated=False, run_id="third")
    assert [(row["quarter"].date(), row["revision"]) for row in told(target)] == [(Q1.start, 1), (Q2.start, 1)]


def test_a_candidate_tells_what_it_would_revise_and_the_published_file_does_not(published):
    lake, target = published
    lake.write("fct_mpi", Q2, mpi(0.25))
    seal(lake, Q2)
    candidate = target.with_name("candidate.duckdb")
    propose(lake, target, candidate, KHM, is_simulated=False, run_id="asked")
    assert [row["revision"] for row in told(candidate)] == [1]
    assert told(target) == []


def test_a_file_of_an_older_form_is_replaced_all_the_same(published):
    lake, target = published
    with duckdb.connect(str(target)) as connection:
        connection.execute("DROP VIEW v_figure")
        connection.execute("DROP TABLE meta_revision")
        connection.execute("ALTER TABLE dim_quarter DROP COLUMN code_version")
    lake.write("fct_mpi", Q2, mpi(0.25))
    seal(lake, Q2)
    publish(lake, target, KHM, is_simulated=False, run_id="second")
    (row,) = told(target)
    assert row["what"].endswith("figures not held against those before, which are of another form")


def test_direct_figures_that_one_of_the_two_files_alone_shows_are_said(published):
    """Who has both files takes a withheld figure from the other, whichever is the newer."""
    lake, target = published
    said = []
    for number, rows in enumerate((mpi(0.25), hide_one(mpi(0.25)), hide_one(mpi(0.2)), mpi(0.2))):
        lake.write("fct_mpi", Q2, rows)
        seal(lake, Q2)
        publish(lake, target, KHM, is_simulated=False, run_id=str(number))
        said.append("1 figure of the survey itself is shown in one of the two files alone" in told(target)[-1]["what"])
    assert said == [False, True, False, True]


def hide_one(rows):
    """The country's intensity, withheld."""
    one = rows["statistic"] == "intensity"
    assert one.sum() == 1
    hidden = ["estimate", "se", "ci_low", "ci_high"]
    return rows.assign(suppressed=one, **{name: rows[name].mask(one) for name in hidden})
