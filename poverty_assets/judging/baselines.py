"""Baselines that every league has: what the larger area around an area says, and what its nearest neighbour says.

Belongs here: estimators that know nothing but the place of an area. Does not belong here: learners that may be chosen, and
baselines that know a feature (``registers``, ``small_area``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from poverty_assets.arrays import FloatArray, group_means


class GroupMean:
    """Mean of the other areas of an area's group; of all areas where the group was not seen."""

    def fit(self, X: Any, y: FloatArray, sample_weight: FloatArray | None = None) -> GroupMean:
        """Learn from ``X`` (n, 1), a column of labels, targets ``y`` (n,) or (n, d), and weights (n,) if areas have any."""
        self.labels_, which = np.unique(np.asarray(X)[:, 0], return_inverse=True)
        self.overall_ = np.average(y, axis=0, weights=sample_weight)
        if sample_weight is None:
            # pandas compensates sums for what they lose in the last digit: the scores published rest on it
            self.means_ = pd.DataFrame(y).groupby(which).mean().to_numpy().reshape(-1, *y.shape[1:])
        else:
            self.means_ = group_means(y, which, sample_weight)
        return self

    def predict(self, X: Any) -> FloatArray:
        """Shape (m,) or (m, d), as targets were."""
        labels = np.asarray(X)[:, 0]
        at = np.clip(np.searchsorted(self.labels_, labels), 0, len(self.labels_) - 1)
        known = self.labels_[at] == labels
        return np.where(known.reshape(-1, *[1] * (self.means_.ndim - 1)), self.means_[at], self.overall_)


class NearestArea:
    """What the nearest area has. ``X`` is coordinates."""

    def fit(self, X: Any, y: FloatArray, sample_weight: FloatArray | None = None) -> NearestArea:
        """Learn from coordinates ``X`` (n, 2) and targets ``y`` (n,) or (n, d); weights tell nothing."""
        self.xy_, self.values_ = np.asarray(X), y
        return self

    def predict(self, X: Any) -> FloatArray:
        """Shape (m,) or (m, d), as targets were."""
        return np.asarray(self.values_[cdist(np.asarray(X), self.xy_).argmin(axis=1)])
