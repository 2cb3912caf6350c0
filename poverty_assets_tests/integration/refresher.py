"""Refreshes in child processes that share one interpreter's imports, for tests that kill or repeat many of them.

Run as a program: reads one JSON request a line from standard input (``home``, ``landing``, ``quarters``, ``log``; ``workers`` if
more than one; ``environment`` for variables; ``full`` where all is to be made anew; ``kill_at`` and ``grown``, ``kill_after`` or
``kill_in`` for a kill), forks, runs ``poverty-assets refresh`` in the child and answers with a JSON line (``code``, ``moments``,
``struck``, ``seconds``). A child that does not end by itself writes where it stands to its log and fails.

Moments are what can be seen of a refresh by the files of its home (Dagster's apart), in their order: ``begins`` a folder's file (its
step has computed and now writes), a file ``written`` (whole, under its temporary name), a file ``in place``; the last is that it
``ends``. The child tells each as it comes to it. When it tells the one of ``kill_at`` it is killed with SIGKILL; until then it works
on, but not past the next moment, where it waits to be killed. So every kill strikes, however busy the machine is, and not only
between steps. ``kill_after`` says after how many moments instead, ``kill_in`` after how many seconds, whatever the child is at (if it
has not ended by then). With ``grown`` the kill waits until the warehouse that is being built beside the published one has so many bytes.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import poverty_assets

LONGEST = 1800  # seconds; eight quarters take some 100
LOOK_EVERY = 0.002


def main() -> None:
    """Answer requests until standard input ends."""
    _import_what_a_refresh_needs()
    for line in sys.stdin:
        request = json.loads(line)
        seen, told = os.pipe()
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            os.close(seen)
            _refresh(request, _Moments(Path(request["home"]), told, request.get("kill_at"), request.get("kill_after")))
        os.close(told)
        moments, struck = _follow(child, seen, request)
        _, status = os.waitpid(child, 0)
        answer = {
            "code": os.waitstatus_to_exitcode(status),
            "moments": moments,
            "struck": struck,
            "seconds": time.monotonic() - began,
        }
        print(json.dumps(answer), flush=True)


def _import_what_a_refresh_needs() -> None:
    """Every module of the package, and what they import only when they run; so no child spends seconds on it."""
    for name in (
        "alembic.command", "duckdb", "exactextract", "great_expectations.expectations", "matplotlib.backends.backend_agg",
        "matplotlib.figure", "pyogrio", "rioxarray", "scipy.optimize", "skops.io", "sklearn.ensemble", "vl_convert",
    ):  # fmt: skip
        importlib.import_module(name)
    for module in pkgutil.walk_packages(poverty_assets.__path__, "poverty_assets."):
        importlib.import_module(module.name)
    from poverty_assets.reports.explorer.page import _library

    _library()  # the script of the charts, which every process bundles once


class _Moments:
    """Audit hook of the child: tells what ``atomic.replacing`` does below the home, and waits after the moment asked for."""

    def __init__(self, home: Path, told: int, kill_at: str | None, kill_after: int | None) -> None:
        self._home = f"{home}/"
        self._told, self._kill_at, self._kill_after = told, kill_at, kill_after
        self._count: Counter[str] = Counter()
        self._reached = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("os.mkdir", "os.rename", "os.remove"):
            return
        path = os.fspath(arguments[1] if event == "os.rename" else arguments[0])
        if not str(path).startswith(self._home):
            return
        name = path.removeprefix(self._home)
        if f"{name}/".startswith("dagster/"):
            return
        if event == "os.mkdir":
            self.tell(f"begins {name}")
        elif event == "os.rename":
            self.tell(f"written {name}")
        elif name.endswith(".tmp") and f".{os.getpid()}." in name:  # else what a killed refresh left behind
            self.tell(f"in place {_final(name)}")

    def tell(self, moment: str) -> None:
        """Tell a moment that has come; wait there to be killed if one before it was the one asked for."""
        self._count[moment] += 1
        times = self._count[moment]
        moment = moment if times == 1 else f"{moment} ({times})"
        os.write(self._told, f"{moment}\n".encode())
        while self._reached:
            signal.pause()
        self._reached = moment == self._kill_at or self._count.total() == self._kill_after


def _final(temporary: str) -> str:
    """``folder/.part.parquet.<machine>.<process>.<random>.tmp`` without what makes it temporary."""
    folder, _, file = temporary.rpartition("/")
    return f"{folder}/{file.removeprefix('.').rsplit('.', 4)[0]}".removeprefix("/")


def _refresh(request: dict[str, Any], moments: _Moments) -> None:
    os.environ.update(request.get("environment", {}), POVERTY_ASSETS_HOME=request["home"])
    os.environ["POVERTY_ASSETS_WORKERS"] = str(request.get("workers", 1))
    quarters = [part for quarter in request["quarters"] for part in ("--quarter", quarter)]
    asked = [*quarters, *(["--full"] if request.get("full") else [])]
    sys.argv = ["poverty-assets", "refresh", *asked, "--sources", "landing", "--landing", request["landing"]]
    sink = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    faulthandler.dump_traceback_later(LONGEST, exit=True)
    sys.addaudithook(moments)
    from poverty_assets import cli

    code = 1
    try:
        cli.main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        moments.tell("ends")
        os._exit(code)


def _follow(child: int, seen: int, request: dict[str, Any]) -> tuple[list[str], bool]:
    """Read the child's moments until it ends, and kill it at the one asked for; says whether it came to that."""
    moments: list[str] = []
    struck = False
    deadline = time.monotonic() + request["kill_in"] if request.get("kill_in") else None
    with os.fdopen(seen, "rb", buffering=0) as told:
        rest = b""
        while True:
            if deadline is not None and not select.select([told], [], [], max(deadline - time.monotonic(), 0))[0]:
                os.kill(
                    child, signal.SIGKILL
                )  # of which nobody else has waited: it is there, though it may be at its end
                struck, deadline = True, None
            if not (some := told.read(4096)):
                break
            *lines, rest = (rest + some).split(b"\n")
            moments += [line.decode() for line in lines]
            due = _due(moments, request)
            if not struck and due and len(moments) >= due:
                _wait_until_grown(child, told, len(moments) > due, request)
                os.kill(child, signal.SIGKILL)
                struck = True
    return moments, struck


def _due(moments: list[str], request: dict[str, Any]) -> int | None:
    """After how many moments the child is to be killed; None where that cannot be said yet, or it is not."""
    named = request.get("kill_at")
    return moments.index(named) + 1 if named in moments else request.get("kill_after")


def _wait_until_grown(child: int, told: Any, waits: bool, request: dict[str, Any]) -> None:
    """Until the file that the child builds has grown so far, or the child waits at its next moment."""
    folder = Path(request["home"]) / "warehouse"
    while request.get("grown") and not waits and not select.select([told], [], [], LOOK_EVERY)[0]:
        size = 0
        for path in folder.glob(f".poverty.duckdb.*.{child}.*"):
            with contextlib.suppress(FileNotFoundError):  # the log of the file is emptied into it now and then
                size += path.stat().st_size
        waits = size >= request["grown"]


class Refresher:
    """The program, started; for tests."""

    def __init__(self) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "poverty_assets_tests.integration.refresher"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, **request: Any) -> None:
        """Send a request; paths may be given as such."""
        print(json.dumps(request, default=str), file=self._program.stdin, flush=True)

    def answer(self) -> dict[str, Any]:
        """Wait for the answer to it."""
        return json.loads(self._program.stdout.readline())  # type: ignore[union-attr]

    def __enter__(self) -> Refresher:
        return self

    def __exit__(self, *error: object) -> None:
        self._program.communicate()


if __name__ == "__main__":
    main()
