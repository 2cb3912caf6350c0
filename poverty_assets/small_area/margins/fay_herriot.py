"""The area-level model of Fay and Herriot (1979) with a known variance of area effects, for many indicators at once.

Belongs here: the regression of direct estimates on covariates, and the empirical best linear unbiased predictor (EBLUP). Does not
belong here: the variance of area effects and where direct estimates and covariates come from (``second_stage``).

Model: y_i = x_i' beta + u_i + e_i, u_i ~ (0, A_i), e_i ~ (0, D_i), both known. As in Rao and Molina (2015), Small Area Estimation,
section 6.1; agrees with R ``sae`` and ``emdi`` at the variance that they find.
"""

from __future__ import annotations

import numpy as np

from poverty_assets.arrays import FloatArray
from poverty_assets.errors import ContractViolation


def regression(
    covariates: FloatArray, direct: FloatArray, sampling_variance: FloatArray, variance: FloatArray
) -> FloatArray:
    """Coefficients beta of every indicator, shape (m, p).

    Parameters
    ----------
    covariates : ndarray, shape (m, n, p)
        With a column of ones where an intercept is wanted.
    direct, sampling_variance : ndarray, shape (n, m)
        Direct estimates and their variances; NaN where an area has none.
    variance : ndarray, shape (m,)
        A.

    Raises
    ------
    ContractViolation
        If a direct estimate has no variance above 0, or an indicator has no more direct estimates than covariates.
    """
    x, y, d = covariates, direct.T, sampling_variance.T
    known = np.isfinite(y)
    _refuse_unfit(known, d, x.shape[2])
    y, d = np.where(known, y, 0.0), np.where(known, d, 1.0)
    weight = np.where(known, 1.0 / (variance[:, None] + d), 0.0)
    inverse = np.asarray(np.linalg.inv(np.swapaxes(x * weight[:, :, None], 1, 2) @ x), dtype=float)
    beta = inverse @ (np.swapaxes(x, 1, 2) @ (weight * y)[:, :, None])
    return np.asarray(beta[:, :, 0])


def _refuse_unfit(known: np.ndarray, d: FloatArray, p: int) -> None:
    bad = known & ~(d > 0)
    if bad.any():
        at = np.argwhere(bad)[0]
        raise ContractViolation(
            f"{int(bad.sum())} direct estimates have no sampling variance above 0; the first is {d[tuple(at)]}",
            place=f"area {at[1]}, indicator {at[0]}",
            remedy="leave those estimates out (NaN)",
        )
    few = np.flatnonzero(known.sum(axis=1) <= p)
    if len(few):
        raise ContractViolation(
            f"{len(few)} indicators have no more direct estimates than the model has covariates",
            place=f"indicator {few[0]}",
            remedy="use fewer covariates",
        )


def eblup(
    synthetic: FloatArray, direct: FloatArray, variance: FloatArray, sampling_variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Predictor of every area, and the weight A / (A + D) that its direct estimate has in it, both (n, m).

    Parameters
    ----------
    synthetic : ndarray, shape (n, m)
        x' beta.
    direct, sampling_variance : ndarray, shape (n, m)
        NaN where an area has no direct estimate: its prediction is the synthetic one, its weight 0.
    variance : ndarray, shape (n, m)
        A, of each area its own.
    """
    keep = np.where(np.isfinite(direct), variance / (variance + np.nan_to_num(sampling_variance, nan=1.0)), 0.0)
    return synthetic + keep * (np.nan_to_num(direct) - synthetic), keep
