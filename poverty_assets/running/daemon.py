"""Dagster's daemon as ``ui`` starts it: it asks soon what a backfill or the queue waits for, and its runs record as a refresh does.

Belongs here: how often the daemon looks, over what it records, and for how long it keeps a code server. Does not belong here: what is due
(``graph.sensors``), how a run's process begins (``code_server``), or starting and stopping processes (``ui``).

By itself the daemon looks every thirty seconds whether a backfill has runs to ask for or is done, and every five whether a run may begin;
every minute it starts its code servers anew, in case the code has changed; and it opens the files of records anew for each of some five
hundred events that asking for a run takes, as its runs do for the thousand of their own. Six small quarters would take twice as long
through the UI as from the command line. Here a code server stays until what it loaded has changed: the code, a pack, what a home holds.
What a home's own ``dagster.yaml`` says of the queue is kept.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from poverty_assets.running.code_server import State, entry_point, state_of_code
from poverty_assets.running.instance import kept_ref

if TYPE_CHECKING:
    from dagster._core.instance.ref import InstanceRef
    from dagster._core.remote_representation.grpc_server_registry import GrpcServerRegistry

BACKFILLS_EVERY, QUEUE_EVERY = 2, 1  # seconds


def daemon_ref(folder: Path) -> InstanceRef:
    """The daemon's instance, which it hands to its runs: ``dagster.yaml``'s, over kept connections, with a quicker queue if it has none."""
    said = yaml.safe_load((folder / "dagster.yaml").read_text(encoding="utf-8")) or {}
    own = {"run_queue", "run_coordinator"} & said.keys()
    return kept_ref(folder, **({} if own else {"run_queue": {"dequeue_interval_seconds": QUEUE_EVERY}}))


def servers_that_stay(state: Callable[[], State]) -> type[GrpcServerRegistry]:
    """The daemon's code servers: told to start them anew, it does so if what they loaded has changed, or one could not be started.

    Parameters
    ----------
    state : callable
        How everything stands that they load.
    """
    from dagster._core.remote_representation.grpc_server_registry import ErrorRegistryEntry, GrpcServerRegistry

    class ServersThatStay(GrpcServerRegistry):
        """Dagster's, but for when they are started anew."""

        loaded: State = state()

        def clear_all_grpc_endpoints(self) -> None:
            """Have the next who asks start them anew, if there is a reason."""
            now = state()
            failed = any(isinstance(entry, ErrorRegistryEntry) for entry in list(self._active_entries.values()))
            if failed or now != self.loaded:
                self.loaded = now
                super().clear_all_grpc_endpoints()

    return ServersThatStay


def main() -> None:
    """Run the daemon of the home that ``DAGSTER_HOME`` names until this process is told to stop."""
    from dagster._daemon import cli, controller
    from dagster._grpc import server
    from dagster._serdes import serialize_value

    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--home", type=Path, action="append", required=True)
    asked = parser.parse_args()
    said = [home / "home.json" for home in asked.home]
    controller.DEFAULT_DAEMON_INTERVAL_SECONDS = BACKFILLS_EVERY
    controller.GrpcServerRegistry = servers_that_stay(lambda: state_of_code(said))  # type: ignore[misc]
    server.get_python_environment_entry_point = entry_point  # type: ignore[assignment]
    ref = serialize_value(daemon_ref(Path(os.environ["DAGSTER_HOME"])))
    sys.argv = ["dagster-daemon", "run", "--workspace", str(asked.workspace), "--instance-ref", ref]
    cli.main()


if __name__ == "__main__":
    main()
