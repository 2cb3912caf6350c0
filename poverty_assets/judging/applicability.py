"""Area of applicability: is an area like any that the model has learnt from?

Belongs here: distance in the space of features. Does not belong here: what is done about it (``registers.model``,
``small_area``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial.distance import cdist

from poverty_assets.arrays import FloatArray, IntArray, normal_ranks
from poverty_assets.judging.folds import BLOCK_METRES, BLOCKS, block_ids, fold_ids


@dataclass(frozen=True, eq=False)
class TrainingCloud:
    """What a model has learnt from, in the space of features.

    Attributes
    ----------
    features : tuple of str
    mean, spread : numpy.ndarray, shape (p,)
        Of training areas.
    points : numpy.ndarray, shape (m, p)
        Standardised features of training areas.
    folds : numpy.ndarray of int, shape (m,)
    threshold : float
        Upper whisker (third quartile plus 1.5 interquartile ranges) of training areas' distances to another fold.
    """

    features: tuple[str, ...]
    mean: np.ndarray
    spread: np.ndarray
    points: np.ndarray
    folds: np.ndarray
    threshold: float

    def distance(self, features: pd.DataFrame, folds: np.ndarray | None = None) -> np.ndarray:
        """Distance of each area to the nearest training area of another fold, as a multiple of the threshold.

        Parameters
        ----------
        features : DataFrame, shape (n, p)
            Missing values are put at the mean.
        folds : numpy.ndarray of int, shape (n,), optional
            Left out for areas that are no part of the training data.

        Returns
        -------
        numpy.ndarray, shape (n,)
        """
        nearest = self._nearest(features, folds)
        return nearest / self.threshold if self.threshold > 0 else np.where(nearest > 0, np.inf, 0.0)

    def _nearest(self, features: pd.DataFrame, folds: np.ndarray | None) -> np.ndarray:
        distance = cdist(_standardised(features[list(self.features)], self.mean, self.spread), self.points)
        if folds is not None:
            distance[folds[:, None] == self.folds[None, :]] = np.inf
        return np.asarray(distance.min(axis=1))


def training_cloud(features: pd.DataFrame, training: np.ndarray, folds: np.ndarray) -> TrainingCloud:
    """The cloud of the areas marked in ``training``, with its threshold.

    As in Meyer and Pebesma (2021), Methods in Ecology and Evolution 12: 1620-1633, with features standardised and equally
    weighted.

    Parameters
    ----------
    features : DataFrame, shape (n, p)
        Missing values are put at the mean.
    training : numpy.ndarray of bool, shape (n,)
    folds : numpy.ndarray of int, shape (n,)
    """
    known = features[training]
    values = known.to_numpy(dtype=float)
    mean, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    names = tuple(features.columns)
    cloud = TrainingCloud(names, mean, spread, _standardised(known, mean, spread), folds[training], np.nan)
    low, high = np.quantile(cloud._nearest(known, folds[training]), [0.25, 0.75])
    return TrainingCloud(names, mean, spread, cloud.points, cloud.folds, float(high + 1.5 * (high - low)))


def dissimilarity(features: pd.DataFrame, training: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Distance of each area to the training cloud (`training_cloud`): above 1 it is outside the area of applicability.

    Returns
    -------
    numpy.ndarray, shape (n,)
    """
    return training_cloud(features, training, folds).distance(features, folds)


def applicability(
    features: FloatArray, sampled: IntArray, xy: FloatArray, block_metres: float = BLOCK_METRES
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Is an area like any of a sample?

    Parameters
    ----------
    features : ndarray, shape (n, p)
        Ranked to normal scores first, as a kernel sees them.
    sampled : ndarray of int
        Areas that were learnt from.
    xy : ndarray, shape (n, 2)
        Metric coordinates: an area is compared with those of other blocks, folds of five.
    block_metres : float
        Side of a block.

    Returns
    -------
    distance : ndarray, shape (n,)
        To the nearest area learnt from, as a multiple of the threshold (`dissimilarity`).
    inside : ndarray of bool, shape (n,)
        Where that is at most 1.
    """
    training = np.zeros(len(features), dtype=bool)
    training[sampled] = True
    blocks = block_ids(xy, block_metres)
    folds = fold_ids(BLOCKS, blocks=blocks, published=blocks)
    distance = dissimilarity(pd.DataFrame(normal_ranks(features)), training, folds)
    return distance, distance <= 1.0


def _standardised(features: pd.DataFrame, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    values = features.to_numpy(dtype=float)
    return np.where(np.isfinite(values), (values - mean) / spread, 0.0)
