"""Published estimates of a measure as rows of the fact tables.

Belongs here: giving OPHI's figures area codes and the form of ``fct_mpi``, ``fct_headcount`` and ``fct_contribution``, with
``method`` ``published``. Does not belong here: reading the workbooks (``published.ophi``).
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from poverty_assets.errors import ContractViolation
from poverty_assets.pack.country import Country

PUBLISHED_MEASURE = "global_mpi"
ONE_THIRD = 0.333333
_K = {"vulnerable": 0.2, "severe": 0.5}


@dataclass(frozen=True)
class PublishedTables:
    """Rows of the three fact tables, without ``is_headline``."""

    mpi: pd.DataFrame
    headcount: pd.DataFrame
    contribution: pd.DataFrame


def published_tables(figures: list[pd.DataFrame], country: Country) -> PublishedTables:
    """Turn published figures into rows of the fact tables.

    Parameters
    ----------
    figures : list of DataFrame (``published.ophi.COLUMNS``)
        Those with standard errors first: of two figures for the same statistic the first wins. A frame with ``area_code``
        gives the names of the others their codes.
    country : Country

    Raises
    ------
    ContractViolation
        If a name has no code.

    Notes
    -----
    Intensity, near-poor and severe shares, headcounts and contributions are published without a standard error; they carry
    ``quality_flag`` ``se_not_published``.
    """
    if not figures:
        empty = pd.DataFrame(columns=[*_KEYS["mpi"], *_ESTIMATE])
        return PublishedTables(empty, _table(empty, "headcount"), _table(empty, "contribution"))
    every = pd.concat(figures, ignore_index=True)
    year = every["observed_from"].map(str).str[:4].astype(int)
    every = every[year == year.max()]
    coded = every[every["area_code"] != ""].drop_duplicates("area_name")
    codes = dict(zip(coded["area_name"], coded["area_code"], strict=True))
    every["area_id"] = every["area_name"].map({**codes, "": country.area_id})
    unknown = every[every["area_id"].isna()]
    if len(unknown):
        raise ContractViolation(
            f"{unknown['area_name'].nunique()} published areas have no code; first {unknown['area_name'].iloc[0]!r}",
            remedy="the file with P-codes names them; check that it is of the same release",
        )
    every = every.drop_duplicates(["area_id", "family", "item"])
    every = every.assign(
        area_level=every["area_id"].map(lambda code: "country" if code == country.area_id else "province"),
        measure_id=PUBLISHED_MEASURE,
        subgroup="all",
        method="published",
        n_households=None,
        suppressed=False,
    )
    every["quality_flag"] = every["se"].notna().map({True: "ok", False: "se_not_published"})
    mpi = every[(every["family"] == "mpi") & (every["item"] != "population_share")]
    mpi = mpi.assign(statistic=mpi["item"], k=mpi["item"].map(_K).fillna(ONE_THIRD))
    headcount = every[every["family"].isin(["uncensored", "censored"])]
    headcount = headcount.assign(indicator_id=headcount["item"], kind=headcount["family"])
    contribution = every[every["family"] == "contribution"]
    contribution = contribution.assign(indicator_id=contribution["item"], k=ONE_THIRD, share=contribution["estimate"])
    return PublishedTables(_table(mpi, "mpi"), _table(headcount, "headcount"), _table(contribution, "contribution"))


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
