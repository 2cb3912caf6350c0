"""Unknowns of linear equations that have one solution: those that are 0 throughout the null space.

Belongs here: which unknowns equations fix. Does not belong here: which equations there are (``disclosure``, ``known_figures``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import SuperLU

    from poverty_assets.arrays import FloatArray

_RIDGE, _AGAIN, _EXACT = 1e-9, 20, 1e-11
"""Equations may depend on one another: what is added to the diagonal, and how often and until when what that leaves is taken off again."""
_ZERO = 1e-6
"""A coordinate of the null space below this is taken as 0; the null vectors are of length about 1 per unknown."""
_ROUGH, _STEPS = 1e-6, 500
"""What is added to the diagonal of a preconditioner, and after how many steps conjugate gradients begin anew from there."""
_LEFT, _CLOSE, _SMALL = 1e-5, 1e-6, 5e-5
"""No equation may be off by more than the first at last, for which they are followed until all together are off by less than the second;
coordinates below the third are taken as 0."""


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
    from scipy.sparse import csr_array

    there = csr_array(matrix[np.diff(matrix.indptr) > 0])
    answer = np.diff(there.tocsc().indptr) > 0
    if not answer.any():
        return answer
    factors = _factors(there, _RIDGE)
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
    from scipy.sparse import csr_array, vstack
    from scipy.sparse.linalg import LinearOperator, cg

    there, orthonormal = _narrow(matrix[np.diff(matrix.indptr) > 0]), _narrow(orthonormal)
    back, other = _narrow(there.T), _narrow(orthonormal.T)

    def within(values: FloatArray) -> FloatArray:
        return np.asarray(values - other @ (orthonormal @ values))

    shape = (there.shape[0], there.shape[0])
    squared = LinearOperator(shape, matvec=lambda times: there @ within(back @ times), dtype=np.float64)
    rough = LinearOperator(shape, matvec=_factors(there, _ROUGH).solve, dtype=np.float64)
    rng, answer = np.random.default_rng(20180801), np.ones(there.shape[1], dtype=bool)
    for _ in range(2):
        away = within(rng.uniform(1.0, 2.0, there.shape[1]))
        for _ in range(_AGAIN):
            left = there @ away
            if np.abs(left).max(initial=0.0) < _LEFT:
                break
            times, _unfinished = cg(squared, left, rtol=0.0, atol=_CLOSE, maxiter=_STEPS, M=rough)
            away = away - within(back @ times)
        else:
            return fixed(csr_array(vstack([there, orthonormal])))
        answer &= np.abs(away) < _SMALL
        if not answer.any():
            break
    return answer


def _factors(matrix: csr_array, ridge: float) -> SuperLU:
    """Of the equations times themselves, with something on the diagonal."""
    from scipy.sparse import eye_array
    from scipy.sparse.linalg import splu

    square = (matrix @ matrix.T + ridge * eye_array(matrix.shape[0])).tocsc()
    return splu(square, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})


def _narrow(matrix: csr_array) -> csr_array:
    """With indices of four bytes, which halves what is read at each product."""
    from scipy.sparse import csr_array

    own = csr_array(matrix)
    indices, indptr = own.indices.astype(np.int32), own.indptr.astype(np.int32)
    return csr_array((own.data, indices, indptr), shape=own.shape)
