"""What each source is worth: how well held-out blocks of land are foretold without what it tells of areas.

Belongs here: those scores, by one cheap learner for every source. Does not belong here: the league that chooses a model (``league``), folds
and scores (``judging``), or which file a quarter lacks (``intake.standing``).

The learner is the league's penalised logistic regression. With the kernel, every source would cost a fit of all its variances; what a
source adds to the order of areas shows in the regression as well, and a fit of it takes a hundredth of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray, normal_ranks
from poverty_assets.catalog import table
from poverty_assets.judging.folds import BLOCKS, block_ids, design_name, fold_ids
from poverty_assets.judging.league import Contest, Learner, held_out
from poverty_assets.judging.scores import metric_rows, share_scores
from poverty_assets.pack.source import SourceSpec, TableSource
from poverty_assets.registers.counts import rate_of
from poverty_assets.small_area.inputs import Inputs, covariate_names, covariates_of
from poverty_assets.small_area.league import PenalisedLogistic
from poverty_assets.small_area.sample import read_sample

LEARNER = "penalised_logistic"
MARGIN, RATE = "margin_without_source", "register_rate_without_source"
SHOWN = ("spearman", "rmse")
LEAST_AREAS = 50
_SIZE = 25.0
"""Mean size that areas count for where a register counts every household: it is as unlike its neighbours as a small sample is."""


@dataclass(frozen=True, eq=False)
class Foretold:
    """What is foretold of areas, and from what.

    Attributes
    ----------
    kind : str
        Of target.
    targets : list of str
    seen : DataFrame, shape (s, p)
        What is known of each area; a column a feature, or the rate of a register under the register's id.
    xy : ndarray, shape (s, 2)
        In metres.
    shares : ndarray, shape (s, d)
    weight : ndarray, shape (s,)
    """

    kind: str
    targets: list[str]
    seen: pd.DataFrame
    xy: FloatArray
    shares: FloatArray
    weight: FloatArray


def worth_of_sources(inputs: Inputs, specs: Sequence[SourceSpec], *, seed: int = 0) -> pd.DataFrame:
    """Scores with all sources (``feature`` empty), and without each of them (``feature`` is the source).

    Of the survey's indicators where its latest wave knows finest areas, else of the rate of each register.

    Returns
    -------
    DataFrame (catalog: ``model_metric``), without ``quarter``
    """
    rows = [_scored(one, specs, inputs, seed) for one in _foretold(inputs)]
    columns = [column.name for column in table("model_metric").lake_columns]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def _foretold(inputs: Inputs) -> list[Foretold]:
    if inputs.waves and inputs.located(inputs.waves[-1]):
        return [_margins(inputs)]
    return [one for one in _rates(inputs) if len(one.seen) >= LEAST_AREAS]


def _margins(inputs: Inputs) -> Foretold:
    """Shares of the latest wave's areas, from what had been observed when it ended."""
    place, wave, ids = inputs.place, inputs.waves[-1], inputs.measure.indicator_ids
    sample = read_sample(wave.households, ids, place.finest)
    covariates, (features, registers) = covariates_of(place, inputs.at_waves[-1]), covariate_names(inputs.at_waves[-1])
    known = np.column_stack([covariates.features, covariates.leading])
    at = sample.sampled
    shares = sample.means(sample.shares, sample.area, sample.n_areas)[at]
    seen = pd.DataFrame(normal_ranks(known)[at], columns=[*features, *registers])
    return Foretold(MARGIN, list(ids), seen, place.xy[at], shares, sample.area_effective[at])


def _rates(inputs: Inputs) -> list[Foretold]:
    """Rates of registers, from the quarter's features; a register is not foretold from itself."""
    place, found = inputs.place, []
    wide = inputs.features.pivot(index="area_id", columns="feature_id", values="value").reindex(place.finest)
    seen = pd.DataFrame(normal_ranks(wide.to_numpy(dtype=float)), columns=list(wide.columns))
    for register_id, counts in inputs.registers.groupby("register_id", sort=True):
        own = counts.set_index("area_id").reindex(place.finest)
        rate, households = rate_of(own).to_numpy(dtype=float), own["households"].to_numpy(dtype=float)
        at = np.isfinite(rate) & (households > 0)
        weight = households[at] * _SIZE / households[at].mean() if at.any() else households[at]
        found.append(
            Foretold(RATE, [str(register_id)], seen[at].reset_index(drop=True), place.xy[at], rate[at][:, None], weight)
        )
    return found


def _scored(one: Foretold, specs: Sequence[SourceSpec], inputs: Inputs, seed: int) -> pd.DataFrame:
    contest = Contest(one.seen, one.shares, one.weight, seed)
    blocks = block_ids(one.xy, inputs.place.block_metres)
    folds = fold_ids(BLOCKS, blocks=blocks, published=blocks, seed=seed)
    if len(np.unique(folds)) < 2:  # there is nobody to learn from
        return pd.DataFrame(columns=[column.name for column in table("model_metric").lake_columns])
    rows = []
    for source, known in {"": (), **columns_of(specs, one.seen.columns)}.items():
        kept = [name for name in one.seen.columns if name not in known]
        learner = Learner(LEARNER, lambda seed: PenalisedLogistic(), itemgetter(kept))
        predicted = held_out([learner], contest, folds)[learner.learner_id]
        scored = share_scores(predicted, one.shares, one.weight)
        shown = {name: scored[name] for name in (*SHOWN, "n")}
        rows.append(metric_rows(LEARNER, BLOCKS, shown, one.targets, feature=source))
    hierarchy = inputs.place.hierarchy
    return pd.concat(rows, ignore_index=True).assign(
        target_kind=one.kind, fold_design=design_name(BLOCKS, hierarchy.published, inputs.place.block_metres),
        area_level=hierarchy.finest, subgroup="all", as_of_quarter=inputs.quarter.start,
    )  # fmt: skip


def columns_of(specs: Sequence[SourceSpec], known: Sequence[str] | pd.Index) -> dict[str, list[str]]:
    """Columns that each source gives, by source: its features, and the rate of its register. Sources that give none are left out."""
    found = {}
    for spec in specs:
        given = {feature.feature_id for feature in spec.features}
        if isinstance(spec, TableSource) and spec.role == "register":
            given.add(spec.register_id)
        own = [name for name in known if name in given]
        if own:
            found[spec.source_id] = own
    return found
