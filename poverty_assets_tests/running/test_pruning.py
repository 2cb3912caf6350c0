"""Old runs are let go where the same work succeeded since; what the UI says of assets stays."""

import datetime as dt

import dagster as dg
import pytest

from poverty_assets.running.instance import open_instance
from poverty_assets.running.pruning import prune
from poverty_assets_tests.running.test_records import QUARTERS, rates

LATER = dt.datetime.now(dt.UTC) + dt.timedelta(days=200)


@pytest.fixture
def job():
    jobs = [dg.define_asset_job("quarter")]
    return dg.Definitions([rates], jobs=jobs, executor=dg.in_process_executor).resolve_job_def("quarter")


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
