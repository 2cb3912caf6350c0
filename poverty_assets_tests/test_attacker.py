"""What is withheld cannot be solved for: sets of deprivations that few hold, and cells of a register."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poverty_assets.measurement.bundles import OTHER_SETS
from poverty_assets.measurement.coding import Columns
from poverty_assets.measurement.direct_tables import disclosure_decisions, overlap_tables
from poverty_assets.measurement.disclosure import SET_CLUSTERS, SET_HOUSEHOLDS
from poverty_assets.measurement.masks import cells_of, count_masks, holders
from poverty_assets.registers.rows import withheld_areas
from poverty_assets_tests.attacker import solved
from poverty_assets_tests.measurement.overlap_cases import AREAS, HIERARCHY, make_measure, make_survey

NAMES = [f"i{j}" for j in range(6)]
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
