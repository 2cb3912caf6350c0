"""When a publication follows by itself, and when it does not."""

import dagster as dg
import duckdb
import pandas as pd
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from poverty_assets.graph.resources import Home
from poverty_assets.graph.sensors import LAKE_TAG, MOST_TRIES, NOTHING_NEW, PUT_BACK, publish_when_done
from poverty_assets.quarter import Quarter
from poverty_assets.settings import PROCESS_SIGNS, Settings
from poverty_assets.signs_of_life import SignOfLife
from poverty_assets.warehouse.behind import lake_version
from poverty_assets.warehouse.editions import keep, roll_back, want_again
from poverty_assets.warehouse.lake import SEAL, Lake
from poverty_assets_tests.warehouse.test_build import held_open

FIRST, SECOND = Quarter(2022, 3), Quarter(2022, 4)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, country="khm", sources="landing", landing=tmp_path / "landing")


@pytest.fixture
def lake(settings):
    return Lake(settings.lake)


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def seal(lake, quarter, text="figures"):
    file = lake.root / "fct_mpi" / f"quarter={quarter.key}" / "part.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    digest = lake.digests(quarter, ["fct_mpi"])
    lake.write(SEAL, quarter, pd.DataFrame(sorted(digest.items()), columns=["file", "sha256"]))


def publish(lake, settings):
    settings.warehouse.parent.mkdir(exist_ok=True)
    settings.warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("CREATE TABLE dim_quarter (quarter DATE, lake_digest VARCHAR)")
        for quarter in lake.quarters():
            connection.execute("INSERT INTO dim_quarter VALUES (?, ?)", [quarter.start, lake.sealed_digest(quarter)])


def look(instance, settings, cursor=None):
    """What the sensor asks for: the quarters of the run, or why there is none; and its cursor."""
    with dg.build_sensor_context(instance=instance, cursor=cursor, resources={"home": Home.of(settings)}) as context:
        said = publish_when_done(context)
    if isinstance(said, dg.SkipReason):
        return said.skip_message, context.cursor
    (request,) = said.run_requests
    return request, context.cursor


def test_quarters_that_the_file_does_not_hold_as_they_are_lead_to_one_publication(instance, settings, lake):
    seal(lake, FIRST)
    seal(lake, SECOND)
    request, _ = look(instance, settings)
    assert request.tags["quarters"] == "2022Q3, 2022Q4"
    assert look(instance, settings)[0].run_key == request.run_key
    publish(lake, settings)
    said, cursor = look(instance, settings)
    assert (said, look(instance, settings, cursor)[0]) == (NOTHING_NEW, NOTHING_NEW)
    seal(lake, FIRST, "other figures")
    again, _ = look(instance, settings, cursor)
    assert again.tags["quarters"] == "2022Q3"
    assert again.run_key != request.run_key
    seal(lake, FIRST)
    assert look(instance, settings, cursor)[0] == NOTHING_NEW


def test_an_earlier_file_that_was_put_back_stays_until_the_lake_changes_or_somebody_publishes(instance, settings, lake):
    seal(lake, FIRST)
    publish(lake, settings)
    keep(settings.warehouse)
    seal(lake, FIRST, "figures that turned out wrong")
    publish(lake, settings)
    roll_back(settings.warehouse, 1, lake_version(lake))
    assert look(instance, settings)[0] == PUT_BACK
    want_again(settings.warehouse)
    assert look(instance, settings)[0].tags["quarters"] == "2022Q3"
    roll_back(settings.warehouse, 2, lake_version(lake))
    seal(lake, SECOND)
    assert look(instance, settings)[0].tags["quarters"] == "2022Q3, 2022Q4"


def test_a_quarter_that_is_half_remade_is_not_waited_for(instance, settings, lake):
    seal(lake, FIRST)
    publish(lake, settings)
    seal(lake, SECOND)
    lake.path("fct_mpi", SECOND).write_text("cut")
    assert look(instance, settings)[0] == NOTHING_NEW
    lake.path(SEAL, SECOND).write_bytes(b"PAR1")
    assert look(instance, settings)[0] == NOTHING_NEW


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_nothing_is_published_while_a_run_waits_or_is_on(instance, settings, lake, status):
    seal(lake, FIRST)
    run = instance.add_run(dg.DagsterRun("quarter", status=status))
    assert look(instance, settings)[0] == f"run {run.run_id} of quarter is not done"
    instance.report_run_failed(run)
    assert look(instance, settings)[0].tags["quarters"] == "2022Q3"


def test_nothing_is_published_while_a_backfill_has_still_to_ask_for_runs(instance, settings, lake):
    seal(lake, FIRST)
    backfill = PartitionBackfill("six", BulkActionStatus.REQUESTED, False, {}, 0.0)
    instance.add_backfill(backfill)
    assert look(instance, settings)[0] == "backfill six is not done"
    instance.update_backfill(backfill.with_status(BulkActionStatus.COMPLETED_FAILED))
    assert look(instance, settings)[0].tags["quarters"] == "2022Q3"


def test_a_refresh_from_the_command_line_publishes_by_itself_and_one_that_died_does_not(instance, settings, lake):
    seal(lake, FIRST)
    sign = SignOfLife(settings.dagster_home / PROCESS_SIGNS / "refresh.lock")
    assert "command line" in look(instance, settings)[0]
    sign.leave_behind()
    assert look(instance, settings)[0].tags["quarters"] == "2022Q3"


def test_a_publication_that_fails_is_tried_again_but_not_for_ever(instance, settings, lake):
    seal(lake, FIRST)
    tags, keys = {LAKE_TAG: lake_version(lake)}, set()
    for _ in range(MOST_TRIES):
        keys.add(look(instance, settings)[0].run_key)
        instance.add_run(dg.DagsterRun("publish", status=dg.DagsterRunStatus.FAILURE, tags=tags))
    assert len(keys) == MOST_TRIES
    assert look(instance, settings)[0].startswith(f"the job publish failed {MOST_TRIES} times")
    seal(lake, SECOND)
    assert look(instance, settings)[0].tags["quarters"] == "2022Q3, 2022Q4"


def test_a_file_that_nobody_can_read_is_published_anew_and_one_that_is_held_is_left(instance, settings, lake):
    seal(lake, FIRST)
    settings.warehouse.parent.mkdir()
    settings.warehouse.write_bytes(b"")
    assert look(instance, settings)[0].tags["quarters"] == "2022Q3"
    publish(lake, settings)
    said, cursor = look(instance, settings)
    assert said == NOTHING_NEW
    with held_open(settings.warehouse) as holder:
        assert f"PID {holder.pid}" in look(instance, settings, cursor)[0]
    assert look(instance, settings, cursor)[0].tags["quarters"] == "2022Q3"
