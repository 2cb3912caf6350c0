"""What a quarter's models take: communes, their covariates, survey waves, and the totals that communes are to add up to.

Belongs here: tables of the lake in the form of arrays. Does not belong here: any model (``margins``, ``replicates``), or their order
(``quarter``).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.judging.folds import block_ids
from poverty_assets.measure.measure import Measure
from poverty_assets.measurement.joint import figures_of_profiles
from poverty_assets.pack.country import Country
from poverty_assets.registers.counts import RATE
from poverty_assets.small_area.kernel import Covariates
from poverty_assets.small_area.replicates import Groups
from poverty_assets.small_area.sample import Sample
from poverty_assets.small_area.tilt import Published

SMALLEST = 1.0  # persons: a commune whose population no source gives weighs next to nothing in totals
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
    district : ndarray of int, shape (n,)
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
    district: IntArray
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


def place_of(areas: pd.DataFrame, country: Country) -> Place:
    """The communes of ``dim_area``, their weights, provinces and blocks of land."""
    from pyproj import Transformer

    communes = areas[areas["area_level"] == "commune"].sort_values("area_id")
    codes = communes["area_id"].astype(str).tolist()
    provinces, province = np.unique([code[: country.area_digits["province"]] for code in codes], return_inverse=True)
    district = np.unique([code[: country.area_digits["district"]] for code in codes], return_inverse=True)[1]
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
        district.astype(np.int64),
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
    rate = wide.columns.isin(feature_names(features)[1])
    columns = np.column_stack([wide.loc[:, ~rate].to_numpy(dtype=float), urban.to_numpy()])
    return Covariates(columns, place.xy, place.province, wide.loc[:, rate].to_numpy(dtype=float))


def feature_names(features: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Names of the columns of `covariates_of`: features with ``is_urban`` last, and rates of registers."""
    names = sorted(features["feature_id"].unique())
    rates = [name for name in names if name.startswith(RATE)]
    return [*(name for name in names if name not in rates), "is_urban"], rates


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
