"""A due date that passed while the machine was off is made up when the daemon is there again; nothing is run twice."""

import datetime as dt
import logging

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._scheduler.scheduler import launch_scheduled_runs

from poverty_assets.graph.partitions import quarterly
from poverty_assets.graph.schedules import MOST_MADE_UP, requests
from poverty_assets.quarter import Quarter
from poverty_assets.running.instance import prepare_instance
from poverty_assets.running.workspace import LOCATION, MODULE
from poverty_assets.warehouse.lake import SEAL, Lake


@pytest.fixture
def daemon(tmp_path, monkeypatch):
    """What the scheduler asks for when it looks on a day, as the daemon has it look; the home's, without a process of its own."""
    monkeypatch.setenv("POVERTY_ASSETS_HOME", str(tmp_path))
    folder = prepare_instance(tmp_path / "dagster")
    origin = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name=MODULE), location_name=LOCATION)
    with (
        dg.DagsterInstance.from_config(str(folder)) as instance,
        WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as workspace,
    ):

        def look(day):
            moment = dt.datetime.fromisoformat(f"{day}T12:00+00:00")
            before = {run.run_id for run in instance.get_runs()}
            with freeze_time(moment):
                list(launch_scheduled_runs(workspace, logging.getLogger("test"), moment, {}))
            came = [run for run in instance.get_runs() if run.run_id not in before]
            return sorted(str(Quarter.from_key(run.tags["dagster/partition"])) for run in came)

        yield look


@pytest.mark.soak
def test_due_dates_over_which_the_machine_was_off_are_made_up_once(daemon, tmp_path):
    seal = Lake(tmp_path / "lake").path(SEAL, Quarter(2026, 1))
    seal.parent.mkdir(parents=True)
    seal.touch()
    assert daemon("2026-04-25") == []
    assert daemon("2026-10-25") == ["2026Q2", "2026Q3"]
    assert daemon("2026-10-26") == []


def test_what_is_made_up_begins_after_the_newest_quarter_that_is_made_and_not_too_far_back():
    def asked(made):
        found = requests(quarterly(Quarter(2010, 1)), dt.datetime(2026, 10, 20, 2, tzinfo=dt.UTC), made)
        return [str(Quarter.from_key(one.partition_key)) for one in found]

    assert asked([Quarter(2026, 2)]) == ["2026Q3"]
    assert asked([Quarter(2026, 3)]) == ["2026Q3"]
    assert asked([Quarter(2020, 1), Quarter(2026, 1)]) == ["2026Q2", "2026Q3"]
    assert asked([Quarter(2020, 1)]) == [str(Quarter(2026, 3).shift(-n)) for n in reversed(range(MOST_MADE_UP))]
