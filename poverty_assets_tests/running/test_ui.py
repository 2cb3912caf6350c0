"""Which processes a UI consists of."""

from pathlib import Path

from poverty_assets.running.ui import processes_of


def test_a_ui_for_viewers_starts_no_second_daemon_beside_the_one_that_runs_the_schedule():
    workspace, homes = Path("workspace.yaml"), [Path("home")]
    working, viewing = (processes_of(3000, workspace, homes, read_only=read_only) for read_only in (False, True))
    assert set(working) == {"webserver", "daemon"}
    assert set(viewing) == {"webserver"}
    assert ("--read-only" in viewing["webserver"], "--read-only" in working["webserver"]) == (True, False)
