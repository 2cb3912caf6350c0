"""A Great Expectations suite for each table of the catalog.

Belongs here: catalog column -> expectations, running them on a frame, and results as rows of ``check_result``. Great
Expectations takes seconds to import, so it is imported where a suite runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from poverty_assets.catalog import Column, Table

GROUPS = ("keys", "completeness", "legal_values")


@dataclass(frozen=True)
class CheckFinding:
    """What one expectation found."""

    group: str
    check: str
    passed: bool
    severity: str
    observed: str
    failing_rows: int

    def row(self, table_name: str) -> dict[str, Any]:
        """As a row of ``check_result``."""
        return {
            "table_name": table_name,
            "check_name": self.check,
            "passed": self.passed,
            "severity": self.severity,
            "observed": self.observed,
            "failing_rows": self.failing_rows,
        }


def expectations(definition: Table) -> list[tuple[str, str, Any]]:
    """(group, name, expectation) for a table: unique key, no NULL where none may be, legal values."""
    import great_expectations.expectations as gxe

    made: list[tuple[str, str, Any]] = []
    key = [name for name in definition.key if any(c.name == name for c in definition.lake_columns)]
    if len(key) > 1:
        made.append(("keys", f"unique ({', '.join(key)})", gxe.ExpectCompoundColumnsToBeUnique(column_list=key)))
    elif key:
        made.append(("keys", f"unique ({key[0]})", gxe.ExpectColumnValuesToBeUnique(column=key[0])))
    for column in definition.lake_columns:
        if not _is_plain(column):
            continue
        if not column.nullable or column.wanted:
            known = gxe.ExpectColumnValuesToNotBeNull(column=column.name)
            made.append(("completeness", _never_null(column.name), known))
        if column.minimum is not None or column.maximum is not None:
            # a rounding error above 1 is no error of the data
            low = None if column.minimum is None else column.minimum - 1e-9
            high = None if column.maximum is None else column.maximum + 1e-9
            text = f"{column.name} from {_bound(column.minimum)} to {_bound(column.maximum)}"
            between = gxe.ExpectColumnValuesToBeBetween(column=column.name, min_value=low, max_value=high)
            made.append(("legal_values", text, between))
        if column.allowed is not None:
            values = gxe.ExpectColumnValuesToBeInSet(column=column.name, value_set=list(column.allowed))
            made.append(("legal_values", f"{column.name} is one of {len(column.allowed)} values", values))
        if column.pattern is not None:
            form = gxe.ExpectColumnValuesToMatchRegex(column=column.name, regex=column.pattern)
            made.append(("legal_values", f"{column.name} has its form", form))
    return made


def _is_plain(column: Column) -> bool:
    """Whether values can be compared with one another: no shapes, no lists."""
    return column.type != "BLOB" and not column.type.endswith("[]")


def _never_null(name: str) -> str:
    return f"{name} is never NULL"


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


def validate(frame: pd.DataFrame, definition: Table) -> list[CheckFinding]:
    """Run the table's suite on a partition; a wanted value that is missing warns.

    An ephemeral context is made for each call; progress bars, which would fill the log, are off.
    """
    import logging

    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    spoken = tuple(c for c in definition.columns if c.name in frame or not c.language)
    held = replace(definition, columns=spoken).lake_columns
    made = expectations(replace(definition, columns=spoken))
    severity = dict.fromkeys((_never_null(c.name) for c in held if c.wanted), "warn")
    if frame.empty:
        return [CheckFinding(group, name, True, severity.get(name, "error"), "no rows", 0) for group, name, _ in made]
    # it announces a folder for a docs site that nobody asked for
    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
    plain = frame[[c.name for c in held if _is_plain(c)]]
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    batch = (
        context.data_sources.add_pandas("lake")
        .add_dataframe_asset(definition.name)
        .add_batch_definition_whole_dataframe("partition")
        .get_batch({"dataframe": plain})
    )
    results = _judged(batch, [expectation for _, _, expectation in made], {"result_format": "BOOLEAN_ONLY"})
    broken = [expectation for _, _, expectation in made if not results[_identity(expectation.configuration)].success]
    told = {"result_format": "BASIC", "partial_unexpected_count": 3}
    results |= _judged(batch, broken, told) if broken else {}
    return [
        _finding(group, name, severity.get(name, "error"), results[_identity(expectation.configuration)], len(plain))
        for group, name, expectation in made
    ]


def _judged(batch: Any, expectations: list[Any], result_format: dict[str, Any]) -> dict[str, Any]:
    """Results by what was expected; counting and showing what is unexpected takes half as long again as telling whether."""
    import great_expectations as gx

    suite = gx.ExpectationSuite(name="partition", expectations=expectations)
    results = batch.validate(suite, result_format=result_format).results
    return {_identity(result.expectation_config): result for result in results}


def _identity(configuration: Any) -> str:
    kwargs = {key: value for key, value in configuration.kwargs.items() if key != "batch_id"}
    return f"{configuration.type} {sorted(kwargs.items(), key=str)}"


def _finding(group: str, name: str, severity: str, result: Any, rows: int) -> CheckFinding:
    found = result.result or {}
    failing = int(found.get("unexpected_count", 0) or 0)
    passed = bool(result.success)
    observed = f"{rows:,} rows"
    if not passed:
        first = (found.get("partial_unexpected_list") or ["(none shown)"])[0]
        observed = f"{failing:,} of {rows:,} rows fail, first {first!r}"
        if result.exception_info and result.exception_info.get("raised_exception"):
            observed = f"the check itself failed: {result.exception_info.get('exception_message')}"
    return CheckFinding(group, name, passed, severity, observed, failing)
