"""The files of a MICS: made-up households of known deprivations, in the codes of the questionnaires."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from poverty_assets.errors import ContractViolation, SpecificationError
from poverty_assets.measure.measure import load_measure
from poverty_assets.sources.surveys import read_households, read_wave, read_wave_description
from poverty_assets.sources.surveys.mics import read_mics
from poverty_assets.sources.surveys.recode import read_recode
from poverty_assets_tests.measurement.factories import MEASURES
from poverty_assets_tests.sources.surveys.as_mics import SURVEY
from poverty_assets_tests.sources.surveys.families import INDICATORS, INTERVIEW_MONTH, NAN

REGIONS = 'columns: {area_id: {column: HH7, codes: {1: "03", 2: "12"}}}\n'
WELL_OFF: dict[str, float] = {
    "HH1": 1, "HH2": 1, "HH46": 1, "HH5D": 3, "HH5M": 10, "HH5Y": 2021, "HH6": 2, "HH7": 1, "HHSEX": 1, "hhweight": 1.25, "PSU": 1,
    "stratum": 4, "EU1": 3, "EU4": NAN, "WS1": 11, "WS3": NAN, "WS4": NAN, "WS11": 12, "WS15": 2, "HC4": 34, "HC5": 31, "HC6": 33,
    "HC7A": 2, "HC7B": 2, "HC8": 1, "HC9A": 1, "HC9B": 2, "HC10B": 1, "HC10C": 1, "HC10D": 2, "HC10E": 2, "HC11": 2, "HC12": 1,
}  # fmt: skip
ADULT: dict[str, float] = {"HL4": 1, "HL6": 40, "ED4": 1, "ED5A": 2, "ED5B": 3, "ED6": 1, "ED9": NAN}
MOTHER = ADULT | {"HL4": 2, "HL6": 30}
PUPIL = ADULT | {"HL6": 10, "ED5A": 1, "ED5B": 3, "ED9": 1}
TODDLER = ADULT | {"HL6": 2, "ED4": NAN, "ED5A": NAN, "ED5B": NAN, "ED6": NAN}
KEY = {"HH1": 1, "HH2": 1}
WOMAN = {**KEY, "LN": 2, "CM1": 1, "CM8": 2, "CM9": NAN, "CM10": NAN}
CHILD = {**KEY, "LN": 4, "HAZ2": -1.5, "HAZFLAG": 0, "WAZ2": -1.0, "WAZFLAG": 0}
BIRTH = {**KEY, "LN": 2, "WDOI": INTERVIEW_MONTH, "BH4C": INTERVIEW_MONTH - 24, "BH5": 1, "BH9C": NAN}


def write(
    folder: Path,
    household: dict[str, Any] | None = None,
    family: list[dict[str, float]] | None = None,
    woman: dict[str, float] | None = None,
    child: dict[str, float] | None = None,
    births: list[dict[str, float]] | None = None,
) -> Path:
    people = family or [ADULT, MOTHER, PUPIL, TODDLER]
    files = {"hh": [WELL_OFF | (household or {})], "hl": [KEY | {"HL1": i} | p for i, p in enumerate(people, start=1)],
             "wm": [WOMAN | (woman or {})], "ch": [CHILD | (child or {})]}  # fmt: skip
    survey = SURVEY + REGIONS
    if births is None:
        survey = survey.replace(", births: bh.sav", "")
    else:
        files["bh"] = [BIRTH | birth for birth in births]
    for name, rows in files.items():
        pyreadstat.write_sav(pd.DataFrame(rows).astype(float), str(folder / f"{name}.sav"))
    (folder / "survey.yaml").write_text(survey, encoding="utf-8")
    return folder


def deprived(row: pd.Series) -> list[str]:
    return [name for name in INDICATORS if row[name] == 1]


def unknown(row: pd.Series) -> list[str]:
    return [name for name in INDICATORS if np.isnan(row[name])]


def test_well_off_family_is_deprived_in_nothing(tmp_path: Path) -> None:
    row = read_wave(write(tmp_path)).iloc[0]
    assert row[INDICATORS].tolist() == [0] * 10
    design = ["psu", "stratum", "weight", "hh_size", "area_id", "is_urban", "head_sex", "n_children"]
    assert row[design].tolist() == ["1", "4", 1.25, 4, "03", False, "male", 2]
    assert str(row["interview_date"].date()) == "2021-10-03"


@pytest.mark.parametrize(
    ("household", "lacks"),
    [
        *(({"EU1": 5 + i, "EU4": NAN}, []) for i in range(-4, 1)),
        ({"EU1": 97}, []),
        *(({"EU1": 6, "EU4": fuel}, []) for fuel in (1, 2, 3)),
        *(({"EU1": 8, "EU4": fuel}, ["cooking_fuel"]) for fuel in (*range(4, 12), 96)),
        *(({"WS11": toilet}, []) for toilet in (11, 12, 13, 18, 21, 22, 31)),
        *(({"WS11": toilet}, ["sanitation"]) for toilet in (14, 23, 41, 51, 95, 96)),
        ({"WS15": 1}, ["sanitation"]),
        *(({"WS1": source, "WS3": 2}, []) for source in (11, 12, 13, 14, 21, 31, 41, 51, 61, 71, 72, 91, 92)),
        *(({"WS1": source, "WS3": 1}, ["drinking_water"]) for source in (32, 42, 81, 96)),
        ({"WS1": 21, "WS3": 3, "WS4": 29}, []),
        ({"WS1": 21, "WS3": 3, "WS4": 30}, ["drinking_water"]),
        ({"WS1": 21, "WS3": 3, "WS4": 0}, []),
        ({"WS1": 21, "WS3": 3, "WS4": 998}, []),
        ({"WS1": 21, "WS3": 3, "WS4": 999}, []),
        ({"WS1": 21, "WS3": 1, "WS4": 45}, []),
        ({"WS1": 11, "WS3": NAN, "WS4": 45}, []),
        ({"HC8": 2}, []),
        ({"HC8": 3}, ["electricity"]),
        *(({"HC4": floor}, ["housing"]) for floor in (11, 12, 96)),
        *(({"HC4": floor}, []) for floor in (21, 22, 31, 35)),
        *(({part: bad}, ["housing"]) for part in ("HC5", "HC6") for bad in (11, 12, 13, 21, 25, 29, 96)),
        *(({part: good}, []) for part in ("HC5", "HC6") for good in (30, 31, 36)),
        ({"HC9A": 2, "HC10B": 2, "HC10C": 2}, ["assets"]),
        ({"HC9A": 2, "HC10B": 2, "HC10C": 2, "HC10E": 1}, []),
        ({"HC9A": 2, "HC10B": 2, "HC10C": 2, "HC7A": 1}, ["assets"]),
        *(({"HC9A": 2, "HC10B": 2, "HC10C": 2, one: 1}, []) for one in ("HC7B", "HC9B", "HC10D", "HC11")),
        ({"HC10B": 2, "HC10C": 2, "HC12": 2, "HC7A": 1}, []),
    ],
)
def test_living_standards(tmp_path: Path, household: dict[str, float], lacks: list[str]) -> None:
    row = read_wave(write(tmp_path, household)).iloc[0]
    assert (deprived(row), unknown(row)) == (lacks, [])


@pytest.mark.parametrize(
    ("household", "says"),
    [({"EU1": 99}, "cooking_fuel"), ({"EU1": 8, "EU4": 98}, "cooking_fuel"), ({"EU1": 6}, "cooking_fuel"),
     ({"WS11": 99}, "sanitation"), ({"WS1": 99}, "drinking_water"), ({"HC8": 9}, "electricity"),
     ({"HC4": 99, "HC5": 99, "HC6": 99}, "housing"),
     (dict.fromkeys(["HC7A", "HC7B", "HC9A", "HC9B", "HC10B", "HC10C", "HC10D", "HC10E", "HC11", "HC12"], 9), "assets")],
)  # fmt: skip
def test_answer_not_given_is_not_known(tmp_path: Path, household: dict[str, float], says: str) -> None:
    row = read_wave(write(tmp_path, household)).iloc[0]
    assert (deprived(row), unknown(row)) == ([], [says])


@pytest.mark.parametrize(
    ("told", "is_deprived"),
    [
        ({"ED5A": 1, "ED5B": 6, "ED6": 1}, 0),
        ({"ED5A": 1, "ED5B": 6, "ED6": 2}, 1),
        ({"ED5A": 1, "ED5B": 6, "ED6": NAN}, 0),
        ({"ED5A": 1, "ED5B": 5, "ED6": 1}, 1),
        ({"ED5A": 2, "ED5B": 1, "ED6": 2}, 0),
        ({"ED5A": 3, "ED5B": 1, "ED6": 1}, 0),
        ({"ED5A": 4, "ED5B": 1, "ED6": 1}, 0),
        ({"ED5A": 0, "ED5B": NAN, "ED6": NAN}, 1),
        ({"ED4": 2, "ED5A": NAN, "ED5B": NAN, "ED6": NAN}, 1),
        ({"ED5A": 2, "ED5B": 98, "ED6": NAN}, 0),
        ({"ED5A": 1, "ED5B": 98, "ED6": NAN}, NAN),
        ({"ED5A": 8, "ED5B": 98, "ED6": NAN}, NAN),
        ({"ED4": 9, "ED5A": NAN, "ED5B": NAN, "ED6": NAN}, NAN),
        ({"HL6": 12, "ED5A": 3, "ED5B": 3}, NAN),  # twelve years of school at the age of twelve
        ({"HL6": 98, "ED5A": 1, "ED5B": 1}, 0),  # of unknown age: nobody is known to be old enough
    ],
)
def test_years_of_schooling(tmp_path: Path, told: dict[str, float], is_deprived: float) -> None:
    row = read_wave(write(tmp_path, family=[ADULT | told])).iloc[0]
    np.testing.assert_equal(row["years_schooling"], is_deprived)


@pytest.mark.parametrize(
    ("told", "is_deprived"),
    [({"ED9": 1}, 0), ({"ED9": 2}, 1), ({"ED4": 2, "ED9": NAN}, 1), ({"ED9": 9}, NAN), ({"ED9": NAN}, NAN),
     ({"ED9": 2, "HL6": 15}, 0), ({"ED9": 2, "HL6": 5}, 0)],
)  # fmt: skip
def test_school_attendance(tmp_path: Path, told: dict[str, float], is_deprived: float) -> None:
    row = read_wave(write(tmp_path, family=[ADULT, MOTHER, PUPIL | told])).iloc[0]
    np.testing.assert_equal(row["school_attendance"], is_deprived)


@pytest.mark.parametrize(
    ("child", "is_deprived"),
    [({"HAZ2": -2.01}, 1), ({"WAZ2": -2.01}, 1), ({"HAZ2": -2.0, "WAZ2": -2.0}, 0), ({"HAZ2": -7.0, "HAZFLAG": 1}, 0),
     ({"HAZ2": 99.99, "HAZFLAG": NAN}, 0), ({"HAZ2": 99.97, "WAZ2": 99.98}, NAN), ({"HAZ2": NAN, "WAZ2": NAN}, NAN)],
)  # fmt: skip
def test_nutrition(tmp_path: Path, child: dict[str, float], is_deprived: float) -> None:
    np.testing.assert_equal(read_wave(write(tmp_path, child=child)).iloc[0]["nutrition"], is_deprived)


@pytest.mark.parametrize(
    ("birth", "is_deprived"),
    [
        ({"BH5": 2, "BH9C": 1}, 1),
        ({"BH5": 2, "BH4C": INTERVIEW_MONTH - 100, "BH9C": 10}, 0),
        ({"BH5": 2, "BH4C": INTERVIEW_MONTH - 100, "BH9C": 40}, 1),
        ({"BH5": 2, "BH4C": INTERVIEW_MONTH - 240, "BH9C": 230}, 0),
        ({"BH5": 2, "BH9C": 9998}, NAN),
        ({"BH5": 2, "BH4C": NAN, "BH9C": 1}, NAN),
        ({}, 0),
    ],
)
def test_child_mortality_by_birth_history(tmp_path: Path, birth: dict[str, float], is_deprived: float) -> None:
    woman = {"CM8": 1, "CM9": 1, "CM10": 0} if birth else {}
    row = read_wave(write(tmp_path, woman=woman, births=[birth])).iloc[0]
    np.testing.assert_equal(row["child_mortality"], is_deprived)


@pytest.mark.parametrize(
    ("woman", "is_deprived"),
    [({"CM8": 2}, 0), ({"CM1": 2, "CM8": NAN}, 0), ({"CM8": 1, "CM9": 0, "CM10": 1}, 1), ({"CM1": NAN, "CM8": NAN}, NAN),
     ({"CM8": 1, "CM9": 98, "CM10": 0}, NAN), ({"CM8": 1, "CM9": 1, "CM10": 98}, NAN)],
)  # fmt: skip
def test_without_a_birth_history_any_death_counts(tmp_path: Path, woman: dict[str, float], is_deprived: float) -> None:
    row = read_wave(write(tmp_path, woman=woman)).iloc[0]
    np.testing.assert_equal(row["child_mortality"], is_deprived)


def test_women_and_children_who_are_not_listed_are_not_asked_after(tmp_path: Path) -> None:
    row = read_wave(write(tmp_path, woman={"LN": 9, "CM8": 1, "CM9": 2, "CM10": 0}, child={"LN": 9, "HAZ2": -4})).iloc[
        0
    ]
    assert (row["child_mortality"], row["nutrition"]) == (0, 0)


def test_a_household_that_was_not_interviewed_is_left_out(tmp_path: Path) -> None:
    folder = write(tmp_path)
    idle = dict.fromkeys(WELL_OFF, NAN) | {"HH1": 1, "HH2": 2, "HH46": 4, "HH7": 1}
    for weight in (0.0, NAN):
        pyreadstat.write_sav(
            pd.DataFrame([WELL_OFF, idle | {"hhweight": weight}]).astype(float), str(folder / "hh.sav")
        )
        found = read_households(folder)
        assert (len(found.frame), found.left_out) == (1, {"households of weight 0": 1})


@pytest.mark.parametrize(
    ("file", "drop", "says"),
    [
        ("hh", "WS11", "1 variables are missing from the file of households, the first ws11"),
        ("hl", "ED4", "1 variables are missing from the files of members, women and children, the first ed4"),
        ("wm", "CM8", "1 variables are missing from the files of members, women and children, the first cm8"),
        ("wm", "LN", "ln is missing from the file of women"),
        ("bh", "BH9C", "bh9c is missing from the file of births"),
    ],
)
def test_a_variable_that_is_missing_is_named_with_its_file(tmp_path: Path, file: str, drop: str, says: str) -> None:
    folder = write(tmp_path, births=[{}])
    path = str(folder / f"{file}.sav")
    pyreadstat.write_sav(pyreadstat.read_sav(path)[0].drop(columns=drop), path)
    with pytest.raises(ContractViolation) as caught:
        read_wave(folder)
    assert says in str(caught.value)


def test_lines_that_are_there_twice_and_files_that_are_not_named_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path)
    pyreadstat.write_sav(pd.DataFrame([WOMAN, WOMAN]).astype(float), str(folder / "wm.sav"))
    with pytest.raises(
        ContractViolation, match=r"wm\.sav, row 1, column ln: 2 rows have a line of a household that is there twice"
    ):
        read_wave(folder)
    (folder / "survey.yaml").write_text((SURVEY + REGIONS).replace("women: wm.sav, ", ""))
    with pytest.raises(SpecificationError, match="line 6: files does not name the women recode"):
        read_wave(folder)


def test_areas_have_to_be_said_and_known(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "survey.yaml").write_text(SURVEY.replace(", births: bh.sav", ""))
    with pytest.raises(SpecificationError, match="nothing says which area each value of hh7 is"):
        read_wave(folder)
    folder = write(tmp_path, {"HH7": 9})
    with pytest.raises(ContractViolation, match="1 rows whose area_id is none of the 2 codes listed; the first has 9"):
        read_wave(folder)
    (folder / "survey.yaml").write_text(SURVEY + "columns: {psu: HH1}\n")
    with pytest.raises(SpecificationError, match="psu is mapped, which adapter mics does itself"):
        read_wave(folder)


def test_a_pack_says_what_its_own_survey_does_otherwise(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    (pack / "surveys").mkdir(parents=True)
    (pack / "surveys" / "mics.yaml").write_text(
        'area_variable: hh7\nareas: {1: "21"}\noptional: [hc8]\n'
        "households: {owns_car: hc10f == 1, has_electricity: hc8 == 1}\nmembers: {years_before_level: 0}\n"
    )
    recode, shared = read_recode("mics", pack), read_recode("mics", None)
    assert list(recode.households) == list(shared.households)
    assert recode.households["owns_car"].rule.household_columns == {"hc10f"}
    assert recode.households["owns_radio"].rule.text == shared.households["owns_radio"].rule.text
    assert recode.optional == shared.optional | {"hc8"}
    folder = write(tmp_path, {"HC10F": 1, "HC9A": 2, "HC10B": 2, "HC10C": 2, "HC8": 2})
    (folder / "survey.yaml").write_text(SURVEY.replace(", births: bh.sav", ""))  # which names no area_id
    frame, _ = read_mics(read_wave_description(folder), load_measure(MEASURES / "global_mpi.yaml"), pack)
    assert frame["area_id"].tolist() == ["21"]
    assert (frame["assets"].iloc[0], frame["electricity"].iloc[0], frame["years_schooling"].iloc[0]) == (0, 1, 1)


@pytest.mark.parametrize("asset", ["HC7A", "HC7B", "HC9A", "HC9B", "HC10B", "HC10C", "HC10D", "HC10E", "HC11", "HC12"])
def test_one_asset_that_is_known_to_lack_is_enough_to_know(tmp_path: Path, asset: str) -> None:
    others = ["HC7A", "HC7B", "HC9A", "HC9B", "HC10B", "HC10C", "HC10D", "HC10E", "HC11", "HC12"]
    row = read_wave(write(tmp_path, dict.fromkeys(others, 9) | {asset: 2})).iloc[0]
    assert deprived(row) == ["assets"]


@pytest.mark.parametrize(("told", "expected"), [(1, 1), (2, 0), (9, 0)])
def test_a_shared_toilet_is_known_as_such_where_its_kind_is_not(tmp_path: Path, told: int, expected: int) -> None:
    row = read_wave(write(tmp_path, {"WS11": 99, "WS15": told})).iloc[0]
    assert (deprived(row), unknown(row)) == ((["sanitation"], []) if expected else ([], ["sanitation"]))
