"""Dagster's own home: made once, under a lock, with settings that suit one machine.

Belongs here: ``dagster.yaml`` and opening the instance. Does not belong here: running anything (``running.refresh``).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from poverty_assets.atomic import write_text

if TYPE_CHECKING:
    import dagster as dg

# Pools: the warehouse is built by one run at a time, and a slot held by a run that died is given back.
# Monitoring: no run takes six hours, so one that seems to has died with the machine it ran on.
# Loggers: only the package's own is captured; capturing the root logger can deadlock on SQLite.
DAGSTER_YAML = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools:
    default_limit: 1
  runs:
    max_concurrent_runs: 2
run_monitoring:
  enabled: true
  max_runtime_seconds: 21600
  free_slots_after_run_end_seconds: 120
python_logs:
  managed_python_loggers: [poverty_assets]
  python_log_level: INFO
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days: {skipped: 7, failure: 30, success: -1}
"""


def prepare_instance(dagster_home: Path) -> Path:
    """Make the folder and its databases if they are not there; returns its absolute path.

    Several processes that open a fresh SQLite home at once break it, so the first opens it under a lock.
    """
    from filelock import FileLock

    folder = dagster_home.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".prepare.lock"):
        if not (folder / "dagster.yaml").is_file():
            import dagster as dg

            write_text(folder / "dagster.yaml", DAGSTER_YAML)
            with dg.DagsterInstance.from_config(str(folder)) as instance:
                instance.get_run_records(limit=1)
                instance.event_log_storage.get_maximum_record_id()
                instance.all_instigator_state()
    return folder


def open_instance(dagster_home: Path) -> dg.DagsterInstance:
    """The instance of a home, for a process that runs jobs; close it when done (it is a context manager)."""
    import dagster as dg
    from dagster._core.instance.ref import InstanceRef

    from poverty_assets.running.records import kept_records

    folder = prepare_instance(dagster_home)
    os.environ["DAGSTER_HOME"] = str(folder)
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides=kept_records(folder)))
