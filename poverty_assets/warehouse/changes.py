"""Changes between published quarters, made when the warehouse is built.

Belongs here: which pairs of quarters the file holds, and their rows of ``fct_change``. Does not belong here: the difference of two
estimates and its interval (``small_area.time.change``), or change between survey waves, which is in the lake.

A quarter's files in the lake depend on no other quarter, so that backfills share nothing; what compares two quarters is made
from both when both are published. Pairs whose quarters are as they were are taken over from the file before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from poverty_assets.catalog import table
from poverty_assets.quarter import Quarter
from poverty_assets.small_area.time.change import Apart, baselines, changes
from poverty_assets.warehouse.lake import Lake

if TYPE_CHECKING:
    import duckdb

DRAWS = "area_draw"
_COLUMNS = [column.name for column in table("fct_change").columns]
_FIGURE = [name for name in table("fct_change").key if name != "method"]


def fill_changes(
    connection: duckdb.DuckDBPyConnection, lake: Lake, sealed: list[Quarter], unchanged: set[Quarter]
) -> None:
    """Insert quarter against quarter and year against year for the quarters of the lake.

    Parameters
    ----------
    sealed : list of Quarter
    unchanged : set of Quarter
        Those whose files are the ones that the file before (attached as ``old``) was built from.
    """
    read: dict[Quarter, tuple[pd.DataFrame, dict[str, Any]]] = {}
    for quarter in sorted(sealed):
        for baseline in baselines(quarter, sealed):
            if {quarter, baseline} <= unchanged:
                _take_over(connection, quarter, baseline)
                continue
            for one in (quarter, baseline):
                if one not in read:
                    read[one] = (lake.read(DRAWS, one), lake.notes(DRAWS, one)) if lake.has(DRAWS, one) else _NONE
            rows = _pair(read[quarter], read[baseline], quarter, baseline)
            if len(rows):
                _insert(connection, rows.assign(quarter=quarter.start))
        read = {one: held for one, held in read.items() if one >= quarter.shift(-3)}


_NONE: tuple[pd.DataFrame, dict[str, Any]] = (pd.DataFrame(), {})


def _pair(
    now: tuple[pd.DataFrame, dict[str, Any]],
    before: tuple[pd.DataFrame, dict[str, Any]],
    quarter: Quarter,
    baseline: Quarter,
) -> pd.DataFrame:
    if now[0].empty or before[0].empty or now[1].get("wave") is None or before[1].get("wave") is None:
        return pd.DataFrame()
    drift, carried = now[1].get("drift_per_year"), now[1].get("wave_error_correlation")
    apart = Apart(
        baseline_quarter=baseline.start,
        years=(quarter.start - baseline.start).days / 365.25,
        same_wave=now[1]["wave"] == before[1]["wave"],
        drift_variance=None if drift is None else float(drift),
        carried=0.0 if carried is None else float(carried),
    )
    return changes(now[0], before[0], apart, measure_id=str(now[1]["measure_id"]))


def _insert(connection: duckdb.DuckDBPyConnection, rows: pd.DataFrame) -> None:
    """Rows are quoted but where the file holds another one of the same figure, as change between waves."""
    connection.register("made_changes", rows)
    picked = ", ".join(f"m.{name}" for name in _COLUMNS if name != "is_headline")
    columns = ", ".join(name for name in _COLUMNS if name != "is_headline")
    same = " AND ".join(f"f.{name} = m.{name}" for name in _FIGURE)
    connection.execute(
        f"INSERT INTO fct_change ({columns}, is_headline) SELECT {picked}, f.quarter IS NULL FROM made_changes m"
        f" LEFT JOIN (SELECT DISTINCT {', '.join(_FIGURE)} FROM fct_change) f ON {same}"
    )
    connection.unregister("made_changes")


def _take_over(connection: duckdb.DuckDBPyConnection, quarter: Quarter, baseline: Quarter) -> None:
    columns = ", ".join(_COLUMNS)
    connection.execute(
        f"INSERT INTO fct_change ({columns}) SELECT {columns} FROM old.main.fct_change"
        " WHERE quarter = ? AND baseline_quarter = ? AND method <> 'direct'",
        [quarter.start, baseline.start],
    )
