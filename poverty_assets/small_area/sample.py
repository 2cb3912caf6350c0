"""What the survey says of finest areas: counts by primary sampling unit, design effects, and correlations.

Belongs here: the sample as the arrays that small-area estimation works on. Does not belong here: published direct estimates
and their errors (``measurement.estimates``), models, resampling (``replicates``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray, group_means, group_sums
from poverty_assets.errors import ContractViolation
from poverty_assets.measurement.masks import pair_index


@dataclass(frozen=True)
class Sample:
    """Primary sampling units (PSUs) of a wave; rows p of them, n areas, d indicators.

    Attributes
    ----------
    area : ndarray of int, shape (p,)
        Number of the area that each PSU lies in.
    stratum : ndarray of int, shape (p,)
    weight : ndarray, shape (p,)
        Persons represented.
    shares : ndarray, shape (p, d)
        Weighted shares deprived.
    pairs : ndarray, shape (p, d (d - 1) / 2)
        Weighted shares deprived in both of each pair (``masks.pair_index``).
    effective : ndarray, shape (p,)
        Kish's effective number of households, given unequal weights and sizes.
    households : ndarray of int, shape (p,)
    n_areas : int
    profiles : csr_array, shape (p, 2^d), optional
        Weighted share of each set of deprivations.
    """

    area: IntArray
    stratum: IntArray
    weight: FloatArray
    shares: FloatArray
    pairs: FloatArray
    effective: FloatArray
    households: IntArray
    n_areas: int
    profiles: Any = None

    @property
    def area_households(self) -> IntArray:
        """Sampled households of each area, shape (n,)."""
        return np.bincount(self.area, self.households, self.n_areas).astype(np.int64)

    @property
    def sampled(self) -> IntArray:
        """Numbers of the areas with households in the sample."""
        return np.flatnonzero(self.area_households > 0)

    @property
    def area_effective(self) -> FloatArray:
        """Effective households of each area before the design effect, shape (n,)."""
        return np.asarray(np.bincount(self.area, self.effective, self.n_areas), dtype=float)

    def means(
        self, columns: FloatArray, group: IntArray, n_groups: int, factor: FloatArray | None = None
    ) -> FloatArray:
        """Weighted means of PSU columns by group of PSUs, NaN for groups without any; shape (n_groups, q)."""
        weight = self.weight if factor is None else self.weight * factor
        return group_means(columns, group, weight, n_groups)


@dataclass(frozen=True)
class Survey:
    """The wave that serves a quarter, and the one before it where there is one: of the same areas and indicators.

    Attributes
    ----------
    now : Sample
    before : Sample, optional
    """

    now: Sample
    before: Sample | None = None

    @property
    def samples(self) -> list[Sample]:
        """All waves, the serving one last."""
        return [self.now] if self.before is None else [self.before, self.now]

    @cached_property
    def effect(self) -> FloatArray:
        """Design effect of clusters within an area, shape (d,), of all waves together."""
        return pooled_design_effect(self.samples)


def read_sample(households: pd.DataFrame, indicators: Sequence[str], area_ids: Sequence[str]) -> Sample:
    """Sum households up to PSUs.

    Parameters
    ----------
    households : DataFrame
        ``psu, stratum, weight, hh_size, area_id`` and the indicators (1, 0, missing). Households with an indicator not
        known are left out, as everywhere.
    indicators : sequence of str
        In the measure's order.
    area_ids : sequence of str
        Areas to be estimated; households elsewhere (area known only as a published area) are left out.

    Raises
    ------
    ContractViolation
        If no household is left.
    """
    flags = households[list(indicators)].to_numpy(dtype=float)
    area = pd.Index(area_ids).get_indexer(households["area_id"])
    keep = np.isfinite(flags).all(axis=1) & (area >= 0)
    if not keep.any():
        raise ContractViolation(
            f"none of {len(households)} households has every indicator and a known area",
            remedy="map area_id to areas of the finest level in survey.yaml, or use small_area.totals.figures.surveyed_totals",
        )
    frame, flags, area = households[keep], flags[keep], area[keep]
    weight = (frame["weight"] * frame["hh_size"]).to_numpy(dtype=float)
    stratum = pd.factorize(frame["stratum"], sort=True)[0]
    # an enumeration area may reach into two finest areas: each part is a unit of its own, in the same stratum
    keys = pd.MultiIndex.from_arrays([stratum, frame["psu"], area])
    psu, labels = pd.factorize(keys, sort=True)
    n = len(labels)
    total = np.bincount(psu, weight, n)
    first, second = pair_index(flags.shape[1])

    own = np.array([label[2] for label in labels], dtype=np.int64)
    effective = np.asarray(total**2 / np.bincount(psu, weight**2, n), dtype=float)
    single = group_means(flags, psu, weight, n)
    return Sample(
        own,
        np.array([label[0] for label in labels], dtype=np.int64),
        np.asarray(total, dtype=float),
        single,
        group_means(flags[:, first] * flags[:, second], psu, weight, n),
        effective,
        np.bincount(psu, minlength=n),
        len(area_ids),
        _profiles(flags, psu, weight / total[psu], n),
    )


def _profiles(flags: FloatArray, psu: IntArray, share: FloatArray, n: int) -> Any:
    """Shares of the sets of deprivations of households with the given shares of their PSU."""
    from scipy.sparse import csr_array

    d = flags.shape[1]
    masks = flags.astype(np.int64) @ (1 << np.arange(d))
    return csr_array((share, (psu, masks)), shape=(n, 1 << d))


def pooled_design_effect(samples: Sequence[Sample]) -> FloatArray:
    """Spread between the PSUs of one area against the binomial one, over all areas of all waves that have several; (d,).

    Few areas have several, so that each indicator's own ratio is noisy: it is shrunk (on the log scale) to that of all
    indicators together as far as the spread of the ratios is what chance makes of f degrees of freedom, 2 / f (James and Stein
    1961), and is never below 1 (a cluster cannot tell more than as many independent households). The more waves the better:
    whatever is wrong here is taken from, or added to, the differences between areas.
    """
    sums = [_spread_between(sample) for sample in samples]
    own, binomial = (np.sum([pair[side] for pair in sums], axis=0) for side in (0, 1))
    if binomial.sum() == 0:
        return np.ones(len(own))
    pooled = own.sum() / binomial.sum()
    away = np.log(np.divide(own, binomial, out=np.full(len(own), pooled), where=(binomial > 0) & (own > 0)) / pooled)
    keep = max(1 - 2 / between_freedom(samples) / max(float(np.mean(away**2)), 1e-12), 0.0)
    return np.maximum(pooled * np.exp(keep * away), 1.0)


def between_freedom(samples: Sequence[Sample]) -> int:
    """Degrees of freedom of the spread between PSUs of one area, over all areas and waves."""
    return sum(int(np.maximum(np.bincount(sample.area) - 1, 0).sum()) for sample in samples)


def _spread_between(sample: Sample) -> tuple[FloatArray, FloatArray]:
    """Sums over areas with several PSUs, weighted by degrees of freedom: squared spread of shares, and the binomial one."""
    number = np.bincount(sample.area)
    several = number[sample.area] > 1
    if not several.any():
        return np.zeros(sample.shares.shape[1]), np.zeros(sample.shares.shape[1])
    _, group = np.unique(sample.area[several], return_inverse=True)
    shares, size = sample.shares[several], np.bincount(group)
    mean = group_means(shares, group)
    spread = group_sums((shares - mean[group]) ** 2, group, len(size))
    inverse_n = np.bincount(group, 1 / sample.effective[several]) / size
    # p (1 - p) of the mean of m units is too small by the variance of that mean
    binomial = mean * (1 - mean) * (inverse_n / (1 - inverse_n / size))[:, None]
    return spread.sum(axis=0), (binomial * (size - 1)[:, None]).sum(axis=0)


def sampling_correlation(samples: Sequence[Sample]) -> FloatArray:
    """Correlation of the indicators' sampling errors in one PSU's shares, shape (d, d).

    Errors are correlated as deprivations are within households, and more: what a cluster has in common moves all indicators
    together. How much more is one number, from the spread between PSUs of one area::

        r_ab = r_ab(households) + t (1 - r_ab(households))
    """
    now = samples[-1]
    d = now.shares.shape[1]
    first, second = pair_index(d)
    weight = now.weight / now.weight.sum()
    both = weight @ (now.pairs - now.shares[:, first] * now.shares[:, second])
    spread = weight @ (now.shares * (1 - now.shares))
    households = both / np.sqrt(spread[first] * spread[second])
    covariance = sum(_covariance_between(sample) for sample in samples)
    size = np.sqrt(np.diagonal(covariance))
    out = np.eye(d)
    together = 0.0
    if (size > 0).all() and len(first):
        between = (covariance / np.outer(size, size))[first, second]
        together = float(np.clip((between - households).sum() / (1 - households).sum(), 0.0, 0.9))
    out[first, second] = out[second, first] = households + together * (1 - households)
    return out


def _covariance_between(sample: Sample) -> FloatArray:
    """Sum of squares and products of PSUs' shares about their area's mean, in units of the binomial error, (d, d)."""
    several = np.bincount(sample.area)[sample.area] > 1
    d = sample.shares.shape[1]
    if not several.any():
        return np.zeros((d, d))
    _, group = np.unique(sample.area[several], return_inverse=True)
    shares = sample.shares[several]
    mean = group_means(shares, group)
    unit = np.sqrt(np.maximum(mean * (1 - mean), 1e-3))
    away = (shares - mean[group]) / unit[group] * np.sqrt(sample.effective[several])[:, None]
    return np.asarray(away.T @ away)
