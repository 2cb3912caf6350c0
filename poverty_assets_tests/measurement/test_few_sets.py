"""Sets of deprivations that figures of few sets tell beside those that are named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poverty_assets.measurement.few_sets import FewSets
from poverty_assets.measurement.figure_disclosure import Held, sets_beside_figures

SETS = np.arange(8)
BITS = SETS[:, None] >> np.arange(3) & 1
POOR = BITS.sum(axis=1) > 1
PROFILES = np.column_stack([BITS[:, 0], BITS[:, 0] * POOR, BITS.sum(axis=1) == 1]).astype(float)
"""Of three deprivations: who has the first, who has it and another, who has one alone."""


def named_beside(shown: list[bool], n: dict[int, int], named: set[int]) -> set[int]:
    """Sets of one cell that stay named, of those that somebody holds."""
    sets = pd.DataFrame({"cell": 0, "set": list(n), "n_households": list(n.values())})
    n_households = (pd.Series(n).reindex(SETS, fill_value=0).to_numpy() @ PROFILES).astype(int)[None]
    of_all = np.array([True, True, False])
    cells = pd.DataFrame(
        {"area_id": ["KH"], "subgroup": ["all"], "n_households": [sum(n.values())], "suppressed": [False]}
    )
    nothing = np.zeros((3, 3), dtype=bool)
    held = Held(
        cells, n_households, n_households, n_households == 0, PROFILES, of_all, nothing, np.ones((1, 3), dtype=bool)
    )
    answer = sets_beside_figures(sets, sets["set"].isin(named).to_numpy(), held, np.array([shown]))
    return set(sets.loc[answer, "set"])


HELD = {0: 40, 1: 9, 2: 8, 3: 20, 4: 3}


def test_one_figure_less_another_tells_a_set_and_with_it_the_last_of_a_third():
    """Those with the first alone follow from two figures, those with the second are named, and so those with the third follow."""
    assert named_beside([True, True, True], HELD, {0, 2, 3}) == {0, 3}


@pytest.mark.parametrize("shown", [[True, False, True], [True, True, False]])
def test_a_set_stays_named_where_one_of_these_figures_is_withheld(shown):
    assert named_beside(shown, HELD, {0, 2, 3}) == {0, 2, 3}


def test_what_figures_tell_by_themselves_takes_no_name_away():
    assert named_beside([True, True, True], {0: 40, 1: 3, 2: 8, 3: 20, 4: 7}, {0, 2, 3, 4}) == {0, 2, 3, 4}


def test_figures_of_few_sets_and_differences_of_figures_are_found():
    few = FewSets(PROFILES, np.array([False, False, True]))
    found = {
        (int(a), int(b)): set(np.flatnonzero(counts))
        for a, b, counts in zip(few.first, few.second, few.counts.T, strict=True)
    }
    assert found == {(2, 2): {1, 2, 4}, (0, 1): {1}}
