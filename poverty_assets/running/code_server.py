"""The daemon's code servers: Dagster's own, which stay as long as the code does, and whose runs begin with everything imported.

Belongs here: from which process a run is started, and when a code server is started anew. Does not belong here: when a run is due
(``daemon``), or what it does (``graph``).

Dagster starts each run in a new interpreter, which spends seconds on imports, for a small quarter as long as on the quarter. Here one
process imports everything when the first run is asked for (``imports_all``), does nothing else, and each run is forked from it. And
Dagster's daemon starts its code servers anew every minute, in case the code has changed; here only if it has, or the last one failed. Where
a file of the package or an installed library has changed since, a run is started in a new interpreter as ever: it would otherwise run old
code and record that it ran the new.
"""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import site
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import poverty_assets
from poverty_assets.pack.country import COUNTRIES

PACKAGE = Path(poverty_assets.__file__).parent
IMPORTS_ALL = "poverty_assets.running.imports_all"
State = tuple[tuple[str, int, int], ...]
_OF_NO_RUN = {"cli", "running", "skeleton"}
_LIBRARIES = (  # that rooms import where they are needed, inside functions
    "dagster._grpc.impl",
    "duckdb",
    "exactextract",
    "fontTools.subset",
    "fpdf",
    "geopandas",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "pyarrow.parquet",
    "pyogrio",
    "rasterio",
)


def modules_of_runs() -> list[str]:
    """Names of what a run may import: all rooms but a few, and the libraries."""
    rooms = [room for room in pkgutil.iter_modules([str(PACKAGE)], "poverty_assets.") if _room(room) not in _OF_NO_RUN]
    inner = [
        module.name
        for room in rooms
        if room.ispkg
        for module in pkgutil.walk_packages([str(PACKAGE / _room(room))], f"{room.name}.")
    ]
    return [*(room.name for room in rooms), *inner, *_LIBRARIES]


def _room(module: pkgutil.ModuleInfo) -> str:
    return module.name.rpartition(".")[2]


def entry_point(executable: str) -> list[str]:
    """The command that takes the place of ``python -m dagster`` where the daemon starts a code server."""
    return [executable, "-W", "ignore", "-m", "poverty_assets.running.code_server"]


def code_folders() -> list[Path]:
    """Where code and packs lie: the package, and the folder of packs outside it, if the environment names one."""
    named = os.environ.get(COUNTRIES)
    return [PACKAGE, *([Path(named)] if named else [])]


def state_of(folders: Iterable[Path], others: Iterable[Path] = ()) -> State:
    """How old and how large every file of the folders is, and each of the others; a change of any makes it another.

    Parameters
    ----------
    folders : iterable of Path
    others : iterable of Path
        Files, or folders of which only what lies in them at once counts, as of those in which libraries are installed.
    """
    found = [path for folder in folders for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts]
    stands = [(path, path.stat()) for path in (*found, *others) if path.exists()]
    return tuple((str(path), stand.st_mtime_ns, stand.st_size) for path, stand in stands)


def state_of_code(others: Iterable[Path] = ()) -> State:
    """`state_of` the package, the packs and the installed libraries."""
    return state_of(code_folders(), [*map(Path, site.getsitepackages()), *others])


class StartingRuns:
    """How runs are started: forked while the code is as it was when the first was asked for, else in a new interpreter."""

    def __init__(self) -> None:
        self._forking = multiprocessing.get_context("forkserver")
        self._forking.set_forkserver_preload([IMPORTS_ALL])
        self._state: State | None = None

    def context(self) -> Any:
        """For the run that is asked for now."""
        state = state_of_code()
        self._state = self._state or state
        return self._forking if state == self._state else multiprocessing.get_context("spawn")


def main() -> None:
    """Serve the code as Dagster's command line does."""
    from dagster._cli import main as dagster_main
    from dagster._grpc import server

    starting = StartingRuns()

    class CodeServer(server.DagsterApiServer):
        """Dagster's, with another way to start a process."""

        def StartRun(self, request: Any, _context: Any) -> Any:  # noqa: N802 (the protocol's name)
            """Start a run."""
            self._mp_ctx = starting.context()
            return super().StartRun(request, _context)

    server.DagsterApiServer = CodeServer  # type: ignore[misc]
    sys.argv[0] = "dagster"
    dagster_main()


if __name__ == "__main__":
    main()
