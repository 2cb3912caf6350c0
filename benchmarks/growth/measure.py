"""The measure and its errors from a survey, beside mpitb (PyPI) and R's survey (Debian)."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.bench_masks import NAMES
from benchmarks.growth.subject import Act, Subject, Way

FILE = "survey.csv"
PROVINCES = 25
_DIMENSIONS = [(NAMES[0:2], "a"), (NAMES[2:4], "b"), (NAMES[4:], "c")]
_R = """
suppressMessages(library(survey))
data <- read.csv(commandArgs(TRUE)[1])
names <- grep("^d[0-9]$", names(data), value = TRUE)
taken <- system.time({
  score <- as.matrix(data[names]) %*% c(rep(3, 4), rep(1, 6)) / 18
  data$poor <- as.numeric(score >= 1 / 3 - 1e-9)
  data$censored <- data$poor * as.numeric(score)
  design <- svydesign(ids = ~psu, strata = ~stratum, weights = ~people, data = data, nest = TRUE)
  asked <- as.formula(paste("~", paste(c("poor", "censored", names), collapse = " + ")))
  all <- svymean(asked, design)
  each <- svyby(asked, ~area_id, design, svymean)
})
cat(sprintf('{"seconds": %.6f, "H": %.12f, "se of H": %.12f}', taken[["elapsed"]], coef(all)[["poor"]], SE(all)[["poor"]]))
"""


def make(folder: Path, n: int) -> None:
    """A stratified sample of clusters of 20 households in 25 provinces, town and country apart."""
    rng = np.random.default_rng(1)
    psu = np.arange(n) // 20
    stratum = psu % (2 * PROVINCES)
    hardship = rng.normal(size=n) + 0.7 * rng.normal(size=psu[-1] + 1)[psu]
    columns = {name: (0.8 * hardship + rng.normal(size=n) > rng.uniform(-0.2, 1.5)).astype(int) for name in NAMES}
    frame = pd.DataFrame(columns).assign(
        household_id=[f"h{i}" for i in range(n)], psu=psu, stratum=stratum, weight=rng.uniform(0.5, 2, n),
        hh_size=rng.integers(1, 9, n), area_id=[f"p{one:02d}" for one in stratum // 2],
    )  # fmt: skip
    frame.assign(people=frame["weight"] * frame["hh_size"]).to_csv(folder / FILE, index=False)


def ours(folder: Path, n: int) -> Act:
    from poverty_assets.geography.hierarchy import Hierarchy
    from poverty_assets.measure.measure import Cutoffs, Measure
    from poverty_assets.measurement.estimates import estimate_measure

    rows = pd.read_csv(folder / FILE)
    weights = {name: Fraction(1, 6) if j < 4 else Fraction(1, 18) for j, name in enumerate(NAMES)}
    measure = Measure.of_weights("bench", weights, Cutoffs(Fraction(1, 5), Fraction(1, 3), Fraction(1, 2)))
    places = pd.DataFrame(
        {
            "area_id": ["KH", *sorted(rows["area_id"].unique())],
            "area_level": ["country", *["province"] * PROVINCES],
            "parent_id": [None, *["KH"] * PROVINCES],
        }
    )
    hierarchy = Hierarchy.of(places)

    def act() -> dict[str, float]:
        table = estimate_measure(rows, measure, hierarchy, subgroups=[]).mpi
        one = table[
            (table["area_id"] == "KH")
            & (table["subgroup"] == "all")
            & (table["statistic"] == "headcount_ratio")
            & (table["k"].round(6) == 0.333333)
        ].iloc[0]
        return {"H": float(one["estimate"]), "se of H": float(one["se"])}

    return act


def by_mpitb(folder: Path, n: int) -> Act:
    from mpitb import MPIToolbox

    rows = pd.read_csv(folder / FILE)
    box = MPIToolbox()
    box.set(name="bench", dimensions=[(list(names), name) for names, name in _DIMENSIONS])
    box.svyset(psu="psu", weight="people", strata="stratum")
    weights = {name: 1 / 6 if j < 4 else 1 / 18 for j, name in enumerate(NAMES)}

    def act() -> dict[str, float]:
        # k in percent, a hair lower: its scores are floats, and households at the cut-off would be lost
        found = box.est(rows.copy(), "bench", [33.333333], weights=weights, over=["area_id"], svy=True)
        one = next(row for row in found if row["loa"] == "nat" and row["measure"] == "H")
        return {"H": float(one["b"]), "se of H": float(one["se"])}

    return act


def by_r(folder: Path, n: int) -> Act:
    def act() -> dict[str, float]:
        command = ["Rscript", "-e", _R, str(folder / FILE)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return {name: float(value) for name, value in json.loads(said).items()}

    return act


SUBJECT = Subject(
    "The measure and its errors",
    "households",
    (15_000, 45_000, 150_000, 450_000),
    (2_000, 4_000),
    make,
    {
        "ours": Way(ours, ours=True),
        "mpitb": Way(by_mpitb),
        "R survey": Way(by_r, up_to=200_000),
    },
    (),
    "Country and 25 provinces. Ours: H, A, M0, vulnerable, severe, all headcounts and contributions with design-based errors; R's: H,"
    " M0 and uncensored headcounts; mpitb gives no design-based errors.",
    ("mpitb",),
)
