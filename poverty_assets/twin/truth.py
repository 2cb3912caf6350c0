"""Reading the twin's truth: what is so, as opposed to what any source observed. Evaluation alone does.

Belongs here: where the tables lie and what they hold, whatever generator wrote them. Does not belong here: anything that a pipeline
step may use.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from poverty_assets.errors import MissingFile
from poverty_assets.quarter import Quarter

TITLE = "Simulated truth: for evaluation only"


def path_of(truth: Path, quarter: Quarter, name: str) -> Path:
    """Where a table of a quarter's truth lies: ``households`` or ``areas``."""
    return Path(truth) / f"quarter={quarter.key}" / f"{name}.parquet"


def _read(truth: Path, quarter: Quarter, name: str) -> pd.DataFrame:
    path = path_of(truth, quarter, name)
    if not path.is_file():
        raise MissingFile(f"no truth for {quarter}", file=path, remedy="write the quarter of the simulated twin first")
    return pd.read_parquet(path, partitioning=None)


def read_truth_households(truth: Path, quarter: Quarter) -> pd.DataFrame:
    """Every household of the twin in a quarter.

    Returns
    -------
    DataFrame
        ``area_id`` (of the finest level; categorical text), ``mask`` (bit j: deprived in indicator j in the order of the settings),
        ``hh_size``, ``is_urban``, ``on_register`` (the register in force).

    Raises
    ------
    MissingFile
        If the quarter has not been written.
    """
    return _read(truth, quarter, "households")


def read_truth_areas(truth: Path, quarter: Quarter) -> pd.DataFrame:
    """True figures of every area of the finest level in a quarter, person-weighted shares 0 to 1.

    Returns
    -------
    DataFrame
        ``area_id, households, population``, one column an indicator (uncensored headcount ratio),
        ``headcount_ratio, intensity, mpi`` at k = 1/3, ``vulnerable`` (1/5 <= c < 1/3), ``severe`` (c >= 1/2), shares of
        households ``listed_share`` and ``poor_listed_share`` (of the poor; missing where nobody is poor), and the
        area's ``minority_share`` and ``remoteness`` (0 nearest to 1 farthest from a town).

    Raises
    ------
    MissingFile
        If the quarter has not been written.
    """
    return _read(truth, quarter, "areas")
