"""Which area lies in which: levels, ancestors, sums and inheritance, from codes that tell it and codes that do not."""

import doctest
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poverty_assets.errors import ContractViolation, SpecificationError
from poverty_assets.geography import hierarchy
from poverty_assets.geography.hierarchy import COLUMNS, Hierarchy
from poverty_assets_tests.worlds import FREE, PREFIXED, WORLDS


def table(*rows):
    return pd.DataFrame(rows, columns=list(COLUMNS))


@st.composite
def hierarchies(draw):
    """Any tree of one to four levels below the country, with codes that tell nothing, rows in any order."""
    rows, above = [("root", "0", None)], ["root"]
    for depth in range(draw(st.integers(1, 4))):
        holders = [*above, *draw(st.lists(st.sampled_from(above), max_size=6))]
        codes = draw(st.permutations([f"{depth}~{i}" for i in range(len(holders))]))
        rows += [(code, str(depth + 1), holder) for code, holder in zip(codes, holders, strict=True)]
        above = codes
    return Hierarchy.of(table(*draw(st.permutations(rows))))


def test_examples_of_the_docstrings():
    assert doctest.testmod(hierarchy).failed == 0


@pytest.mark.parametrize("world", WORLDS)
def test_order_of_rows_does_not_matter(world):
    shuffled = Hierarchy.of(world.areas.sample(frac=1, random_state=3))
    for name in ("ids", "level", "parent"):
        assert getattr(shuffled, name).tolist() == getattr(world.hierarchy, name).tolist()
    assert shuffled.levels == world.hierarchy.levels


def test_levels_have_roles():
    prefixed, free = PREFIXED.hierarchy, FREE.hierarchy
    assert (prefixed.published, prefixed.between, prefixed.finest) == ("region", ("county",), "parish")
    assert (free.published, free.between, free.finest) == ("облус", (), "район")
    assert (prefixed.root, free.root) == ("PX", "KG")
    assert free.codes("район") == ["7", "KG-Б/10", "KG-Б/7", "KG-Ч/1", "საქ-2"]
    with pytest.raises(SpecificationError, match="no area is of level 'parish'"):
        free.members("parish")


@pytest.mark.parametrize("world", WORLDS)
def test_ancestors_are_the_table_s_own(world):
    areas, of = world.hierarchy, world.areas.set_index("area_id")
    for code in of.index:
        line = areas.line(code)
        assert line[0] == code
        assert line[-1] == world.root
        assert all(of.loc[a, "parent_id"] == b for a, b in itertools.pairwise(line))
        for level in areas.levels:
            found = areas.ancestor(areas.number([code]), level)[0]
            expected = [one for one in line if of.loc[one, "area_level"] == level]
            assert ([] if found < 0 else [areas.ids[found]]) == expected


def test_codes_that_are_not_there_are_nowhere():
    areas = FREE.hierarchy
    assert areas.number(["KG-Б/8", None, "7"]).tolist()[:2] == [-1, -1]
    assert areas.ancestor(np.array([-1]), "облус").tolist() == [-1]
    assert areas.line("KG-Б/8") == []
    assert areas.add_up(np.array([-1]), np.array([5.0])).sum() == 0


@pytest.mark.slow
@given(hierarchies(), st.integers(0, 2**32 - 1))
def test_parts_sum_to_their_whole(areas, seed):
    parts = areas.members(areas.finest)
    values = np.random.default_rng(seed).integers(-50, 50, len(parts)).astype(float)
    total = areas.add_up(parts, values)
    for whole in np.flatnonzero(areas.level < len(areas.levels) - 1):
        assert total[whole] == total[areas.parent == whole].sum()
    assert total[0] == values.sum()
    number, matrix = areas.wholes(parts)
    assert number.tolist() == list(range(len(areas)))  # every area holds a finest one, by construction
    assert (matrix @ values).tolist() == total[number].tolist()


@given(hierarchies(), st.integers(0, 2**32 - 1))
def test_means_of_parts_are_sums_over_sums(areas, seed):
    rng = np.random.default_rng(seed)
    parts = areas.members(areas.finest)[rng.random(areas.level.tolist().count(len(areas.levels) - 1)) < 0.7]
    weight, values = rng.uniform(1, 9, len(parts)), rng.normal(size=len(parts))
    number, matrix = areas.rollup(parts, weight)
    assert set(number) == {areas.number([code])[0] for part in parts for code in areas.line(areas.ids[part])}
    sums = areas.add_up(parts, weight * values)[number] / areas.add_up(parts, weight)[number]
    assert matrix @ values == pytest.approx(sums, abs=1e-12)
    assert matrix.sum(axis=1) == pytest.approx(np.ones(len(number)))


@given(hierarchies(), st.integers(0, 2**32 - 1))
def test_inheritance_comes_from_the_nearest_above_and_only_once(areas, seed):
    rng = np.random.default_rng(seed)
    values = np.where(rng.random(len(areas)) < 0.6, np.nan, rng.normal(size=len(areas)))
    filled = areas.inherit(values)
    for code, own in zip(areas.ids, filled, strict=True):
        line = values[areas.number(areas.line(code))]
        known = line[np.isfinite(line)]
        assert own == known[0] if len(known) else np.isnan(own)
    assert np.array_equal(areas.inherit(filled), filled, equal_nan=True)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("X", "c", None), ("a", "p", "X"), ("b", "p", "Y")], "1 areas lie in one that is not there; the first is 'b' in 'Y'"),
        ([("X", "c", None), ("a", "p", "b"), ("b", "q", "a")], "area a lies within itself: a in b in a"),
        ([("X", "c", None), ("a", "p", None)], "2 areas lie in no other, X, a"),
        ([("X", "c", None), ("a", "p", "X"), ("a", "p", "X")], "1 areas are there twice; the first is 'a'"),
        ([("X", "c", None), (None, "p", "X")], "1 areas have no area_id"),
        ([("X", "c", None), ("a", None, "X")], "1 areas have no area_level"),
        ([("X", "c", None), ("a", "p", "X"), ("b", "p", "a")], "1 areas lie in one of the same or a smaller level"),
        (
            [("X", "c", None), ("a", "p", "X"), ("b", "q", "a"), ("city", "q", "X")],
            "1 areas lie in no p; the first is q city",
        ),
        ([], "there is no area"),
    ],
)  # fmt: skip
def test_what_is_no_hierarchy_is_refused_in_words(rows, words):
    with pytest.raises(ContractViolation, match=words):
        Hierarchy.of(table(*rows))


def test_the_country_may_be_left_out_and_may_not_lie_in_another():
    below = PREFIXED.areas[1:]
    assert Hierarchy.of(below, root="PX").ids.tolist() == PREFIXED.hierarchy.ids.tolist()
    held = table(("XX", "union", None), ("KH", "country", "XX"), ("01", "province", "KH"))
    with pytest.raises(ContractViolation, match="KH, which holds all areas, lies in XX"):
        Hierarchy.of(held, root="KH")
    with pytest.raises(ContractViolation, match="2 areas lie in no other, XX, PX"):
        Hierarchy.of(PREFIXED.areas, root="XX")


def test_a_level_may_be_left_out_below_the_published_one():
    rows = [("X", "c", None), ("a", "p", "X"), ("d", "q", "a"), ("v", "r", "d"), ("city", "r", "a")]
    areas = Hierarchy.of(table(*rows))
    assert areas.levels == ("c", "p", "q", "r")
    assert areas.ancestor(areas.number(["city", "v"]), "q").tolist() == [-1, areas.number(["d"])[0]]
    assert areas.line("city") == ["city", "a", "X"]
