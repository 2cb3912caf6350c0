"""Published estimates of a measure as rows of the fact tables.

Belongs here: giving OPHI's figures area codes and the form of ``fct_mpi``, ``fct_headcount`` and ``fct_contribution``, with
``method`` ``published``. Does not belong here: reading the workbooks (``published.ophi``), which area a region is
(``published.regions``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from poverty_assets.pack.country import Country
from poverty_assets.pack.keys import plain_name
from poverty_assets.published.merging import MERGED, merged
from poverty_assets.published.regions import Places, RegionMap, RegionNotes

PUBLISHED_MEASURE = "global_mpi"
ONE_THIRD = 0.333333
SPREAD = "region_of_several_areas"
_K = {"vulnerable": 0.2, "severe": 0.5}


@dataclass(frozen=True)
class PublishedSource:
    """Figures that one source holds, and what its entry says of their regions.

    Attributes
    ----------
    figures : DataFrame (``published.ophi.COLUMNS``)
    regions : RegionMap
    """

    figures: pd.DataFrame
    regions: RegionMap = field(default_factory=RegionMap)


@dataclass(frozen=True)
class PublishedTables:
    """Rows of the three fact tables, without ``is_headline``, and what is to be said of their regions."""

    mpi: pd.DataFrame
    headcount: pd.DataFrame
    contribution: pd.DataFrame
    said: RegionNotes = field(default_factory=RegionNotes)


def published_tables(publications: Sequence[PublishedSource], areas: pd.DataFrame, country: Country) -> PublishedTables:
    """Turn published figures into rows of the fact tables.

    Parameters
    ----------
    publications : sequence of PublishedSource
        Those with standard errors first: of two figures for the same statistic the first wins. A region that one knows by its code
        or its entry is known by its name in the others.
    areas : DataFrame
        ``area_id, area_level, parent_id, name_en`` (catalog: ``dim_area``).
    country : Country

    Raises
    ------
    ContractViolation
        If a figure would be lost or put elsewhere: see ``regions.Places`` and ``merging.merged``.

    Notes
    -----
    Intensity, near-poor and severe shares, headcounts and contributions are published without a standard error; they carry
    ``quality_flag`` ``se_not_published``. Figures of merged regions carry ``regions_merged``, those of a region that is made up of several
    areas, each of which is given them, ``region_of_several_areas``.
    """
    newest = max((year for one in publications for year in _years(one.figures)), default=None)
    kept = [PublishedSource(one.figures[_years(one.figures) == newest], one.regions) for one in publications]
    if newest is None:
        empty = pd.DataFrame(columns=[*_KEYS["mpi"], *_ESTIMATE])
        return PublishedTables(empty, _table(empty, "headcount"), _table(empty, "contribution"))
    places = Places(areas, country)
    every = pd.concat(_placed(kept, places), ignore_index=True).drop_duplicates(["area_id", "family", "item"])
    every = every.assign(
        area_level=every["area_id"].map(places.level),
        measure_id=PUBLISHED_MEASURE,
        subgroup="all",
        method="published",
        n_households=None,
        suppressed=False,
    )
    mpi = every[(every["family"] == "mpi") & (every["item"] != "population_share")]
    mpi = mpi.assign(statistic=mpi["item"], k=mpi["item"].map(_K).fillna(ONE_THIRD))
    headcount = every[every["family"].isin(["uncensored", "censored"])]
    headcount = headcount.assign(indicator_id=headcount["item"], kind=headcount["family"])
    contribution = every[every["family"] == "contribution"]
    contribution = contribution.assign(indicator_id=contribution["item"], k=ONE_THIRD, share=contribution["estimate"])
    tables = _table(mpi, "mpi"), _table(headcount, "headcount"), _table(contribution, "contribution")
    return PublishedTables(*tables, places.said)


def _years(figures: pd.DataFrame) -> pd.Series:
    return figures["observed_from"].map(str).str[:4].astype(int)


def _placed(publications: Sequence[PublishedSource], places: Places) -> list[pd.DataFrame]:
    """Rows of each publication with ``area_id`` and ``quality_flag``."""
    stated = RegionMap()
    for one in publications:
        stated = stated.before(one.regions)
    every = pd.concat([one.figures for one in publications], ignore_index=True)
    every = every.assign(key=every["area_name"].map(plain_name))
    coded = every[every["area_code"] != ""].groupby("key")["area_code"].unique()
    names = every[every["key"] != ""].drop_duplicates("key").set_index("key")["area_name"]
    files = [
        [names[key] for key in dict.fromkeys(map(plain_name, one.figures["area_name"])) if key] for one in publications
    ]
    found = places.of({name: list(coded.get(key, ())) for key, name in names.items()}, stated, files)
    areas = {"": (places.root,), **{key: found[name] for key, name in names.items()}}
    shares = every[(every["item"] == "population_share") & every["estimate"].notna()].drop_duplicates("key")
    share = shares.set_index("key")["estimate"]
    return [_of_one(one.figures, areas, share, places) for one in publications]


def _of_one(figures: pd.DataFrame, areas: dict[str, tuple[str, ...]], share: pd.Series, places: Places) -> pd.DataFrame:
    key = figures["area_name"].map(plain_name)
    rows = figures.assign(area_id=key.map(areas)).explode("area_id", ignore_index=True)
    rows = rows[rows["area_id"].notna()]
    rows["quality_flag"] = rows["se"].notna().map({True: "ok", False: "se_not_published"})
    spread = rows["area_name"].map(plain_name).map(lambda one: len(areas[one]) > 1)
    rows.loc[spread, "quality_flag"] = _flagged(rows.loc[spread, "quality_flag"], SPREAD)
    several = rows.groupby("area_id")["area_name"].transform("nunique") > 1
    out = [rows[~several]]
    by_name = pd.Series({name: share.get(plain_name(name)) for name in figures["area_name"].unique()}, dtype=float)
    for area, group in rows[several].groupby("area_id", sort=True):
        made = merged(group, by_name, places.shown(str(area))).assign(area_id=area, area_code="")
        flag = made["se"].notna().map({True: "ok", False: "se_not_published"})
        out.append(made.assign(quality_flag=_flagged(flag, MERGED)))
    return pd.concat(out, ignore_index=True) if len(out) > 1 else out[0]


def _flagged(flags: pd.Series, reason: str) -> pd.Series:
    return flags.where(flags != "ok", "").map(lambda before: f"{before},{reason}" if before else reason)


_ESTIMATE = ("estimate", "se", "ci_low", "ci_high", "method", "n_households", "suppressed", "quality_flag")
_AREA = ("area_id", "area_level", "measure_id", "subgroup")
_KEYS = {
    "mpi": (*_AREA, "k", "statistic"),
    "headcount": (*_AREA, "indicator_id", "kind"),
    "contribution": (*_AREA, "indicator_id", "k"),
}


def _table(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    estimate = [("share" if c == "estimate" and name == "contribution" else c) for c in _ESTIMATE]
    return rows.reindex(columns=[*_KEYS[name], *estimate]).reset_index(drop=True)
