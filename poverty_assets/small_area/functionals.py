"""Figures of vulnerability that are linear in joint profiles, followed through every replicate.

Belongs here: the form in which they are asked for. Does not belong here: which figures there are, and what becomes of them
(``vulnerability``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poverty_assets.arrays import FloatArray


@dataclass(frozen=True)
class Functionals:
    """Figures x_is = m_is sum_r p_ir c_rs of area i with profile p_i.

    Attributes
    ----------
    statistic : list of str
        Names, s of them.
    columns : ndarray, shape (2^d, s)
        c: what a person with each set of deprivations counts.
    multipliers : ndarray, shape (n, s)
        m: what a commune's people count, as the share of them exposed to a hazard; one for all where it does not matter.
    """

    statistic: list[str]
    columns: FloatArray
    multipliers: FloatArray


def no_functionals(n_areas: int, n_profiles: int) -> Functionals:
    """None."""
    return Functionals([], np.zeros((n_profiles, 0)), np.zeros((n_areas, 0)))
