"""Shocks, the register's audit and hot spots on the simulated twin: scores against its truth, and seconds.

    python -m benchmarks.bench_register_audit --home DIR [--quarter 2026Q3]

The home is one that a refresh of the simulated twin has filled; its lake is read, nothing is written. The truth
(``evaluation/truth``) is read after everything has been estimated.

Printed: rank correlation of the expected share of poor households missed with the true one, over all communes and inside
provinces, coverage of its 95% interval, and the same of what could be had without a model; error and coverage of the near-poor
and of the newly poor under shocks that reach everybody; hot spots of the estimates against those of the truth; seconds of each
step.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from poverty_assets.graph.resources.home import Home
from poverty_assets.judging.scores import spearman
from poverty_assets.quarter import Quarter
from poverty_assets.registers.audit import load_targeting
from poverty_assets.settings import Settings
from poverty_assets.small_area.inputs import place_of
from poverty_assets.twin.truth import read_truth_areas, read_truth_households
from poverty_assets.vulnerability import hot_spots, observed, register_audit, shocks
from poverty_assets.vulnerability import quarter_tables as quarter


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--quarter", default="2026Q3")
    asked = parser.parse_args()
    home, period = Home.of(Settings(home=asked.home)), Quarter.from_label(asked.quarter)
    names = ("dim_area", "area_crosswalk", "area_draw", "register_count", "fct_register", "survey_household")
    table = {name: home.lake.read(name, period) for name in names}
    areas, draws = table["dim_area"], table["area_draw"]
    seconds: dict[str, float] = {}
    cpu = time.process_time()

    started = time.perf_counter()
    exposed = observed.exposure_of_quarter(
        home.sources, areas, table["area_crosswalk"], home.country, home.seen(period, ())
    ).exposed
    seconds["exposure"] = time.perf_counter() - started

    started = time.perf_counter()
    own = shocks.shocks_of(home.country, home.measure, home.sources)
    tables = quarter.vulnerability_tables(areas, draws, exposed, own, home.measure, home.country)
    seconds["hazards and shocks"] = time.perf_counter() - started

    started = time.perf_counter()
    targeting = load_targeting(home.country.folder / "registers.yaml")
    read = register_audit.AuditTables(table["register_count"], table["fct_register"], draws, table["survey_household"])
    audit = register_audit.audit_rows(read, place_of(areas, home.country), targeting, home.measure)
    seconds["audit"] = time.perf_counter() - started

    started = time.perf_counter()
    hot = hot_spots.hot_spot_rows(draws, areas, home.measure, home.country)
    seconds["hot spots"] = time.perf_counter() - started

    cpu = time.process_time() - cpu
    truth = read_truth_areas(home.settings.truth, period)
    for name, value in score_against_truth(audit, truth).items():
        print(f"audit {name:24s} {value:.3f}")
    _within_provinces(audit, truth)
    _found(audit, truth)
    _new_poor(tables.vulnerability, own, home, period)
    _hot_spots(hot, truth, areas, home)
    print(f"seconds {', '.join(f'{name} {value:.2f}' for name, value in seconds.items())}")
    print(f"seconds in all {sum(seconds.values()):.2f}, of a processor {cpu:.2f}")


def _missed(audit: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    own = audit[audit["area_level"] == "commune"].set_index("area_id")
    return own.assign(true=1 - truth.set_index("area_id")["poor_listed_share"]).dropna(subset=["true", "share_missed"])


def score_against_truth(audit: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    """Scores of an audit where the truth is known: evaluation only, never a step of the pipeline.

    Parameters
    ----------
    audit : DataFrame
        From `audit_rows`.
    truth : DataFrame
        ``area_id, poor_listed_share``: the true share of poor households that are listed.

    Returns
    -------
    dict
        ``spearman`` of the share missed, of the least that is missed and of the rate of listing alone with the true share
        missed; ``coverage95`` of its interval; ``bias``; ``n``.
    """
    true = 1 - truth.set_index("area_id")["poor_listed_share"]
    own = audit[(audit["area_level"] == "commune") & audit["share_missed"].notna()].set_index("area_id")
    own = own.assign(true=true.reindex(own.index)).dropna(subset=["true"])
    inside = (own["true"] >= own["share_missed_ci_low"]) & (own["true"] <= own["share_missed_ci_high"])
    return {
        "spearman": float(spearman(own["true"], own["share_missed"])),
        "spearman_at_least": float(spearman(own["true"], own["share_missed_at_least"])),
        "coverage95": float(inside.mean()),
        "bias": float((own["share_missed"] - own["true"]).mean()),
        "n": float(len(own)),
    }


def _within_provinces(audit: pd.DataFrame, truth: pd.DataFrame) -> None:
    own = _missed(audit, truth)
    province = own.index.str[:2]
    each = [spearman(g["true"], g["share_missed"]) for _, g in own.groupby(province) if len(g) > 4]
    print(f"audit spearman inside provinces {np.mean(each):.3f}")


def _found(audit: pd.DataFrame, truth: pd.DataFrame) -> None:
    """The country's share of poor households found: estimate, interval, truth."""
    country = audit[audit["area_level"] == "country"].iloc[0]
    own = _missed(audit, truth)
    true = 1 - np.average(own["true"], weights=own["poor_households"])
    low, high = country["share_found_ci_low"], country["share_found_ci_high"]
    print(f"found by the register: {country['share_found']:.3f} ({low:.3f} to {high:.3f}), in truth about {true:.3f}")


def _new_poor(rows: pd.DataFrame, own: list[shocks.Shock], home: Home, period: Quarter) -> None:
    """Root mean square error and coverage over communes, with true profiles in place of estimated ones."""
    people = read_truth_households(home.settings.truth, period)
    size = 1 << len(home.measure.indicators)
    code = people["area_id"].cat
    cell = code.codes.to_numpy(dtype=np.int64) * size + people["mask"].to_numpy(dtype=np.int64)
    count = np.bincount(cell, people["hh_size"], len(code.categories) * size).reshape(-1, size)
    profiles = pd.DataFrame(count / count.sum(axis=1, keepdims=True), index=code.categories)
    figures = {"near_poor": shocks.is_near_poor(home.measure).astype(float)}
    figures |= {s.shock_id: shocks.probability_of_poverty(s, home.measure) for s in own if s.exposed_to is None}
    for name, column in figures.items():
        figure = "near_poor" if name == "near_poor" else "expected_new_poor"
        mine = rows[rows["area_level"] == "commune"]
        mine = (mine.drop_duplicates("area_id") if name == "near_poor" else mine[mine["shock_id"] == name]).set_index(
            "area_id"
        )
        true = (profiles @ column).reindex(mine.index)
        inside = true.between(mine[f"{figure}_ci_low"], mine[f"{figure}_ci_high"]).mean()
        error = float(np.sqrt(((mine[figure] - true) ** 2).mean()))
        print(f"{name:14s} true mean {true.mean():.4f} rmse {error:.4f} coverage95 {inside:.3f}")


def _hot_spots(hot: pd.DataFrame, truth: pd.DataFrame, areas: pd.DataFrame, home: Home) -> None:
    """Of the hot spots of the true headcount ratio, how many are found; of those found, how many are true."""
    import shapely

    place = place_of(areas, home.country)
    shapes = areas.set_index("area_id")["geometry"].reindex(place.finest)
    matrix = hot_spots.neighbours(shapely.from_wkb(shapes.to_numpy()), place.xy)
    true = truth.set_index("area_id").reindex(place.finest)
    for name in ("all", *home.measure.indicator_ids):
        value = true["headcount_ratio" if name == "all" else name].to_numpy(dtype=float)
        real = hot_spots.decided(hot_spots.local_statistics(value, matrix)).hot
        mine = (
            hot[hot["indicator_id"] == name].set_index("area_id").reindex(place.finest)["is_hot"].to_numpy(dtype=bool)
        )
        both = (real & mine).sum()
        print(
            f"hot spots {name:18s} true {real.sum():4d} found {mine.sum():4d} both {both:4d}"
            f" recall {both / max(real.sum(), 1):.2f} precision {both / max(mine.sum(), 1):.2f}"
        )


if __name__ == "__main__":
    main()
