"""What direct rows withhold, by table and level, and what an attacker finds out who has the whole published file.

    python -m benchmarks.bench_disclosure [--home data] [--against OTHER]
    python -m benchmarks.bench_disclosure --seed N

The first table: rows of method ``direct``, how many are withheld, and for which of three reasons: their cell (area and subgroup) is
withheld; too few households hold what they count; they protect another. The second: figures that nobody is shown, those of them that
somebody holds, and what follows for who solves all sums at once, and takes zeros that are found down to their parts. A figure that a
published 0 gives is 0 itself, and counted apart. With ``--against`` figures of another home's file are taken as shown, too, where both
files are of the same wave: two files that a user can hold. ``--seed`` makes the direct tables of the twin's last wave of that seed, without
a home and without anything else of a refresh.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pandas as pd

from poverty_assets.catalog import TABLES
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import Measure, load_measure
from poverty_assets.measurement.direct_tables import (
    direct_tables,
    disclosure_decisions,
    measured_households,
    overlap_tables,
)
from poverty_assets.pack.country import load_country
from poverty_assets.quarter import Quarter
from poverty_assets.sources.surveys.canonical import read_households
from poverty_assets.twin.cambodia import settings, surveys, world
from poverty_assets.warehouse.lake import Lake
from poverty_assets_tests.attacker import Told, follows, given_by_zeros, told

OVERLAP = ("fct_overlap_pair", "fct_deprivation_count", "fct_dimension_overlap", "fct_typology")
BUNDLES = "fct_bundle"  # what is not named is pooled there, not withheld


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--home", type=Path, default=Path("data"))
    parser.add_argument("--against", type=Path)
    parser.add_argument("--seed", type=int)
    asked = parser.parse_args()
    if asked.seed is not None:
        warehouse, households, parent = published_of(asked.seed)
        print(withheld(warehouse).to_string())
        say(told(households, parent, warehouse), parent)
        return
    with duckdb.connect(str(asked.home / "warehouse/poverty.duckdb"), read_only=True) as warehouse:
        print(withheld(warehouse).to_string())
        known, parent = known_from(asked.home, warehouse)
    if asked.against is not None:
        with duckdb.connect(str(asked.against / "warehouse/poverty.duckdb"), read_only=True) as warehouse:
            known.shown[:] |= known_from(asked.against, warehouse)[0].shown
    say(known, parent)


def say(known: Told, parent: dict[str, str]) -> None:
    """Print what follows from means alone, and from everything."""
    print("means over all households alone, all sums solved at once")
    print(attacked(known.means(), parent).to_string())
    print("everything together, all sums solved at once")
    print(attacked(known, parent).to_string())


def published_of(seed: int) -> tuple[duckdb.DuckDBPyConnection, pd.DataFrame, dict[str, str]]:
    """Direct tables of the twin's last wave in a database of their own, its households, and the area above each."""
    country = load_country("khm")
    measure = load_measure(country.folder / "measures" / f"{country.default_measure}.yaml")
    twin = world.build(settings.read_text(country.folder, None), seed)
    with TemporaryDirectory() as made:
        households = measured_households(_wave_of(twin, Path(made), measure), measure)
    areas = twin.areas
    nested = {"province": (areas.province_code, "KH"), "district": (areas.district_code, areas.province_code)}
    nested["commune"] = (areas.commune_code, areas.district_code)
    parts = [
        pd.DataFrame({"area_id": code, "area_level": level, "parent_id": above})
        for level, (code, above) in nested.items()
    ]
    dim_area = pd.concat(parts).drop_duplicates()
    hierarchy = Hierarchy.of(dim_area, root="KH")
    decisions = disclosure_decisions(households, measure, hierarchy)
    means, overlap = (
        direct_tables(households, measure, hierarchy, decisions), overlap_tables(households, measure, hierarchy, decisions)
    )  # fmt: skip
    tables = {
        "fct_mpi": means.mpi, "fct_headcount": means.headcount, "fct_contribution": means.contribution,
        "fct_overlap_pair": overlap.pairs, "fct_deprivation_count": overlap.counts, "fct_dimension_overlap": overlap.dimensions,
        "fct_bundle": overlap.bundles, "fct_typology": overlap.typology, "dim_typology": overlap.classes,
    }  # fmt: skip
    tables = {name: rows.assign(quarter=pd.Timestamp("2026-07-01"), method="direct") for name, rows in tables.items()}
    tables["dim_area"] = pd.concat([dim_area, pd.DataFrame({"area_id": ["KH"], "area_level": ["country"]})])
    tables["dim_indicator"] = measure.dim_indicator(country.language_codes)
    tables["fct_profile"] = pd.DataFrame(
        {"measure_id": [measure.measure_id], "indicators": [list(measure.indicator_ids)]}
    )
    warehouse = duckdb.connect()
    for name, rows in tables.items():
        warehouse.register("rows", rows)
        warehouse.execute(f"CREATE TABLE {name} AS FROM rows")
        warehouse.unregister("rows")
    return warehouse, households, dict(zip(dim_area["area_id"], dim_area["parent_id"], strict=True))


def _wave_of(twin: world.World, folder: Path, measure: Measure) -> pd.DataFrame:
    wave = twin.settings.surveys[-1]
    shares, offsets = surveys.allocate(twin, wave), twin.offsets(Quarter.from_label(wave.quarter))
    provinces = [twin.province(p) for p in range(len(twin.areas.provinces))]
    rows = [
        surveys.sample_province(twin, wave, shares, p, one, one.masks(offsets[one.communes]))
        for p, one in enumerate(provinces)
    ]
    surveys.write_wave(folder, twin, wave, pd.concat(rows, ignore_index=True))
    return read_households(folder, measure=measure, key=b"bench", country=load_country("khm")).frame


def withheld(warehouse: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Direct rows by table and level, and the share of them that is withheld, with reasons."""
    names = [
        t.name for t in TABLES if {"method", "suppressed", "area_level", "subgroup"} <= {c.name for c in t.columns}
    ]
    parts = []
    for name in names:
        if not warehouse.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = ?", [name]).fetchone()[0]:
            continue
        sql = f"""
            SELECT '{name}' AS table_name, area_level, count(*) AS n, count_if(suppressed) AS withheld,
                   count_if(suppressed AND cell) AS of_cell, count_if(suppressed AND NOT cell AND flag LIKE 'too_few_households%') AS few,
                   count_if(suppressed AND NOT cell AND flag NOT LIKE 'too_few_households%') AS protects
            FROM (SELECT t.area_level, t.suppressed, t.quality_flag AS flag, c.cell FROM {name} t JOIN (
                SELECT quarter, area_id, subgroup, bool_and(suppressed) AS cell FROM fct_headcount WHERE method = 'direct' GROUP BY ALL
            ) c USING (quarter, area_id, subgroup) WHERE t.method = 'direct') GROUP BY ALL
        """
        parts.append(warehouse.execute(sql).df())
    rows = pd.concat(parts)
    every = rows.assign(table_name=np.where(rows["table_name"].isin(OVERLAP), "overlap", "means"))
    every = every[~rows["table_name"].isin((BUNDLES, "fct_change"))]
    whole = pd.concat([rows, every, every.assign(table_name="means and overlap")])
    table = pd.concat([whole, whole.assign(area_level="every level")]).groupby(["table_name", "area_level"]).sum()
    return table.assign(share=(table["withheld"] / table["n"]).round(4))


def known_from(home: Path, warehouse: duckdb.DuckDBPyConnection) -> tuple[Told, dict[str, str]]:
    """What the direct rows of a file of one quarter tell, and the area above each."""
    quarters = warehouse.execute("SELECT DISTINCT quarter FROM fct_headcount WHERE method = 'direct'").fetchall()
    if len(quarters) != 1:
        raise SystemExit(
            f"{home}: direct rows of {len(quarters)} quarters; give it a home of one (refresh --quarter 2026Q3)"
        )
    key = quarters[0][0]
    households = Lake(home / "lake").read("survey_household", Quarter.containing(key))
    parent = dict(warehouse.execute("SELECT area_id, parent_id FROM dim_area").fetchall())
    return told(households, parent, warehouse), parent


def attacked(known: Told, parent: dict[str, str]) -> pd.DataFrame:
    """What follows, by kind of figure: of cells under 25 households, of figures that one to four hold, and of all that is withheld."""
    zero, secret = known.n == 0, known.secrets()
    given = given_by_zeros(known.cells, parent, known.shown, zero) & ~known.shown
    found = follows(known.cells, parent, known.identities, known.shown, zero) & secret
    small = (known.cells["n_households"] < 25).to_numpy()[:, None]
    few = ~small & (known.n < 5)
    kind = np.array([_kind(figure) for figure in known.figures])
    counted = {
        "not shown": ~known.shown, "given by a 0": given, "held by somebody": secret, "follow": found,
        "of small cells": secret & small, "follow of small cells": found & small, "follow of few": found & few,
    }  # fmt: skip
    columns = {name: pd.Series(what.sum(axis=0)).groupby(kind).sum() for name, what in counted.items()}
    table = pd.DataFrame(columns)
    return pd.concat([table, table.sum().to_frame("all").T])


def _kind(figure: tuple[object, ...]) -> str:
    return figure[0] if isinstance(figure[0], str) else f"censored at {figure[0]}"


if __name__ == "__main__":
    main()
