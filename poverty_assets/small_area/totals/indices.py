"""Indices of deprivation that downscaling may follow within published areas: of all covariates together, or of one alone.

Belongs here: which indices compete, and what each is. Does not belong here: which of them is published (``held_out``), or what becomes
of it (``downscale``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from poverty_assets.arrays import FloatArray, group_means, normal_ranks
from poverty_assets.small_area.margins.kernel import Covariates
from poverty_assets.small_area.people import Inhabitants

COMPONENTS, REGISTER, LEADING, ALONE = "components", "register", "leading", "alone"
PUBLISHED_LEVEL = "published_level"
"""Every finest area is given the figures of its published area."""
FEWEST = 3
"""Published areas with fewer of which nothing is learnt: at most a third as many components as areas would be none."""
_PRIOR = 3  # published areas whose weight the prior of the regression has
LEAST = 0.0005
"""On the probit scale a published headcount of a sample is at least this, and at most 1 less this."""


@dataclass(frozen=True)
class Candidate:
    """An index that competes.

    Attributes
    ----------
    learner : str
    feature : str
        The one covariate or register that it knows, or empty.
    """

    learner: str
    feature: str = ""

    @property
    def name(self) -> str:
        """For people."""
        return " ".join(filter(None, (self.learner, self.feature)))


@dataclass(frozen=True)
class RankedColumns:
    """Ranked covariates of finest areas.

    Attributes
    ----------
    ranks : ndarray, shape (n, p)
        Normal scores: features, then rates of registers.
    names : tuple of str
    registers, leading : tuple of str
        Those of the columns that are rates of registers, and those that the pack names as leading ones.
    """

    ranks: FloatArray
    names: tuple[str, ...]
    registers: tuple[str, ...] = ()
    leading: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        covariates: Covariates,
        features: Sequence[str] = (),
        registers: Sequence[str] = (),
        leading: Sequence[str] = (),
    ) -> RankedColumns:
        """Of covariates; without names their columns are counted."""
        features = features or [f"feature_{k}" for k in range(covariates.features.shape[1])]
        registers = registers or [f"register_{k}" for k in range(covariates.leading.shape[1])]
        ranks = normal_ranks(np.column_stack([covariates.features, covariates.leading]))
        return cls(
            ranks, (*features, *registers), tuple(registers), tuple(name for name in leading if name in features)
        )

    @property
    def candidates(self) -> list[Candidate]:
        """All that compete, those that may be published first (`is_publishable`)."""
        named = {**dict.fromkeys(self.leading, LEADING), **dict.fromkeys(self.registers, REGISTER)}
        others = [name for name in self.names if name not in named]
        return [
            Candidate(COMPONENTS),
            Candidate(PUBLISHED_LEVEL),
            *(Candidate(learner, name) for name, learner in named.items()),
            *(Candidate(ALONE, name) for name in others),
        ]

    def index(self, of: Candidate, people: Inhabitants, rate: FloatArray) -> FloatArray:
        """The index, shape (n,): higher where people are more deprived, standardised by population; 0 where nothing is told apart.

        Parameters
        ----------
        rate : ndarray, shape (g,)
            Published headcount ratios.
        """
        target = ndtri(np.clip(rate, LEAST, 1 - LEAST))
        centre = target - target.mean()
        if of.learner == PUBLISHED_LEVEL:
            return np.zeros(len(self.ranks))
        if of.learner == COMPONENTS:
            index = self._of_components(people, centre)
        else:
            index = self.ranks[:, self.names.index(of.feature)]
            means = group_means(index[:, None], people.at_published, people.population)[:, 0]
            index = index * (np.sign(centre @ (means - means.mean())) or 1.0)
        middle = np.average(index, weights=people.population)
        spread = float(np.sqrt(np.average((index - middle) ** 2, weights=people.population)))
        # published areas with one and the same rate tell nothing: no finest area is set apart from another
        return np.asarray((index - middle) / spread) if spread > 1e-9 else np.zeros_like(index)

    def _of_components(self, people: Inhabitants, centre: FloatArray) -> FloatArray:
        """Ridge regression of the published rate on means of all covariates: p of them, but g published areas only.

        The prior weighs as much as three published areas, so that of g no more than a quarter count as components: with squared singular
        values s of mean m, effective degrees of freedom are sum s / (s + 3 m), a concave function that is g / 4 where all are alike
        and less elsewhere (Hastie, Tibshirani and Friedman 2009, section 3.4.1).
        """
        first = [name in (*self.leading, *self.registers) for name in self.names]
        # a leading covariate, or a register's rate, weighs as much beforehand as all others together
        ranks = self.ranks * np.where(first, np.sqrt(max(len(first) - sum(first), 1)), 1.0)
        means = group_means(ranks, people.at_published, people.population)
        away, g = means - means.mean(axis=0), len(centre)
        gram = away @ away.T
        prior = _PRIOR * np.trace(gram) / g * np.eye(g)
        # means that are all alike tell nothing, and leave nothing to solve
        return np.asarray(ranks @ (away.T @ np.linalg.solve(gram + prior + 1e-12 * np.eye(g), centre)))


def is_publishable(one: Candidate) -> bool:
    """Whether it may be what is published: not a covariate that nobody named, the best of many of which is so by luck."""
    return one.learner != ALONE


def probit(share: FloatArray) -> FloatArray:
    """Of published shares, kept inside 0 and 1."""
    return np.asarray(ndtri(np.clip(share, LEAST, 1 - LEAST)))


def within_slopes(
    index: FloatArray, target: FloatArray, people: Inhabitants, within: float, spread: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Slopes of indicators on an index within published areas, their errors, and what published areas then depart by.

    Parameters
    ----------
    target : ndarray, shape (g, d)
        Probits of published headcounts.
    within, spread : float
        Slope within as a share of what is expected from that between, and the standard deviation of that share.

    Returns
    -------
    slope, error : ndarray, shape (d,)
    departure : ndarray, shape (g, d)
    """
    g = len(target)
    mean = group_means(index[:, None], people.at_published, people.population)[:, 0]
    away, centred = mean - mean.mean(), target - target.mean(axis=0)
    between = float(away @ away)
    if between < 1e-9 or g < 3:
        return np.zeros(target.shape[1]), np.zeros(target.shape[1]), centred
    slope = away @ centred / between
    chance = np.maximum(((centred - away[:, None] * slope) ** 2).sum(axis=0) / (g - 2) / between, 1e-12)
    kept = np.maximum(slope, 0.0) * slope**2 / (slope**2 + chance)
    expected = (kept + kept.mean()) / 2
    error = np.sqrt(within**2 * chance / 4 + (spread * expected) ** 2)
    return within * expected, error, centred - away[:, None] * within * expected
