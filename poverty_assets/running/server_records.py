"""Dagster's records in Postgres: reached by the driver that Dagster is written for, by a refresh over connections that stay open.

Belongs here: the storages that ``dagster.yaml`` of a server names, and those of the instance that runs a refresh. Does not belong here:
where the database is (the environment says so), or the settings of the instance (``instance``). Only imported where
``dagster-postgres`` is installed.

SQLAlchemy takes an address without a driver for psycopg 3's, and Dagster knows the errors of psycopg 2. Dagster's own storages connect
anew for each event, of which a quarter has a thousand; what they have for the webserver, one connection kept, is taken for a refresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import dagster as dg
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage

from poverty_assets.running.workspace import origin_of

_KEPT: dict[str, int] = {"statement_timeout": 0, "pool_recycle": 3600, "max_overflow": 20}  # 0: no limit of time


def held_records(variable: str) -> dict[str, Any]:
    """What a refresh puts in place of the storages that ``dagster.yaml`` names; the database's address is what the variable holds."""
    own = {"module": __name__, "config": {"postgres_url": {"env": variable}}}
    return {
        "run_storage": own | {"class": "HeldRuns"},
        "event_log_storage": own | {"class": "HeldEvents"},
        "schedule_storage": own | {"class": "ServerSchedules"},
    }


class _Server:
    """By the driver that Dagster is written for."""

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> Self:
        """As Dagster makes it from its configuration."""
        from sqlalchemy.engine import make_url

        address = make_url(config_value["postgres_url"]).set(drivername="postgresql+psycopg2")
        return cls(address.render_as_string(hide_password=False), inst_data=inst_data)  # type: ignore[call-arg]


class _Held:
    """Over one connection, until the instance is closed."""

    _engine: Any

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.optimize_for_webserver(**_KEPT)  # type: ignore[attr-defined]

    def dispose(self) -> None:
        """Close the connection."""
        self._engine.dispose()
        super().dispose()  # type: ignore[misc]


class ServerRuns(_Server, PostgresRunStorage):
    """Runs."""


class ServerEvents(_Server, PostgresEventLogStorage):
    """Events."""


class ServerSchedules(_Server, PostgresScheduleStorage):
    """Schedules and sensors."""


class HeldRuns(_Held, ServerRuns):
    """Runs, over one connection."""

    def add_run(self, dagster_run: dg.DagsterRun) -> dg.DagsterRun:
        """Record a run as one of the code location's own, so that it stands among its job's runs and in the timeline."""
        if dagster_run.remote_job_origin is None:
            dagster_run = dagster_run.with_job_origin(origin_of(dagster_run.job_name))
        return super().add_run(dagster_run)


class HeldEvents(_Held, ServerEvents):
    """Events, over one connection."""
