"""Dagster's records in SQLite, written over connections that stay open.

Belongs here: the storages of an instance that runs jobs or asks for them. Does not belong here: what is recorded (Dagster's), or the
settings of the instance (``instance``).

Dagster's own storages make an engine and open a file anew for each event, of which a quarter has a thousand. The last connection
that closes empties SQLite's log and waits for the disk, and every new engine compiles its statements again: together half of a small
refresh. Here each file has one engine and one connection for as long as the instance is open. Files and tables are Dagster's, every
event is committed when it happens, and Dagster's own storages read them meanwhile, as the UI does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.runs import SqliteRunStorage
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool

from poverty_assets.running.workspace import origin_of

WAIT_SECONDS = 30  # for another process that writes, as Dagster's own
MOST_OPEN = 8
"""Files of events to which a connection is kept; the index of all is one of them."""


def kept_records(dagster_home: Path) -> dict[str, Any]:
    """What to put in place of the storages that ``dagster.yaml`` stands for; the files are where Dagster would have them."""
    own = {"module": __name__, "config": {}}
    history = dagster_home / "history"
    return {
        "run_storage": own | {"class": "KeptRuns", "config": {"base_dir": str(history)}},
        "event_log_storage": own | {"class": "KeptEvents", "config": {"base_dir": str(history / "runs")}},
        "schedule_storage": {
            "module": "dagster._core.storage.schedules",
            "class": "SqliteScheduleStorage",
            "config": {"base_dir": str(dagster_home / "schedules")},
        },
    }


class KeptRuns(SqliteRunStorage):
    """Runs, over one connection."""

    _kept: _Kept | None = None

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> KeptRuns:
        """As Dagster makes it from its configuration."""
        return cls.from_local(inst_data=inst_data, **config_value)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A transaction."""
        if self._kept is None or not self._kept.is_there():
            self.dispose()
            self._kept = _Kept(self._conn_string)
        with self._kept.engine.begin() as connection:
            yield connection

    def add_run(self, dagster_run: dg.DagsterRun) -> dg.DagsterRun:
        """Record a run as one of the code location's own, so that it stands among its job's runs and in the timeline."""
        if dagster_run.remote_job_origin is None:
            dagster_run = dagster_run.with_job_origin(origin_of(dagster_run.job_name))
        return super().add_run(dagster_run)

    def dispose(self) -> None:
        """Close the connection."""
        if self._kept is not None:
            self._kept.engine.dispose()
        super().dispose()


class KeptEvents(SqliteEventLogStorage):
    """Events, over one connection to the file of each run and to the index of all."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._kept: dict[str, _Kept] = {}
        self._turn = RLock()
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> KeptEvents:
        """As Dagster makes it from its configuration."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """A transaction in one of the files; the first time Dagster's own connection makes the file and its tables."""
        with self._turn:
            kept = self._kept.pop(shard, None)
            if kept is None or not kept.is_there():
                if kept is not None:
                    kept.engine.dispose()
                with super()._connect(shard):
                    kept = _Kept(self.conn_string_for_shard(shard))
            self._kept[shard] = kept  # the last asked for stands last
            while len(self._kept) > MOST_OPEN:
                self._kept.pop(next(iter(self._kept))).engine.dispose()
            with kept.engine.begin() as connection:
                yield connection

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table; one that is there stays there."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def dispose(self) -> None:
        """Close the connections."""
        for kept in self._kept.values():
            kept.engine.dispose()
        super().dispose()


class _Kept:
    """An engine with its one connection, for as long as the file is the one that it was opened on: spoilt records are set aside, and begin
    anew, beneath a daemon that goes on."""

    def __init__(self, address: str) -> None:
        self.engine = _engine(address)
        self._path = Path(str(self.engine.url.database))
        self._file = self._opened()

    def is_there(self) -> bool:
        """Whether the file still is that one."""
        return self._file == self._opened()

    def _opened(self) -> int | None:
        try:
            return self._path.stat().st_ino
        except FileNotFoundError:
            return None


def _engine(address: str) -> Engine:
    engine = create_engine(
        address,
        poolclass=QueuePool,
        pool_size=1,
        connect_args={"timeout": WAIT_SECONDS, "check_same_thread": False},
    )

    # a process that is killed loses nothing; a power cut may cost the newest records, never the file
    @event.listens_for(engine, "connect")
    def _wait_for_the_disk_only_when_the_log_is_emptied(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA synchronous = NORMAL")

    return engine
