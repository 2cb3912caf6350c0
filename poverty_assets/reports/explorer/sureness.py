"""How sure the newest quarter's figures are, and its joint profiles.

Belongs here: ranks with their intervals and probabilities, draws, lifts and joint profiles, as arrays for ``static/data.js``. Does not
belong here: figures with their intervals (``figures``), or how an answer is worked out from draws (``static/sure.js``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.reports.explorer.blocks import Arrays
from poverty_assets.reports.explorer.figures import Selection

if TYPE_CHECKING:
    import duckdb

PROBABILITY_STEPS = 200
LIFT_STEPS = 10
"""Steps of a lift of one, as it is shown; from ten on it is shown, and kept, as a whole number."""
PROFILE_STEPS = 1_023
"""A cell of a profile is the root of its share in so many steps: sums over cells are then right to 0.0015."""
_KEPT = "NOT suppressed AND is_headline AND measure_id = $measure AND quarter = $quarter"
_RANKS = ("rank", "rank_low", "rank_high")
_PROBABILITIES = ("p_worst_tenth", "p_worst_fifth", "p_above_country")
_DRAWN = ("headcount_ratio", "uncensored")


def where_it_stands(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> Arrays:
    """Ranks and lifts of the newest quarter, as profiles show them; what an older file lacks is left out.

    Places of areas are those of the page. The greatest number of a type stands for none.
    """
    return _ranks(connection, chosen) | _lifts(connection, chosen)


def draws_and_profiles(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> Arrays:
    """What probabilities, differences and the reader's own sets are worked out from; what an older file lacks is left out."""
    return _draws(connection, chosen) | _profiles(connection, chosen)


def page_id(row: Any) -> str | None:
    """What the page calls a figure of ``fct_rank`` and ``fct_draw``; None for one that it does not show."""
    if row.statistic == "share_both":
        return "pair:" + "+".join(sorted((row.indicator_id, row.indicator_b)))
    if row.statistic != "headcount_ratio":
        return str(row.statistic) if row.indicator_id == "all" else f"{row.statistic}:{row.indicator_id}"
    return {"0.33": "headcount_ratio", "0.50": "severe"}.get(f"{row.k:.2f}")


def _ranks(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> Arrays:
    names = ", ".join(_RANKS + _PROBABILITIES)
    found: Arrays = {}
    for figure, rows in _by_figure(connection, chosen, "fct_rank", names):
        for name in _RANKS:
            found[f"{name}:{figure}"] = _placed(rows, rows[name], len(chosen.areas))
        for name in _PROBABILITIES:
            steps = np.floor(rows[name].astype(float) * PROBABILITY_STEPS + 1e-6)  # never more certain than it is
            found[f"{name}:{figure}"] = _placed(rows, steps, len(chosen.areas), "u1")
    return found


def _draws(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> Arrays:
    found: Arrays = {}
    for figure, rows in _by_figure(connection, chosen, "fct_draw", "low, step, draws"):
        if figure.split(":")[0] not in _DRAWN:
            continue
        found[f"areas:{figure}"] = rows["area"].to_numpy(dtype="<u2")
        found[f"low:{figure}"] = rows["low"].to_numpy(dtype="<f4")
        found[f"step:{figure}"] = rows["step"].to_numpy(dtype="<f4")
        found[f"draws:{figure}"] = np.stack(rows["draws"].to_list()).astype("u1").ravel()
    return found


def _by_figure(
    connection: duckdb.DuckDBPyConnection, chosen: Selection, table: str, columns: str
) -> Iterator[tuple[str, pd.DataFrame]]:
    sql = f"SELECT area_id, statistic, indicator_id, indicator_b, k, {columns} FROM {table} WHERE {_KEPT}"
    rows = _rows(connection, chosen, table, sql)
    keys = ["statistic", "indicator_id", "indicator_b", "k"]
    for _, part in rows.groupby(keys, sort=True):
        figure = page_id(part.iloc[0])
        if figure is not None:
            yield figure, part.sort_values("area")


def _lifts(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> Arrays:
    sql = f"""SELECT area_id, least(indicator_a, indicator_b) || '+' || greatest(indicator_a, indicator_b) AS pair,
        lift, lift_ci_low, lift_ci_high FROM fct_overlap_pair WHERE {_KEPT} AND subgroup = 'all'"""
    found: Arrays = {}
    for pair, rows in _rows(connection, chosen, "fct_overlap_pair", sql).groupby("pair", sort=True):
        for name in ("lift", "lift_ci_low", "lift_ci_high"):
            lift = rows[name].astype(float)
            steps = np.where(
                lift < 9.95, np.floor(lift * LIFT_STEPS + 0.5), np.floor(np.minimum(lift, 6_553) + 0.5) * LIFT_STEPS
            )
            found[f"{name}:{pair}"] = _placed(rows, pd.Series(steps), len(chosen.areas))
    return found


def _profiles(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> Arrays:
    sql = f"SELECT area_id, population, profile FROM fct_profile WHERE {_KEPT}"
    rows = _rows(connection, chosen, "fct_profile", sql).sort_values("area")
    if rows.empty:
        return {}
    cells = np.rint(np.stack(rows["profile"].to_list()) * (PROFILE_STEPS / 65_535)).astype("<u2").ravel()
    return {
        "profile_areas": rows["area"].to_numpy(dtype="<u2"),
        "profile_people": rows["population"].to_numpy(dtype="<f4"),
        "profile_high": (cells >> 8).astype("u1"),  # apart, since each of the two deflates better alone
        "profile_rest": (cells & 255).astype("u1"),
    }


def profile_bits(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> list[str]:
    """Indicators in the order of the bits of a profile's cells; none where the file has no profile."""
    sql = f"SELECT any_value(indicators) AS bits, any_value(area_id) AS area_id FROM fct_profile WHERE {_KEPT}"
    rows = _rows(connection, chosen, "fct_profile", sql)
    return [] if rows.empty or rows["bits"].iloc[0] is None else [str(name) for name in rows["bits"].iloc[0]]


def _rows(connection: duckdb.DuckDBPyConnection, chosen: Selection, table: str, sql: str) -> pd.DataFrame:
    """Rows with the place of their area on the page; none where the file has neither a table nor a view of that name."""
    sql_known = "SELECT 1 FROM information_schema.tables WHERE table_schema = 'main' AND table_name = $name"
    if connection.execute(sql_known, {"name": table}).fetchone() is None:
        return pd.DataFrame({"area": [], "pair": [], "statistic": [], "indicator_id": [], "indicator_b": [], "k": []})
    rows = connection.execute(sql, {"measure": chosen.measure, "quarter": chosen.quarters[-1].start}).df()
    area = pd.Categorical(rows["area_id"], categories=list(chosen.areas)).codes
    return rows.assign(area=area.astype(int))[area >= 0]


def _placed(
    rows: pd.DataFrame, values: pd.Series, size: int, kind: str = "<u2"
) -> npt.NDArray[np.unsignedinteger[Any]]:
    placed = np.full(size, np.iinfo(kind).max, dtype=kind)
    known = values.notna().to_numpy()
    placed[rows["area"].to_numpy()[known]] = values.to_numpy(dtype=float, na_value=np.nan)[known]
    return placed
