"""Identities that the figures of a measure satisfy, whoever computed them.

Functions that take tables in the form of ``fct_mpi``, ``fct_headcount`` and ``fct_contribution`` and return the largest gap and
where it is. The warehouse's gate asks the same of what is to be published, in SQL.

Every gap is 0 in exact arithmetic; an inequality's gap is how far it is broken, so below 0 never counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.measure.measure import Measure, k_value

KEYS = ("quarter", "area_id", "measure_id", "subgroup", "method")
"""Columns that say whom a figure is about; those that a table has are used."""


@dataclass(frozen=True)
class Gap:
    """The largest departure from an identity.

    Attributes
    ----------
    check : str
        The identity.
    largest : float
        Largest gap, 0 where nothing could be compared.
    where : dict
        Key of the row with the largest gap.
    n : int
        Rows compared.
    """

    check: str
    largest: float
    where: dict[str, Any]
    n: int


def mpi_is_intensity_times_headcount(mpi: pd.DataFrame) -> Gap:
    """M0 = H A at every k."""
    wide = _wide(mpi, ["k"])
    known = wide.dropna(subset=["mpi", "headcount_ratio", "intensity"])
    return _largest("M0 = H A", known["mpi"] - known["headcount_ratio"] * known["intensity"])


def mpi_is_weighted_headcounts(mpi: pd.DataFrame, headcount: pd.DataFrame, measure: Measure) -> Gap:
    """M0 = sum over indicators of weight times censored headcount, at the k of the censored headcounts.

    Indicators that a country lacks must have their weight shared by the others in ``measure`` already.
    """
    weight = dict(zip(measure.indicator_ids, measure.weights, strict=True))
    censored = headcount[headcount["kind"] == "censored"]
    keys = [*_keys(censored), "k"]
    sums = (censored["estimate"] * censored["indicator_id"].map(weight)).groupby([censored[k] for k in keys])
    total, count = sums.sum(), sums.count()
    m0 = mpi[mpi["statistic"] == "mpi"].set_index(keys)["estimate"]
    return _largest("M0 = sum of w h(k)", (m0 - total[count == len(weight)]).dropna())


def whole_is_weighted_parts(
    mpi: pd.DataFrame,
    parts: pd.DataFrame,
    statistics: Sequence[str] = ("headcount_ratio", "mpi", "vulnerable", "severe"),
) -> Gap:
    """A whole's figure is the population-share-weighted mean of its parts'.

    Parameters
    ----------
    mpi : DataFrame
    parts : DataFrame
        ``area_id`` of each part, ``parent_id`` of its whole and ``share`` of the whole's people.
    statistics : sequence of str
        Those that are shares of all people; intensity is not.
    """
    table = mpi[mpi["statistic"].isin(statistics)]
    keys = [*[key for key in _keys(table) if key != "area_id"], "k", "statistic"]
    joined = table.merge(parts[["area_id", "parent_id", "share"]], on="area_id")
    joined = joined.assign(weighted=joined["estimate"] * joined["share"])
    by = ["parent_id", *keys]
    sums = joined.groupby(by).agg(weighted=("weighted", "sum"), n=("estimate", "count"))
    expected = parts.groupby("parent_id").size()
    complete = sums["n"].to_numpy() == expected.reindex(sums.index.get_level_values("parent_id")).to_numpy()
    whole = table.rename(columns={"area_id": "parent_id"}).set_index(by)["estimate"]
    return _largest("whole = weighted parts", (whole - sums.loc[complete, "weighted"]).dropna())


def censored_at_most_uncensored(headcount: pd.DataFrame) -> Gap:
    """Who is deprived and poor is deprived: h(k) <= h."""
    keys = [*_keys(headcount), "indicator_id"]
    censored = headcount[headcount["kind"] == "censored"].set_index([*keys, "k"])["estimate"]
    uncensored = headcount[headcount["kind"] == "uncensored"].set_index(keys)["estimate"]
    known = censored.reset_index().merge(uncensored.reset_index(), on=keys, suffixes=("", "_uncensored"))
    known = known.set_index([*keys, "k"])
    return _largest("h(k) <= h", (known["estimate"] - known["estimate_uncensored"]).clip(lower=0).dropna())


def falls_with_k(mpi: pd.DataFrame) -> Gap:
    """H and M0 do not rise with k, and A does not fall."""
    table = mpi[mpi["statistic"].isin(["headcount_ratio", "mpi", "intensity"])].dropna(subset=["estimate"])
    keys = [*_keys(table), "statistic"]
    table = table.sort_values([*keys, "k"])
    step = table.groupby(keys)["estimate"].diff()
    broken = np.where(table["statistic"] == "intensity", -step, step)
    gaps = pd.Series(broken, index=pd.MultiIndex.from_frame(table[[*keys, "k"]]))
    return _largest("monotone in k", gaps.dropna().clip(lower=0))


def near_poor_and_poor_add_up(mpi: pd.DataFrame, measure: Measure) -> Gap:
    """H at the lower cut-off = vulnerable + H at the poverty cut-off; severe = H at the upper cut-off."""
    low, poor, high = (k_value(k) for k in measure.cutoffs)
    keys = _keys(mpi)
    at = mpi.set_index(["statistic", "k", *keys])["estimate"]
    h = at.xs("headcount_ratio")
    near = at.xs("vulnerable").droplevel("k")
    severe = at.xs("severe").droplevel("k")
    gaps = pd.concat([h.xs(low) - h.xs(poor) - near, h.xs(high) - severe])
    return _largest("H(1/5) = vulnerable + H(1/3)", gaps.dropna())


def contributions_sum_to_one(contribution: pd.DataFrame) -> Gap:
    """Contributions of all indicators sum to 1."""
    keys = [*_keys(contribution), "k"]
    sums = contribution.dropna(subset=["share"]).groupby(keys)["share"].sum()
    return _largest("contributions sum to 1", sums - 1)


def all_identities(
    mpi: pd.DataFrame, headcount: pd.DataFrame, contribution: pd.DataFrame, measure: Measure
) -> list[Gap]:
    """Every identity that needs no population shares."""
    return [
        mpi_is_intensity_times_headcount(mpi),
        mpi_is_weighted_headcounts(mpi, headcount, measure),
        censored_at_most_uncensored(headcount),
        falls_with_k(mpi),
        near_poor_and_poor_add_up(mpi, measure),
        contributions_sum_to_one(contribution),
    ]


def _keys(table: pd.DataFrame) -> list[str]:
    return [key for key in KEYS if key in table.columns]


def _wide(mpi: pd.DataFrame, extra: list[str]) -> pd.DataFrame:
    return mpi.set_index([*_keys(mpi), *extra, "statistic"])["estimate"].unstack("statistic")


def _largest(check: str, gaps: pd.Series) -> Gap:
    sizes = gaps.abs().to_numpy(dtype=float)
    if len(sizes) == 0:
        return Gap(check, 0.0, {}, 0)
    at = int(sizes.argmax())
    label = gaps.index[at]
    values = label if isinstance(label, tuple) else (label,)
    names = [str(name) for name in gaps.index.names]
    where = dict(zip(names, (v.item() if isinstance(v, np.generic) else v for v in values), strict=True))
    return Gap(check, float(sizes[at]), where, len(sizes))
