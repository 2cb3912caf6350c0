"""The Dagster UI of a home, or of several: webserver and daemon, started together and ended together.

Belongs here: starting both, and ending every process that came of them, however this one ends. Does not belong here: what the
webserver answers (``webserver``), runs (``refresh``).

Webserver and daemon start processes of their own (code servers, runs), which may outlive a kill of their parent. All of them inherit
one mark in their environment; ``ui`` ends what bears it when it is told to stop, and a guardian that waits for the end of a pipe does so
when ``ui`` is killed. A run that is ended this way is recorded as failed, and harms nothing: partitions and warehouse are replaced whole.

Where several homes are served, what is done through this UI is recorded in the first one's ``dagster`` folder.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from poverty_assets.atomic import write_text
from poverty_assets.errors import PovertyAssetsError, UsageError
from poverty_assets.running.instance import prepare_instance
from poverty_assets.running.interrupted import give_up_interrupted
from poverty_assets.running.workspace import WORKSPACE, location_names, write_workspace
from poverty_assets.settings import Settings, require_form

MARK = "POVERTY_ASSETS_UI"
_PATIENCE = 2.0  # seconds that processes have to end by themselves; then they are killed
_LOOK_EVERY = 0.2
_OF_ONE_HOME = ("COUNTRY", "SOURCES", "LANDING", "MEASURE")


def run_ui(settings: Settings, port: int, *, read_only: bool = False) -> None:
    """Serve the UI of a home until this process is told to stop (SIGTERM, SIGINT or SIGHUP).

    Raises
    ------
    UsageError
        If the port is taken.
    PovertyAssetsError
        If webserver or daemon ended by itself.
    """
    require_form(settings)
    _require_free(port)
    folder = prepare_instance(settings.dagster_home)
    workspace = folder / "workspace.yaml"
    write_text(workspace, WORKSPACE)
    home = settings.home.resolve()
    commands = processes_of(port, workspace, [home], read_only=read_only)
    _serve(folder, commands, os.environ | {"POVERTY_ASSETS_HOME": str(home)})


def run_ui_of_several(homes: Sequence[Path], port: int, *, read_only: bool = False) -> None:
    """Serve several homes, a code location each, until this process is told to stop.

    A home that cannot be loaded (its pack has a fault, its lake another form) says so in its location; the others are served. What the
    environment says of one home (country, kind of data, landing folder, measure) is no word about several: each home has its own.

    Raises
    ------
    UsageError
        If a folder is no home, two would bear one name, or the port is taken.
    PovertyAssetsError
        If webserver or daemon ended by itself.
    """
    named = location_names(homes)
    _require_free(port)
    first = next(iter(named.values()))
    folder = prepare_instance(first / "dagster")
    environment = {
        key: said for key, said in os.environ.items() if key not in {f"POVERTY_ASSETS_{own}" for own in _OF_ONE_HOME}
    }
    commands = processes_of(port, write_workspace(folder, named), list(named.values()), read_only=read_only)
    _serve(folder, commands, environment | {"POVERTY_ASSETS_HOME": str(first)})


def _serve(folder: Path, commands: Mapping[str, Sequence[str]], environment: Mapping[str, str]) -> None:
    give_up_interrupted(folder)
    mark = uuid.uuid4().hex
    environment = {**environment, "DAGSTER_HOME": str(folder), MARK: mark}
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)  # said outright: in the background of a script a shell has SIGINT ignored
    lifeline = _start_guardian(mark)
    children = {name: subprocess.Popen(command, env=environment) for name, command in commands.items()}
    try:
        while not stopped:
            ended = [name for name, child in children.items() if child.poll() is not None]
            if ended:
                raise PovertyAssetsError(f"the {ended[0]} of the UI ended by itself; what it said stands above")
            time.sleep(_LOOK_EVERY)
    finally:
        end_marked(mark)
        os.close(lifeline)
        give_up_interrupted(folder)


def processes_of(port: int, workspace: Path, homes: Sequence[Path], *, read_only: bool) -> dict[str, list[str]]:
    """Commands of the processes that a UI consists of.

    One for viewers has no daemon: it stands beside the one that runs the schedule; two daemons of one home would both start what is due.
    """
    python = [sys.executable, "-W", "ignore", "-m"]
    serving = [*python, "poverty_assets.running.webserver", "--port", str(port), "--workspace", str(workspace)]
    if read_only:
        return {"webserver": [*serving, "--read-only"]}
    working = [*python, "poverty_assets.running.daemon", "--workspace", str(workspace)]
    return {"webserver": serving, "daemon": [*working, *(word for home in homes for word in ("--home", str(home)))]}


def marked(mark: str) -> list[int]:
    """Processes, this one apart, whose environment bears the mark."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def end_marked(mark: str, patience: float = _PATIENCE) -> None:
    """Ask every marked process to end, and kill those that have not after so many seconds."""
    deadline = time.monotonic() + patience
    asked: set[int] = set()
    while waiting := marked(mark):
        late = time.monotonic() > deadline
        for process in waiting:
            if late or process not in asked:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL if late else signal.SIGTERM)
                asked.add(process)
        _reap()
        time.sleep(0.05)


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _start_guardian(mark: str) -> int:
    """A process that ends what is marked when this one's end of the pipe closes; returns that end."""
    reading, writing = os.pipe()
    subprocess.Popen(
        [sys.executable, "-m", "poverty_assets.running.guardian", str(reading), mark],
        pass_fds=(reading,),
        start_new_session=True,  # Ctrl-C of the terminal does not reach it
        stdin=subprocess.DEVNULL,
    )
    os.close(reading)
    return writing


def _require_free(port: int) -> None:
    import socket

    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(f"port {port} is taken by another program", remedy="name another: --port 3001") from error
