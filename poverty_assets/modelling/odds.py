"""The scale that rates are modelled on: log odds.

Belongs here: the two ways between a rate and its log odds. Does not belong here: anything that learns.
"""

from __future__ import annotations

import numpy as np


def logit(rate: np.ndarray, least: float = 0.002) -> np.ndarray:
    """Log odds, with rates kept ``least`` away from 0 and 1."""
    inside = np.clip(np.asarray(rate, dtype=float), least, 1.0 - least)
    return np.log(inside / (1.0 - inside))


def expit(value: np.ndarray) -> np.ndarray:
    """The rate of log odds."""
    return 1.0 / (1.0 + np.exp(-np.asarray(value, dtype=float)))
