"""Area of applicability: is an area like any that the model has learnt from?

Belongs here: distance in the space of features. Does not belong here: what is done about it (``register_model``).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist


def dissimilarity(features: pd.DataFrame, training: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Distance of each area to the nearest training area of another fold, as a multiple of the threshold.

    As in Meyer and Pebesma (2021), Methods in Ecology and Evolution 12: 1620-1633, with features standardised and equally
    weighted. The threshold is the upper whisker (third quartile plus 1.5 interquartile ranges) of training areas' own
    distances; above 1 an area is outside the area of applicability.

    Parameters
    ----------
    features : DataFrame, shape (n, p)
        Missing values are put at the mean.
    training : numpy.ndarray of bool, shape (n,)
    folds : numpy.ndarray of int, shape (n,)

    Returns
    -------
    numpy.ndarray, shape (n,)
    """
    values = features.to_numpy(dtype=float)
    mean, spread = np.nanmean(values[training], axis=0), np.nanstd(values[training], axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    z = np.where(np.isfinite(values), (values - mean) / spread, 0.0)
    distance = cdist(z, z[training])
    distance[folds[:, None] == folds[training][None, :]] = np.inf
    nearest = distance.min(axis=1)
    low, high = np.quantile(nearest[training], [0.25, 0.75])
    threshold = high + 1.5 * (high - low)
    return nearest / threshold if threshold > 0 else np.where(nearest > 0, np.inf, 0.0)
