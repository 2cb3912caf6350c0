import pandas as pd
import pytest

from poverty_assets.errors import ContractViolation
from poverty_assets.geography.crosswalk import CodeChanges, map_codes
from poverty_assets.pack.country import load_country
from poverty_assets.pack.keys import letters_of

COUNTRY = load_country("khm")
CHANGES = CodeChanges(COUNTRY.editions.into("2014"))
AREAS = pd.DataFrame(
    [("KH", "country", None, "Cambodia"), ("12", "province", "KH", "P"), ("1201", "district", "12", "D"),
     ("25", "province", "KH", "T"), ("2501", "district", "25", "E"), ("120101", "commune", "1201", "Tonle"),
     ("120102", "commune", "1201", "Boeng Kak"), ("250101", "commune", "2501", "Dambae")],
    columns=["area_id", "area_level", "parent_id", "name_en"],
)  # fmt: skip


def mapped(code, name):
    frame = pd.DataFrame({"area_code": [code], "name_en": [name]})
    row = map_codes("s", frame, AREAS, COUNTRY, {"129999"}, "file.csv", CHANGES).iloc[0]
    return row["how"], row["area_id"], row["parent_id"]


@pytest.mark.parametrize(
    ("code", "name", "expected"),
    [
        ("120101", "another name", ("same_code", "120101", "1201")),
        ("030401", "DAMBAE ", ("renumbered", "250101", "2501")),
        ("121301", "boeng-kak", ("same_name", "120102", "1201")),
        ("129999", "Nowhere", ("known_without_boundary", None, "12")),
        ("120177", "Nowhere", ("known_without_boundary", None, "1201")),
    ],
)
def test_each_rule_places_a_code(code, name, expected):
    how, area, parent = mapped(code, name)
    assert (how, area if isinstance(area, str) else None, parent) == expected


def test_an_unknown_code_is_refused_with_its_record():
    with pytest.raises(ContractViolation, match=r"file.csv, record 1: 1 of 1 area codes are unknown; first '991234'"):
        mapped("991234", "Nowhere")


def test_names_compare_without_case_accents_spaces_and_punctuation():
    assert letters_of("Tœ̆k L’ák") == letters_of("tœ̆k l ak")
    assert letters_of(None) == ""
