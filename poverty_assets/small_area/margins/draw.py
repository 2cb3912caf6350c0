"""Margins as they may be: the chain of the point estimate on resampled surveys, plus what resampling does not show.

Belongs here: draws of benchmarked margins, and which random numbers two quarters share. Does not belong here: their most likely
values (``fit``), the resampling (``sample``), profiles.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from poverty_assets.arrays import FloatArray
from poverty_assets.small_area.margins.benchmark import benchmarked, log_odds
from poverty_assets.small_area.margins.fit import Margins
from poverty_assets.small_area.margins.kernel import KernelFit
from poverty_assets.small_area.margins.published_totals import published_totals
from poverty_assets.small_area.sample import Sample


@dataclass(frozen=True)
class Streams:
    """Random numbers of the replicates, in two sequences.

    Attributes
    ----------
    field : Generator
        The model's errors of every area, and the chance of its households: replicate r of every quarter takes the same numbers,
        whichever wave is behind it, so that errors which two quarters share cancel in their difference.
    wave : Generator
        What a wave does not share with another: its sample, and what has happened since.
    """

    field: np.random.Generator
    wave: np.random.Generator

    @classmethod
    def of(cls, seed: int, wave: str = "") -> Streams:
        """Those of a seed and the name of a wave."""
        return cls(np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1, zlib.crc32(wave.encode())]))


def draw_margins(
    margins: Margins, sample: Sample, factors: FloatArray, streams: Streams, *, batch: int = 50
) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
    """Margins as they may be: each draw the whole chain on a resampled survey, plus what resampling does not show.

    Parameters
    ----------
    factors : ndarray, shape (r, p)
        Replicate factors on the weights of PSUs (``replicates.rescaled_bootstrap``).

    Yields
    ------
    shares : ndarray, shape (n, d)
        At the survey, benchmarked to the country's totals in the replicate.
    now : ndarray, shape (n, d)
        The same, moved by what may have happened since.
    factor : ndarray, shape (p,)
    """
    n, d = margins.shares.shape
    mixing: FloatArray = np.linalg.cholesky(margins.errors.correlation).astype(float)
    sampled = margins.fits[0].sampled
    total = np.bincount(sample.area, sample.weight, n)[sampled]
    for first in range(0, len(factors), batch):
        some = factors[first : first + batch]
        normal = streams.field.standard_normal((d, n, len(some)), dtype=np.float32)
        # phi is known but roughly: an error that indicators share in part
        doubt: FloatArray = (
            streams.field.standard_normal((len(some), 1)) + streams.field.standard_normal((len(some), d))
        ) / np.sqrt(2)
        widened = np.exp(margins.errors.scale / 2 * doubt) * margins.errors.calibration
        shock = np.tensordot(mixing.astype(np.float32), normal, 1)
        residual = np.stack([root @ shock[j] for j, root in enumerate(margins.residual_roots)], axis=2)
        for r, factor in enumerate(some):
            moved = np.bincount(sample.area, sample.weight * factor, n)[sampled] / total - 1
            noise = moved[:, None] * margins.errors.noise_factors
            from_survey = np.column_stack([b * (f.smoother @ noise[:, j]) for j, (f, b) in _with_slope(margins)])
            error = residual[:, r, :] * widened[r] + from_survey
            country = margins.people.as_one
            totals = published_totals(sample, country, factor)
            totals = margins.few.filled(np.where(np.isfinite(margins.totals), totals, np.nan), streams.wave)
            logits = benchmarked(log_odds(margins.eta + error), margins.people.population, country, totals)
            yield expit(logits), expit(_gained(margins, logits, mixing, streams.wave)), factor


def _gained(margins: Margins, logits: FloatArray, mixing: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Logits (n, d) with what they may have gained since the survey.

    The country goes on by a part of its trend and walks about it. Areas of the published level drift apart, and finest areas within
    them by as much again: the spread is known of the published level alone. What drifts apart is left to sum up to the same: a
    share near 0 gains more where it goes up than it loses where it goes down, and half the variance times 1 - 2 p is taken off.
    """
    since, at_published = margins.since, margins.people.at_published
    n, d = logits.shape
    walk = np.sqrt(since.walked) * (rng.standard_normal() + rng.standard_normal(d))
    published, own = (rng.standard_normal((rows, d)) @ mixing.T for rows in (int(at_published.max()) + 1, n))
    apart: FloatArray = np.sqrt(since.variance) * np.add(published[at_published], own)
    return np.asarray(logits + since.centre(d) + walk + apart - since.variance * (1 - 2 * expit(logits)))


def _with_slope(margins: Margins) -> enumerate[tuple[KernelFit, float]]:
    return enumerate(zip(margins.fits, margins.slope.tolist(), strict=True))
