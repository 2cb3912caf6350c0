"""Margins as they may be: the chain of the point estimate on resampled surveys, plus what resampling does not show.

Belongs here: draws of benchmarked margins. Does not belong here: their most likely values (``fit``), the resampling
(``sample``), profiles.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import expit

from poverty_assets.arrays import FloatArray
from poverty_assets.small_area.margins.benchmark import benchmarked, log_odds
from poverty_assets.small_area.margins.fit import Margins
from poverty_assets.small_area.margins.kernel import KernelFit
from poverty_assets.small_area.margins.published_totals import published_totals
from poverty_assets.small_area.sample import Sample


def draw_margins(
    margins: Margins, sample: Sample, factors: FloatArray, rng: np.random.Generator, *, batch: int = 50
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Margins as they may be: each draw the whole chain on a resampled survey, plus what resampling does not show.

    Parameters
    ----------
    factors : ndarray, shape (r, p)
        Replicate factors on the weights of PSUs (``replicates.rescaled_bootstrap``).

    Yields
    ------
    shares : ndarray, shape (n, d)
        Benchmarked to the replicate's own published area totals.
    factor : ndarray, shape (p,)
    """
    n, d = margins.shares.shape
    mixing = np.linalg.cholesky(margins.errors.correlation)
    sampled = margins.fits[0].sampled
    total = np.bincount(sample.area, sample.weight, n)[sampled]
    for first in range(0, len(factors), batch):
        some = factors[first : first + batch]
        normal = rng.standard_normal((d, n, len(some)), dtype=np.float32)
        # phi is known but roughly: an error that indicators share in part
        doubt = (rng.standard_normal((len(some), 1)) + rng.standard_normal((len(some), d))) / np.sqrt(2)
        widened = np.exp(margins.errors.scale / 2 * doubt) * margins.errors.calibration
        shock = np.tensordot(mixing.astype(np.float32), normal, 1)
        residual = np.stack([root @ shock[j] for j, root in enumerate(margins.residual_roots)], axis=2)
        for r, factor in enumerate(some):
            moved = np.bincount(sample.area, sample.weight * factor, n)[sampled] / total - 1
            noise = moved[:, None] * margins.errors.noise_factors
            from_survey = np.column_stack([b * (f.smoother @ noise[:, j]) for j, (f, b) in _with_slope(margins)])
            error = residual[:, r, :] * widened[r] + from_survey
            totals = published_totals(sample, margins.people.at_published, factor)
            totals = margins.few.filled(np.where(np.isfinite(margins.totals), totals, np.nan), rng)
            logits = benchmarked(
                log_odds(margins.eta + error), margins.people.population, margins.people.at_published, totals
            )
            since = rng.uniform() * margins.trend + margins.common * rng.standard_normal(d)
            yield expit(logits + since), factor


def _with_slope(margins: Margins) -> enumerate[tuple[KernelFit, float]]:
    return enumerate(zip(margins.fits, margins.slope.tolist(), strict=True))
