"""The suites as Dagster asset checks: one step a table, one check a group of expectations.

Belongs here: wiring. Every check is blocking, so that what it found is written before the quarter is sealed; only findings
of severity error stop the run (Dagster never blocks on WARN). Does not belong here: what is expected (``suites``), what else is looked
at (``further``).

A run of checks alone that names no quarter ("Execute all" in the UI sends such) looks at every quarter of the lake, says of each what it
found, and writes nothing: what was found when a quarter was made is sealed with it.
"""

import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

from poverty_assets.catalog import TABLES, Table
from poverty_assets.graph.checks.further import FURTHER
from poverty_assets.graph.checks.suites import GROUPS, CheckFinding
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.graph.reuse.step import Step
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.local import locale_of

_NAMES_QUARTERS = ("dagster/partition", "dagster/asset_partition")
"""How the tags of a run begin that name a quarter, or a range of them."""
_DESCRIPTIONS = {
    "keys": "The key stands once (blocking).",
    "completeness": "No NULL in a column that may hold none (blocking).",
    "legal_values": "Ranges, codes and forms as the catalog states them (blocking).",
} | {one.group: one.description for one in FURTHER}


def build(quarters: dg.PartitionsDefinition) -> list[dg.AssetChecksDefinition]:
    """The checks of every table that is written to the lake, each of its own quarter."""
    with warnings.catch_warnings():
        # partitioned checks are a preview of Dagster's; that one warning would come a hundred times at each start
        warnings.filterwarnings(
            "ignore", message="Specifying a partitions_def on an AssetCheckSpec", category=dg.PreviewWarning
        )
        return [_of_table(t, quarters) for t in TABLES if t.is_one_file]


def _of_table(definition: Table, quarters: dg.PartitionsDefinition) -> dg.AssetChecksDefinition:
    groups = [*GROUPS, *(one.group for one in FURTHER if one.table == definition.name)]

    def written(home: Home, quarter: Quarter) -> list[Path]:
        return [home.lake.checked_file(definition.name, quarter)]

    def judged(context: Any, home: Home) -> Iterator[dg.AssetCheckResult]:
        quarter = quarter_of(context)
        findings = _found(definition, home, quarter)
        home.lake.write_checks(definition.name, quarter, pd.DataFrame([f.row(definition.name) for f in findings]))
        yield from (_result(group, findings) for group in groups)

    name = f"check_{definition.name}"
    run = Step(name, judged, (__name__, ""), extra=written, knows="nothing").wired()

    def check(context: dg.AssetCheckExecutionContext, home: Home) -> Iterator[dg.AssetCheckResult]:
        asked = {key.name for key in context.selected_asset_check_keys}
        if any(tag.startswith(_NAMES_QUARTERS) for tag in context.run.tags):
            yield from (one for one in run(context, home) if one.check_name in asked)
        else:
            _say_of_every_quarter(context, home, definition, [group for group in groups if group in asked])

    check.step = run.step  # type: ignore[attr-defined]  # what looks first whether it is there
    return dg.multi_asset_check(
        name=name,
        specs=[
            dg.AssetCheckSpec(
                group,
                asset=definition.name,
                blocking=True,
                description=_DESCRIPTIONS[group],
                partitions_def=quarters,
            )
            for group in groups
        ],
        can_subset=True,
    )(check)


def _found(definition: Table, home: Home, quarter: Quarter) -> list[CheckFinding]:
    from poverty_assets.graph.checks.suites import validate

    rows = home.lake.read(definition.name, quarter)
    expected = validate(rows, definition.within(locale_of(home.country)))
    return expected + [each for one in FURTHER if one.table == definition.name for each in one.look(home, quarter)]


def _say_of_every_quarter(
    context: dg.AssetCheckExecutionContext, home: Home, definition: Table, groups: Sequence[str]
) -> None:
    """Judge the table in each quarter of the lake that is complete; what was found is an evaluation of that quarter's partition."""
    (key,) = {one.asset_key for one in context.selected_asset_check_keys}
    for quarter in filter(partial(home.lake.has, definition.name), home.lake.quarters()):
        findings = _found(definition, home, quarter)
        made = context.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, asset_partitions=[quarter.key]), limit=1
        ).records
        of = [
            AssetCheckEvaluationTargetMaterializationData(
                storage_id=one.storage_id, run_id=one.run_id, timestamp=one.timestamp
            )
            for one in made
        ]
        for group in groups:
            said = _result(group, findings)
            evaluation = dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=group,
                passed=said.passed,
                metadata=said.metadata,
                target_materialization_data=of[0] if of else None,
                severity=said.severity,
                description=said.description,
                blocking=True,
                partition=quarter.key,
            )
            context.op_execution_context.log_event(evaluation)  # type: ignore[arg-type]  # it takes these, too


def _result(group: str, findings: list[CheckFinding]) -> dg.AssetCheckResult:
    findings = [f for f in findings if f.group == group]
    failed = [f for f in findings if not f.passed]
    severe = any(f.severity == "error" for f in failed)
    shown = "\n".join(f"- {f.check}: {f.observed}" for f in failed[:20])
    return dg.AssetCheckResult(
        check_name=group,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        description=f"{len(failed)} of {len(findings)} failed" if failed else f"all {len(findings)} passed",
        metadata={"checks": len(findings), "failed": dg.MetadataValue.md(shown or "none")},
    )
