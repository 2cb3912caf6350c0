"""Who lives in the areas of a quarter, and which areas belong together.

Belongs here: the few arrays that every step of the chain takes together. Does not belong here: how they are had from tables of the
lake (``inputs``), or any model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poverty_assets.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class Inhabitants:
    """The people of n areas, in the order of every array.

    Attributes
    ----------
    population : ndarray, shape (n,)
        Persons, above 0: they weigh areas in totals of the published level.
    households : ndarray, shape (n,)
        Above 0: they tell how far an area's own people may depart from what its conditions lead one to expect.
    at_published : ndarray of int, shape (n,)
        0 to g - 1.
    """

    population: FloatArray
    households: FloatArray
    at_published: IntArray

    @property
    def as_one(self) -> IntArray:
        """The country as the one group of all areas, shape (n,)."""
        return np.zeros(len(self.population), dtype=np.int64)


@dataclass(frozen=True)
class Groups:
    """Groups of areas that share a strength of association: published areas, and blocks of land within them.

    Attributes
    ----------
    at_published : ndarray of int, shape (n,)
    block : ndarray of int, shape (n,)
        Unique across published areas.
    """

    at_published: IntArray
    block: IntArray
