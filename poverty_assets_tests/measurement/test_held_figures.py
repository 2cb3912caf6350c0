"""Which figures each row of a table tells."""

import numpy as np
import pandas as pd
import pytest

from poverty_assets.measurement.held_figures import MeansShown, mean_columns
from poverty_assets_tests.measurement.overlap_cases import INDICATORS, make_measure

MEASURE = make_measure()
K, D = (0.2, 0.333333, 0.5), len(INDICATORS)


def shown_but(*withheld: int) -> MeansShown:
    shown = np.ones((1, sum(one.shape[1] for one in mean_columns(MEASURE).values())), dtype=bool)
    shown[0, list(withheld)] = False
    return MeansShown(pd.MultiIndex.from_tuples([("01", "all")]), shown, MEASURE)


def rows(**columns) -> pd.DataFrame:
    return pd.DataFrame({"area_id": ["01"], "subgroup": "all"} | columns)


@pytest.mark.parametrize(
    ("withheld", "statistic", "k", "is_shown"),
    [
        (4 * D, "headcount_ratio", 0.2, False),
        (4 * D, "headcount_ratio", 0.5, True),
        (4 * D, "intensity", 0.2, False),
        (4 * D, "mpi", 0.2, True),
        (4 * D, "vulnerable", 0.2, True),
        (4 * D + 6, "vulnerable", 0.2, False),
        (4 * D + 2, "severe", 0.5, False),
        (4 * D + 3, "mpi", 0.2, False),
        (4 * D + 3, "intensity", 0.2, False),
        (4 * D + 3, "headcount_ratio", 0.2, True),
    ],
)
def test_a_statistic_is_withheld_with_either_figure_that_gives_it(withheld, statistic, k, is_shown):
    assert shown_but(withheld).of_rows("fct_mpi", rows(statistic=[statistic], k=[k])).tolist() == [is_shown]


def test_a_contribution_is_withheld_with_its_headcount_or_m0_and_a_headcount_with_itself_alone():
    one = rows(indicator_id=[INDICATORS[1]], k=[0.333333])
    assert shown_but().of_rows("fct_contribution", one).tolist() == [True]
    for withheld in (2 * D + 1, 4 * D + 3 + 1):
        assert shown_but(withheld).of_rows("fct_contribution", one).tolist() == [False]
    assert shown_but(2 * D + 1).of_rows("fct_headcount", one).tolist() == [False]
    assert shown_but(2 * D + 1).of_rows("fct_headcount", one.assign(k=np.nan)).tolist() == [True]


def test_a_row_of_a_cell_that_nobody_counted_is_withheld():
    assert shown_but().of_rows("fct_headcount", rows(indicator_id=["fuel"], k=[0.5]).assign(area_id="02")).tolist() == [
        False
    ]
