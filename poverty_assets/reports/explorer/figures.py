"""Which figures the page holds, and the query that reads each from the warehouse.

Belongs here: one query per kind of figure, and packing what they return by quarter. Does not belong here: the coding
(``codec``), or anything computed that the warehouse does not hold - but for the change of an overlap, see ``_pair_change``.

Every query returns ``quarter, area_id, figure, estimate, low, high, withheld, method``, of headline rows for all people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.measurement.change import absolute_change
from poverty_assets.quarter import Quarter
from poverty_assets.reports.explorer.blocks import Arrays, once
from poverty_assets.reports.explorer.codec import DIFFERENCE, SHARE, Scale, pack_estimates

if TYPE_CHECKING:
    import duckdb

    from poverty_assets.reports.explorer.facts import ShownUnit

METHOD_CODES = {
    "direct": "d", "modelled": "m", "composite": "c", "downscaled": "o", "register": "r", "published": "p",
}  # fmt: skip
ONE_THIRD = "k BETWEEN 0.33 AND 0.34"
_DIFFERENCES = ("register_gap", "change")
TOP_BUNDLES = 12
# Figure, its table (left out where the warehouse has none), its column, and what tells several of a kind apart
_OPTIONAL = (
    ("register_rate", "fct_register", "rate", ""),
    ("register_modelled", "fct_register", "modelled_rate", ""),
    ("register_gap", "fct_register", "coverage_gap", ""),
    ("register_missed", "fct_register_audit", "share_missed", ""),
    ("exposed", "fct_hazard", "share_exposed", " || ':' || hazard_id"),
    ("poor_exposed", "fct_hazard", "share_poor_exposed", " || ':' || hazard_id"),
    ("exposed_near_poor", "fct_vulnerability", "exposed_near_poor", ""),
    ("new_poor", "fct_vulnerability", "expected_new_poor", " || ':' || shock_id"),
)
NO_BUNDLE, OTHER_BUNDLES = 2**16 - 1, 2**16 - 2
"""Masks of no set, and of the sum of all sets that are not told apart (-1 in the warehouse)."""
# What a survey says of an area by itself, also where the figure to quote is another: the points of a series
_SURVEYED = f"""
    SELECT quarter, area_id, 'survey:' || statistic AS figure, estimate, ci_low AS low, ci_high AS high, suppressed AS withheld, method
    FROM fct_mpi WHERE method = 'direct' AND subgroup = 'all' AND measure_id = $measure AND quarter IN $quarters
      AND ({ONE_THIRD} OR statistic IN ('vulnerable', 'severe'))
    UNION ALL BY NAME
    SELECT quarter, area_id, 'survey:uncensored:' || indicator_id AS figure, estimate, ci_low AS low, ci_high AS high,
           suppressed AS withheld, method
    FROM fct_headcount WHERE method = 'direct' AND subgroup = 'all' AND measure_id = $measure AND quarter IN $quarters
      AND kind = 'uncensored'"""


@dataclass(frozen=True)
class Selection:
    """What is asked of the warehouse: a measure, quarters (oldest first) and areas (in the page's order)."""

    measure: str
    quarters: Sequence[Quarter]
    areas: Sequence[str]


def packed_figures(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> tuple[dict[str, Any], Arrays]:
    """Every figure of every area and quarter.

    Returns
    -------
    told : dict
        ``figures``: name -> ``{"kind", "scale", "quarters"}``, the latter for each quarter the number of the one whose array it has,
        None where the quarter has none. ``methods``: kind -> one text per quarter with a letter per area (``METHOD_CODES``, ``-``
        where there is no figure). ``baselines``: what each change is since.
    arrays : dict
        Codes of every area (``codec``) under ``<figure>@<quarter>``.
    """
    tables = _columns(connection)
    found: dict[str, pd.DataFrame] = {kind: _rows(connection, sql, chosen) for kind, sql in _queries(tables).items()}
    methods = {kind: _methods(rows, chosen) for kind, rows in found.items() if len(rows)}
    changes = _changes(connection, chosen)
    figures: dict[str, Any] = {}
    arrays: Arrays = {}
    for kind, rows in (found | {"survey": _rows(connection, _SURVEYED, chosen), "change": changes}).items():
        told, held = _packed(rows, kind, chosen)
        figures |= told
        arrays |= held
    return {"figures": figures, "methods": methods, "baselines": _baselines(changes)}, arrays


def of_the_first_view(figures: Mapping[str, Any], newest: int) -> frozenset[str]:
    """Names of the arrays that the page opens with: what a profile shows of the newest quarter, and the measure's own figures of all."""
    opening = {name for name, figure in figures.items() if figure["kind"] == "mpi"}
    opening |= {f"survey:{name}" for name in opening}
    return frozenset(
        f"{name}@{place}"
        for name, figure in figures.items()
        for place in (figure["quarters"] if name in opening else figure["quarters"][newest:])
        if not name.startswith("change:pair:")
    )


def packed_bundles(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> tuple[list[bool], Arrays]:
    """Whether each quarter has the most frequent sets of deprivations of every area, and its arrays ``bundle_mask@<quarter>``,
    ``bundle_share@<quarter>`` and ``bundle_expected@<quarter>``.

    All sets of an area are of the method that leads its counts of deprivations: a set that only another method saw has a
    headline row of its own, with a rank among that method's sets. The last place is that of all sets that are not told apart.
    """
    rows = _rows(
        connection,
        f"""
        SELECT quarter, area_id, CASE WHEN bundle_mask < 0 THEN {TOP_BUNDLES} ELSE rank - 1 END AS place,
               CASE WHEN bundle_mask < 0 THEN {OTHER_BUNDLES} ELSE bundle_mask END AS mask, share AS estimate,
               share_ci_low AS low, share_ci_high AS high, coalesce(share_expected, 'nan') AS expected
        FROM fct_bundle
        WHERE NOT suppressed AND subgroup = 'all' AND measure_id = $measure
          AND (rank BETWEEN 1 AND {TOP_BUNDLES} OR bundle_mask < 0) AND quarter IN $quarters AND share IS NOT NULL
          AND (quarter, area_id, method) IN (
              SELECT (quarter, area_id, method) FROM fct_deprivation_count
              WHERE is_headline AND subgroup = 'all' AND measure_id = $measure AND n_deprivations = 0)
        """,
        chosen,
    )
    places = TOP_BUNDLES + 1
    arrays: Arrays = {}
    for q in range(len(chosen.quarters)):
        part = rows[rows["quarter"] == q]
        if part.empty:
            continue
        cell = part["area"].to_numpy() * places + part["place"].to_numpy()
        size = len(chosen.areas) * places
        mask = np.full(size, NO_BUNDLE, dtype=np.uint16)
        mask[cell] = part["mask"]
        expected = np.full(size, NO_BUNDLE, dtype=np.uint16)
        expected[cell] = np.nan_to_num(np.rint(part["expected"].to_numpy() * 1000 * SHARE.parts), nan=NO_BUNDLE)
        share = _codes(part, cell, size, SHARE)
        arrays |= {f"bundle_mask@{q}": mask, f"bundle_share@{q}": share, f"bundle_expected@{q}": expected}
    return [f"bundle_mask@{q}" in arrays for q in range(len(chosen.quarters))], arrays


def packed_features(
    connection: duckdb.DuckDBPyConnection,
    chosen: Selection,
    labels: Mapping[str, Mapping[str, Any]],
    units: Mapping[str, ShownUnit],
) -> dict[str, Any]:
    """Features of areas and intensities of hazards, as they are shown: to three significant digits.

    Parameters
    ----------
    labels : mapping
        Features to pack, in the order of the page, each with its ``group`` and its ``names`` by language.
    units : mapping
        How figures of a unit are shown; of one that is not named, as they are.
    """
    asked: dict[str, Any] = {"quarters": [q.start for q in chosen.quarters]}
    sql = """SELECT feature_id, quarter, area_id, value, unit, source_id, observed_on FROM area_feature
        WHERE quarter IN $quarters AND list_contains($names, feature_id)"""
    rows = connection.execute(sql, {**asked, "names": list(labels)}).df()
    if "fct_hazard" in _columns(connection):
        last = "(date_trunc('quarter', quarter) + INTERVAL 3 MONTH - INTERVAL 1 DAY)::DATE"
        seen_on = f"coalesce(observed_to, {last})" if "observed_to" in _columns(connection)["dim_hazard"] else last
        sql = f"""SELECT 'intensity:' || hazard_id AS feature_id, quarter, area_id, intensity AS value, unit, source_id,
            {seen_on} AS observed_on
            FROM fct_hazard JOIN dim_hazard USING (quarter, hazard_id)
            WHERE is_headline AND NOT suppressed AND quarter IN $quarters"""
        rows = pd.concat([rows, connection.execute(sql, asked).df()], ignore_index=True)
    rows = _placed(rows, chosen)
    found: dict[str, Any] = {}
    parts = dict(list(rows.groupby("feature_id")))
    for name in [name for name in labels if name in parts]:
        part = parts[name]
        first = part.iloc[0]
        shown = units[first["unit"]].shown if first["unit"] in units else float
        texts: list[Any] = []
        observed: list[Any] = []
        for q in range(len(chosen.quarters)):
            here = part[part["quarter"] == q]
            values: list[float | None] = [None] * len(chosen.areas)
            for area, value in zip(here["area"], here["value"].map(shown), strict=True):
                values[area] = None if np.isnan(value) else float(f"{value:.3g}")
            texts.append(values if len(here) else None)
            observed.append(str(here["observed_on"].max())[:10] if len(here) else None)
        found[name] = {
            **labels[name], "unit": first["unit"], "source": first["source_id"], "observed": observed, "quarters": _shared(texts),
        }  # fmt: skip
    return found


def _queries(tables: dict[str, list[str]]) -> dict[str, str]:
    where = "WHERE is_headline AND subgroup = 'all' AND measure_id = $measure AND quarter IN $quarters"
    common = "suppressed AS withheld, method"
    queries = {
        "mpi": f"""SELECT quarter, area_id, statistic AS figure, estimate, ci_low AS low, ci_high AS high, {common}
            FROM fct_mpi {where} AND ({ONE_THIRD} OR statistic IN ('vulnerable', 'severe'))""",
        "headcount": f"""SELECT quarter, area_id, kind || ':' || indicator_id AS figure, estimate, ci_low AS low,
            ci_high AS high, {common} FROM fct_headcount {where} AND kind IN ('uncensored', 'censored')""",
        "pair": f"""SELECT quarter, area_id, 'pair:' || least(indicator_a, indicator_b) || '+' ||
            greatest(indicator_a, indicator_b) AS figure, share_both AS estimate, share_both_ci_low AS low,
            share_both_ci_high AS high, {common} FROM fct_overlap_pair {where}""",
        "count": f"""SELECT quarter, area_id, 'count:' || n_deprivations AS figure, estimate, ci_low AS low,
            ci_high AS high, {common} FROM fct_deprivation_count {where}""",
    }
    for figure, name, column, suffix in _OPTIONAL:
        if name not in tables:
            continue
        bounds = (f"{column}_ci_low", f"{column}_ci_high") if f"{column}_ci_low" in tables[name] else ("NULL", "NULL")
        narrowed = " AND measure_id = $measure" if "measure_id" in tables[name] else ""
        queries[figure] = f"""SELECT DISTINCT quarter, area_id, '{figure}'{suffix} AS figure, {column} AS estimate,
            {bounds[0]} AS low, {bounds[1]} AS high, {common}
            FROM {name} WHERE is_headline AND quarter IN $quarters{narrowed}"""
    return queries


def _changes(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> pd.DataFrame:
    """Changes up to the newest quarter of the page: between survey waves, and of estimates over a year or since the latest before.

    A figure begins with ``wave:`` where both ends are a survey's own, else with ``change:``.
    """
    newest = chosen.quarters[-1]
    rows = connection.execute(
        f"""
        SELECT quarter, baseline_quarter, area_id, CASE WHEN method = 'direct' THEN 'wave:' ELSE 'change:' END AS basis,
               basis || CASE WHEN indicator_id = 'all' THEN statistic
                             ELSE statistic || ':' || indicator_id END AS figure,
               difference AS estimate, ci_low AS low, ci_high AS high, suppressed AS withheld, method
        FROM fct_change
        WHERE is_headline AND subgroup = 'all' AND measure_id = $measure AND change = 'absolute' AND quarter = $quarter
          AND statistic <> 'censored' AND ({ONE_THIRD} OR statistic IN ('vulnerable', 'severe'))
        """,
        {"measure": chosen.measure, "quarter": newest.start},
    ).df()
    rows = pd.concat([_of_one_baseline(part, newest) for _, part in rows.groupby("basis")] or [rows])
    return pd.concat([_placed(rows, chosen), _placed(_pair_change(connection, chosen), chosen)], ignore_index=True)


def _of_one_baseline(rows: pd.DataFrame, newest: Quarter) -> pd.DataFrame:
    """Rows since the same quarter a year before where there are any, else since the latest baseline."""
    bases = pd.to_datetime(rows["baseline_quarter"])
    year_before = pd.Timestamp(newest.shift(-4).start)
    return rows[bases == (year_before if (bases == year_before).any() else bases.max())]


def _pair_change(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> pd.DataFrame:
    """Change of every overlap over a year, from the two estimates and their standard errors.

    The warehouse holds no change of overlaps. The two quarters are taken as independent: where they share a survey their
    errors go together, and then the interval is too wide rather than too narrow.
    """
    newest = chosen.quarters[-1]
    rows = connection.execute(
        """
        SELECT quarter, area_id, least(indicator_a, indicator_b) || '+' || greatest(indicator_a, indicator_b) AS pair,
               share_both AS estimate, share_both_se AS se, method
        FROM fct_overlap_pair
        WHERE is_headline AND NOT suppressed AND subgroup = 'all' AND measure_id = $measure AND quarter IN $quarters
          AND share_both IS NOT NULL
        """,
        {"measure": chosen.measure, "quarters": [newest.start, newest.shift(-4).start]},
    ).df()
    now = pd.to_datetime(rows["quarter"]) == pd.Timestamp(newest.start)
    both = rows[now].merge(rows[~now], on=["area_id", "pair"], suffixes=("", "_before"))
    change = absolute_change(both["estimate_before"], both["estimate"], both["se_before"], both["se"])
    return both[["quarter", "area_id", "method"]].assign(
        baseline_quarter=pd.Timestamp(newest.shift(-4).start),
        figure="change:pair:" + both["pair"].astype(str),
        estimate=change.difference,
        low=change.ci_low,
        high=change.ci_high,
        withheld=False,
    )


def _baselines(changes: pd.DataFrame) -> dict[str, str]:
    if changes.empty:
        return {}
    first = changes.groupby("figure")["baseline_quarter"].max()
    return {str(figure): Quarter.containing(day.date()).label for figure, day in first.items()}


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    rows = connection.execute(
        "SELECT table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() WHERE schema_name = 'main' GROUP BY 1"
    ).fetchall()
    return dict(rows)


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, chosen: Selection) -> pd.DataFrame:
    values: dict[str, Any] = {"quarters": [q.start for q in chosen.quarters]}
    if "$measure" in sql:
        values["measure"] = chosen.measure
    return _placed(connection.execute(sql, values).df(), chosen)


def _placed(rows: pd.DataFrame, chosen: Selection) -> pd.DataFrame:
    """Rows with the number of their quarter and area on the page."""
    starts = [pd.Timestamp(q.start) for q in chosen.quarters]
    quarter = pd.Categorical(pd.to_datetime(rows["quarter"]), categories=starts).codes
    area = pd.Categorical(rows["area_id"], categories=list(chosen.areas)).codes
    return rows.assign(quarter=quarter, area=area.astype(int))[(quarter >= 0) & (area >= 0)]


def _packed(rows: pd.DataFrame, kind: str, chosen: Selection) -> tuple[dict[str, Any], Arrays]:
    scale = DIFFERENCE if kind in _DIFFERENCES else SHARE
    packed: dict[str, Any] = {}
    arrays: Arrays = {}
    for figure, part in rows.groupby("figure", sort=True):
        codes: list[npt.NDArray[Any] | None] = [None] * len(chosen.quarters)
        for q, here in part.groupby("quarter", sort=True):
            codes[int(q)] = _codes(here, here["area"].to_numpy(), len(chosen.areas), scale)
        held, places = once(str(figure), codes)
        arrays |= held
        packed[str(figure)] = {
            "kind": kind, "scale": "difference" if scale is DIFFERENCE else "share", "quarters": places,
        }  # fmt: skip
    return packed, arrays


def _codes(rows: pd.DataFrame, cell: npt.NDArray[Any], size: int, scale: Scale) -> npt.NDArray[np.uint32]:
    columns = {}
    for name in ("estimate", "low", "high"):
        columns[name] = np.full(size, np.nan)
        columns[name][cell] = rows[name].to_numpy(dtype=float, na_value=np.nan)
    withheld = np.zeros(size, dtype=bool)
    if "withheld" in rows:
        withheld[cell] = rows["withheld"].to_numpy(dtype=bool)
    return pack_estimates(columns["estimate"], columns["low"], columns["high"], withheld, scale)


def _methods(rows: pd.DataFrame, chosen: Selection) -> list[str | None]:
    texts: list[str | None] = []
    for q in range(len(chosen.quarters)):
        here = rows[(rows["quarter"] == q) & rows["estimate"].notna() & ~rows["withheld"].astype(bool)]
        letters = np.full(len(chosen.areas), "-")
        letters[here["area"].to_numpy()] = here["method"].map(METHOD_CODES).to_numpy()
        texts.append("".join(letters) if len(here) else None)
    return texts


def _shared(entries: list[Any]) -> list[Any]:
    """Entries, each that repeats an earlier one replaced by the number of that one."""
    seen: list[Any] = []
    shared = []
    for entry in entries:
        same = entries.index(entry)
        shared.append(same if entry is not None and same < len(seen) else entry)
        seen.append(entry)
    return shared
