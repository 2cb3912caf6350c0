"""Neighbours never include the area itself; blocks and provinces are never split between folds."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from poverty_assets.errors import SpecificationError
from poverty_assets.geography.neighbours import gaussian, nearest, neighbourhood_mean, touching
from poverty_assets.judging.folds import DESIGNS, PUBLISHED_OUT, block_ids, fold_ids

ROW = np.array([box(0, 0, 1, 1), box(1, 0, 2, 1), box(2.01, 0, 3, 1)])
XY = np.array([[0.0, 0], [1, 0], [3, 0]])


def test_touching_squares_and_slivers():
    assert touching(ROW).toarray().tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert touching(ROW, gap=0.02).toarray().tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]


def test_nearest_and_gaussian_leave_the_area_itself_out():
    assert nearest(XY, 1).toarray().tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0]]
    matrix = gaussian(XY, 1.0, reach=2.5).toarray()
    assert matrix.diagonal().tolist() == [0, 0, 0]
    assert matrix[0, 1] == pytest.approx(np.exp(-0.5))
    assert matrix[0, 2] == 0


def test_neighbourhood_mean_ignores_missing_values_and_own_value():
    means = neighbourhood_mean(pd.DataFrame({"f": [100.0, np.nan, 4]}), touching(ROW, gap=0.02), "|near")
    assert means["f|near"].tolist() == pytest.approx([np.nan, 52, np.nan], nan_ok=True)


def test_block_numbers_follow_the_grid():
    xy = np.array([[0.0, 0], [49_999, 1], [50_000, 1], [0, 50_000]])
    assert block_ids(xy).tolist() == [0, 0, 1, 2]
    assert block_ids(xy, origin=(25_000, 0)).tolist() == [0, 1, 1, 2]
    assert block_ids(xy, 200_000).tolist() == [0, 0, 0, 0]


@given(st.sampled_from(DESIGNS), st.integers(0, 99))
def test_no_group_is_split_between_folds_and_all_are_held_out(design, seed):
    rng = np.random.default_rng(seed)
    blocks, provinces = rng.integers(0, 20, 200), rng.integers(0, 7, 200).astype(str)
    folds = fold_ids(design, blocks=blocks, published=provinces, n_folds=5, seed=seed)
    assert (folds == fold_ids(design, blocks=blocks, published=provinces, n_folds=5, seed=seed)).all()
    assert set(folds) == set(range(7 if design == PUBLISHED_OUT else 5))
    if design != "random":
        groups = blocks if design == "block50km" else provinces
        assert pd.Series(folds).groupby(groups).nunique().max() == 1


def test_unknown_design_is_refused():
    with pytest.raises(SpecificationError, match="leave_one_out"):
        fold_ids("leave_one_out", blocks=np.zeros(3), published=np.zeros(3))
