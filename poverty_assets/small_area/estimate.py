"""Commune estimates of a quarter: from tables of the lake to the rows of every fact table, with their intervals.

Belongs here: putting samples, features, registers and published totals in the form that the models take, and calling them in
order. Does not belong here: any model (``margins``, ``replicates``, ``downscale``), or truth (``evaluation``).

Where the survey's households are to be had, communes are composite (with households) or modelled (without). Where only
totals of provinces are published, communes are downscaled from them. Where there is neither, there are no rows.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.arrays import group_means
from poverty_assets.catalog import table
from poverty_assets.measure.measure import Measure
from poverty_assets.pack.country import Country
from poverty_assets.quarter import Quarter
from poverty_assets.small_area.artifact import run_rows, save_margins
from poverty_assets.small_area.covariate_drift import drift_flag, quarter_stability
from poverty_assets.small_area.draws import area_draws
from poverty_assets.small_area.drift import common_error, drift_variance, wave_trend
from poverty_assets.small_area.functionals import Functionals
from poverty_assets.small_area.inputs import (
    Place,
    Wave,
    covariates_of,
    feature_names,
    place_of,
    province_figures,
    with_rates,
)
from poverty_assets.small_area.kernel import Covariates
from poverty_assets.small_area.league import applicability, compete
from poverty_assets.small_area.margins import Margins, fit_margins
from poverty_assets.small_area.nowcast import (
    POOR,
    choice_reason,
    choose_nowcast,
    in_common,
    nowcast_shift,
    sample_with_poor,
    score_nowcast,
)
from poverty_assets.small_area.replicates import replicate
from poverty_assets.small_area.rows import Drawn, Rollup, SmallAreaTables, no_tables, rollup, small_area_tables
from poverty_assets.small_area.sample import Sample, pooled_design_effect, read_sample
from poverty_assets.sources.earlier import BETWEEN

OUTSIDE = "outside_area_of_applicability"
_SERVED_AFTER = 45  # days: a wave describes the middle of its fieldwork, a quarter its own middle


@dataclass(frozen=True)
class Fitted:
    """The model of margins, and what it was fitted to."""

    margins: Margins
    sample: Sample
    covariates: Covariates
    communes: list[str]
    best: dict[str, str]
    features: list[str]
    outside: list[str]


@dataclass(frozen=True)
class Estimated:
    """What a quarter's models give.

    Attributes
    ----------
    tables : SmallAreaTables
    profiles : DataFrame
        ``area_id, population, profile``: the joint profile of every commune, 2^d shares in the order of masks.
    draws : DataFrame
        ``area_id, area_level, statistic, indicator_id, k, method, n_households, estimate, draws``.
    metrics : DataFrame (catalog: ``model_metric``)
        How learners and baselines predict held-out communes, and how the nowcast did when the latest wave came; without ``quarter``.
    note : dict
        What later steps and people want to know of the fit: wave, replicates, ``drift_per_year`` (variance that logits gain),
        nowcast or persistence and why, the largest gap between benchmarked totals and the direct ones.
    importance : DataFrame
        ``target, learner, feature, importance`` of the learner that predicts each indicator best.
    fitted : Fitted, optional
        The model and what it was fitted to; None where communes are downscaled or there are none.
    """

    tables: SmallAreaTables
    profiles: pd.DataFrame
    draws: pd.DataFrame
    metrics: pd.DataFrame
    note: dict[str, Any]
    importance: pd.DataFrame = field(default_factory=pd.DataFrame)
    fitted: Fitted | None = field(default=None, repr=False)


def estimate_quarter(
    areas: pd.DataFrame,
    features: pd.DataFrame,
    wave_features: pd.DataFrame,
    registers: pd.DataFrame,
    waves: list[Wave],
    published_mpi: pd.DataFrame,
    published_headcount: pd.DataFrame,
    measure: Measure,
    country: Country,
    quarter: Quarter,
    *,
    functionals: Functionals | None = None,
    n_replicates: int = 200,
    seed: int = 0,
) -> Estimated:
    """From the survey where there is one, else from published totals where provinces have them, else nothing.

    Parameters
    ----------
    areas, features : DataFrame (catalog: ``dim_area``, ``commune_feature``)
    wave_features : DataFrame
        ``wave, area_id, feature_id, value``: features and rates of registers as of the quarter in which each wave ended.
    registers : DataFrame
        ``register_id, area_id, households, listed``.
    waves : list of Wave
        The serving wave last.
    published_mpi, published_headcount : DataFrame
        Published rows, in the form of ``fct_mpi`` and ``fct_headcount``.
    """
    from threadpoolctl import threadpool_limits

    # models run in threads of their own: linear algebra with threads inside threads would spend its time waiting
    with threadpool_limits(limits=1, user_api="blas"):
        place = place_of(areas, country)
        if waves:
            then = [wave_features[wave_features["wave"] == wave.name] for wave in waves]
            between = wave_features[wave_features["wave"].str.startswith(BETWEEN)]
            now = with_rates(features, registers)
            stable = quarter_stability(wave_features, features, pd.Index(place.communes))
            return estimate_from_survey(
                place,
                then,
                between,
                now,
                stable,
                waves,
                measure,
                country,
                quarter,
                functionals=functionals,
                n_replicates=n_replicates,
                seed=seed,
            )
        mpi, headcount = (
            frame[(frame["area_level"] == "province") & (frame["measure_id"] == measure.measure_id)]
            if len(frame)
            else frame
            for frame in (published_mpi, published_headcount)
        )
        if len(mpi) and len(headcount):
            covariates = covariates_of(place, with_rates(features, registers))
            return estimate_from_totals(
                place,
                covariates,
                mpi,
                headcount,
                measure,
                country,
                functionals=functionals,
                n_replicates=n_replicates,
                seed=seed,
            )
        return no_estimates(measure)


def estimate_from_survey(
    place: Place,
    at_waves: list[pd.DataFrame],
    between: pd.DataFrame,
    now: pd.DataFrame,
    stable: pd.DataFrame,
    waves: list[Wave],
    measure: Measure,
    country: Country,
    quarter: Quarter,
    *,
    functionals: Functionals | None = None,
    n_replicates: int = 200,
    seed: int = 0,
) -> Estimated:
    """Composite and modelled rows of every area, from the wave that serves the quarter and the one before it.

    The wave is modelled with what had been observed when it ended. Whether the quarter's own covariates then move the estimates
    (nowcast) or not (persistence) is decided by which of the two came nearer to the latest wave from the one before.

    Parameters
    ----------
    at_waves : list of DataFrame
        Features and rates of registers as of each wave.
    between : DataFrame
        The same of the quarters between the two waves, in the quarter in which the later one comes; else empty.
    now : DataFrame
        The same as of the quarter.
    stable : DataFrame
        How far the quarter's features have drifted from the wave's (``covariate_drift.quarter_stability``).
    waves : list of Wave
        The serving wave last; the one before, if any, first.
    functionals : Functionals, optional
        Figures of vulnerability to follow through every replicate.
    """
    samples = [read_sample(wave.households, measure.indicator_ids, place.communes) for wave in waves]
    sample, since = samples[-1], _years(waves[-1].middle, quarter)
    drift, trend, common = None, None, None
    if len(waves) > 1:
        apart = (waves[-1].middle - waves[0].middle).days / 365.25
        drift = drift_variance(samples[0], sample, place.province, apart)
        trend = since * wave_trend(samples[0], sample, apart)
        common = common_error(samples[0], sample, apart, since)
    effect, covariates = pooled_design_effect(samples), covariates_of(place, at_waves[-1])
    distance, inside = applicability(covariates.features, sample.sampled, covariates.xy)
    margins = fit_margins(
        sample,
        covariates,
        place.population,
        households=place.households,
        design_effect=effect,
        drift=since * (drift or 0.0),
        trend=trend,
        before=samples[0] if len(samples) > 1 else None,
        common=common,
        distance=distance,
    )
    metrics = _judge_nowcast(place, at_waves, between, waves, measure)
    choice, shift = choose_nowcast(metrics), None
    if choice == "nowcast":
        then, later = (covariates_of(place, frame) for frame in in_common(at_waves[-1], now, "feature_id"))
        shift = nowcast_shift(sample, then, later, place.population, design_effect=effect)
    # persistence does not follow the quarter's covariates: that they drifted changes nothing in it
    drifted = drift_flag(stable) if choice == "nowcast" else ""
    flags = [",".join(filter(None, ("" if here else OUTSIDE, drifted))) for here in inside]
    rows = rollup(
        place.areas,
        place.communes,
        place.population,
        country.area_id,
        sampled_households=sample.area_households,
        flag=np.array(flags, dtype=object),
    )
    drawn = replicate(
        margins,
        sample,
        place.groups,
        place.households,
        rows,
        measure,
        totals=province_figures(waves[-1].households, place, sample, measure),
        n_replicates=n_replicates,
        seed=seed,
        functionals=functionals,
        shift=shift,
    )
    met = group_means(margins.shares, place.province, place.population)
    note = {
        "wave": waves[-1].name,
        "measure_id": measure.measure_id,
        "replicates": n_replicates,
        "drift_per_year": drift,
        "nowcast": choice,
        "reason": choice_reason(metrics),
        "largest gap to direct totals of provinces": float(np.nanmax(np.abs(met - margins.totals))),
    }
    found = compete(
        sample,
        margins.fits,
        measure.indicator_ids,
        covariates,
        feature_names(at_waves[-1])[0],
        alone={name: name for name in country.baseline_features},
        leading_names=feature_names(at_waves[-1])[1],
        district=place.district,
        before=samples[0] if len(samples) > 1 else None,
        seed=seed,
    )
    every = pd.concat([part for part in (found.metrics, metrics) if len(part)], ignore_index=True)
    made = _rows(drawn, rows, place, measure, functionals)
    names = [*feature_names(at_waves[-1])[0], *feature_names(at_waves[-1])[1]]
    outside = [code for code, here in zip(place.communes, inside, strict=True) if not here]
    fitted = Fitted(margins, sample, covariates, place.communes, found.chosen, names, outside)
    return Estimated(*made, every, note, found.importance, fitted)


def save(made: Estimated, models: Path, quarter: Quarter) -> pd.DataFrame:
    """Save the model of margins below ``models`` and return its rows of ``model_run``; none where nothing was fitted."""
    if made.fitted is None:
        return pd.DataFrame(columns=[c.name for c in table("model_run").lake_columns])
    f = made.fitted
    path = models / "margins" / f"quarter={quarter.key}" / "model.skops"
    save_margins(f.margins, f.sample, f.covariates, f.communes, list(f.best), f.features, f.outside, made.metrics, path)
    artifact = path.relative_to(models.parent).as_posix()
    return run_rows(f.sample, f.covariates, f.best, f.features, artifact)


def _judge_nowcast(
    place: Place, at_waves: list[pd.DataFrame], between: pd.DataFrame, waves: list[Wave], measure: Measure
) -> pd.DataFrame:
    """Scores of the nowcast from the wave before against the latest one; no rows while there is only one wave.

    Scores of a quarter between them carry its label, as ``rmse[2024Q3]``: what would have been said then, against what came.
    """
    if len(waves) < 2:
        return _no_metrics()
    before, after = (sample_with_poor(wave.households, measure, place.communes) for wave in waves)

    def judged(later: pd.DataFrame) -> pd.DataFrame:
        then, there = (covariates_of(place, frame) for frame in in_common(at_waves[0], later, "feature_id"))
        return score_nowcast(before, after, then, there, place.population, [*measure.indicator_ids, POOR])

    parts = [judged(at_waves[-1])]
    for name, frame in between.groupby("wave", sort=True):
        made = judged(frame)
        made["metric"] += f"[{str(name).removeprefix(BETWEEN)}]"
        parts.append(made[made["learner"] != "persistence"])  # which is the same in every quarter
    return pd.concat(parts, ignore_index=True)


def estimate_from_totals(
    place: Place,
    covariates: Covariates,
    mpi: pd.DataFrame,
    headcount: pd.DataFrame,
    measure: Measure,
    country: Country,
    *,
    functionals: Functionals | None = None,
    n_replicates: int = 200,
    seed: int = 0,
) -> Estimated:
    """Downscaled rows of every area, from published figures of provinces.

    Parameters
    ----------
    mpi, headcount : DataFrame
        Published rows of ``fct_mpi`` and ``fct_headcount`` for provinces.
    """
    from poverty_assets.small_area.downscale import downscale, published_totals

    rows = rollup(place.areas, place.communes, place.population, country.area_id, method="downscaled")
    totals = published_totals(mpi, headcount, place.provinces, measure)
    drawn = downscale(
        totals,
        np.column_stack([covariates.features, covariates.leading]),
        place.population,
        place.households,
        place.province,
        rows,
        measure,
        n_replicates=n_replicates,
        seed=seed,
        functionals=functionals,
        leading=covariates.leading.shape[1],
    )
    note = {"wave": None, "replicates": n_replicates, "drift_per_year": None, "nowcast": None, "reason": "downscaled"}
    return Estimated(*_rows(drawn, rows, place, measure, functionals), _no_metrics(), note)


def no_estimates(measure: Measure) -> Estimated:
    """Where there is neither a survey nor a published total: no rows."""
    profiles = pd.DataFrame({"area_id": [], "population": [], "profile": []})
    note = {"wave": None, "replicates": 0, "drift_per_year": None, "nowcast": None, "reason": "no survey, no totals"}
    return Estimated(no_tables(), profiles, area_draws(None, None, measure, None), _no_metrics(), note)


def _rows(
    drawn: Drawn, rows: Rollup, place: Place, measure: Measure, functionals: Functionals | None
) -> tuple[SmallAreaTables, pd.DataFrame, pd.DataFrame]:
    profiles = pd.DataFrame({"area_id": place.communes, "population": place.population})
    profiles["profile"] = list(drawn.profiles)
    return small_area_tables(drawn, rows, measure), profiles, area_draws(drawn, rows, measure, functionals)


def _no_metrics() -> pd.DataFrame:
    return pd.DataFrame(columns=["target", "learner", "fold_design", "metric", "value", "n"])


def _years(middle: dt.date, quarter: Quarter) -> float:
    """From the middle of fieldwork to the middle of the quarter, at least 0."""
    return max((quarter.end - middle).days - _SERVED_AFTER, 0) / 365.25
