"""Estimates of the finest level of a quarter: from tables of the lake to the rows of every fact table, with their intervals.

Belongs here: putting samples, features, registers and published totals in the form that the models take, and calling them in
order. Does not belong here: any model (``margins``, ``replicates``, ``totals.downscale``), or truth (``evaluation``).

Where the survey's households are to be had, finest areas are composite (with households) or modelled (without). Where the
survey knows no finest area, only regions, finest areas are downscaled from its direct totals of the published level; where
there is no survey, from published ones. Where there is neither, there are no rows.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray, group_means, logit
from poverty_assets.catalog import table
from poverty_assets.judging.applicability import applicability
from poverty_assets.judging.folds import PUBLISHED_OUT, design_name
from poverty_assets.quarter import Quarter
from poverty_assets.small_area.draws import no_draws
from poverty_assets.small_area.figures import Drawn
from poverty_assets.small_area.inputs import POOR, Inputs, Place, covariate_names, covariates_of
from poverty_assets.small_area.league import JUDGES, Competition
from poverty_assets.small_area.margins.fit import Margins, Since
from poverty_assets.small_area.margins.saved import Fitted, run_rows, save_margins
from poverty_assets.small_area.replicates import replicate
from poverty_assets.small_area.rollup import Rollup, rollup
from poverty_assets.small_area.rows import SmallAreaTables, no_tables, small_area_rows
from poverty_assets.small_area.sample import Sample
from poverty_assets.small_area.time.covariate_drift import drift_flag
from poverty_assets.small_area.time.drift import since_survey, trend_before
from poverty_assets.small_area.time.nowcast import (
    Chosen,
    Expected,
    choose_nowcast,
    grown,
    in_common,
    nowcast_shift,
    sample_with_poor,
    score_nowcast,
)
from poverty_assets.small_area.wanted import Functionals, Options, Wanted
from poverty_assets.small_area.wave_model import wave_model

if TYPE_CHECKING:
    from poverty_assets.small_area.totals.saved import DownscaledRun

_METRIC = [column.name for column in table("model_metric").lake_columns]
OUTSIDE = "outside_area_of_applicability"
_SERVED_AFTER = 45  # days: a wave describes the middle of its fieldwork, a quarter its own middle


@dataclass(frozen=True)
class Estimated:
    """What a quarter's models give.

    Attributes
    ----------
    tables : SmallAreaTables
    profiles : DataFrame
        ``area_id, population, profile``: the joint profile of every area of the finest level, 2^d shares in the order of masks.
    draws : DataFrame
        ``area_id, area_level, statistic, indicator_id, k, method, n_households, estimate, draws``.
    metrics : DataFrame (catalog: ``model_metric``)
        How learners and baselines predict held-out finest areas, and how the nowcast did when the latest wave came; without
        ``quarter``.
    note : dict
        What later steps and people want to know of the fit: wave, replicates, ``drift_per_year`` (variance that logits gain),
        nowcast or persistence and why, the largest gap between the country's benchmarked totals and the direct ones.
    importance : DataFrame
        ``target, learner, feature, importance`` of the learner that predicts each indicator best.
    fitted : Fitted, optional
        The model and what it was fitted to; None where finest areas are downscaled or there are none.
    downscaled : DownscaledRun, optional
        The same where finest areas are downscaled.
    """

    tables: SmallAreaTables
    profiles: pd.DataFrame
    draws: pd.DataFrame
    metrics: pd.DataFrame
    note: dict[str, Any]
    importance: pd.DataFrame = field(default_factory=pd.DataFrame)
    fitted: Fitted | None = field(default=None, repr=False)
    downscaled: DownscaledRun | None = field(default=None, repr=False)


def estimate_quarter(
    inputs: Inputs, *, functionals: Functionals | None = None, options: Options | None = None
) -> Estimated:
    """From the survey where there is one that knows finest areas, else from totals of the published level: the survey's own,
    or published ones.

    Parameters
    ----------
    inputs : Inputs
    functionals : Functionals, optional
        Figures of vulnerability to follow through every replicate.
    options : Options, optional
    """
    from threadpoolctl import threadpool_limits

    options = options or Options()
    # models run in threads of their own: linear algebra with threads inside threads would spend its time waiting
    with threadpool_limits(limits=1, user_api="blas"):
        if inputs.waves and inputs.located(inputs.waves[-1]):
            # a wave before it that knows regions alone has nothing to say of finest areas
            waves = [wave for wave in inputs.waves if inputs.located(wave)]
            inputs = inputs if len(waves) == len(inputs.waves) else replace(inputs, waves=waves)
            return estimate_from_survey(inputs, functionals, options)
        if inputs.waves or all(len(rows) for rows in inputs.published_rows()):
            return estimate_from_totals(inputs, functionals, options)
        return no_estimates()


def estimate_from_survey(inputs: Inputs, functionals: Functionals | None, options: Options) -> Estimated:
    """Composite and modelled rows of every area, from the wave that serves the quarter and the one before it.

    The wave is modelled with what had been observed when it ended. Whether the quarter's own covariates then move the estimates
    (nowcast) or not (persistence) is decided by which of the two came nearer to the latest wave from the one before.
    """
    place, survey, measure = inputs.place, inputs.survey, inputs.measure
    covariates, since = covariates_of(place, inputs.at_waves[-1]), _since(inputs)
    judged = _judge_nowcast(inputs)
    middle = inputs.quarter.end - dt.timedelta(days=_SERVED_AFTER)
    growth = _growth(inputs, inputs.waves[-1].middle, middle, as_of=inputs.quarter.end)
    chosen = choose_nowcast(latest(judged), has_trend=since.trend is not None, has_growth=growth is not None)
    since = _gaining(since, chosen, survey.now, growth)
    distance, inside = applicability(covariates.features, survey.now.sampled, covariates.xy, covariates.block_metres)
    model = wave_model(inputs, covariates, distance, options.seed, options.kept)
    margins, found = model.at(since), model.found
    shift = _moved(inputs, chosen) if chosen.method == "nowcast" else None
    wanted = Wanted(_areas(inputs, inside, followed=shift is not None), measure, functionals)
    options = replace(options, wave=inputs.waves[-1].name)
    drawn = replicate(margins, survey.now, place.groups, wanted, shift=shift, options=options)
    names, registers = covariate_names(inputs.at_waves[-1])
    of_margins = _margin_scores(found, inputs)
    outside = [code for code, here in zip(place.finest, inside, strict=True) if not here]
    note = {
        "wave": inputs.waves[-1].name,
        "measure_id": measure.measure_id,
        "replicates": options.n_replicates,
        "drift_per_year": since.drift_per_year,
        "wave_error_correlation": margins.carried,
        "nowcast": chosen.method,
        "reason": chosen.reason,
        "largest gap to direct totals of the country": _largest_gap(margins),
        **_uncounted(place),
    }
    return Estimated(
        *_rows(drawn, wanted, place),
        pd.concat([part for part in (of_margins, judged) if len(part)], ignore_index=True)[_METRIC],
        note,
        found.importance,
        Fitted(
            margins, survey.now, covariates, place.finest, found.chosen, names, registers, outside, _chosen_by(place)
        ),
    )


def _margin_scores(found: Competition, inputs: Inputs) -> pd.DataFrame:
    hierarchy = inputs.place.hierarchy
    block = inputs.place.block_metres
    designs = found.metrics["fold_design"].map(lambda design: design_name(design, hierarchy.published, block))
    return found.metrics.assign(
        fold_design=designs, area_level=hierarchy.finest, target_kind="margin", subgroup="all",
        as_of_quarter=inputs.quarter.start,
    )  # fmt: skip


def _chosen_by(place: Place) -> str:
    """The rule of choice between learners of margins, in words."""
    return "log loss under " + " and ".join(
        design_name(design, place.hierarchy.published, place.block_metres) for design in JUDGES
    )


def _since(inputs: Inputs) -> Since:
    """What areas may have gained from the middle of fieldwork to the middle of the quarter."""
    first, last = inputs.waves[0].middle, inputs.waves[-1].middle
    since = max((inputs.quarter.end - last).days - _SERVED_AFTER, 0) / 365.25
    return since_survey(inputs.survey, inputs.place.at_published, (last - first).days / 365.25, since)


def _growth(inputs: Inputs, first: dt.date, last: dt.date, *, as_of: dt.date) -> float | None:
    """What log consumption has gained between two days by what of the pack's table of growth was known on a third, in its standard
    deviations; None without one."""
    known = inputs.country.growth
    return None if known is None else known.gained(first, max(first, last), as_of=as_of)


def _gaining(since: Since, chosen: Chosen, sample: Sample, growth: float | None) -> Since:
    """What the country's logits have gained by the baseline that was chosen."""
    if chosen.baseline == "trend":
        return since
    if chosen.baseline == "persistence" or growth is None:
        return replace(since, trend=None)
    whole = np.clip(np.average(sample.shares, axis=0, weights=sample.weight), 1e-4, 1 - 1e-4)
    return replace(since, gain=grown(logit(whole), growth))


def _moved(inputs: Inputs, chosen: Chosen) -> FloatArray:
    """Move of logits that follows from the covariates of the quarter, in the areas that follow them; 0 on average over these."""
    place, survey = inputs.place, inputs.survey
    then, now = (covariates_of(place, frame) for frame in in_common(inputs.at_waves[-1], inputs.now))
    shift = nowcast_shift(survey.now, then, now, place.population, design_effect=survey.effect)
    followed = chosen.followed(survey.now.area_households > 0)
    mean = np.average(shift[followed], axis=0, weights=place.population[followed])
    return np.where(followed[:, None], shift - mean, 0.0)


def _areas(inputs: Inputs, inside: npt.NDArray[np.bool_], *, followed: bool) -> Rollup:
    """All areas; finest areas are flagged outside the area of applicability, and where drifted covariates move estimates."""
    place = inputs.place
    # persistence does not follow the quarter's covariates: that they drifted changes nothing in it
    drifted = drift_flag(inputs.stability) if followed else ""
    flags = [",".join(filter(None, ("" if here else OUTSIDE, drifted))) for here in inside]
    return rollup(
        place.hierarchy,
        place.finest,
        place.population,
        sampled_households=inputs.survey.now.area_households,
        flag=np.array(flags, dtype=object),
        counted=place.counted,
    )


def _largest_gap(margins: Margins) -> float:
    """Between the totals of the country that finest areas add up to and the direct ones."""
    met = group_means(margins.shares, margins.people.as_one, margins.people.population)
    return float(np.nanmax(np.abs(met - margins.totals)))


def save(made: Estimated, models: Path, quarter: Quarter) -> pd.DataFrame:
    """Save the model of margins, or of downscaling, below ``models``; its rows of ``model_run``, none where nothing was fitted."""
    if made.downscaled is not None:
        from poverty_assets.small_area.totals.saved import downscaled_rows, save_downscaled

        path = models / "downscaled" / f"quarter={quarter.key}" / "model.skops"
        save_downscaled(made.downscaled, path)
        return downscaled_rows(made.downscaled, path.relative_to(models.parent).as_posix())
    if made.fitted is None:
        return pd.DataFrame(columns=[c.name for c in table("model_run").lake_columns])
    path = models / "margins" / f"quarter={quarter.key}" / "model.skops"
    save_margins(made.fitted, made.metrics, path)
    return run_rows(made.fitted, path.relative_to(models.parent).as_posix())


def _judge_nowcast(inputs: Inputs) -> pd.DataFrame:
    """Scores of the nowcast from the wave before against the latest one; no rows while there is only one wave.

    Scores as of a quarter between them are of what would have been said then, against what came.
    """
    waves, place, measure = inputs.waves, inputs.place, inputs.measure
    if len(waves) < 2:
        return _no_metrics()
    before, after = (sample_with_poor(wave.households, measure, place.finest) for wave in waves)
    names = [*measure.indicator_ids, POOR]
    trend = trend_before(inputs.levels, waves[0].name, waves[1].name, names)

    def judged(later: pd.DataFrame) -> pd.DataFrame:
        said = Quarter.containing(pd.Timestamp(later["at_quarter"].iloc[0]).date())
        expected = Expected(trend, _growth(inputs, waves[0].middle, waves[1].middle, as_of=said.end))
        then, there = (covariates_of(place, frame) for frame in in_common(inputs.at_waves[0], later))
        scores = score_nowcast(before, after, then, there, place.population, names, expected=expected)
        levels = {"finest": place.hierarchy.finest, "published": place.hierarchy.published}
        return scores.assign(area_level=scores["area_level"].replace(levels))

    last = inputs.at_waves[-1]
    parts = [judged(last).assign(as_of_quarter=last["at_quarter"].iloc[0])]
    for day, frame in inputs.between.groupby("at_quarter", sort=True):
        made = judged(frame).assign(as_of_quarter=day)
        parts.append(made[made["learner"] == "nowcast"])  # the others hardly differ from quarter to quarter
    return pd.concat(parts, ignore_index=True).assign(target_kind="nowcast", feature="")[_METRIC]


def latest(judged: pd.DataFrame) -> pd.DataFrame:
    """Scores of the nowcast as of the last quarter before the latest wave was to be had: the ones that choose."""
    return judged[judged["as_of_quarter"] == judged["as_of_quarter"].max()] if len(judged) else judged


def estimate_from_totals(inputs: Inputs, functionals: Functionals | None, options: Options) -> Estimated:
    """Downscaled rows of every area, from figures of published areas: direct ones of a survey that knows no finest area, else
    published ones."""
    from poverty_assets.small_area.totals.downscale import downscale, downscale_margins
    from poverty_assets.small_area.totals.figures import published_totals, surveyed_totals
    from poverty_assets.small_area.totals.held_out import Whole, judge
    from poverty_assets.small_area.totals.indices import RankedColumns
    from poverty_assets.small_area.totals.saved import DownscaledRun

    place, measure = inputs.place, inputs.measure
    areas = rollup(place.hierarchy, place.finest, place.population, method="downscaled", counted=place.counted)
    wanted = Wanted(areas, measure, functionals)
    if inputs.waves:
        totals, features = surveyed_totals(inputs.waves[-1].households, place, measure), inputs.at_waves[-1]
        reason = f"{inputs.waves[-1].name} knows no area of the finest level: downscaled from its direct totals of the published level"
    else:
        totals, features = published_totals(*inputs.published_rows(), place.published_ids, measure), inputs.now
        reason = "downscaled"
    covariates = covariates_of(place, features)
    columns = RankedColumns.of(covariates, *covariate_names(features), inputs.country.leading)
    whole = Whole(totals, covariates, columns, place.people, measure)
    judged = judge(whole, options)
    model = downscale_margins(totals, covariates, place.people, columns, judged.chosen)
    drawn = downscale(totals, covariates, place.people, wanted, options, model)
    return Estimated(
        *_rows(drawn, wanted, place),
        _held_out_scores(judged.metrics, inputs),
        _note_without_survey(options.n_replicates, f"{reason}, by {judged.reason}") | _uncounted(place),
        downscaled=DownscaledRun(model, whole, judged, place.finest, place.published_ids),
    )


def _held_out_scores(metrics: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    published = inputs.place.hierarchy.published
    return metrics.assign(
        fold_design=design_name(PUBLISHED_OUT, published), area_level=published, target_kind="downscaled", subgroup="all",
        as_of_quarter=inputs.quarter.start,
    )[_METRIC]  # fmt: skip


def _uncounted(place: Place) -> dict[str, str]:
    return {"population unknown": place.uncounted} if place.uncounted else {}


def no_estimates() -> Estimated:
    """Where there is neither a survey nor a published total: no rows."""
    profiles = pd.DataFrame({"area_id": [], "population": [], "profile": []})
    note = _note_without_survey(0, "no survey, no totals")
    return Estimated(no_tables(), profiles, no_draws(), _no_metrics(), note)


def _note_without_survey(n_replicates: int, reason: str) -> dict[str, Any]:
    unknown = dict.fromkeys(("wave", "drift_per_year", "wave_error_correlation", "nowcast"))
    return {**unknown, "replicates": n_replicates, "reason": reason}


def _rows(drawn: Drawn, wanted: Wanted, place: Place) -> tuple[SmallAreaTables, pd.DataFrame, pd.DataFrame]:
    profiles = pd.DataFrame({"area_id": place.finest, "population": place.population})
    profiles["profile"] = list(drawn.profiles)
    tables, draws = small_area_rows(drawn, wanted)
    return tables, profiles, draws


def _no_metrics() -> pd.DataFrame:
    return pd.DataFrame(columns=_METRIC)
