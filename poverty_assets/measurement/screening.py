"""What a survey can bear: which method may be used at which level, judged before anything is modelled.

Belongs here: how many areas of each level a survey has data of, indicator by indicator, and the verdict on each method. Does not belong
here: disclosure (``disclosure``), how well a model does (``judging``), or whether an area's own figure can be used (its ``quality_flag``).

A method is screened before it is offered, as in the R package ``surveyPrev``: direct estimates need two clusters in every area, models need
areas to learn from, downscaling needs several totals.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd

from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import Measure

Verdict = Literal["fine", "advised against", "refused"]
ALL = "all"
DIRECT = (0.05, 0.5)
"""Share of areas without two clusters, up to which direct estimates are fine, and from which on they are refused."""
LEARNT = (100, 30)
"""Areas of the finest level with data, from which on models are fine, and below which they are refused."""
TOTALS = (15, 5)
"""Areas of the published level with a figure, from which on downscaling is fine, and below which it is refused."""


def screen(households: pd.DataFrame, published: pd.DataFrame, areas: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """Rows of ``screening`` without ``quarter``.

    Parameters
    ----------
    households : DataFrame (lake: ``survey_household``)
        May be empty.
    published : DataFrame (lake: ``published_headcount``)
        May be empty.
    areas : DataFrame (catalog: ``dim_area``)
    measure : Measure
        Its indicators, and ``all`` for figures that need them all.
    """
    hierarchy = Hierarchy.of(areas)
    known = {one: households[one].notna() if len(households) else None for one in measure.indicator_ids}
    known[ALL] = households[measure.indicator_ids].notna().all(axis=1) if len(households) else None
    rows = []
    for indicator, there in known.items():
        sampled = households[there] if there is not None else households
        counted = {level: _clusters(sampled, hierarchy, level) for level in hierarchy.levels}
        totals = _totals(published, indicator, hierarchy, counted)
        for level in hierarchy.levels:
            clusters = counted[level]
            n, without, few = len(clusters), int((clusters == 0).sum()), int((clusters == 1).sum())
            for method, verdict, why in _verdicts(level, hierarchy, counted, totals):
                rows.append((level, indicator, method, n, without / n, few / n, verdict, why))
    columns = [
        "area_level",
        "indicator_id",
        "method",
        "n_areas",
        "share_without_data",
        "share_few_clusters",
        "verdict",
        "reason",
    ]
    return pd.DataFrame(rows, columns=columns).assign(measure_id=measure.measure_id)


def _clusters(households: pd.DataFrame, hierarchy: Hierarchy, level: str) -> np.ndarray:
    """Clusters with data in each area of the level."""
    of_level = np.flatnonzero(hierarchy.level == hierarchy.levels.index(level))
    if households.empty:
        return np.zeros(len(of_level), dtype=int)
    number = hierarchy.number(households["area_id"])
    holder = hierarchy.ancestor(number, level)
    seen = pd.DataFrame({"area": holder, "psu": households["psu"].to_numpy()}).drop_duplicates()
    return seen.groupby("area").size().reindex(of_level, fill_value=0).to_numpy()


def _totals(published: pd.DataFrame, indicator: str, hierarchy: Hierarchy, counted: dict[str, np.ndarray]) -> int:
    """Areas of the published level of which there is a figure: the survey's, else a published one."""
    if counted[hierarchy.published].any() or published.empty:
        return int((counted[hierarchy.published] > 0).sum())
    own = published[(published["area_level"] == hierarchy.published) & published["estimate"].notna()]
    return int((own if indicator == ALL else own[own["indicator_id"] == indicator])["area_id"].nunique())


def _verdicts(
    level: str, hierarchy: Hierarchy, counted: dict[str, np.ndarray], totals: int
) -> Iterator[tuple[str, Verdict, str]]:
    lacking = float((counted[level] < 2).mean())
    yield "direct", _of(lacking, DIRECT, more_is_better=False), f"{lacking:.0%} of areas have fewer than two clusters"
    learnt = int((counted[hierarchy.finest] > 0).sum())
    yield "modelled", _of(learnt, LEARNT), f"{learnt} areas of the finest level have data to learn from"
    if level not in (hierarchy.levels[0], hierarchy.published):
        yield "downscaled", _of(totals, TOTALS), f"{totals} areas of the published level have a figure"


def _of(value: float, edges: tuple[float, float], *, more_is_better: bool = True) -> Verdict:
    fine, refused = edges
    if more_is_better:
        return "fine" if value >= fine else "refused" if value < refused else "advised against"
    return "fine" if value <= fine else "refused" if value > refused else "advised against"
