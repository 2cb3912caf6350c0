"""Weights made from weights: calibration, post-stratification, jackknife replicates.

Belongs here: anything that returns a design or a set of weights. Does not belong here: variances by linearisation
(``design``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray
from poverty_assets.errors import ContractViolation
from poverty_assets.measurement.design import Calibration, SurveyDesign


def calibrate(design: SurveyDesign, auxiliaries: Any, population: Any) -> SurveyDesign:
    """Weights moved as little as possible (in squared distance) so that auxiliaries meet their known totals.

    Parameters
    ----------
    design : SurveyDesign
    auxiliaries : array-like, shape (n, p)
        Include a column of ones to meet the size of the population.
    population : array-like, shape (p,)
        Known totals.

    Returns
    -------
    SurveyDesign
        With the new weights; its variances use the residuals of regression on the auxiliaries (Deville and
        Särndal 1992, linear distance).

    Raises
    ------
    ContractViolation
        If the totals cannot be met, or meeting them needs a weight that is not above 0.
    """
    x = np.asarray(auxiliaries, dtype=float).reshape(len(design.weight), -1)
    target = np.asarray(population, dtype=float)
    d = design.weight
    multiplier = np.linalg.lstsq(x.T @ (d[:, None] * x), target - d @ x, rcond=None)[0]
    weight = d * (1 + x @ multiplier)
    reached = weight @ x
    off = np.flatnonzero(~np.isclose(reached, target, rtol=1e-9, atol=1e-9 * np.abs(target).max(initial=1.0)))
    if len(off):
        raise ContractViolation(
            f"{len(off)} of {len(target)} totals cannot be met; column {off[0]} reaches {reached[off[0]]:g}, "
            f"not {target[off[0]]:g}",
            remedy="leave out auxiliaries that are sums of others, or that no row has",
        )
    if (weight <= 0).any():
        raise ContractViolation(
            f"{int((weight <= 0).sum())} calibrated weights are not above 0; the first is row "
            f"{int(np.flatnonzero(weight <= 0)[0])}",
            remedy="use fewer auxiliaries, or check the units of the totals",
        )
    return replace(design, weight=weight, calibration=Calibration(x, d))


def poststratify(design: SurveyDesign, cells: Any, population: Mapping[Any, float]) -> SurveyDesign:
    """Weights scaled so that each cell has its known size: calibration to the indicators of the cells."""
    codes, labels = pd.factorize(np.asarray(cells), sort=True)
    unknown = [label for label in labels.tolist() if label not in population]
    if unknown or (codes < 0).any():
        raise ContractViolation(
            f"{len(unknown)} cells have no known size, the first {unknown[0] if unknown else 'a missing label'!r}",
            remedy="give the size of every cell that occurs",
        )
    return calibrate(design, np.eye(len(labels))[codes], [population[label] for label in labels])


@dataclass(frozen=True)
class Replicates:
    """Replicate weights (n, n_replicates) and what each replicate's squared deviation counts."""

    weight: FloatArray
    replicate_weight: FloatArray
    scale: FloatArray

    def estimate(self, statistic: Callable[[FloatArray], FloatArray]) -> tuple[FloatArray, FloatArray]:
        """A statistic of a weight vector, and its standard error from the replicates about their mean."""
        whole = np.atleast_1d(statistic(self.weight))
        each = np.stack([np.atleast_1d(statistic(column)) for column in self.replicate_weight.T])
        deviation = each - each[self.scale > 0].mean(axis=0)
        return whole, np.sqrt((self.scale[:, None] * deviation**2).sum(axis=0))


def jackknife(design: SurveyDesign) -> Replicates:
    """Delete one PSU at a time; the others of its stratum take its place (JKn, with one stratum JK1).

    Strata with a single PSU contribute nothing.
    """
    n_units = design.first.n_units[design.first.stratum]
    keep = np.flatnonzero(n_units > 1)
    row_stratum = design.first.stratum[design.psu]
    factor = np.ones((len(design.weight), len(keep)))
    grown = n_units[keep] / (n_units[keep] - 1)
    factor = np.where(row_stratum[:, None] == design.first.stratum[keep][None, :], grown[None, :], factor)
    factor[design.psu[:, None] == keep[None, :]] = 0.0
    scale = design.first.factor[design.first.stratum[keep]] / grown
    return Replicates(design.weight, design.weight[:, None] * factor, scale)
