"""Suppression, and an attacker who knows everything that adds up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poverty_assets import catalog
from poverty_assets.errors import ContractViolation
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measurement.bundles import bundles
from poverty_assets.measurement.coding import Columns
from poverty_assets.measurement.disclosure import apply, decide
from poverty_assets.measurement.masks import cells_of, count_masks
from poverty_assets.measurement.overlap import deprivation_counts, overlap_pairs
from poverty_assets_tests.measurement.overlap_cases import AREAS, HIERARCHY, INDICATORS, make_measure, make_survey

COLUMN = {
    "is_urban=true": "is_urban",
    "is_urban=false": "is_urban",
    "head_sex=female": "head_sex",
    "head_sex=male": "head_sex",
}


def make_cells(counts: dict[str, int]) -> pd.DataFrame:
    """Cells of one subgroup from the households of communes; areas above are sums."""
    table = AREAS.set_index("area_id")["parent_id"]
    n = dict(counts)
    for commune, number in counts.items():
        area = commune
        while area != "KH":
            area = table[area]
            n[area] = n.get(area, 0) + number
    return pd.DataFrame({"area_id": list(n), "subgroup": "all", "n_households": list(n.values())})


def withheld(decisions: pd.DataFrame) -> dict[str, str]:
    rows = decisions[decisions["suppressed"]]
    return dict(zip(rows["area_id"], rows["flag"], strict=True))


def test_thresholds_of_25_and_50_households():
    cells = pd.DataFrame({"area_id": ["01", "02", "03", "04"], "subgroup": "all", "n_households": [24, 25, 49, 50]})
    areas = pd.DataFrame({"area_id": cells["area_id"], "area_level": "province", "parent_id": "KH"})
    flags = decide(cells, Hierarchy.of(areas, root="KH"))["flag"].tolist()
    assert flags == ["too_few_households", "few_households", "few_households", "ok"]


def test_a_second_commune_is_withheld_and_it_is_the_smallest():
    decisions = decide(make_cells({"010101": 10, "010102": 60, "010201": 200, "020101": 300}), HIERARCHY)
    # 010102 hides 010101 within the district; nothing above shows either
    assert withheld(decisions) == {"010101": "too_few_households", "010102": "withheld_to_protect_another"}


def test_an_only_commune_is_withheld_with_its_district_and_what_would_show_that():
    decisions = decide(make_cells({"010101": 100, "010102": 60, "010201": 10, "020101": 300}), HIERARCHY)
    # 0102 has one commune, so the district is as small; 0101 hides it, and 010102 keeps 0101 from being summed up
    assert set(withheld(decisions)) == {"010201", "0102", "0101", "010102"}


def test_a_subgroup_is_not_left_to_be_had_from_the_total():
    cells = pd.DataFrame(
        {"area_id": "KH", "subgroup": ["all", "is_urban=true", "is_urban=false"], "n_households": [200, 9, 191]}
    )
    flags = decide(cells, HIERARCHY).set_index("subgroup")["flag"].to_dict()
    assert flags == {
        "all": "ok",
        "is_urban=true": "too_few_households",
        "is_urban=false": "withheld_to_protect_another",
    }


def test_country_totals_are_taken_only_where_nothing_else_is_left():
    cells = pd.DataFrame({"area_id": ["KH", "01", "02"], "subgroup": "all", "n_households": [60, 10, 50]})
    assert set(withheld(decide(cells, HIERARCHY))) == {"01", "02"}
    alone = pd.DataFrame({"area_id": ["KH", "01"], "subgroup": "all", "n_households": [10, 10]})
    assert set(withheld(decide(alone, HIERARCHY))) == {"KH", "01"}


def test_no_households_are_no_secret_in_a_survey_but_are_in_a_register():
    counts = {"010101": 0, "010102": 60, "010201": 200, "020101": 300}
    assert set(withheld(decide(make_cells(counts), HIERARCHY))) == {"010101"}
    register = decide(make_cells(counts), HIERARCHY, minimum=5, flag_below=0, size_is_published=False)
    assert set(withheld(register)) == {"010101", "010102"}


def test_the_smaller_number_of_two_measures_decides():
    cells = pd.concat([make_cells({"020101": 30}), make_cells({"020101": 20})])
    assert decide(cells, HIERARCHY)["suppressed"].all()


def test_children_alone_do_not_give_away_adults_but_both_add_to_all():
    one = pd.DataFrame({"area_id": "KH", "subgroup": ["all", "age_group=child"], "n_households": [40, 20]})
    assert decide(one, HIERARCHY)["suppressed"].tolist() == [
        True,
        False,
    ]  # in order of subgroup: age_group=child, all
    both = pd.concat([one, one.tail(1).assign(subgroup="age_group=adult", n_households=40)])
    assert decide(both, HIERARCHY).set_index("subgroup")["suppressed"].to_dict() == {
        "all": False, "age_group=child": True, "age_group=adult": True,
    }  # fmt: skip


def test_a_missing_number_of_households_is_refused():
    with pytest.raises(ContractViolation, match="1 cells have no number of households; the first is 01, all"):
        decide(make_cells({"010101": 30}).assign(n_households=[1, 2, None, 4]), HIERARCHY)


def test_a_withheld_cell_is_blank_in_every_table_and_says_only_why():
    counts = count_masks(make_survey(n=150, n_psus=8), Columns(tuple(INDICATORS), subgroups=("is_urban",)))
    cells, measure = cells_of(counts, HIERARCHY), make_measure()
    decisions = decide(cells.table, HIERARCHY)
    hidden = set(zip(*[decisions.loc[decisions["suppressed"], c] for c in ("area_id", "subgroup")], strict=True))
    assert 0 < len(hidden) < len(decisions)
    for name, made, only in (
        ("fct_overlap_pair", overlap_pairs(counts, cells, measure), {}),
        ("fct_deprivation_count", deprivation_counts(counts, cells, measure), {}),
        ("fct_bundle", bundles(counts, cells, measure), {"bundle_mask": 0}),
    ):
        every = np.ones(len(made), dtype=bool)
        rows = apply(made, decisions, of=catalog.table(name), shown=every, only_if_published=only)
        inside = pd.MultiIndex.from_frame(rows[["area_id", "subgroup"]]).isin(hidden)
        assert (rows["suppressed"] == inside).all()
        assert rows[inside].select_dtypes("float").isna().all(axis=None)
        assert rows.loc[inside, "quality_flag"].isin(["too_few_households", "withheld_to_protect_another"]).all()
        assert rows["n_households"].notna().all()
        if "bundle_mask" in rows:
            assert (rows.loc[inside, "bundle_mask"] == 0).all()


def test_a_cell_that_nobody_decided_on_is_withheld():
    table = pd.DataFrame(
        {"area_id": ["01"], "subgroup": ["all"], "estimate": [0.5], "k": [0.2], "quality_flag": ["ok"]}
    )
    out = apply(table, decide(make_cells({"020101": 100}), HIERARCHY), of=catalog.table("fct_mpi"))
    assert out["suppressed"].tolist() == [True]
    assert out["k"].tolist() == [0.2]


def test_a_table_that_does_not_say_who_holds_its_rows_is_refused_unless_they_are_of_all():
    rows = pd.DataFrame({"area_id": ["020101"], "subgroup": ["all"], "estimate": [0.5], "quality_flag": ["ok"]})
    decisions = decide(make_cells({"020101": 100}), HIERARCHY)
    made_later = replace(catalog.table("fct_deprivation_count"), name="fct_made_later")
    with pytest.raises(ContractViolation, match="nothing says how many households hold the 1 rows of fct_made_later"):
        apply(rows, decisions, of=made_later)
    assert not apply(rows, decisions, of=replace(made_later, of_all=True))["suppressed"].any()
    few = np.array([False])
    out = apply(rows, decisions, of=made_later, shown=few, enough=few)
    assert out["suppressed"].all()
    assert out["estimate"].isna().all()
    assert out["quality_flag"].tolist() == ["too_few_households"]


def test_a_register_is_withheld_under_5_with_a_second_cell():
    register = make_cells({"010101": 3, "010102": 40, "010201": 90, "020101": 80}).rename(
        columns={"n_households": "listed"}
    )
    register = register.drop(columns="subgroup").assign(households=500, rate=0.1, quality_flag="ok")
    decisions = decide(
        register.assign(subgroup="all"), HIERARCHY, minimum=5, flag_below=0, size="listed", size_is_published=False
    )
    of = catalog.table("fct_contribution")  # any that is of all households
    out = apply(register, decisions, of=of, withhold=["listed", "rate"])
    assert set(out.loc[out["listed"].isna(), "area_id"]) == {"010101", "010102"}
    assert out["households"].notna().all()


# ---- the attacker


def relations(cells: pd.DataFrame, areas: pd.DataFrame) -> np.ndarray:
    """Every published sum as a row of -1 (the whole) and 1 (its parts): written anew, for the attacker."""
    number = {key: i for i, key in enumerate(zip(cells["area_id"], cells["subgroup"], strict=True))}
    rows = []
    for area, subgroup in number:
        below = [
            number[c, subgroup] for c in areas.loc[areas["parent_id"] == area, "area_id"] if (c, subgroup) in number
        ]
        groups = [below]
        if subgroup == "all":
            for column in set(COLUMN.values()):
                groups.append([number[area, s] for s, c in COLUMN.items() if c == column and (area, s) in number])
        for parts in filter(None, groups):
            row = np.zeros(len(number))
            row[number[area, subgroup]], row[parts] = -1, 1
            rows.append(row)
    return np.array(rows).reshape(-1, len(number))


def solved_by_attacker(cells: pd.DataFrame, decisions: pd.DataFrame, areas: pd.DataFrame) -> list[tuple[str, str]]:
    """Withheld cells that linear algebra over all sums determines: those at 0 in the whole null space."""
    joined = cells.merge(decisions[["area_id", "subgroup", "suppressed"]], on=["area_id", "subgroup"])
    hidden = (joined["suppressed"] & (joined["n_households"] > 0)).to_numpy()
    matrix = relations(joined, areas)[:, hidden]
    if not hidden.any():
        return []
    _, values, right = (
        np.linalg.svd(matrix, full_matrices=True) if len(matrix) else (0, np.array([]), np.eye(hidden.sum()))
    )
    null = right[(values > 1e-9).sum() :]
    fixed = (np.abs(null) < 1e-9).all(axis=0)
    return list(zip(joined.loc[hidden, "area_id"][fixed], joined.loc[hidden, "subgroup"][fixed], strict=True))


@st.composite
def hierarchies(draw):
    """Areas of three levels below the country with households by commune, urban or rural, and head's sex."""
    codes, rows = [], []
    for province in range(draw(st.integers(1, 3))):
        for district in range(draw(st.integers(1, 3))):
            for commune in range(draw(st.integers(1, 4))):
                code = f"{province:02d}{district:02d}{commune:02d}"
                codes += [code[:2], code[:4], code]
                for urban in ("is_urban=true", "is_urban=false"):
                    for sex in ("head_sex=female", "head_sex=male"):
                        n = draw(st.one_of(st.just(0), st.integers(0, 40), st.integers(20, 300)))
                        rows.append((code, urban, sex, n))
    areas = pd.DataFrame({"area_id": sorted(set(codes))})
    areas["area_level"] = areas["area_id"].str.len().map({2: "province", 4: "district", 6: "commune"})
    areas["parent_id"] = [code[:-2] or "KH" for code in areas["area_id"]]
    base = pd.DataFrame(rows, columns=["commune", "urban", "sex", "n_households"])
    cells = []
    for length in (0, 2, 4, 6):
        area = base["commune"].str[:length].replace("", "KH")
        for subgroup in (pd.Series("all", index=base.index), base["urban"], base["sex"]):
            cells.append(base.groupby([area.rename("area_id"), subgroup.rename("subgroup")])["n_households"].sum())
    return pd.concat(cells).reset_index(), areas


@settings(max_examples=60, deadline=None)
@given(hierarchies(), st.sampled_from([5, 25]))
@pytest.mark.slow
def test_an_attacker_with_linear_algebra_finds_no_withheld_cell(case, minimum):
    cells, areas = case
    decisions = decide(cells, Hierarchy.of(areas, root="KH"), minimum=minimum)
    small = cells.merge(decisions, on=["area_id", "subgroup"])
    assert (small.loc[small["n_households_x"] < minimum, "suppressed"]).all()
    assert solved_by_attacker(cells, decisions, areas) == []


def test_the_attacker_wins_where_only_small_cells_are_withheld():
    cells = make_cells({"010101": 10, "010102": 60, "010201": 200, "020101": 300})
    naive = cells.assign(suppressed=cells["n_households"] < 25)
    assert solved_by_attacker(cells, naive, AREAS) == [("010101", "all")]


def test_a_cell_that_only_several_sums_together_give_away_is_protected():
    # two by two subgroups in two provinces leave cells that no single sum fixes, but their combination does
    rng = np.random.default_rng(0)
    codes = [f"{p:02d}" for p in range(1, 7)]
    areas = pd.DataFrame({"area_id": codes, "area_level": "province", "parent_id": "KH"})
    for _ in range(30):
        table = rng.integers(15, 60, (6, 2))
        rows = [
            (c, s, n) for c, line in zip(codes, table, strict=True) for s, n in zip(list(COLUMN)[:2], line, strict=True)
        ]
        rows += [(c, "all", n) for c, n in zip(codes, table.sum(axis=1), strict=True)]
        rows += [("KH", s, n) for s, n in zip(list(COLUMN)[:2], table.sum(axis=0), strict=True)] + [
            ("KH", "all", table.sum())
        ]
        cells = pd.DataFrame(rows, columns=["area_id", "subgroup", "n_households"])
        assert solved_by_attacker(cells, decide(cells, Hierarchy.of(areas, root="KH")), areas) == []
