"""Running the job that publishes, or the one that shows what waits for approval, and approving from the command line.

Belongs here: which of the two follows when quarters are done, a job run in this process, and turning a failed step into the error behind
it. Does not belong here: quarters (``refresh``), or what an approval is (``warehouse.approval``).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import getpass
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poverty_assets.errors import PagesBehind, PovertyAssetsError, UsageError
from poverty_assets.pack.country import Country, load_country
from poverty_assets.quarter import Quarter
from poverty_assets.running.interrupted import give_up_interrupted, living, wait_for_slot
from poverty_assets.running.trouble import trouble_behind
from poverty_assets.settings import TURNS, Settings, require_form
from poverty_assets.signs_of_life import Turn
from poverty_assets.warehouse.approval import Approval, ApprovalDesk, embargo_day

LOG = logging.getLogger("poverty_assets")
CONSOLE = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Following:
    """What followed when quarters were done.

    Attributes
    ----------
    rows : int, optional
        Of the published file; None where nothing was published.
    waiting : list of Quarter
        Quarters that nobody has approved.
    embargoed : dict
        Approvals whose day has not come.
    """

    rows: int | None = None
    waiting: list[Quarter] = field(default_factory=list)
    embargoed: dict[Quarter, Approval] = field(default_factory=dict)


def follow(settings: Settings, country: Country, definitions: Any, instance: Any, tags: dict[str, str]) -> Following:
    """Publish what may be published; where quarters are approved, show those that wait first."""
    from poverty_assets.graph.assets.publication import POOL
    from poverty_assets.graph.jobs import CANDIDATE, PUBLISH

    def run(job: str, what: str) -> Any:
        wait_for_slot(instance, settings.dagster_home, POOL)
        return run_job(definitions.resolve_job_def(job), instance, what, tags)

    def publish() -> int:
        before = _file(settings)
        try:
            return _rows(run(PUBLISH, "publication"))
        except PovertyAssetsError as error:
            if _file(settings) == before:
                raise
            raise PagesBehind(
                f"{settings.warehouse} is published; its pages could not be written, and some in {settings.reports} are those of the"
                f" file before it: {error}"
            ) from error

    with _turn(settings):
        if not country.wants_approval:
            return Following(publish())
        desk, now = ApprovalDesk.of(settings), dt.datetime.now(dt.UTC)
        if desk.unshown():
            run(CANDIDATE, "candidate")
        rows = publish() if desk.behind(now) else None
        return Following(rows, desk.waiting(), desk.embargoed(now))


def approve(settings: Settings, quarter: Quarter, by: str, embargo: str) -> Following:
    """Approve a quarter as the candidate shows it, and publish it unless an embargo is on.

    Raises
    ------
    UsageError
        If there is nothing to approve.
    """
    require_form(settings)
    country = load_country(settings.country)
    if not country.wants_approval:
        raise UsageError(
            f"quarters of {country.name_en} are published by themselves",
            file=country.folder / "country.yaml",
            remedy="write `publication: approved` there if somebody is to approve them",
        )
    embargo_day(embargo)
    ApprovalDesk.of(settings).require_approvable(quarter, by)
    from poverty_assets.definitions import build_definitions
    from poverty_assets.graph.jobs import APPROVE
    from poverty_assets.running.instance import open_instance

    said = {"who": who(), "why": f"poverty-assets approve {quarter}"}
    config = {"ops": {"approval": {"config": {"by": by, "embargo": embargo}}}}
    with open_instance(settings.dagster_home) as instance, living(settings.dagster_home) as tags:
        give_up_interrupted(settings.dagster_home)
        definitions = build_definitions(settings)
        job = definitions.resolve_job_def(APPROVE)
        run_job(job, instance, "approval", tags | said, partition_key=quarter.key, config=config)
        return follow(settings, country, definitions, instance, tags | said)


def made_and_reused(result: Any) -> tuple[int, int]:
    """How many assets a run says that it made, and how many of them were there already."""
    from poverty_assets.graph.reuse.step import REUSED

    shown = [event.step_materialization_data.materialization.metadata for event in _materialized(result)]
    return len(shown), sum(REUSED in each and bool(each[REUSED].value) for each in shown)


def _materialized(result: Any) -> list[Any]:
    return [event for event in result.all_events if event.is_step_materialization]


def run_job(
    job: Any,
    instance: Any,
    what: str,
    tags: dict[str, str],
    *,
    partition_key: str | None = None,
    config: dict[str, Any] | None = None,
) -> Any:
    """Run a job in this process; raise the project's own error behind a failure where there is one, or the machine's trouble."""
    try:
        result = job.execute_in_process(
            instance=instance,
            partition_key=partition_key,
            run_config={**CONSOLE, **(config or {})},
            tags=tags,
            raise_on_error=True,
        )
    except Exception as error:
        ours = _ours(error) or trouble_behind(error, Path(instance.root_directory).parent)
        if ours is None:
            raise
        raise ours from error
    if not result.success:
        raise PovertyAssetsError(f"{what}: the run failed; nothing was published")
    return result


def who() -> str:
    """Whoever runs this process: a name where the system has one, else a number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _rows(result: Any) -> int:
    return int(result.asset_materializations_for_node("warehouse")[0].metadata["dagster/row_count"].value)


def _file(settings: Settings) -> tuple[int, int] | None:
    """Which file is published."""
    try:
        found = settings.warehouse.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


@contextlib.contextmanager
def _turn(settings: Settings) -> Iterator[None]:
    """Refreshes of one home publish one after the other: a run that waits for Dagster's pool burns a core, and says nothing."""

    def tell(holder: str) -> None:
        LOG.warning("waiting for %s, which is publishing", holder)

    who = f"process {os.getpid()} on {os.uname().nodename}"
    turn = Turn(settings.dagster_home / TURNS / "publication.lock", who, tell)
    try:
        yield
    finally:
        turn.end()


def _ours(error: BaseException | None) -> PovertyAssetsError | None:
    seen: set[int] = set()  # a chain of causes may lead back to itself
    while error is not None and id(error) not in seen:
        if isinstance(error, PovertyAssetsError):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None
