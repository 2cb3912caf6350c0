"""Tables of changes between editions of areas: what is refused, and what codes become from one edition to another."""

import math

import pytest

from poverty_assets.errors import SpecificationError
from poverty_assets.pack.editions import AreaEdition, Editions, read_changes

SPLIT = "old,new,weight,people\nA,A,,300\nA,B,,100\nC,D,,\nE,G,,50\nF,G,,150\n"
LATER = "old,new,weight\nB,B1,0.25\nB,B2,0.75\nG,H,\n"


@pytest.fixture
def editions(tmp_path):
    (tmp_path / "2.csv").write_text(SPLIT)
    (tmp_path / "3.csv").write_text(LATER)
    stated = [{"edition": "1"}, {"edition": "2", "changes": "2.csv"}, {"edition": "3", "changes": "3.csv"}]
    return Editions([AreaEdition.model_validate(one) for one in stated], tmp_path)


def test_a_split_a_merger_and_a_new_code_are_rows_of_one_table(editions):
    assert editions.between("1", "2") == {
        "A": (("A", 0.75), ("B", 0.25)), "C": (("D", 1.0),), "E": (("G", 1.0),), "F": (("G", 1.0),)
    }  # fmt: skip


def test_the_way_back_is_by_people(editions):
    assert editions.between("2", "1") == {
        "A": (("A", 1.0),), "B": (("A", 1.0),), "D": (("C", 1.0),), "G": (("E", 0.25), ("F", 0.75))
    }  # fmt: skip


def test_several_tables_follow_one_another(editions):
    found = editions.between("1", "3")
    assert found["A"] == (("A", 0.75), ("B1", 0.0625), ("B2", 0.1875))
    assert found["E"] == found["F"] == (("H", 1.0),)
    assert all(math.isclose(sum(share for _, share in parts), 1) for parts in found.values())
    assert editions.between("3", "3") == {}


def test_codes_of_any_other_edition_find_the_one_in_use(editions):
    found = editions.into("2")
    assert (found["C"], found["H"], found["B1"]) == ((("D", 1.0),), (("G", 1.0),), (("B", 1.0),))


def test_a_merger_without_people_has_no_way_back(tmp_path):
    (tmp_path / "2.csv").write_text("old,new\nE,G\nF,G\n")
    made = Editions([AreaEdition(edition="1"), AreaEdition(edition="2", changes="2.csv")], tmp_path)
    assert made.between("1", "2")["E"] == (("G", 1.0),)
    with pytest.raises(SpecificationError, match=r"2\.csv: G is made of 2 areas of the other edition"):
        made.between("2", "1")
    with pytest.raises(SpecificationError, match="there is no edition '3'"):
        made.between("3", "1")


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("old,new,weight\nA,B,0.5\nA,C,0.4\n", "line 2: weights of A sum to 0.9, not 1"),
        ("old,new,weight\nC,D,\nA,B,0.5\n", "line 3: weights of A sum to 0.5, not 1"),
        ("old,new,weight\nA,B,0.5\nA,C,\n", "line 2: A was divided, and not every piece has a weight"),
        ("old,new,people\nA,B,0\nA,C,0\n", "line 2: nobody lives in the pieces of A"),
        ("old,new\nA,B\nA,B\n", "line 3: A to B is there twice"),
        ("old,new,weight\nA,,1\n", "line 2: column new is empty"),
        ("old,new,weight\nA,B,half\n", "line 2: weight is 'half'"),
        ("old,new,people\nA,B,-1\n", "line 2: people is '-1'"),
        ("before,new\nA,B\n", "line 1: column 'old' is missing"),
    ],
)
def test_a_table_of_changes_is_refused_with_its_line(tmp_path, table, problem):
    (tmp_path / "c.csv").write_text(table)
    with pytest.raises(SpecificationError, match=f"c.csv, {problem}"):
        read_changes(tmp_path / "c.csv")


def test_weights_of_three_decimals_sum_to_one_exactly(tmp_path):
    (tmp_path / "c.csv").write_text("old,new,weight\nA,B,0.333\nA,C,0.333\nA,D,0.333\n")
    assert sum(share for _, share in read_changes(tmp_path / "c.csv").forward()["A"]) == 1
