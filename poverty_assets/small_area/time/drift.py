"""How far finest areas may have moved since the survey, judged from two waves.

Belongs here: the common trend and the spread of changes, a year, on the logit scale. Does not belong here: what replicates make
of them (``margins.draw``), or change between waves as a figure of its own (``measurement.change``).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray, logit
from poverty_assets.measure.measure import Measure
from poverty_assets.measurement.joint import figures_of_profiles
from poverty_assets.small_area.association.moved import moved_profiles
from poverty_assets.small_area.margins.fit import PART_OF_TREND, Since
from poverty_assets.small_area.sample import Sample, Survey, pooled_design_effect

WALK = 0.009
"""Variance that the log odds of a country's H gain in a year about the part of the trend that goes on: with it, 95% of the next waves of
44 countries lie where they are expected, the waves' own sampling error taken off (``benchmarks.bench_trend``)."""
_STEP = 0.1  # of logits, to see how far H moves


def since_survey(survey: Survey, at_published: IntArray, years_between: float, years_since: float) -> Since:
    """From two waves ``years_between`` apart; from one wave only that time has passed."""
    if survey.before is None:
        return Since(years_since)
    return Since(
        years_since,
        drift_variance(survey.before, survey.now, at_published, years_between),
        years_since * wave_trend(survey.before, survey.now, years_between),
    )


def drift_variance(before: Sample, now: Sample, at_published: IntArray, years: float) -> float:
    """Variance that logits of areas gain in a year, from how differently published areas moved between two waves.

    Published areas' changes about the common change of each indicator, less what sampling explains, over the years between. An area
    moves at least as much as its published area.
    """
    g = int(at_published.max()) + 1
    moved, sampling = [], []
    for sample, sign in ((before, -1.0), (now, 1.0)):
        share = np.clip(sample.means(sample.shares, at_published[sample.area], g), 0.002, 0.998)
        n = np.bincount(at_published[sample.area], sample.effective, g)[:, None] / pooled_design_effect([sample])
        moved.append(sign * np.log(share / (1 - share)))
        sampling.append(1 / (n * share * (1 - share)))
    change, noise = moved[0] + moved[1], sampling[0] + sampling[1]
    weight = 1 / (noise + 0.05)
    centre = (weight * change).sum(axis=0) / weight.sum(axis=0)
    excess = weight * ((change - centre) ** 2 * g / (g - 1) - noise)
    return max(float(excess.sum() / weight.sum()) / years, 0.0)


def wave_trend(before: Sample, now: Sample, years: float) -> FloatArray:
    """Change a year of the country's log odds between two waves, shape (d,)."""
    whole = [np.clip(np.average(s.shares, axis=0, weights=s.weight), 1e-4, 1 - 1e-4) for s in (before, now)]
    return np.asarray((logit(whole[1]) - logit(whole[0])) / years)


def trend_before(levels: pd.DataFrame, first: str, last: str, names: list[str]) -> FloatArray | None:
    """What the country's logits were expected to gain between two waves by their change before the first, shape (d,).

    Parameters
    ----------
    levels : DataFrame (lake: ``wave_level``)
    first, last : str
        The two waves.
    names : list of str
        Indicators in the order wanted; ``headcount_ratio`` may be among them.

    Returns
    -------
    ndarray or None
        None where no wave before the first has them all.
    """
    wide = levels.pivot(index="middle", columns="indicator_id", values="share").sort_index() if len(levels) else levels
    day = dict(zip(levels["wave"], levels["middle"], strict=True)) if len(levels) else {}
    if not {first, last} <= set(day) or not set(names) <= set(wide.columns):
        return None
    earlier = wide.loc[wide.index < day[first], names].dropna()
    if earlier.empty:
        return None
    change = logit(wide.loc[day[first], names].to_numpy(dtype=float)) - logit(earlier.iloc[-1].to_numpy(dtype=float))
    years, ahead = (day[first] - earlier.index[-1]).days, (day[last] - day[first]).days
    return np.asarray(PART_OF_TREND * change * ahead / years)


def walk_of_indicators(profiles: FloatArray, population: FloatArray, measure: Measure) -> float:
    """Variance a year of what all indicators' logits gain together, and of what each gains of its own, with which H gains `WALK`.

    H moves by more than the deprivations that it is made of where all move together, since it takes several of them, and by little
    where one moves alone.

    Parameters
    ----------
    profiles : ndarray, shape (n, 2^d)
        Joint profiles of finest areas.
    population : ndarray, shape (n,)
    measure : Measure
    """

    def poor(of_country: FloatArray) -> FloatArray:
        cutoff = measure.cutoffs.index(measure.cutoffs.poor)
        share = figures_of_profiles(of_country, measure).headcount_ratio[:, cutoff]
        return np.asarray(logit(np.clip(share, 1e-6, 1 - 1e-6)))

    d, whole = len(measure.indicators), np.average(profiles, axis=0, weights=population)[None]
    moved = moved_profiles(profiles, np.full((len(profiles), d), _STEP))
    together = (poor(np.average(moved, axis=0, weights=population)[None]) - poor(whole))[0] / _STEP
    alone = (
        poor(moved_profiles(np.repeat(whole, d + 1, axis=0), _STEP * np.vstack([np.ones(d), np.eye(d)]))) - poor(whole)
    ) / _STEP
    if not abs(alone[0]) > 0:
        return WALK
    apart = float(np.sum(alone[1:] ** 2) / alone[0] ** 2)
    return float(WALK / (together**2 * (1 + apart)))
