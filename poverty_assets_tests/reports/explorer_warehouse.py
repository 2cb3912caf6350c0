"""A warehouse of thirty small areas and two quarters, or more, written straight from the catalog with made-up figures.

Three large areas of two of the middle level of five small ones each lie as squares on a grid. In the newer quarter, most people deprived in
both water and sanitation live in Khum 30, then 29, then 28, by share; Khum 30 alone of them has changed clearly since the year
before.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import shapely

from poverty_assets.catalog import SCHEMA_VERSION, Table
from poverty_assets.catalog.uncertainty import UNCERTAINTY_TABLES
from poverty_assets.catalog.vulnerability import VULNERABILITY_TABLES
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.local import level_rows, tables_of
from poverty_assets_tests.made_country import BETWEEN, DEFAULT, FINEST, PUBLISHED, ROOT

QUARTERS = (Quarter(2025, 3), Quarter(2026, 3))
MEASURE = "global_mpi"
LANGUAGE = DEFAULT.language_codes[1]
OTHER = f"name_{LANGUAGE}"
NAMES = {
    "nutrition": ("Nutrition", "អាហារូបត្ថម្ភ"), "cooking_fuel": ("Cooking fuel", "ឥន្ធនៈចម្អិនអាហារ"),
    "sanitation": ("Sanitation", "អនាម័យ"), "drinking_water": ("Drinking water", "ទឹកផឹក"),
}  # fmt: skip
WAVE_BEFORE = Quarter(2022, 1)
"""The quarter in which the survey before the newest ended."""
WITHHELD = "010205"
"""The one small area whose figures are all suppressed; the warehouse below holds values there that no page may show."""
SECRET_HOUSEHOLDS = 987654
DIGEST = "0" * 64
VULNERABILITY = frozenset(table.name for table in VULNERABILITY_TABLES)
UNCERTAINTY = frozenset(table.name for table in UNCERTAINTY_TABLES)
LATER = VULNERABILITY | UNCERTAINTY | {"dim_context", "fct_population"}
"""Tables that a file of an older version does not have."""
EARLIER_PEOPLE = 0.8
"""People of the earlier quarter, as a share of those of the newest."""


@dataclass(frozen=True)
class World:
    """How much there is: areas of the published level, those between in each, small ones in each of those, indicators, draws."""

    published: int = 3
    between: int = 2
    finest: int = 5
    n_indicators: int = 4
    draws: int = 20

    @property
    def indicators(self) -> tuple[str, ...]:
        return (*NAMES, *(f"indicator_{i}" for i in range(len(NAMES), self.n_indicators)))


def areas(world: World) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    squares: dict[str, Any] = {}
    for number in range(world.published * world.between * world.finest):
        row, place = divmod(number, world.finest)
        large, middle = divmod(row, world.between)
        code = f"{large + 1:02d}{middle + 1:02d}{place + 1:02d}"
        x, y = 103 + 2 / world.finest * place, 11 + 0.4 * row
        squares[code] = shapely.box(x, y, x + 2 / world.finest, y + 0.4)
        rows.append({"area_id": code, "area_level": FINEST, "parent_id": code[:4], "name_en": f"Khum {number + 1}"})
    for length, level, name, other in ((4, BETWEEN, "Srok", "ស្រុក"), (2, PUBLISHED, "Khet", "ខេត្ត")):
        for code in sorted({c[:length] for c in squares if len(c) == 6}):
            squares[code] = shapely.union_all([s for c, s in squares.items() if len(c) == 6 and c.startswith(code)])
            rows.append(
                {"area_id": code, "area_level": level, "parent_id": code[:2] if length == 4 else ROOT,
                 "name_en": f"{name} {code}", OTHER: f"{other} {code}"}
            )  # fmt: skip
    squares[ROOT] = shapely.union_all([s for c, s in squares.items() if len(c) == 6])
    rows.append({"area_id": ROOT, "area_level": "country", "name_en": DEFAULT.name_en, OTHER: DEFAULT.names[LANGUAGE]})
    frame = pd.DataFrame(rows)
    small = frame["area_level"] == FINEST
    frame.loc[small, OTHER] = "ឃុំទី " + frame["name_en"].str.removeprefix("Khum ")[small]
    people = {code: 5_000 + 1_000 * (i % 7) for i, code in enumerate(frame["area_id"][small])}
    population = np.array(
        [sum(n for c, n in people.items() if code in (ROOT, c[: len(code)])) for code in frame["area_id"]]
    )
    return frame.assign(
        population=population, households=population // 5, is_urban=None, area_km2=100.0,
        centroid_lon=[squares[c].centroid.x for c in frame["area_id"]],
        centroid_lat=[squares[c].centroid.y for c in frame["area_id"]],
        geometry=[shapely.to_wkb(squares[c]) for c in frame["area_id"]], valid_from=None, valid_to=None, edition=None,
        population_parts_unknown=0,
    )  # fmt: skip


def _evidence(frame: pd.DataFrame) -> pd.DataFrame:
    level = frame["area_level"]
    method = level.map({"country": "direct", PUBLISHED: "direct", BETWEEN: "composite", FINEST: "modelled"})
    hidden = frame["area_id"] == WITHHELD
    return frame.assign(
        method=method, n_households=np.where(hidden, SECRET_HOUSEHOLDS, 120), suppressed=hidden,
        quality_flag=np.where(hidden, "too_few_households", "ok"), is_headline=True,
    )  # fmt: skip


def _figures(random: np.random.Generator, keys: pd.DataFrame, name: str = "estimate", top: float = 0.6) -> pd.DataFrame:
    """``name`` with its error and interval, drawn anew for every row."""
    value = random.uniform(0.02, top, len(keys))
    below, above = random.uniform(0, value), random.uniform(0, 0.3, len(keys))
    prefix = "" if name == "estimate" else f"{name}_"
    return keys.assign(
        **{name: value, f"{prefix}se": 0.02, f"{prefix}ci_low": value - below, f"{prefix}ci_high": value + above}
    )


def _crossed(places: pd.DataFrame, **values: Any) -> pd.DataFrame:
    frame = places[["area_id", "area_level"]]
    for name, options in values.items():
        frame = frame.merge(pd.DataFrame({name: list(options)}), how="cross")
    return frame.assign(measure_id=MEASURE, subgroup="all")


def _pairs(random: np.random.Generator, places: pd.DataFrame, world: World, newest: bool) -> pd.DataFrame:
    pairs = _crossed(places, pair=list(combinations(world.indicators, 2)))
    pairs["indicator_a"], pairs["indicator_b"] = pairs["pair"].str[0], pairs["pair"].str[1]
    pairs = _figures(random, _figures(random, pairs, "lift", 4.0), "share_both", 0.4)
    wet = (pairs["indicator_a"] == "sanitation") & (pairs["indicator_b"] == "drinking_water")
    for code, value in (("030205", 0.70), ("030204", 0.65), ("030203", 0.60)):
        here = wet & (pairs["area_id"] == code)
        shown = value if newest or code != "030205" else 0.50
        pairs.loc[here, ["share_both", "share_both_ci_low", "share_both_ci_high"]] = shown, shown - 0.05, shown + 0.05
    return pairs.drop(columns="pair")


def _bundles(random: np.random.Generator, places: pd.DataFrame) -> pd.DataFrame:
    rows = _crossed(places, bundle_mask=range(16))
    rows["indicators"] = [[n for j, n in enumerate(NAMES) if mask >> j & 1] for mask in rows["bundle_mask"]]
    rows["n_deprivations"] = rows["indicators"].str.len()
    rows = _figures(random, rows, "share", 0.2).assign(share_expected=random.uniform(0, 0.2, len(rows)))
    ranks = rows[rows["bundle_mask"] > 0].groupby("area_id")["share"].rank(ascending=False, method="first")
    return rows.assign(rank=ranks.reindex(rows.index).fillna(0).astype(int))


def _changes(random: np.random.Generator, places: pd.DataFrame, world: World, baseline: Quarter) -> pd.DataFrame:
    figures = [(s, "all") for s in ("headcount_ratio", "intensity", "mpi")]
    figures += [("uncensored", i) for i in world.indicators]
    rows = _crossed(places, figure=figures)
    rows = rows.assign(
        statistic=rows["figure"].str[0], indicator_id=rows["figure"].str[1], k=0.333333, change="absolute"
    )
    difference = random.uniform(-0.3, 0.3, len(rows))
    half = random.uniform(0.01, 0.4, len(rows))
    return rows.assign(
        baseline_quarter=baseline.start, difference=difference, se=half / 2, ci_low=difference - half,
        ci_high=difference + half, is_significant=np.abs(difference) > half, edition=None,
    )  # fmt: skip


def _sureness(
    random: np.random.Generator, found: dict[str, pd.DataFrame], places: pd.DataFrame, world: World
) -> dict[str, pd.DataFrame]:
    """Ranks, draws and joint profiles beside the estimates; the withheld area has rows, too, which no page may show."""
    poor = found["fct_mpi"][found["fct_mpi"]["statistic"] == "headcount_ratio"].assign(indicator_id="all")
    heads = found["fct_headcount"][found["fct_headcount"]["kind"] == "uncensored"].assign(statistic="uncensored", k=0.0)
    both = pd.concat([poor, heads], ignore_index=True).assign(indicator_b="all")
    both["figure_id"] = np.where(
        both["statistic"] == "uncensored", "uncensored:" + both["indicator_id"], both["statistic"]
    )
    shown = both[both["area_id"] != WITHHELD]
    rank = shown.groupby(["figure_id", "area_level"])["estimate"].rank(ascending=False, method="first")
    size = shown.groupby(["figure_id", "area_level"])["estimate"].transform("size")
    chance = random.uniform(0, 1, (len(shown), 3)).round(3)
    ranks = shown.assign(
        rank=rank, rank_low=np.maximum(rank - 3, 1), rank_high=np.minimum(rank + 3, size), n_areas=size,
        p_worst_tenth=chance[:, 0], p_worst_fifth=chance[:, 1], p_above_country=chance[:, 2],
    )  # fmt: skip
    small = both[both["area_level"] == FINEST]
    drawn = random.integers(0, 256, (len(small), world.draws))
    cells = random.dirichlet(np.full(2**world.n_indicators, 0.3), int((places["area_level"] == FINEST).sum()))
    profiles = places.loc[places["area_level"] == FINEST, ["area_id", "area_level", "population"]].assign(
        measure_id=MEASURE, indicators=[list(world.indicators)] * len(cells),
        profile=list(np.rint(65535 * np.sqrt(cells)).astype(int).tolist()),
    )  # fmt: skip
    return {
        "fct_rank": ranks,
        "fct_draw": small.assign(low=small["estimate"] * 0.8, step=small["estimate"] * 0.4 / 255, draws=drawn.tolist()),
        "fct_profile": profiles,
    }


def facts(quarter: Quarter, world: World, places: pd.DataFrame, *, newest: bool) -> dict[str, pd.DataFrame]:
    """Rows of every fact table of a quarter."""
    random = np.random.default_rng(4 * quarter.year + quarter.number)
    statistics = {"headcount_ratio": 0.333333, "intensity": 0.333333, "mpi": 0.333333, "vulnerable": 0.2, "severe": 0.5}
    mpi = _crossed(places, statistic=statistics)
    found = {
        "fct_mpi": _figures(random, mpi.assign(k=mpi["statistic"].map(statistics))),
        "fct_headcount": _figures(
            random, _crossed(places, indicator_id=world.indicators, kind=("uncensored", "censored", "censored_k50"))
        ),
        "fct_overlap_pair": _pairs(random, places, world, newest),
        "fct_deprivation_count": _figures(random, _crossed(places, n_deprivations=range(world.n_indicators + 1))),
        "fct_bundle": _bundles(random, places),
        "fct_hazard": _figures(
            random,
            _figures(random, _crossed(places, hazard_id=("flood",)), "share_exposed").assign(intensity=0.5),
            "share_poor_exposed",
        ),
        "fct_vulnerability": _figures(
            random,
            _crossed(places, shock_id=("flood", "prices")).assign(
                exposed_near_poor=0.1, exposed_near_poor_ci_low=0.05, exposed_near_poor_ci_high=0.2
            ),
            "expected_new_poor",
        ),
    }  # fmt: skip
    if newest:
        waves = _changes(random, places[places["area_level"].isin(["country", PUBLISHED])], world, WAVE_BEFORE)
        found["fct_change"] = pd.concat([_changes(random, places, world, quarter.shift(-4)), waves])
        found |= _sureness(random, found, places, world)
    register = _figures(random, _crossed(places, register_id=("idpoor",)), "modelled_rate")
    gap = random.uniform(-0.3, 0.3, len(register))
    found["fct_register"] = register.assign(
        households=2000, listed=200, rate=random.uniform(0.05, 0.3, len(register)), coverage_gap=gap,
        coverage_gap_ci_low=gap - 0.1, coverage_gap_ci_high=gap + 0.1,
    )  # fmt: skip
    told = {name: _evidence(frame) for name, frame in found.items()}
    if newest:
        since = pd.to_datetime(told["fct_change"]["baseline_quarter"])
        told["fct_change"]["method"] = np.where(since == pd.Timestamp(WAVE_BEFORE.start), "direct", "composite")
    return told


def _rest(quarter: Quarter, places: pd.DataFrame, *, simulated: bool) -> dict[str, pd.DataFrame]:
    random = np.random.default_rng(quarter.year)
    features = _crossed(places, feature_id=("nightlights_mean", "school_count", "not_offered"))
    features = features[features["area_id"] != ROOT]
    day = quarter.end
    share = 1.0 if quarter == max(QUARTERS) else EARLIER_PEOPLE
    people = places[["area_id", "area_level"]].assign(
        age_group="all", population=(share * places["population"]).astype(int), population_urban=None, method="counted",
        persons_per_household=5.0, source_id="raster", observed_on=dt.date(quarter.year - 1, 7, 1), people_of_grid=None,
        benchmark_total=None, benchmark_on=None, benchmark_source=None, benchmark_grid_year=None, quality_flag="ok",
    )  # fmt: skip
    return {
        "fct_population": people,
        "area_feature": features.assign(
            value=np.where(features["feature_id"] == "school_count", 3.0, random.uniform(0, 90, len(features))),
            unit=features["feature_id"].map({"nightlights_mean": "nW cm-2 sr-1"}).fillna("count"),
            source_id="raster", observed_on=day,
        ),
        "dim_hazard": pd.DataFrame(
            [("flood", "Flood", "ទឹកជំនន់", "raster", "flooded share", 0.25, 0.1, False, "made up")],
            columns=["hazard_id", "name_en", OTHER, "source_id", "unit", "threshold", "tolerance", "is_assumption",
                     "source_of_threshold"],
        ).assign(normal_source_id=None, observed_from=quarter.start, observed_to=day, is_of_quarter=True),
        "dim_shock": pd.DataFrame(
            [(s, MEASURE, "sanitation", en, km, "made up", "not_poor", 0.1, False, "made up")
             for s, en, km in (("flood", "Flood", "ទឹកជំនន់"), ("prices", "Higher prices", "តម្លៃឡើងថ្លៃ"))],
            columns=["shock_id", "measure_id", "indicator_id", "name_en", OTHER, "description", "who", "probability",
                     "is_assumption", "source"],
        ).assign(per_price_change=[np.nan, 0.5], price_source_id=[None, "raster"]),
        "price_change": pd.DataFrame(
            [(ROOT, "country", 0.1, 0.05, 0.15, "own", 9), ("01", PUBLISHED, 0.2, 0.1, 0.3, "own", 4),
             ("02", PUBLISHED, 0.1, -0.02, 0.22, "level_above", 0)],
            columns=["area_id", "area_level", "price_change", "price_change_ci_low", "price_change_ci_high", "basis", "n_markets"],
        ).assign(shock_id="prices", commodity="basket", price_change_se=0.02, n_series=9, n_prices=27, source_id="raster",
                 baseline=quarter.shift(-4).label, spread_method="markets"),
        "meta_source": pd.DataFrame(
            [("survey", "Household survey"), ("raster", "Night lights")], columns=["source_id", "title"]
        ).assign(
            publisher="Publisher", url="https://example.org", licence="CC BY 4.0", file="file", sha256=DIGEST,
            observed_from=day, observed_to=day, rows=1, quarantined=0, is_simulated=simulated, is_preliminary=False,
            state="present", expected_on=None, citation=None, release=None, fetched_at=None,
        ),
    }  # fmt: skip


def context() -> pd.DataFrame:
    """A road from west to east through every small area of the third row, two clinics of which one is drawn, and a park."""
    shapes = [
        ("roads", 2, "line", "Roads", "ផ្លូវ", 1, shapely.MultiLineString([[(103, 12), (104, 12.1), (105, 12)]])),
        ("clinics", 1, "point", "Clinics", "គ្លីនិក", 2, shapely.MultiPoint([(104, 11.5)])),
        ("parks", 3, "polygon", "Parks", "ឧទ្យាន", 1, shapely.MultiPolygon([shapely.box(103.2, 12.4, 103.8, 12.9)])),
    ]
    columns = ["layer_id", "part", "kind", "name_en", OTHER, "n_shapes", "geometry"]
    rows = pd.DataFrame(shapes, columns=columns).assign(source_id="raster")
    return rows.assign(geometry=shapely.to_wkb(rows["geometry"].to_numpy()))


def _once(
    quarters: tuple[Quarter, ...], world: World, places: pd.DataFrame, *, simulated: bool
) -> dict[str, pd.DataFrame]:
    names = pd.DataFrame(
        [(name, *NAMES.get(name, (name, "សូចនាករ"))) for name in world.indicators],
        columns=["indicator_id", "name_en", OTHER],
    )
    stamp = dt.datetime(2026, 10, 20, 2, 0)
    return {
        "dim_level": pd.DataFrame(level_rows(DEFAULT)),
        "dim_area": places,
        "dim_context": context(),
        "dim_indicator": names.assign(
            measure_id=MEASURE, dimension_id="d", definition="deprived", cutoff="none", weight=1 / world.n_indicators, source="made up"
        ),
        "dim_quarter": pd.DataFrame(
            [{"quarter": q.start, "label": q.label, "start_date": q.start, "end_date": q.end, "survey_wave": "survey",
              "is_nowcast": False, "nowcast_method": "persistence", "is_simulated": simulated,
              "lake_digest": DIGEST, "published_at": stamp} for q in quarters]
        ),
        "meta_build": pd.DataFrame(
            [{"build_id": "b", "run_id": "r", "code_version": "0", "lake_digest": DIGEST, "quarters": [q.label for q in quarters],
              "is_simulated": simulated, "built_at": stamp, "schema_version": SCHEMA_VERSION}]
        ),
    }  # fmt: skip


def write_warehouse(
    path: Path,
    *,
    simulated: bool = True,
    quarters: tuple[Quarter, ...] = QUARTERS,
    without: frozenset[str] = frozenset(),
    world: World | None = None,
) -> Path:
    """Write the file; tables named in ``without`` are left out if an older file may lack them, else left empty."""
    world = world or World()
    places = areas(world)
    by_name: dict[str, Table] = {table.name: table for table in tables_of(DEFAULT)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as connection:
        for name, table in by_name.items():
            if name not in without or name not in LATER:
                connection.execute(table.ddl)
        for name, frame in _once(quarters, world, places, simulated=simulated).items():
            if name not in without:
                _insert(connection, by_name[name], frame)
        for quarter in quarters:
            found = facts(quarter, world, places, newest=quarter == max(quarters))
            for name, frame in (found | _rest(quarter, places, simulated=simulated)).items():
                if name not in without:
                    _insert(connection, by_name[name], frame.assign(quarter=quarter.start))
        _lay_views(connection, [table for name, table in by_name.items() if name not in without or name not in LATER])
    return path


def _lay_views(connection: duckdb.DuckDBPyConnection, tables: list[Table]) -> None:
    """Large tables lie in a schema of their own, under views of their names, as in a file that is published."""
    connection.execute("CREATE SCHEMA kept")
    for table in tables:
        if table.narrow:
            connection.execute(f"CREATE TABLE {table.kept_in} AS FROM {table.name}; DROP TABLE {table.name}")
            connection.execute(f"CREATE VIEW {table.name} AS FROM {table.kept_in}")


def _insert(connection: duckdb.DuckDBPyConnection, table: Table, frame: pd.DataFrame) -> None:
    rows = frame.reindex(columns=[column.name for column in table.stored_columns])  # noqa: F841 - read by name below
    names = ", ".join(f'"{c.name}"' for c in table.stored_columns)
    casts = ", ".join(f'"{c.name}"::{c.type}' for c in table.stored_columns)
    connection.execute(f'INSERT INTO "{table.name}" ({names}) SELECT {casts} FROM rows')
