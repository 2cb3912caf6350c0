"""The canonical household frame, and what is refused on the way to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from poverty_assets.errors import ContractViolation, MissingFile, PovertyAssetsError, SpecificationError
from poverty_assets.measure.measure import load_measure
from poverty_assets.sources.surveys import read_wave, read_wave_description
from poverty_assets_tests.measurement.factories import MEASURES, make_measure

SURVEY = """\
title: Two villages
fieldwork: {start: 2021-09-15, end: 2022-02-15}
file: households.csv
columns:
  household_id: hhid
  psu: ea
  stratum: str
  weight: w
  hh_size: size
  area_id: commune
  is_urban: urban
  head_sex: sex
  n_children: kids
  interview_date: day
  ethnicity: eth
indicators: {a: d_a, b: d_b, c: d_c}
"""
ROWS = """\
hhid,ea,str,w,size,commune,urban,sex,kids,day,eth,d_a,d_b,d_c
1-01,7,03-u,1.5,4,030101,1,2,2,2021-10-01,khmer,1,0,
1-02,7,03-u,2.5,1,030102,0,male,0,2021-10-02,,0,1,1
"""


def wave(tmp_path: Path, survey: str = SURVEY, rows: str = ROWS) -> Path:
    (tmp_path / "survey.yaml").write_text(survey, encoding="utf-8")
    (tmp_path / "households.csv").write_text(rows, encoding="utf-8")
    return tmp_path


def test_columns_are_renamed_and_typed(tmp_path: Path) -> None:
    frame = read_wave(wave(tmp_path))
    assert frame.columns.tolist() == [
        "household_id", "psu", "stratum", "weight", "hh_size", "area_id", "is_urban", "head_sex", "n_children",
        "interview_date", "ethnicity", "a", "b", "c",
    ]  # fmt: skip
    assert frame["area_id"].tolist() == ["030101", "030102"]
    assert frame["is_urban"].tolist() == [True, False]
    assert frame["head_sex"].tolist() == ["female", "male"]
    assert frame["weight"].tolist() == [1.5, 2.5]
    np.testing.assert_array_equal(frame["c"], [np.nan, 1])
    assert frame["interview_date"].dt.day.tolist() == [1, 2]


def test_identifiers_are_replaced_by_a_keyed_hash(tmp_path: Path) -> None:
    folder = wave(tmp_path)
    one, same, other = (read_wave(folder, key=key)["household_id"] for key in (b"k", b"k", b"other"))
    assert one.tolist() == same.tolist()
    assert not set(one) & set(other)
    assert one.is_unique
    assert one.str.fullmatch("[0-9a-f]{32}").all()
    assert read_wave(folder)["household_id"].tolist() == read_wave(folder)["household_id"].tolist()


def test_measure_orders_the_indicators_and_keeps_further_columns(tmp_path: Path) -> None:
    frame = read_wave(wave(tmp_path), measure=make_measure())
    assert frame.columns.tolist()[-4:] == ["ethnicity", "a", "b", "c"]
    np.testing.assert_array_equal(frame[["a", "b", "c"]], [[1, 0, np.nan], [0, 1, 1]])


def test_other_codes_for_deprived_can_be_stated(tmp_path: Path) -> None:
    survey = SURVEY + "values: {deprived: yes please, not_deprived: no, not_known: 9}\n".replace("no,", "'no',")
    rows = ROWS.replace(",1,0,\n", ",yes please,no,9\n").replace(",0,1,1\n", ",NO,Yes please,9\n")
    np.testing.assert_array_equal(
        read_wave(wave(tmp_path, survey, rows))[["a", "b", "c"]], [[1, 0, np.nan], [0, 1, np.nan]]
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "1-02,",
            "1-01,",
            "row 1, column household_id: 2 rows of a household that is there twice; the first has '1-01'",
        ),
        (",2.5,", ",-1,", "row 2, column weight: 1 rows with a weight below 0, or without end; the first has '-1'"),
        (",2.5,", ",inf,", "row 2, column weight: 1 rows with a weight below 0, or without end; the first has 'inf'"),
        (",2.5,", ",,", "row 2, column weight: 1 rows whose weight is not a number"),
        (",0,1,1\n", ",0,2,1\n", "row 2, column b: 1 rows not 1, 0 or empty; the first has '2'"),
        (",1,030102", ",0,030102", "row 2, column hh_size: 1 rows with a household size that is not 1 or more"),
        (",male,0,", ",male,3,", "row 2, column n_children: 1 rows with more children than members"),
        (",male,", ",mal,", "row 2, column head_sex: 1 rows whose head_sex is not female or male; the first has 'mal'"),
        ("2021-10-02", "2021-13-02", "row 2, column interview_date: 1 rows whose interview_date is not a date"),
        ("1-02,7,", "1-02,,", "row 2, column psu: 1 rows without psu"),
        ("d_c\n", "d_x\n", "header: there is no column 'd_c' for c"),
        ("030102,0,male", "030102,perhaps,male", "column is_urban: 1 rows whose is_urban is not 1, 0 or empty"),
    ],
)
def test_row_that_breaks_the_contract_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(ContractViolation) as caught:
        read_wave(wave(tmp_path, rows=ROWS.replace(old, new)))
    assert says in str(caught.value)
    assert caught.value.file.endswith("households.csv")
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("  weight: w\n", "", 4, "the first weight"),
        ("title:", "titel:", 1, "unknown key 'titel'"),
        ("end: 2022-02-15", "end: 2021-02-15", 2, "fieldwork does not give"),
        ("file: households.csv\n", "", 1, "file is missing"),
        ("title: Two", "adapter: dhz\ntitle: Two", 1, "no adapter 'dhz'\nRemedy: did you mean 'dhs'?"),
        ("title: Two", "measure: none\ncountry: khm\ntitle: Two", 1, "has no measure none"),
    ],
)
def test_fault_of_survey_yaml_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    with pytest.raises(SpecificationError) as caught:
        read_wave(wave(tmp_path, SURVEY.replace(old, new)))
    assert says in str(caught.value)
    assert caught.value.place.split(",")[0] == f"line {line}"


def test_folder_without_survey_yaml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"survey\.yaml"):
        read_wave(tmp_path)


def test_wave_is_described(tmp_path: Path) -> None:
    described = read_wave_description(wave(tmp_path))
    assert (described.title, str(described.end), described.is_simulated) == ("Two villages", "2022-02-15", False)


def test_indicators_may_come_from_answers_of_members(tmp_path: Path) -> None:
    answers = {"toilet_improved": 1, "water_improved": 0, "has_electricity": 1, "floor_inadequate": 0, "owns_car": 0,
               "cooks_with_solid_fuel": 1, "owns_radio": 1}  # fmt: skip
    measure = load_measure(MEASURES / "global_mpi.yaml")
    households = {"id": ["h"], "ea": [1], "st": ["s"], "w": [1.0], "n": [2], "area": ["01"]}
    pd.DataFrame(households | {c: [answers.get(c)] for c in measure.columns}).to_csv(tmp_path / "hh.csv", index=False)
    members = {c: [None, None] for c in measure.member_columns}
    members |= {"id": ["h", "h"], "age": [40, 9], "years_of_schooling": [6, 2], "attends_school": [None, 0]}
    pd.DataFrame(members).to_csv(tmp_path / "people.csv", index=False)
    named = {"household_id": "id", "psu": "ea", "stratum": "st", "weight": "w", "hh_size": "n", "area_id": "area"}
    lines = ["title: T", "fieldwork: {start: 2021-01-01, end: 2021-02-01}", "file: hh.csv", "members_file: people.csv"]
    lines += ["columns:", *(f"  {k}: {v}" for k, v in (named | {c: c for c in measure.columns}).items())]
    lines += ["member_columns:", "  household_id: id", *(f"  {c}: {c}" for c in measure.member_columns)]
    (tmp_path / "survey.yaml").write_text("\n".join(lines))
    frame = read_wave(tmp_path, measure=measure)
    assert frame[measure.indicator_ids].iloc[0].tolist() == [0, 0, 0, 1, 1, 0, 1, 0, 0, 1]
    assert "owns_radio" not in frame


def test_every_refusal_is_one_of_ours(tmp_path: Path) -> None:
    (tmp_path / "survey.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PovertyAssetsError):
        read_wave(tmp_path)
