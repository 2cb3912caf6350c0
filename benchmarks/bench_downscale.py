"""Downscaling on real data: published provinces of Cambodia, hidden in groups and foretold from the groups' totals.

    python -m benchmarks.bench_downscale [--home DIR] [--quarter 2022Q4] [--replicates 40] [--pairs 12] [--short | --choice]

Three groupings: the five zones of Cambodia's socio-economic survey, six contiguous groups (Ward's method on the centroids of the
provinces' people), and draws of pairs of near provinces (in random order, each with the nearest that is left). The model is fitted
to the groups' totals; what communes then add up to in each province is held against its published figure. A group of one province is
not scored. Root mean squared errors in points (for the ten headcounts their mean), beside those of the code before; coverage of 95%
intervals, the publication's own error counted and not. The features are those of a home's lake (that of ``--home``, else one made in a
temporary folder from the shared data).

How far departures reach, and what is known beforehand of how far indicators depart together, was chosen by Ward's method with 4, 8 and 10
groups and by other draws of pairs, of the same provinces: ``--choice`` prints these, and none of the three groupings. That the index stays
the ridge regression that it was, and points are not kriged, was settled after the five zones had been seen, too.
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
from scipy.cluster.hierarchy import fcluster, linkage

from poverty_assets.arrays import IntArray, group_means
from poverty_assets.measure.measure import load_measure
from poverty_assets.pack.country import country_folder, load_country, load_sources
from poverty_assets.pack.source import covariates
from poverty_assets.quarter import Quarter
from poverty_assets.small_area.inputs import Inputs, covariate_names, covariates_of
from poverty_assets.small_area.totals.figures import published_totals
from poverty_assets.small_area.totals.held_out import Hidden, Whole, hidden_figures, judge
from poverty_assets.small_area.totals.indices import COMPONENTS, PUBLISHED_LEVEL, Candidate, RankedColumns
from poverty_assets.small_area.wanted import Options
from poverty_assets_tests.conftest import shared_folder

COUNTRY = "khm"
ZONES = (
    ("12",),
    ("03", "08", "14", "20", "21", "25"),
    ("01", "02", "04", "06", "15", "17", "22", "24"),
    ("07", "09", "18", "23"),
    ("05", "10", "11", "13", "16", "19"),
)
BEFORE = {"five zones": (5.79, 6.69), "six groups": (4.48, 6.21), "pairs": (3.79, 5.19)}
"""Errors of H and of the ten headcounts with the code before departures were a field (ba4ecaf), the same groups and draws."""


def main() -> None:
    """Read or make a home, hide, foretell, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--quarter", default="2022Q4")
    parser.add_argument("--replicates", type=int, default=40)
    parser.add_argument("--pairs", type=int, default=12, help="draws of pairs")
    parser.add_argument("--short", action="store_true", help="the five zones alone")
    parser.add_argument(
        "--choice", action="store_true", help="groupings that choices were made on, and none of the others"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = arguments.home or _refreshed(Path(folder) / "home", arguments.quarter)
        whole, ids = read_whole(home, Quarter.from_label(arguments.quarter))
    started = time.perf_counter()
    made = judge(whole, Options(min(arguments.replicates, 20)))
    print(
        f"each province with the nearest one, {time.perf_counter() - started:.0f} s: {made.reason}; coverage {made.coverage:.3f}"
    )
    middle = group_means(whole.covariates.xy, whole.people.at_published, whole.people.population)
    groupings = chosen_on(middle) if arguments.choice else reported(middle, ids, arguments.pairs)
    chosen, everything = Candidate(COMPONENTS), []
    print(f"{'':12}{'areas':>6}  H: rmse before   own  cover  bare  width   ten: rmse before   own  cover  bare  width")
    for name, groups in list(groupings.items())[: 1 if arguments.short else None]:
        found = [_hidden(whole, group, chosen, arguments.replicates) for group in groups]
        own = [_hidden(whole, group, Candidate(PUBLISHED_LEVEL), 2) for group in groups]
        everything += found
        print(_line(name, found, own))
    if not arguments.short:
        print(_line("together", everything, None))


def read_whole(home: Path, quarter: Quarter) -> tuple[Whole, list[str]]:
    """What a home's lake has of a country, and the codes of its published areas."""

    def table(name: str) -> pd.DataFrame:
        return pd.read_parquet(home / "lake" / name / f"quarter={quarter.key}" / "part.parquet", partitioning=None)

    country = load_country(COUNTRY)
    measure = load_measure(country_folder(COUNTRY) / "measures" / f"{country.default_measure}.yaml")
    features = covariates(table("area_feature"), load_sources(country, simulated=False))
    frames = [table(name) for name in ("wave_feature", "feature_drift", "register_count")]
    published = [table(name) for name in ("published_mpi", "published_headcount")]
    inputs = Inputs(table("dim_area"), features, *frames, [], *published, measure, country, quarter)
    place, found = inputs.place, covariates_of(inputs.place, inputs.now)
    totals = published_totals(*inputs.published_rows(), place.published_ids, measure)
    columns = RankedColumns.of(found, *covariate_names(inputs.now), country.leading)
    return Whole(totals, found, columns, place.people, measure), place.published_ids


def reported(middle: np.ndarray, ids: list[str], pairs: int) -> dict[str, list[IntArray]]:
    """The three groupings, by name."""
    draws = [near_pairs(middle, seed) for seed in range(pairs)]
    return {"five zones": [_zones(ids)], "six groups": [contiguous(middle, 6)], "pairs": draws}


def chosen_on(middle: np.ndarray) -> dict[str, list[IntArray]]:
    """Groupings that choices were made on."""
    others = [near_pairs(middle, seed) for seed in range(100, 104)]
    return {f"{n} groups": [contiguous(middle, n)] for n in (4, 8, 10)} | {"other pairs": others}


def _zones(ids: list[str]) -> IntArray:
    of = {code: number for number, codes in enumerate(ZONES) for code in codes}
    return np.array([of[code] for code in ids])


def contiguous(xy: np.ndarray, groups: int) -> IntArray:
    """Groups of points by Ward's method."""
    return np.unique(fcluster(linkage(xy, "ward"), groups, "maxclust"), return_inverse=True)[1].astype(np.int64)


def near_pairs(xy: np.ndarray, seed: int) -> IntArray:
    """In random order, each point with the nearest one that is left."""
    out, number = np.full(len(xy), -1), 0
    for one in np.random.default_rng(seed).permutation(len(xy)):
        if out[one] < 0:
            out[one] = number
            left = np.flatnonzero(out < 0)
            if len(left):
                out[left[np.argmin(np.hypot(*(xy[left] - xy[one]).T))]] = number
            number += 1
    return out


def _hidden(whole: Whole, group: IntArray, one: Candidate, replicates: int) -> Hidden:
    several = np.flatnonzero(np.bincount(group)[group] > 1)
    return hidden_figures(whole, group, several, one, Options(replicates))


def _line(name: str, found: list[Hidden], own: list[Hidden] | None) -> str:
    parts = [f"{name:12}{sum(len(one.area) for one in found):6}"]
    for at, columns in enumerate((slice(0, 1), slice(1, None))):
        before = f"{BEFORE[name][at]:6.2f}" if name in BEFORE else " " * 6
        of_own = f"{_rmse(own, columns):6.2f}" if own else " " * 6
        low, high, true = (
            np.concatenate([getattr(one, what)[:, columns] for one in found])
            for what in ("bare_low", "bare_high", "true")
        )
        bare, width = (true >= low - 1e-9) & (true <= high + 1e-9), high - low
        covered = np.concatenate([one.covered[:, columns] for one in found])
        parts.append(
            f"{_rmse(found, columns):9.2f} {before}{of_own}{covered.mean():7.3f}{bare.mean():6.2f}{100 * width.mean():7.1f}"
        )
    return " ".join(parts)


def _rmse(found: list[Hidden], columns: slice) -> float:
    error = np.concatenate([(one.estimate - one.true)[:, columns] for one in found])
    return float(100 * np.sqrt(np.mean(error**2, axis=0)).mean())


def _refreshed(home: Path, quarter: str) -> Path:
    landing = shared_folder() / "realdata" / COUNTRY
    command = [sys.executable, "-m", "poverty_assets.cli", "refresh", "--quarter", quarter]
    command += ["--sources", "landing", "--landing", str(landing)]
    settings = os.environ | {"POVERTY_ASSETS_HOME": str(home), "POVERTY_ASSETS_REPLICATES": "20"}
    subprocess.run(command, env=settings, check=True)
    return home


if __name__ == "__main__":
    main()
