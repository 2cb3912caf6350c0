"""What holds between published figures of one area whatever they are: a figure in another unit breaks it.

Belongs here: identities of the measure of Alkire and Foster within a file, and figures of one survey in two files. Does not belong
here: reading files (``ophi``), or figures of our own (``measurement``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import combinations
from typing import NoReturn

import numpy as np
import pandas as pd

from poverty_assets.errors import ContractViolation
from poverty_assets.pack.keys import plain_name

ROUNDED = 0.0006
"""By this a sum or product of figures that are printed with four decimals may be off."""
SHARE_OFF = 0.02
"""And by this share of itself."""
AGREES = (0.02, 1.5)
"""Two files of one survey: figures apart by more than the first, and by more than the second as a ratio, are not of one unit."""
OF_REGIONS = 0.5
"""Least share of the regions that another file has of a survey, where the source's entry states none."""
_INDICATORS = ("censored", "uncensored", "contribution")


def refuse_contradictions(frame: pd.DataFrame, path: object) -> None:
    """Hold the figures of each area and survey against each other.

    MPI is headcount ratio times intensity; who is in severe poverty is poor; nobody is both poor and vulnerable; a censored headcount is at
    most the uncensored one and the headcount ratio; what an indicator contributes is its weight, at most one, times its censored headcount
    over the MPI; contributions add up to one; an estimate lies within its interval.

    Parameters
    ----------
    frame : DataFrame
        ``area_name, area_code, family, item, estimate, se, ci_low, ci_high, observed_from``.

    Raises
    ------
    ContractViolation
        Naming how many areas contradict themselves, and the first with its figures.
    """
    rows = frame.assign(day=frame["observed_from"].astype(str), area=frame["area_name"].fillna(""))
    figures = rows[rows["family"] == "mpi"].pivot_table(
        index=["area", "day"], columns="item", values="estimate", aggfunc="first"
    )
    for wrong, of, shown in _broken(
        figures.reindex(columns=["mpi", "headcount_ratio", "intensity", "vulnerable", "severe"])
    ):
        _refuse(wrong, of, shown, path)
    by_item = rows[rows["family"].isin(_INDICATORS)].pivot_table(
        index=["area", "day", "item"], columns="family", values="estimate", aggfunc="first"
    )
    by_item = by_item.reindex(columns=list(_INDICATORS))
    above = by_item["censored"] > by_item["uncensored"] + ROUNDED
    _refuse(above, "a censored headcount is above the uncensored one", by_item, path)
    ratio = figures.get("headcount_ratio", pd.Series(dtype=float)).reindex(by_item.index.droplevel("item"))
    above = by_item["censored"] > ratio.to_numpy() * (1 + SHARE_OFF) + ROUNDED
    _refuse(
        above,
        "a censored headcount is above the headcount ratio",
        by_item.assign(headcount_ratio=ratio.to_numpy()),
        path,
    )
    _refuse_weights(by_item, figures, path)
    total = by_item["contribution"].groupby(level=["area", "day"]).sum(min_count=1)
    off = (total - 1).abs() > 0.02
    _refuse(off, "the contributions do not add up to one", total.to_frame("sum"), path)
    held = (
        rows[rows["family"] == "mpi"]
        .set_index(["area", "day", "item"])[["estimate", "ci_low", "ci_high"]]
        .astype(float)
    )
    slack = ROUNDED + SHARE_OFF * held["estimate"].abs()
    out = (held["estimate"] < held["ci_low"] - slack) | (held["estimate"] > held["ci_high"] + slack)
    _refuse(out, "an estimate lies outside its interval", held, path)


def _refuse_weights(by_item: pd.DataFrame, figures: pd.DataFrame, path: object) -> None:
    """Refuse censored headcounts too small for what they contribute, whatever the measure's weights are."""
    mpi = figures.get("mpi", pd.Series(dtype=float)).reindex(by_item.index.droplevel("item")).to_numpy()
    too_small = by_item["contribution"] * mpi > by_item["censored"] * (1 + SHARE_OFF) + ROUNDED
    _refuse(too_small, "an indicator contributes more than its censored headcount can", by_item.assign(mpi=mpi), path)


def _broken(of: pd.DataFrame) -> list[tuple[pd.Series, str, pd.DataFrame]]:
    product = of["headcount_ratio"] * of["intensity"]
    return [
        (
            (of["mpi"] - product).abs() > ROUNDED + SHARE_OFF * of["mpi"],
            "the MPI is not headcount ratio times intensity",
            of,
        ),
        (of["severe"] > of["headcount_ratio"] + ROUNDED, "more people are in severe poverty than are poor", of),
        (of["headcount_ratio"] + of["vulnerable"] > 1 + ROUNDED, "poor and vulnerable people are more than all", of),
        (
            (of["intensity"] < 1 / 3 - 0.01) & (of["headcount_ratio"] > 0),
            "the intensity is below the cutoff of a third",
            of,
        ),
    ]


def _refuse(wrong: pd.Series, why: str, figures: pd.DataFrame, path: object) -> None:
    if not wrong.any():
        return
    at = wrong.idxmax()
    area = (at[0] if isinstance(at, tuple) else at) or "country"
    item = f", {at[2]}" if isinstance(at, tuple) and len(at) > 2 else ""
    row = figures.loc[at].dropna()
    shown = ", ".join(f"{name} {float(value):.4g}" for name, value in row.items())
    raise ContractViolation(
        f"{int(wrong.sum())} of {len(wrong)}: {why}; first {shown}",
        file=path,
        place=f"area {area}{item}",
        remedy="check the file against its publisher's: a figure may be a share where percent is expected, or the other way round",
    )


def refuse_later(frame: pd.DataFrame, last: dt.date, path: object) -> None:
    """Refuse figures of surveys that begin after the last day that the source's entry states.

    Raises
    ------
    ContractViolation
    """
    late = pd.to_datetime(frame["observed_from"], errors="coerce") > pd.Timestamp(last)
    if late.any():
        first = frame[late].iloc[0]
        raise ContractViolation(
            f"{int(late.sum())} of {len(frame)} figures are of surveys that begin after {last}, the last day of the source's"
            f" entry; first {first['observed_from']}",
            file=path,
            place=f"area {first['area_name'] or 'country'}",
            remedy="check the file against its publisher's; of a new edition, correct observed_to in the entry",
        )


def refuse_disagreement(named: Sequence[tuple[str, pd.DataFrame]]) -> None:
    """Hold files that tell of the same survey against each other.

    Parameters
    ----------
    named : sequence of (path, frame)
        Frames as in ``refuse_contradictions``; a survey is known by the year in which it began.

    Raises
    ------
    ContractViolation
        Naming how many figures differ beyond what rounding and harmonising do, and the first of them.
    """
    for (path, one), (other_path, other) in combinations([(path, _keyed(frame)) for path, frame in named], 2):
        both = pd.concat({"one": one, "other": other}, axis=1, join="inner").dropna()
        low, high = both.min(axis=1), both.max(axis=1)
        apart = (high - low > AGREES[0]) & (high > AGREES[1] * low)
        if apart.any():
            at = both.index[int(np.argmax(apart))]
            raise ContractViolation(
                f"{int(apart.sum())} of {len(both)} figures are others in {other_path}; first {at[2]}:"
                f" {both.loc[at, 'one']:.4g} here, {both.loc[at, 'other']:.4g} there",
                file=path,
                place=f"area {at[0] or 'country'}",
                remedy="check both against their publisher's: one may hold shares where the other holds percent",
            )


def refuse_regions_lost(
    frame: pd.DataFrame,
    others: Sequence[tuple[str, pd.DataFrame]],
    period: tuple[dt.date, dt.date],
    least: float | None,
    path: object,
) -> str:
    """Refuse a file that has too few of the regions that another has of a survey, or itself of another survey, as what is left of a file
    that was cut has; says how many were looked for.

    Parameters
    ----------
    frame : DataFrame
        As in ``refuse_contradictions``; a survey is known by the year in which it began.
    others : sequence of (path, frame)
    period : (date, date)
        Of which the file is: it has the surveys of the others that began then.
    least : float, optional
        Share of the regions that are to be here; where none is stated, half of those of another file, and all of its own.

    Raises
    ------
    ContractViolation
        Naming how many are, and the first that is not.
    """
    here, looked_for = _regions(frame), 0
    files = [(f"{other_path} has", _regions(other), OF_REGIONS) for other_path, other in others]
    files += [(f"the file has of that of {year}", dict.fromkeys(here, own), 1.0) for year, own in here.items()]
    for who_has, wanted, by_default in files:
        for year in (one for one in wanted if period[0].year <= int(one) <= period[1].year):
            names, share = wanted[year], by_default if least is None else least
            lost = [name for key, name in names.items() if key not in here.get(year, {})]
            looked_for, kept = max(looked_for, len(names)), len(names) - len(lost)
            if year not in here:
                _refuse_lost(f"nothing of the survey of {year} is here, and {who_has} it", f"survey of {year}", path)
            if kept < share * len(names):
                few = f"{kept} of {len(names)} regions that {who_has} are here of the survey of {year}, and at least {share:.0%} are to be"
                _refuse_lost(f"{few}; the first that is not is {lost[0]!r}", f"region {lost[0]}", path)
    return f"{looked_for} regions looked for" if looked_for else ""


def _refuse_lost(what: str, place: str, path: object) -> NoReturn:
    remedy = "check that the file is whole; or state sense: {areas: SHARE} in the source's entry"
    raise ContractViolation(what, file=path, place=place, remedy=remedy)


def _regions(frame: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Regions of each survey, of which the country may be all: by year and ``plain_name``."""
    answer: dict[str, dict[str, str]] = {}
    years = frame["observed_from"].astype(str).str[:4]
    for year, name in zip(years, frame["area_name"].fillna("").astype(str), strict=True):
        own = answer.setdefault(year, {})
        if name:
            own[plain_name(name)] = name
    return answer


def _keyed(frame: pd.DataFrame) -> pd.Series:
    own = frame[frame["family"] == "mpi"]
    year = own["observed_from"].astype(str).str[:4]
    named = own["area_name"].fillna("").astype(str).str.casefold().str.strip()
    keyed = pd.Series(
        own["estimate"].to_numpy(dtype=float), index=pd.MultiIndex.from_arrays([named, year, own["item"]])
    )
    return keyed[~keyed.index.duplicated()]
