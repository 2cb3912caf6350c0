"""Learners by name, and the columns that they learn from.

Belongs here: how each learner and each baseline is put together. Does not belong here: folds and scores (``validation``),
or which learner wins (``register_model``).

Learners predict a rate on the logit scale from a ``Design``; baselines are learners too, so that one table compares all.
scikit-learn is imported where it is used: it takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.arrays import rate_logit
from poverty_assets.errors import SpecificationError

PLACE = ("x_m", "y_m")
PROVINCE = "province"
# Neighbourhood means are taken with a Gaussian weight: about one commune, one district and one province across.
NEIGHBOURHOODS_METRES = (8_000.0, 30_000.0, 60_000.0)
LAGGED = ("last_register", "last_register_less_province")


@dataclass(frozen=True, eq=False)
class Design:
    """What learners see of every area, row by row.

    Attributes
    ----------
    features : DataFrame, shape (n, p)
        As measured; missing where not known.
    wide : DataFrame, shape (n, 4p + 2)
        Features, their means over neighbourhoods (made of features only: nothing of the target) and the coordinates.
    province : numpy.ndarray of str, shape (n,)
    lagged : numpy.ndarray of float, shape (n,)
        An earlier register's rate, for baselines alone; NaN where there is none.
    """

    features: pd.DataFrame
    wide: pd.DataFrame
    province: np.ndarray
    lagged: np.ndarray

    @property
    def xy(self) -> np.ndarray:
        """Coordinates in metres, shape (n, 2)."""
        return self.wide[list(PLACE)].to_numpy(dtype=float)


def design(features: pd.DataFrame, xy: np.ndarray, province: np.ndarray, lagged: np.ndarray | None = None) -> Design:
    """Put a design together.

    Features without two distinct values are left out: there is nothing to learn from them.

    Parameters
    ----------
    features : DataFrame, shape (n, p)
    xy : numpy.ndarray, shape (n, 2)
        Metric coordinates.
    province : numpy.ndarray of str, shape (n,)
    lagged : numpy.ndarray, shape (n,), optional
    """
    from poverty_assets.geography.neighbours import gaussian, neighbourhood_mean

    kept = features.loc[:, features.nunique() > 1].astype(float)
    means = [
        neighbourhood_mean(kept, gaussian(xy, size, reach=2.5), f"|{size / 1000:g}km") for size in NEIGHBOURHOODS_METRES
    ]
    place = pd.DataFrame(xy, columns=list(PLACE), index=kept.index)
    past = np.full(len(kept), np.nan) if lagged is None else np.asarray(lagged, dtype=float)
    return Design(kept, pd.concat([kept, *means, place], axis=1), np.asarray(province, dtype=str), past)


@dataclass(frozen=True)
class Learner:
    """A learner and how it is run.

    Attributes
    ----------
    build : callable
        ``build(seed)`` gives a scikit-learn estimator for ``Design.wide``; None for an average of ``members``.
    members : tuple of str
        Learners whose predictions on the logit scale are averaged.
    is_baseline : bool
        Baselines are scored and never chosen.
    by_province : bool
        Also scored leaving one province out: a fit a province, so only learners that are quick to fit are.
    needs_lagged : bool
        Learns from, and predicts, only areas with an earlier register's rate.
    """

    name: str
    build: Callable[[int], Any] | None
    members: tuple[str, ...] = ()
    is_baseline: bool = False
    by_province: bool = True
    needs_lagged: bool = False


def _imputed(*steps: Any) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    return make_pipeline(SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), *steps)


def _ranked(estimator: Any) -> Any:
    from sklearn.preprocessing import QuantileTransformer, StandardScaler

    return _imputed(
        QuantileTransformer(n_quantiles=50, output_distribution="normal", random_state=0), StandardScaler(), estimator
    )


def _process(**options: Any) -> Callable[[int], Any]:
    """Builder of a Gaussian process: its held-out predictions, under any folds, cost one fit in all."""

    def build(seed: int) -> Any:
        from poverty_assets.registers.gaussian_process import SpatialGaussianProcess

        return SpatialGaussianProcess(**{"place": PLACE, "group": PROVINCE, **options})

    return build


_OWN, _COMMUNE, _DISTRICT, _PROVINCE_WIDE = "", *(f"{size / 1000:g}km" for size in NEIGHBOURHOODS_METRES)
# Variances and scales are chosen on the mean over block grids of several origins, none of them the published one. Scores vary
# little about these values; what matters is noise that is not too small, and the linear part beside the smooth one.
_ridge = _process(
    place=(), group_variance=0.0, feature_variance=0.0, linear_variance=0.05, noise=0.6,
    linear_over=(_OWN, _DISTRICT, _PROVINCE_WIDE),
)  # fmt: skip
_gaussian_process = _process(
    feature_over=(_OWN, _COMMUNE), linear_over=(_OWN, _DISTRICT), feature_variance=0.6, linear_variance=0.05,
    place_variance=0.1, place_scale=10_000.0, group_variance=0.3, noise=0.4,
)  # fmt: skip
_gaussian_process_wide = _process(
    feature_over=(_OWN, _COMMUNE, _DISTRICT), linear_over=(_OWN, _DISTRICT), feature_variance=0.3, linear_variance=0.1,
    place_variance=0.3, place_scale=20_000.0, group_variance=0.2, noise=0.6,
)  # fmt: skip
_gaussian_process_no_province = _process(
    feature_over=(_OWN, _COMMUNE, _DISTRICT), linear_over=(_OWN, _DISTRICT), feature_variance=1.0, linear_variance=0.05,
    place_variance=0.2, place_scale=10_000.0, group_variance=0.0, noise=0.3,
)  # fmt: skip
# without an effect of the province: held out in part, a province's mean errs against its other part, and spoils its order
_with_last_register = _process(
    feature_over=(_OWN, _COMMUNE, _DISTRICT), linear_over=(_OWN, _DISTRICT), feature_variance=1.0, linear_variance=0.02,
    place_variance=0.2, place_scale=10_000.0, group_variance=0.0, noise=0.3, direct=LAGGED,
)  # fmt: skip


def _svr(seed: int) -> Any:
    from sklearn.svm import SVR

    return _ranked(SVR(C=0.3, gamma=0.002, epsilon=0.1))


# Forests use one thread: with several, predictions are added up in the order in which threads finish, and the last digit of
# the same model differs from run to run.
def _random_forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return _imputed(RandomForestRegressor(150, min_samples_leaf=3, max_features=0.2, n_jobs=1, random_state=seed))


def _with_province(estimator: Any, *, impute: bool) -> Any:
    """Province as its mean in the training data, shrunk and cross-fitted (Micci-Barreca 2001), beside the other columns."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.model_selection import KFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import TargetEncoder

    others = SimpleImputer(strategy="median", keep_empty_features=True) if impute else "passthrough"
    encoder = TargetEncoder(target_type="continuous", cv=KFold(5, shuffle=True, random_state=0))
    return make_pipeline(ColumnTransformer([("province", encoder, [PROVINCE])], remainder=others), estimator)


def _extra_trees(seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesRegressor

    forest = ExtraTreesRegressor(40, min_samples_leaf=3, max_features=0.25, n_jobs=1, random_state=seed)
    return _with_province(forest, impute=True)


def _hist_gradient_boosting(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    boosting = HistGradientBoostingRegressor(
        max_iter=80, learning_rate=0.08, max_leaf_nodes=8, min_samples_leaf=25, l2_regularization=5.0,
        max_features=0.2, random_state=seed,
    )  # fmt: skip
    return _with_province(boosting, impute=False)


def _province_mean(seed: int) -> Any:
    from poverty_assets.registers.baselines import ProvinceMean

    return ProvinceMean()


def _nearest_commune(seed: int) -> Any:
    from sklearn.neighbors import KNeighborsRegressor

    return KNeighborsRegressor(n_neighbors=1)


def _alone(seed: int) -> Any:
    from poverty_assets.registers.baselines import OneFeature

    return OneFeature()


LEARNERS = {
    learner.name: learner
    for learner in (
        Learner("ridge", _ridge),
        Learner("svr", _svr, by_province=False),
        Learner("random_forest", _random_forest, by_province=False),
        Learner("extra_trees", _extra_trees, by_province=False),
        Learner("hist_gradient_boosting", _hist_gradient_boosting, by_province=False),
        # the effect of a province helps where a part of the province was seen, and not beyond
        Learner("gaussian_process", _gaussian_process),
        Learner("gaussian_process_wide", _gaussian_process_wide),
        Learner("gaussian_process_no_province", _gaussian_process_no_province),
        Learner("gaussian_processes", None, ("gaussian_process", "gaussian_process_wide")),
        Learner("ensemble", None, ("gaussian_process", "gaussian_process_wide", "ridge")),
        Learner("ensemble_no_province", None, ("gaussian_process_no_province", "ridge")),
        Learner(
            "ensemble_trees", None, ("gaussian_process", "gaussian_process_wide", "extra_trees"), by_province=False
        ),
        Learner("province_mean", _province_mean, is_baseline=True),
        Learner("nearest_commune", _nearest_commune, is_baseline=True),
        Learner("last_register", None, is_baseline=True, needs_lagged=True),
        # a forecast from the register's own past: shown beside the others, never chosen to say what a register should hold
        Learner("last_register_and_features", _with_last_register, is_baseline=True, needs_lagged=True),
    )
}
# Trees cost 10 times what these cost together, and added at most 0.002 to the Spearman correlation of their average.
DEFAULT = (
    "ridge", "gaussian_process", "gaussian_process_wide", "gaussian_process_no_province", "gaussian_processes", "ensemble",
    "ensemble_no_province",
)  # fmt: skip
BASELINES = ("province_mean", "nearest_commune", "last_register", "last_register_and_features")
ALONE = "alone:"


def learner(name: str) -> Learner:
    """The learner of that name; ``alone:<feature>`` is the baseline that knows one feature only.

    Raises
    ------
    SpecificationError
        If there is none.
    """
    if name.startswith(ALONE):
        return Learner(name, _alone, is_baseline=True)
    if name not in LEARNERS:
        raise SpecificationError(f"{name!r} is not a learner", remedy=f"one of {', '.join(LEARNERS)}")
    return LEARNERS[name]


def columns_for(name: str, data: Design) -> pd.DataFrame:
    """The columns of the design that a learner is given."""
    if name == "province_mean":
        return pd.DataFrame({PROVINCE: data.province}, index=data.features.index)
    if name == "nearest_commune":
        return data.wide[list(PLACE)]
    if name.startswith(ALONE):
        return data.features[[name.removeprefix(ALONE)]]
    if name in ("ridge", "svr", "random_forest"):
        return data.wide
    wide = data.wide.assign(**{PROVINCE: data.province})
    return wide.assign(**_lagged_columns(data)) if name == "last_register_and_features" else wide


def _lagged_columns(data: Design) -> dict[str, np.ndarray]:
    """The earlier rate, and its log odds less their mean over the province."""
    odds = rate_logit(data.lagged, least=0.01)
    mean = pd.Series(odds).groupby(data.province).transform("mean").to_numpy()
    return dict(zip(LAGGED, (data.lagged, odds - mean), strict=True))


def rows_for(name: str, data: Design) -> np.ndarray:
    """Areas that a learner has anything to say of, shape (n,)."""
    return np.isfinite(data.lagged) if learner(name).needs_lagged else np.ones(len(data.province), dtype=bool)


def in_order(names: Sequence[str]) -> list[str]:
    """Names with the members of every average before it, each once."""
    ordered: list[str] = []
    for name in names:
        ordered += [*learner(name).members, name]
    return list(dict.fromkeys(ordered))
