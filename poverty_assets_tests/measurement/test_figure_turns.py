"""What follows from all figures together, what is withheld so that no secret does, and what is shown again."""

import numpy as np
import pandas as pd
import pytest

from poverty_assets.measurement.disclosure import additive_relations, order_of
from poverty_assets.measurement.figure_sums import Links
from poverty_assets.measurement.figure_turns import FiguresTogether
from poverty_assets_tests.attacker import follows_by_turns
from poverty_assets_tests.measurement.overlap_cases import AREAS, HIERARCHY

PARENT = dict(zip(AREAS["area_id"], AREAS["parent_id"], strict=True))
A_IS_B_AND_C = np.array([[1.0, -1.0, -1.0]])
CELLS = pd.DataFrame(
    {"area_id": ["KH", "01", "02", "0101", "0102", "0201", "010101", "010102", "010201", "020101"], "subgroup": "all"}
).assign(n_households=[200, 120, 80, 60, 60, 80, 10, 50, 60, 80])
SMALL = (CELLS["n_households"] < 25).to_numpy()


def world(n: list[list[int]], withheld: list[tuple[str, int]]) -> FiguresTogether:
    """Three figures, of which the first is the sum of the two others; ``n`` of the four smallest areas, for each of the two others."""
    smallest = np.array(n).T
    both = np.zeros((len(CELLS), 2), dtype=int)
    for row, area in enumerate(CELLS["area_id"]):
        own = [area == "KH" or one.startswith(area) for one in CELLS["area_id"][-4:]]
        both[row] = smallest[own].sum(axis=0)
    held = np.column_stack([both.sum(axis=1), both])
    sums = additive_relations(CELLS, HIERARCHY, 25)
    links = Links.of(sums, order_of(CELLS, sums, HIERARCHY), (CELLS["area_id"] == "KH").to_numpy())
    shown = np.repeat(~SMALL[:, None], 3, axis=1)
    for area, figure in withheld:
        shown[CELLS["area_id"] == area, figure] = False
    secret = (held > 0) & SMALL[:, None]
    return FiguresTogether(links, A_IS_B_AND_C, np.ones(3, dtype=bool), shown, secret, held == 0)


def found(figures: FiguresTogether) -> np.ndarray:
    """What an attacker finds who was written without any code of the package."""
    cells = CELLS.assign(size=CELLS["n_households"])
    return follows_by_turns(cells, PARENT, A_IS_B_AND_C, figures.shown, figures.nobody)


def all_known(figures: FiguresTogether) -> np.ndarray:
    return figures.follow()[: len(CELLS)] < np.iinfo(np.int16).max


@pytest.mark.parametrize(
    "withheld", [[], [("010102", 0)], [("010102", 0), ("010102", 1)], [("010102", one) for one in range(3)]]
)
def test_what_follows_is_what_the_attacker_finds(withheld):
    figures = world([[3, 20, 10, 0], [2, 0, 9, 8]], withheld)
    assert (all_known(figures) & ~figures.shown == found(figures) & ~figures.shown).all()


def test_no_secret_follows_once_what_tells_it_is_withheld():
    figures = world([[3, 20, 10, 5], [2, 10, 9, 8]], [("010102", 0)])
    assert (
        all_known(figures) & figures.secret
    ).any()  # the first figure of the other commune is the sum of its two others
    assert 2 <= figures.withhold_what_tells(figures.shown.copy()) <= 3
    assert not (found(figures) & figures.secret).any()


def test_what_no_secret_follows_from_is_shown_again():
    figures = world([[3, 20, 10, 5], [2, 10, 9, 8]], [("010102", one) for one in range(3)])
    figures.shown[CELLS["area_id"] == "02"] = False
    before = figures.shown.copy()
    withheld = ~SMALL[:, None] & ~before
    assert figures.show_again(withheld) == 3
    assert figures.shown[CELLS["area_id"] == "02"].all()
    assert not (found(figures) & figures.secret).any()
