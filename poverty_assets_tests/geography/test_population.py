"""A grid of people laid on a census: areas add up to it, ratios are the grid's, and what is not known stays unknown."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from poverty_assets.errors import InputError
from poverty_assets.geography.counts import MIXED, SOURCE
from poverty_assets.geography.population import (
    GridOfPeople,
    benchmarked,
    noted_sizes,
    population_rows,
    said_of_points,
    whole_numbers,
    with_grid,
)
from poverty_assets.pack.census import Census, census_seen
from poverty_assets_tests.worlds import DEEP, FREE, PREFIXED, WORLDS

MID_2022, CENSUS_DAY = dt.date(2022, 7, 1), dt.date(2019, 3, 3)


def census(total, **areas):
    return Census.model_validate({"day": CENSUS_DAY, "total": total, "areas": areas, "source": "the office"})


def grid(now, then=None, ages=None, year_then=2019):
    now = np.asarray(now, float)
    return GridOfPeople("cells", MID_2022, now, now if then is None else np.asarray(then, float), year_then, ages or {})


def counted(world, **changes):
    """Areas as tables count them."""
    return world.dim_area.assign(**{SOURCE: "table", MIXED: False, "population_parts_unknown": 0} | changes)


def people(rows, age_group="all"):
    return rows[rows["age_group"] == age_group].set_index("area_id")["population"].astype(object)


many = st.floats(0, 1e6, allow_nan=False)


@pytest.mark.parametrize("world", WORLDS)
@given(data=st.data(), total=st.integers(1, 10**9))
def test_in_the_census_year_areas_add_up_to_the_census(world, data, total):
    n = len(world.finest)
    now = data.draw(st.lists(many, min_size=n, max_size=n).filter(lambda values: sum(values) > 1))
    rows = benchmarked(world.hierarchy, grid(now), census(total))
    assert rows["population"].sum() == total
    of_grid = np.array(now)
    expected = total * of_grid / of_grid.sum()
    assert np.abs(rows["population"].to_numpy(float) - expected).max() < 1 + 1e-6 * total


@pytest.mark.slow
@given(
    now=st.lists(st.floats(1, 1e5), min_size=5, max_size=5),
    then=st.lists(st.floats(1, 1e5), min_size=5, max_size=5),
    total=st.integers(1000, 10**8),
)
def test_growth_since_the_census_is_the_grids_own(now, then, total):
    rows = benchmarked(DEEP.hierarchy, grid(now, then), census(total))
    assert rows["population"].sum() == round(total * sum(now) / sum(then))
    ratio = rows["population"].to_numpy(float) / np.array(now)
    assert np.abs(ratio - total / sum(then)).max() <= 1 / min(now) + 1e-9 * ratio.max()


def test_totals_of_areas_hold_in_each_and_the_others_share_the_rest():
    held = census(1000, B=600)
    rows = benchmarked(DEEP.hierarchy, grid([1, 1, 1, 3, 1]), held).set_index("area_id")
    inside = [code for code in DEEP.finest if "B" in DEEP.hierarchy.line(code)]
    assert rows.loc[inside, "population"].sum() == 600
    assert rows["population"].sum() == 1000
    made = population_rows(with_grid(counted(DEEP), rows.reset_index()), rows.reset_index(), {})
    totals = made.set_index("area_id")["benchmark_total"]
    assert (totals["B"], totals["C"], totals[DEEP.root]) == (600, 400, 1000)


def test_a_census_of_an_area_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="1 areas that are not there, the first X"):
        benchmarked(FREE.hierarchy, grid(np.ones(len(FREE.finest))), census(100, X=10))


@given(st.lists(st.tuples(st.floats(0, 1e7), st.integers(0, 3)), min_size=1, max_size=40))
def test_whole_numbers_keep_the_sum_of_each_group(drawn):
    values, group = np.array([v for v, _ in drawn]), np.array([g for _, g in drawn])
    whole = whole_numbers(values, group)
    assert (whole == np.rint(whole)).all()
    assert np.abs(whole - values).max() <= 1
    for one in set(group):
        assert whole[group == one].sum() == np.rint(values[group == one].sum())


def test_an_area_of_nobody_has_zero_people_and_an_unknown_one_none():
    now = np.arange(float(len(PREFIXED.finest)))
    now[1] = np.nan
    made = with_grid(counted(PREFIXED), benchmarked(PREFIXED.hierarchy, grid(now), census(5000)))
    of = made.set_index("area_id")
    nobody, unknown = PREFIXED.finest[:2]
    assert of.loc[nobody, "population"] == 0
    assert pd.isna(of.loc[unknown, "population"])
    assert of.loc[PREFIXED.root, "population_parts_unknown"] == of.loc[unknown, "population_parts_unknown"] == 1
    assert of.loc[PREFIXED.root, "population"] == 5000
    rows = population_rows(made, benchmarked(PREFIXED.hierarchy, grid(now), census(5000)), {}).set_index("area_id")
    assert (rows.loc[unknown, "method"], rows.loc[unknown, "quality_flag"]) == ("unknown", "population_unknown")
    assert rows.loc[nobody, "method"] == "grid_benchmarked"


@pytest.mark.parametrize("world", WORLDS)
def test_every_area_is_the_sum_of_its_parts_at_every_age(world):
    n = len(world.finest)
    now = 100.0 * np.arange(1, n + 1)
    of_grid = benchmarked(world.hierarchy, grid(now, ages={"child": 0.3 * now, "adult": 0.7 * now}), census(7777))
    rows = population_rows(with_grid(counted(world), of_grid), of_grid, {})
    assert not rows.duplicated(["area_id", "age_group"]).any()
    for name in ("all", "child", "adult"):
        of = people(rows, name)
        for code in world.areas["area_id"]:
            inside = [one for one in world.finest if code in world.hierarchy.line(one)]
            assert of[code] == sum(of[one] for one in inside)
    assert (people(rows, "child") <= people(rows)).all()


def test_without_a_grid_counts_stand_with_their_day_and_source():
    nothing = benchmarked(FREE.hierarchy, grid(np.ones(len(FREE.finest))), census(10)).iloc[:0]
    areas = counted(FREE)
    assert with_grid(areas, nothing) is areas
    rows = population_rows(areas, nothing, {"table": CENSUS_DAY})
    assert set(rows["method"]) == {"counted"}
    assert set(rows["observed_on"]) == {CENSUS_DAY}
    assert people(rows).to_dict() == areas.set_index("area_id")["population"].to_dict()


def test_people_of_towns_are_known_only_where_every_part_says_what_it_is():
    first, second = PREFIXED.finest[:2]
    status = [{first: True, second: False}.get(code, False) for code in PREFIXED.areas["area_id"]]
    nothing = pd.DataFrame(columns=["age_group"])
    rows = population_rows(counted(PREFIXED, is_urban=status), nothing, {}).set_index("area_id")
    assert rows.loc[PREFIXED.root, "population_urban"] == rows.loc[first, "population_urban"] == 1000
    assert rows.loc[second, "population_urban"] == 0
    status[list(PREFIXED.areas["area_id"]).index(second)] = None
    rows = population_rows(counted(PREFIXED, is_urban=status), nothing, {}).set_index("area_id")
    assert pd.isna(rows.loc[PREFIXED.root, "population_urban"])


def test_strange_households_are_flagged_and_said():
    households = FREE.dim_area["households"].tolist()
    place = FREE.areas["area_id"].tolist().index(FREE.finest[0])
    households[place] = 100  # 1,000 people
    areas = counted(FREE, households=households)
    rows = population_rows(areas, pd.DataFrame(columns=["age_group"]), {})
    flagged = rows.set_index("area_id")["quality_flag"]
    assert flagged[FREE.finest[0]] == "household_size"
    level = FREE.nested[-1][1]
    (said,) = noted_sizes(rows, areas, level)["persons per household"].values()
    assert said.startswith(f"1 of {len(FREE.finest)} areas have fewer than 2 or more than 8 persons per household:")
    assert f"{FREE.finest[0]} " in said
    assert " 10.00" in said


def test_a_quarter_sees_the_latest_census_that_had_been_held():
    earlier = Census.model_validate({"day": "2008-03-03", "total": 1, "source": "s"})
    later = Census.model_validate({"day": "2019-03-03", "total": 2, "source": "s"})
    assert census_seen([later, earlier], dt.date(2018, 12, 31)) is earlier
    assert census_seen([earlier, later], dt.date(2019, 3, 31)) is later
    assert census_seen([later], dt.date(2018, 12, 31)) is None


def test_the_population_of_larger_areas_is_held_against_persons_at_points():
    shapes = [shapely.to_wkb(shapely.box(x, 0, x + 1, 1)) for x in range(3)]
    areas = pd.DataFrame(
        {"area_id": ["1", "2", "3"], "area_level": "region", "name_en": ["A", "B", "C"], "geometry": shapes}
    )
    rows = pd.DataFrame(
        {"area_id": ["1", "2", "3"], "age_group": "all", "population": pd.array([100, 150, None], dtype="Int64")}
    )
    points = np.array(
        [[0.5, 0.5, 60], [0.6, 0.5, 50], [1.5, 0.5, 100], [1.6, 0.5, np.nan], [2.5, 0.5, 10], [9, 9, 1000]]
    )
    assert said_of_points(rows, areas, "region", points) == (
        "250 persons where there are 210 by points, in 2 areas; in 1 one is more than 1.25 times the other: 2 B 1.50"
    )
