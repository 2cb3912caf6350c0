"""All that the page knows, as one object: areas, words, figures, features, sources.

Belongs here: putting it together from the warehouse and the country's words. Does not belong here: queries of figures
(``figures``), HTML (``page``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from poverty_assets.catalog.model import FALLBACK
from poverty_assets.errors import NotObserved, UsageError
from poverty_assets.pack.country import Country
from poverty_assets.quarter import Quarter
from poverty_assets.reports.explorer.blocks import in_blocks
from poverty_assets.reports.explorer.facts import ExplorerFacts, read_facts
from poverty_assets.reports.explorer.figures import (
    METHOD_CODES,
    TOP_BUNDLES,
    Selection,
    of_the_first_view,
    packed_bundles,
    packed_features,
    packed_figures,
)
from poverty_assets.reports.explorer.geometry import frame_of, pack_boundaries, pack_layer
from poverty_assets.reports.explorer.people import people_of_quarters
from poverty_assets.reports.explorer.sureness import draws_and_profiles, profile_bits, where_it_stands
from poverty_assets.reports.explorer.unscripted import first_finding
from poverty_assets.reports.files import file_name
from poverty_assets.reports.words import page_languages
from poverty_assets.warehouse.opening import relations

if TYPE_CHECKING:
    import duckdb

MOST_QUARTERS = 4
_OTHER = "other"
"""Group of features of which the pack says nothing."""


def read_payload(
    connection: duckdb.DuckDBPyConnection, country: Country, quarters: Sequence[Quarter | str] | None
) -> dict[str, Any]:
    """Everything that the page shows.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The published warehouse, read-only.
    country : Country
    quarters : sequence of Quarter or str, optional
        Quarters to hold; the newest four where not given.

    Returns
    -------
    dict
        Plain values, ready for JSON, but for ``blocks``, which are bytes (``blocks``).

    Raises
    ------
    UsageError
        If a quarter is not published.
    NotObserved
        If the warehouse has no area, quarter or measure to show.
    """
    published = connection.execute("SELECT * FROM dim_quarter ORDER BY quarter").df()
    wanted = _wanted(published, quarters)
    areas, codes = _areas(connection), country.language_codes
    chosen = Selection(_measure(connection, country), wanted, areas["area_id"].tolist())
    facts, hazards = _facts(connection, country), _named(connection, "hazard", codes)
    levels = _levels(connection, codes)
    languages = [asdict(language) for language in page_languages(country)]
    return {
        "finding": first_finding(connection, chosen, areas, country.names, languages),
        "simulated": bool(published.set_index("label").loc[[q.label for q in wanted], "is_simulated"].any()),
        "measure": chosen.measure,
        "languages": languages,
        "country": {
            "names": country.names,
            "units": {unit: one.names for unit, one in facts.units.items()},
            "spellings": facts.spellings,
        },
        "quarters": _quarters(published, wanted),
        "levels": levels,
        "reported": _reported(connection),
        "files": {code: name for code in areas["area_id"] if (name := file_name(code)) != code},
        "areas": _columns(areas, [level["id"] for level in levels], codes),
        **people_of_quarters(connection, areas, wanted),
        "geometry": pack_boundaries(areas),
        "context": _context(connection, areas, codes),
        "indicators": _indicators(connection, chosen.measure, codes),
        "methodCodes": {code: name for name, code in METHOD_CODES.items()},
        **_packed(connection, chosen, facts, hazards),
        "hazards": hazards,
        "shocks": _named(connection, "shock", codes),
        **_assumed(connection, chosen),
        "sources": _sources(connection, wanted),
        "build": _build(connection),
    }


def _packed(
    connection: duckdb.DuckDBPyConnection, chosen: Selection, facts: ExplorerFacts, hazards: dict[str, dict[str, str]]
) -> dict[str, Any]:
    """All that is a number."""
    offered = {name: {"group": one.group, "names": one.names} for name, one in facts.features.items()}
    told, arrays = packed_figures(connection, chosen)
    with_bundles, bundles = packed_bundles(connection, chosen)
    standing, newest = where_it_stands(connection, chosen), len(chosen.quarters) - 1
    first = of_the_first_view(told["figures"], newest).union(
        standing, (name for name in bundles if name.endswith(f"@{newest}"))
    )
    return {
        **told,
        **in_blocks(arrays | bundles | standing | draws_and_profiles(connection, chosen), first),
        "profileBits": profile_bits(connection, chosen),
        "surveyHouseholds": _survey_households(connection, chosen),
        "bundles": {"top": TOP_BUNDLES + 1, "quarters": with_bundles},
        "features": packed_features(connection, chosen, offered | _intensities(hazards), facts.units),
    }


def _facts(connection: duckdb.DuckDBPyConnection, country: Country) -> ExplorerFacts:
    """What the pack says of features; where it says nothing, every feature of the file by its own name."""
    path = country.folder / "explorer.yaml"
    if path.is_file():
        return read_facts(path)
    names = connection.execute("SELECT DISTINCT feature_id FROM area_feature ORDER BY 1").fetchall()
    said = {name: {"group": _OTHER, FALLBACK: name.replace("_", " ")} for (name,) in names}
    return ExplorerFacts.model_validate({"features": said})


def _levels(connection: duckdb.DuckDBPyConnection, codes: list[str]) -> list[dict[str, Any]]:
    """Levels from the country down, each with its names for one area and for several by language."""
    rows = connection.execute("SELECT * FROM dim_level ORDER BY depth").df()
    return [
        {
            "id": row["area_level"],
            "one": _by_language(row, codes, "name"),
            "many": _by_language(row, codes, "plural"),
        }
        for _, row in rows.iterrows()
    ]


def _reported(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Place of the level whose areas have reports of their own."""
    row = connection.execute("SELECT depth FROM dim_level WHERE role = 'published'").fetchone()
    return None if row is None else int(row[0])


def _by_language(row: Any, codes: list[str], of: str = "name") -> dict[str, str]:
    """Names by language, of those that there are, from columns ``<of>_<language>``."""
    columns = {code: f"{of}_{code}" for code in codes}
    return {code: row[column] for code, column in columns.items() if column in row and not pd.isna(row[column])}


def _wanted(published: pd.DataFrame, quarters: Sequence[Quarter | str] | None) -> list[Quarter]:
    labels = published["label"].tolist()
    if not labels:
        raise NotObserved("the warehouse holds no quarter", remedy="run poverty-assets refresh first")
    if quarters is None:
        return [Quarter.from_label(label) for label in labels[-MOST_QUARTERS:]]
    wanted = sorted({q if isinstance(q, Quarter) else Quarter.from_label(q) for q in quarters})
    absent = [q.label for q in wanted if q.label not in labels]
    if absent or not wanted:
        raise UsageError(
            f"{len(absent)} of the quarters asked for are not published, the first {absent[0] if absent else 'none given'}",
            remedy=f"ask for some of {', '.join(labels)}",
        )
    return wanted


def _areas(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    rows = connection.execute(
        "SELECT a.* FROM dim_area a JOIN dim_level USING (area_level) ORDER BY depth, area_id"
    ).df()
    if rows.empty or rows["area_level"].iloc[0] != "country":
        raise NotObserved("the warehouse holds no country in dim_area", remedy="run poverty-assets refresh first")
    return rows.assign(geometry=rows["geometry"].map(bytes))


def _measure(connection: duckdb.DuckDBPyConnection, country: Country) -> str:
    names = [name for (name,) in connection.execute("SELECT DISTINCT measure_id FROM fct_mpi ORDER BY 1").fetchall()]
    if not names:
        raise NotObserved("fct_mpi is empty: there is nothing to show", remedy="run poverty-assets refresh first")
    return country.default_measure if country.default_measure in names else names[0]


def _columns(areas: pd.DataFrame, levels: list[str], codes: list[str]) -> dict[str, Any]:
    place = {code: i for i, code in enumerate(areas["area_id"])}
    return {
        "id": areas["area_id"].tolist(),
        "level": [levels.index(level) for level in areas["area_level"]],
        "parent": [place.get(code, -1) for code in areas["parent_id"]],
        "names": {code: _texts(areas[f"name_{code}"]) for code in codes if f"name_{code}" in areas},
        "population": _whole(areas["population"]),
        "households": _whole(areas["households"]),
        "uncounted": _whole(areas["population_parts_unknown"]) if "population_parts_unknown" in areas else [],
    }


def _texts(values: pd.Series) -> list[str | None]:
    return [None if pd.isna(value) else str(value) for value in values]


def _whole(values: pd.Series) -> list[int | None]:
    return [None if pd.isna(value) else int(value) for value in values]


def _quarters(published: pd.DataFrame, wanted: list[Quarter]) -> list[dict[str, Any]]:
    rows = published.set_index("label").loc[[q.label for q in wanted]]
    return [
        {
            "label": label,
            "wave": None if pd.isna(row["survey_wave"]) else row["survey_wave"],
            "nowcast": None if pd.isna(row.get("nowcast_method")) else row["nowcast_method"],
            "published": f"{row['published_at']:%Y-%m-%d}",
        }
        for label, row in rows.iterrows()
    ]


def _indicators(connection: duckdb.DuckDBPyConnection, measure: str, codes: list[str]) -> list[dict[str, Any]]:
    """Indicators in the order of the bits of ``bundle_mask``."""
    rows = connection.execute("SELECT * FROM dim_indicator WHERE measure_id = $measure", {"measure": measure}).df()
    named = {row["indicator_id"]: row for _, row in rows.iterrows()}
    return [
        {
            "id": name,
            "names": _by_language(named[name], codes),
            "definitions": _definitions(named[name], codes),
            "cutoff": named[name]["cutoff"],
            "weight": named[name]["weight"],
        }
        for name in _bit_order(connection, measure, sorted(named))
    ]


def _definitions(row: Any, codes: list[str]) -> dict[str, str]:
    own = {code: f"definition_{code}" for code in codes}
    known = {code: row[column] for code, column in own.items() if column in row and not pd.isna(row[column])}
    return {FALLBACK: row["definition"], **known}


def _assumed(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> dict[str, Any]:
    """What figures of hazards and shocks rest on."""
    return {
        "assumptions": _assumptions(connection, chosen),
        "reached": _reached(connection),
        "prices": _prices(connection, chosen),
    }


def _assumptions(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> dict[str, list[dict[str, Any] | None]]:
    """Of each hazard, by quarter: from what on people count as exposed, in what unit, on whose word, what measures it and observed when;
    None in a quarter that does not have it."""
    if not _has_table(connection, "dim_hazard"):
        return {}
    sql = """SELECT d.*, coalesce(s.title, d.source_id) AS source FROM dim_hazard d
        LEFT JOIN meta_source s ON s.quarter = d.quarter AND s.source_id = d.source_id
        WHERE list_contains($quarters, d.quarter) ORDER BY d.hazard_id, d.quarter"""
    rows = connection.execute(sql, {"quarters": [q.start for q in chosen.quarters]}).df()
    found: dict[str, list[dict[str, Any] | None]] = {}
    kept = ["unit", "threshold", "tolerance", "is_assumption", "source_of_threshold", "source"]
    for _, row in rows.iterrows():
        at = [q.start for q in chosen.quarters].index(_day(row["quarter"].to_pydatetime()))
        told = row[kept].to_dict() | {name: _iso(row.get(f"observed_{name}")) for name in ("from", "to")}
        told["old"] = (
            row.get("is_of_quarter") is not None and not pd.isna(row.get("is_of_quarter")) and not row["is_of_quarter"]
        )
        found.setdefault(row["hazard_id"], [None] * len(chosen.quarters))[at] = told
    return found


def _reached(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Of each shock that reaches those alone who are exposed to a hazard, the hazard."""
    if not _has_table(connection, "dim_shock"):
        return {}
    sql = "SELECT DISTINCT shock_id, exposed_to FROM dim_shock WHERE exposed_to IS NOT NULL ORDER BY 1"
    return dict(connection.execute(sql).fetchall())


def _prices(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> dict[str, dict[str, Any]]:
    """Of each shock of prices what it adds and on whose word, and by quarter and area how the basket changed; none where there is none."""
    if not _has_table(connection, "price_change"):
        return {}
    sql = """SELECT shock_id, quarter, area_id, price_change, price_change_ci_low, price_change_ci_high, n_markets, baseline
        FROM price_change WHERE commodity = 'basket' AND list_contains($quarters, quarter) ORDER BY ALL"""
    starts = [q.start for q in chosen.quarters]
    rows = connection.execute(sql, {"quarters": starts}).fetchall()
    told = """SELECT any_value(per_price_change), any_value(probability), any_value(source ORDER BY quarter DESC),
        any_value(price_source_id) FROM dim_shock WHERE shock_id = ?"""
    found: dict[str, dict[str, Any]] = {}
    for shock, quarter, area, *values in rows:
        if shock not in found:
            each, most, word, source = connection.execute(told, [shock]).fetchone() or ()
            found[shock] = {
                "each": each,
                "most": most,
                "word": word,
                "source": source,
                "quarters": [{} for _ in starts],
            }
        found[shock]["quarters"][starts.index(_day(quarter))][area] = values
    return found


def _iso(day: Any) -> str | None:
    return None if day is None or pd.isna(day) else str(day)[:10]


def _bit_order(connection: duckdb.DuckDBPyConnection, measure: str, names: list[str]) -> list[str]:
    """Order of the indicators by their bit, read off sets that the warehouse spells out in both ways."""
    rows = connection.execute(
        "SELECT DISTINCT bundle_mask, indicators FROM fct_bundle WHERE measure_id = $measure AND bundle_mask >= 0"
        " ORDER BY bundle_mask",
        {"measure": measure},
    ).fetchall()
    bit: dict[str, int] = {}
    for mask, indicators in rows:
        bits = [j for j in range(16) if mask >> j & 1]
        bit |= dict(zip(indicators, bits, strict=True))
    return sorted(names, key=lambda name: (bit.get(name, 99), name))


def _survey_households(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> list[list[int | None]]:
    """Survey households behind H, by quarter and area; nothing of a withheld figure."""
    rows = connection.execute(
        """
        SELECT quarter, area_id, n_households FROM fct_mpi
        WHERE is_headline AND NOT suppressed AND subgroup = 'all' AND measure_id = $measure
          AND k BETWEEN 0.33 AND 0.34 AND statistic = 'headcount_ratio' AND list_contains($quarters, quarter)
        """,
        {"measure": chosen.measure, "quarters": [q.start for q in chosen.quarters]},
    ).fetchall()
    place = {code: i for i, code in enumerate(chosen.areas)}
    when = {q.start: i for i, q in enumerate(chosen.quarters)}
    households: list[list[int | None]] = [[None] * len(place) for _ in when]
    for quarter, area, n in rows:
        households[when[_day(quarter)]][place[area]] = n
    return households


def _day(value: Any) -> dt.date:
    return value.date() if isinstance(value, dt.datetime) else value


def _named(connection: duckdb.DuckDBPyConnection, what: str, codes: list[str]) -> dict[str, dict[str, str]]:
    """Names of the hazards or shocks by language, where the warehouse has any: those of the newest quarter."""
    if not _has_table(connection, f"dim_{what}"):
        return {}
    rows = connection.execute(f"SELECT * FROM dim_{what} ORDER BY {what}_id, quarter").df()
    return {row[f"{what}_id"]: _by_language(row, codes) for _, row in rows.iterrows()}


def _has_table(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    return name in relations(connection)


def _context(connection: duckdb.DuckDBPyConnection, areas: pd.DataFrame, codes: list[str]) -> list[dict[str, Any]]:
    """Layers for orientation in the order of drawing, points of few places last and so above; none in an older file."""
    if not _has_table(connection, "dim_context"):
        return []
    frame = frame_of(shapely.from_wkb(areas["geometry"].to_numpy()))
    layers: dict[str, dict[str, Any]] = {}
    rows = connection.execute(
        "SELECT * FROM dim_context"
        " ORDER BY list_position(['polygon', 'line', 'point'], kind), n_shapes DESC, layer_id, part"
    ).df()
    for _, row in rows.iterrows():
        new = {"id": row["layer_id"], "names": _by_language(row, codes), "parts": []}
        packed = pack_layer(row["kind"], shapely.from_wkb(bytes(row["geometry"])), frame)
        layers.setdefault(row["layer_id"], new)["parts"].append({"kind": row["kind"], "n": row["n_shapes"], **packed})
    return list(layers.values())


def _intensities(hazards: dict[str, dict[str, str]]) -> dict[str, dict[str, Any]]:
    return {f"intensity:{name}": {"group": "hazard", "names": names} for name, names in hazards.items()}


def _sources(connection: duckdb.DuckDBPyConnection, wanted: list[Quarter]) -> list[dict[str, Any]]:
    rows = connection.execute(
        """
        SELECT source_id, any_value(title ORDER BY quarter), any_value(publisher ORDER BY quarter),
               any_value(licence ORDER BY quarter), min(observed_from), max(observed_to), bool_or(is_simulated),
               list(DISTINCT quarter ORDER BY quarter)
        FROM meta_source WHERE list_contains($quarters, quarter) AND sha256 IS NOT NULL GROUP BY 1 ORDER BY 1
        """,
        {"quarters": [q.start for q in wanted]},
    ).fetchall()
    when = {q.start: i for i, q in enumerate(wanted)}
    return [
        {
            "id": name, "title": title, "publisher": publisher, "licence": licence, "begun": str(begun), "observed": str(observed),
            "simulated": simulated, "quarters": [when[_day(q)] for q in quarters],
        }
        for name, title, publisher, licence, begun, observed, simulated, quarters in rows
    ]  # fmt: skip


def _build(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    row = connection.execute("SELECT code_version, built_at FROM meta_build ORDER BY built_at DESC LIMIT 1").fetchone()
    return {} if row is None else {"version": row[0], "built": f"{row[1]:%Y-%m-%d %H:%M} UTC"}


def plain(value: Any) -> Any:
    """NumPy numbers as Python's own, for JSON."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
