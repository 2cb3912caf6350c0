"""Variance between the units of one stage of selection.

Belongs here: stratified between-unit variance of totals for many domains at once, lonely units, finite population
correction. Does not belong here: what the totals are of (``design``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from poverty_assets.arrays import FloatArray, IntArray, group_sums, safe_divide

LonelyRule = Literal["adjust", "remove", "average", "certainty", "fail"]
LONELY_RULES = ("adjust", "remove", "average", "certainty", "fail")


@dataclass(frozen=True)
class Stage:
    """One stage of selection: units in strata, and what share of each stratum's variance remains after the fpc.

    Attributes
    ----------
    stratum : int array, shape (n_units,)
        Stratum of each unit.
    n_units : int array, shape (n_strata,)
        Units selected in each stratum.
    factor : float array, shape (n_strata,)
        Multiplies the stratum's variance: 1 - n/N, times the first-stage sampling fraction for a second stage.
    """

    stratum: IntArray
    n_units: IntArray
    factor: FloatArray


@dataclass(frozen=True)
class DomainTotals:
    """Weighted totals of each selected unit in each domain, non-empty cells only.

    Attributes
    ----------
    unit, domain : int array, shape (n_cells,)
        Final-stage unit (the PSU in a one-stage design) and domain of the cell.
    totals : float array, shape (n_cells, n_variables)
        Sum of weight times variable.
    n_domains : int
        Domains there are, empty ones included.
    """

    unit: IntArray
    domain: IntArray
    totals: FloatArray
    n_domains: int

    def by_domain(self) -> FloatArray:
        """Totals of whole domains, shape (n_domains, n_variables)."""
        return group_sums(self.totals, self.domain, self.n_domains)


def stage_variance(stage: Stage, cells: DomainTotals, lonely: LonelyRule) -> FloatArray:
    """Between-unit variance of domain totals, shape (n_domains, m): sum over strata of f n/(n-1) sum (u - mean)^2.

    Units without a cell count as zeros. Worked about the mean, not as a difference of squares, so never below 0.
    """
    stratum = stage.stratum[cells.unit]
    key = cells.domain * len(stage.n_units) + stratum
    keys, inverse = np.unique(key, return_inverse=True)
    domain, in_stratum = keys // len(stage.n_units), keys % len(stage.n_units)
    n = stage.n_units[in_stratum].astype(float)
    present = np.bincount(inverse, minlength=len(keys)).astype(float)
    mean = group_sums(cells.totals, inverse, len(keys)) / n[:, None]
    around = group_sums((cells.totals - mean[inverse]) ** 2, inverse, len(keys)) + (n - present)[:, None] * mean**2
    alone = n == 1
    scale = np.where(alone, 0.0, stage.factor[in_stratum] * n / np.maximum(n - 1, 1))
    variance = group_sums(around * scale[:, None], domain, cells.n_domains)
    if lonely == "average":
        strata = np.bincount(domain, minlength=cells.n_domains)
        usable = np.bincount(domain[~alone], minlength=cells.n_domains)
        return variance * safe_divide(strata.astype(float), usable.astype(float))[:, None]
    if lonely == "adjust" and (stage.n_units == 1).any():
        variance = variance + _about_grand_mean(stage, cells, stratum)
    return variance


def _about_grand_mean(stage: Stage, cells: DomainTotals, stratum: IntArray) -> FloatArray:
    """What single-PSU strata add under ``adjust``; a ratio's linearised totals have grand mean 0."""
    grand = cells.by_domain() / len(stage.stratum)
    rows = stage.n_units[stratum] == 1
    factor = stage.factor[stratum[rows]][:, None]
    g = grand[cells.domain[rows]]
    beyond_absent = factor * ((cells.totals[rows] - g) ** 2 - g**2)
    absent = float(stage.factor[stage.n_units == 1].sum()) * grand**2
    return absent + group_sums(beyond_absent, cells.domain[rows], cells.n_domains)
