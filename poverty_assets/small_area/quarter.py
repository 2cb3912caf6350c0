"""Commune estimates of a quarter: from tables of the lake to the rows of every fact table, with their intervals.

Belongs here: putting samples, features, registers and published totals in the form that the models take, and calling them in
order. Does not belong here: any model (``margins``, ``replicates``, ``downscale``), or truth (``evaluation``).

Where the survey's households are to be had, communes are composite (with households) or modelled (without). Where only
totals of provinces are published, communes are downscaled from them. Where there is neither, there are no rows.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.countries import Country
from poverty_assets.measurement.joint import figures_of_profiles
from poverty_assets.measurement.measure import Measure
from poverty_assets.measurement.registers import RATE
from poverty_assets.quarter import Quarter
from poverty_assets.small_area.direct import Sample, pooled_design_effect, read_sample
from poverty_assets.small_area.draws import area_draws
from poverty_assets.small_area.drift import drift_variance, wave_trend
from poverty_assets.small_area.functionals import Functionals
from poverty_assets.small_area.kernel import Covariates
from poverty_assets.small_area.margins import Margins, fit_margins
from poverty_assets.small_area.replicates import Groups, replicate
from poverty_assets.small_area.tables import Drawn, Rollup, SmallAreaTables, no_tables, rollup, small_area_tables
from poverty_assets.small_area.tilt import Published
from poverty_assets.spatial.blocks import block_ids

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SMALLEST = 1.0  # persons: a commune whose population no source gives weighs next to nothing in totals
_SERVED_AFTER = 45  # days: a wave describes the middle of its fieldwork, a quarter its own middle
_CLUSTER_EFFECT = 1.3  # of clusters on the variance of a province's share, beside unequal weights


@dataclass(frozen=True)
class Place:
    """The communes of a quarter, in the order of every array.

    Attributes
    ----------
    areas : DataFrame (catalog: ``dim_area``)
    communes : list of str
    population, households : ndarray, shape (n,)
    province : ndarray of int, shape (n,)
        Place in ``provinces``.
    provinces : list of str
    xy : ndarray, shape (n, 2)
        Metric coordinates.
    groups : Groups
    """

    areas: pd.DataFrame
    communes: list[str]
    population: FloatArray
    households: FloatArray
    province: IntArray
    provinces: list[str]
    xy: FloatArray
    groups: Groups


@dataclass(frozen=True)
class Wave:
    """A survey wave: its households and when they were visited.

    Attributes
    ----------
    name : str
        The wave's source.
    households : DataFrame
    middle : date
        Middle of fieldwork.
    """

    name: str
    households: pd.DataFrame
    middle: dt.date


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
    n_replicates : int
    largest_gap : float
        Between benchmarked totals and the direct ones they are to meet; NaN without.
    margins : Margins, optional
        The fitted model; None where communes are downscaled or there are none.
    """

    tables: SmallAreaTables
    profiles: pd.DataFrame
    draws: pd.DataFrame
    n_replicates: int = 0
    largest_gap: float = float("nan")
    margins: Margins | None = None
    sample: Sample | None = None
    place: Place | None = field(default=None, repr=False)


def place_of(areas: pd.DataFrame, country: Country) -> Place:
    """The communes of ``dim_area``, their weights, provinces and blocks of land."""
    from pyproj import Transformer

    communes = areas[areas["area_level"] == "commune"].sort_values("area_id")
    codes = communes["area_id"].astype(str).tolist()
    provinces, province = np.unique([code[: country.area_digits["province"]] for code in codes], return_inverse=True)
    to_metric = Transformer.from_crs("EPSG:4326", country.metric_crs, always_xy=True)
    xy = np.column_stack(to_metric.transform(communes["centroid_lon"], communes["centroid_lat"]))
    block = np.unique(province * 100_000 + np.unique(block_ids(xy), return_inverse=True)[1], return_inverse=True)[1]
    population = communes["population"].astype(float)
    households = communes["households"].astype(float)
    size = float(population.sum() / households[population.notna()].sum()) if households.notna().any() else 1.0
    return Place(
        areas,
        codes,
        np.maximum(population.fillna(households * size).fillna(SMALLEST).to_numpy(), SMALLEST),
        np.maximum(households.fillna(population / size).fillna(SMALLEST).to_numpy(), SMALLEST),
        province.astype(np.int64),
        provinces.tolist(),
        xy,
        Groups(province.astype(np.int64), block.astype(np.int64)),
    )


def covariates_of(place: Place, features: pd.DataFrame) -> Covariates:
    """Features of communes, whether urban, and the rate of each register as a leading covariate.

    Parameters
    ----------
    features : DataFrame
        ``area_id, feature_id, value``; the rates of registers are features called ``register_rate:<register>``.
    """
    wide = features.pivot(index="area_id", columns="feature_id", values="value").reindex(place.communes)
    urban = place.areas.set_index("area_id")["is_urban"].reindex(place.communes).astype(float)
    rate = wide.columns.str.startswith(RATE)
    columns = np.column_stack([wide.loc[:, ~rate].to_numpy(dtype=float), urban.to_numpy()])
    return Covariates(columns, place.xy, place.province, wide.loc[:, rate].to_numpy(dtype=float))


def with_rates(features: pd.DataFrame, registers: pd.DataFrame) -> pd.DataFrame:
    """Features of the quarter with the rates of its registers among them.

    Parameters
    ----------
    features : DataFrame (catalog: ``commune_feature``)
    registers : DataFrame
        ``register_id, area_id, households, listed``.
    """
    rates = registers.assign(
        feature_id=RATE + registers["register_id"].astype(str), value=registers["listed"] / registers["households"]
    )
    columns = ["area_id", "feature_id", "value"]
    return pd.concat([features[columns], rates[columns].dropna()], ignore_index=True)


def waves_of(households: list[pd.DataFrame], noted: list[tuple[str, dict[str, Any]]]) -> list[Wave]:
    """The waves that have households, the serving one last.

    Parameters
    ----------
    households : list of DataFrame
        The wave before and the serving one; empty where there is none.
    noted : list
        ``(source_id, {"observed_from", "observed_to"})`` of all waves so far, by the end of fieldwork.
    """
    present = [frame for frame in households if len(frame)]
    periods = noted[len(noted) - len(present) :]
    return [Wave(name, frame, _middle(note)) for frame, (name, note) in zip(present, periods, strict=True)]


def _middle(noted: dict[str, Any]) -> dt.date:
    first, last = (dt.date.fromisoformat(str(noted[name])) for name in ("observed_from", "observed_to"))
    return first + (last - first) / 2


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
    place = place_of(areas, country)
    more: dict[str, Any] = {"functionals": functionals, "n_replicates": n_replicates, "seed": seed}
    if waves:
        then = wave_features[wave_features["wave"] == waves[-1].name]
        return estimate_from_survey(place, covariates_of(place, then), waves, measure, country, quarter, **more)
    mpi, headcount = (
        frame[(frame["area_level"] == "province") & (frame["measure_id"] == measure.measure_id)]
        if len(frame)
        else frame
        for frame in (published_mpi, published_headcount)
    )
    if len(mpi) and len(headcount):
        covariates = covariates_of(place, with_rates(features, registers))
        return estimate_from_totals(place, covariates, mpi, headcount, measure, country, **more)
    return no_estimates(measure)


def estimate_from_survey(
    place: Place,
    covariates: Covariates,
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

    Parameters
    ----------
    waves : list of Wave
        The serving wave last; the one before, if any, first.
    functionals : Functionals, optional
        Figures of vulnerability to follow through every replicate.
    """
    samples = [read_sample(wave.households, measure.indicator_ids, place.communes) for wave in waves]
    sample, since = samples[-1], _years(waves[-1].middle, quarter)
    drift, trend = 0.0, None
    if len(waves) > 1:
        between = (waves[-1].middle - waves[0].middle).days / 365.25
        drift = since * drift_variance(samples[0], sample, place.province, between)
        trend = since * wave_trend(samples[0], sample, between)
    margins = fit_margins(
        sample,
        covariates,
        place.population,
        households=place.households,
        design_effect=pooled_design_effect(samples),
        drift=drift,
        trend=trend,
    )
    rows = rollup(
        place.areas,
        place.communes,
        place.population,
        country.area_id,
        sampled_households=sample.area_households,
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
    )
    total = np.bincount(place.province, place.population)
    met = (
        np.column_stack([np.bincount(place.province, place.population * c) for c in margins.shares.T]) / total[:, None]
    )
    gap = float(np.nanmax(np.abs(met - margins.totals)))
    return _estimated(drawn, rows, place, measure, functionals, n_replicates, gap, margins, sample)


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
    )
    return _estimated(drawn, rows, place, measure, functionals, n_replicates, float("nan"), None, None)


def no_estimates(measure: Measure) -> Estimated:
    """Where there is neither a survey nor a published total: no rows."""
    profiles = pd.DataFrame({"area_id": [], "population": [], "profile": []})
    return Estimated(no_tables(), profiles, area_draws(None, None, measure, None))


def province_figures(households: pd.DataFrame, place: Place, sample: Sample, measure: Measure) -> Published:
    """The direct figures of provinces that communes are to add up to.

    Standard errors are those of a share of as many independent households as Kish's effective number, with a design effect of
    clusters: they only matter where figures contradict one another.
    """
    flags = households[measure.indicator_ids].to_numpy(dtype=float)
    at = pd.Index(place.communes).get_indexer(households["area_id"])
    keep = np.isfinite(flags).all(axis=1) & (at >= 0)
    masks = flags[keep].astype(np.int64) @ (1 << np.arange(flags.shape[1]))
    size, g = 1 << flags.shape[1], len(place.provinces)
    persons = (households["weight"] * households["hh_size"]).to_numpy(dtype=float)[keep]
    counts = np.bincount(place.province[at[keep]] * size + masks, persons, g * size).reshape(g, size)
    visited = counts.sum(axis=1) > 0
    # a province that the survey did not visit is given the country's profile: better than none, and flagged by its interval
    counts = np.where(visited[:, None], counts, counts.sum(axis=0))
    figures = figures_of_profiles(counts / counts.sum(axis=1, keepdims=True), measure)
    n = np.maximum(np.bincount(place.province[sample.area], sample.effective, g), 1.0)

    def error(share: FloatArray) -> FloatArray:
        of_province = n.reshape(-1, *[1] * (share.ndim - 1))
        return np.sqrt(np.maximum(share * (1 - share), 1e-4) * _CLUSTER_EFFECT / of_province)

    poor = figures.headcount_ratio[:, 1]
    return Published(figures.uncensored, figures.censored[:, 1], poor, error(figures.uncensored), error(poor))


def _estimated(
    drawn: Drawn,
    rows: Rollup,
    place: Place,
    measure: Measure,
    functionals: Functionals | None,
    n_replicates: int,
    gap: float,
    margins: Margins | None,
    sample: Sample | None,
) -> Estimated:
    profiles = pd.DataFrame({"area_id": place.communes, "population": place.population})
    profiles["profile"] = list(drawn.profiles)
    return Estimated(
        small_area_tables(drawn, rows, measure),
        profiles,
        area_draws(drawn, rows, measure, functionals),
        n_replicates,
        gap,
        margins,
        sample,
        place,
    )


def _years(middle: dt.date, quarter: Quarter) -> float:
    """From the middle of fieldwork to the middle of the quarter, at least 0."""
    return max((quarter.end - middle).days - _SERVED_AFTER, 0) / 365.25
