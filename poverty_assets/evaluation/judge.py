"""A quarter's estimates of the finest level against what is so in the simulated twin.

Belongs here: reading the truth of a quarter and having every score made of it. Does not belong here: what a score is
(``scores``), or anything that fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from poverty_assets.evaluation.scores import COLUMNS, Compared, compare, knows, profile_scores, scores
from poverty_assets.evaluation.truth import finest_truth, kinds_of_area, true_profiles
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import Measure
from poverty_assets.quarter import Quarter


@dataclass(frozen=True)
class Judged:
    """How a quarter's estimates did.

    Attributes
    ----------
    metrics : DataFrame (catalog: ``model_metric``)
        Of every figure, by evidence and kind of area; without ``quarter``.
    joint : DataFrame (the same)
        Of joint profiles.
    poor : Compared
        The headcount ratio of finest areas beside its truth; where that is not known, the headcount of the first indicator that is.
    """

    metrics: pd.DataFrame
    joint: pd.DataFrame
    poor: Compared


def judge(
    draws: pd.DataFrame, profiles: pd.DataFrame, areas: pd.DataFrame, truth: Path, quarter: Quarter, measure: Measure
) -> Judged:
    """Score a quarter's replicates and joint profiles.

    Parameters
    ----------
    draws, profiles, areas : DataFrame
        ``area_draw``, ``area_profile``, ``dim_area``.
    truth : Path
        Folder of the twin's truth.
    """
    known = finest_truth(truth, quarter)
    compared = compare(draws, known, measure)
    finest = Hierarchy.of(areas).finest
    metrics = scores(compared, kinds_of_area(known, areas)).assign(area_level=finest)
    unseen = (compared[0].table["method"] != "composite").to_numpy()
    if not knows(known, measure):
        return Judged(metrics, pd.DataFrame(columns=[*COLUMNS, "area_level"]), compared[0])
    true = true_profiles(truth, quarter, list(profiles["area_id"]), measure)
    joint = profile_scores(np.stack(profiles["profile"].to_list()), true, unseen, measure).assign(area_level=finest)
    return Judged(metrics, joint, compared[0])
