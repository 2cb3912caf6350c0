"""The league of a register's rate: its learners and baselines by name, and the design that they learn from.

Belongs here: how each learner and each baseline is put together. Does not belong here: how a league is played, folds and scores
(``judging``), or which learner wins (``model``).

Learners predict a rate on the logit scale from a ``Design``; baselines are learners too, so that one table compares all.
scikit-learn is imported where it is used: it takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.arrays import rate_logit
from poverty_assets.errors import SpecificationError
from poverty_assets.judging.baselines import GroupMean, NearestArea
from poverty_assets.judging.league import Learner

PLACE = ("x_m", "y_m")
PUBLISHED = "published"
# Neighbourhood means are taken with a Gaussian weight: some 8, 30 and 60 km across, from about one
# finest area to about one published area.
NEIGHBOURHOODS_METRES = (8_000.0, 30_000.0, 60_000.0)
LAGGED = ("last_register", "last_register_less_published")


@dataclass(frozen=True, eq=False)
class Design:
    """What learners see of every area, row by row.

    Attributes
    ----------
    features : DataFrame, shape (n, p)
        As measured; missing where not known.
    wide : DataFrame, shape (n, 4p + 2)
        Features, their means over neighbourhoods (made of features only: nothing of the target) and the coordinates.
    published : numpy.ndarray of str, shape (n,)
    lagged : numpy.ndarray of float, shape (n,)
        An earlier register's rate, for baselines alone; NaN where there is none.
    """

    features: pd.DataFrame
    wide: pd.DataFrame
    published: np.ndarray
    lagged: np.ndarray


def design(features: pd.DataFrame, xy: np.ndarray, published: np.ndarray, lagged: np.ndarray | None = None) -> Design:
    """Put a design together.

    Features without two distinct values are left out: there is nothing to learn from them.

    Parameters
    ----------
    features : DataFrame, shape (n, p)
    xy : numpy.ndarray, shape (n, 2)
        Metric coordinates.
    published : numpy.ndarray of str, shape (n,)
    lagged : numpy.ndarray, shape (n,), optional
    """
    from poverty_assets.geography.neighbours import gaussian, neighbourhood_mean

    kept = features.loc[:, features.nunique() > 1].astype(float)
    means = [
        neighbourhood_mean(kept, gaussian(xy, size, reach=2.5), f"|{size / 1000:g}km") for size in NEIGHBOURHOODS_METRES
    ]
    place = pd.DataFrame(xy, columns=list(PLACE), index=kept.index)
    past = np.full(len(kept), np.nan) if lagged is None else np.asarray(lagged, dtype=float)
    return Design(kept, pd.concat([kept, *means, place], axis=1), np.asarray(published, dtype=str), past)


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

        return SpatialGaussianProcess(**{"place": PLACE, "group": PUBLISHED, **options})

    return build


_OWN, _NEAR, _AROUND, _FARTHEST = "", *(f"{size / 1000:g}km" for size in NEIGHBOURHOODS_METRES)
# Variances and scales are chosen on the mean over block grids of several origins, none of them the published one. Scores vary
# little about these values; what matters is noise that is not too small, and the linear part beside the smooth one.
_ridge = _process(
    place=(), group_variance=0.0, feature_variance=0.0, linear_variance=0.05, noise=0.6,
    linear_over=(_OWN, _AROUND, _FARTHEST),
)  # fmt: skip
_gaussian_process = _process(
    feature_over=(_OWN, _NEAR), linear_over=(_OWN, _AROUND), feature_variance=0.6, linear_variance=0.05,
    place_variance=0.1, place_scale=10_000.0, group_variance=0.3, noise=0.4,
)  # fmt: skip
_gaussian_process_wide = _process(
    feature_over=(_OWN, _NEAR, _AROUND), linear_over=(_OWN, _AROUND), feature_variance=0.3, linear_variance=0.1,
    place_variance=0.3, place_scale=20_000.0, group_variance=0.2, noise=0.6,
)  # fmt: skip
_gaussian_process_no_published = _process(
    feature_over=(_OWN, _NEAR, _AROUND), linear_over=(_OWN, _AROUND), feature_variance=1.0, linear_variance=0.05,
    place_variance=0.2, place_scale=10_000.0, group_variance=0.0, noise=0.3,
)  # fmt: skip
# without an effect of the published area: held out in part, a published area's mean errs against its other part, and spoils
# its order
_with_last_register = _process(
    feature_over=(_OWN, _NEAR, _AROUND), linear_over=(_OWN, _AROUND), feature_variance=1.0, linear_variance=0.02,
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


def _with_published(estimator: Any, *, impute: bool) -> Any:
    """Published area as its mean in the training data, shrunk and cross-fitted (Micci-Barreca 2001), beside the other columns."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.model_selection import KFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import TargetEncoder

    others = SimpleImputer(strategy="median", keep_empty_features=True) if impute else "passthrough"
    encoder = TargetEncoder(target_type="continuous", cv=KFold(5, shuffle=True, random_state=0))
    return make_pipeline(ColumnTransformer([(PUBLISHED, encoder, [PUBLISHED])], remainder=others), estimator)


def _extra_trees(seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesRegressor

    forest = ExtraTreesRegressor(40, min_samples_leaf=3, max_features=0.25, n_jobs=1, random_state=seed)
    return _with_published(forest, impute=True)


def _hist_gradient_boosting(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    boosting = HistGradientBoostingRegressor(
        max_iter=80, learning_rate=0.08, max_leaf_nodes=8, min_samples_leaf=25, l2_regularization=5.0,
        max_features=0.2, random_state=seed,
    )  # fmt: skip
    return _with_published(boosting, impute=False)


def _alone(seed: int) -> Any:
    from poverty_assets.registers.baselines import OneFeature

    return OneFeature()


def _wide(data: Design) -> pd.DataFrame:
    return data.wide


def _with_label(data: Design) -> pd.DataFrame:
    return data.wide.assign(**{PUBLISHED: data.published})


def _with_lagged(data: Design) -> pd.DataFrame:
    """With the earlier rate, and its log odds less their mean over the published area."""
    odds = rate_logit(data.lagged, least=0.01)
    mean = pd.Series(odds).groupby(data.published).transform("mean").to_numpy()
    return _with_label(data).assign(**dict(zip(LAGGED, (data.lagged, odds - mean), strict=True)))


def _label(data: Design) -> pd.DataFrame:
    return pd.DataFrame({PUBLISHED: data.published}, index=data.features.index)


def _place(data: Design) -> pd.DataFrame:
    return data.wide[list(PLACE)]


def _has_lagged(data: Design) -> np.ndarray:
    return np.isfinite(data.lagged)


def _average(name: str, *members: str, by_published: bool = True) -> Learner:
    return Learner(name, members=members, by_published=by_published)


LEARNERS = {
    learner.name: learner
    for learner in (
        Learner("ridge", _ridge, _wide),
        Learner("svr", _svr, _wide, by_published=False),
        Learner("random_forest", _random_forest, _wide, by_published=False),
        Learner("extra_trees", _extra_trees, _with_label, by_published=False),
        Learner("hist_gradient_boosting", _hist_gradient_boosting, _with_label, by_published=False),
        # the effect of a published area helps where a part of the published area was seen, and not beyond
        Learner("gaussian_process", _gaussian_process, _with_label),
        Learner("gaussian_process_wide", _gaussian_process_wide, _with_label),
        Learner("gaussian_process_no_published", _gaussian_process_no_published, _with_label),
        _average("gaussian_processes", "gaussian_process", "gaussian_process_wide"),
        _average("ensemble", "gaussian_process", "gaussian_process_wide", "ridge"),
        _average("ensemble_no_published", "gaussian_process_no_published", "ridge"),
        _average("ensemble_trees", "gaussian_process", "gaussian_process_wide", "extra_trees", by_published=False),
        Learner("published_mean", lambda seed: GroupMean(), _label, is_baseline=True),
        Learner("nearest_area", lambda seed: NearestArea(), _place, is_baseline=True),
        Learner("last_register", None, lambda data: rate_logit(data.lagged), is_baseline=True, rows=_has_lagged),
        # a forecast from the register's own past: shown beside the others, never chosen to say what a register should hold
        Learner("last_register_and_features", _with_last_register, _with_lagged, is_baseline=True, rows=_has_lagged),
    )
}
# Trees cost 10 times what these cost together, and added at most 0.002 to the Spearman correlation of their average.
DEFAULT = (
    "ridge", "gaussian_process", "gaussian_process_wide", "gaussian_process_no_published", "gaussian_processes", "ensemble",
    "ensemble_no_published",
)  # fmt: skip
BASELINES = ("published_mean", "nearest_area", "last_register", "last_register_and_features")
ALONE = "alone"


def learner(name: str) -> Learner:
    """The learner of that name.

    Raises
    ------
    SpecificationError
        If there is none.
    """
    if name not in LEARNERS:
        raise SpecificationError(f"{name!r} is not a learner", remedy=f"one of {', '.join(LEARNERS)}")
    return LEARNERS[name]


def alone(feature: str) -> Learner:
    """The baseline that knows one feature only."""
    return Learner(ALONE, _alone, lambda data: data.features[[feature]], is_baseline=True, feature=feature)


def candidates(names: Iterable[str]) -> list[bool]:
    """For each name of a learner whether it may be chosen: baselines are not."""
    return [name != ALONE and not learner(name).is_baseline for name in names]


def members_of(name: str) -> list[Learner]:
    """The learners whose predictions are averaged; of one that is no average, itself."""
    return [learner(member) for member in learner(name).members or (name,)]


def in_order(names: Sequence[str]) -> list[str]:
    """Names with the members of every average before it, each once."""
    ordered: list[str] = []
    for name in names:
        ordered += [*learner(name).members, name]
    return list(dict.fromkeys(ordered))
