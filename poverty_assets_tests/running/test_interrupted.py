"""A run whose process was killed is recorded as failed and gives back its slot; runs of living processes are left alone."""

import os
import signal
import subprocess
import sys

import dagster as dg
import pytest

from poverty_assets.running.instance import open_instance
from poverty_assets.running.interrupted import give_up_interrupted, living

PROGRAM = "from poverty_assets_tests.running.test_interrupted import run; import pathlib, sys; run(pathlib.Path(sys.argv[1]), True)"


def run(dagster_home, ends_itself):
    """A job of one op that needs the pool's only slot; its process may end itself in it."""

    @dg.op(pool="warehouse", config_schema=bool)
    def publish(context):
        if context.op_config:
            os.kill(os.getpid(), signal.SIGKILL)

    @dg.job(executor_def=dg.in_process_executor)
    def publication():
        publish()

    config = {"ops": {"publish": {"config": ends_itself}}}
    with open_instance(dagster_home) as instance, living(dagster_home) as tags:
        return publication.execute_in_process(instance=instance, run_config=config, tags=tags).success


@pytest.fixture
def interrupted(tmp_path):
    """A home in which a process was killed while it held the slot."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    return tmp_path


def statuses(dagster_home):
    with open_instance(dagster_home) as instance:
        return [run.status.value for run in instance.get_runs()]


@pytest.mark.slow
def test_the_next_run_gets_the_slot_of_a_run_that_was_killed(interrupted):
    assert statuses(interrupted) == ["STARTED"]
    assert len(give_up_interrupted(interrupted)) == 1
    assert statuses(interrupted) == ["FAILURE"]
    assert run(interrupted, False)
    assert give_up_interrupted(interrupted) == []
    assert list((interrupted / "processes").iterdir()) == []


@pytest.mark.slow
def test_runs_of_a_process_that_lives_are_left_alone(tmp_path):
    with open_instance(tmp_path) as instance, living(tmp_path) as tags:
        instance.add_run(dg.DagsterRun("publication", status=dg.DagsterRunStatus.STARTED, tags=tags))
        program = "from pathlib import Path; from poverty_assets.running.interrupted import give_up_interrupted as g"
        asked = subprocess.run(
            [sys.executable, "-c", f"{program}; print(g(Path({str(tmp_path)!r})))"], capture_output=True, text=True
        )
        assert asked.stdout.strip() == "[]", asked.stderr
    assert statuses(tmp_path) == ["STARTED"]
