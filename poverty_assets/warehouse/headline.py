"""Putting rows of different evidence into one fact table, with exactly one headline row per figure.

Belongs here: the order of preference among methods. Does not belong here: making any of the rows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from poverty_assets.catalog import table
from poverty_assets.pack.levels import Levels

_LARGE = ("direct", "published", "composite", "modelled", "downscaled", "register")
_LARGE_LATER = ("composite", "modelled", "direct", "published", "downscaled", "register")
_SMALL = ("composite", "modelled", "downscaled", "direct", "register", "published")


EARLIER = "earlier_survey"
"""Flag of what a survey says by itself in a quarter after its fieldwork: a row of its wave, not of the quarter."""


LATE = "late_source"
"""Flag of what was made without a source whose file was late."""


def preference(levels: Levels, *, earlier: bool = False) -> dict[str, tuple[str, ...]]:
    """Evidence to quote at each level, the first that has an unsuppressed row.

    Of the country what the survey says stands by itself: our own direct estimate, whose microdata, interval and overlap the
    warehouse can show, before a published one. Areas of the published level and smaller ones have too few households for that: their
    figures come from one joint profile, so that they agree with one another, and the direct estimate is one of its parts. Against
    the simulated truth composites of the published level err by two thirds of what direct figures do (``docs/quality.md``); the direct
    row stands beside.

    In a quarter after the survey's fieldwork (``earlier``) what is quoted is an estimate of that quarter, with the error of the time
    between in its interval.
    """
    large = {levels.published: _LARGE_LATER, levels.ids[0]: _LARGE_LATER if earlier else _LARGE}
    return {level: large.get(level, _SMALL) for level in levels.ids}


def combine(
    name: str, parts: list[pd.DataFrame], levels: Levels, *, earlier: bool = False, late: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Stack the rows of a fact table and mark the headline.

    Parameters
    ----------
    name : str
        Fact table of the catalog.
    parts : list of DataFrame
        Rows without ``is_headline``, each of its own ``method``.
    levels : Levels
        The country's.
    earlier : bool
        Whether the survey's fieldwork ended before the quarter began: direct rows are flagged (`EARLIER`).
    late : DataFrame (lake: ``late_source``), optional
        Evidence of which a source was late: its rows are flagged (`LATE`).

    Returns
    -------
    DataFrame with the columns of the lake, in the catalog's order.
    """
    definition = table(name)
    columns = [column.name for column in definition.lake_columns if column.name != "is_headline"]
    filled = [part[columns] for part in parts if len(part)]
    if not filled:
        return pd.DataFrame(columns=[*columns, "is_headline"])
    rows = pd.concat(filled, ignore_index=True)
    if earlier:
        rows["quality_flag"] = _flagged(rows, rows["method"] == "direct", EARLIER)
    if late is not None and len(late):
        rows["quality_flag"] = flagged_late(name, rows, late)
    rank = _rank(rows, levels, earlier)
    figure = [key for key in definition.key if key not in ("quarter", "method")]
    best = rank.groupby([rows[key] for key in figure], sort=False).transform("min")
    rows["is_headline"] = (rank == best).to_numpy()
    return rows[[column.name for column in definition.lake_columns]]


def _flagged(rows: pd.DataFrame, which: pd.Series, flag: str) -> pd.Series:
    """``quality_flag`` with a further reason on some of the rows."""
    before = rows["quality_flag"].astype(str)
    return before.mask(which, before.where(before != "ok", "") + "," + flag).str.lstrip(",")


def flagged_late(name: str, rows: pd.DataFrame, late: pd.DataFrame) -> pd.Series:
    """``quality_flag`` of a table's rows with those flagged (`LATE`) that went without a source: as ``late`` of ``combine``."""
    without = rows["method"].isin(late.loc[late["table_name"] == name, "method"])
    return _flagged(rows, without & ~rows["suppressed"].astype(bool), LATE)


def _rank(rows: pd.DataFrame, levels: Levels, earlier: bool) -> pd.Series:
    """Place of each row's evidence, the first to quote 0."""
    preferred = preference(levels, earlier=earlier).items()
    order = {(level, method): place for level, methods in preferred for place, method in enumerate(methods)}
    (at_level, own), (by, methods) = (pd.factorize(rows[name]) for name in ("area_level", "method"))
    places = np.full((len(own) + 1, len(methods) + 1), np.nan)  # the last row and column are of what is not known
    places[:-1, :-1] = [[order.get((level, method), np.nan) for method in methods] for level in own]
    # a suppressed row is quoted only where nothing else is there: better "withheld" than no row
    return pd.Series(places[at_level, by], index=rows.index) + len(order) * rows["suppressed"].astype(bool)


def combine_overlap(
    name: str,
    direct: pd.DataFrame,
    of_areas: pd.DataFrame | None,
    levels: Levels,
    *,
    earlier: bool = False,
    late: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Rows of a table of overlap: direct ones and those of joint profiles; sets of deprivations of one evidence an area.

    Parameters
    ----------
    name : str
        Table of the catalog; a dimension has direct rows alone.
    """
    if not name.startswith("fct_"):
        return direct
    both = [part for part in (direct, direct.head(0) if of_areas is None else of_areas) if len(part)]
    if name == "fct_bundle" and both:
        both = [of_one_method(pd.concat(both, ignore_index=True), levels, earlier=earlier)]
    return combine(name, both, levels, earlier=earlier, late=late)


def of_one_method(rows: pd.DataFrame, levels: Levels, *, earlier: bool = False) -> pd.DataFrame:
    """Of the sets of an area and subgroup only those of the evidence to quote.

    Which sets are listed differs between methods, and so does their rank: lists of two methods would not make one.

    Parameters
    ----------
    rows : DataFrame
        With ``area_id, area_level, subgroup, method, suppressed``.
    """
    if rows.empty:
        return rows
    rank = _rank(rows, levels, earlier)
    best = rank.groupby([rows["area_id"], rows["subgroup"]], sort=False).transform("min")
    method = rows["method"].where(rank == best)
    quoted = method.groupby([rows["area_id"], rows["subgroup"]], sort=False).transform("first")
    return rows[rows["method"] == quoted].reset_index(drop=True)
