"""How the daemon of a UI opens its instance, which it hands to its runs."""

import dagster as dg
import pytest

from poverty_assets.running.daemon import QUEUE_EVERY, daemon_ref
from poverty_assets.running.instance import prepare_instance
from poverty_assets.running.records import KeptEvents, KeptRuns


@pytest.mark.parametrize(("said", "seconds"), [("", QUEUE_EVERY), ("run_queue:\n  dequeue_interval_seconds: 7\n", 7)])
def test_what_it_asks_for_soon_begins_and_is_recorded_over_kept_connections(tmp_path, said, seconds):
    folder = prepare_instance(tmp_path)
    with (folder / "dagster.yaml").open("a") as settings:
        settings.write(said)
    with dg.DagsterInstance.from_ref(daemon_ref(folder)) as instance:
        assert instance.run_coordinator.dequeue_interval_seconds == seconds
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 2
        with dg.DagsterInstance.from_ref(instance.get_ref()) as of_a_run:  # as a run opens it
            assert isinstance(of_a_run.event_log_storage, KeptEvents)
            assert isinstance(of_a_run.run_storage, KeptRuns)
