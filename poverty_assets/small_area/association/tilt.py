"""Profiles whose published areas have the poverty rates that the survey, or a publication, gives.

Belongs here: the tilt of each published area's association with which H and censored headcounts, and so M0 and A, come out.
Does not belong here: margins and where they are benchmarked (``margins.benchmark``).

Raking to margins leaves open how often deprivations meet, and so who is poor. Of all profiles with a finest area's margins and a
published area's H and censored headcounts, those of maximum entropy relative to the seed are::

    p_r = seed_r exp(theta_i . bits_r + psi_p . (bits_r 1[poor]) + phi_p 1[poor]) / Z

with theta of each finest area and psi, phi of each published area. Both are found by Newton's method on the concave dual.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from poverty_assets.arrays import FloatArray, IntArray, group_means
from poverty_assets.measure.measure import Measure
from poverty_assets.measurement.masks import profile_bits
from poverty_assets.small_area.association.raking import rake

RIDGE = 1e-6
"""Of the tilts: small published areas publish censored headcounts that no distribution with their margins has."""
_LONGEST_STEP = 1.0
_STEPS = 30
_AT_ONCE = 200  # areas: moments of 66 features each are 7 MB


@dataclass(frozen=True)
class Published:
    """Published figures of g published areas.

    Attributes
    ----------
    uncensored, censored : ndarray, shape (g, d)
        Headcounts; censored at the measure's poverty cut-off.
    headcount_ratio : ndarray, shape (g,)
    uncensored_error : ndarray, shape (g, d)
        Standard errors; where none is published, that of a share of ``n`` households with a design effect.
    headcount_ratio_error : ndarray, shape (g,)
    classes : ndarray, shape (g, 2), optional
        Shares of people who are near-poor, and of those in severe poverty.
    """

    uncensored: FloatArray
    censored: FloatArray
    headcount_ratio: FloatArray
    uncensored_error: FloatArray
    headcount_ratio_error: FloatArray
    classes: FloatArray | None = None


def poor_features(measure: Measure) -> FloatArray:
    """Each deprivation of the poor, and last being poor, of every profile, shape (2^d, d + 1)."""
    d = len(measure.indicators)
    bits = profile_bits(np.arange(1 << d), d)
    poor = measure.is_poor(measure.scores(bits), measure.cutoffs.poor).astype(float)
    return np.column_stack([bits * poor[:, None], poor])


def class_features(measure: Measure) -> FloatArray:
    """Being near-poor, and being in severe poverty, of every profile, shape (2^d, 2)."""
    scores = measure.scores(profile_bits(np.arange(1 << len(measure.indicators)), len(measure.indicators)))
    near, poor, severe = (measure.is_poor(scores, k) for k in measure.cutoffs)
    return np.column_stack([near & ~poor, severe]).astype(float)


def published_features(measure: Measure, published: Published) -> FloatArray:
    """Those whose means are what is published, beside margins: of the poor, then classes where they are published."""
    own = poor_features(measure)
    return own if published.classes is None else np.column_stack([own, class_features(measure)])


def tilt_to_published(
    seed: FloatArray,
    margins: FloatArray,
    population: FloatArray,
    at_published: IntArray,
    published: Published,
    measure: Measure,
) -> tuple[FloatArray, FloatArray]:
    """Profiles with the margins given whose published areas have the published H and censored headcounts, as far as any have.

    Returns
    -------
    profiles : ndarray, shape (n, 2^d)
    tilt : ndarray, shape (g, d + 1), or (g, d + 3) where classes are published
        Of `published_features`: psi_j, phi, and those of the classes.
    """
    wanted = np.column_stack([published.censored, published.headcount_ratio])
    if published.classes is not None:
        wanted = np.column_stack([wanted, published.classes])
    asked = Asked(wanted, published_features(measure, published))
    return tilt_to(seed, margins, population, at_published, asked)


@dataclass(frozen=True)
class Asked:
    """Means of features of profiles that groups of areas are to have.

    Attributes
    ----------
    wanted : ndarray, shape (g, q)
    features : ndarray, shape (2^d, q)
    ridge : float or ndarray, shape (q,)
        How much a unit of tilt may leave of a gap: next to nothing, more where what is wanted is not well known.
    """

    wanted: FloatArray
    features: FloatArray
    ridge: Any = RIDGE


def tilt_to(
    seed: FloatArray, margins: FloatArray, population: FloatArray, group: IntArray, asked: Asked
) -> tuple[FloatArray, FloatArray]:
    """Profiles (n, 2^d) with the margins given and the means asked of groups of areas, and the tilt of each group (g, q)."""
    wanted, features, d = asked.wanted, asked.features, margins.shape[1]
    total, q = np.bincount(group, population), features.shape[1]
    ridge = np.broadcast_to(np.asarray(asked.ridge, dtype=float), (q,))
    tilt, theta = np.zeros((len(wanted), q)), np.zeros_like(margins)
    raked = rake(seed, margins, start=theta)
    for _ in range(_STEPS):
        mean = raked.profiles @ features
        gap = wanted - group_means(mean, group, population) - ridge * tilt
        if np.abs(gap).max() < 1e-7:
            break
        curvature = within_published(raked.profiles, features, d, population / total[group], group, len(wanted))
        step = np.linalg.solve(curvature + np.diag(ridge), gap[:, :, None])[:, :, 0]
        # a published area's step keeps its direction when it is shortened: tilts of one indicator and of H nearly cancel
        tilt = tilt + step / np.maximum(np.abs(step).max(axis=1, keepdims=True) / _LONGEST_STEP, 1.0)
        tilted_seed = seed * np.exp(tilt @ features.T)[group]
        raked = rake(tilted_seed / tilted_seed.sum(axis=1, keepdims=True), margins, start=raked.theta)
    return raked.profiles, tilt


def within_published(
    profiles: FloatArray, features: FloatArray, d: int, weight: FloatArray, at_published: IntArray, g: int
) -> FloatArray:
    """Covariance of the features within published areas once margins are held fast, shape (g, q, q)."""
    from scipy.sparse import csr_array

    bits = profile_bits(np.arange(len(features)), d)
    every = np.column_stack([bits, features])
    q = every.shape[1]
    first, second = np.triu_indices(q)
    mean = profiles @ every
    square = np.empty((len(profiles), q, q))
    square[:, first, second] = square[:, second, first] = profiles @ (every[:, first] * every[:, second])
    for at in range(0, len(square), _AT_ONCE):
        some = mean[at : at + _AT_ONCE]
        square[at : at + _AT_ONCE] -= some[:, :, None] * some[:, None, :]
    covariance = square
    own = covariance[:, :d, :d] + 1e-9 * np.eye(d)
    cross = covariance[:, :d, d:]
    held = covariance[:, d:, d:]
    held -= np.swapaxes(cross, 1, 2) @ np.linalg.solve(own, cross)
    sums = csr_array((weight, (at_published, np.arange(len(weight)))), shape=(g, len(weight)))
    return np.asarray(sums @ held.reshape(len(held), -1)).reshape(g, q - d, q - d)
