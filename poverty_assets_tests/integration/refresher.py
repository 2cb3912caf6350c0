"""Refreshes in child processes that share one interpreter's imports, for tests that kill or repeat many of them.

Run as a program: reads one JSON request a line from standard input (``home``, ``landing``, ``quarters``, ``kill_after`` in
seconds or null, ``workers`` if more than one), forks, runs ``poverty-assets refresh`` in the child, kills it with SIGKILL
when asked, and answers with a JSON line (``code``, ``killed``, ``seconds``). A child that does not end by itself writes where it
stands to its log and fails.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import time

LONGEST = 900  # seconds; eight quarters take some 150


def main() -> None:
    """Answer requests until standard input ends."""
    _import_what_a_refresh_needs()
    for line in sys.stdin:
        request = json.loads(line)
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            _refresh(request)
        killed = _wait_or_kill(child, request["kill_after"])
        _, status = os.waitpid(child, 0)
        answer = {"code": os.waitstatus_to_exitcode(status), "killed": killed, "seconds": time.monotonic() - started}
        print(json.dumps(answer), flush=True)


def _import_what_a_refresh_needs() -> None:
    import exactextract  # noqa: F401
    import great_expectations.expectations  # noqa: F401
    import matplotlib.figure  # noqa: F401
    import sklearn.ensemble  # noqa: F401
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    import poverty_assets.definitions  # noqa: F401

    # Dagster's records need not survive a power cut here; waiting for the disk is a fifth of a small refresh
    @event.listens_for(Engine, "connect")
    def _do_not_wait_for_the_disk(connection, record):
        connection.execute("PRAGMA synchronous = OFF")


def _refresh(request: dict) -> None:
    os.environ["POVERTY_ASSETS_HOME"] = request["home"]
    os.environ["POVERTY_ASSETS_WORKERS"] = str(request.get("workers", 1))
    quarters = [part for quarter in request["quarters"] for part in ("--quarter", quarter)]
    sys.argv = ["poverty-assets", "refresh", *quarters, "--sources", "landing", "--landing", request["landing"]]
    sink = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    faulthandler.dump_traceback_later(LONGEST, exit=True)
    from poverty_assets import cli

    code = 1
    try:
        cli.main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(code)


def _wait_or_kill(child: int, after: float | None) -> bool:
    """Wait for the child at most so many seconds, then kill it; says whether it was killed."""
    if after is None:
        return False
    descriptor = os.pidfd_open(child)
    try:
        import select

        ended, _, _ = select.select([descriptor], [], [], after)
        if ended:
            return False
        os.kill(child, signal.SIGKILL)
        return True
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main()
