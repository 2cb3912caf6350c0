"""Dagster's own home: made once, under a lock, with settings that suit one machine, or a server with a database.

Belongs here: ``dagster.yaml`` and opening the instance. Does not belong here: running anything (``running.refresh``), or how a record
is written (``records``, ``server_records``).

Records lie in SQLite files of the home, or in Postgres where ``POVERTY_ASSETS_DATABASE_URL`` says so. The address may hold a password:
``dagster.yaml`` names the variable, never what is in it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poverty_assets.atomic import write_text
from poverty_assets.errors import MachineTrouble, UsageError

if TYPE_CHECKING:
    import dagster as dg
    from dagster._core.instance.ref import InstanceRef

LOG = logging.getLogger("poverty_assets")
DATABASE = "POVERTY_ASSETS_DATABASE_URL"
_PATIENCE = 5  # seconds in which a database answers

# Pools: the warehouse is built by one run at a time, and a slot held by a run that died is given back.
# Monitoring: no run takes six hours, so one that seems to has died with the machine it ran on.
# Loggers: only the package's own is captured; capturing the root logger can deadlock on SQLite.
ON_A_MACHINE = """\
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
ON_A_SERVER = ON_A_MACHINE + "".join(
    f"""\
{storage}:
  module: poverty_assets.running.server_records
  class: {name}
  config:
    postgres_url:
      env: {DATABASE}
"""
    for storage, name in (
        ("run_storage", "ServerRuns"),
        ("event_log_storage", "ServerEvents"),
        ("schedule_storage", "ServerSchedules"),
    )
)


def prepare_instance(dagster_home: Path) -> Path:
    """Make the folder and its databases if they are not there; returns its absolute path.

    Several processes that open a fresh home at once break it, so the first opens it under a lock. SQLite files that are spoilt are set
    aside and begun anew.

    Raises
    ------
    UsageError
        If the records of this home are in a database that the environment does not name, or what reads it is not installed.
    MachineTrouble
        If the database does not answer.
    """
    from filelock import FileLock

    folder = dagster_home.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    address = os.environ.get(DATABASE, "")
    if address:
        _require_answer(address)
    with FileLock(folder / ".prepare.lock"):
        begins = _settle_form(folder / "dagster.yaml", on_a_server=bool(address))
        if not address:
            begins |= _set_aside_spoilt(folder)
        if begins:
            import dagster as dg

            with dg.DagsterInstance.from_config(str(folder)) as instance:
                instance.get_run_records(limit=1)
                instance.event_log_storage.get_maximum_record_id()
                instance.all_instigator_state()
    return folder


def open_instance(dagster_home: Path) -> dg.DagsterInstance:
    """The instance of a home, for a process that runs jobs; close it when done (it is a context manager)."""
    import dagster as dg

    folder = prepare_instance(dagster_home)
    os.environ["DAGSTER_HOME"] = str(folder)
    return dg.DagsterInstance.from_ref(kept_ref(folder))


def kept_ref(folder: Path, **overrides: Any) -> InstanceRef:
    """How a process that runs jobs opens the instance of a prepared folder: with records over connections that stay open.

    Parameters
    ----------
    folder : Path
    **overrides
        What else takes the place of entries of ``dagster.yaml``.
    """
    from dagster._core.instance.ref import InstanceRef

    return InstanceRef.from_dir(str(folder), overrides={**_storages(folder), **overrides})


@contextlib.contextmanager
def read_instance(dagster_home: Path) -> Iterator[dg.DagsterInstance]:
    """The instance of a home, for a process that looks at records, or mends them, and runs nothing."""
    import dagster as dg

    with dg.DagsterInstance.from_config(str(prepare_instance(dagster_home))) as instance:
        yield instance


def has_records(dagster_home: Path) -> bool:
    """Whether anything was ever run in this home."""
    return (dagster_home / "dagster.yaml").is_file()


def _storages(folder: Path) -> dict[str, Any]:
    if os.environ.get(DATABASE):
        from poverty_assets.running.server_records import held_records

        return held_records(DATABASE)
    from poverty_assets.running.records import kept_records

    return kept_records(folder)


def _settle_form(path: Path, *, on_a_server: bool) -> bool:
    """Have ``dagster.yaml`` be that of the form asked for; returns whether records begin. Somebody's own additions stay."""
    there = path.read_text(encoding="utf-8") if path.is_file() else ""
    is_servers = f"env: {DATABASE}" in there
    if is_servers and not on_a_server:
        raise UsageError(
            f"the records of this home are in a database, and {DATABASE} is not set",
            file=path,
            remedy=f"set {DATABASE}; or delete this file, and records begin anew in the home",
        )
    if there and is_servers == on_a_server:
        return False
    write_text(path, ON_A_SERVER if on_a_server else ON_A_MACHINE)
    if there:
        LOG.warning("records of this home go to the database from now on; those before stay in %s", path.parent)
    return True


def _require_answer(address: str) -> None:
    """Refuse a database that does not answer, before Dagster asks it again and again."""
    if not importlib.util.find_spec("dagster_postgres"):
        raise UsageError(
            f"{DATABASE} is set, and what reads Postgres is not installed",
            remedy="pip install 'poverty-assets[server]', or unset it",
        )
    import psycopg2
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(address).set(drivername="postgresql")
        place = url.set(query={}).render_as_string(hide_password=True)
        psycopg2.connect(url.render_as_string(hide_password=False), connect_timeout=_PATIENCE).close()
    except (ArgumentError, psycopg2.ProgrammingError) as error:
        # the address itself is not shown: it may hold a password
        raise UsageError(
            f"{DATABASE} is not the address of a database",
            remedy="write postgresql://USER:PASSWORD@HOST:5432/DATABASE",
        ) from error
    except psycopg2.OperationalError as error:
        raise MachineTrouble(
            f"the database of records does not answer: {str(error).strip().splitlines()[-1].strip()}",
            place=place,
            remedy=f"start it, or correct {DATABASE}; then run the same again",
        ) from error


def _set_aside_spoilt(folder: Path) -> bool:
    """Move records in SQLite files that cannot be read out of the way, each folder whole; returns whether any was."""
    spoilt = {
        path.relative_to(folder).parts[0]: path
        for path in (folder / "history/runs.db", folder / "history/runs/index.db", folder / "schedules/schedules.db")
        if not _is_whole(path)
    }
    for name, path in spoilt.items():
        aside = folder / f"{name}.set-aside-{time.time_ns()}"
        os.replace(folder / name, aside)
        LOG.warning("the records of runs in %s are spoilt; they are set aside as %s and begin anew", path.name, aside)
    return bool(spoilt)


def _is_whole(path: Path) -> bool:
    if not path.is_file():
        return True
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.OperationalError:
        raise  # locked, read-only, no room: the machine's trouble, not the file's
    except sqlite3.DatabaseError:
        return False
