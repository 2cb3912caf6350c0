"""The publish gate: what must hold in the new warehouse before it replaces the old.

Belongs here: keys, parents, ranges, identities and disclosure as SQL over the file about to be published. NOT NULL, and
the keys of small tables, are constraints of the tables themselves. Does not belong here: checks of one partition (``checks``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from poverty_assets.catalog import Table
from poverty_assets.catalog.columns import FINEST
from poverty_assets.catalog.vulnerability_identities import IDENTITIES
from poverty_assets.pack.country import Country
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.local import locale_of, tables_of
from poverty_assets.warehouse.narrow import days

if TYPE_CHECKING:
    import duckdb

TOLERANCE = 1e-9
WHOLE = ("fct_register",)
"""Large tables of which all quarters are always looked at: those are held against each other."""
_AMONG = {r"\d": r"\p{Nd}", r"\D": r"\P{Nd}", r"\w": r"\p{L}\p{N}_"}
_ALONE = {**_AMONG, r"\w": r"[\p{L}\p{N}_]", r"\W": r"[^\p{L}\p{N}_]", r"\Z": r"\z"}
"""What SQL writes for classes of Python's, among others in brackets and alone."""


KINDS = {
    "keys": "Every key stands once.",
    "legal_values": "Ranges, codes and forms as the catalog states them, over the whole file.",
    "areas": "Every figure is of a known area, every area has its parent, and there is one country.",
    "headlines": "Exactly one row of each figure is its headline.",
    "disclosure": "A suppressed row shows nothing.",
    "identities": "Figures that belong together agree: products, sums, bounds, intervals.",
}
"""Kinds of checks, and what each holds."""


def kind_of(name: str) -> str:
    """Kind of the check of that name."""
    if name.endswith("every key stands once"):
        return "keys"
    if name.endswith("legal values"):
        return "legal_values"
    if name.endswith("every area is in dim_area") or name.startswith("dim_area"):
        return "areas"
    if name.endswith("one headline per figure"):
        return "headlines"
    return "disclosure" if name.endswith("a suppressed row shows nothing") else "identities"


def run_gate(
    connection: duckdb.DuckDBPyConnection, country: Country, quarters: Collection[Quarter] | None = None
) -> list[tuple[str, str]]:
    """Run every check; return what failed: kind, and the check with the number of rows and the first offender.

    Parameters
    ----------
    quarters : collection of Quarter, optional
        Those whose rows of large tables are looked at, where those of others have passed the same checks; all if not stated.
    """
    failures = []
    tables = tables_of(country)
    with _looking_at(connection, tables, quarters) as among:
        for name, sql in [*_broken_columns(connection, tables), _codes_of_levels(country), *_checks(tables, among)]:
            rows = connection.execute(f"SELECT count(*) OVER () AS n, * FROM ({sql}) LIMIT 1").fetchall()
            if rows:
                names = [part[0] for part in connection.description or []][1:]
                first = ", ".join(f"{n}={v}" for n, v in zip(names, rows[0][1:], strict=True))
                failures.append((kind_of(name), f"{name}: {rows[0][0]} rows, first {first}"))
    return failures


@contextmanager
def _looking_at(
    connection: duckdb.DuckDBPyConnection, tables: tuple[Table, ...], quarters: Collection[Quarter] | None
) -> Iterator[str]:
    """Let names of large tables stand for their rows of some quarters; gives the SQL that holds rows as they are kept to these."""
    if quarters is None:
        yield ""
        return
    among = days(quarters)
    names = [one.name for one in tables if one.narrow and one.name not in WHOLE]
    (file,) = connection.execute("SELECT current_database()").fetchone() or ("",)
    for name in names:
        of_file = f'"{file}".main."{name}"'  # without the file's name it would be the view itself
        connection.execute(f'CREATE TEMP VIEW "{name}" AS SELECT * FROM {of_file} WHERE quarter IN ({among})')
    try:
        yield f" WHERE l.quarter IN ({among})"
    finally:
        for name in names:
            connection.execute(f'DROP VIEW temp.main."{name}"')


def in_sql(pattern: str) -> str:
    r"""A regular expression with which SQL finds what Python does: there, digits and letters are those of every script.

    Examples
    --------
    >>> print(in_sql(r"\d{2}-[\w/]+"))
    \p{Nd}{2}-[\p{L}\p{N}_/]+
    """
    found: list[str] = []
    in_class, at = False, 0
    while at < len(pattern):
        part = pattern[at : at + 2] if pattern[at] == "\\" else pattern[at]
        at += len(part)
        in_class = (part != "]" or found[-1] in ("[", "^")) if in_class else part == "["
        found.append((_AMONG if in_class else _ALONE).get(part, part))
    return "".join(found)


def _codes_of_levels(country: Country) -> tuple[str, str]:
    """Areas whose code has not the form that the country's levels state of their level."""
    forms = locale_of(country).levels.items()
    cases = " ".join(
        f"WHEN {_literal(level)} THEN NOT regexp_full_match(area_id, {_literal(in_sql(code))})" for level, code in forms
    )
    sql = f"SELECT area_level, area_id FROM dim_area WHERE CASE area_level {cases} END"
    return "dim_area: every code has the form of its level", sql


def _checks(tables: tuple[Table, ...], among: str) -> list[tuple[str, str]]:
    checks = [(f"{one.name}: every key stands once", _doubled(one, among)) for one in tables if one.narrow]
    facts = [t for t in tables if t.name.startswith("fct_")]
    for fact in facts:
        keys = ", ".join(f'f."{key}"' for key in fact.key)
        checks.append(
            (
                f"{fact.name}: every area is in dim_area",
                f'SELECT {keys} FROM "{fact.name}" f ANTI JOIN dim_area a ON a.area_id = f.area_id',
            )
        )
        if any(column.name == "is_headline" for column in fact.columns):
            checks.append((f"{fact.name}: exactly one headline per figure", _headline(fact, among)))
    for held in tables:
        if any(column.name == "suppressed" for column in held.columns):
            checks.append((f"{held.name}: a suppressed row shows nothing", _suppressed(held)))
    return [*checks, *_IDENTITIES, *IDENTITIES]


def _broken_columns(connection: duckdb.DuckDBPyConnection, tables: tuple[Table, ...]) -> list[tuple[str, str]]:
    """Checks of columns that hold an illegal value, found in one scan a table."""
    broken = []
    for definition in tables:
        rules = _column_rules(definition)
        if not rules:
            continue
        counts = ", ".join(f"count_if({rule})" for _, rule in rules)
        found = connection.execute(f'SELECT {counts} FROM "{definition.name}"').fetchone() or ()
        keys = ", ".join(f'"{key}"' for key in definition.key)
        for (name, rule), count in zip(rules, found, strict=True):
            if count:
                sql = f'SELECT {keys}, "{name}" AS value FROM "{definition.name}" WHERE {rule}'
                broken.append((f"{definition.name}.{name}: legal values", sql))
    return broken


def _column_rules(definition: Table) -> list[tuple[str, str]]:
    """Each column that has rules, and the SQL that is true of an illegal value."""
    checks = []
    for column in definition.columns:
        name = f'"{column.name}"'
        rules = []
        if column.minimum is not None:
            rules.append(f"{name} < {column.minimum - TOLERANCE!r}")
        if column.maximum is not None:
            rules.append(f"{name} > {column.maximum + TOLERANCE!r}")
        if column.allowed is not None:
            rules.append(f"{name} NOT IN ({', '.join(repr(value) for value in column.allowed)})")
        if column.pattern is not None:
            rules.append(f"NOT regexp_full_match({name}, {_literal(in_sql(column.pattern))})")
        if column.type == "DOUBLE":
            rules.append(f"isnan({name}) OR isinf({name})")
        if rules:
            checks.append((column.name, " OR ".join(rules)))
    return checks


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _doubled(one: Table, among: str) -> str:
    """Keys as they are kept, which are alike where they are alike as read, and smaller."""
    key = ", ".join(f'"{name}"' for name in one.key)
    return f"SELECT {key}, count(*) AS times FROM {one.kept_from}{among} GROUP BY {key} HAVING count(*) > 1"


def _headline(fact: Table, among: str) -> str:
    figure = ", ".join(f'"{key}"' for key in fact.key if key != "method")
    return f"SELECT {figure} FROM {fact.kept_from}{among} GROUP BY {figure} HAVING count(*) FILTER (WHERE is_headline) <> 1"


def _suppressed(fact: Table) -> str:
    hidden = [column.name for column in fact.columns if column.tells]
    shown = " OR ".join(f'"{name}" IS NOT NULL' for name in hidden) or "false"
    keys = ", ".join(f'"{key}"' for key in fact.key)
    return f'SELECT {keys} FROM "{fact.name}" WHERE suppressed AND ({shown})'


_IDENTITIES: tuple[tuple[str, str], ...] = (
    (
        "dim_area: every parent is an area",
        "SELECT a.area_id, a.parent_id FROM dim_area a ANTI JOIN dim_area p ON p.area_id = a.parent_id"
        " WHERE a.parent_id IS NOT NULL",
    ),
    (
        "dim_area: exactly one country",
        "SELECT count(*) AS countries FROM dim_area WHERE area_level = 'country' HAVING count(*) <> 1",
    ),
    (
        "area_crosswalk: weights of a code sum to 1",
        "SELECT quarter, source_id, source_code, sum(weight) AS total FROM area_crosswalk GROUP BY ALL"
        " HAVING abs(sum(weight) - 1) > 1e-9",
    ),
    (
        "dim_indicator: weights of a measure sum to 1",
        "SELECT measure_id, sum(weight) AS total FROM dim_indicator GROUP BY 1 HAVING abs(sum(weight) - 1) > 1e-9",
    ),
    (
        "fct_mpi: mpi equals headcount ratio times intensity",
        """
        SELECT quarter, area_id, measure_id, subgroup, k, method, m0, h * a AS product FROM (
            SELECT quarter, area_id, measure_id, subgroup, k, method,
                   max(estimate) FILTER (WHERE statistic = 'mpi') AS m0,
                   max(estimate) FILTER (WHERE statistic = 'headcount_ratio') AS h,
                   max(estimate) FILTER (WHERE statistic = 'intensity') AS a
            FROM fct_mpi GROUP BY ALL)
        WHERE abs(m0 - h * a) > 1e-6
        """,
    ),
    (
        "fct_headcount: mpi equals the weighted sum of censored headcounts",
        """
        SELECT m.quarter, m.area_id, m.measure_id, m.subgroup, m.method, m.estimate AS mpi, c.total
        FROM fct_mpi m JOIN (
            SELECT quarter, area_id, measure_id, subgroup, method, sum(f.estimate * i.weight) AS total, count(f.estimate) AS n,
                   count(*) AS rows
            FROM fct_headcount f JOIN dim_indicator i USING (measure_id, indicator_id)
            WHERE kind = 'censored' GROUP BY ALL) c USING (quarter, area_id, measure_id, subgroup, method)
        WHERE m.statistic = 'mpi' AND m.k BETWEEN 0.33 AND 0.34 AND c.n = c.rows AND abs(m.estimate - c.total) > 1e-6
        """,
    ),
    (
        "fct_headcount: a censored headcount is at most the uncensored one",
        """
        SELECT u.quarter, u.area_id, u.indicator_id, u.subgroup, u.method, u.estimate AS uncensored, c.estimate AS censored
        FROM fct_headcount u JOIN fct_headcount c USING (quarter, area_id, measure_id, indicator_id, subgroup, method)
        WHERE u.kind = 'uncensored' AND c.kind <> 'uncensored' AND c.estimate > u.estimate + 1e-9
        """,
    ),
    (
        "fct_mpi: the headcount ratio falls as k rises",
        """
        SELECT a.quarter, a.area_id, a.subgroup, a.method, a.k AS lower_k, b.k AS higher_k, a.estimate, b.estimate AS at_higher_k
        FROM fct_mpi a JOIN fct_mpi b USING (quarter, area_id, measure_id, subgroup, method, statistic)
        WHERE statistic = 'headcount_ratio' AND a.k < b.k AND b.estimate > a.estimate + 1e-9
        """,
    ),
    (
        "fct_register: rate equals listed / households",
        "SELECT quarter, area_id, register_id, rate, listed, households FROM fct_register"
        " WHERE NOT suppressed AND households > 0 AND abs(rate - listed / households) > 1e-6",
    ),
    (
        "fct_register: every area of the finest level has a row in every register and quarter",
        f"""
        SELECT r.quarter, r.register_id, count(*) AS areas FROM fct_register r
        WHERE area_level = {FINEST} AND is_headline GROUP BY ALL
        HAVING count(*) < (SELECT count(DISTINCT area_id) FROM fct_register WHERE area_level = {FINEST})
        """,
    ),
    (
        "fct_overlap_pair: both is at most either",
        "SELECT quarter, area_id, subgroup, indicator_a, indicator_b, share_both FROM fct_overlap_pair"
        " WHERE share_both > least(share_a, share_b) + 1e-9",
    ),
    (
        "fct_deprivation_count: shares sum to 1",
        "SELECT quarter, area_id, measure_id, subgroup, method, sum(estimate) AS total FROM fct_deprivation_count"
        " GROUP BY ALL HAVING count(estimate) = count(*) AND abs(sum(estimate) - 1) > 1e-6",
    ),
    (
        "fct_population: an age group, and people of towns, are at most everybody",
        """
        SELECT quarter, area_id, w.age_group, w.population, e.population AS everybody
        FROM fct_population w JOIN fct_population e USING (quarter, area_id)
        WHERE e.age_group = 'all' AND (w.population > e.population OR w.population_urban > e.population)
        """,
    ),
    (
        "fct_rank: an interval holds its rank, and ranks are of areas that there are",
        "SELECT quarter, area_id, figure_id, rank, rank_low, rank_high, n_areas FROM fct_rank"
        " WHERE rank < rank_low OR rank > rank_high OR rank_high > n_areas OR p_worst_tenth > p_worst_fifth + 1e-9",
    ),
    (
        "fct_draw: as many draws in every row of a quarter",
        "SELECT quarter, min(len(draws)) AS least, max(len(draws)) AS most FROM fct_draw GROUP BY ALL HAVING least <> most",
    ),
    (
        "fct_profile: a cell for each set, and shares that sum to 1",
        """
        SELECT quarter, area_id, len(profile) AS cells, len(indicators) AS indicators FROM fct_profile
        WHERE len(profile) <> 1 << len(indicators) OR abs(list_sum(list_transform(profile, lambda x: (x / 65535.0) ** 2)) - 1) > 1e-3
        """,
    ),
    (
        "intervals hold their estimate",
        " UNION ALL ".join(
            f"SELECT '{name}' AS table_name, quarter, area_id, estimate, ci_low, ci_high FROM {name}"
            " WHERE estimate < ci_low - 1e-9 OR estimate > ci_high + 1e-9"
            for name in ("fct_mpi", "fct_headcount", "fct_deprivation_count", "fct_dimension_overlap")
        ),
    ),
)
