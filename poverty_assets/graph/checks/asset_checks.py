"""The suites as Dagster asset checks: one step a table, one check a group of expectations.

Belongs here: wiring. Every check is blocking, so that what it found is written before the quarter is sealed; only findings
of severity error stop the run (Dagster never blocks on WARN). Does not belong here: what is expected (``suites``,
``coverage``).

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
from poverty_assets.graph.checks.suites import GROUPS, CheckFinding
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.graph.reuse.step import Step
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.local import locale_of

_NAMES_QUARTERS = ("dagster/partition", "dagster/asset_partition")
"""How the tags of a run begin that name a quarter, or a range of them."""
EXTRA = {
    "fct_population": ("people",),
    "area_feature": ("coverage", "drift"),
    "meta_source": ("quarantine",),
    "fct_mpi": ("published", "agreement"),
    "hazard_reach": ("reach",),
    "dim_hazard": ("observed",),
}


def build(quarters: dg.PartitionsDefinition) -> list[dg.AssetChecksDefinition]:
    """The checks of every table that is written to the lake, each of its own quarter."""
    with warnings.catch_warnings():
        # partitioned checks are a preview of Dagster's; that one warning would come a hundred times at each start
        warnings.filterwarnings(
            "ignore", message="Specifying a partitions_def on an AssetCheckSpec", category=dg.PreviewWarning
        )
        return [_of_table(t, quarters) for t in TABLES if t.is_one_file]


def _of_table(definition: Table, quarters: dg.PartitionsDefinition) -> dg.AssetChecksDefinition:
    groups = [*GROUPS, *EXTRA.get(definition.name, ())]

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
    return validate(rows, definition.within(locale_of(home.country))) + _extra(definition.name, home, quarter)


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


_DESCRIPTIONS = {
    "keys": "The key stands once (blocking).",
    "completeness": "No NULL in a column that may hold none (blocking).",
    "legal_values": "Ranges, codes and forms as the catalog states them (blocking).",
    "coverage": "Areas of the finest level without a value, feature by feature (warns).",
    "people": "Areas whose persons per household are no household's (warns).",
    "drift": "Features whose distribution is not that of the training data any more, by name (warns).",
    "published": "Regions and figures of published tables that a person should look at, by name (warns).",
    "agreement": "Areas of the published level of which joint profiles and the survey itself say too different things (warns).",
    "reach": "People exposed to a hazard are at most those in cells that it touches, at two resolutions (blocking).",
    "observed": "Hazards that are measured by what was observed before the quarter, by name (warns).",
    "quarantine": "Rows that were set aside because they break their source's contract (warns).",
}


def _extra(name: str, home: Home, quarter: Quarter) -> list[CheckFinding]:
    from poverty_assets.graph.checks.coverage import (
        agreement,
        covariate_drift,
        feature_coverage,
        household_sizes,
        national_departures,
        published_figures,
        quarantine,
    )

    if name == "fct_population":
        people, areas = home.lake.read(name, quarter), home.lake.read("dim_area", quarter)
        return household_sizes(people, areas, home.country.levels.finest)
    if name == "area_feature":
        features, areas = home.lake.read(name, quarter), home.lake.read("dim_area", quarter)
        return feature_coverage(features, areas, home.country.levels.finest) + covariate_drift(
            home.lake.read("feature_drift", quarter)
        )
    if name == "meta_source":
        noted = {source_id: home.lake.notes(f"src_{source_id}", quarter) for source_id in home.sources}
        set_aside = {source_id: n.get("quarantined", {}) for source_id, n in noted.items() if "absent" not in n}
        return quarantine({name: {why: int(rows) for why, rows in each.items()} for name, each in set_aside.items()})
    if name in ("hazard_reach", "dim_hazard"):
        from poverty_assets.graph.checks.hazards import hazards_of_another_time, people_touched

        rows = home.lake.read(name, quarter)
        return people_touched(rows) if name == "hazard_reach" else hazards_of_another_time(rows)
    if name == "fct_mpi":
        warned = home.lake.notes("published_mpi", quarter).get("warning", {})
        published = [home.lake.notes(f"src_{spec.source_id}", quarter) for spec in home.of_role("published")]
        rows = home.lake.read(name, quarter)
        departs = national_departures(rows, home.country.area_id, *_years_of(home, quarter))
        found = published_figures(warned, [noted.get("rounded", {}) for noted in published])
        return found + departs + agreement(rows, home.country.levels.published)
    return []


def _years_of(home: Home, quarter: Quarter) -> tuple[set[int], set[int]]:
    """Years that published figures are of, and those of the fieldwork of the wave that serves the quarter."""
    read = (home.observed(spec.source_id, quarter) for spec in home.of_role("published"))
    of_files = [
        frame["observed_from"].map(str).str[:4].astype(int) for frame in read if frame is not None and len(frame)
    ]
    published = {max(int(years.max()) for years in of_files)} if of_files else set()
    waves = home.survey_waves(quarter)
    days = [waves[-1][1][end] for end in ("observed_from", "observed_to")] if waves else []
    return published, {day.year for day in days if day is not None}


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
