"""Published figures beside official rates of the same areas.

Belongs here: the only code that reads official rates (sources of role ``truth``, and ``truth/`` of a pack), their scores, and finding
them among covariates. Does not belong here: the truth of a simulated country (``truth``), or anything that fits: nothing that does may
import this or be given what it reads.

An official rate is another concept than a headcount ratio: of consumption or income, by another survey. Ranks are the comparison; an
error holds the difference of concepts, too, and is read beside that of the baselines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray, group_means
from poverty_assets.errors import ContractViolation
from poverty_assets.evaluation.scores import COLUMNS
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.judging.scores import spearman
from poverty_assets.measure.measure import Measure
from poverty_assets.pack.as_of import Release
from poverty_assets.pack.country import Country, load_truth_sources
from poverty_assets.pack.source import TableSource
from poverty_assets.pack.truth import COLUMNS as OF_PACK
from poverty_assets.pack.truth import TruthFile, read_truth_files
from poverty_assets.quarter import Quarter
from poverty_assets.sources.readers import read_source

PUBLISHED_LEVEL, DENSITY = "published_level", "population_density"
"""Baselines: the figure of the published area that an area lies in; how few people live on a square kilometre."""
_FEWEST = 3  # areas that a rank correlation says anything of
_SAME, _HALF = 5, 0.5
_TIED = 1e-12  # departures from a mean that rounding makes


@dataclass(frozen=True)
class OfficialTable:
    """One table of official rates.

    Attributes
    ----------
    name : str
    about : str
        Title, publisher and licence, for people.
    rates : DataFrame
        ``area_id, year, rate`` (share).
    """

    name: str
    about: str
    rates: pd.DataFrame


@dataclass(frozen=True)
class OfficialTables:
    """Those that are there; and of the others, by name, why not."""

    tables: list[OfficialTable]
    absent: dict[str, str]


def read_official(
    country: Country, landing: Path, *, simulated: bool = False, read: Mapping[str, pd.DataFrame] | None = None
) -> OfficialTables:
    """Official rates of the landing folder and of the pack, whatever quarter they are of.

    Parameters
    ----------
    read : mapping of str to DataFrame, optional
        Rows of sources that have been read already. Where it is given, the others are those that cannot be.

    Raises
    ------
    InputError
        If a file cannot be read, or a rate is no share.
    """
    tables, absent = [], {}
    for spec in load_truth_sources(country, simulated=simulated):
        if read is not None and spec.source_id not in read:
            absent[spec.source_id] = f"{spec.path} is absent or cannot be read"
        elif (landing / spec.path).exists():
            tables.append(_of_landing(spec, landing, country, (read or {}).get(spec.source_id)))
        else:
            absent[spec.source_id] = f"there is no {spec.path}"
    if not simulated:
        tables += [_of_pack(one, country.folder) for one in read_truth_files(country.folder)]
    return OfficialTables(tables, absent)


def _of_landing(spec: TableSource, landing: Path, country: Country, read: pd.DataFrame | None = None) -> OfficialTable:
    if spec.options.official is None or spec.observed_from is None or spec.observed_to is None:
        raise TypeError(f"source {spec.source_id} states no rates or no period")  # its form refuses this
    official, path = spec.options.official, landing / spec.path
    found = Release(spec, Quarter.containing(spec.observed_to), path, spec.observed_from, spec.observed_to, landing)
    frame = read_source(found, country).frame if read is None else read
    if official.rates:
        parts = [
            pd.DataFrame({"area_id": frame["area_code"], "year": year, "rate": frame[column]})
            for column, year in official.rates.items()
        ]
        rates = pd.concat(parts, ignore_index=True)
    else:
        rates = frame.rename(columns={"area_code": "area_id", official.year: "year", official.value: "rate"})
    about = f"{spec.title} ({spec.publisher}; {spec.licence})"
    return OfficialTable(spec.source_id, about, _shares(rates, official.percent, path))


def _of_pack(one: TruthFile, pack: Path) -> OfficialTable:
    path = pack / "truth" / one.file
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    absent = [name for name in OF_PACK if name not in frame]
    if absent:
        remedy = f"give it the columns {', '.join(OF_PACK)}"
        raise ContractViolation(f"column {absent[0]!r} is missing", file=path, place="header", remedy=remedy)
    about = f"{one.title} ({one.source}; {one.licence})"
    return OfficialTable(path.stem, about, _shares(frame.rename(columns={"value": "rate"}), one.percent, path))


def _shares(rates: pd.DataFrame, percent: bool, path: Path) -> pd.DataFrame:
    """Rows that have a rate, as shares; refuses what is none and what stands twice."""
    rates = rates[["area_id", "year", "rate"]]
    rates = rates[rates["rate"].notna() & (rates["rate"].astype(str).str.strip() != "")]
    made = pd.DataFrame(
        {
            "area_id": rates["area_id"].astype(str).str.strip(),
            "year": pd.to_numeric(rates["year"], errors="coerce"),
            "rate": pd.to_numeric(rates["rate"], errors="coerce").astype(float) / (100 if percent else 1),
        }
    )
    for bad, problem in (
        (~made["rate"].between(0, 1), "no share of people" if not percent else "no percentage"),
        (made["year"].isna(), "of no year"),
        (made.duplicated(["area_id", "year"]), "there twice"),
    ):
        if bad.any():
            first = made[bad].iloc[0]
            raise ContractViolation(
                f"{int(bad.sum())} of {len(made)} official rates are {problem}; first of area {first['area_id']}",
                file=path,
                remedy="correct the file, or say percent: true where rates are of 0 to 100",
            )
    return made.astype({"year": int}).reset_index(drop=True)


@dataclass(frozen=True)
class OfficialScores:
    """How published figures do beside official rates.

    Attributes
    ----------
    metrics : DataFrame (catalog: ``model_metric``)
        Without ``quarter`` and ``as_of_quarter``. ``target`` is the table, ``learner`` the evidence of the figures (``headline`` where it
        is of several kinds) or a baseline.
    notes : dict of str to str
        By table: which year and how many areas, or why nothing was scored.
    """

    metrics: pd.DataFrame
    notes: dict[str, str]


def official_scores(
    figures: pd.DataFrame, tables: Iterable[OfficialTable], areas: pd.DataFrame, measure: Measure, quarter: Quarter
) -> OfficialScores:
    """Score a quarter's headcount ratios of the areas that official rates are of, rates of the year nearest to the quarter.

    Parameters
    ----------
    figures : DataFrame (catalog: ``fct_mpi``)
    areas : DataFrame (catalog: ``dim_area``)
    """
    hierarchy = Hierarchy.of(areas)
    poor = _headline_poor(figures, hierarchy, measure)
    sparse = -(areas["population"].astype(float) / areas["area_km2"].astype(float)).set_axis(areas["area_id"])
    rows: list[pd.DataFrame] = []
    notes: dict[str, str] = {}
    for table in tables:
        years = np.sort(table.rates["year"].unique())
        if not len(years):
            notes[table.name] = f"{table.about}: no rate"
            continue
        year = int(years[np.abs(years - quarter.start.year).argmin()])  # of two as near, the earlier
        own = table.rates[table.rates["year"] == year]
        number = _numbers(own["area_id"], hierarchy)
        beside = own.assign(number=number)[number > 0]
        made = list(_of_levels(beside, poor, sparse, hierarchy))
        rows += [one.assign(target=table.name) for one in made]
        scored = (
            ", ".join(f"{one['n'].iloc[0]} areas of level {one['area_level'].iloc[0]}" for one in made)
            or "nothing scored"
        )
        unknown = int((number < 0).sum())
        notes[table.name] = f"{table.about}: rates of {year}, {scored}" + (
            f"; {unknown} codes are of no area, first {own['area_id'][number < 0].iloc[0]}" if unknown else ""
        )
    columns = [*COLUMNS, "area_level"]
    every = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)
    every = every.assign(target_kind="official", fold_design="official", subgroup="all", feature="")
    return OfficialScores(every[columns], notes)


def _headline_poor(figures: pd.DataFrame, hierarchy: Hierarchy, measure: Measure) -> pd.DataFrame:
    """``estimate, method`` of the headcount ratio to quote, by number of area."""
    own = figures[
        (figures["statistic"] == "headcount_ratio")
        & (figures["measure_id"] == measure.measure_id)
        & (figures["subgroup"] == "all")
        & figures["is_headline"].astype(bool)
        & np.isclose(figures["k"].astype(float), float(measure.cutoffs.poor), atol=1e-5)
    ]
    return own.assign(number=hierarchy.number(own["area_id"])).set_index("number")[["estimate", "method"]]


def _numbers(codes: pd.Series, hierarchy: Hierarchy) -> np.ndarray:
    """Number of each area; a code may have the country's letters where the pack's codes have none, or lack them."""
    number = hierarchy.number(codes)
    for other in (codes.str.replace(r"^[A-Z]{2,3}", "", regex=True), hierarchy.root + codes):
        number = np.where(number < 0, hierarchy.number(other), number)
    return number


def _of_levels(
    beside: pd.DataFrame, poor: pd.DataFrame, sparse: pd.Series, hierarchy: Hierarchy
) -> Iterator[pd.DataFrame]:
    """Scores of each level below the country: ``learner, metric, value, n, area_level``."""
    for depth, level in enumerate(hierarchy.levels[1:], start=1):
        own = beside[hierarchy.level[beside["number"]] == depth]
        number = own["number"].to_numpy()
        estimate = poor["estimate"].reindex(number).to_numpy(dtype=float)
        known = np.isfinite(estimate)
        if known.sum() < _FEWEST:
            continue
        number, rate, estimate = number[known], own["rate"].to_numpy(dtype=float)[known], estimate[known]
        methods = poor["method"].reindex(number).unique()
        learners: dict[str, FloatArray] = {str(methods[0]) if len(methods) == 1 else "headline": estimate}
        above = hierarchy.ancestor(number, hierarchy.published)
        if depth > 1:
            learners[PUBLISHED_LEVEL] = poor["estimate"].reindex(above).to_numpy(dtype=float)
        learners[DENSITY] = sparse.reindex(hierarchy.ids[number]).to_numpy(dtype=float)
        scored = [
            (name, metric, value, len(rate))
            for name, predicted in learners.items()
            for metric, value in _scores(predicted, rate, above, is_rate=name != DENSITY).items()
        ]
        yield pd.DataFrame(scored, columns=["learner", "metric", "value", "n"]).assign(area_level=level)


def _scores(predicted: FloatArray, rate: FloatArray, above: IntArray, *, is_rate: bool) -> dict[str, float]:
    """Of the same areas for every learner; a learner that does not know them all has none.

    ``spearman_within`` is of departures from the mean of the published area that each lies in: what a figure says that the
    published one does not. It stands where areas of one published area are several, and predictions of them differ.
    """
    if not np.isfinite(predicted).all():
        return {}
    found = {"spearman": float(spearman(predicted, rate))}
    _, group, size = np.unique(above, return_inverse=True, return_counts=True)
    several = size[group] > 1
    both = np.column_stack([predicted, rate])
    departures = (both - group_means(both, group)[group])[several].T
    if several.sum() >= _FEWEST and np.abs(departures[0]).max() > _TIED:
        found["spearman_within"] = float(spearman(*departures))
    if is_rate:
        found["rmse"] = float(np.sqrt(np.mean((predicted - rate) ** 2)))
        found["bias"] = float(np.mean(predicted - rate))
    return found


def refuse_truth_among_covariates(features: pd.DataFrame, tables: Iterable[OfficialTable], areas: pd.DataFrame) -> None:
    """Refuse covariates that hold official rates, of the area itself or of the one that it lies in.

    Parameters
    ----------
    features : DataFrame
        ``area_id, feature_id, value`` of what models may learn from.
    areas : DataFrame (catalog: ``dim_area``)

    Raises
    ------
    ContractViolation
        Naming every such feature and the table.
    """
    hierarchy = Hierarchy.of(areas)
    features = features.assign(number=hierarchy.number(features["area_id"])).query("number > 0")
    found: list[str] = []
    for table in tables:
        for year, rates in table.rates.groupby("year", sort=True):
            number = _numbers(rates["area_id"], hierarchy)
            own = np.full(len(hierarchy), np.nan)
            own[number[number > 0]] = rates["rate"].to_numpy()[number > 0]
            known = pd.Series(hierarchy.inherit(own), index=hierarchy.ids).dropna()
            for feature, values in features.groupby("feature_id", sort=True):
                per_level = values.groupby(hierarchy.level[values["number"]])
                if any(same_values(part.set_index("area_id")["value"], known) for _, part in per_level):
                    found.append(f"{feature} holds the rates of {table.name} of {year}")
    _refuse(found)


def refuse_truth_among_columns(columns: Mapping[str, pd.Series], tables: Iterable[OfficialTable]) -> None:
    """Refuse columns of source tables, by name and each by code of area, that hold official rates."""
    found = [
        f"{name} holds the rates of {table.name} of {year}"
        for table in tables
        for year, rates in table.rates.groupby("year", sort=True)
        for name, values in columns.items()
        if same_values(_bare(values), _bare(rates.set_index("area_id")["rate"]))
    ]
    _refuse(found)


def _bare(values: pd.Series) -> pd.Series:
    """By code without the letters of a country."""
    return values.set_axis([re.sub(r"^[A-Z]{2,3}", "", str(code)) for code in values.index])


def _refuse(found: list[str]) -> None:
    if found:
        raise ContractViolation(
            f"{len(found)} covariates are official rates that estimates are judged by: {'; '.join(found)}",
            remedy="leave the feature out, or state covariate: false: official rates are for evaluation alone",
        )


def same_values(values: pd.Series, rates: pd.Series) -> bool:
    """Whether one series holds the other's values, as shares or percentages, by their common index: half of them at least, and five
    different ones.

    Examples
    --------
    >>> rates = pd.Series([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], index=list("abcdef"))
    >>> same_values(rates * 100, rates), same_values(rates * 2, rates)
    (True, False)
    """
    values, rates = values[~values.index.duplicated()].dropna().astype(float), rates[~rates.index.duplicated()]
    common = values.index.intersection(rates.index)
    one, other = values[common].to_numpy(), rates[common].to_numpy(dtype=float)
    for scale in (1.0, 100.0):
        same = np.isclose(one, other * scale, rtol=1e-6, atol=1e-9)
        if len(common) and same.mean() >= _HALF and len(np.unique(one[same])) >= _SAME:
            return True
    return False
