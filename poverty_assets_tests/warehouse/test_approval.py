"""Nothing is published of a quarter that nobody has approved as it is, nor before its embargo is over."""

import datetime as dt
import json

import duckdb
import pandas as pd
import pytest

from poverty_assets.errors import GateFailed, UnreadableFile, UsageError
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.approval import ApprovalDesk, embargo_day
from poverty_assets.warehouse.build import propose, publish
from poverty_assets.warehouse.lake import SEAL, Lake
from poverty_assets.warehouse.provenance import Backing
from poverty_assets_tests.warehouse.small_lake import KHM, write_quarter

FIRST, SECOND = Quarter(2022, 3), Quarter(2022, 4)
NOW = dt.datetime(2023, 1, 25, 9, 30, tzinfo=dt.UTC)


@pytest.fixture
def desk(tmp_path):
    return ApprovalDesk(
        Lake(tmp_path / "lake"), tmp_path / "warehouse" / "poverty.duckdb", tmp_path / "candidate" / "poverty.duckdb",
        tmp_path / "approvals.json",
    )  # fmt: skip


def seal(desk, quarter, text="figures"):
    """A quarter of one file, as far as seals go."""
    file = desk.lake.root / "fct_mpi" / f"quarter={quarter.key}" / "part.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    digests = desk.lake.digests(quarter, ["fct_mpi"])
    desk.lake.write(SEAL, quarter, pd.DataFrame(sorted(digests.items()), columns=["file", "sha256"]))


def hold(desk, path):
    """A file that holds the quarters of the lake as they are, as far as digests go."""
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE dim_quarter (quarter DATE, lake_digest VARCHAR)")
        for quarter in desk.lake.quarters():
            digest = desk.lake.sealed_digest(quarter)
            connection.execute("INSERT INTO dim_quarter VALUES (?, ?)", [quarter.start, digest])


def test_an_approval_holds_for_the_files_that_were_shown_and_no_others(desk):
    seal(desk, FIRST)
    assert (desk.waiting(), desk.unshown()) == ([FIRST], [FIRST])
    with pytest.raises(UsageError, match="nobody has seen it"):
        desk.approve(FIRST, "A. Name", NOW)
    hold(desk, desk.candidate)
    desk.approve(FIRST, " A.  Name ", NOW)
    assert (desk.waiting(), desk.behind(NOW), desk.approved(NOW)[FIRST].by) == ([], [FIRST], "A. Name")
    seal(desk, FIRST, "other figures")
    assert (desk.waiting(), desk.behind(NOW), desk.unshown()) == ([FIRST], [], [FIRST])
    seal(desk, FIRST)
    hold(desk, desk.warehouse)
    assert (desk.waiting(), desk.behind(NOW)) == ([], [])
    with pytest.raises(UsageError, match="2022Q3 is published as it is"):
        desk.approve(FIRST, "A. Name", NOW)


def test_an_embargo_is_kept_to_its_day_and_a_second_approval_may_move_it(desk):
    seal(desk, FIRST)
    hold(desk, desk.candidate)
    desk.approve(FIRST, "A. Name", NOW, dt.date(2023, 2, 1))
    eve, day = (dt.datetime(2023, *at, tzinfo=dt.UTC) for at in ((1, 31, 23, 59), (2, 1, 0, 0)))
    assert (desk.behind(eve), list(desk.embargoed(eve)), desk.waiting()) == ([], [FIRST], [])
    assert (desk.behind(day), desk.embargoed(day)) == ([FIRST], {})
    desk.approve(FIRST, "B. Name", NOW)
    assert (desk.behind(NOW), desk.approved(NOW)[FIRST].by) == ([FIRST], "B. Name")
    assert embargo_day("") is None
    with pytest.raises(UsageError, match="'soon' is not a day"):
        embargo_day("soon")


@pytest.mark.parametrize("by", ["", " \n", "x" * 201])
def test_an_approval_without_a_name_is_none(desk, by):
    seal(desk, FIRST)
    hold(desk, desk.candidate)
    with pytest.raises(UsageError, match="name of who gives it"):
        desk.approve(FIRST, by, NOW)
    assert desk.waiting() == [FIRST]


def test_what_is_not_complete_cannot_be_approved_and_a_spoilt_record_is_said(desk):
    seal(desk, FIRST)
    with pytest.raises(UsageError, match=r"2022Q4 is not complete .*\n.*quarters that wait: 2022Q3"):
        desk.approve(SECOND, "A. Name", NOW)
    desk.record.write_text('[{"quarter": "2022Q3"}]')
    with pytest.raises(UnreadableFile, match="record of approvals cannot be read"):
        desk.waiting()


@pytest.mark.slow
def test_what_nobody_approved_is_shown_and_not_published_and_who_approved_stands_in_the_file(desk):
    write_quarter(desk.lake, FIRST, headcount_ratio=0.3)
    asked = {"is_simulated": False, "run_id": "r"}
    with pytest.raises(GateFailed, match="nobody has approved 2022Q3; nothing to publish"):
        publish(desk.lake, desk.warehouse, KHM, **asked, backing=Backing(desk.approved(NOW)))
    assert not desk.warehouse.exists()
    hold(desk, desk.candidate)
    desk.approve(FIRST, "A. Name", NOW)
    publish(desk.lake, desk.warehouse, KHM, **asked, backing=Backing(desk.approved(NOW)))
    write_quarter(desk.lake, FIRST, headcount_ratio=0.4)
    write_quarter(desk.lake, SECOND, headcount_ratio=0.5)
    propose(desk.lake, desk.warehouse, desk.candidate, KHM, **asked)
    assert figures(desk.candidate) == {FIRST.start: (0.4, None), SECOND.start: (0.5, None)}
    desk.approve(SECOND, "B. Name", NOW + dt.timedelta(hours=1))
    done = publish(desk.lake, desk.warehouse, KHM, **asked, backing=Backing(desk.approved(NOW)))
    assert (done.waiting, done.kept, done.quarters) == ([FIRST], {}, [FIRST, SECOND])
    assert figures(desk.warehouse) == {FIRST.start: (0.3, "A. Name"), SECOND.start: (0.5, "B. Name")}
    with duckdb.connect(str(desk.warehouse), read_only=True) as connection:
        built = connection.execute("SELECT approved_by, approved_at FROM meta_build").fetchall()
    assert built == [("B. Name", dt.datetime(2023, 1, 25, 10, 30))]
    assert [row["by"] for row in json.loads(desk.record.read_text())] == ["A. Name", "B. Name"]


def figures(path):
    sql = (
        "SELECT quarter, round(estimate, 6), approved_by FROM fct_mpi JOIN dim_quarter USING (quarter)"
        " WHERE statistic = 'headcount_ratio'"
    )
    with duckdb.connect(str(path), read_only=True) as connection:
        return {quarter: (value, by) for quarter, value, by in connection.execute(sql).fetchall()}
