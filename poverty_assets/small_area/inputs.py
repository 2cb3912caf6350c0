"""What a quarter's models take: finest areas, their covariates, and survey waves.

Belongs here: `Inputs`, the tables of the lake that a quarter's estimates are made of, and the arrays made of them. Does not belong
here: any model (``margins``, ``replicates``), or their order (``estimate``).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.judging.folds import BLOCK_METRES, block_ids
from poverty_assets.measure.measure import Measure
from poverty_assets.pack.country import Country
from poverty_assets.quarter import Quarter
from poverty_assets.registers.counts import rate_of
from poverty_assets.small_area.margins.kernel import Covariates
from poverty_assets.small_area.people import Groups, Inhabitants
from poverty_assets.small_area.sample import Survey, read_sample

POOR = "headcount_ratio"
"""What being poor is called among indicators."""
SMALLEST = 1.0  # persons or households of an area of the finest level that a source counts
UNCOUNTED = 1e-6
"""Weight of an area whose people no source counts: in totals with any that is counted it is nothing to all digits that are published, while
a larger area of nothing but such areas still has a mean."""


@dataclass(frozen=True)
class Place:
    """The finest areas of a quarter, in the order of every array.

    Attributes
    ----------
    areas : DataFrame (catalog: ``dim_area``)
    hierarchy : Hierarchy
    finest : list of str
        Codes of the areas.
        Areas of the finest level.
    population, households : ndarray, shape (n,)
    counted : ndarray of bool, shape (n,)
        Whether a source gives people or households.
    at_published : ndarray of int, shape (n,)
        The published area that each lies in: its place in ``published_ids``.
    published_ids : list of str
    holder : ndarray of int, shape (n,)
        Which finest areas lie in the same area one level up.
    xy : ndarray, shape (n, 2)
        Metric coordinates.
    block : ndarray of int, shape (n,)
        The block of land that each lies in, unique across published areas.
    block_metres : float
        Side of the blocks of land that are held out together.
    """

    areas: pd.DataFrame
    hierarchy: Hierarchy
    finest: list[str]
    population: FloatArray
    households: FloatArray
    counted: npt.NDArray[np.bool_]
    at_published: IntArray
    published_ids: list[str]
    holder: IntArray
    xy: FloatArray
    block: IntArray
    block_metres: float = BLOCK_METRES

    @property
    def uncounted(self) -> str:
        """How many of the finest areas no source counts the people of, which share of all and of the land they are, and the first of
        them; empty for none."""
        lost = [code for code, known in zip(self.finest, self.counted, strict=True) if not known]
        if not lost:
            return ""
        first = ", ".join(lost[:5]) + (", ..." if len(lost) > 5 else "")
        km2 = self.areas.set_index("area_id")["area_km2"].reindex(self.finest).astype(float)
        share, land = len(lost) / len(self.finest), float(km2[lost].sum() / km2.sum())
        kept = "each counts alike in totals" if len(lost) == len(self.finest) else "kept out of totals"
        return (
            f"{len(lost)} of {len(self.finest)} areas of the finest level ({share:.0%} of them, {land:.1%} of the land),"
            f" {kept}: {first}"
        )

    @property
    def people(self) -> Inhabitants:
        """Who lives in the finest areas."""
        return Inhabitants(self.population, self.households, self.at_published)

    @property
    def holder_between(self) -> IntArray | None:
        """``holder`` where there are levels between the finest and the published one."""
        return self.holder if int(self.holder.max()) > int(self.at_published.max()) else None

    @property
    def groups(self) -> Groups:
        """Which of them share a strength of association."""
        return Groups(self.at_published, self.block)


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
class Inputs:
    """What a quarter's estimates are made of, as the lake has it.

    Attributes
    ----------
    areas : DataFrame (catalog: ``dim_area``)
        Areas of all levels.
    features : DataFrame (catalog: ``area_feature``)
        ``area_id, feature_id, value, observed_on`` of the features that are modelled, as of the quarter.
    wave_features : DataFrame (lake: ``wave_feature``)
        Features and rates of registers as of the quarter in which each wave ended, of the quarters between two waves, and of the
        season; empty where there is no wave.
    stability : DataFrame (lake: ``feature_drift``)
        How far the quarter's features have drifted from the serving wave's (``time.covariate_drift.quarter_stability``).
    registers : DataFrame (lake: ``register_count``)
        ``register_id, area_id, households, listed`` as of the quarter.
    waves : list of Wave
        Those that have households: the serving one last, the one before it, if any, first. Empty where only totals are published.
    published_mpi, published_headcount : DataFrame
        Published rows of all areas, in the form of ``fct_mpi`` and ``fct_headcount``; empty where nothing is.
    measure : Measure
    country : Country
    quarter : Quarter
    levels : DataFrame (lake: ``wave_level``)
        Shares of the country at every wave so far, earlier ones than the two too.
    """

    areas: pd.DataFrame
    features: pd.DataFrame
    wave_features: pd.DataFrame
    stability: pd.DataFrame
    registers: pd.DataFrame
    waves: list[Wave]
    published_mpi: pd.DataFrame
    published_headcount: pd.DataFrame
    measure: Measure
    country: Country
    quarter: Quarter
    levels: pd.DataFrame = field(default_factory=lambda: levels_of([]))

    @cached_property
    def place(self) -> Place:
        """The finest areas."""
        return place_of(self.areas, self.country)

    @cached_property
    def now(self) -> pd.DataFrame:
        """``area_id, feature_id, register_id, value``: features and rates of registers as of the quarter."""
        return with_rates(self.features, self.registers)

    @cached_property
    def at_waves(self) -> list[pd.DataFrame]:
        """The same as of each of the waves."""
        at = self.wave_features
        return [at[(at["time_kind"] == "wave") & (at["wave"] == wave.name)] for wave in self.waves]

    @property
    def between(self) -> pd.DataFrame:
        """The same of the quarters between the two waves, in the quarter in which the later one comes; else empty."""
        return self.wave_features[self.wave_features["time_kind"] == "between_waves"]

    @cached_property
    def survey(self) -> Survey:
        """The samples of the waves."""
        ids = self.measure.indicator_ids
        samples = [read_sample(wave.households, ids, self.place.finest) for wave in self.waves]
        return Survey(samples[-1], samples[0] if len(samples) > 1 else None)

    def located(self, wave: Wave) -> bool:
        """Whether a wave knows the finest area of any household that has every indicator; some surveys know regions alone."""
        known = wave.households[self.measure.indicator_ids].notna().all(axis=1)
        return bool((known & wave.households["area_id"].isin(self.place.finest)).any())

    def published_rows(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Rows that others have published of the published level by the measure: of ``fct_mpi``, of ``fct_headcount``."""
        mpi, headcount = (
            rows[
                (rows["area_level"] == self.place.hierarchy.published) & (rows["measure_id"] == self.measure.measure_id)
            ]
            if len(rows)
            else rows
            for rows in (self.published_mpi, self.published_headcount)
        )
        return mpi, headcount


def place_of(areas: pd.DataFrame, country: Country) -> Place:
    """The finest areas of ``dim_area``, their weights, published areas and blocks of land."""
    from pyproj import Transformer

    hierarchy = Hierarchy.of(areas)
    codes, numbers = hierarchy.codes(hierarchy.finest), hierarchy.members(hierarchy.finest)
    finest = areas.set_index("area_id").loc[codes]
    published_ids, at_published = np.unique(hierarchy.ancestor(numbers, hierarchy.published), return_inverse=True)
    holder = np.unique(hierarchy.parent[numbers], return_inverse=True)[1]
    to_metric = Transformer.from_crs("EPSG:4326", country.metric_crs, always_xy=True)
    xy = np.column_stack(to_metric.transform(finest["centroid_lon"], finest["centroid_lat"]))
    block = np.unique(
        at_published * 100_000 + np.unique(block_ids(xy, country.block_metres), return_inverse=True)[1],
        return_inverse=True,
    )[1]
    population = finest["population"].astype(float)
    households = finest["households"].astype(float)
    size = float(population.sum() / households[population.notna()].sum()) if households.notna().any() else 1.0
    return Place(
        areas,
        hierarchy,
        codes,
        population.fillna(households * size).clip(lower=SMALLEST).fillna(UNCOUNTED).to_numpy(),
        households.fillna(population / size).clip(lower=SMALLEST).fillna(UNCOUNTED).to_numpy(),
        (population.notna() | households.notna()).to_numpy(),
        at_published.astype(np.int64),
        [str(code) for code in hierarchy.ids[published_ids]],
        holder.astype(np.int64),
        xy,
        block.astype(np.int64),
        country.block_metres,
    )


def covariates_of(place: Place, features: pd.DataFrame) -> Covariates:
    """Features of finest areas, whether urban, and the rate of each register as a leading covariate.

    Parameters
    ----------
    features : DataFrame
        ``area_id, feature_id, register_id, value``: rows of a feature, or of a register's rate (the other id is empty).
    """
    is_rate = features["register_id"] != ""
    wide, rates = (
        rows.pivot(index="area_id", columns=of, values="value").reindex(place.finest).to_numpy(dtype=float)
        for rows, of in ((features[~is_rate], "feature_id"), (features[is_rate], "register_id"))
    )
    urban = place.areas.set_index("area_id")["is_urban"].reindex(place.finest).astype(float)
    features_of_areas = np.column_stack([wide, urban.to_numpy()])
    return Covariates(
        features_of_areas,
        place.xy,
        place.at_published,
        rates,
        block_metres=place.block_metres,
        holder=place.holder_between,
    )


def covariate_names(features: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Names of the columns of `covariates_of`: features with ``is_urban`` last, and registers."""
    names, registers = (sorted(set(features[of]) - {""}) for of in ("feature_id", "register_id"))
    return [*names, "is_urban"], registers


def with_rates(features: pd.DataFrame, registers: pd.DataFrame) -> pd.DataFrame:
    """Features of the quarter with the rates of its registers among them.

    Parameters
    ----------
    features : DataFrame (catalog: ``area_feature``)
    registers : DataFrame
        ``register_id, area_id, households, listed``.
    """
    columns = ["area_id", "feature_id", "register_id", "value"]
    rates = registers.assign(feature_id="", value=rate_of(registers))
    return pd.concat([features.assign(register_id="")[columns], rates[columns].dropna()], ignore_index=True)


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


def levels_of(waves: list[tuple[Wave, Measure]]) -> pd.DataFrame:
    """Shares of people deprived, and poor, of the country at each wave, of households that have every indicator.

    A wave that lacks an indicator of the measure has none.
    """
    rows = []
    for wave, measure in waves:
        if not set(measure.indicator_ids) <= set(wave.households):
            continue
        flags = wave.households[measure.indicator_ids].to_numpy(dtype=float)
        known = np.isfinite(flags).all(axis=1)
        persons = (wave.households["weight"] * wave.households["hh_size"]).to_numpy(dtype=float)[known]
        if not persons.sum() > 0:
            continue
        poor = measure.is_poor(measure.scores(flags[known]), measure.cutoffs.poor)
        shares = np.average(np.column_stack([flags[known], poor]), axis=0, weights=persons)
        rows += [
            (wave.name, wave.middle, name, share)
            for name, share in zip([*measure.indicator_ids, POOR], shares, strict=True)
        ]
    return pd.DataFrame(rows, columns=["wave", "middle", "indicator_id", "share"])


def _middle(noted: dict[str, Any]) -> dt.date:
    first, last = (noted[name] for name in ("observed_from", "observed_to"))
    return first + (last - first) / 2
