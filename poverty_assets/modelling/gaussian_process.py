"""A Gaussian process over features and place, with held-out predictions in closed form.

Belongs here: this one estimator. Does not belong here: the choice between learners (``learners``, ``validation``).

With the kernel given, the prediction for a held-out group follows from the fit to all rows (Rasmussen and Williams 2006,
Gaussian Processes for Machine Learning, section 5.4.2, for groups instead of single rows)::

    mean of y_S given the rest = y_S - inv(Kinv[S, S]) @ (Kinv @ y)[S]

so one inversion gives every fold of every design, equal to refitting without the group.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist
from scipy.special import ndtri
from sklearn.base import BaseEstimator, RegressorMixin


class SpatialGaussianProcess(RegressorMixin, BaseEstimator):
    """Gaussian process regression: squared-exponential kernel on ranked features, Matern 3/2 kernel on place, group effect.

    The kernel is fixed, not fitted: on a target on the logit scale its variances are of the size of a rate's own.

    Parameters
    ----------
    place : tuple of str
        The two columns with metric coordinates; all columns but these and ``group`` are features. Without place (an
        empty tuple) every column but ``group`` is a feature, and the spatial kernel is off.
    group : str
        Column of labels (provinces) that share an effect, as in a mixed model; no such effect where it is not a column.
    feature_variance, feature_scale : float
        Variance and length scale of the feature kernel, where features have variance 1 and distance is the root mean
        square difference over features.
    linear_variance : float
        Variance of the linear kernel on features; alone it makes this ridge regression with penalty
        ``p * noise / linear_variance``.
    scores : str
        How ranks are spread: ``uniform``, or ``normal`` (normal scores), which gives extremes more weight.
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
        group: str = "province",
        feature_variance: float = 1.0,
        feature_scale: float = 3.2,
        linear_variance: float = 0.0,
        scores: str = "uniform",
        place_variance: float = 0.3,
        place_scale: float = 20_000.0,
        group_variance: float = 0.2,
        mean_variance: float = 10.0,
        noise: float = 0.2,
    ) -> None:
        self.place = place
        self.group = group
        self.feature_variance = feature_variance
        self.feature_scale = feature_scale
        self.linear_variance = linear_variance
        self.scores = scores
        self.place_variance = place_variance
        self.place_scale = place_scale
        self.group_variance = group_variance
        self.mean_variance = mean_variance
        self.noise = noise

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> SpatialGaussianProcess:
        """Learn from rows ``X`` (n, p) with targets ``y`` (n,)."""
        self.columns_ = [name for name in X.columns if name not in (*self.place, self.group)]
        self.sorted_ = [np.sort(X[name].dropna().to_numpy(dtype=float)) for name in self.columns_]
        self.z_, self.xy_, self.group_ = self._coordinates(X)
        self.y_ = np.asarray(y, dtype=float)
        covariance = self._kernel(self.z_, self.xy_, self.group_)
        covariance[np.diag_indices(len(y))] += self.noise
        self.inverse_ = cho_solve(cho_factor(covariance, lower=True), np.eye(len(y)))
        # not centred: a mean of all targets would carry those of a fold into its own held-out predictions
        self.alpha_ = self.inverse_ @ self.y_
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Posterior mean, shape (n,)."""
        return self._against_training(X) @ self.alpha_

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
        kernel = None if X is None else self._against_training(X)
        for fold in np.union1d(folds, folds[:0] if x_folds is None else x_folds):
            out = np.flatnonzero(folds == fold)
            correction = np.linalg.solve(self.inverse_[np.ix_(out, out)], self.alpha_[out])
            held_out[out] = self.y_[out] - correction
            if kernel is not None and x_folds is not None:
                rows = x_folds == fold
                # the coefficients of the fit without the fold; they are 0 at the fold's own rows
                alpha = self.alpha_ - self.inverse_[:, out] @ correction
                further[rows] = kernel[rows] @ alpha
        return held_out, further

    def _against_training(self, X: pd.DataFrame) -> np.ndarray:
        return self._kernel(*self._coordinates(X))

    def _coordinates(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ranked features (n, p), place (n, 2) and group labels (n,) of rows."""
        group = X[self.group].to_numpy(dtype=str) if self.group in X.columns else np.full(len(X), "", dtype=str)
        return self._standardised(X), X[list(self.place)].to_numpy(dtype=float), group

    def _standardised(self, X: pd.DataFrame) -> np.ndarray:
        """Ranks among the training rows, scaled to mean 0 and variance 1; a missing value is put in the middle."""
        columns = []
        for name, known in zip(self.columns_, self.sorted_, strict=True):
            values = X[name].to_numpy(dtype=float)
            if len(known) == 0 or known[0] == known[-1]:
                columns.append(np.zeros(len(values)))
                continue
            rank = (np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")) / 2 / len(known)
            # the outermost areas are kept off 0 and 1, where a normal score would be infinite
            rank = np.clip(rank, 0.5 / len(known), 1.0 - 0.5 / len(known))
            score = ndtri(rank) if self.scores == "normal" else (rank - 0.5) * np.sqrt(12.0)
            columns.append(np.where(np.isfinite(values), score, 0.0))
        return np.column_stack(columns) if columns else np.zeros((len(X), 0))

    def _kernel(self, z: np.ndarray, xy: np.ndarray, group: np.ndarray) -> np.ndarray:
        """Covariance of rows with the training rows, shape (m, n), without noise."""
        shared = self.group_variance * (group[:, None] == self.group_[None, :])
        covariance = shared + self.mean_variance + self.linear_variance * (z @ self.z_.T) / max(z.shape[1], 1)
        if self.place and self.place_variance:
            distance = cdist(xy, self.xy_) * (np.sqrt(3.0) / self.place_scale)
            decay = np.exp(-distance)
            distance += 1.0
            distance *= decay
            distance *= self.place_variance
            covariance += distance
        if not self.feature_variance:
            return covariance
        # in place: on thousands of rows the time goes into memory, not arithmetic
        square = z @ self.z_.T
        square *= -2.0
        square += np.sum(z**2, axis=1)[:, None]
        square += np.sum(self.z_**2, axis=1)[None, :]
        np.maximum(square, 0.0, out=square)
        square *= -1.0 / max(z.shape[1], 1) / (2.0 * self.feature_scale**2)
        np.exp(square, out=square)
        square *= self.feature_variance
        covariance += square
        return covariance
