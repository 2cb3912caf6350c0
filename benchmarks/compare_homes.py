"""Whether two homes hold the same figures: every table of the lake and of the published file, value for value.

    python -m benchmarks.compare_homes BEFORE AFTER [--rename table.column=new ...] [--rename table=new ...]

Rows are ordered by all their columns. Those of the lake are compared bit for bit; numbers of the published file, which keeps them
narrow, to 1e-6, or a millionth of them where they are larger than 1. Left out: builds, digests, seals, times, files of models.
Columns and tables that were renamed are named with ``--rename``; columns and tables that one side alone has are listed, and
refused unless ``--new`` or ``--gone`` names them. A table that both name has other rows on purpose and is left out. Facts that moved
from a text into columns of their own are moved in the older home first (`MOVES`); what checks of such a table, or of one that is
named as new or gone, found is left out. Ends with 1 where anything differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

TIMES = {
    "published_at",
    "built_at",
    "lake_digest",
    "build_id",
    "run_id",
    "build_run_id",
    "code_version",
    "training_digest",
    "artifact",
}
LEFT_OUT = {"meta_build", "quarter_seal"}
_KIND = "CASE WHEN contains(target, ':') THEN split_part(target, ':', 1) ELSE target END AS target_kind"
_TARGET = "CASE WHEN contains(target, ':') THEN split_part(target, ':', 2) ELSE 'all' END AS target"
_BRACKET = "regexp_extract(metric, '\\[(.*)\\]$', 1)"
_SCORES = f"""
    SELECT * EXCLUDE (target, metric), {_KIND}, {_TARGET}, regexp_replace(metric, '\\[.*\\]$', '') AS metric,
           CASE WHEN contains({_BRACKET}, '=') THEN {_BRACKET} ELSE 'all' END AS subgroup
    FROM moved"""
_RATE = "'register_rate:'"
_RUNS = f"""
    SELECT * REPLACE (list_filter(features, f -> NOT starts_with(f, {_RATE})) AS features),
           list_transform(list_filter(features, f -> starts_with(f, {_RATE})), f -> replace(f, {_RATE}, '')) AS registers
    FROM moved"""
_RUNS_OF_OLD = f"SELECT * EXCLUDE (target), {_KIND}, {_TARGET} FROM ({_RUNS})"
_TIMES = f"""
    SELECT CASE WHEN starts_with(wave, 'between ') THEN 'between_waves' WHEN wave = 'same_season' THEN wave ELSE 'wave' END AS time_kind,
           CASE WHEN time_kind = 'wave' THEN wave ELSE '' END AS wave,
           make_date(CAST(quarter_of_wave[1:4] AS INT), 3 * CAST(quarter_of_wave[6:6] AS INT) - 2, 1) AS at_quarter,
           area_id, value, observed_on, CASE WHEN starts_with(feature_id, {_RATE}) THEN '' ELSE feature_id END AS feature_id,
           CASE WHEN starts_with(moved.feature_id, {_RATE}) THEN replace(moved.feature_id, {_RATE}, '') ELSE '' END AS register_id
    FROM moved"""
_ROLES = """
    SELECT * EXCLUDE (before) REPLACE (
             replace(CASE WHEN starts_with(before, 'alone:') OR feature <> '' THEN 'alone' WHEN before = 'province_mean'
                     THEN 'published_mean' WHEN before = 'nearest_commune' THEN 'nearest_area' ELSE before END,
                     '_no_province', '_no_published') AS learner,
             CASE WHEN metric = 'spearman_within_province' THEN 'spearman_within_published'
                  ELSE replace(metric, '_province', '') END AS metric)
    FROM (SELECT *, learner AS before, CASE WHEN starts_with(learner, 'alone:') THEN replace(learner, 'alone:', '')
                 WHEN target_kind = 'margin' AND learner NOT IN ('kernel', 'penalised_logistic', 'extra_trees', 'province_mean',
                      'nearest_commune', 'last_wave') THEN learner ELSE '' END AS feature,
                 CASE WHEN target_kind <> 'nowcast' THEN 'commune' WHEN target = 'all' THEN 'all'
                      WHEN ends_with(metric, '_province') THEN 'province' ELSE 'commune' END AS area_level
          FROM moved)"""
MOVES = {
    ("target_kind", "model_metric"): _SCORES, ("target_kind", "register_metric"): _SCORES,
    ("target_kind", "margin_metric"): _SCORES, ("target_kind", "truth_metric"): _SCORES,
    ("target_kind", "model_run"): _RUNS_OF_OLD, ("target_kind", "register_run"): _RUNS_OF_OLD,
    ("target_kind", "margin_run"): _RUNS_OF_OLD,
    ("area_level", "model_metric"): _ROLES, ("area_level", "register_metric"): _ROLES,
    ("area_level", "margin_metric"): _ROLES, ("area_level", "truth_metric"): _ROLES,
    ("registers", "model_run"): _RUNS, ("registers", "register_run"): _RUNS, ("registers", "margin_run"): _RUNS,
    ("time_kind", "wave_feature"): _TIMES,
}  # fmt: skip
"""For a table of the form of before, which lacks the column, its rows in the present form; the first that fits. ``as_of_quarter`` of
scores cannot be had from the old rows: name it as new."""


def main() -> int:
    """Compare and say what differs; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--rename", action="append", default=[], metavar="OLD=NEW")
    parser.add_argument("--new", action="append", default=[], metavar="TABLE[.COLUMN]")
    parser.add_argument("--gone", action="append", default=[], metavar="TABLE[.COLUMN]")
    asked = parser.parse_args()
    renames = dict(pair.split("=", 1) for pair in asked.rename)
    others = {*(name for _, name in MOVES), *asked.new, *asked.gone}
    lines, compared, values = [], 0, 0
    for part, read in (("lake", _lake), ("warehouse", warehouse_tables)):
        before, after = read(asked.before), read(asked.after)
        before = {(renames.get(name, name), where): load for (name, where), load in before.items()}
        for name, where in sorted(set(before) | set(after)):
            key = (name, where)
            if name in asked.new and name in asked.gone:
                continue
            if name == "check_result" and where.split("/")[0].removeprefix("table=") in others:
                continue
            if key not in before or key not in after:
                if name not in (asked.new if key in after else asked.gone):
                    lines.append(f"{part} {name} {where}: only {'after' if key in after else 'before'}")
                continue
            one, other = _renamed(before[key](), name, renames), after[key]()
            one = _moved(one, other, name)
            if name == "check_result":
                one, other = (_comparable(data, others) for data in (one, other))
            found = list(differences(one, other, name, set(asked.new), set(asked.gone), close=part == "warehouse"))
            lines += [f"{part} {name} {where}: {text}" for text in found]
            compared, values = compared + 1, values + one.num_rows * one.num_columns
    print("\n".join(lines) or "the same")
    print(f"{compared} tables, {values:,} values compared, {len(lines)} differences")
    return 1 if lines or not compared else 0


def _lake(home: Path) -> dict[tuple[str, str], Any]:
    files = sorted((home / "lake").rglob("part.parquet"))
    found = {}
    for path in files:
        name, *where = path.relative_to(home / "lake").parts[:-1]
        if name not in LEFT_OUT:
            found[name, "/".join(where)] = lambda path=path: pq.ParquetFile(path).read()
    return found


def warehouse_tables(home: Path) -> dict[tuple[str, str], Any]:
    """Tables of the published file, each read when it is called."""
    connection = duckdb.connect(str(home / "warehouse/poverty.duckdb"), read_only=True)
    rows = connection.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'")
    return {
        (name, "table"): lambda name=name: connection.execute(f'SELECT * FROM "{name}"').to_arrow_table()
        for (name,) in rows.fetchall()
        if name not in LEFT_OUT
    }


def _moved(one: pa.Table, other: pa.Table, name: str) -> pa.Table:
    """The older rows in the present form."""
    for (column, of), query in MOVES.items():
        if of == name and column not in one.column_names and column in other.column_names:
            if not one.num_rows:
                return other.slice(0, 0)
            moved = one  # noqa: F841 - DuckDB reads it by its name
            return duckdb.sql(query).to_arrow_table()
    return one


def _comparable(data: pa.Table, others: set[str]) -> pa.Table:
    """What checks found, but for checks of tables that are of another form now."""
    return data.filter(pc.invert(pc.is_in(data["table_name"], pa.array(sorted(others), pa.string()))))


def _renamed(data: pa.Table, name: str, renames: dict[str, str]) -> pa.Table:
    return data.rename_columns([renames.get(f"{name}.{column}", column) for column in data.column_names])


def differences(
    one: pa.Table, other: pa.Table, name: str, new: set[str], gone: set[str], *, close: bool = False
) -> Iterator[str]:
    """What differs between two tables of a name, but for columns that are ``new`` or ``gone``; ``close``: to what a narrow file keeps."""
    if one.num_rows == other.num_rows == 0:
        return
    for mine, theirs, allowed, side in ((one, other, gone, "before"), (other, one, new, "after")):
        extra = [c for c in mine.column_names if c not in theirs.column_names and f"{name}.{c}" not in allowed]
        if extra:
            yield f"columns only {side}: {', '.join(extra)}"
    shared = [c for c in one.column_names if c in other.column_names and c not in TIMES]
    if one.num_rows != other.num_rows:
        yield f"{one.num_rows} rows before, {other.num_rows} after"
        return
    if all(_same(one[name].combine_chunks(), other[name].combine_chunks()) for name in shared):
        return  # in the same order as well, which the lake's files are
    if close and _close(one, other, shared):
        return
    first, second = (_rows(data.select(shared)) for data in (one, other))
    if first == second:
        return
    row, column = next(
        (i, j) for i, (a, b) in enumerate(zip(first, second, strict=True)) for j in range(len(a)) if a[j] != b[j]
    )
    number = sum(a != b for a, b in zip(first, second, strict=True))
    yield (
        f"{number} of {len(first)} rows differ, first row {row}, {shared[column]}:"
        f" {first[row][column]} before, {second[row][column]} after; row: {first[row][:6]}"
    )


def _close(one: pa.Table, other: pa.Table, shared: list[str]) -> bool:
    """Whether rows are the same, but for what a narrow file leaves out of numbers."""
    numbers = [
        name for name in shared if pa.types.is_floating(one[name].type) and pa.types.is_floating(other[name].type)
    ]
    others = [name for name in shared if name not in numbers]
    order = ", ".join([*(f'"{name}"' for name in others), *(f'round("{name}", 4)' for name in numbers)])
    first, second = (_ordered(rows, order) for rows in (one, other))
    if not all(first[name].combine_chunks().equals(second[name].combine_chunks()) for name in others):
        return False
    pairs = ((data[name].to_numpy() for data in (first, second)) for name in numbers)
    return all(np.isclose(mine, theirs, rtol=1e-6, atol=1e-6 + 1e-9, equal_nan=True).all() for mine, theirs in pairs)


def _ordered(rows: pa.Table, order: str) -> pa.Table:  # DuckDB reads it by its name
    return duckdb.sql(f"FROM rows ORDER BY {order}").to_arrow_table()


def _same(one: pa.Array, other: pa.Array) -> bool:
    """Whether two columns hold the same bits in the same order."""
    if one.type != other.type or not one.is_null().equals(other.is_null()):
        return False
    if pa.types.is_list(one.type):
        return one.value_lengths().equals(other.value_lengths()) and _same(one.flatten(), other.flatten())
    if pa.types.is_floating(one.type):
        known = one.is_valid().to_numpy(zero_copy_only=False)
        mine, theirs = (column.to_numpy(zero_copy_only=False)[known] for column in (one, other))
        return mine.tobytes() == theirs.tobytes()
    return bool(one.equals(other))


def _rows(data: pa.Table) -> list[tuple[str, ...]]:
    """Rows as texts that tell every bit (``repr`` of a float does), in order."""
    columns = [[repr(value) for value in data[name].to_pylist()] for name in data.column_names]
    return sorted(zip(*columns, strict=True)) if columns else []


if __name__ == "__main__":
    sys.exit(main())
