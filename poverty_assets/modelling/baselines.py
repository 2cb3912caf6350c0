"""Baselines that scikit-learn does not have. Imports scikit-learn: import this module where it is used.

Belongs here: simple estimators to beat. Does not belong here: learners that may be chosen (``learners``).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin


class ProvinceMean(RegressorMixin, BaseEstimator):
    """Mean of the province's other areas; of all areas where the province was not seen."""

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> ProvinceMean:
        """Learn from ``X`` with one column of labels, and targets ``y`` (n,)."""
        self.overall_ = float(np.mean(y))
        self.means_ = pd.Series(np.asarray(y)).groupby(X.iloc[:, 0].to_numpy()).mean()
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Shape (n,)."""
        return X.iloc[:, 0].map(self.means_).fillna(self.overall_).to_numpy(dtype=float)
