"""Unknowns of linear equations that have one solution: those that are 0 throughout the null space.

Belongs here: which unknowns equations fix. Does not belong here: which equations there are (``disclosure``, ``zeros_shown``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_RIDGE, _AGAIN, _EXACT = 1e-9, 20, 1e-11
"""Equations may depend on one another: what is added to the diagonal, and how often and until when what that leaves is taken off again."""
_ZERO = (
    1e-6  # a coordinate of the null space below this is taken as 0; the null vectors are of length about 1 per unknown
)


def fixed(matrix: csr_array) -> npt.NDArray[np.bool_]:
    """Unknowns that equations fix.

    An unknown is fixed when every solution of the homogeneous equations is 0 there. One random vector projected on the null space tells:
    its coordinate is 0 there, and elsewhere with probability 0; a second has to say the same.

    Parameters
    ----------
    matrix : csr_array, shape (n_equations, n_unknowns)
        Coefficients.

    Returns
    -------
    ndarray of bool, shape (n_unknowns,)
    """
    from scipy.sparse import csr_array, eye_array
    from scipy.sparse.linalg import splu

    there = csr_array(matrix[np.diff(matrix.indptr) > 0])
    answer = np.diff(there.tocsc().indptr) > 0
    if not answer.any():
        return answer
    square = (there @ there.T + _RIDGE * eye_array(there.shape[0])).tocsc()
    factors = splu(square, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    rng = np.random.default_rng(20180801)
    for _ in range(2):
        away = rng.uniform(1.0, 2.0, there.shape[1])
        for _ in range(_AGAIN):
            off = there @ away
            if np.abs(off).max(initial=0.0) < _EXACT:
                break
            away = away - there.T @ factors.solve(off)
        answer &= np.abs(away) < _ZERO
    return answer
