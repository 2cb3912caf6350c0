"""Unknowns of linear equations that have one solution: those that are 0 throughout the null space.

Belongs here: which unknowns equations fix. Does not belong here: which equations there are (``disclosure``, ``known_figures``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from poverty_assets.arrays import FloatArray

_RIDGE, _AGAIN, _EXACT = 1e-9, 20, 1e-11
"""Equations may depend on one another: what is added to the diagonal, and how often and until when what that leaves is taken off again."""
_ZERO = 1e-6
"""A coordinate of the null space below this is taken as 0; the null vectors are of length about 1 per unknown."""
_ROUGH, _CLOSE, _STEPS = 1e-6, 1e-15, 500
"""What is added to the diagonal of a preconditioner; conjugate gradients end where what is left has shrunk by this, or after so many
steps, and begin anew from there."""
_LEFT, _SMALL = 1e-5, 5e-5
"""They have ended where no equation is off by more than the first; coordinates below the second are taken as 0."""


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


def fixed_by_both(matrix: csr_array, orthonormal: csr_array) -> npt.NDArray[np.bool_]:
    """Unknowns that two sets of equations fix together, the second with rows of length 1 at right angles to each other.

    As `fixed`, but that random vectors are projected on what the second leaves open, and within that on the null space of the first by
    conjugate gradients, preconditioned by the first alone: for hundreds of thousands of unknowns at a fraction of what it would cost to
    take all equations as one, which is done where they come to no end.

    Parameters
    ----------
    matrix : csr_array, shape (n_equations, n_unknowns)
    orthonormal : csr_array, shape (n_others, n_unknowns)

    Returns
    -------
    ndarray of bool, shape (n_unknowns,)
    """
    from scipy.sparse import csr_array, eye_array, vstack
    from scipy.sparse.linalg import splu

    there, orthonormal = _narrow(matrix[np.diff(matrix.indptr) > 0]), _narrow(orthonormal)
    back, other = _narrow(there.T), _narrow(orthonormal.T)
    square = (there @ back + _ROUGH * eye_array(there.shape[0])).tocsc()
    factors = splu(square, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})

    def within(values: FloatArray) -> FloatArray:
        return np.asarray(values - other @ (orthonormal @ values))

    def nearer(away: FloatArray, left: FloatArray) -> FloatArray:
        off = factors.solve(left)
        times, step = np.zeros_like(off), off
        length = first = left @ off
        for _ in range(_STEPS):
            taken = there @ within(back @ step)
            if not step @ taken > 0:
                break
            far = length / (step @ taken)
            times, left = times + far * step, left - far * taken
            off = factors.solve(left)
            last, length = length, left @ off
            if not length > first * _CLOSE:
                break
            step = off + length / last * step
        return away - within(back @ times)

    rng, answer = np.random.default_rng(20180801), np.ones(there.shape[1], dtype=bool)
    for _ in range(2):
        away = within(rng.uniform(1.0, 2.0, there.shape[1]))
        for _ in range(_AGAIN):
            left = there @ away
            if np.abs(left).max(initial=0.0) < _LEFT:
                break
            away = nearer(away, left)
        else:
            return fixed(csr_array(vstack([there, orthonormal])))
        answer &= np.abs(away) < _SMALL
        if not answer.any():
            break
    return answer


def _narrow(matrix: csr_array) -> csr_array:
    """With indices of four bytes, which halves what is read at each product."""
    from scipy.sparse import csr_array

    own = csr_array(matrix)
    indices, indptr = own.indices.astype(np.int32), own.indptr.astype(np.int32)
    return csr_array((own.data, indices, indptr), shape=own.shape)
