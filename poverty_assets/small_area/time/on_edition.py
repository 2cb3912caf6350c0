"""Figures of an earlier quarter on the areas of a later edition of boundaries, so that change is of one territory.

Belongs here: rows of ``area_draw`` of areas of one edition as rows of areas of another. Does not belong here: what became of areas
(``pack.editions``), or the change itself (``change``).

An area that is as it was keeps its figures. Any other is made up of areas of the finest level of the earlier edition, or parts of such; a
part is taken to be as poor as the whole that it was of, since no survey tells them apart. Shares of people are means of those of
the pieces by their people, estimate and every replicate alike; an intensity is the ratio of the two shares that it is made of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from poverty_assets.arrays import FloatArray
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.pack.editions import Parts
from poverty_assets.small_area.draws import draws_matrix

KEYS = ["statistic", "indicator_id", "k"]
RATIO, ABOVE, BELOW = "intensity", "mpi", "headcount_ratio"


@dataclass(frozen=True)
class OnEdition:
    """Figures on another edition.

    Attributes
    ----------
    rows : DataFrame (catalog: ``area_draw``)
    made : frozenset of str
        Areas whose figures were put together from others'; of all others they are as they were.
    """

    rows: pd.DataFrame
    made: frozenset[str]


def on_edition(rows: pd.DataFrame, became: Parts, then: pd.DataFrame, now: pd.DataFrame) -> OnEdition:
    """Rows of areas of an earlier edition as rows of areas of a later one.

    Parameters
    ----------
    rows : DataFrame (catalog: ``area_draw``)
    became : mapping
        What codes of the finest level became, with shares of their people; those that are not there stayed.
    then, now : DataFrame (catalog: ``dim_area``)
        Areas of both editions; people are those of ``then``, or households where they are not known.
    """
    before, after = Hierarchy.of(then), Hierarchy.of(now)
    pieces = _pieces(became, before, after)
    people = _people(then, before)
    same = _unchanged(pieces, before, after)
    made = _made(rows, pieces, people, before, after, same)
    kept = rows[rows["area_id"].isin(same)]
    both = pd.concat([kept, made], ignore_index=True) if len(made) else kept.reset_index(drop=True)
    return OnEdition(both, frozenset(made["area_id"]))


def _pieces(became: Parts, before: Hierarchy, after: Hierarchy) -> csr_array:
    """Share of each finest area then that is in each area of any level now, shape (areas now, finest areas then)."""
    finest = before.codes(before.finest)
    parts = [(place, code, share) for place, old in enumerate(finest) for code, share in became.get(old, ((old, 1.0),))]
    column, code, share = (np.array([part[i] for part in parts]) for i in (0, 1, 2))
    number = after.number(code)
    at, which = [], []
    for area, one in after.climb(number, np.arange(len(number))):
        at.append(area)
        which.append(one)
    area, one = np.concatenate(at), np.concatenate(which)
    cells = (share.astype(float)[one], (area, column.astype(np.int64)[one]))
    return csr_array(cells, shape=(len(after), len(finest)))


def _people(then: pd.DataFrame, before: Hierarchy) -> FloatArray:
    """People of each finest area then; households where nobody's number is known, else 1: areas are taken to be of one size."""
    held = then.set_index("area_id").reindex(before.codes(before.finest))
    for column in ("population", "households"):
        size = held[column].to_numpy(dtype=float, na_value=np.nan)
        if np.isfinite(size).any():
            return np.where(size > 0, size, 0.0)
    return np.ones(len(held))


def _unchanged(pieces: csr_array, before: Hierarchy, after: Hierarchy) -> set[str]:
    """Areas of one code in both editions that are of the same finest areas as they were, whole."""
    members = before.members(before.finest)
    same = set()
    for number, code in enumerate(after.ids):
        old = int(before.number([code])[0])
        if old < 0:
            continue
        now = pieces[[number]].toarray().ravel()
        then = (before.ancestors[members, before.level[old]] == old).astype(float)
        if np.allclose(now, then, atol=1e-9):
            same.add(str(code))
    return same


def _made(
    rows: pd.DataFrame, pieces: csr_array, people: FloatArray, before: Hierarchy, after: Hierarchy, same: set[str]
) -> pd.DataFrame:
    """Rows of areas that are not as they were."""
    wanted = [number for number, code in enumerate(after.ids) if str(code) not in same]
    finest = {code: place for place, code in enumerate(before.codes(before.finest))}
    own = rows[rows["area_id"].isin(finest)]
    parts = []
    for key, group in own.groupby(KEYS, sort=False, dropna=False):
        place = group["area_id"].map(finest).to_numpy()
        weight = pieces[wanted][:, place].toarray() * people[place]
        whole = weight.sum(axis=1)
        known = whole > 0
        share = weight[known] / whole[known, None]
        figures = np.column_stack([group["estimate"].to_numpy(dtype=float), draws_matrix(group)])
        made = share @ np.nan_to_num(figures)
        number = np.array(wanted)[known]
        frame = pd.DataFrame({"area_id": after.ids[number], "area_level": after.level_names[number]})
        frame = frame.assign(**dict(zip(KEYS, key, strict=True)), method=_method(group), estimate=made[:, 0])
        parts.append(frame.assign(draws=list(made[:, 1:].astype(np.float32))))
    if not parts:
        return rows.iloc[:0]
    made_rows = _with_ratio(pd.concat(parts, ignore_index=True))
    n_households = pd.array([pd.NA] * len(made_rows), dtype="Int64")
    return made_rows.assign(n_households=n_households)[list(rows.columns)]


def _method(group: pd.DataFrame) -> str:
    """The evidence of all pieces, or ``composite`` of several."""
    kinds = group["method"].unique()
    return str(kinds[0]) if len(kinds) == 1 else "composite"


def _with_ratio(rows: pd.DataFrame) -> pd.DataFrame:
    """Intensities as the ratio of the shares that they are made of; none where nobody is poor."""
    by = rows.set_index(["area_id", "k", "statistic"])
    wanted = rows["statistic"] == RATIO
    out = rows[~wanted]
    ratios = []
    for row in rows[wanted].itertuples():
        top, bottom = (by.loc[(row.area_id, row.k, name)] for name in (ABOVE, BELOW))
        if bottom["estimate"] > 0:
            draws = np.divide(
                top["draws"], bottom["draws"], out=np.array(top["draws"] * 0 + row.estimate), where=bottom["draws"] > 0
            )
            ratios.append({**row._asdict(), "estimate": top["estimate"] / bottom["estimate"], "draws": draws})
    return pd.concat([out, pd.DataFrame(ratios).drop(columns="Index")], ignore_index=True) if ratios else out
