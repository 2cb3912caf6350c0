"""Estimates of communes against a truth that is handed in: errors, coverage, spread, and what joint profiles gain.

Belongs here: scores as rows in the form of ``model_metric`` with the fold design ``truth``. Does not belong here: reading a truth
(the twin's is read by the evaluation assets alone), estimating, held-out scores (``competition``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray
from poverty_assets.judging.scores import spearman
from poverty_assets.measure.measure import Measure
from poverty_assets.measurement.joint import JointFigures, figures_of_profiles, figures_of_totals
from poverty_assets.small_area.association.raking import independent
from poverty_assets.small_area.rows import Drawn, _interval

BoolArray = npt.NDArray[np.bool_]

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Nominal levels that coverage is measured at."""
_COLUMNS = ["target", "learner", "fold_design", "metric", "value", "n"]
_AREAS_AT_ONCE = 200


def scores(
    drawn: Drawn,
    true_profiles: FloatArray,
    sampled: BoolArray,
    groups: Mapping[str, BoolArray],
    measure: Measure,
    *,
    learner: str = "small_area",
) -> pd.DataFrame:
    """Scores of H, M0 and every uncensored headcount over communes.

    Parameters
    ----------
    drawn : Drawn
        With the communes last, as ``tables.rollup`` orders them.
    true_profiles : ndarray, shape (n, 2^d)
        Share of people with each set of deprivations.
    sampled : ndarray of bool, shape (n,)
        Communes with households in the survey.
    groups : mapping of str to ndarray of bool, shape (n,)
        Further groups of communes, as urban ones, whose metrics are named ``metric:group``. Plain names are of the communes
        without survey households (all communes where each has some), ``:sampled`` of the others.
    measure : Measure
    learner : str

    Returns
    -------
    DataFrame
        ``target, learner, fold_design, metric, value, n``: ``coverage50`` to ``coverage95``, ``width95``, ``bias``, ``mae``,
        ``rmse``, ``spearman``, ``sd_ratio``, ``bias_poorest_tenth``, ``bias_decile_1`` (least deprived in truth) to ``_10``, and
        ``zero_or_one``, the number of communes at exactly 0 or 1.
    """
    n = len(true_profiles)
    targets = _targets(measure)
    truth = figures_of_profiles(true_profiles, measure)
    wanted = np.column_stack([pick(truth) for pick in targets.values()])
    point, low, high, covered = _estimates(drawn, n, wanted, list(targets.values()), measure)
    unseen = ~sampled if (~sampled).any() else np.ones(n, dtype=bool)
    chosen = {"": unseen, **({":sampled": sampled} if sampled.any() else {})}
    chosen.update({f":{name}": rows for name, rows in groups.items()})
    rows: list[tuple[Any, ...]] = []
    for suffix, which in chosen.items():
        if not which.any():
            continue
        for j, target in enumerate(targets):
            found = _of_target(point[which, j], wanted[which, j], detailed=not suffix)
            found["width95"] = float(np.mean((high - low)[which, j]))
            for level, inside in zip(LEVELS, covered, strict=True):
                if not suffix or level == LEVELS[-1]:
                    found[f"coverage{round(level * 100)}"] = float(inside[which, j].mean())
            rows += [(target, learner, "truth", f"{m}{suffix}", v, int(which.sum())) for m, v in found.items()]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _targets(measure: Measure) -> dict[str, Callable[[JointFigures], FloatArray]]:
    def headcount(j: int) -> Callable[[JointFigures], FloatArray]:
        return lambda f: np.asarray(f.uncensored[..., j])

    out = {f"margin:{name}": headcount(j) for j, name in enumerate(measure.indicator_ids)}
    out["headcount_ratio"] = lambda f: np.asarray(f.headcount_ratio[..., 1])
    out["mpi"] = lambda f: np.asarray(f.mpi[..., 1])
    return out


def _estimates(
    drawn: Drawn, n: int, wanted: FloatArray, picks: list[Callable[[JointFigures], FloatArray]], measure: Measure
) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray]:
    """Point, 95% interval (all (n, targets)), and whether the truth lies within each level's interval."""
    n_figures = drawn.point.shape[1] - (1 << len(measure.dimensions))
    point, low, high = (np.empty_like(wanted) for _ in range(3))
    covered = np.empty((len(LEVELS), *wanted.shape), dtype=bool)
    for at in range(0, n, _AREAS_AT_ONCE):
        rows = slice(at, min(at + _AREAS_AT_ONCE, n))
        areas = slice(len(drawn.point) - n + at, len(drawn.point) - n + rows.stop)
        middle = figures_of_totals(drawn.point[areas, :n_figures], measure)
        draws = figures_of_totals(drawn.draws[:, areas, :n_figures].astype(float), measure)
        for j, pick in enumerate(picks):
            point[rows, j], each = pick(middle), pick(draws)
            found = _interval(point[rows, j, None], each[:, :, None])
            low[rows, j], high[rows, j] = found["ci_low"][:, 0], found["ci_high"][:, 0]
            true = wanted[rows, j]
            for k, level in enumerate(LEVELS[:-1]):
                ends = np.quantile(each, [(1 - level) / 2, (1 + level) / 2], axis=0)
                covered[k, rows, j] = (true >= ends[0]) & (true <= ends[1])
            covered[-1, rows, j] = (true >= low[rows, j] - 1e-9) & (true <= high[rows, j] + 1e-9)
    return point, low, high, covered


def _of_target(estimate: FloatArray, true: FloatArray, *, detailed: bool) -> dict[str, float]:
    """Scores of one target; ``detailed``: by tenths of the truth too."""
    error, order = estimate - true, np.argsort(true, kind="stable")
    tenths = np.array_split(order, 10)
    out = {
        "bias": float(error.mean()),
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "zero_or_one": float(np.sum((estimate <= 0) | (estimate >= 1))),
    }
    if len(true) > 10:
        out["spearman"] = float(spearman(estimate, true))
        out["sd_ratio"] = float(estimate.std() / true.std()) if np.ptp(true) > 0 else np.nan
        out["bias_poorest_tenth"] = float(error[tenths[-1]].mean())
    if detailed and len(true) > 10:
        out.update({f"bias_decile_{k}": float(error[rows].mean()) for k, rows in enumerate(tenths, 1)})
    return out


def profile_scores(
    profiles: FloatArray, true_profiles: FloatArray, rows: BoolArray, measure: Measure, *, learner: str = "small_area"
) -> pd.DataFrame:
    """Errors of joint profiles, and how they compare with those of independent deprivations of the same margins.

    Parameters
    ----------
    profiles, true_profiles : ndarray, shape (n, 2^d)
    rows : ndarray of bool, shape (n,)
        Communes scored.

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
            out.append(("profiles", learner, "truth", name, found, int(rows.sum())))
    return pd.DataFrame(out, columns=_COLUMNS)


def _profile_errors(profiles: FloatArray, true: FloatArray, wanted: JointFigures, measure: Measure) -> dict[str, float]:
    f = figures_of_profiles(profiles, measure)
    return {
        "pairs_error": float(np.abs(f.pairs["share_both"] - wanted.pairs["share_both"]).mean()),
        "h_error": float(np.abs(f.headcount_ratio[:, 1] - wanted.headcount_ratio[:, 1]).mean()),
        "total_variation": float(0.5 * np.abs(profiles - true).sum(axis=1).mean()),
    }


def point_scores(target: str, estimate: FloatArray, true: FloatArray, rows: BoolArray, *, learner: str) -> pd.DataFrame:
    """Scores of a point prediction alone, as of a model fitted to H directly; arguments over n communes."""
    found = _of_target(estimate[rows], true[rows], detailed=False)
    return pd.DataFrame(
        [(target, learner, "truth", metric, value, int(rows.sum())) for metric, value in found.items()],
        columns=_COLUMNS,
    )
