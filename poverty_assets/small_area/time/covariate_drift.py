"""Covariates of a quarter against those that the model was trained on: is the quarter one that the model knows?

Belongs here: the population stability index of every feature, its limits, and what is said of features beyond them. Does not
belong here: features outside the training cloud of single finest areas, or what estimates do about it.

The index compares two distributions over bins (deciles of the training values; Siddiqi 2006, Credit Risk Scorecards)::

    PSI = sum_b (now_b - training_b) ln(now_b / training_b)

0.1 and 0.25 are the customary limits for some ten bins. Without any drift it is (bins - 1)(1 / n + 1 / m) on average for
samples of n and m (Yurdakul and Naranjo 2020, Journal of Risk Model Validation 14): 0.011 for 1,661 finest areas, but 0.25 for 70.
What chance alone gives is therefore taken off.

Rain, vegetation and heat in the dry season are not those of the wet one: a feature whose two observations fall in different
quarters of the year is compared with its values in the same quarter of the year before the wave's end, where these are given.
Where they are not, its index is shown and it is not called drifted: season and drift cannot be told apart. Even in its own
season weather differs from year to year by more than the limits. It is named, but the estimates are flagged only where a
drifted feature moves them: one that the nowcast follows (``small_area.time.nowcast``), since the others stay at their training
values.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray, normal_ranks
from poverty_assets.small_area.time.nowcast import is_followed

MOVED, DRIFTED = 0.1, 0.25
"""Limits of the index: from the first the feature is watched, beyond the second estimates are flagged."""
FLAG = "covariate_drift"
BINS = 10
FEW_VALUES = 10
"""Features of at most so many distinct training values are categories, each value a bin."""
TRAINING, SAME_SEASON, OTHER_SEASON = "training", "same_season", "other_season"
_PSEUDO = 0.5  # finest areas added to every bin: an empty bin would make the index infinite


def population_stability_index(training: npt.ArrayLike, now: npt.ArrayLike) -> tuple[float, int]:
    """Index of one feature, and over how many bins.

    Parameters
    ----------
    training, now : array-like, shape (n,), (m,)
        NaN where not known: a bin of its own, since a source that fails for some areas has drifted too.

    Returns
    -------
    psi : float
        0 or more; NaN where either side has no area at all.
    bins : int
        Bins that either side falls in; with 1 there is nothing to compare and the index is 0.
    """
    a, b = np.asarray(training, dtype=float), np.asarray(now, dtype=float)
    if not len(a) or not len(b):
        return float("nan"), 0
    in_bins = _binning(a[np.isfinite(a)])
    first, second = in_bins(a), in_bins(b)
    size = int(max(first.max(), second.max())) + 1
    counts = np.stack([np.bincount(first, minlength=size), np.bincount(second, minlength=size)]).astype(float)
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2:
        return 0.0, counts.shape[1]
    share = (counts + _PSEUDO) / (counts + _PSEUDO).sum(axis=1, keepdims=True)
    return float(((share[1] - share[0]) * np.log(share[1] / share[0])).sum()), counts.shape[1]


def chance_index(bins: int, n_training: int, n_now: int) -> float:
    """The index expected without drift: (bins - 1)(1 / n + 1 / m).

    Examples
    --------
    >>> round(float(chance_index(10, 1661, 1661)), 3)
    0.011
    """
    return max(bins - 1, 0) * (1 / max(n_training, 1) + 1 / max(n_now, 1))


def stability(training: pd.DataFrame, now: pd.DataFrame, *, same_season: pd.DataFrame | None = None) -> pd.DataFrame:
    """Stability of every feature that the model was trained on.

    Parameters
    ----------
    training, now : DataFrame (catalog: ``area_feature``)
        ``area_id, feature_id, value, observed_on`` of the finest areas, as of the wave and as of the quarter. A feature without
        ``observed_on`` (a register's rate) has no season.
    same_season : DataFrame, optional
        The same of the last quarter, not after the wave's end, that has the quarter's season.

    Returns
    -------
    DataFrame
        ``feature_id, psi`` (what chance gives taken off), ``reference`` (`TRAINING`, `SAME_SEASON` or `OTHER_SEASON`), ``followed``
        (the nowcast moves with it), ``moved`` (beyond 0.1), ``drifted`` (beyond 0.25; never in another season). A feature that
        the quarter lacks has no index and has drifted. Most drifted first.
    """
    areas = np.union1d(training["area_id"], now["area_id"])
    wide = {
        name: _wide(table, areas) for name, table in (("training", training), ("now", now), ("season", same_season))
    }
    season_then, season_now, season_matched = (_seasons(table) for table in (training, now, same_season))
    rows = []
    for feature in sorted(wide["training"]):
        values, reference = wide["training"][feature], TRAINING
        if feature not in wide["now"]:
            rows.append((feature, float("nan"), reference, True, True, True))
            continue
        follows = _follows(values, wide["now"][feature])
        season = season_now.get(feature)
        if feature in season_then and season is not None and season_then[feature] != season:
            matched = feature in wide["season"] and season_matched.get(feature) == season
            reference = SAME_SEASON if matched else OTHER_SEASON
            values = wide["season"][feature] if matched else values
        raw, bins = population_stability_index(values, wide["now"][feature])
        psi = max(raw - chance_index(bins, len(areas), len(areas)), 0.0)
        told = reference != OTHER_SEASON
        rows.append((feature, psi, reference, follows, told and psi > MOVED, told and psi > DRIFTED))
    table = pd.DataFrame(rows, columns=["feature_id", "psi", "reference", "followed", "moved", "drifted"])
    return table.sort_values(["psi", "feature_id"], ascending=[False, True], na_position="first", ignore_index=True)


def quarter_stability(wave_features: pd.DataFrame, features: pd.DataFrame, finest: pd.Index) -> pd.DataFrame:
    """Stability of a quarter's features against those of the latest survey wave, season by season.

    Parameters
    ----------
    wave_features : DataFrame (lake: ``wave_feature``)
        Features of the two latest waves and of the season; rates of registers have no day and are left out.
    features : DataFrame (catalog: ``area_feature``)
    finest : Index of area_id

    Returns
    -------
    DataFrame
        As `stability`; no rows where there is no wave.
    """
    dated = wave_features[wave_features["observed_on"].notna() & wave_features["area_id"].isin(finest)]
    season, waves = dated[dated["time_kind"] == "same_season"], dated[dated["time_kind"] == "wave"]
    if waves.empty:
        return pd.DataFrame(columns=["feature_id", "psi", "reference", "followed", "moved", "drifted"])
    last = waves[waves["wave"] == waves.sort_values("at_quarter", kind="stable")["wave"].iloc[-1]]
    return stability(last, features[features["area_id"].isin(finest)], same_season=season)


def drift_flag(stable: pd.DataFrame) -> str:
    """What ``quality_flag`` of the quarter's modelled estimates says: `FLAG`, or nothing."""
    return FLAG if (stable["drifted"] & stable["followed"]).any() else ""


def drift_message(stable: pd.DataFrame, limit: int = 8) -> str:
    """The outcome in a sentence that names the features."""
    drifted, n = stable["drifted"], len(stable)
    flagged, weather = stable[drifted & stable["followed"]], stable[drifted & ~stable["followed"]]
    moved, unmatched = stable[stable["moved"] & ~drifted], int((stable["reference"] == OTHER_SEASON).sum())
    parts = [f"none of {n} features that estimates follow has drifted from the training data (index above {DRIFTED:g})"]
    if len(flagged):
        parts = [
            f"{len(flagged)} of {n} features have drifted from the training data (index above {DRIFTED:g}) and move the"
            f" estimates: {_named(flagged, limit)}; see whether their sources changed sensor, unit or coverage"
        ]
    if len(weather):
        parts.append(f"drifted, and held at their training values: {_named(weather, limit)}")
    if len(moved):
        parts.append(f"to be watched (above {MOVED:g}): {_named(moved, limit)}")
    if unmatched:
        parts.append(f"{unmatched} observed in another season than in training, not judged")
    return "; ".join(parts)


def _named(rows: pd.DataFrame, limit: int) -> str:
    names = [
        f"{row.feature_id} (absent)" if pd.isna(row.psi) else f"{row.feature_id} ({row.psi:.2f})"
        for row in rows.head(limit).itertuples()
    ]
    return ", ".join(names) + (f" and {len(rows) - limit} more" if len(rows) > limit else "")


def _follows(training: FloatArray, now: FloatArray) -> bool:
    """Whether the nowcast follows the feature; one without two training values has no move to follow, but may drift."""
    first, second = normal_ranks(training), normal_ranks(now)
    return bool(is_followed(first, second)[0]) or not first.any()


def _binning(known: FloatArray) -> Callable[[FloatArray], npt.NDArray[np.int64]]:
    """A function from values to bins: 0 for missing, then deciles of the training values or, for few values, the values."""
    distinct = np.unique(known)
    if len(distinct) <= FEW_VALUES:
        # a value that training never had gets a bin of its own, whichever it is
        def category(values: FloatArray) -> npt.NDArray[np.int64]:
            at = np.minimum(np.searchsorted(distinct, values), max(len(distinct) - 1, 0))
            found = distinct[at] == values if len(distinct) else np.zeros(len(values), dtype=bool)
            return np.where(np.isfinite(values), np.where(found, at + 2, 1), 0)

        return category
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS))

    def decile(values: FloatArray) -> npt.NDArray[np.int64]:
        return np.where(np.isfinite(values), np.searchsorted(edges, values, side="left") + 1, 0)

    return decile


def _wide(table: pd.DataFrame | None, areas: npt.NDArray[np.object_]) -> dict[str, FloatArray]:
    """Values of each feature over the areas, NaN where there is none."""
    if table is None or table.empty:
        return {}
    values = table.pivot(index="area_id", columns="feature_id", values="value").reindex(areas)
    return {str(name): values[name].to_numpy(dtype=float) for name in values}


def _seasons(table: pd.DataFrame | None) -> dict[str, int]:
    """Quarter of the year in which each feature was last observed."""
    if table is None or table.empty:
        return {}
    days = table[["feature_id", "observed_on"]].dropna().drop_duplicates()
    last = pd.to_datetime(days["observed_on"]).groupby(days["feature_id"]).max()
    return {str(feature): int(day.quarter) for feature, day in last.items()}
