"""What is withheld so that every secret might be another, for who solves all sums at once, and what is shown again."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poverty_assets.measurement import known_figures
from poverty_assets.measurement.cell_patterns import CellPatterns, both_ways
from poverty_assets.measurement.difference_pool import DifferencePool
from poverty_assets.measurement.disclosure import additive_relations
from poverty_assets.measurement.figure_disclosure import SURVEY_MINIMUM, Held, figures_to_publish
from poverty_assets.measurement.figures_within import FiguresWithin, bits
from poverty_assets.measurement.known_figures import KnownFigures
from poverty_assets.measurement.zeros_shown import ZerosShown
from poverty_assets_tests.attacker import follows, follows_by_turns, wholes
from poverty_assets_tests.measurement.overlap_cases import AREAS, HIERARCHY, SMALLEST

PARENT = dict(zip(AREAS["area_id"], AREAS["parent_id"], strict=True))
SEXES = ("female", "male")
BITS = np.array([[profile >> j & 1 for j in range(3)] for profile in range(8)])
NUMBER = BITS.sum(axis=1)[:, None] == np.arange(4)
PAIRS = np.column_stack([BITS[:, a] * BITS[:, b] for a, b in combinations(range(3), 2)])
PROFILES = np.column_stack([BITS, PAIRS, NUMBER]).astype(float)
RELATIONS = np.array(
    [
        [0, 0, 0, 0, 0, 0, 1, 1, 1, 1],
        [-1, -1, -1, 0, 0, 0, 0, 1, 2, 3],
        [0, 0, 0, -1, -1, -1, 0, 0, 1, 3],
    ],
    dtype=float,
)


def cells_of(by_leaf: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """Every area and subgroup with its households of each profile, from those of the smallest areas and sexes; shape (4, 2, 8)."""
    rows, counts = [], []
    for area in ["KH", *AREAS["area_id"]]:
        own = by_leaf[[area == "KH" or leaf.startswith(area) for leaf in SMALLEST]].sum(axis=0)
        parts = {"all": own.sum(axis=0)} | {f"head_sex={sex}": own[i] for i, sex in enumerate(SEXES)}
        for subgroup, profiles in parts.items():
            if profiles.sum():
                rows.append((area, subgroup, int(profiles.sum())))
                counts.append(profiles)
    cells = pd.DataFrame(rows, columns=["area_id", "subgroup", "n_households"])
    return cells.assign(suppressed=cells["n_households"] < SURVEY_MINIMUM), np.array(counts)


def held_in(cells: pd.DataFrame, counts: np.ndarray) -> Held:
    """No figure rests on all households, and each cluster is a household."""
    n = counts @ PROFILES.astype(int)
    n_figures = PROFILES.shape[1]
    listed = np.repeat(~cells["suppressed"].to_numpy()[:, None], n_figures, axis=1)
    beside = np.zeros((n_figures, n_figures), dtype=bool)
    return Held(cells, n, n, n == 0, PROFILES, np.zeros(n_figures, dtype=bool), beside, listed)


def secrets_of(held: Held) -> np.ndarray:
    small = (held.cells["n_households"] < SURVEY_MINIMUM).to_numpy()[:, None]
    return (held.n_households > 0) & (small | (held.n_households < 5))


def found_by_all_at_once(held: Held, shown: np.ndarray) -> np.ndarray:
    cells = held.cells.assign(size=held.cells["n_households"])
    return follows(cells, PARENT, RELATIONS, shown, held.nobody, down=False) & secrets_of(held)


def found_by_zeros(held: Held, shown: np.ndarray) -> np.ndarray:
    cells = held.cells.assign(size=held.cells["n_households"])
    return follows(cells, PARENT, RELATIONS, shown, held.nobody) & secrets_of(held)


WORLDS = st.integers(0, 2**32 - 1), st.floats(0.3, 3.0), st.integers(2, 14)


def world(seed: int, spread: float, size: int) -> Held:
    rng = np.random.default_rng(seed)
    rates = rng.dirichlet(np.full(8, 1 / spread), (4, 2)) * size * 8 * rng.random((4, 2, 1))
    return held_in(*cells_of(rng.poisson(rates)))


@settings(max_examples=60, deadline=None)
@given(*WORLDS)
def test_no_secret_of_a_small_world_follows_for_who_solves_all_at_once(seed, spread, size):
    held = world(seed, spread, size)
    shown = figures_to_publish(held, HIERARCHY)
    assert not (shown & secrets_of(held)).any()
    assert not found_by_all_at_once(held, shown).any()
    assert not found_by_zeros(held, shown).any()


def test_where_only_secrets_are_withheld_they_follow_and_much_stays_shown_where_they_do_not():
    held = world(7, 1.0, 12)
    only = held.listed & ~secrets_of(held)
    shown = figures_to_publish(held, HIERARCHY)
    assert found_by_all_at_once(held, only).sum() > 5
    assert not found_by_all_at_once(held, shown).any()
    assert shown.sum() > 0.5 * only.sum()


def test_a_zero_is_withheld_only_where_a_secret_would_follow_beside_it():
    held = world(7, 1.0, 12)
    shown = figures_to_publish(held, HIERARCHY)
    zeros = held.listed & held.nobody
    assert (shown & zeros).sum() >= 0.9 * zeros.sum()


@pytest.mark.parametrize("case", [(3424627266, 2.3165230412545625, 4), (992360190, 1.8995812072506035, 11)])
def test_secrets_do_not_follow_by_withheld_zeros_that_are_found(case, monkeypatch):
    held = world(*case)
    assert not found_by_zeros(held, figures_to_publish(held, HIERARCHY)).any()
    monkeypatch.setattr(KnownFigures, "up_to", lambda figures, secret: np.zeros_like(secret))
    shown = figures_to_publish(held, HIERARCHY)  # as if nobody took a found 0 down to its parts
    assert not found_by_all_at_once(held, shown).any()
    assert found_by_zeros(held, shown).sum() > 10


def test_secrets_do_not_follow_by_zeros_that_all_sums_together_tell(monkeypatch):
    held = world(3956356651, 2.7972213239311197, 11)
    assert not found_by_zeros(held, figures_to_publish(held, HIERARCHY)).any()
    monkeypatch.setattr(KnownFigures, "at_once", lambda figures, known: known)
    assert found_by_zeros(held, figures_to_publish(held, HIERARCHY)).sum() == 3


def test_what_all_sums_tell_at_once_is_what_an_attacker_finds(monkeypatch):
    held = world(7, 1.0, 12)
    only = held.listed & ~secrets_of(held)
    table = held.cells[["area_id", "subgroup", "n_households"]]
    zeros = ZerosShown(additive_relations(table, HIERARCHY, SURVEY_MINIMUM), only, held.nobody)
    figures = KnownFigures(zeros, FiguresWithin(PROFILES, np.ones(10, dtype=bool)), pd.factorize(table["area_id"])[0])
    known = only | zeros.given()
    found = figures.at_once(known)
    assert (found & ~only & secrets_of(held)).tolist() == found_by_all_at_once(held, only).tolist()
    monkeypatch.setattr(known_figures, "_MANY", 0)
    without_silent_areas = figures.at_once(known)
    assert (without_silent_areas & ~known & secrets_of(held)).sum() > 5
    assert not (without_silent_areas & ~found).any()


def test_what_follows_is_what_an_attacker_finds():
    held = world(7, 1.0, 12)
    only = held.listed & ~secrets_of(held)
    table = held.cells[["area_id", "subgroup", "n_households"]]
    zeros = ZerosShown(additive_relations(table, HIERARCHY, SURVEY_MINIMUM), only, held.nobody)
    within = FiguresWithin(PROFILES, np.ones(10, dtype=bool))
    cells = held.cells.assign(size=held.cells["n_households"])
    found = follows_by_turns(cells, PARENT, RELATIONS, only, held.nobody)
    assert (found & secrets_of(held)).sum() > 5
    area = pd.factorize(table["area_id"])[0]
    assert (KnownFigures(zeros, within, area).by_turns() & ~only).tolist() == found.tolist()


def test_every_pattern_leaves_every_sum_as_it_is():
    cells, _ = cells_of(np.random.default_rng(1).poisson(2.0, (4, 2, 8)))
    table = cells[["area_id", "subgroup", "n_households"]]
    sums = additive_relations(table, HIERARCHY, SURVEY_MINIMUM)
    listed = ~cells["suppressed"].to_numpy()
    patterns = CellPatterns(table, HIERARCHY, sums, listed, both_ways([0] * len(table)))
    tried = 0
    for cell in range(len(table)):
        for pattern in patterns.around(cell):
            by = np.zeros(len(table))
            np.add.at(by, [max(one, ~one) for one in pattern], [1.0 if one >= 0 else -1.0 for one in pattern])
            assert by[cell]
            assert all(by[whole] == by[parts].sum() for whole, parts in wholes(table, PARENT))
            tried += 1
    assert tried > 50


@pytest.mark.parametrize(
    "hidden", [[3], [3, 4], [6, 7, 8], [6, 7, 8, 3], [6, 7, 8, 9], [0, 1, 6], [0, 6, 7, 8], range(10)]
)
def test_figures_that_may_differ_are_those_that_nothing_else_fixes(hidden):
    within = FiguresWithin(PROFILES, np.ones(10, dtype=bool))
    own = RELATIONS[:, list(hidden)]
    _, size, right = np.linalg.svd(own, full_matrices=True)
    null = right[(size > 1e-9).sum() :]
    free = [one for one, column in zip(hidden, null.T, strict=True) if np.abs(column).max(initial=0) > 1e-9]
    assert within.may_differ(bits(np.array(hidden))) == bits(np.array(free, dtype=np.int64))
    for figure in free:
        few = within.enough(bits(np.array(hidden)), figure, 0)
        assert within.may_differ(few) >> figure & 1
        times = np.zeros(10)
        for one, value in within.values(few):
            times[one] = value
        assert times[figure]


def test_one_that_does_not_differ_does_with_what_would_let_it():
    within = FiguresWithin(PROFILES, np.ones(10, dtype=bool))
    hidden = bits(np.array([6, 7, 8]))
    assert within.may_differ(hidden) == 0
    lets = within.would_let(hidden, 7)
    assert lets
    assert lets & hidden == 0
    assert all(within.may_differ(hidden | 1 << one) >> 7 & 1 for one in range(10) if lets >> one & 1)


def test_a_figure_is_shown_again_while_every_secret_differs_in_some_sum_of_differences():
    pool, secret = DifferencePool({(0, 0)}), (0, 0)
    pool.add({secret: 1.0, (1, 0): 1.0})
    pool.add({(1, 0): 1.0, (2, 0): -1.0})
    assert pool.leave_out((1, 0))  # the first less the second
    assert not pool.leave_out((2, 0))
    assert pool.leave_out((3, 0))


def test_zeros_that_give_a_figure_are_withheld_together():
    cells, counts = cells_of(np.ones((4, 2, 8), dtype=int))
    table = cells[["area_id", "subgroup", "n_households"]]
    nobody = np.zeros((len(cells), 1), dtype=bool)
    nobody[cells["area_id"].str.startswith("01"), 0] = True
    shown = (cells["area_id"].isin(["01", "0101"]) & (cells["subgroup"] == "all")).to_numpy()[:, None].copy()
    zeros = ZerosShown(additive_relations(table, HIERARCHY, SURVEY_MINIMUM), shown, nobody)
    own = cells["area_id"].str.startswith("01").to_numpy()
    assert zeros.given()[:, 0].tolist() == own.tolist()
    leaf = int(np.flatnonzero((cells["area_id"] == "010101") & (cells["subgroup"] == "head_sex=male"))[0])
    assert zeros.price(np.full(len(cells), 2.0), np.ones_like(shown))[leaf, 0] == 4
    withheld, given_no_more = zeros.withhold(leaf, 0)
    assert cells["area_id"].to_numpy()[withheld].tolist() == ["01", "0101"]
    assert len(given_no_more) == own.sum()
    assert not shown.any()
    found = zeros.take_back(withheld[1], 0, shown=False)
    assert set(cells["area_id"].to_numpy()[found]) == {one for one in cells["area_id"] if one.startswith("0101")}
    assert zeros.found[withheld[1], 0]
    zeros.take_back(withheld[0], 0, shown=True)
    assert shown[withheld[0], 0]
    assert zeros.given()[:, 0].tolist() == own.tolist()
    assert len(counts) == len(cells)
