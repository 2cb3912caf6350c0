"""Published areas held out: downscaling judged by figures that were published, and what is published in its stead where it loses.

Belongs here: totals of several published areas taken as one, which index foretells the parts best, scores and coverage. Does not
belong here: the model (``downscale``), which indices there are (``indices``), official rates (``evaluation.official``).

The model is asked what it is for. A published area is taken together with the one nearest to it: their own figures are hidden, the
model is fitted to the pair's and to all others, and the pair is brought down to its finest areas. What these add up to in the
published area is held against its published figure. An index is published where its errors are least, those of the published level's
own figure (every finest area like the whole) being the unit. Coverage counts the publication's own error, which the hidden figure
has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from scipy.special import expit
from threadpoolctl import threadpool_limits

from poverty_assets.arrays import FloatArray, IntArray, group_means
from poverty_assets.judging.scores import metric_rows, spearman
from poverty_assets.measure.measure import Measure
from poverty_assets.measurement.joint import figures_of_profiles
from poverty_assets.small_area.association.tilt import Published
from poverty_assets.small_area.intervals import interval_of_draws
from poverty_assets.small_area.margins.benchmark import benchmarked, log_odds
from poverty_assets.small_area.margins.kernel import Covariates
from poverty_assets.small_area.people import Inhabitants
from poverty_assets.small_area.totals.departures import Field, field_over, reach_of
from poverty_assets.small_area.totals.downscale import (
    WITHIN,
    WITHIN_SPREAD,
    downscale_margins,
    downscaled_profiles,
)
from poverty_assets.small_area.totals.figures import inside
from poverty_assets.small_area.totals.indices import (
    COMPONENTS,
    FEWEST,
    PUBLISHED_LEVEL,
    Candidate,
    RankedColumns,
    is_publishable,
    probit,
    within_slopes,
)
from poverty_assets.small_area.wanted import Options

POOR = "headcount_ratio"
FEWEST_HELD_OUT = FEWEST + 1
"""Published areas below which nothing can be held out: two taken together leave too few to learn from."""
_DRAWS = 40  # replicates behind the coverage of held-out areas, at most


@dataclass(frozen=True)
class Whole:
    """A country to be brought down.

    Attributes
    ----------
    published : Published
    covariates : Covariates
    columns : RankedColumns
        The same, ranked.
    people : Inhabitants
    measure : Measure
    """

    published: Published
    covariates: Covariates
    columns: RankedColumns
    people: Inhabitants
    measure: Measure

    def grouped(self, group: IntArray) -> Whole:
        """Published areas of one group (g,) taken as one."""
        weight = np.asarray(np.bincount(self.people.at_published, self.people.population), dtype=float)
        at = group[self.people.at_published]
        return replace(
            self,
            published=together(self.published, group, weight),
            covariates=replace(self.covariates, at_published=at),
            people=replace(self.people, at_published=at),
        )


@dataclass(frozen=True)
class Judgement:
    """What was published best where it was hidden.

    Attributes
    ----------
    chosen : Candidate
    metrics : DataFrame
        ``target, learner, feature, fold_design, metric, value, n``, without a fold design's name.
    reason : str
        In words.
    coverage : float
        Of the 95% intervals of all targets together, the publication's error counted; NaN where nothing was held out.
    """

    chosen: Candidate
    metrics: pd.DataFrame
    reason: str
    coverage: float = float("nan")


def together(published: Published, group: IntArray, weight: FloatArray) -> Published:
    """Figures of groups (g,) of published areas, each the mean by people (g,) of its parts; errors are independent."""
    total = np.bincount(group, weight)

    def mean(values: FloatArray) -> FloatArray:
        return group_means(values.reshape(len(weight), -1), group, weight).reshape(-1, *values.shape[1:])

    def error(values: FloatArray) -> FloatArray:
        square = [np.bincount(group, (weight * column) ** 2) for column in values.reshape(len(weight), -1).T]
        return np.asarray((np.sqrt(np.array(square)) / total).T.reshape(-1, *values.shape[1:]))

    return Published(
        mean(published.uncensored),
        mean(published.censored),
        mean(published.headcount_ratio),
        error(published.uncensored_error),
        error(published.headcount_ratio_error),
        None if published.classes is None else mean(published.classes),
    )


@threadpool_limits.wrap(limits=1, user_api="blas")
def judge(whole: Whole, options: Options) -> Judgement:
    """Hold every published area out and choose what is published."""
    g, measure = len(whole.published.headcount_ratio), whole.measure
    candidates = whole.columns.candidates
    own = Candidate(PUBLISHED_LEVEL)
    empty = metric_rows("", "", {"n": 0}, [])
    if g < FEWEST_HELD_OUT:
        stands = own if g < FEWEST else Candidate(COMPONENTS)
        return Judgement(stands, empty, f"{stands.name}: of {g} published areas none can be held out")
    folds = list(_folds(whole))
    targets = [POOR, *measure.indicator_ids]
    true = np.column_stack([whole.published.headcount_ratio, whole.published.uncensored])
    found_in = [_foretold(whole, group, area) for area, group in folds]
    foretold = {one: np.stack([found[one] for found in found_in]) for one in candidates}
    error = {one: np.sqrt(np.mean((found - true) ** 2, axis=0)) for one, found in foretold.items()}
    unit = np.maximum(error[own], 1e-9)
    loss = {one: float(np.sqrt(np.mean((each / unit) ** 2))) for one, each in error.items()}
    chosen = min((one for one in candidates if is_publishable(one)), key=loss.__getitem__)
    rows = [
        _rows(one, targets, {"rmse": error[one], "bias": np.mean(found - true, axis=0), "n": g}
              | {"mae": np.mean(np.abs(found - true), axis=0), "spearman": spearman(found, true)})
        for one, found in foretold.items()
    ]  # fmt: skip
    rows += [_rows(one, ["all"], {"relative_rmse": loss[one], "n": g}) for one in candidates]
    fewer = replace(options, n_replicates=min(options.n_replicates, _DRAWS))
    field = field_over(whole.covariates.xy, reach_of(whole.covariates.xy, whole.people.at_published))
    covered, width = _coverage(whole, chosen, folds, fewer, field)
    rows.append(_rows(chosen, targets, {"coverage95": covered, "width95": width, "n": g}))
    made = pd.concat(rows, ignore_index=True)
    return Judgement(chosen, made[np.isfinite(made["value"])], _reason(chosen, loss), float(covered.mean()))


def _rows(one: Candidate, targets: Sequence[str], values: dict[str, FloatArray | float | int]) -> pd.DataFrame:
    return metric_rows(one.learner, "", values, targets, feature=one.feature)


def _reason(chosen: Candidate, loss: dict[Candidate, float]) -> str:
    others = sorted((one for one in loss if is_publishable(one)), key=loss.__getitem__)
    beside = ", ".join(f"{one.name} {loss[one]:.2f}" for one in others)
    return f"{chosen.name}: least error of published areas held out, that of their published level's own figure being 1 ({beside})"


def _folds(whole: Whole) -> Iterator[tuple[int, IntArray]]:
    """Each published area, and the groups in which it is taken together with the nearest one."""
    people = whole.people
    middle = group_means(whole.covariates.xy, people.at_published, people.population)
    apart = cdist(middle, middle)
    np.fill_diagonal(apart, np.inf)
    for area, other in enumerate(apart.argmin(axis=1).tolist()):
        group = np.arange(len(middle))
        group[max(area, other)] = min(area, other)
        yield area, np.unique(group, return_inverse=True)[1]


def _foretold(whole: Whole, group: IntArray, area: int) -> dict[Candidate, FloatArray]:
    """H and headcounts of a published area (d + 1,), each a margin of its own, from groups of them; by every index."""
    to = whole.grouped(group)
    share = np.column_stack([to.published.headcount_ratio, to.published.uncensored])
    rows = np.flatnonzero(to.people.at_published == group[area])
    here, population = whole.people.at_published[rows] == area, to.people.population[rows]
    total, alone, out = inside(share[group[area]][None]), np.zeros(len(rows), dtype=np.int64), {}
    for one in to.columns.candidates:
        index = to.columns.index(one, to.people, to.published.headcount_ratio)
        slope = within_slopes(index, probit(share), to.people, WITHIN, WITHIN_SPREAD)[0]
        found = expit(benchmarked(log_odds(index[rows, None] * slope), population, alone, total))
        out[one] = np.average(found[here], axis=0, weights=population[here])
    return out


def _coverage(
    whole: Whole, chosen: Candidate, folds: list[tuple[int, IntArray]], options: Options, field: Field
) -> tuple[FloatArray, FloatArray]:
    """Share of hidden figures inside their 95% intervals, and the intervals' mean width; H and headcounts, (d + 1,)."""
    inside_of, widths = [], []
    made: dict[bytes, Hidden] = {}  # two areas that are nearest to each other are hidden together once
    for area, group in folds:
        key = group.tobytes()
        if key not in made:
            made[key] = hidden_figures(whole, group, np.flatnonzero(group == group[area]), chosen, options, field)
        found = made[key]
        inside_of.append(found.covered[found.area == area][0])
        widths.append((found.high - found.low)[found.area == area][0])
    return np.mean(inside_of, axis=0), np.mean(widths, axis=0)


@dataclass(frozen=True)
class Hidden:
    """Figures of hidden published areas: H and headcounts, each (m, d + 1).

    Attributes
    ----------
    area : ndarray of int, shape (m,)
    estimate, true : ndarray
    low, high : ndarray
        Bounds of 95% in which the published figure is expected, its own error counted.
    bare_low, bare_high : ndarray
        The same of the true figure: the publication's error not counted.
    """

    area: IntArray
    estimate: FloatArray
    true: FloatArray
    low: FloatArray
    high: FloatArray
    bare_low: FloatArray
    bare_high: FloatArray

    @property
    def covered(self) -> FloatArray:
        """1 where the interval holds the published figure."""
        return ((self.true >= self.low - 1e-9) & (self.true <= self.high + 1e-9)).astype(float)


def hidden_figures(
    whole: Whole,
    group: IntArray,
    areas: IntArray,
    one: Candidate | None = None,
    options: Options | None = None,
    field: Field | None = None,
) -> Hidden:
    """The whole chain from figures of groups (g,) to those of published areas, as many as are asked for (m,).

    Parameters
    ----------
    areas : ndarray of int, shape (m,)
        All of the groups that they lie in, or the groups' totals are not met.
    field : Field, optional
        Where it is known already; else that of the groups.
    """
    options, to = options or Options(), whole.grouped(group)
    model = downscale_margins(to.published, to.covariates, to.people, to.columns, one, field)
    rows = np.flatnonzero(np.isin(whole.people.at_published, areas))
    of_groups, at = np.unique(to.people.at_published[rows], return_inverse=True)
    people = Inhabitants(to.people.population[rows], to.people.households[rows], at)
    profiles, draws = downscaled_profiles(
        model.of(rows), _some(to.published, of_groups), people, whole.measure, options
    )
    numbers, where = np.unique(whole.people.at_published[rows], return_inverse=True)

    def figures(found: FloatArray) -> FloatArray:
        means = figures_of_profiles(group_means(found, where, people.population), whole.measure)
        return np.column_stack([means.headcount_ratio[:, 1], means.uncensored])

    estimate, bare = figures(profiles), np.stack([figures(found) for found in draws])
    held = _some(whole.published, numbers)
    error = np.column_stack([held.headcount_ratio_error, held.uncensored_error])
    rng = np.random.default_rng([options.seed, 1])
    seen = np.stack([_as_published(share, error, held, rng) for share in bare])
    within, without = interval_of_draws(estimate, seen), interval_of_draws(estimate, bare)
    true = np.column_stack([held.headcount_ratio, held.uncensored])
    return Hidden(numbers, estimate, true, within["ci_low"], within["ci_high"], without["ci_low"], without["ci_high"])


def _as_published(share: FloatArray, error: FloatArray, held: Published, rng: np.random.Generator) -> FloatArray:
    """What a sample of the publication's size might say of true shares (m, d + 1): so many cases of so many households."""
    published = inside(np.column_stack([held.headcount_ratio, held.uncensored]))
    number = np.maximum(published * (1 - published) / np.maximum(error, 1e-9) ** 2, 1.0)
    number = np.minimum(number, number[:, :1])  # no indicator has more households behind it than H has
    return np.asarray(rng.binomial(np.round(number).astype(np.int64), np.clip(share, 0.0, 1.0)) / np.round(number))


def _some(published: Published, areas: IntArray) -> Published:
    """Figures of some of the published areas."""
    return Published(
        published.uncensored[areas],
        published.censored[areas],
        published.headcount_ratio[areas],
        published.uncensored_error[areas],
        published.headcount_ratio_error[areas],
        None if published.classes is None else published.classes[areas],
    )
