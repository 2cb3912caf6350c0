"""Asking the published file.

Belongs here: read-only queries in the forms people want, and the state of what is published. Does not belong here: writing.
"""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

from poverty_assets.errors import UsageError
from poverty_assets.warehouse.opening import connect

MOST_ROWS, MOST_CHECKS = 200, 12
MOST_SECONDS, MOST_MEMORY = 60.0, "4GB"


def answer(warehouse: Path, sql: str, form: str, *, seconds: float = MOST_SECONDS) -> bytes:
    """The rows of a query as a text table, csv, json or parquet.

    Raises
    ------
    UsageError
        If the query is not understood or not allowed (the message is DuckDB's own), or takes too long or too much memory.
    """
    import duckdb

    with connect(warehouse) as connection:
        for bound in (f"memory_limit = '{MOST_MEMORY}'", "temp_directory = ''", "enable_external_access = false"):
            connection.execute(f"SET {bound}")
        connection.execute("SET lock_configuration = true")
        watch = threading.Timer(seconds, connection.interrupt)
        watch.start()
        try:
            if form == "table":
                shown = connection.sql(sql)
                text = "done" if shown is None else _boxed(shown)
                return (text + "\n").encode()
            data = connection.execute(sql).to_arrow_table()
        except duckdb.InterruptException as error:
            raise UsageError(
                f"the query took more than {seconds:g} s",
                remedy="ask for less at once: one quarter, one level, fewer columns",
            ) from error
        except duckdb.OutOfMemoryException as error:
            raise UsageError(
                f"the query needs more than {MOST_MEMORY} of memory",
                remedy="ask for less at once: one quarter, one level",
            ) from error
        except duckdb.Error as error:
            raise UsageError(
                f"the query cannot be answered: {error}",
                remedy="SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' lists tables and views",
            ) from error
        finally:
            watch.cancel()
    return _formed(data, form)


def _boxed(relation: Any) -> str:
    rows = relation.limit(MOST_ROWS + 1).fetchall()
    names = relation.columns
    cells = [[_shown(value) for value in row] for row in rows[:MOST_ROWS]]
    widths = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(names)]
    lines = ["  ".join(name.ljust(width) for name, width in zip(names, widths, strict=True)).rstrip()]
    lines.append("  ".join("-" * width for width in widths))
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    if len(rows) > MOST_ROWS:
        lines.append(f"... only the first {MOST_ROWS} rows; --format csv gives all")
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return str(value)


def _formed(data: Any, form: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    if form == "parquet":
        pq.write_table(data, buffer)
        return buffer.getvalue()
    if form == "json":
        frame = data.to_pandas(date_as_object=True, maps_as_pydicts="strict")
        return (frame.to_json(orient="records", force_ascii=False, date_format="iso") + "\n").encode()
    import pyarrow.csv

    several = [i for i, field in enumerate(data.schema) if pa.types.is_list(field.type) or pa.types.is_map(field.type)]
    for i in several:  # a list or a map has no form in csv: written with bars
        joined = [None if value is None else "|".join(map(_text, value)) for value in data.column(i).to_pylist()]
        data = data.set_column(i, data.schema.field(i).name, pa.array(joined, pa.string()))
    pyarrow.csv.write_csv(data, buffer)
    return buffer.getvalue()


def _text(item: Any) -> str:
    """An item of a list; a pair of a map as ``key=value``."""
    return "=".join("" if part is None else str(part) for part in item) if isinstance(item, tuple) else str(item)


def mixed_replicates(warehouse: Path) -> str:
    """A sentence where the published quarters differ in their number of replicates; else nothing.

    Intervals of quarters with few replicates are rougher, and changes between such quarters too.
    """
    with connect(warehouse) as connection:
        rows = connection.execute(
            "SELECT replicates, string_agg(label, ', ' ORDER BY label) FROM dim_quarter WHERE replicates IS NOT NULL"
            " GROUP BY 1 ORDER BY 1"
        ).fetchall()
    if len(rows) < 2:
        return ""
    return "quarters differ in replicates: " + "; ".join(f"{n} for {labels}" for n, labels in rows)


def published_labels(warehouse: Path) -> list[str]:
    """Labels of the published quarters; none where nothing was published."""
    if not warehouse.is_file():
        return []
    with connect(warehouse) as connection:
        return [row[0] for row in connection.execute("SELECT label FROM dim_quarter ORDER BY quarter").fetchall()]


def worth_of_sources(warehouse: Path) -> tuple[str, dict[str, float]]:
    """The newest quarter with scores without each source, and the mean rank correlation on held-out blocks without each; with all
    under the empty name. Nothing where there are none."""
    if not published_labels(warehouse):
        return "", {}
    with connect(warehouse) as connection:
        rows = connection.execute(
            """
            SELECT q.label, m.feature, avg(m.value) FROM model_metric m JOIN dim_quarter q USING (quarter)
            WHERE m.target_kind LIKE '%_without_source' AND m.metric = 'spearman'
            GROUP BY ALL HAVING avg(m.value) IS NOT NULL ORDER BY q.label, m.feature
            """
        ).fetchall()
    newest = max((label for label, _, _ in rows), default="")
    return newest, {source: value for label, source, value in rows if label == newest}


def status_text(warehouse: Path) -> str:
    """What is published: quarters, evidence, freshness, failed checks."""
    with connect(warehouse) as connection:
        built = connection.execute("SELECT built_at, code_version, is_simulated FROM meta_build").fetchone()
        quarters = connection.execute(
            """
            SELECT q.label, q.published_at, coalesce(q.survey_wave, 'no survey'), q.is_nowcast,
                   (SELECT string_agg(DISTINCT method, ', ' ORDER BY method) FROM fct_mpi f WHERE f.quarter = q.quarter),
                   (SELECT max(observed_to) FROM meta_source s WHERE s.quarter = q.quarter AND s.sha256 IS NOT NULL),
                   (SELECT count(*) FROM meta_source s WHERE s.quarter = q.quarter AND s.sha256 IS NOT NULL)
            FROM dim_quarter q ORDER BY q.quarter
            """
        ).fetchall()
        failed = connection.execute(
            """
            SELECT q.label, c.table_name, c.check_name, c.severity, c.observed
            FROM check_result c JOIN dim_quarter q USING (quarter) WHERE NOT c.passed ORDER BY 1, 2, 3
            """
        ).fetchall()
    lines = [f"{warehouse}: built {built[0]:%Y-%m-%d %H:%M} UTC by version {built[1]}"]
    if built[2]:
        lines.append("SIMULATED DATA")
    for label, published, wave, nowcast, methods, observed, n_sources in quarters:
        kind = " (nowcast)" if nowcast else ""
        lines.append(
            f"{label}: published {published:%Y-%m-%d %H:%M}, {n_sources} sources, the newest observed {observed};"
            f" survey {wave}{kind}; evidence {methods or 'none'}"
        )
    lines.append(f"{len(failed)} failed checks" + (":" if failed else ""))
    lines += [
        f"  {label} {table} | {check} | {severity}: {(seen or '')[:160]}"
        for label, table, check, severity, seen in failed[:MOST_CHECKS]
    ]
    if len(failed) > MOST_CHECKS:
        lines.append(f"  ... and {len(failed) - MOST_CHECKS} more: SELECT * FROM check_result WHERE NOT passed")
    return "\n".join(lines)
