"""A Gaussian process over features and place, with held-out predictions in closed form.

Belongs here: this one estimator. Does not belong here: the league that it plays in (``learners``).

With the kernel given, the prediction for a held-out group follows from the fit to all rows (Rasmussen and Williams 2006,
Gaussian Processes for Machine Learning, section 5.4.2, for groups instead of single rows)::

    mean of y_S given the rest = y_S - inv(Kinv[S, S]) @ (Kinv @ y)[S]

so one inversion gives every fold of every design, equal to refitting without the group.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.spatial.distance import cdist
from scipy.special import ndtri
from sklearn.base import BaseEstimator, RegressorMixin

_ROWS_AT_A_TIME = 128


class SpatialGaussianProcess(RegressorMixin, BaseEstimator):
    """Gaussian process regression: kernels on features, on place and on an earlier value, and an effect of groups.

    The sum of a squared-exponential kernel on ranked features, a linear kernel on their normal scores, a Matern 3/2 kernel on
    place, an effect of the group, and a linear kernel on ``direct`` columns. The kernel is fixed, not fitted: on a target on
    the logit scale its variances are of the size of a rate's own.

    A column is of a scale: what follows ``|`` in its name (``30km`` for a mean over a neighbourhood of that size), and the
    empty text for the area's own value.

    Parameters
    ----------
    place : tuple of str
        The two columns with metric coordinates; all columns but these, ``group`` and ``direct`` are features. Without place
        (an empty tuple) the spatial kernel is off.
    group : str
        Column of labels (published areas) that share an effect, as in a mixed model; no such effect where it is not a column.
    direct : tuple of str
        Columns that weigh more than one feature among many: an earlier value of the target.
    feature_over, linear_over : tuple of str, optional
        Scales that the two feature kernels take in; all of them if None.
    feature_variance, feature_scale : float
        Variance and length scale of the squared-exponential kernel, where features have variance 1 and distance is the root
        mean square difference over features.
    linear_variance : float
        Variance of the linear kernel; alone it makes this ridge regression with penalty ``p * noise / linear_variance``.
    direct_variance : float
        Variance of the slope of each ``direct`` column.
    place_variance, place_scale : float
        Variance and length scale (metres) of the spatial kernel.
    group_variance : float
        Variance of the effects of groups.
    mean_variance : float
        Prior variance of the overall mean about 0; wide, so that the data set it.
    noise : float
        Variance of what neither features nor place explain.
    """

    def __init__(
        self,
        place: tuple[str, ...] = ("x_m", "y_m"),
        group: str = "published",
        direct: tuple[str, ...] = (),
        feature_over: tuple[str, ...] | None = None,
        linear_over: tuple[str, ...] | None = None,
        feature_variance: float = 1.0,
        feature_scale: float = 3.2,
        linear_variance: float = 0.0,
        direct_variance: float = 0.3,
        place_variance: float = 0.3,
        place_scale: float = 20_000.0,
        group_variance: float = 0.2,
        mean_variance: float = 10.0,
        noise: float = 0.2,
    ) -> None:
        self.place = place
        self.group = group
        self.direct = direct
        self.feature_over = feature_over
        self.linear_over = linear_over
        self.feature_variance = feature_variance
        self.feature_scale = feature_scale
        self.linear_variance = linear_variance
        self.direct_variance = direct_variance
        self.place_variance = place_variance
        self.place_scale = place_scale
        self.group_variance = group_variance
        self.mean_variance = mean_variance
        self.noise = noise

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> SpatialGaussianProcess:
        """Learn from rows ``X`` (n, p) with targets ``y`` (n,)."""
        features = [name for name in X.columns if name not in (*self.place, self.group, *self.direct)]
        smooth = _of_scales(features, self.feature_over) if self.feature_variance else []
        linear = _of_scales(features, self.linear_over) if self.linear_variance else []
        self.columns_ = {"smooth": smooth, "linear": linear, "direct": list(self.direct)}
        used = dict.fromkeys([*smooth, *linear, *self.direct])
        self.sorted_ = {name: np.sort(X[name].dropna().to_numpy(dtype=float)) for name in used}
        self.rows_ = self._rows(X)
        self.y_ = np.asarray(y, dtype=float)
        covariance = self._kernel(self.rows_)
        covariance[np.diag_indices(len(y))] += self.noise
        self.inverse_ = _inverse(covariance)
        # not centred: a mean of all targets would carry those of a fold into its own held-out predictions
        self.alpha_ = self.inverse_ @ self.y_
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Posterior mean, shape (n,)."""
        return self._times(X, self.alpha_)

    def predict_held_out(
        self, folds: np.ndarray, X: pd.DataFrame | None = None, x_folds: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Predictions for each row by the fit to the rows of other folds.

        Parameters
        ----------
        folds : numpy.ndarray of int, shape (n,)
            Fold of each training row.
        X : DataFrame, shape (m, p), optional
            Further rows, each predicted without the training rows of its fold in ``x_folds``.

        Returns
        -------
        numpy.ndarray, shape (n,), and numpy.ndarray, shape (m,)
        """
        held_out = np.empty(len(self.y_))
        further = np.full(0 if X is None else len(X), np.nan)
        for fold in np.union1d(folds, folds[:0] if x_folds is None else x_folds):
            out = np.flatnonzero(folds == fold)
            correction = np.linalg.solve(self.inverse_[np.ix_(out, out)], self.alpha_[out])
            held_out[out] = self.y_[out] - correction
            if X is not None and x_folds is not None and (x_folds == fold).any():
                # the coefficients of the fit without the fold; they are 0 at the fold's own rows
                alpha = self.alpha_ - self.inverse_[:, out] @ correction
                further[x_folds == fold] = self._times(X[x_folds == fold], alpha)
        return held_out, further

    def _times(self, X: pd.DataFrame, alpha: np.ndarray) -> np.ndarray:
        """Kernel of rows with the training rows, times ``alpha``: so many rows at a time that the kernel stays in cache."""
        rows = self._rows(X)
        parts = [slice(start, start + _ROWS_AT_A_TIME) for start in range(0, len(X), _ROWS_AT_A_TIME)]
        answers = [self._kernel({name: value[part] for name, value in rows.items()}) @ alpha for part in parts]
        return np.concatenate(answers) if answers else np.zeros(0)

    def _rows(self, X: pd.DataFrame) -> dict[str, np.ndarray]:
        """What the kernels compare: uniform ranks, normal scores, place (n, 2) and group labels (n,)."""
        ranks = {name: _ranks(X[name].to_numpy(dtype=float), known) for name, known in self.sorted_.items()}
        smooth, linear, direct = ([ranks[name] for name in self.columns_[k]] for k in ("smooth", "linear", "direct"))
        return {
            "smooth": _stacked([(rank - 0.5) * np.sqrt(12.0) for rank in smooth], len(X)),
            "linear": _stacked([ndtri(rank) for rank in linear], len(X)),
            "direct": _stacked([ndtri(rank) for rank in direct], len(X)),
            "place": X[list(self.place)].to_numpy(dtype=float),
            "group": X[self.group].to_numpy(dtype=str) if self.group in X else np.full(len(X), "", dtype=str),
        }

    def _kernel(self, rows: dict[str, np.ndarray]) -> np.ndarray:
        """Covariance of rows with the training rows, shape (m, n), without noise."""
        known = self.rows_
        # in place: on thousands of rows the time goes into memory, not arithmetic
        covariance = np.full((len(rows["group"]), len(known["group"])), self.mean_variance)
        if self.group_variance:
            labels, code = np.unique(known["group"], return_inverse=True)
            theirs = np.searchsorted(labels, rows["group"]).clip(0, len(labels) - 1)
            seen = labels[theirs] == rows["group"]
            covariance += self.group_variance * (np.where(seen, theirs, -1)[:, None] == code[None, :])
        if self.place and self.place_variance:
            distance = cdist(rows["place"], known["place"])
            distance *= np.sqrt(3.0) / self.place_scale
            decay = np.exp(-distance)
            distance += 1.0
            distance *= decay
            distance *= self.place_variance
            covariance += distance
        for name, variance in (("linear", self.linear_variance), ("direct", self.direct_variance)):
            width = known[name].shape[1]
            if width:
                slope = variance / width if name == "linear" else variance
                covariance += (slope * rows[name]) @ known[name].T
        return self._add_smooth(covariance, rows["smooth"], known["smooth"])

    def _add_smooth(self, covariance: np.ndarray, z: np.ndarray, known: np.ndarray) -> np.ndarray:
        if not z.shape[1]:
            return covariance
        square = (-2.0 * z) @ known.T
        square += np.sum(z**2, axis=1)[:, None]
        square += np.sum(known**2, axis=1)[None, :]
        np.maximum(square, 0.0, out=square)
        square *= -1.0 / z.shape[1] / (2.0 * self.feature_scale**2)
        np.exp(square, out=square)
        square *= self.feature_variance
        covariance += square
        return covariance


def _of_scales(columns: list[str], scales: tuple[str, ...] | None) -> list[str]:
    return [name for name in columns if scales is None or name.partition("|")[2] in scales]


def _ranks(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Rank among the training rows, 0 to 1; one half where a value is missing, or all training values are one."""
    if len(known) == 0 or known[0] == known[-1]:
        return np.full(len(values), 0.5)
    rank = (np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")) / 2 / len(known)
    # the outermost areas are kept off 0 and 1, where a normal score would be infinite
    rank = np.clip(rank, 0.5 / len(known), 1.0 - 0.5 / len(known))
    return np.where(np.isfinite(values), rank, 0.5)


def _stacked(columns: list[np.ndarray], n: int) -> np.ndarray:
    return np.column_stack(columns) if columns else np.zeros((n, 0))


def _inverse(covariance: np.ndarray) -> np.ndarray:
    """Inverse of a positive definite matrix, by its Cholesky factor; the matrix is overwritten."""
    factor, failed = dpotrf(covariance, lower=True, overwrite_a=True)
    if failed:
        raise np.linalg.LinAlgError("a kernel with noise on its diagonal is not positive definite")
    lower = np.tril(dpotri(factor, lower=True, overwrite_c=True)[0])
    return lower + np.tril(lower, -1).T
