"""The DHS recodes: made-up households of known deprivations, written in the layout of the Stata files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from poverty_assets.errors import ContractViolation, SpecificationError
from poverty_assets.sources.surveys import read_wave
from poverty_assets.sources.surveys.dhs import child_deaths

SURVEY = """\
title: Made up in the layout of the DHS
fieldwork: {start: 2021-09-15, end: 2022-02-15}
adapter: dhs
country: khm
measure: global_mpi
files: {household: KHHR82FL.dta, person: KHPR82FL.dta, birth: KHBR82FL.dta}
"""
INTERVIEW = 1462  # October 2021 in century months
WELL_OFF = {
    "hv005": 1_500_000, "hv006": 10, "hv007": 2021, "hv016": 3, "hv021": 1, "hv022": 5, "hv024": 3, "hv025": 2, "hv027": 0,
    "hv201": 11, "hv204": 996, "hv205": 12, "hv206": 1, "hv207": 0, "hv208": 1, "hv209": 0, "hv210": 1, "hv211": 1,
    "hv212": 0, "hv213": 33, "hv214": 31, "hv215": 31, "hv219": 1, "hv221": 0, "hv225": 0, "hv226": 3, "hv243a": 1,
    "hv243c": 0, "hv243e": 0,
}  # fmt: skip
ADULT = {"hv102": 1, "hv104": 1, "hv105": 40, "hv108": 9, "hv117": 0, "hv120": 0, "hv121": 0}
MOTHER = ADULT | {"hv104": 2, "hv105": 30, "hv117": 1, "ha13": 0, "ha40": 2100, "ha32": INTERVIEW - 360, "ha65": 1}
PUPIL = ADULT | {"hv105": 10, "hv108": 3, "hv121": 2}
TODDLER = ADULT | {"hv105": 2, "hv108": 0, "hv120": 1, "hc70": -150, "hc71": -100}
FAMILY = [ADULT, MOTHER, PUPIL, TODDLER]
PERSON = ["hv008", "ha13", "ha32", "ha40", "ha65", "hc70", "hc71", "hv807c", "hv117", "hv120"]
BIRTH = {"v008": INTERVIEW, "b3": INTERVIEW - 24, "b5": 1, "b7": np.nan}


def write_wave(
    folder: Path,
    households: list[dict[str, float]],
    families: list[list[dict[str, float]]],
    births: list[dict[str, float]] | None = None,
) -> Path:
    (folder / "survey.yaml").write_text(SURVEY)
    hr = [WELL_OFF | {"hv001": 1, "hv002": i} | h for i, h in enumerate(households, start=1)]
    pr = [
        dict.fromkeys(PERSON, np.nan) | {"hv001": 1, "hv002": i, "hvidx": line, "hv008": INTERVIEW} | member
        for i, family in enumerate(families, start=1)
        for line, member in enumerate(family, start=1)
    ]
    br = births or [{"v001": 9, "v002": 9, "v003": 9} | BIRTH]
    for name, rows in (("HR", hr), ("PR", pr), ("BR", br)):
        pyreadstat.write_dta(pd.DataFrame(rows).astype(float), str(folder / f"KH{name}82FL.dta"))
    return folder


def one(folder: Path, household: dict[str, float] | None = None, family: list[dict[str, float]] | None = None,
        births: list[dict[str, float]] | None = None) -> pd.Series:  # fmt: skip
    return read_wave(write_wave(folder, [household or {}], [family or FAMILY], births)).iloc[0]


INDICATORS = ["nutrition", "child_mortality", "years_schooling", "school_attendance", "cooking_fuel", "sanitation",
              "drinking_water", "electricity", "housing", "assets"]  # fmt: skip


def test_well_off_family_is_deprived_in_nothing(tmp_path: Path) -> None:
    row = one(tmp_path)
    assert row[INDICATORS].tolist() == [0] * 10
    design = ["psu", "stratum", "weight", "hh_size", "area_id", "is_urban", "head_sex", "n_children"]
    assert row[design].tolist() == ["1", "5", 1.5, 4, "03", False, "male", 2]
    assert str(row["interview_date"].date()) == "2021-10-03"


@pytest.mark.parametrize(
    ("household", "deprived"),
    [
        ({"hv226": 11}, ["cooking_fuel"]),
        ({"hv226": 10}, ["cooking_fuel"]),
        ({"hv226": 95}, []),
        ({"hv205": 31}, ["sanitation"]),
        ({"hv225": 1}, ["sanitation"]),
        ({"hv201": 32}, ["drinking_water"]),
        ({"hv201": 43}, ["drinking_water"]),
        ({"hv204": 30}, ["drinking_water"]),
        ({"hv204": 29}, []),
        ({"hv206": 0}, ["electricity"]),
        ({"hv213": 11}, ["housing"]),
        ({"hv214": 23}, ["housing"]),
        ({"hv215": 12}, ["housing"]),
        ({"hv208": 0, "hv210": 0, "hv211": 0}, ["assets"]),
        ({"hv208": 0, "hv210": 0, "hv211": 0, "hv212": 1}, []),
        ({"hv208": 0, "hv210": 0, "hv211": 0, "hv209": 1}, []),
    ],
)
def test_living_standards(tmp_path: Path, household: dict[str, float], deprived: list[str]) -> None:
    row = one(tmp_path, household)
    assert [name for name in INDICATORS if row[name] == 1] == deprived


@pytest.mark.parametrize(("household", "unknown"), [({"hv226": 99}, "cooking_fuel"), ({"hv206": 9}, "electricity"),
                                                    ({"hv201": 99}, "drinking_water")])  # fmt: skip
def test_answer_not_given_is_not_known(tmp_path: Path, household: dict[str, float], unknown: str) -> None:
    row = one(tmp_path, household)
    assert [name for name in INDICATORS if np.isnan(row[name])] == [unknown]


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ([MOTHER | {"ha40": 1849}], 1),
        ([MOTHER | {"ha40": 1850}], 0),
        ([MOTHER | {"ha40": 9998}], np.nan),
        ([MOTHER | {"ha40": 9998}, TODDLER], 0),
        ([TODDLER | {"hc70": -201}], 1),
        ([TODDLER | {"hc71": -201}], 1),
        ([TODDLER | {"hc70": 9996}], 0),
        ([TODDLER | {"hc70": 9996, "hc71": 9996}], np.nan),
        ([ADULT], 0),
        # a girl of 15 and a half with 16.5: below 18.5, but not two deviations below girls of her age (16.04)
        ([MOTHER | {"hv105": 15, "ha32": INTERVIEW - 186, "ha40": 1650}], 0),
        ([MOTHER | {"hv105": 15, "ha32": INTERVIEW - 186, "ha40": 1603}], 1),
    ],
)
def test_nutrition(tmp_path: Path, family: list[dict[str, float]], expected: float) -> None:
    np.testing.assert_equal(one(tmp_path, family=family)["nutrition"], expected)


@pytest.mark.parametrize(
    ("family", "indicator", "expected"),
    [
        ([ADULT | {"hv108": 5}], "years_schooling", 1),
        ([ADULT | {"hv108": 5}, ADULT | {"hv105": 11, "hv108": 6}], "years_schooling", 1),
        ([ADULT | {"hv108": 98}], "years_schooling", np.nan),
        ([PUPIL | {"hv121": 0}], "school_attendance", 1),
        ([PUPIL | {"hv105": 15, "hv121": 0}], "school_attendance", 0),
        ([PUPIL | {"hv121": 9}], "school_attendance", np.nan),
    ],
)
def test_education(tmp_path: Path, family: list[dict[str, float]], indicator: str, expected: float) -> None:
    np.testing.assert_equal(one(tmp_path, family=family)[indicator], expected)


@pytest.mark.parametrize(
    ("birth", "expected"),
    [
        ({"b5": 0, "b7": 1}, 1),  # born 24 months ago, died at 1 month
        ({"b5": 0, "b3": INTERVIEW - 100, "b7": 10}, 0),  # died 90 months ago
        ({"b5": 0, "b3": INTERVIEW - 100, "b7": 40}, 1),  # died 60 months ago
        ({"b5": 0, "b3": INTERVIEW - 240, "b7": 230}, 0),  # died at 19 years
        ({"b5": 0}, np.nan),  # nobody knows when
        ({}, 0),
    ],
)
def test_child_mortality(tmp_path: Path, birth: dict[str, float], expected: float) -> None:
    births = [{"v001": 1, "v002": 1, "v003": 2} | BIRTH | birth]
    np.testing.assert_equal(one(tmp_path, births=births)["child_mortality"], expected)


def test_woman_who_was_not_interviewed_leaves_mortality_unknown(tmp_path: Path) -> None:
    assert np.isnan(one(tmp_path, family=[ADULT, MOTHER | {"ha65": 3}])["child_mortality"])


def test_dead_children_are_counted_by_mother() -> None:
    births = pd.DataFrame([{"v001": 1, "v002": 1, "v003": 2} | BIRTH | {"b5": 0, "b7": m} for m in (1, 3)])
    assert child_deaths(births)["n_child_deaths_5y"].tolist() == [2]


def test_visitors_and_households_outside_the_subsample_do_not_count(tmp_path: Path) -> None:
    households = [{}, {"hv027": 1}, {}]
    families = [[*FAMILY, ADULT | {"hv102": 0}], FAMILY, [ADULT | {"hv102": 0}]]
    frame = read_wave(write_wave(tmp_path, households, families))
    assert frame["hh_size"].tolist() == [4]


def test_round_without_an_optional_variable_is_read(tmp_path: Path) -> None:
    folder = write_wave(tmp_path, [{}], [FAMILY])
    file = folder / "KHHR82FL.dta"
    pyreadstat.write_dta(pd.read_stata(file).drop(columns=["hv243e", "hv225"]), str(file))
    row = read_wave(folder).iloc[0]
    assert (row["sanitation"], row["assets"]) == (0, 0)


def test_missing_variable_and_unknown_province_are_named(tmp_path: Path) -> None:
    folder = write_wave(tmp_path, [{"hv024": 77}], [FAMILY])
    with pytest.raises(ContractViolation, match=r"KHHR82FL\.dta: 1 codes of hv024 stand for no area, the first 77"):
        read_wave(folder)
    file = folder / "KHPR82FL.dta"
    pyreadstat.write_dta(pd.read_stata(file).drop(columns="hv108"), str(file))
    with pytest.raises(ContractViolation, match="missing from the person recode, the first hv108"):
        read_wave(folder)


def test_recode_that_is_not_named_is_asked_for(tmp_path: Path) -> None:
    folder = write_wave(tmp_path, [{}], [FAMILY])
    (folder / "survey.yaml").write_text(SURVEY.replace(", birth: KHBR82FL.dta", ""))
    with pytest.raises(SpecificationError, match="line 6: files does not name the birth recode"):
        read_wave(folder)
