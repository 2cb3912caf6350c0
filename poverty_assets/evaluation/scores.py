"""Scores of estimates of the finest level against truth: coverage, width, bias, spread, error, by evidence and kind of area.

Belongs here: rows of ``model_metric`` with fold design ``truth``. Does not belong here: reading truth (``truth``), scores on
held-out areas (``judging.scores``), pictures (``reports.pictures.evaluation``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray
from poverty_assets.judging.scores import spearman
from poverty_assets.measure.measure import Measure, k_value
from poverty_assets.measurement.joint import JointFigures, figures_of_profiles
from poverty_assets.small_area.association.raking import independent
from poverty_assets.small_area.draws import draws_matrix
from poverty_assets.small_area.intervals import bounds_of_draws

COLUMNS = ("target_kind", "target", "learner", "feature", "fold_design", "subgroup", "metric", "value", "n")
LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Nominal levels of intervals whose coverage is shown."""
REMOTE_THIRDS = ("nearest", "middle", "remotest")
MINORITY_HEAVY = 0.1
"""Share of ethnic minorities in the population above which an area of the finest level counts as minority-heavy."""


@dataclass(frozen=True)
class Compared:
    """One figure of every area of the finest level beside its true value.

    Attributes
    ----------
    target : str
        The figure: ``headcount_ratio``, ``mpi`` or an indicator.
    table : DataFrame
        ``area_id, method, n_households, estimate, true, ci_low, ci_high``.
    draws : ndarray of float32, shape (n, r)
    """

    target: str
    table: pd.DataFrame
    draws: npt.NDArray[np.float32]


def compare(draws: pd.DataFrame, truth: pd.DataFrame, measure: Measure) -> list[Compared]:
    """H, M0 and the headcount of every indicator of finest areas, estimated and true.

    Of a measure that the truth knows in part only its indicators that the truth knows are compared.

    Parameters
    ----------
    draws : DataFrame (lake: ``area_draw``)
    truth : DataFrame (``truth.finest_truth``)
    """
    figures = [(name, name, "all") for name in ("headcount_ratio", "mpi") if knows(truth, measure)]
    figures += [(name, "uncensored", name) for name in measure.indicator_ids if name in truth]
    poor, out = k_value(measure.cutoffs.poor), []
    for name, statistic, indicator in figures:
        own = draws[draws["area_id"].isin(truth["area_id"])]
        own = own[(own["statistic"] == statistic) & (own["indicator_id"] == indicator) & np.isclose(own["k"], poor)]
        own = own.reset_index(drop=True)
        values = draws_matrix(own)
        table = own[["area_id", "method", "n_households", "estimate"]].copy()
        table["true"] = truth.set_index("area_id")[name].reindex(own["area_id"]).to_numpy()
        table["ci_low"], table["ci_high"] = bounds_of_draws(table["estimate"].to_numpy(), values, 0.95)
        out.append(Compared(name, table, values))
    return out


def knows(truth: pd.DataFrame, measure: Measure) -> bool:
    """Whether the truth has every indicator of a measure."""
    return set(measure.indicator_ids) <= set(truth)


def scores(compared: list[Compared], kinds: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``model_metric``, without ``quarter``: each figure over finest areas with and without survey households, and
    over kinds of area.

    Parameters
    ----------
    kinds : DataFrame
        ``area_id`` and columns whose values part the finest areas (``truth.kinds_of_area``).
    """
    rows: list[tuple[str, str, str, str, float, int]] = []
    for one in compared:
        for method, own in one.table.groupby("method", sort=True):
            rows += [(one.target, str(method), "all", m, v, len(own)) for m, v in _scores(own)]
            parted = own.merge(kinds, on="area_id")
            for column in kinds.columns.drop("area_id"):
                for value, part in parted.groupby(column, sort=True, observed=True):
                    chosen = {m: v for m, v in _scores(part) if m in ("coverage95", "bias", "mae")}
                    rows += [(one.target, str(method), f"{column}={value}", m, v, len(part)) for m, v in chosen.items()]
    made = pd.DataFrame(rows, columns=["target", "learner", "subgroup", "metric", "value", "n"])
    return made.assign(target_kind="truth", fold_design="truth", feature="")[list(COLUMNS)]


def _scores(table: pd.DataFrame) -> Iterator[tuple[str, float]]:
    true, estimate = table["true"].to_numpy(), table["estimate"].to_numpy()
    away, low, high = estimate - true, table["ci_low"].to_numpy(), table["ci_high"].to_numpy()
    poorest = np.argsort(-true, kind="stable")[: max(len(true) // 10, 1)]
    yield "coverage95", float(np.mean((true >= low - 1e-9) & (true <= high + 1e-9)))
    yield "width95", float(np.mean(high - low))
    yield "bias", float(np.mean(away))
    yield "bias_poorest_tenth", float(np.mean(away[poorest]))
    yield "sd_ratio", float(estimate.std() / true.std()) if true.std() > 0 else float("nan")
    yield "mae", float(np.mean(np.abs(away)))
    yield "rmse", float(np.sqrt(np.mean(away**2)))
    yield "spearman", float(spearman(true, estimate)) if len(true) > 2 and np.ptp(true) > 0 else float("nan")
    yield "exactly_0_or_1", float(np.sum((estimate <= 0) | (estimate >= 1)))


def coverage_by_level(compared: Compared) -> pd.DataFrame:
    """Coverage of intervals of several nominal levels, by evidence: ``method, level, coverage``."""
    rows = []
    for level in LEVELS:
        low, high = bounds_of_draws(compared.table["estimate"].to_numpy(), compared.draws, level)
        inside = (compared.table["true"] >= low - 1e-9) & (compared.table["true"] <= high + 1e-9)
        rows += [(method, level, float(v)) for method, v in inside.groupby(compared.table["method"]).mean().items()]
    return pd.DataFrame(rows, columns=["method", "level", "coverage"])


def bias_by_decile(compared: Compared) -> pd.DataFrame:
    """Mean error by decile of the true figure, by evidence: ``method, decile`` (1 the least deprived), ``bias``."""
    table = compared.table.assign(away=compared.table["estimate"] - compared.table["true"])
    decile = np.ceil(table["true"].rank(method="first") / len(table) * 10).astype(int)
    return table.groupby(["method", decile.rename("decile")])["away"].mean().rename("bias").reset_index()


def profile_scores(
    profiles: FloatArray,
    true_profiles: FloatArray,
    rows: npt.NDArray[np.bool_],
    measure: Measure,
    *,
    learner: str = "small_area",
) -> pd.DataFrame:
    """Errors of joint profiles, and how they compare with those of independent deprivations of the same margins.

    Parameters
    ----------
    profiles, true_profiles : ndarray, shape (n, 2^d)
    rows : ndarray of bool, shape (n,)
        Finest areas scored.

    Returns
    -------
    DataFrame
        Target ``profiles``; ``pairs_error`` (mean absolute error of shares deprived in both), ``h_error`` and ``total_variation``,
        each also as ``..._against_independence``: the relative difference, negative where smaller.
    """
    wanted = figures_of_profiles(true_profiles[rows], measure)
    alone = independent(figures_of_profiles(profiles[rows], measure).uncensored)
    errors = [_profile_errors(p, true_profiles[rows], wanted, measure) for p in (profiles[rows], alone)]
    out = []
    for metric, value in errors[0].items():
        for name, found in ((metric, value), (f"{metric}_against_independence", value / errors[1][metric] - 1)):
            out.append(("profiles", "all", learner, "", "truth", "all", name, found, int(rows.sum())))
    return pd.DataFrame(out, columns=list(COLUMNS))


def _profile_errors(profiles: FloatArray, true: FloatArray, wanted: JointFigures, measure: Measure) -> dict[str, float]:
    f = figures_of_profiles(profiles, measure)
    return {
        "pairs_error": float(np.abs(f.pairs["share_both"] - wanted.pairs["share_both"]).mean()),
        "h_error": float(np.abs(f.headcount_ratio[:, 1] - wanted.headcount_ratio[:, 1]).mean()),
        "total_variation": float(0.5 * np.abs(profiles - true).sum(axis=1).mean()),
    }
