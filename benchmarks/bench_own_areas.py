"""A user's own areas on the simulated twin: how often their 95% intervals hold what is so.

    python -m benchmarks.bench_own_areas --home DIR [--quarter 2026Q3] [--areas 200] [--seed 1]

The home has been refreshed (``poverty-assets refresh``). Areas are discs of 3 to 40 km about random points of the country; those of
under 500 people are drawn again. Prints, over areas, coverage and mean width of H at three k, M0 and the ten headcounts; the same of
areas that cut communes only, and of such as hold some whole; and the largest difference of unions of communes from the roll-up.

The twin's truth knows communes: of a cut one the truth is taken to be the commune's own, so that what an area smaller than a commune
departs from it by is not in these scores.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import duckdb
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from poverty_assets.pack.country import Country, load_country
from poverty_assets.quarter import Quarter
from poverty_assets.twin.truth import read_truth_areas
from poverty_assets.warehouse.lake import Lake
from poverty_assets.warehouse.own_areas import FEWEST, estimate_own, grid_of, parts_of, published_finest

METRES = "EPSG:32648"
RADIUS = (3_000.0, 40_000.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--quarter", default="2026Q3")
    parser.add_argument("--areas", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    quarter, country = Quarter.from_label(options.quarter), load_country("khm")
    rows = covered(options.home, country, quarter, options.areas, options.seed)
    rows["kind"] = np.where(rows["areas_whole"] > 0, "with whole communes", "cut communes only")
    for by in ("kind", "figure_id"):
        print(rows.groupby(by)[["held", "width"]].mean().join(rows.groupby(by).size().rename("n")).round(4).to_string())
    print(
        f"{rows['area'].nunique()} areas: {rows['held'].mean():.1%} of {len(rows)} intervals hold the truth (mark: 93 to 97%)"
    )
    print(
        f"unions of communes: largest difference from the roll-up {unions(options.home, country, quarter):.1e} (mark: 1e-6)"
    )


def covered(home: Path, country: Country, quarter: Quarter, n: int, seed: int) -> pd.DataFrame:
    """Figures of random areas with ``held`` and ``width``."""
    with duckdb.connect(str(home / "warehouse" / "poverty.duckdb"), read_only=True) as connection:
        finest = published_finest(connection, quarter)
    grid = grid_of(Lake(home / "lake"), country, quarter)
    own = _random_areas(finest, grid, n, np.random.default_rng(seed))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "own.gpkg"
        own.to_file(file)
        rows = estimate_own(file, home / "warehouse" / "poverty.duckdb", Lake(home / "lake"), country, quarter)
    true = read_truth_areas(home / "evaluation" / "truth", quarter).set_index("area_id").loc[finest["area_id"]]
    parts, _ = parts_of(own, finest, grid)
    people = true["population"].to_numpy(dtype=float)[parts.finest] * parts.share
    figures = {
        "headcount_ratio": true["headcount_ratio"], "headcount_ratio_k20": true["headcount_ratio"] + true["vulnerable"],
        "headcount_ratio_k50": true["severe"], "mpi": true["mpi"],
    } | {f"uncensored:{one}": true[one] for one in rows.loc[rows["statistic"] == "uncensored", "indicator_id"].unique()}  # fmt: skip
    total = np.bincount(parts.own, people, len(own))
    known = {
        name: np.bincount(parts.own, people * v.to_numpy(dtype=float)[parts.finest], len(own)) / total
        for name, v in figures.items()
    }
    rows = rows[rows["figure_id"].isin(list(known))].copy()
    place = {name: i for i, name in enumerate(own["name"])}
    rows["true"] = [known[figure][place[area]] for figure, area in zip(rows["figure_id"], rows["area"], strict=True)]
    rows["held"] = (rows["ci_low"] <= rows["true"]) & (rows["true"] <= rows["ci_high"])
    return rows.assign(width=rows["ci_high"] - rows["ci_low"])


def _random_areas(finest: gpd.GeoDataFrame, grid: object, n: int, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Discs about random points of the country, each of at least ``FEWEST`` people."""
    west, south, east, north = finest.to_crs(METRES).total_bounds
    discs = [
        shapely.Point(rng.uniform(west, east), rng.uniform(south, north)).buffer(np.exp(rng.uniform(*np.log(RADIUS))))
        for _ in range(4 * n)
    ]
    own = gpd.GeoDataFrame({"name": [f"a{i}" for i in range(len(discs))]}, geometry=discs, crs=METRES).to_crs(
        "EPSG:4326"
    )
    parts, _ = parts_of(own, finest, grid)  # type: ignore[arg-type]
    people = np.bincount(parts.own, finest["population"].to_numpy()[parts.finest] * parts.share, len(own))
    return own[people >= 1.1 * FEWEST].head(n).reset_index(drop=True)


def unions(home: Path, country: Country, quarter: Quarter) -> float:
    """Largest difference of unions of communes (the larger areas themselves) from the published roll-up."""
    with duckdb.connect(str(home / "warehouse" / "poverty.duckdb"), read_only=True) as connection:
        sql = "SELECT area_id, geometry FROM dim_area WHERE area_level <> (SELECT area_level FROM dim_level WHERE role = 'finest')"
        held = connection.execute(sql).fetchall()
        ranks = connection.execute(
            "SELECT area_id, figure_id, estimate FROM fct_rank WHERE quarter = ?", [quarter.start]
        ).df()
    shapes = [shapely.from_wkb(bytes(shape)) for _, shape in held]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "own.gpkg"
        gpd.GeoDataFrame({"name": [code for code, _ in held]}, geometry=shapes, crs="EPSG:4326").to_file(file)
        rows = estimate_own(file, home / "warehouse" / "poverty.duckdb", Lake(home / "lake"), country, quarter)
    both = rows.merge(ranks, left_on=["area", "figure_id"], right_on=["area_id", "figure_id"])
    return float(np.abs(both["estimate_x"] - both["estimate_y"]).max())


if __name__ == "__main__":
    main()
