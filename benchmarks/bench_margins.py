"""Margins of many areas: time and memory of ``fit_margins``, and what taking the kernel in factors changes in estimates.

    python -m benchmarks.bench_margins [--areas 1661 5000 20000] [--sampled 0.39] [--land 109] [--waves 2] [--seed 1]

Areas are simulated: drawn over a square with ``--land`` km2 for each (109 as Cambodia's communes have, so that a country of more areas is
larger), in provinces of some 66, with 40 covariates that follow eight fields, the rate of one register, ten indicators that follow
covariates, fields, provinces and the area itself, and two waves of a survey that visits ``--sampled`` of the areas. Every fit runs in
a process of its own, which prints its seconds, its largest memory, and the seconds of one replicate's margins. Up to 5,000 areas the
same is fitted with the kernel whole, and estimates are compared in units of the whole form's standard error.

Marks: 5,000 areas within 20 s and 2 GB and within 5% of a standard error of the whole form; 20,000 within 3 minutes and 6 GB.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import expit, ndtr
from threadpoolctl import threadpool_limits

from poverty_assets.arrays import FloatArray
from poverty_assets.small_area.margins import fit as fitting
from poverty_assets.small_area.margins.draw import Streams, draw_margins
from poverty_assets.small_area.margins.fit import Margins, fit_margins
from poverty_assets.small_area.margins.kernel import Covariates
from poverty_assets.small_area.people import Inhabitants
from poverty_assets.small_area.sample import Sample, Survey

OF_PROVINCE, OF_HOLDER, HOUSEHOLDS = 66, 8, 25
"""Areas of a province and of an area between, as of Cambodia's communes, and households of a cluster."""
INDICATORS, COVARIATES, FIELDS, WAVELENGTHS = 10, 40, 8, 200
MOST_WHOLE = 5_000
REPLICATES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--areas", type=int, nargs="*", default=[1_661, 5_000, 20_000])
    parser.add_argument("--sampled", type=float, default=0.39)
    parser.add_argument("--land", type=float, default=109.0)
    parser.add_argument("--waves", type=int, choices=(1, 2), default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--form", choices=("whole", "factors"), help="fit one form here, and keep it in --to")
    parser.add_argument("--to", type=Path)
    options = parser.parse_args()
    if options.form:
        keep(options)
        return
    for n in options.areas:
        with tempfile.TemporaryDirectory() as folder:
            forms = [form for form in ("whole", "factors") if form == "factors" or n <= MOST_WHOLE]
            for form in forms:
                given = [
                    "--areas",
                    n,
                    "--sampled",
                    options.sampled,
                    "--land",
                    options.land,
                    "--waves",
                    options.waves,
                    "--seed",
                    options.seed,
                ]
                own = ["--form", form, "--to", Path(folder) / f"{form}.npz"]
                command = [sys.executable, "-m", "benchmarks.bench_margins", *map(str, [*given, *own])]
                subprocess.run(command, check=True)
            if len(forms) == 2:
                compare(*(np.load(Path(folder) / f"{form}.npz") for form in forms))


def keep(options: argparse.Namespace) -> None:
    """Fit one form, print what it took, and keep its estimates and the spread of its draws."""
    n = options.areas[0]
    survey, covariates, people = world(n, options.sampled, options.land, options.waves, options.seed)
    started, before = time.perf_counter(), memory()
    with mock.patch.object(fitting, "MOST_WHOLE", n if options.form == "whole" else 0):
        margins = fit_margins(survey, covariates, people)
    took, peak = time.perf_counter() - started, memory()
    started = time.perf_counter()
    draws = drawn(margins, survey.now)
    each = (time.perf_counter() - started) / REPLICATES
    print(
        f"{n} areas, {len(survey.now.sampled)} sampled, {options.form}: {took:.1f} s, {peak:.2f} GB at most"
        f" ({before:.2f} before the fit), margins of a replicate {each:.3f} s",
        flush=True,
    )
    sampled = np.zeros(n, dtype=bool)
    sampled[survey.now.sampled] = True
    error = np.stack([np.sqrt(np.maximum(f.variance, 0.0)) for f in margins.fits], axis=1)
    predicted = np.stack([f.predicted for f in margins.fits], axis=1)
    variances = np.stack([f.variances for f in margins.fits])
    np.savez(
        options.to, eta=margins.eta, predicted=predicted, error=error, variances=variances, sampled=sampled,
        spread=draws.std(axis=0), carried=margins.carried or 0.0,
    )  # fmt: skip


def compare(whole: np.lib.npyio.NpzFile, factors: np.lib.npyio.NpzFile) -> None:
    """Differences of estimates in units of the whole form's standard error; those of standard errors as a part of it."""
    for name, of in (("composite or modelled", "eta"), ("kernel's prediction", "predicted")):
        away = np.abs(factors[of] - whole[of]) / whole["error"]
        most, last = np.quantile(away, 0.99), away.max()
        print(f"  {name}: {away.mean():.2%} of a standard error on average, 99% within {most:.2%}, largest {last:.2%}")
    ratio = factors["error"] / whole["error"] - 1
    print(f"  standard errors: {ratio.mean():+.2%} on average, largest difference {np.abs(ratio).max():.2%}")
    print(f"  spread of draws: {(factors['spread'] / whole['spread']).mean() - 1:+.2%} on average")
    print(f"  errors carried over: whole {float(whole['carried']):.3f}, factors {float(factors['carried']):.3f}")


def memory() -> float:
    """Largest memory of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def drawn(margins: Margins, sample: Sample) -> FloatArray:
    """Logits of margins in a few replicates, (r, n, d)."""
    factors = np.ones((REPLICATES, len(sample.area)))
    with threadpool_limits(limits=1, user_api="blas"):
        shares = [now for _, now, _ in draw_margins(margins, sample, factors, Streams.of(1), batch=REPLICATES)]
    return np.stack([np.log(share / (1 - share)) for share in shares])


def world(n: int, sampled: float, land: float, waves: int, seed: int) -> tuple[Survey, Covariates, Inhabitants]:
    """A survey of simulated areas, what is known of them, and their people."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, np.sqrt(n * land) * 1_000, (n, 2))
    seats = xy[rng.choice(n, max(n // OF_PROVINCE, 2), replace=False)]
    province = np.argmin(cdist(xy, seats), axis=1)
    province = np.unique(province, return_inverse=True)[1]
    holder = np.argmin(cdist(xy, xy[rng.choice(n, n // OF_HOLDER, replace=False)]), axis=1)
    holder = np.unique(province * n + holder, return_inverse=True)[1]
    fields = np.stack([field(xy, 120_000, rng) for _ in range(FIELDS)], axis=1)
    covariates = fields @ rng.normal(0, 1, (FIELDS, COVARIATES)) / np.sqrt(FIELDS) + rng.normal(0, 0.7, (n, COVARIATES))
    poverty = (
        0.25 * fields[:, :3].sum(axis=1) + 0.15 * rng.normal(size=province.max() + 1)[province]
        + 0.1 * rng.normal(size=holder.max() + 1)[holder] + 0.2 * field(xy, 40_000, rng)
        + 0.1 * np.tanh(covariates[:, 0]) * covariates[:, 1]
    )  # fmt: skip
    own = rng.normal(0, 0.19, (n, INDICATORS)) + 0.15 * np.stack(
        [field(xy, 60_000, rng) for _ in range(INDICATORS)], axis=1
    )
    level, strength = rng.uniform(-1.6, -0.2, INDICATORS), rng.uniform(0.5, 1.2, INDICATORS)
    truth = level + strength * poverty[:, None] + own
    rate = expit(-1.5 + poverty + rng.normal(0, 0.3, n))
    samples = []
    for _ in range(waves):
        samples.append(cluster_sample(ndtr(truth), province, int(sampled * n), rng))
        truth = truth + rng.normal(0, 0.1, truth.shape)
    people = Inhabitants(rng.lognormal(8.5, 0.6, n), rng.lognormal(7.0, 0.6, n), province)
    return (
        Survey(samples[-1], samples[0] if waves == 2 else None),
        Covariates(covariates, xy, province, rate[:, None], holder=holder),
        people,
    )


def field(xy: FloatArray, metres: float, rng: np.random.Generator) -> FloatArray:
    """A smooth field of unit variance over the areas (n,): waves of random direction and phase, as long as Student's t says."""
    length = np.sqrt(rng.chisquare(3, WAVELENGTHS) / 3)
    direction = rng.normal(0, 1, (WAVELENGTHS, 2)) / (length[:, None] * metres / np.sqrt(3))
    phase = rng.uniform(0, 2 * np.pi, WAVELENGTHS)
    return np.asarray(np.sqrt(2 / WAVELENGTHS) * np.cos(xy @ direction.T + phase).sum(axis=1))


def cluster_sample(share: FloatArray, province: np.ndarray, size: int, rng: np.random.Generator) -> Sample:
    """One cluster in each of so many areas; every twentieth has a second one."""
    n, d = share.shape
    area = np.sort(rng.choice(n, size, replace=False))
    area = np.sort(np.concatenate([area, area[::20]]))
    p = len(area)
    shares = rng.binomial(HOUSEHOLDS, share[area]) / HOUSEHOLDS
    pairs = d * (d - 1) // 2
    first, second = np.triu_indices(d, 1)
    both = np.minimum(shares[:, first], shares[:, second]) * 0.7
    assert both.shape == (p, pairs)
    return Sample(
        area.astype(np.int64), province[area].astype(np.int64), np.full(p, 1_000.0), shares, both,
        np.full(p, float(HOUSEHOLDS)), np.full(p, HOUSEHOLDS, dtype=np.int64), n,
    )  # fmt: skip


if __name__ == "__main__":
    main()
