"""How far finest areas may have moved since the survey, judged from two waves.

Belongs here: the common trend and the spread of changes, a year, on the logit scale. Does not belong here: what replicates make
of them (``margins.draw``), or change between waves as a figure of its own (``measurement.change``).
"""

from __future__ import annotations

import numpy as np

from poverty_assets.arrays import FloatArray, IntArray, logit
from poverty_assets.small_area.margins.fit import Since
from poverty_assets.small_area.sample import Sample, Survey, pooled_design_effect


def since_survey(survey: Survey, at_published: IntArray, years_between: float, years_since: float) -> Since:
    """From two waves ``years_between`` apart; from one wave only that time has passed."""
    if survey.before is None:
        return Since(years_since)
    return Since(
        years_since,
        drift_variance(survey.before, survey.now, at_published, years_between),
        years_since * wave_trend(survey.before, survey.now, years_between),
        common_error(survey.before, survey.now, years_between, years_since),
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


def common_error(before: Sample, now: Sample, years_between: float, years_since: float) -> FloatArray:
    """Standard deviation of what the whole country's log odds gain in the years since the survey, shape (d,).

    Two waves show one change of each indicator: the indicators' mean square, over the years between, is the variance a year of
    a random walk. It stands for what one change a wave cannot tell of, such as seasons, or a trend that breaks.
    """
    change = wave_trend(before, now, years_between) * years_between
    return np.full(len(change), np.sqrt(np.mean(change**2) * years_since / years_between))
