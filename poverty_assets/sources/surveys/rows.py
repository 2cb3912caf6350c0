"""Refusing rows of a survey's file.

Belongs here: the one form of such a refusal. Does not belong here: what is wrong with a row.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.errors import ContractViolation
from poverty_assets.sources.surveys.codes import shown


def refuse_rows(bad: Any, values: pd.Series, why: str, file: Path, remedy: str) -> None:
    """Refuse the rows where ``bad`` is true, if any: how many, why, the first of them and its value.

    Parameters
    ----------
    bad : array of bool
    values : Series
        The column at fault; its index is the number of the row in the file, from 0.
    why : str
        In the words that follow "12 rows".

    Raises
    ------
    ContractViolation
    """
    rows = np.flatnonzero(np.asarray(bad, dtype=bool))
    if len(rows):
        column = f", column {values.name}" if values.name is not None else ""
        raise ContractViolation(
            f"{len(rows)} rows {why}; the first has {shown(values.iloc[rows[0]])}",
            file=file,
            place=f"row {int(values.index[rows[0]]) + 1}{column}",
            remedy=remedy,
        )
