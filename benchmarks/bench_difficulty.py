"""How hard the simulated twin is beside the real country: what a register tells of poverty, and what maps tell of a register.

    python -m benchmarks.bench_difficulty [--seed N ...] [--difficulty calibrated] [--home DIR ...] [--quarter 2026Q3]
    python -m benchmarks.bench_difficulty --real [--home DIR]      the same figures of the real register and the published provinces

Of each twin, made in a temporary folder unless its home is given, and of their mean:

- ``unseen provinces``: Spearman of the register's rate with its prediction, each province foretold from all others, best learner;
- ``within provinces``: the same within each province, on average;
- ``register and H``: Spearman of the register's rate and H over provinces, H the twin's truth (real: the published survey);
- standard deviations of the rate's log odds over provinces, and over finest areas within them; the rate of the country.

The difficulty ``calibrated`` was chosen on seeds 20260101, 90210 and 7; what is reported is of others.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.bench_register_model import _refreshed
from benchmarks.bench_small_area import COUNTRY, prepare
from poverty_assets.arrays import FloatArray, group_means, rate_logit, rate_of_logit
from poverty_assets.judging.folds import PUBLISHED_OUT, block_ids, fold_ids
from poverty_assets.judging.league import Contest, held_out
from poverty_assets.judging.scores import scores, spearman
from poverty_assets.pack.country import load_country
from poverty_assets.quarter import Quarter
from poverty_assets.registers.learners import DEFAULT, LEARNERS, in_order, learner
from poverty_assets.registers.model import RegisterInputs
from poverty_assets.registers.quarter_models import RegisterTables, register_inputs
from poverty_assets.twin import truth

SEEDS = (11, 12, 13, 14)
COLUMNS = ("unseen provinces", "within provinces", "register and H", "sd over provinces", "sd within", "rate")


@dataclass(frozen=True)
class Lake:
    """Tables of a quarter in a home."""

    home: Path
    quarter: Quarter

    def table(self, name: str) -> pd.DataFrame:
        """One of them."""
        return pd.read_parquet(
            self.home / "lake" / name / f"quarter={self.quarter.key}" / "part.parquet", partitioning=None
        )

    def register(self) -> RegisterInputs:
        """What the model of its first register is fitted from; earlier releases are left out."""
        none = pd.DataFrame({"register_id": [], "area_id": [], "rate": []})
        tables = RegisterTables(
            self.table("area_feature"),
            self.table("register_count"),
            none,
            self.table("dim_area"),
            load_country(COUNTRY),
        )
        return next(iter(register_inputs(tables).values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, nargs="*", default=list(SEEDS))
    parser.add_argument("--difficulty")
    parser.add_argument("--home", type=Path, nargs="*", default=[])
    parser.add_argument("--quarter")
    parser.add_argument("--real", action="store_true")
    options = parser.parse_args()
    quarter = Quarter.from_label(options.quarter or ("2022Q4" if options.real else "2026Q3"))
    rows = {}
    for place, seed in enumerate(["real"] if options.real else options.seed):
        with tempfile.TemporaryDirectory() as folder:
            home = options.home[place] if options.home else Path(folder) / "home"
            if options.real:
                home = home if options.home else _refreshed(home, quarter.label)
                lake = Lake(home, quarter)
                h = of_published(lake)
            else:
                if not options.home:
                    prepare(home, quarter, int(seed), options.difficulty)
                lake = Lake(home, quarter)
                h = of_truth(lake)
            rows[str(seed)] = told(lake.register(), h)
    table = pd.DataFrame(rows, index=list(COLUMNS)).T
    if len(table) > 1:
        table.loc["mean"] = table.mean()
    print(table.round(3).to_string())


def of_truth(lake: Lake) -> pd.Series:
    """True H of the provinces of a twin, by code."""
    areas = truth.read_truth_areas(lake.home / "evaluation" / "truth", lake.quarter)
    people = areas["population"].groupby(areas["area_id"].str[:2])
    poor = (areas["headcount_ratio"] * areas["population"]).groupby(areas["area_id"].str[:2])
    return poor.sum() / people.sum()


def of_published(lake: Lake) -> pd.Series:
    """Published H of the provinces, by code."""
    rows = lake.table("published_mpi")
    rows = rows[(rows["statistic"] == "headcount_ratio") & rows["k"].between(0.33, 0.34) & (rows["subgroup"] == "all")]
    rows = rows[rows["area_level"] == "province"].sort_values("quarter" if "quarter" in rows else "area_id")
    return rows.drop_duplicates("area_id", keep="last").set_index("area_id")["estimate"]


def told(inputs: RegisterInputs, h: pd.Series) -> list[float]:
    """The figures of `COLUMNS`."""
    rate, households = inputs.rate.to_numpy(dtype=float), inputs.households.to_numpy(dtype=float)
    learners = [
        one for one in map(learner, in_order(DEFAULT)) if one.by_published and not LEARNERS[one.name].is_baseline
    ]
    folds = fold_ids(PUBLISHED_OUT, blocks=block_ids(inputs.xy), published=inputs.published)
    held = held_out(learners, Contest(inputs.design(), rate_logit(rate)), folds)
    found = [scores(rate_of_logit(one), rate, households, inputs.published) for one in held.values()]
    best = max(found, key=lambda one: one["spearman"])
    known = np.isfinite(rate)
    code, at = np.unique(inputs.published[known], return_inverse=True)
    of_province = group_means(rate[known, None], at, households[known])[:, 0]
    both = pd.Series(of_province, index=code).to_frame("rate").join(h.rename("h"), how="inner")
    odds = rate_logit(rate[known])
    within = odds - group_means(odds[:, None], at)[at, 0]
    return [
        best["spearman"],
        best["spearman_within_published"],
        float(spearman(both["rate"].to_numpy(), both["h"].to_numpy())),
        float(np.std(_log_odds(of_province))),
        float(within.std()),
        float(np.average(rate[known], weights=households[known])),
    ]


def _log_odds(share: FloatArray) -> FloatArray:
    return np.log(share / (1 - share))


if __name__ == "__main__":
    main()
