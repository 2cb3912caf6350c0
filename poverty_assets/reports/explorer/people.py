"""People of the areas in each quarter that the page holds, and whose figure they are.

Belongs here: reading ``fct_population`` for the page. Does not belong here: the areas themselves (``payload``), or words (``words/``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.opening import relations

if TYPE_CHECKING:
    import duckdb

_EVERYBODY = "FROM fct_population WHERE age_group = 'all' AND quarter = $quarter"


def people_of_quarters(
    connection: duckdb.DuckDBPyConnection, areas: pd.DataFrame, quarters: Sequence[Quarter]
) -> dict[str, Any]:
    """What the page holds of people beside the areas."""
    return {"populations": _populations(connection, areas, quarters), "people": _basis(connection, quarters)}


def _populations(
    connection: duckdb.DuckDBPyConnection, areas: pd.DataFrame, quarters: Sequence[Quarter]
) -> dict[int, list[int | None]]:
    """People of every area by place of the quarter, of quarters in which they are others than ``dim_area`` has."""
    if "fct_population" not in relations(connection):  # a file published by an earlier version
        return {}
    known, found = _whole(areas["population"]), {}
    for place, quarter in enumerate(quarters):
        sql = f"SELECT area_id, population {_EVERYBODY}"
        rows = connection.execute(sql, {"quarter": quarter.start}).df().set_index("area_id")["population"]
        if len(rows) and (people := _whole(rows.reindex(areas["area_id"]))) != known:
            found[place] = people
    return found


def _basis(connection: duckdb.DuckDBPyConnection, quarters: Sequence[Quarter]) -> list[dict[str, Any] | None]:
    """Of each quarter the source and day of the country's people, and the census that a grid was laid on; None where not known.

    Where no source has people of the country, those of the most areas.
    """
    if "fct_population" not in relations(connection):
        return [None for _ in quarters]
    sql = f"""
        SELECT coalesce(s.title, w.source_id) AS source, w.observed_on AS day, w.benchmark_total AS total, w.benchmark_on AS held
        FROM (SELECT source_id, observed_on, benchmark_total, benchmark_on, count(*) AS areas, sum(population) AS people
              {_EVERYBODY} AND source_id IS NOT NULL GROUP BY ALL) w
        LEFT JOIN meta_source s ON s.quarter = $quarter AND s.source_id = w.source_id
        ORDER BY people DESC, areas DESC, source, day LIMIT 1
    """
    found = [connection.execute(sql, {"quarter": quarter.start}).fetchone() for quarter in quarters]
    return [
        None if row is None else {"source": row[0], "day": str(row[1]), "total": row[2], "on": str(row[3] or "")}
        for row in found
    ]


def _whole(values: pd.Series) -> list[int | None]:
    return [None if pd.isna(value) else int(value) for value in values]
