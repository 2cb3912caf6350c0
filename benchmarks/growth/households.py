"""Households to every figure of overlap, beside one scan of their columns, and DuckDB and polars by hand.

By hand: of every finest area, and of its subgroups, the sums behind H and M0 at three cut-offs, uncensored and censored headcounts and 45
pairs, in the one aggregate that somebody who knows the tool would write. That is less than ours gives: no larger areas, no figures of
pairs, no sets of deprivations.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from pathlib import Path

from benchmarks.bench_masks import NAMES, areas, figures, floors, write_households
from benchmarks.growth.subject import Act, Mark, Subject, Way

WEIGHTS = {name: 3 if j < 4 else 1 for j, name in enumerate(NAMES)}
"""In eighteenths, as the measure's: sums of them are exact."""
CUTOFFS = {"k20": 3.6, "k33": 6.0, "k50": 9.0}
FILE = "households.parquet"
SUBGROUPS = ("is_urban", "land_class")


def make(folder: Path, n: int) -> None:
    write_households(folder / FILE, n)


def ours(folder: Path, n: int) -> Act:
    from poverty_assets.geography.hierarchy import Hierarchy
    from poverty_assets.measure.measure import Cutoffs, Measure

    weights = {name: Fraction(weight, 18) for name, weight in WEIGHTS.items()}
    measure = Measure.of_weights("bench", weights, Cutoffs(Fraction(1, 5), Fraction(1, 3), Fraction(1, 2)))
    tree = Hierarchy.of(areas(), root="KH")
    return lambda: figures(folder / FILE, measure, tree) and None


def scan(folder: Path, n: int) -> Act:
    read = floors(folder / FILE)["floor"]
    return lambda: read() and None


def duckdb_by_hand(folder: Path, n: int) -> Act:
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    score = " + ".join(f"{weight} * {name}" for name, weight in WEIGHTS.items())
    sums = ["sum(w) AS people", *(f"sum(w * {name}) AS u_{name}" for name in NAMES)]
    for k, cut in CUTOFFS.items():
        poor = f"(score >= {cut})"
        sums += [f"sum(w * {poor}::INT) AS h_{k}", f"sum(w * {poor}::INT * score) AS m_{k}"]
    sums += [f"sum(w * (score >= 6)::INT * {name}) AS c_{name}" for name in NAMES]
    sums += [f"sum(w * {a} * {b}) AS p_{a}_{b}" for a, b in combinations(NAMES, 2)]
    sets = ", ".join(["(area_id)", *(f"(area_id, {name})" for name in SUBGROUPS)])
    sql = (
        f"WITH h AS (SELECT *, weight * hh_size AS w, {score} AS score FROM read_parquet(?))"
        f" SELECT area_id, {', '.join(SUBGROUPS)}, {', '.join(sums)} FROM h GROUP BY GROUPING SETS ({sets})"
    )
    return lambda: connection.execute(sql, [str(folder / FILE)]).fetch_arrow_table() and None


def polars_by_hand(folder: Path, n: int) -> Act:
    import polars as pl

    score = sum((weight * pl.col(name).cast(pl.Int32) for name, weight in WEIGHTS.items()), pl.lit(0))
    w, poor = pl.col("w"), pl.col("score") >= 6
    sums = [w.sum().alias("people"), *((w * pl.col(name)).sum().alias(f"u_{name}") for name in NAMES)]
    for k, cut in CUTOFFS.items():
        is_poor = pl.col("score") >= cut
        sums += [(w * is_poor).sum().alias(f"h_{k}"), (w * is_poor * pl.col("score")).sum().alias(f"m_{k}")]
    sums += [(w * poor * pl.col(name)).sum().alias(f"c_{name}") for name in NAMES]
    sums += [(w * pl.col(a) * pl.col(b)).sum().alias(f"p_{a}_{b}") for a, b in combinations(NAMES, 2)]
    rows = pl.scan_parquet(folder / FILE).with_columns(
        w=pl.col("weight") * pl.col("hh_size").cast(pl.Int32), score=score
    )
    asked = [rows.group_by(keys).agg(sums) for keys in (["area_id"], *(["area_id", name] for name in SUBGROUPS))]
    return lambda: pl.collect_all(asked, engine="streaming") and None


SUBJECT = Subject(
    "Households",
    "households",
    (533_333, 1_600_000, 5_333_333, 16_000_000),
    (50_000, 150_000),
    make,
    {
        "ours, every figure": Way(ours, ours=True),
        "one scan by DuckDB": Way(scan),
        "DuckDB by hand": Way(duckdb_by_hand),
        "polars by hand": Way(polars_by_hand, up_to=6_000_000),
    },
    (Mark("ours, every figure", "one scan by DuckDB", 5_333_333, 3.0),),
    "Ten indicators, 1,661 finest areas. The scan reads the same columns and sums them by area; by hand, sums of finest areas and subgroups"
    " alone.",
    ("polars",),
)
