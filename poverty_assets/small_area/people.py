"""Who lives in the areas of a quarter, and what is asked of them.

Belongs here: the few arrays that every step of the chain takes together, and its options. Does not belong here: how they are had
from tables of the lake (``inputs``), or any model.
"""

from __future__ import annotations

from dataclasses import dataclass

from poverty_assets.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class Inhabitants:
    """The people of n areas, in the order of every array.

    Attributes
    ----------
    population : ndarray, shape (n,)
        Persons, above 0: they weigh areas in totals of provinces.
    households : ndarray, shape (n,)
        Above 0: they tell how far an area's own people may depart from what its conditions lead one to expect.
    province : ndarray of int, shape (n,)
        0 to g - 1.
    """

    population: FloatArray
    households: FloatArray
    province: IntArray


@dataclass(frozen=True)
class Options:
    """How often the chain is gone through, from which random numbers, by how many threads (which change no bit).

    Attributes
    ----------
    n_replicates : int
    seed : int
    n_jobs : int
    """

    n_replicates: int = 200
    seed: int = 0
    n_jobs: int = 2
