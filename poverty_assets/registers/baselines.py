"""The baseline that knows one feature alone. Imports scikit-learn: import this module where it is used.

Belongs here: this one estimator. Does not belong here: baselines of every league (``judging.baselines``), learners that may be
chosen (``learners``).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.isotonic import IsotonicRegression


class OneFeature(RegressorMixin, BaseEstimator):
    """A monotone curve of one feature, rising or falling as its rank correlation with the target is."""

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> OneFeature:
        """Learn from ``X`` with one column, a missing value put at the median, and targets ``y`` (n,)."""
        values = X.iloc[:, 0].to_numpy(dtype=float)
        self.middle_ = float(np.nanmedian(values)) if np.isfinite(values).any() else 0.0
        filled = self._filled(X)
        ranks = rankdata(filled) - (len(filled) + 1) / 2
        self.curve_ = IsotonicRegression(increasing=bool(ranks @ rankdata(y) >= 0), out_of_bounds="clip").fit(filled, y)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Shape (n,)."""
        return np.asarray(self.curve_.predict(self._filled(X)))

    def _filled(self, X: pd.DataFrame) -> np.ndarray:
        values = X.iloc[:, 0].to_numpy(dtype=float)
        return np.where(np.isfinite(values), values, self.middle_)
