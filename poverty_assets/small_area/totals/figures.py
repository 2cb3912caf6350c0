"""Figures of published areas that finest areas are to add up to: from a publication, or direct ones from a survey.

Belongs here: rows and households in the form of `Published`, with standard errors where none is published. Does not belong here:
bringing totals down (``downscale``), profiles that have them (``association.tilt``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray
from poverty_assets.errors import ContractViolation
from poverty_assets.measure.measure import Measure
from poverty_assets.measurement.domains import ALL
from poverty_assets.measurement.estimates import estimate_measure
from poverty_assets.small_area.association.tilt import Published
from poverty_assets.small_area.inputs import Place

FLOOR = 1e-6
"""A published headcount of 0 is met to this: no area's share is exactly 0."""
SAMPLED = 0.0005
"""For the slope between published areas and for errors, a published headcount of a sample is at least this."""


def published_totals(
    mpi_rows: pd.DataFrame, headcount_rows: pd.DataFrame, published_ids: Sequence[str], measure: Measure
) -> Published:
    """Published figures of published areas as downscaling takes them.

    Where a headcount has no published standard error, it is that of a share of as many households as the published standard
    error of H implies: n = H (1 - H) / se^2, which holds the survey's size and its design effect.

    Parameters
    ----------
    mpi_rows : DataFrame
        In the form of ``fct_mpi``: ``area_id, measure_id, subgroup, k, statistic, estimate, se``.
    headcount_rows : DataFrame
        In the form of ``fct_headcount``: ``area_id, measure_id, subgroup, indicator_id, kind, estimate, se``.
    published_ids : sequence of str
        Codes, in the order of the finest areas' published area numbers.
    measure : Measure

    Raises
    ------
    ContractViolation
        If a figure of a published area is missing or stands twice, or no H has a standard error.
    """
    h, h_error = _of_published(
        mpi_rows[(mpi_rows["statistic"] == "headcount_ratio") & np.isclose(mpi_rows["k"], float(measure.cutoffs.poor))],
        ["headcount_ratio"],
        "statistic",
        published_ids,
        measure,
    )
    if not (h_error > 0).any():
        raise ContractViolation(
            f"no headcount ratio of {len(published_ids)} areas has a standard error",
            remedy="give the published se of H in the rows of fct_mpi: intervals rest on it",
        )
    households = np.divide(h * (1 - h), h_error**2, out=np.full_like(h, np.nan), where=h_error > 0)
    households = np.where(households > 0, households, np.nanmedian(households[households > 0]))

    def headcounts(kind: str) -> tuple[FloatArray, FloatArray]:
        rows = headcount_rows[headcount_rows["kind"] == kind]
        share, error = _of_published(rows, measure.indicator_ids, "indicator_id", published_ids, measure)
        inside = np.clip(share, SAMPLED, 1 - SAMPLED)
        return share, np.where(np.isfinite(error), error, np.sqrt(inside * (1 - inside) / households))

    uncensored, uncensored_error = headcounts("uncensored")
    censored, _ = headcounts("censored")
    h_error = np.where(h_error > 0, h_error, np.sqrt(inside(h) * (1 - inside(h)) / households))
    classes = _classes(mpi_rows, published_ids, measure)
    return Published(uncensored, censored, h[:, 0], uncensored_error, h_error[:, 0], classes)


def _classes(mpi_rows: pd.DataFrame, published_ids: Sequence[str], measure: Measure) -> FloatArray | None:
    """Near-poor and severe shares of published areas, (g, 2); none where one is missing."""
    names = ["vulnerable", "severe"]
    own = mpi_rows[mpi_rows["statistic"].isin(names) & mpi_rows["area_id"].isin(list(published_ids))]
    own = own[(own["measure_id"] == measure.measure_id) & (own["subgroup"] == ALL) & own["estimate"].notna()]
    if own.groupby(["area_id", "statistic"]).ngroups < len(names) * len(published_ids):
        return None
    return _of_published(own, names, "statistic", published_ids, measure)[0]


def surveyed_totals(households: pd.DataFrame, place: Place, measure: Measure) -> Published:
    """Direct figures of published areas, with their errors, as downscaling takes them: of a survey that knows no finest area.

    A published area without a household is given the country's figures, with the spread of published areas about the country
    for error: better than none, and seen in its intervals.

    Parameters
    ----------
    households : DataFrame
        In canonical form; ``area_id`` is an area of any level down from published areas.
    place : Place
    measure : Measure

    Raises
    ------
    ContractViolation
        If a household names an area that is not there.
    """
    made = estimate_measure(households, measure, place.hierarchy, subgroups=(), cutoffs=[measure.cutoffs.poor])
    mpi = _for_all_published(made.mpi, ["statistic", "k"], place)
    return published_totals(
        mpi, _for_all_published(made.headcount, ["indicator_id", "kind"], place), place.published_ids, measure
    )


def _for_all_published(rows: pd.DataFrame, keys: list[str], place: Place) -> pd.DataFrame:
    """Rows of published areas, those of the country in the place of what a published area lacks; an error of 0 is none."""
    rows = rows.assign(se=rows["se"].where(rows["se"] > 0))
    own = rows[rows["area_id"].isin(place.published_ids) & rows["estimate"].notna()]
    country = rows[rows["area_id"] == place.hierarchy.root]
    spread = own.groupby(keys)["estimate"].std().rename("spread").reset_index()
    instead = country.merge(spread, on=keys, how="left")
    instead["se"] = np.hypot(instead["se"].fillna(0.0), instead.pop("spread").fillna(0.0))
    unvisited = [code for code in place.published_ids if code not in set(own["area_id"])]
    return pd.concat([own, *(instead.assign(area_id=code) for code in unvisited)], ignore_index=True)


def _of_published(
    rows: pd.DataFrame, names: Sequence[str], column: str, published_ids: Sequence[str], measure: Measure
) -> tuple[FloatArray, FloatArray]:
    """Estimates and standard errors, both (g, names), of the rows of this measure and of all people."""
    own = rows[(rows["measure_id"] == measure.measure_id) & (rows["subgroup"] == ALL)]
    own = own[own["area_id"].isin(list(published_ids)) & own[column].isin(list(names))]
    twice = own[own.duplicated(["area_id", column], keep=False)]
    wide = own.drop_duplicates(["area_id", column]).set_index(["area_id", column])
    wide = wide.reindex(pd.MultiIndex.from_product([list(published_ids), list(names)]))
    estimate = wide["estimate"].to_numpy(dtype=float).reshape(len(published_ids), len(names))
    missing = np.argwhere(~np.isfinite(estimate))
    if len(missing) or len(twice):
        first = (
            f"{published_ids[missing[0][0]]} has no {names[missing[0][1]]}"
            if len(missing)
            else f"{twice.iloc[0]['area_id']} has {twice.iloc[0][column]} more than once"
        )
        raise ContractViolation(
            f"{len(missing)} published figures of {estimate.size} are missing and {len(twice)} rows stand twice; {first}",
            remedy="give one row for each area of the published level and figure; an indicator that the survey lacks stands under lacks in"
            " the measure",
        )
    return estimate, wide["se"].to_numpy(dtype=float).reshape(estimate.shape)


def inside(share: FloatArray) -> FloatArray:
    """Shares that no exact 0 or 1 is among."""
    return np.clip(share, FLOOR, 1 - FLOOR)
