import pandas as pd
import pytest
import shapely

from poverty_assets.errors import ContractViolation
from poverty_assets.geography.areas import build_areas
from poverty_assets.geography.counts import add_counts
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.pack.country import load_country

COUNTRY = load_country("khm")
LEVELS = COUNTRY.levels.ids


def make_areas(codes=("010101", "010102", "010201", "020101")):
    boxes = [shapely.box(104 + 0.1 * i, 12, 104.1 + 0.1 * i, 12.1) for i in range(len(codes))]
    polygons = pd.DataFrame(
        {"area_code": codes, "geometry": shapely.to_wkb(boxes), "name_en": [f"C{c}" for c in codes]}
    )
    names = pd.DataFrame({"area_code": ["01", "0101"], "name_en": ["North", "Upper"], "name_km": ["ក", None]})
    return build_areas(polygons, names, COUNTRY)


def test_communes_make_districts_provinces_and_the_country():
    areas = make_areas()
    assert areas["area_level"].value_counts().to_dict() == {"commune": 4, "district": 3, "province": 2, "country": 1}
    size = areas.groupby("area_level")["area_km2"].sum()
    assert size["country"] == pytest.approx(size["commune"], rel=1e-9)
    assert areas.set_index("area_id").loc["010201", "parent_id"] == "0102"


def test_names_come_from_the_sources_and_else_the_code_stands():
    names = make_areas().set_index("area_id")["name_en"]
    assert (names["KH"], names["01"], names["0101"], names["0201"]) == ("Cambodia", "North", "Upper", "0201")


def test_counts_climb_to_every_area_above_also_from_units_without_a_boundary():
    areas = make_areas()
    crosswalk = pd.DataFrame(
        {
            "source_id": "s",
            "source_code": ["010101", "010199"],
            "area_id": ["010101", None],
            "parent_id": ["0101", "0101"],
            "weight": 1.0,
        }
    )
    frame = pd.DataFrame({"area_code": ["010101", "010199"], "n": [10, 5]})
    counted = add_counts(areas, crosswalk, [("s", {"households": "n"}, frame, [])]).set_index("area_id")
    assert counted.loc[["010101", "0101", "01", "KH"], "households"].tolist() == [10, 15, 15, 15]
    assert counted.loc["010102", "households"] is pd.NA


def counted_of(people: dict[str, int], said: list[str] | None = None, **more: dict[str, int]) -> pd.DataFrame:
    """Areas with the numbers of one source after another, each by codes of areas of any level."""
    tables = {"s": people, **more}
    own = [(source, code, code, "KH", 1.0) for source, numbers in tables.items() for code in numbers]
    crosswalk = pd.DataFrame(own, columns=["source_id", "source_code", "area_id", "parent_id", "weight"])
    frames = [
        (s, {"population": "n"}, pd.DataFrame({"area_code": [*n], "n": [*n.values()]}), []) for s, n in tables.items()
    ]
    return add_counts(make_areas(), crosswalk, frames, said).set_index("area_id")


def test_a_sum_says_how_many_parts_it_leaves_out():
    counted = counted_of({"010101": 10, "020101": 7})
    assert counted.loc[["KH", "01", "0102", "02", "010102"], "population_parts_unknown"].tolist() == [2, 2, 1, 0, 1]
    assert counted.loc["KH", "population"] == 17


def test_an_only_child_has_the_number_of_the_larger_area():
    said: list[str] = []
    counted = counted_of({"010101": 10, "010102": 20, "010201": 5}, said, later={"02": 500})
    assert counted.loc[["020101", "0201", "02", "KH"], "population"].tolist() == [500, 500, 500, 535]
    assert not counted["population_parts_unknown"].any()
    assert said == ["population: 1 areas are alone in a larger area and have its number: 020101 C020101 500"]


def test_a_larger_area_s_own_number_stands_where_parts_of_it_have_none():
    said: list[str] = []
    counted = counted_of({"010101": 10, "020101": 7, "01": 100}, said)
    assert counted.loc[["010102", "0101", "01", "KH"], "population"].tolist() == [pd.NA, 10, 100, 107]
    assert counted.loc[["0101", "01", "KH"], "population_parts_unknown"].tolist() == [1, 0, 0]
    assert (
        "1 areas have a number of their own, which stands since parts of them have none: 01 North 100 (parts 10)"
        in said[0]
    )


@pytest.mark.parametrize(
    ("people", "why"),
    [
        (
            {"010101": 10, "010102": 20, "010201": 30, "020101": 7, "01": 50},
            "and the sum stands: 01 North 50 (parts 60)",
        ),
        ({"010101": 60, "020101": 7, "01": 50}, "less than that of some of their parts, and is not used: 01 North 50"),
    ],
)
def test_a_larger_area_s_own_number_that_its_parts_contradict_is_said_and_not_used(people, why):
    said: list[str] = []
    assert counted_of(people, said).loc["01", "population"] == 60
    assert why in said[0]


def test_the_pack_s_rule_tells_where_a_code_lies_and_the_table_of_areas_keeps_it():
    assert [COUNTRY.code_at("010203", level) for level in LEVELS] == ["KH", "01", "0102", "010203"]
    hierarchy = Hierarchy.of(make_areas())
    assert hierarchy.levels == LEVELS
    assert hierarchy.line("010201") == ["010201", "0102", "01", "KH"]


def test_a_commune_with_two_polygons_is_refused():
    with pytest.raises(ContractViolation, match="010101 has two polygons"):
        make_areas(("010101", "010101"))
