"""What is withheld cannot be solved for: sets of deprivations that few hold, and cells of a register."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poverty_assets.measurement.bundles import OTHER_SETS
from poverty_assets.measurement.coding import Columns
from poverty_assets.measurement.direct_tables import (
    direct_tables,
    disclosure_decisions,
    measured_households,
    overlap_tables,
    profile_counts,
)
from poverty_assets.measurement.disclosure import SURVEY_MINIMUM
from poverty_assets.measurement.figure_disclosure import SET_CLUSTERS, SET_HOUSEHOLDS
from poverty_assets.measurement.masks import cells_of, count_masks, holders, profile_bits
from poverty_assets.registers.rows import withheld_areas
from poverty_assets_tests.attacker import follows, solved
from poverty_assets_tests.measurement.overlap_cases import AREAS, HIERARCHY, make_measure, make_survey

NAMES = [f"i{j}" for j in range(6)]
MEASURE = make_measure(NAMES)
PARENT = dict(zip(AREAS["area_id"], AREAS["parent_id"], strict=True))


@pytest.fixture(scope="module", params=[1, 2, 3])
def published(request):
    """Sets that are held in every cell, and whether each is named, of a survey of six indicators."""
    survey = make_survey(n=900, seed=request.param, indicators=NAMES).assign(hh_size=4)
    measure = make_measure(NAMES)
    bundles = overlap_tables(survey, measure, HIERARCHY, disclosure_decisions(survey, measure, HIERARCHY)).bundles
    counts = count_masks(survey, Columns(tuple(NAMES), subgroups=("is_urban",)))
    cells = cells_of(counts, HIERARCHY)
    held = holders(counts, cells)
    held = held.assign(**{c: cells.table[c].to_numpy()[held["cell"]] for c in ("area_id", "subgroup")})
    held["bundle_mask"] = counts.masks[held["column"]].astype(np.int64)
    keys = ["area_id", "subgroup", "bundle_mask"]
    shown = bundles[bundles["share"].notna()]
    held["known"] = pd.MultiIndex.from_frame(held[keys]).isin(pd.MultiIndex.from_frame(shown[keys]))
    return shown, held


@pytest.mark.slow
def test_a_named_set_is_held_by_five_households_of_two_clusters_and_the_rest_keeps_its_share(published):
    bundles, held = published
    named = held[held["known"]]
    assert len(named) > 20
    assert (held["n_households"] < SET_HOUSEHOLDS).any()
    assert (named["n_households"] >= SET_HOUSEHOLDS).all()
    assert (named["n_clusters"] >= SET_CLUSTERS).all()
    assert (bundles["bundle_mask"] == OTHER_SETS).any()
    assert bundles.groupby(["area_id", "subgroup"])["share"].sum().tolist() == pytest.approx(
        [1.0] * bundles.groupby(["area_id", "subgroup"]).ngroups
    )
    shown = held.merge(bundles[["area_id", "subgroup"]].drop_duplicates())
    pooled = shown[~shown["known"]].groupby(["area_id", "subgroup"])["n_households"].sum()
    assert (pooled >= SET_HOUSEHOLDS).all()


def test_no_set_that_few_hold_is_solved_for(published):
    _, held = published
    tried = 0
    for _, cells in held.assign(total=held["n_households"]).groupby("bundle_mask"):
        assert solved(cells, PARENT) == (set(), set())
        tried += 0 < cells["known"].sum() < len(cells)
    assert tried > 5


def test_the_attacker_wins_where_only_rare_sets_are_left_out():
    total = {"KH": 30, "01": 12, "02": 18, "0101": 9, "0102": 3}
    cells = pd.DataFrame({"area_id": list(total), "subgroup": "all", "total": total.values(), "known": True})
    cells.loc[4, "known"] = False
    assert solved(cells, PARENT) == ({("0102", "all")}, set())


def test_a_published_zero_of_the_whole_is_counted_apart():
    cells = pd.DataFrame(
        {"area_id": ["01", "0101", "0102"], "subgroup": "all", "total": 0, "known": [True, False, False]}
    )
    assert solved(cells, PARENT) == (set(), {("0101", "all"), ("0102", "all")})


@pytest.fixture(scope="module", params=[4, 5, 6])
def told(request):
    """A survey of six indicators in three dimensions: its cells, the rows of its tables by figure, and who holds each figure."""
    survey = make_survey(n=400, seed=request.param, n_psus=60, indicators=NAMES)
    measure = make_measure(NAMES, ["a", "a", "b", "b", "b", "c"])
    decisions = disclosure_decisions(survey, measure, HIERARCHY)
    tables = overlap_tables(survey, measure, HIERARCHY, decisions)
    counts, cells = profile_counts(survey, measure, HIERARCHY)
    bits = profile_bits(counts.masks, len(NAMES))
    columns = {
        f"{a} and {b}": bits[:, i] * bits[:, j] for i, a in enumerate(NAMES) for j, b in enumerate(NAMES) if i < j
    }
    columns |= {f"{n} of all": bits.sum(axis=1) == n for n in range(len(NAMES) + 1)}
    dimension = bits[:, :2].any(axis=1) + 2 * bits[:, 2:5].any(axis=1) + 4 * bits[:, 5]
    columns |= {f"dimensions {number}": dimension == number for number in range(8)}
    figures = pd.DataFrame(columns).astype(float)
    rows = pd.concat(
        [
            tables.pairs.assign(figure=tables.pairs["indicator_a"] + " and " + tables.pairs["indicator_b"]),
            tables.counts.assign(figure=tables.counts["n_deprivations"].astype(str) + " of all"),
            tables.dimensions.assign(figure="dimensions " + tables.dimensions["dimension_mask"].astype(str)),
        ]
    )
    keys = pd.MultiIndex.from_frame(cells.table[["area_id", "subgroup"]])
    shown = np.zeros((len(keys), len(figures.columns)), dtype=bool)
    open_rows = rows[~rows["suppressed"]]
    of_cell = keys.get_indexer(pd.MultiIndex.from_frame(open_rows[["area_id", "subgroup"]]))
    shown[of_cell, figures.columns.get_indexer(open_rows["figure"])] = True
    withheld = keys.isin(pd.MultiIndex.from_frame(decisions.loc[decisions["suppressed"], ["area_id", "subgroup"]]))
    n = np.rint(cells.rollup @ (counts.households @ figures.to_numpy())).astype(int)
    size = np.asarray(cells.rollup @ counts.weight.sum(axis=1)).ravel()
    return cells.table.assign(size=size), figures, shown, n, withheld


def identities_of(figures):
    """What figures of a cell add up to, where its size and headcounts are known."""
    pairs, numbers, sets = (figures.columns.str.contains(part) for part in (" and ", " of all", "dimensions "))
    k = np.arange(len(NAMES) + 1)
    known = np.zeros((6, len(figures.columns)))
    known[0, numbers], known[1, sets] = 1, 1
    known[2, numbers] = k
    known[3, numbers], known[3, pairs] = k * (k - 1) / 2, -1
    known[4, figures.columns.get_loc("0 of all")], known[4, figures.columns.get_loc("dimensions 0")] = 1, -1
    known[5, figures.columns.get_loc("i0 and i1")] = 1  # either of the first two is that dimension
    known[5, [figures.columns.get_loc(f"dimensions {s}") for s in (1, 3, 5, 7)]] = 1
    return known


@pytest.mark.slow
def test_a_figure_is_shown_where_five_households_hold_it_or_none(told):
    _, _, shown, n, withheld = told
    assert not shown[withheld].any()
    assert not (shown & (n > 0) & (n < SET_HOUSEHOLDS)).any()
    assert (shown & (n >= SET_HOUSEHOLDS)).sum() > 200
    assert (~shown[~withheld] & (n[~withheld] > 0) & (n[~withheld] < SET_HOUSEHOLDS)).sum() > 100


def test_no_figure_that_few_hold_follows_over_areas_subgroups_and_tables(told):
    cells, figures, shown, n, _ = told
    found = follows(cells, PARENT, identities_of(figures), shown, n == 0)
    small = (cells["n_households"] < SURVEY_MINIMUM).to_numpy()[:, None]
    secret = ~shown & (n > 0) & ((n < SET_HOUSEHOLDS) | small)
    assert secret.sum() > 100
    assert (found & secret).sum() == 0


def test_the_attacker_wins_where_only_what_few_hold_is_withheld(told):
    cells, figures, _, n, withheld = told
    shown = ~withheld[:, None] & ((n == 0) | (n >= SET_HOUSEHOLDS))
    found = follows(cells, PARENT, identities_of(figures), shown, n == 0)
    assert (found & (n > 0) & (n < SET_HOUSEHOLDS)).sum() > 20


@pytest.fixture(scope="module", params=[1, 2, 3, 4])
def headcounts(request):
    """Every headcount of every cell of a survey in which few are deprived: ``total`` (households), ``known``, whether its cell is."""
    survey = make_survey(n=400, seed=request.param, n_psus=60, indicators=NAMES)
    rare = np.random.default_rng(request.param).random((len(survey), len(NAMES))) < [0.6, 0.4, 0.2, 0.1, 0.05, 0.05]
    survey = measured_households(survey.assign(**{n: survey[n] * rare[:, j] for j, n in enumerate(NAMES)}), MEASURE)
    decisions = disclosure_decisions(survey, MEASURE, HIERARCHY)
    made = direct_tables(survey, MEASURE, HIERARCHY, decisions)
    open_rows = made.headcount[~made.headcount["suppressed"]]
    counts, cells = profile_counts(survey, MEASURE, HIERARCHY)
    bits = profile_bits(counts.masks, len(NAMES))
    poor = {"uncensored": 0} | dict(zip(("censored_k20", "censored", "censored_k50"), (0.2, 1 / 3, 0.5), strict=True))
    keys = pd.MultiIndex.from_frame(cells.table[["area_id", "subgroup"]])
    of_cell = decisions.set_index(["area_id", "subgroup"])["suppressed"].reindex(keys).to_numpy()
    parts = []
    for kind, k in poor.items():
        columns = bits * (bits.mean(axis=1) >= k - 1e-9)[:, None]
        held = np.rint(cells.rollup @ (counts.households @ columns)).astype(int)
        for j, name in enumerate(NAMES):
            own = open_rows[(open_rows["kind"] == kind) & (open_rows["indicator_id"] == name)]
            known = keys.isin(pd.MultiIndex.from_frame(own[["area_id", "subgroup"]]))
            parts.append(cells.table.assign(figure=f"{kind} {name}", total=held[:, j], known=known, of_cell=~of_cell))
    return pd.concat(parts)


def of_small_cells(headcounts):
    """Withheld headcounts of cells under 25 households that follow."""
    small = set(
        headcounts.loc[headcounts["n_households"] < 25, ["area_id", "subgroup"]].itertuples(index=False, name=None)
    )
    return [
        (figure, *cell) for figure, cells in headcounts.groupby("figure") for cell in solved(cells, PARENT)[0] & small
    ]


@pytest.mark.slow
def test_no_headcount_of_a_small_cell_follows_beside_ones_that_a_zero_gives(headcounts):
    assert of_small_cells(headcounts) == []
    assert sum(len(solved(cells, PARENT)[1]) for _, cells in headcounts.groupby("figure")) > 0
    assert headcounts["known"].mean() > 0.5 * headcounts["of_cell"].mean()


def test_the_attacker_wins_where_only_cells_are_withheld(headcounts):
    by_cell = headcounts.assign(known=headcounts["of_cell"])
    assert len(of_small_cells(by_cell)) > 0


@pytest.mark.parametrize("beside", [0, 8, 40])
def test_a_register_gives_no_cell_away_where_the_audit_sums_communes_alone(beside):
    listed = pd.Series({"010101": 3, "010102": 40, "010201": 70, "020101": 90})
    sums = {
        area: listed[[c.startswith(area) for c in listed.index]].sum() for area in ("01", "02", "0101", "0102", "0201")
    }
    audit = listed.to_dict() | sums | {"KH": listed.sum()}
    register = audit | {"0101": audit["0101"] + beside, "01": audit["01"] + beside, "KH": audit["KH"] + beside}
    counts = pd.DataFrame({"area_id": list(register), "listed": list(register.values())})
    hidden = withheld_areas(counts, HIERARCHY)
    assert {"010101", "010102"} <= hidden
    cells = pd.DataFrame({"area_id": list(audit), "subgroup": "all", "total": list(audit.values())})
    assert solved(cells.assign(known=~cells["area_id"].isin(hidden)), PARENT) == (set(), set())
