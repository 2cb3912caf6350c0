"""What a run records over kept connections is what Dagster's own storages would hold, and they read it meanwhile."""

from pathlib import Path

import dagster as dg
import pytest

from poverty_assets.running.instance import open_instance, prepare_instance
from poverty_assets.running.records import MOST_OPEN, KeptEvents, KeptRuns

QUARTERS = dg.StaticPartitionsDefinition(["2022-10-01", "2023-01-01"])


@dg.asset(partitions_def=QUARTERS)
def rates() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 7, "table": dg.MetadataValue.md("| a |")}, tags={"wave": "2021"})


@dg.asset_check(asset=rates)
def keys() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, metadata={"failed": 2})


@pytest.fixture
def job():
    defined = dg.Definitions(
        [rates], asset_checks=[keys], jobs=[dg.define_asset_job("quarter")], executor=dg.in_process_executor
    )
    return defined.resolve_job_def("quarter")


def run(job, instance):
    return job.execute_in_process(instance=instance, partition_key="2022-10-01", tags={"by": "test"}).run_id


def told(instance, run_id):
    """What the UI shows of a run and of its asset, without what differs from one run to the next."""
    found = instance.get_run_by_id(run_id)
    events = [(e.dagster_event_type, e.step_key, e.level) for e in instance.all_logs(run_id)]
    made = instance.get_latest_materialization_event(rates.key)
    checks = instance.event_log_storage.get_asset_check_execution_history(keys.check_key, limit=5)
    steps = [(step.step_key, step.status, step.attempts) for step in instance.get_run_step_stats(run_id)]
    return (
        (found.status, found.tags["by"], found.tags["dagster/partition"]),
        events,
        (made.run_id == run_id, made.asset_materialization.partition, dict(made.asset_materialization.metadata)),
        made.asset_materialization.tags["wave"],
        [(check.status, check.event.dagster_event.asset_check_evaluation_data.metadata) for check in checks],
        steps,
        instance.get_materialized_partitions(rates.key),
    )


@pytest.mark.slow
def test_the_same_is_recorded_as_by_dagsters_own_storages(job, tmp_path):
    with (
        open_instance(tmp_path / "kept") as kept,
        dg.DagsterInstance.from_config(str(prepare_instance(tmp_path / "own"))) as own,
    ):
        assert isinstance(kept.event_log_storage, KeptEvents)
        assert isinstance(kept.run_storage, KeptRuns)
        assert not isinstance(own.event_log_storage, KeptEvents)
        first, other = told(kept, run(job, kept)), told(own, run(job, own))
    assert first == other
    assert first[2][:2] == (True, "2022-10-01")
    names = [
        {path.relative_to(home).as_posix() for path in home.rglob("*.db") if len(path.stem) < 36}
        for home in (tmp_path / "kept", tmp_path / "own")
    ]
    assert names[0] == names[1] == {"history/runs.db", "history/runs/index.db", "schedules/schedules.db"}


@pytest.mark.slow
def test_what_is_recorded_is_seen_at_once_by_an_instance_such_as_the_uis(job, tmp_path):
    with open_instance(tmp_path) as kept, dg.DagsterInstance.from_config(str(tmp_path)) as shown:
        for _ in range(2):
            run_id = run(job, kept)
            assert told(shown, run_id) == told(kept, run_id)
        shown.delete_run(run_id)
        assert kept.get_run_by_id(run_id) is None
    assert list(tmp_path.rglob("*-wal")) == []  # closed, and what they held is in the files


@pytest.mark.slow
def test_one_that_stays_for_weeks_keeps_few_files_open(job, tmp_path):
    with open_instance(tmp_path) as kept:
        runs = [run(job, kept) for _ in range(MOST_OPEN + 1)]
        assert all(kept.all_logs(run_id) for run_id in runs)
        opened = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        assert (
            len({name for name in opened if name.startswith(str(tmp_path)) and name.endswith(".db")}) <= MOST_OPEN + 1
        )


@pytest.mark.slow
def test_records_that_are_set_aside_beneath_a_daemon_are_not_written_to_any_more(job, tmp_path):
    with open_instance(tmp_path) as kept:
        run(job, kept)
        (tmp_path / "history").rename(tmp_path / "aside")
        with dg.DagsterInstance.from_config(str(tmp_path)) as anew:
            assert kept.get_runs() == anew.get_runs() == []
            run_id = run(job, kept)
            assert told(anew, run_id) == told(kept, run_id)
