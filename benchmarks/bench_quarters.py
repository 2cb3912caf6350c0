"""What is quoted of each quarter, and of change between quarters, against the twin's truth: coverage, error and width by level.

    python -m benchmarks.bench_quarters [--home DIR] [--seed N] [--replicates 200] [--quarters 2025Q1 2025Q3 2026Q3]

The headline rows of H and of the headcounts of all indicators in every area, and of their change between each two quarters, of a home
that has them (``--home``), else of one that is made in a temporary folder: by default three years after a wave, a year and
a half after that, and a year after a new wave. Areas of the finest level are shown with and without households in the survey.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from poverty_assets.evaluation.truth import true_profiles
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import Measure, load_measure, measure_files
from poverty_assets.measurement.joint import figures_of_profiles
from poverty_assets.pack.country import load_country
from poverty_assets.quarter import Quarter

COUNTRY = "khm"
QUARTERS = ("2025Q1", "2025Q3", "2026Q3")
_POOR = "k BETWEEN 0.33 AND 0.34"
_ROWS = {
    "H": ("fct_mpi", f"statistic = 'headcount_ratio' AND {_POOR}"),
    "headcounts": ("fct_headcount", "kind = 'uncensored'"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--home", type=Path)
    parser.add_argument("--seed", default="20260101")
    parser.add_argument("--replicates", default="200")
    parser.add_argument("--quarters", nargs="*", default=QUARTERS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or made_home(Path(folder), options)
        report(home)


def made_home(home: Path, options: argparse.Namespace) -> Path:
    """A home with the quarters asked for."""
    environment = os.environ | {
        "POVERTY_ASSETS_HOME": str(home),
        "POVERTY_ASSETS_SEED": options.seed,
        "POVERTY_ASSETS_REPLICATES": options.replicates,
    }
    command = [sys.executable, "-m", "poverty_assets.cli", "refresh"]
    command += [part for quarter in options.quarters for part in ("--quarter", quarter)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return home


def report(home: Path) -> None:
    """Print the scores of every quarter of the home's warehouse, and of every change between two of them."""
    country = load_country(COUNTRY)
    measure = load_measure(measure_files(country.folder)[country.default_measure])
    file = next((home / "warehouse").glob("*.duckdb"))
    with duckdb.connect(str(file), read_only=True) as connection:
        starts = [row[0] for row in connection.execute("SELECT quarter FROM dim_quarter ORDER BY 1").fetchall()]
        areas = connection.execute("SELECT * FROM dim_area").df()
        truth = {start: true_figures(home, Quarter.containing(start), areas, measure) for start in starts}
        for start in starts:
            for name, (table, where) in _ROWS.items():
                rows = connection.execute(
                    f"SELECT * FROM {table} WHERE quarter = ? AND subgroup = 'all' AND is_headline AND {where}", [start]
                ).df()
                print(f"\n{Quarter.containing(start).label}, {name}\n{scored(rows, truth[start]).to_string()}")
        for before, after in combinations(starts, 2):
            rows = connection.execute(
                "SELECT *, difference AS estimate FROM fct_change WHERE quarter = ? AND baseline_quarter = ? AND method <> 'direct'"
                f" AND (statistic = 'uncensored' OR statistic = 'headcount_ratio' AND {_POOR})",
                [after, before],
            ).df()
            for statistic, some in rows.groupby("statistic"):
                print(f"\n{Quarter.containing(before).label} to {Quarter.containing(after).label}, {statistic}")
                print(scored(some, truth[after] - truth[before]).to_string())


def true_figures(home: Path, quarter: Quarter, areas: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """True H (column ``all``) and headcounts of every area of every level."""
    hierarchy = Hierarchy.of(areas)
    finest = hierarchy.codes(hierarchy.finest)
    profiles = true_profiles(home / "evaluation" / "truth", quarter, finest, measure)
    people = areas.set_index("area_id").loc[finest, "population"].to_numpy(dtype=float)
    places, matrix = hierarchy.rollup(hierarchy.members(hierarchy.finest), people)
    shares = pd.DataFrame(np.asarray(matrix @ profiles), index=[str(code) for code in hierarchy.ids[places]])
    bits = (np.arange(shares.shape[1])[:, None] >> np.arange(len(measure.indicators))) & 1
    out = pd.DataFrame(shares.to_numpy() @ bits, index=shares.index, columns=measure.indicator_ids)
    return out.assign(all=figures_of_profiles(shares.to_numpy(), measure).headcount_ratio[:, 1])


def scored(rows: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Coverage, root mean square error and mean width in points, and the share called significant, by level and evidence."""
    indicator = rows["indicator_id"] if "indicator_id" in rows else pd.Series("all", index=rows.index)
    place = truth.index.get_indexer(rows["area_id"]), truth.columns.get_indexer(indicator.fillna("all"))
    true = truth.to_numpy()[place]
    table = rows[["area_level", "method"]].assign(
        surveyed=rows["n_households"].fillna(0).astype(float) > 0,
        covered=(rows["ci_low"] <= true) & (true <= rows["ci_high"]),
        square=(rows["estimate"] - true) ** 2,
        width=100 * (rows["ci_high"] - rows["ci_low"]),
        significant=rows.get("is_significant", pd.Series(np.nan, index=rows.index)).astype(float),
    )
    by: Any = table.groupby(["area_level", "surveyed"], sort=False)
    found = pd.DataFrame(
        {
            "n": by.size(),
            "coverage": by["covered"].mean().round(3),
            "rmse": (100 * np.sqrt(by["square"].mean())).round(2),
            "width": by["width"].mean().round(1),
            "significant": by["significant"].mean().round(3),
            "methods": by["method"].agg(lambda names: ", ".join(sorted(set(names)))),
        }
    )
    return found.dropna(axis=1, how="all")


if __name__ == "__main__":
    main()
