"""What is asked of the chain: which figures of which areas, and from how many replicates.

Belongs here: the form in which figures are asked for, those of vulnerability (linear in joint profiles) among them. Does not belong
here: which of those there are and what becomes of them (``vulnerability``), or how any figure is made (``replicates``, ``rows``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from poverty_assets.arrays import FloatArray
from poverty_assets.measure.measure import Measure
from poverty_assets.small_area.rollup import Rollup
from poverty_assets.workers import Threads, Workers


@dataclass(frozen=True)
class Options:
    """How often the chain is gone through, from which random numbers, by whom (which changes no bit).

    Attributes
    ----------
    n_replicates : int
    seed : int
    workers : Workers
    wave : str
        Survey wave behind the replicates: what belongs to a sample alone is drawn anew for each.
    kept : Path, optional
        Folder in which models of waves are kept for other quarters.
    """

    n_replicates: int = 200
    seed: int = 0
    workers: Workers = field(default_factory=Threads)
    wave: str = ""
    kept: Path | None = None


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
        m: what a finest area's people count, as the share of them exposed to a hazard; one for all where it does not matter.
    """

    statistic: list[str]
    columns: FloatArray
    multipliers: FloatArray


def no_functionals(n_areas: int, n_profiles: int) -> Functionals:
    """None."""
    return Functionals([], np.zeros((n_profiles, 0)), np.zeros((n_areas, 0)))


@dataclass(frozen=True)
class Wanted:
    """Which figures are asked for.

    Attributes
    ----------
    areas : Rollup
        Of which areas.
    measure : Measure
        By which measure of deprivation.
    functionals : Functionals, optional
        Further figures to follow through every replicate.
    """

    areas: Rollup
    measure: Measure
    functionals: Functionals | None = None
