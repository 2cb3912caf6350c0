"""The model of the IDPoor rate by commune on real data: every mark with its value, every learner and baseline.

    python -m benchmarks.bench_register_model [--home DIR] [--quarter 2022Q4] [--quick]

The features and the register are those that a refresh of the landing folder put into the lake of a home (that of ``--home``,
else one made in a temporary folder from the shared data). ``--quick`` leaves out the learners made of trees and of support
vectors.

The published fold set is one of many grids of 50 km blocks, and a learner can be lucky on it: each score is therefore also shown
as the mean over grids of five origins, and once more with the learner chosen on the other grids (or, leaving a province out, on
the other provinces) than the one that it is scored on.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from poverty_assets.arrays import rate_logit, rate_of_logit
from poverty_assets.judging.folds import BLOCKS, PUBLISHED_OUT, block_ids, fold_ids
from poverty_assets.judging.league import Contest, LearnerId, held_out
from poverty_assets.judging.scores import scores
from poverty_assets.pack.country import load_country
from poverty_assets.quarter import Quarter
from poverty_assets.registers.learners import BASELINES, DEFAULT, LEARNERS, Design, alone, in_order, learner
from poverty_assets.registers.model import RegisterInputs
from poverty_assets.registers.quarter_models import RegisterTables, register_inputs
from poverty_assets_tests.conftest import shared_folder

COUNTRY, REGISTER = "khm", "idpoor"
Held = dict[str, dict[str, np.ndarray]]
"""Held-out predictions of every learner, by the folds."""
CANDIDATES = [name for name, one in LEARNERS.items() if not one.is_baseline]
# The first is the one that a refresh publishes.
GRIDS = (((0.0, 0.0), 0), ((25e3, 0.0), 1), ((0.0, 25e3), 2), ((25e3, 25e3), 3), ((12.5e3, 37.5e3), 4))
FORECAST = "last_register_and_features"
SHOWN = ("spearman", "spearman_within_published", "found_top20")


def main() -> None:
    """Read or make a home, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--quarter", default="2022Q4")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = arguments.home or _refreshed(Path(folder) / "home", arguments.quarter)
        inputs = _inputs(home, Quarter.from_label(arguments.quarter))
    data = inputs.design()
    started = time.perf_counter()
    held = _held_out(data, rate_logit(_values(inputs.rate)), inputs, quick=arguments.quick)
    print(f"{np.isfinite(_values(inputs.rate)).sum()} communes, {data.features.shape[1]} features; "
          f"{time.perf_counter() - started:.0f} s for all learners under all folds")  # fmt: skip
    table = pd.DataFrame(
        [(folds, name, *_scored(p, inputs).values()) for folds, found in held.items() for name, p in found.items()],
        columns=["folds", "learner", *SHOWN],
    ).set_index(["folds", "learner"])
    _print_learners(table)
    _print_marks(table, held, inputs)


def _refreshed(home: Path, quarter: str) -> Path:
    landing = shared_folder() / "realdata" / COUNTRY
    command = [sys.executable, "-m", "poverty_assets.cli", "refresh", "--quarter", quarter]
    command += ["--sources", "landing", "--landing", str(landing)]
    subprocess.run(command, env=os.environ | {"POVERTY_ASSETS_HOME": str(home)}, check=True)
    return home


def _inputs(home: Path, quarter: Quarter) -> RegisterInputs:
    names = ("area_feature", "register_count", "register_history", "dim_area")
    files = [home / "lake" / name / f"quarter={quarter.key}" / "part.parquet" for name in names]
    tables = [pd.read_parquet(file, partitioning=None) for file in files]
    return register_inputs(RegisterTables(*tables, load_country(COUNTRY)))[REGISTER]


def _values(series: pd.Series) -> np.ndarray:
    return series.to_numpy(dtype=float)


def _held_out(data: Design, y: np.ndarray, inputs: RegisterInputs, *, quick: bool) -> Held:
    singles = [alone(name) for name in inputs.alone]
    quickest = [*map(learner, [*in_order(DEFAULT), *BASELINES]), *singles]
    every = quickest if quick else [*map(learner, in_order(list(LEARNERS))), *singles]
    contest = Contest(data, y)
    held = {}
    for number, (origin, seed) in enumerate(GRIDS):
        blocks = block_ids(inputs.xy, origin=origin)
        folds = fold_ids(BLOCKS, blocks=blocks, published=inputs.published, n_folds=10, seed=seed)
        held[f"grid {number}"] = _named(held_out(every if number == 0 else quickest, contest, folds))
    folds = fold_ids(PUBLISHED_OUT, blocks=blocks, published=inputs.published)
    held[PUBLISHED_OUT] = _named(held_out([one for one in quickest if one.by_published], contest, folds))
    return held


def _named(held: dict[LearnerId, np.ndarray]) -> dict[str, np.ndarray]:
    """Predictions by what tables are to call the learner."""
    return {" ".join(filter(None, one)): found for one, found in held.items()}


def _scored(predicted: np.ndarray, inputs: RegisterInputs, rows: np.ndarray | None = None) -> dict[str, float]:
    asked = predicted if rows is None else np.where(rows, predicted, np.nan)
    found = scores(rate_of_logit(asked), _values(inputs.rate), _values(inputs.households), inputs.published)
    return {name: found[name] for name in SHOWN}


def _print_learners(table: pd.DataFrame) -> None:
    grids = table.drop(index=PUBLISHED_OUT, level="folds")
    counted = grids.groupby("learner").size() == len(GRIDS)
    shown = pd.concat(
        {
            "published blocks": table.loc["grid 0"],
            f"mean of {len(GRIDS)} grids": grids.groupby("learner").mean()[counted],
            "province left out": table.loc[PUBLISHED_OUT],
        },
        axis=1,
    )
    shown.index = pd.Index([n if n in CANDIDATES else f"({n})" for n in shown.index], name="learner")
    order = shown[("published blocks", "spearman")].sort_values(ascending=False).index
    print(
        "\nLearners, baselines in brackets; Spearman, Spearman within provinces, listed households found in the top 20%"
    )
    print(
        shown.loc[order].rename(columns=dict(zip(SHOWN, ("all", "within", "top20"), strict=True))).round(3).to_string()
    )


def _best(table: pd.DataFrame, folds: list[str]) -> str:
    candidates = [name for name in in_order(DEFAULT) if name in CANDIDATES]
    means = table.loc[folds].groupby("learner")["spearman"].mean().reindex(candidates)
    return str(means.idxmax())


def _print_marks(table: pd.DataFrame, held: Held, inputs: RegisterInputs) -> None:
    grids = [f"grid {number}" for number in range(len(GRIDS))]
    others = {grid: _best(table, [other for other in grids if other != grid]) for grid in grids}
    nested = {name: np.mean([table.loc[(grid, others[grid]), name] for grid in grids]) for name in SHOWN}
    chosen, beyond = _best(table, grids[:1]), _best(table, [PUBLISHED_OUT])
    forecast = table.xs(FORECAST, level="learner")
    last = table.xs("last_register", level="learner").loc["grid 0"]
    print(f"\nchosen: {chosen} (on the other grids: {', '.join(sorted(set(others.values())))}); "
          f"for provinces not on the register: {beyond}")  # fmt: skip
    print(f"the last register alone: {last['spearman']:.3f}, within provinces {last[SHOWN[1]]:.3f}\n")
    rows = [
        ("Spearman, 50 km blocks", 0.65, *_of(table, chosen, "spearman"), nested["spearman"]),
        ("listed households found in the top 20%", 0.31, *_of(table, chosen, "found_top20"), nested["found_top20"]),
        ("Spearman, leave one province out", 0.46, table.loc[(PUBLISHED_OUT, beyond), "spearman"], np.nan,
         _nested_by_province(held[PUBLISHED_OUT], inputs)),
        ("with the last register: Spearman, blocks", 0.70, forecast.loc["grid 0", "spearman"],
         forecast.loc[grids, "spearman"].mean(), np.nan),
        ("with the last register: within provinces", 0.40, forecast.loc["grid 0", SHOWN[1]],
         forecast.loc[grids, SHOWN[1]].mean(), np.nan),
    ]  # fmt: skip
    columns = ["mark", "at least", "published folds", f"mean of {len(GRIDS)} grids", "chosen elsewhere"]
    shown = pd.DataFrame(rows, columns=columns)
    shown["reached"] = np.where(shown["published folds"] >= shown["at least"], "yes", "no")
    print(shown.round(4).to_string(index=False, na_rep=""))


def _of(table: pd.DataFrame, name: str, score: str) -> tuple[float, float]:
    grids = table.drop(index=PUBLISHED_OUT, level="folds").xs(name, level="learner")[score]
    return float(grids["grid 0"]), float(grids.mean())


def _nested_by_province(held: dict[str, np.ndarray], inputs: RegisterInputs) -> float:
    """Spearman of predictions of each province by the learner that orders the communes of all other provinces best."""
    candidates = [name for name in held if name in CANDIDATES]
    answer = np.full(len(inputs.published), np.nan)
    for province in np.unique(inputs.published):
        out = inputs.published == province
        best = max(candidates, key=lambda name: _scored(held[name], inputs, ~out)["spearman"])
        answer[out] = held[best][out]
    return _scored(answer, inputs)["spearman"]


if __name__ == "__main__":
    main()
