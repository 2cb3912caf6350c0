"""One wide row an area: what most people want of it, for export with its boundary.

Belongs here: the query behind the profile of any level, and what its columns mean. Does not belong here: file formats
(``export_files``). Only headline rows are read; a suppressed figure is NULL in them already.
"""

from __future__ import annotations

from typing import Any

from poverty_assets.warehouse.opening import relations
from poverty_assets.warehouse.profile_parts import PARTS, part_described, parts_of
from poverty_assets.warehouse.view import EVERYBODY, OF_QUARTER

STATISTICS = ("headcount_ratio", "intensity", "mpi", "vulnerable", "severe")
_CUTOFF = {"vulnerable": "true", "severe": "true"}
_THIRD = "k BETWEEN 0.333 AND 0.334"
_QUOTED = "is_headline AND subgroup = 'all'"

DESCRIPTIONS = {
    "quarter": "First day of the quarter",
    "population": "Persons in the quarter",
    "population_on": "Day that they are of; empty where not known",
    "population_method": "counted: as a source's table states it; grid_benchmarked: cells of a grid, made to add up to a census",
    "population_source": "Source that most of them are counted by",
    "poor_people": "People who are poor: headcount_ratio times population, which is taken as known",
    "quarter_label": "Quarter as people write it",
    "parent_name_en": "Name of the area one level up, in Latin script",
    "mpi_method": "Evidence behind the headcount ratio",
    "mpi_n_households": "Unweighted survey households behind it; empty where there are none",
    "mpi_suppressed": "True where the figures of poverty are withheld to protect respondents; they are empty then",
    "mpi_quality_flag": "ok, or why the headcount ratio should not be used alone",
    "headcount_ratio": "Share of people who are poor: weighted deprivation score of one third or more",
    "intensity": "Mean deprivation score among the poor",
    "mpi": "Headcount ratio times intensity",
    "vulnerable": "Share of people who are near-poor: score from 0.2 to under one third",
    "severe": "Share of people whose score is one half or more",
    "largest_pair": "The two deprivations that most people have together",
    "largest_pair_share": "Share of people deprived in both",
    "register_rate": "Share of households listed on the register",
    "register_modelled_rate": "Share predicted by a model that did not see the area's block of land",
    "register_coverage_gap": "Modelled rate less the register's: above 0 the register lists fewer than its peers",
    "is_simulated": "True: the figure is invented and must not be quoted",
}


def profile_sql(connection: Any, level: str) -> str:
    """The query of the profile: one row an area of ``level`` and quarter, ``geometry`` as WKB last."""
    measure = _measure(connection)
    names = ", ".join(f"a.{_name(column)}" for column in _names(connection))
    ids = [
        row[0]
        for row in connection.execute(
            "SELECT DISTINCT indicator_id FROM fct_headcount WHERE measure_id = ? ORDER BY 1", [measure]
        ).fetchall()
    ]
    poverty = ", ".join(_three(s, f"statistic = '{s}' AND {_CUTOFF.get(s, _THIRD)}") for s in STATISTICS)
    headcounts = "".join(", " + _three(f"{i}_headcount", f"indicator_id = {_literal(i)}") for i in ids)
    of_ids = "".join(f", h.{_name(f'{i}_headcount{suffix}')}" for i in ids for suffix in _SUFFIXES)
    of_statistics = ", ".join(f"m.{s}{suffix}" for s in STATISTICS for suffix in _SUFFIXES)
    where = f"measure_id = {_literal(measure)} AND {_QUOTED} AND area_level = {_literal(level)}"
    threats, of_threats, joined = _threats(connection, measure, level)
    above, held = _above(connection)
    further = parts_of(connection, _literal(measure), _literal(level))
    before = "".join(f"{part} AS ({sql}), " for part, sql in further.items())
    of_further = "".join(f"{part}.* EXCLUDE (quarter, area_id), " for part in further)
    joined += "".join(f" LEFT JOIN {p} ON {p}.quarter = q.quarter AND {p}.area_id = a.area_id" for p in further)
    population, of_people, counted = _people(connection)
    people = ", ".join(f"m.headcount_ratio{suffix} * {population} AS poor_people{suffix}" for suffix in _SUFFIXES)
    return f"""
        WITH {threats}{before}mpi AS (
            SELECT quarter, area_id, {poverty}, {_only("method")} AS mpi_method,
                   {_only("n_households")} AS mpi_n_households,
                   {_only("suppressed")} AS mpi_suppressed, {_only("quality_flag")} AS mpi_quality_flag
            FROM fct_mpi WHERE {where} GROUP BY quarter, area_id),
        headcount AS (
            SELECT quarter, area_id{headcounts} FROM fct_headcount WHERE {where} AND kind = 'uncensored' GROUP BY quarter, area_id),
        pair AS (
            SELECT quarter, area_id, indicator_a || ' and ' || indicator_b AS largest_pair, share_both AS largest_pair_share,
                   share_both_ci_low AS largest_pair_share_ci_low, share_both_ci_high AS largest_pair_share_ci_high
            FROM fct_overlap_pair WHERE {where} AND share_both IS NOT NULL
            QUALIFY row_number() OVER (PARTITION BY quarter, area_id ORDER BY share_both DESC, indicator_a, indicator_b) = 1),
        register AS (
            SELECT quarter, area_id, rate AS register_rate, modelled_rate AS register_modelled_rate,
                   modelled_rate_ci_low AS register_modelled_rate_ci_low, modelled_rate_ci_high AS register_modelled_rate_ci_high,
                   coverage_gap AS register_coverage_gap, coverage_gap_ci_low AS register_coverage_gap_ci_low,
                   coverage_gap_ci_high AS register_coverage_gap_ci_high
            FROM fct_register WHERE is_headline AND area_level = {_literal(level)}
            QUALIFY row_number() OVER (PARTITION BY quarter, area_id ORDER BY register_id) = 1)
        SELECT q.is_simulated, q.quarter, q.label AS quarter_label, a.area_id, a.area_level, {names}, a.parent_id,
               p.name_en AS parent_name_en{above}, a.is_urban, {population} AS population{of_people}, a.households,
               a.area_km2, a.centroid_lon, a.centroid_lat,
               m.mpi_method, m.mpi_n_households, m.mpi_suppressed, m.mpi_quality_flag, {people}, {of_statistics}{of_ids},
               r.largest_pair, r.largest_pair_share, r.largest_pair_share_ci_low, r.largest_pair_share_ci_high,
               g.* EXCLUDE (quarter, area_id), {of_threats}{of_further}a.geometry
        FROM dim_quarter q CROSS JOIN dim_area a LEFT JOIN dim_area p ON p.area_id = a.parent_id
        LEFT JOIN mpi m ON m.quarter = q.quarter AND m.area_id = a.area_id
        LEFT JOIN headcount h ON h.quarter = q.quarter AND h.area_id = a.area_id
        LEFT JOIN pair r ON r.quarter = q.quarter AND r.area_id = a.area_id
        LEFT JOIN register g ON g.quarter = q.quarter AND g.area_id = a.area_id
        {held}{joined}{counted}
        WHERE a.area_level = {_literal(level)} ORDER BY q.quarter, a.area_id
    """


def _people(connection: Any) -> tuple[str, str, str]:
    """Of the quarter: the people, what is said of them beside, and the join that brings them."""
    if "fct_population" not in relations(connection):  # a file published by an earlier version
        return "a.population", "", ""
    said = "w.observed_on AS population_on, w.method AS population_method, w.source_id AS population_source"
    return f"({OF_QUARTER})", f", {said}", f" {EVERYBODY.replace('f.', 'q.', 1).replace('f.area_id', 'a.area_id')}"


def _above(connection: Any) -> tuple[str, str]:
    """Names of the areas of each level above, where the file has them, and the join that brings them."""
    if "v_area" not in relations(connection):  # a file published by an earlier version
        return "", ""
    columns = [row[0] for row in connection.execute("DESCRIBE v_area").fetchall()]
    named = [column for column in columns if column.endswith("_name_en")]
    joined = " LEFT JOIN v_area v ON v.area_id = a.area_id" if named else ""
    return "".join(f", v.{_name(column)}" for column in named), joined


def _threats(connection: Any, measure: str, level: str) -> tuple[str, str, str]:
    """Exposure to each hazard and the newly poor under each shock: expressions before, columns, and joins."""
    where = f"is_headline AND area_level = {_literal(level)}"
    parts = (
        (
            "fct_hazard",
            "hazard_id",
            {"exposed_to": "share_exposed", "poor_and_exposed_to": "share_poor_exposed"},
            where,
        ),
        (
            "fct_vulnerability",
            "shock_id",
            {"newly_poor_under": "expected_new_poor"},
            f"{where} AND measure_id = {_literal(measure)}",
        ),
    )
    there = relations(connection)
    before, picked, joined = "", "", ""
    for table, key, figures, condition in parts:
        if table not in there:  # a file published by an earlier version
            continue
        ids = [row[0] for row in connection.execute(f"SELECT DISTINCT {key} FROM {table} ORDER BY 1").fetchall()]
        columns = [
            f"max({figure}{suffix}) FILTER ({key} = {_literal(one)}) AS {_name(f'{name}_{one}{suffix}')}"
            for one in ids
            for name, figure in figures.items()
            for suffix in _SUFFIXES
        ]
        if columns:
            chosen = f"SELECT quarter, area_id, {', '.join(columns)} FROM {table} WHERE {condition} GROUP BY quarter, area_id"
            before += f"{table}_wide AS ({chosen}), "
            picked += f"{table}_wide.* EXCLUDE (quarter, area_id), "
            joined += (
                f" LEFT JOIN {table}_wide ON {table}_wide.quarter = q.quarter AND {table}_wide.area_id = a.area_id"
            )
    return before, picked, joined


def described(column: str) -> str | None:
    """What a column of the profile means; None where a table of the catalog says it."""
    stem = column.removesuffix("_ci_low").removesuffix("_ci_high")
    text = DESCRIPTIONS.get(stem) or part_described(stem)
    if text is None and (column in PARTS or stem.endswith("_name_en")):
        return (
            PARTS.get(column)
            or f"Name of the {stem.removesuffix('_name_en')} that the area is, or lies in, in Latin script"
        )
    if text is None and stem.endswith("_headcount"):
        text = f"Share of people deprived in {stem.removesuffix('_headcount')}, poor or not"
    for prefix, meaning in _THREATENED.items():
        if text is None and stem.startswith(prefix):
            text = meaning.format(stem.removeprefix(prefix))
    if text is None or stem == column:
        return text
    bound = "Lower" if column.endswith("_ci_low") else "Upper"
    kind = next((kind for prefix, kind in _RANGES.items() if stem.startswith(prefix)), "95% interval")
    return f"{bound} bound of the {kind} of {stem}"


_SUFFIXES = ("", "_ci_low", "_ci_high")
_THREATENED = {
    "exposed_to_": "Share of people who live where {} reached its threshold in the quarter",
    "poor_and_exposed_to_": "Share of all people who are poor and exposed to {}",
    "newly_poor_under_": "Share of all people expected to become poor under the shock {}",
}

_RANGES = {
    "exposed_to_": "range over the threshold's tolerance, which is no 95% interval,",
    "poor_and_exposed_to_": "95% interval widened by the threshold's tolerance, and so none any more,",
    "newly_poor_under_": "95% interval (under a shock of a hazard or of prices widened by how unsure these are, and so none any more)",
}


def _three(name: str, condition: str) -> str:
    columns = zip(("estimate", "ci_low", "ci_high"), _SUFFIXES, strict=True)
    return ", ".join(f"max({column}) FILTER ({condition}) AS {_name(name + suffix)}" for column, suffix in columns)


def _only(column: str) -> str:
    aggregate = "bool_or" if column == "suppressed" else "max"
    return f"{aggregate}({column}) FILTER (statistic = 'headcount_ratio' AND {_THIRD})"


def _names(connection: Any) -> list[str]:
    """Columns of ``dim_area`` that hold a name, one a language."""
    columns = [row[0] for row in connection.execute("DESCRIBE dim_area").fetchall()]
    return [column for column in columns if column.startswith("name_")]


def _measure(connection: Any) -> str:
    row = connection.execute("SELECT measure_id FROM fct_mpi GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1").fetchone()
    return row[0] if row else ""


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
