"""The twin's truth in the form of the estimates that it is compared with.

Belongs here: reading the folder of truth. It is handed over as an argument, so that no setting of a fitting step leads to it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray
from poverty_assets.evaluation.scores import MINORITY_HEAVY, REMOTE_THIRDS
from poverty_assets.measure.measure import Measure
from poverty_assets.quarter import Quarter
from poverty_assets.twin.truth import read_truth_areas, read_truth_households


def finest_truth(folder: Path, quarter: Quarter) -> pd.DataFrame:
    """``area_id`` and the true figures of every area of the finest level (``read_truth_areas``)."""
    return read_truth_areas(folder, quarter)


def kinds_of_area(truth: pd.DataFrame, areas: pd.DataFrame) -> pd.DataFrame:
    """``area_id, is_urban, remoteness`` (thirds) and ``minority_heavy``: what errors are to be fair over."""
    third = np.ceil(truth["remoteness"].rank(method="first") / len(truth) * 3).astype(int) - 1
    urban = areas.set_index("area_id")["is_urban"].reindex(truth["area_id"])
    return pd.DataFrame(
        {
            "area_id": truth["area_id"],
            "is_urban": urban.map({True: "true", False: "false"}).to_numpy(),
            "remoteness": np.array(REMOTE_THIRDS)[third],
            "minority_heavy": np.where(truth["minority_share"] > MINORITY_HEAVY, "true", "false"),
        }
    )


def true_profiles(folder: Path, quarter: Quarter, finest: list[str], measure: Measure) -> FloatArray:
    """Share of people with each set of deprivations in each finest area, shape (n, 2^d), by mask."""
    frame = read_truth_households(folder, quarter)
    order = pd.Index(finest).get_indexer(frame["area_id"].cat.categories)
    size = 1 << len(measure.indicators)
    cell = order[frame["area_id"].cat.codes.to_numpy()] * size + frame["mask"].to_numpy()
    counts = np.bincount(cell, frame["hh_size"], len(finest) * size).reshape(len(finest), size)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))
