"""Old runs are let go where the same work succeeded since; what the UI says of assets stays."""

import datetime as dt
from typing import Any

import dagster as dg
import pytest

from poverty_assets.graph.pruning import prune
from poverty_assets.graph.resources import Home
from poverty_assets.graph.sensors import let_go_of_old_runs
from poverty_assets.running.instance import open_instance
from poverty_assets.running.workspace import origin_of
from poverty_assets.settings import Settings
from poverty_assets_tests.running.test_records import QUARTERS, rates

LATER = dt.datetime.now(dt.UTC) + dt.timedelta(days=200)


@pytest.fixture
def job():
    jobs = [dg.define_asset_job("quarter")]
    return dg.Definitions([rates], jobs=jobs, executor=dg.in_process_executor).resolve_job_def("quarter")


@pytest.mark.slow
def test_of_a_job_and_quarter_the_last_success_and_what_came_after_it_stay(job, tmp_path):
    first, second = QUARTERS.get_partition_keys()
    with open_instance(tmp_path) as instance:
        runs = [job.execute_in_process(instance=instance, partition_key=key) for key in (first, second, first)]
        failed = instance.add_run(
            dg.DagsterRun("quarter", status=dg.DagsterRunStatus.FAILURE, tags={"dagster/partition": first})
        )
        before = instance.get_materialized_partitions(rates.key)
        assert prune(instance, tmp_path, dt.datetime.now(dt.UTC), 180) == []
        assert prune(instance, tmp_path, LATER, 180) == [runs[0].run_id]
        assert prune(instance, tmp_path, LATER, 180) == []
        assert {run.run_id for run in instance.get_runs()} == {runs[1].run_id, runs[2].run_id, failed.run_id}
        assert instance.get_materialized_partitions(rates.key) == before == {first, second}
        assert instance.get_latest_materialization_event(rates.key).run_id == runs[2].run_id
    assert list(tmp_path.rglob(f"{runs[0].run_id}*")) == []
    assert list(tmp_path.rglob(f"{runs[2].run_id}.db")) != []


def test_a_run_that_is_on_is_never_let_go(tmp_path):
    with open_instance(tmp_path) as instance:
        instance.add_run(dg.DagsterRun("publish", status=dg.DagsterRunStatus.STARTED))
        instance.add_run(dg.DagsterRun("publish", status=dg.DagsterRunStatus.SUCCESS))
        assert prune(instance, tmp_path, LATER, 180) == []


@pytest.mark.parametrize(
    ("later", "is_let_go"),
    [
        ({}, True),
        (
            {"asset_selection": frozenset(), "asset_check_selection": frozenset({dg.AssetCheckKey("rates", "keys")})},
            False,
        ),
        ({"asset_selection": frozenset({dg.AssetKey("other")})}, False),
        ({"remote_job_origin": origin_of("quarter", "another_home")}, False),
    ],
    ids=["whole", "checks alone", "one asset", "another home"],
)
def test_only_a_run_that_did_the_same_takes_the_place_of_one(tmp_path, later, is_let_go):
    of: dict[str, Any] = {"status": dg.DagsterRunStatus.SUCCESS, "tags": {"dagster/partition": "2022-10-01"}}
    of["remote_job_origin"] = origin_of("quarter")
    with open_instance(tmp_path) as instance:
        first = instance.add_run(dg.DagsterRun("quarter", **of))
        instance.add_run(dg.DagsterRun("quarter", **of | later))
        assert prune(instance, tmp_path, LATER, 180) == [first.run_id] * is_let_go


def test_the_daemon_lets_go_of_old_runs_too(tmp_path):
    settings = Settings(home=tmp_path, sources="landing", landing=tmp_path)
    home = Home.of(settings.model_copy(update={"keep_days": -1}))  # so that what is of today is old
    with open_instance(settings.dagster_home) as instance:
        for _ in range(2):
            instance.add_run(dg.DagsterRun("publish", status=dg.DagsterRunStatus.SUCCESS))
        with dg.build_sensor_context(instance, resources={"home": home}) as context:
            assert let_go_of_old_runs(context).skip_message == "1 runs older than -1 days are let go"
        assert len(instance.get_runs()) == 1
