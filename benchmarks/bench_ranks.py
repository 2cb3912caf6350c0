"""Ranks of the simulated twin against its truth: are they as sure as they say, and better than what is easier to have?

    python -m benchmarks.bench_ranks [--seed 90210 ...] [--home DIR ...] [--quarter 2026Q3] [--replicates 200]

Homes are those of ``--home``, each with the seed of the same place, else a refresh of the twin makes one a seed in a temporary folder.
Of communes without and with households, districts and provinces, over H at three k, near-poor, M0, headcounts and pairs:

- reliability of the probability to be among the worst fifth: by tenths of it, its mean and how often it was so;
- its Brier score, beside those of a normal approximation (areas drawn apart, each from its estimate and standard error) and of the
  order of the estimates themselves;
- how often the 90% interval of a rank holds the true one.

The width of the kernel (``small_area.ranks``) was chosen on seed 7 alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.bench_small_area import Twin, _areas, _fit, _groups
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import Measure, k_value
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings
from poverty_assets.small_area.figures import figure_columns
from poverty_assets.small_area.ranks import most_of, ranked_figures, values_of
from poverty_assets.small_area.replicates import replicate
from poverty_assets.small_area.rollup import rollup
from poverty_assets.small_area.rows import SmallAreaTables, small_area_rows
from poverty_assets.small_area.wanted import Options, Wanted

FIFTH = 0.2
KEYS = ["area_id", "statistic", "indicator_id", "indicator_b", "k"]
_SIMULATED = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quarter", default="2026Q3")
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--seed", type=int, nargs="*", default=[Settings().seed])
    parser.add_argument("--home", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    quarter = Quarter.from_label(options.quarter)
    for place, seed in enumerate(options.seed):
        with tempfile.TemporaryDirectory() as folder:
            home = options.home[place] if options.home else Path(folder)
            if not options.home:
                environment = {**os.environ, "POVERTY_ASSETS_HOME": str(home), "POVERTY_ASSETS_SEED": str(seed)}
                command = [sys.executable, "-m", "poverty_assets.cli", "refresh", "--quarter", quarter.label]
                subprocess.run(command, env=environment, check=True)
            print(f"seed {seed}, {options.replicates} replicates")
            report(scored(Twin(quarter, seed, home), options.replicates))


def scored(twin: Twin, n_replicates: int) -> pd.DataFrame:
    """Rows of ``fct_rank`` with what is true of them: ``group, family``, ``was_worst``, ``true_rank``, ``p_normal``, ``p_order``."""
    sample, measure = twin.sample, twin.measure
    covariates = twin.covariates()
    up = rollup(Hierarchy.of(_areas(twin)), twin.communes, twin.population, sampled_households=sample.area_households)
    wanted = Wanted(up, measure)
    drawn = replicate(
        _fit(twin, sample, twin.before, covariates), sample, _groups(twin, covariates.xy), wanted,
        options=Options(n_replicates),
    )  # fmt: skip
    tables = small_area_rows(drawn, wanted)[0]
    rows = tables.ranks[tables.ranks["area_level"] != "country"].merge(_errors(tables, measure), on=KEYS, how="left")
    true = up.matrix @ (twin.true_profiles() @ figure_columns(measure))
    values = {
        f.figure_id: dict(zip(up.table["area_id"], values_of(true, f), strict=True)) for f in ranked_figures(measure)
    }
    rows["true"] = [values[figure][area] for figure, area in zip(rows["figure_id"], rows["area_id"], strict=True)]
    seen = {True: "communes with", False: "communes without"}
    commune = rows["area_level"] == "commune"
    rows["group"] = np.where(commune, (rows["method"] == "composite").map(seen), rows["area_level"] + "s")
    rows["family"] = rows["statistic"].replace({"headcount_ratio": "H, M0", "mpi": "H, M0", "vulnerable": "H, M0"})
    rng = np.random.default_rng(0)
    return pd.concat(
        [_beside_truth(part, rng) for _, part in rows.groupby(["area_level", "figure_id"], sort=False)],
        ignore_index=True,
    )


def _errors(tables: SmallAreaTables, measure: Measure) -> pd.DataFrame:
    """Standard error of every figure that is ranked, by its keys."""
    poor = k_value(measure.cutoffs.poor)
    heads = tables.headcount[tables.headcount["kind"].isin(["uncensored", "censored"])]
    parts = [
        tables.mpi.assign(indicator_id="all", indicator_b="all"),
        heads.rename(columns={"kind": "statistic"}).assign(indicator_b="all", k=poor),
        tables.pairs.drop(columns="indicator_id", errors="ignore")
        .rename(columns={"indicator_a": "indicator_id", "share_both_se": "se"})
        .assign(statistic="share_both", k=poor),
    ]
    return pd.concat([part[[*KEYS, "se"]] for part in parts], ignore_index=True)


def _beside_truth(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Rows of one figure and level with the truth and the easier answers."""
    n = len(rows)
    worst = most_of(FIFTH, n)
    simulated = rows["estimate"].to_numpy() + rows["se"].to_numpy() * rng.standard_normal((_SIMULATED, n))
    edge = np.partition(simulated, n - worst, axis=1)[:, [n - worst]]
    # areas that are equal stand in a random order, as everywhere
    true_rank = (rows["true"] + 1e-9 * rng.random(n)).rank(ascending=False)
    return rows.assign(
        true_rank=true_rank,
        was_worst=true_rank <= worst,
        p_normal=(simulated >= edge).mean(axis=0),
        p_order=(rows["rank"] <= worst).astype(float),
    )


def report(rows: pd.DataFrame) -> None:
    """Print the marks."""
    rows = rows.assign(
        brier=(rows["p_worst_fifth"] - rows["was_worst"]) ** 2,
        normal=(rows["p_normal"] - rows["was_worst"]) ** 2,
        order=(rows["p_order"] - rows["was_worst"]) ** 2,
        held=(rows["rank_low"] <= rows["true_rank"]) & (rows["true_rank"] <= rows["rank_high"]),
    )
    for by in (["group"], ["group", "family"]):
        found = rows.groupby(by, sort=False)[["brier", "normal", "order", "held"]].mean()
        found["against_normal"] = found["brier"] / found["normal"] - 1
        found["against_order"] = found["brier"] / found["order"] - 1
        print(found.round(4).to_string())
    every = rows[["brier", "normal", "order", "held"]].mean()
    print(
        f"all: Brier {every['brier']:.4f}, normal {every['normal']:.4f} ({every['brier'] / every['normal'] - 1:+.1%}), own order"
        f" {every['order']:.4f} ({every['brier'] / every['order'] - 1:+.1%}); 90% intervals hold {every['held']:.1%}"
    )
    tenth = np.minimum((rows["p_worst_fifth"] * 10).astype(int), 9)
    said = rows.groupby(tenth).agg(said=("p_worst_fifth", "mean"), was=("was_worst", "mean"), n=("was_worst", "size"))
    print("reliability, P(worst fifth) by tenths:")
    print(said.assign(gap=said["was"] - said["said"]).round(3).to_string())


if __name__ == "__main__":
    main()
