"""Unknowns that linear equations fix."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from poverty_assets.measurement import null_space
from poverty_assets.measurement.null_space import fixed, fixed_by_both


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12))
def test_unknowns_are_fixed_that_are_zero_in_every_null_vector(seed, n_equations, n_unknowns):
    matrix = np.random.default_rng(seed).choice([0.0, 0.0, 0.0, 1.0, -1.0], (n_equations, n_unknowns))
    _, size, right = np.linalg.svd(matrix, full_matrices=True)
    null = right[(size > 1e-9).sum() :]
    assert fixed(csr_array(matrix)).tolist() == (np.abs(null) < 1e-9).all(axis=0).tolist()


def test_equations_that_repeat_one_another_fix_what_one_does():
    of_two = np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    assert not fixed(csr_array(of_two)).any()
    assert fixed(csr_array(np.vstack([of_two, [1.0, 0.0, 0.0]]))).all()
    assert fixed(csr_array((0, 3))).tolist() == [False] * 3


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 8), st.integers(1, 12))
def test_two_sets_of_equations_fix_what_they_do_as_one(seed, n_equations, n_others, n_unknowns):
    rng = np.random.default_rng(seed)
    one = rng.choice([0.0, 0.0, 0.0, 1.0, -1.0], (n_equations, n_unknowns))
    _, size, right = np.linalg.svd(rng.choice([0.0, 0.0, 1.0, 2.0], (n_others, n_unknowns)), full_matrices=False)
    other = right[size > 1e-9]
    answer = fixed(csr_array(np.vstack([one, other])))
    assert fixed_by_both(csr_array(one), csr_array(other)).tolist() == answer.tolist()


def test_where_a_projection_comes_to_no_end_all_equations_are_taken_as_one(monkeypatch):
    one, other = csr_array([[1.0, 1.0, 0.0]]), csr_array([[0.6, 0.8, 0.0]])
    monkeypatch.setattr(null_space, "_STEPS", 0)
    assert fixed_by_both(one, other).tolist() == [True, True, False]
    assert fixed_by_both(csr_array((0, 3)), other).tolist() == [False] * 3
