"""Dagster's daemon as ``ui`` starts it: it asks soon what a backfill or the queue waits for, and its runs record as a refresh does.

Belongs here: how often the daemon looks, and over what it records. Does not belong here: what is due (``graph.sensors``), or starting and
stopping processes (``ui``).

By itself the daemon looks every thirty seconds whether a backfill has runs to ask for or is done, and every five whether a run may begin;
and it opens the files of records anew for each of some five hundred events that asking for a run takes, as its runs do for the thousand
of their own. Six small quarters would take twice as long through the UI as from the command line. What a home's own ``dagster.yaml`` says
of the queue is kept.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from poverty_assets.running.instance import kept_ref

if TYPE_CHECKING:
    from dagster._core.instance.ref import InstanceRef

BACKFILLS_EVERY, QUEUE_EVERY = 2, 1  # seconds


def daemon_ref(folder: Path) -> InstanceRef:
    """The daemon's instance, which it hands to its runs: ``dagster.yaml``'s, over kept connections, with a quicker queue if it has none."""
    said = yaml.safe_load((folder / "dagster.yaml").read_text(encoding="utf-8")) or {}
    own = {"run_queue", "run_coordinator"} & said.keys()
    return kept_ref(folder, **({} if own else {"run_queue": {"dequeue_interval_seconds": QUEUE_EVERY}}))


def main() -> None:
    """Run the daemon of the home that ``DAGSTER_HOME`` names until this process is told to stop."""
    from dagster._daemon import cli, controller
    from dagster._serdes import serialize_value

    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", type=Path, required=True)
    asked = parser.parse_args()
    controller.DEFAULT_DAEMON_INTERVAL_SECONDS = BACKFILLS_EVERY
    ref = serialize_value(daemon_ref(Path(os.environ["DAGSTER_HOME"])))
    sys.argv = ["dagster-daemon", "run", "--workspace", str(asked.workspace), "--instance-ref", ref]
    cli.main()


if __name__ == "__main__":
    main()
