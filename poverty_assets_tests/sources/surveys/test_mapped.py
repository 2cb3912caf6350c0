"""Household files of any layout, mapped by ``survey.yaml``: codes, identifiers, regions, encodings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest
import yaml

from poverty_assets.errors import ContractViolation, SpecificationError, UnreadableFile
from poverty_assets.measure.measure import load_measure
from poverty_assets.measurement.estimates import estimate_measure
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.quarter import Quarter
from poverty_assets.sources.readers import observe
from poverty_assets.sources.surveys import read_households, read_wave
from poverty_assets.sources.surveys.canonical import canonical_frame
from poverty_assets.sources.surveys.mapped import joined, padded
from poverty_assets_tests.measurement.factories import HIERARCHY, MEASURES, make_households, make_measure

KHM = load_country("khm")
FRAME = pd.DataFrame({"hv001": [1.0, 1.0, 2.0], "hv002": [1.0, 2.0, 1.0], "st": [1.0, 1.0, 1.0], "w": [1.5, 2.0, 1.0],
                      "n": [3.0, 2.0, 5.0], "area": [30101.0, 30102.0, 120101.0], "x": [1.0, 2.0, 1.0]})  # fmt: skip
SURVEY: dict[str, Any] = {
    "title": "T",
    "fieldwork": "{start: 2021-09-15, end: 2022-02-15}",
    "file": "h.dta",
    "columns": {"household_id": ["hv001", "hv002"], "psu": "hv001", "stratum": "st", "weight": "w", "hh_size": "n",
                "area_id": {"column": "area", "digits": 6}},
    "indicators": {"x": "x"},
    "values": {"deprived": 1, "not_deprived": 2, "not_known": 9},
}  # fmt: skip


def wave(folder: Path, frame: pd.DataFrame = FRAME, **said: Any) -> Path:
    """A wave's folder: ``said`` replaces what survey.yaml says, ``columns_<name>`` one of its columns."""
    survey = {**SURVEY, **{k: v for k, v in said.items() if not k.startswith("columns_")}}
    survey["columns"] = survey["columns"] | {k[8:]: v for k, v in said.items() if k.startswith("columns_")}
    survey = {key: value for key, value in survey.items() if value is not None}
    fieldwork = survey.pop("fieldwork")
    text = yaml.safe_dump(survey, sort_keys=False, allow_unicode=True) + f"fieldwork: {fieldwork}\n"
    (folder / "survey.yaml").write_text(text, encoding="utf-8")
    file = folder / survey["file"]
    if file.suffix == ".csv":
        frame.to_csv(file, index=False)
    elif file.suffix == ".parquet":
        frame.to_parquet(file)
    elif file.suffix == ".dta":
        pyreadstat.write_dta(frame, str(file))
    else:
        pyreadstat.write_sav(frame, str(file))
    return folder


@pytest.mark.parametrize("name", ["h.dta", "h.sav", "h.csv", "h.parquet"])
@pytest.mark.parametrize(
    ("values", "column", "expected"),
    [
        ({"deprived": 1, "not_deprived": 2, "not_known": 9}, [1.0, 2.0, 9.0], [1, 0, np.nan]),
        ({"deprived": 0, "not_deprived": 1}, [0.0, 1.0, None], [1, 0, np.nan]),
        ({"deprived": "1", "not_deprived": "0"}, [1.0, 0.0, 0.0], [1, 0, 0]),
        ({"deprived": True, "not_deprived": False}, [1.0, 0.0, None], [1, 0, np.nan]),
        ({"deprived": True, "not_deprived": False, "not_known": "dk"}, ["YES", "no", "DK"], [1, 0, np.nan]),
        ({"deprived": [1, 2], "not_deprived": 3, "not_known": [8, 9]}, [2.0, 3.0, 8.0], [1, 0, np.nan]),
        ({"deprived": 1, "not_deprived": None}, [1.0, None, None], [1, 0, 0]),
        ({"deprived": 1, "not_deprived": 2, "not_known": [8, None]}, [1.0, None, 8.0], [1, np.nan, np.nan]),
        ({"not_known": 9}, [1.0, 0.0, 9.0], [1, 0, np.nan]),
        (None, [1.0, 0.0, None], [1, 0, np.nan]),
    ],
)
def test_codes_mean_what_is_said_in_every_format(tmp_path, name, values, column, expected):
    frame = read_wave(wave(tmp_path, FRAME.assign(x=column), file=name, values=values))
    np.testing.assert_array_equal(frame["x"], expected)


def test_truths_of_a_column_are_ones_and_noughts(tmp_path):
    frame = FRAME.assign(x=[True, False, True])
    assert read_wave(wave(tmp_path, frame, file="h.parquet", values=None))["x"].tolist() == [1, 0, 1]


@pytest.mark.parametrize("given", ["yes", "Yes", "true", "on"])
def test_yes_without_quotes_is_truth_in_yaml_and_means_what_it_says(tmp_path, given):
    wave(tmp_path, FRAME.assign(x=["yes", "No", None]), file="h.csv", values=None)
    with (tmp_path / "survey.yaml").open("a") as file:
        file.write(f"values: {{deprived: {given}, not_deprived: no}}\n")
    words = {"yes": "yes", "Yes": "YES", "true": "True", "on": "On"}
    frame = pd.read_csv(tmp_path / "h.csv").replace({"x": {"yes": words[given]}})
    frame.to_csv(tmp_path / "h.csv", index=False)
    np.testing.assert_array_equal(read_wave(tmp_path)["x"], [1, 0, np.nan])


def test_an_indicator_may_have_codes_of_its_own(tmp_path):
    own = {"column": "y", "values": {"deprived": 0, "not_deprived": 1}}
    folder = wave(tmp_path, FRAME.assign(y=[0.0, 1.0, np.nan]), indicators={"x": "x", "y": own})
    np.testing.assert_array_equal(read_wave(folder)[["x", "y"]], [[1, 1], [0, 0], [1, np.nan]])


def test_a_value_that_is_not_listed_is_refused_with_its_row(tmp_path):
    with pytest.raises(ContractViolation) as caught:
        read_wave(wave(tmp_path, FRAME.assign(x=[1.0, 3.0, 4.0])))
    assert caught.value.problem == "2 rows not 1, 2, 9 or empty; the first has 3"
    assert caught.value.place == "row 2, column x"
    assert caught.value.file.endswith("h.dta")
    assert "list it under values in survey.yaml" in caught.value.remedy


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"values": {"deprived": 1, "not_deprived": "1.0"}}, "1 stands for two things"),
        ({"values": {"deprived": True, "not_deprived": 1}}, "1 stands for two things"),
        ({"values": {"deprived": 0}}, "only one of deprived and not_deprived is given"),
        ({"values": {"deprived": 1, "not_deprved": 0}}, "unknown key 'not_deprved'"),
        ({"indicatrs": {"x": "x"}}, "unknown key 'indicatrs'"),
        ({"columns_psu": {"colum": "hv001"}}, "unknown key 'colum'"),
        ({"columns_psu": {"column": "hv001", "digits": 3}}, "digits is given for psu"),
        ({"columns_weight": ["w", "n"]}, "weight is made of 2 columns"),
        ({"columns_area_id": {"column": "area", "codes": {1: 10101}}}, "is not text, so that zeros"),
        ({"columns_area_id": {"column": ["st", "n"], "digits": [2]}}, "1 digits are given for 2 columns"),
        ({"columns_area_id": ["st", "n"]}, "the digits of each are not given"),
        ({"columns_is_urban": {"column": "st", "codes": {1: True, "1": False}}}, "1 stands for two things"),
        ({"columns_is_urban": {"column": "st", "labels": True}}, "column 'st' of h.dta has no labels"),
        ({"columns_hh_size": False}, "is read as no (true or false), not text"),
        ({"encoding": "latin-77"}, "there is no encoding 'latin-77'"),
        ({"adapter": "dhss"}, "there is no adapter 'dhss'"),
        ({"fieldwork": "{start: 2021-09-15}"}, "end is missing"),
        ({"is_simulated": "perhaps"}, "is_simulated"),
    ],
)  # fmt: skip
def test_what_survey_yaml_cannot_mean_is_refused_with_its_line(tmp_path, said, problem):
    with pytest.raises(SpecificationError) as caught:
        read_wave(wave(tmp_path, **said))
    assert problem in str(caught.value)
    assert caught.value.place.startswith("line ")


def test_an_unknown_key_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(SpecificationError, match="did you mean 'values'"):
        read_wave(wave(tmp_path, valeus={"deprived": 1}))


def test_identifiers_of_several_columns_are_joined_so_that_none_meet(tmp_path):
    parts = pd.DataFrame({"a": ["1-2", "1", "1\\", "1"], "b": ["3", "2-3", "-2", "\\-2"]})
    assert joined([parts["a"], parts["b"]]).nunique() == 4
    numbers = joined([pd.Series([1.0, 11.0, np.nan]), pd.Series([11, 1, 1])])
    assert numbers.tolist()[:2] == ["1-11", "11-1"]
    assert numbers.isna().tolist() == [False, False, True]
    assert read_wave(wave(tmp_path))["household_id"].nunique() == 3


def test_households_and_their_members_meet_by_several_columns_whatever_the_format(tmp_path):
    measure = load_measure(MEASURES / "global_mpi.yaml")
    households = FRAME.assign(**dict.fromkeys(measure.columns, 0.0))
    people = pd.DataFrame({c: [np.nan] * 3 for c in measure.member_columns} | {"hv001": [1, 1, 2], "hv002": [1, 2, 1]})
    people.assign(age=[40, 40, 9], years_of_schooling=[6, 5, 1], attends_school=[np.nan, np.nan, 0]).to_csv(
        tmp_path / "m.csv", index=False
    )
    same = {c: c for c in measure.columns}
    folder = wave(tmp_path, households, indicators=None, members_file="m.csv", columns=SURVEY["columns"] | same,
                  member_columns={"household_id": ["hv001", "hv002"]} | {c: c for c in measure.member_columns})  # fmt: skip
    frame = read_wave(folder, measure=measure)
    assert frame["years_schooling"].tolist() == [0, 1, 0]
    assert frame["school_attendance"].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("lengths", "code", "padded_to"),
    [((), "30101", "030101"), ((2, 4, 6), "30101", "030101"), ((), "7", "000007"), ((2, 4, 6), "KH0301", "KH0301")],
)
def test_zeros_that_were_lost_are_put_back(lengths, code, padded_to):
    assert padded(pd.Series([code], name="area_id"), 6, lengths, Path("f")).tolist() == [padded_to]


@pytest.mark.parametrize(
    ("code", "digits", "lengths", "problem"),
    [
        ("1203", 6, (2, 4, 6), "it may be an area of another level; the first has '1203'"),
        ("301", 6, (2, 4, 6), "it may be an area of another level"),
        ("1203010", 6, (2, 4, 6), "has more than 6 digits"),
        ("1", None, (1, 2, 4), "is an area of one level, or one of another that lost its zero"),
    ],
)
def test_codes_that_may_be_of_another_level_are_refused(code, digits, lengths, problem):
    with pytest.raises(ContractViolation) as caught:
        padded(pd.Series([code], name="area_id"), digits, lengths, Path("f"), were_numbers=True)
    assert problem in caught.value.problem


def test_the_country_says_how_long_its_codes_are(tmp_path):
    frame = FRAME.assign(area=[30101.0, 301.0, 12.0])
    folder = wave(tmp_path, frame, columns_area_id="area")
    assert read_households(folder, country=KHM).frame["area_id"].tolist() == ["030101", "0301", "12"]
    assert read_households(folder).frame["area_id"].tolist() == ["30101", "301", "12"]


def test_a_code_of_several_columns_is_padded_part_by_part(tmp_path):
    frame = FRAME.assign(p=[1.0, 12.0, 3.0], d=[2.0, 3.0, 14.0], c=[3.0, 4.0, 5.0])
    folder = wave(tmp_path, frame, columns_area_id={"column": ["p", "d", "c"], "digits": [2, 2, 2]})
    assert read_households(folder, country=KHM).frame["area_id"].tolist() == ["010203", "120304", "031405"]


def test_regions_are_mapped_by_a_table_inline_or_in_a_file(tmp_path):
    frame = FRAME.assign(area=[1.0, 2.0, 25.0])
    codes = {1: "01", 2: "02", 25: "25"}
    inline = read_wave(wave(tmp_path, frame, columns_area_id={"column": "area", "codes": codes}))
    (tmp_path / "regions.csv").write_text("code,value\n1,01\n2,02\n25,25\n")
    of_file = read_wave(wave(tmp_path, frame, columns_area_id={"column": "area", "codes": "regions.csv"}))
    assert inline["area_id"].tolist() == of_file["area_id"].tolist() == ["01", "02", "25"]
    with pytest.raises(ContractViolation) as caught:
        read_wave(wave(tmp_path, frame, columns_area_id={"column": "area", "codes": {1: "01", 2: "02"}}))
    assert caught.value.place == "row 3, column area"
    assert caught.value.problem == "1 rows whose area_id is none of the 2 codes listed; the first has 25"
    (tmp_path / "regions.csv").write_text("code,value\n1,01\n01,02\n25,25\n")
    with pytest.raises(ContractViolation, match="1 stands for two things"):
        read_wave(wave(tmp_path, frame, columns_area_id={"column": "area", "codes": "regions.csv"}))


def test_any_column_may_be_recoded(tmp_path):
    frame = FRAME.assign(u=[1.0, 2.0, 9.0], s=[2.0, 1.0, 2.0])
    folder = wave(tmp_path, frame, columns_is_urban={"column": "u", "codes": {1: True, 2: False, 9: None}},
                  columns_head_sex={"column": "s", "codes": {1: "female", 2: "male"}})  # fmt: skip
    found = read_wave(folder)
    assert found["is_urban"].tolist() == [True, False, pd.NA]
    assert found["head_sex"].tolist() == ["male", "female", "male"]


@pytest.mark.parametrize("suffix", ["dta", "sav"])
def test_values_may_be_compared_by_their_labels(tmp_path, suffix):
    folder = wave(tmp_path, columns_area_id={"column": "area", "labels": True, "codes": {"Mondul Kiri": "11", "Kep": "23"}},
                  file=f"h.{suffix}", labels=True, values={"deprived": False, "not_deprived": True})  # fmt: skip
    frame = FRAME.assign(area=[1.0, 2.0, 1.0])
    write = pyreadstat.write_dta if suffix == "dta" else pyreadstat.write_sav
    labels = {"area": {1: "Mondul Kiri", 2: "KEP"}, "x": {1: "Yes", 2: "No"}}
    write(frame.astype({"area": int, "x": int}), str(folder / f"h.{suffix}"), variable_value_labels=labels)
    found = read_wave(folder)
    assert found["area_id"].tolist() == ["11", "23", "11"]
    assert found["x"].tolist() == [0, 1, 0]


def test_old_files_are_read_in_the_encoding_that_is_said(tmp_path):
    folder = wave(tmp_path, FRAME.assign(area=["Siemréap", "Kep", "Kep"]),
                  columns_area_id={"column": "area", "codes": {"Siemréap": "17", "Kep": "23"}})  # fmt: skip
    file = folder / "h.dta"
    pyreadstat.write_dta(FRAME.assign(area=["Siemréap", "Kep", "Kep"]), str(file), version=8)
    old = file.read_bytes().replace("é".encode(), b"\xe9 ").replace(b"\xe9 ap", b"\xe9ap\x00")
    file.write_bytes(old)
    said = folder / "survey.yaml"
    said.write_text(said.read_text(encoding="utf-8") + "encoding: latin-1\n", encoding="utf-8")
    assert read_wave(folder)["area_id"].tolist() == ["17", "23", "23"]
    said.write_text(said.read_text(encoding="utf-8").replace("latin-1", "utf-8"), encoding="utf-8")
    with pytest.raises(UnreadableFile) as caught:
        read_wave(folder)
    assert "encoding: latin-1" in caught.value.remedy


def test_csv_in_another_encoding_is_read_or_asked_about(tmp_path):
    codes = {"column": "area", "codes": {"Siemréap": "17"}}
    folder = wave(tmp_path, FRAME.assign(area="Siemréap"), columns_area_id=codes, file="h.csv", encoding="cp1252")
    text = (folder / "h.csv").read_text(encoding="utf-8")
    (folder / "h.csv").write_text(text, encoding="cp1252")
    assert set(read_wave(folder)["area_id"]) == {"17"}
    wave(tmp_path, FRAME.assign(area="Siemréap"), columns_area_id=codes, file="h.csv")
    (folder / "h.csv").write_text(text, encoding="cp1252")
    with pytest.raises(UnreadableFile, match="not in the encoding that it says, or UTF-8") as caught:
        read_wave(folder)
    assert "encoding: latin-1" in caught.value.remedy


def test_households_of_weight_nought_are_left_out_and_counted(tmp_path):
    frame = FRAME.assign(w=[0.0, 2.0, 1.0], n=[0.0, 2.0, 5.0], x=[np.nan, 2.0, 1.0])
    found = read_households(wave(tmp_path, frame))
    assert found.frame["weight"].tolist() == [2, 1]
    assert found.left_out == {"households of weight 0": 1}
    assert read_households(wave(tmp_path)).left_out == {}
    with pytest.raises(ContractViolation, match="3 rows have weight 0, which is all"):
        read_households(wave(tmp_path, FRAME.assign(w=0.0)))


def test_households_of_weight_nought_change_no_estimate():
    households = make_households(60)
    idle = households.iloc[:12].assign(weight=0.0, household_id=[f"idle-{i}" for i in range(12)])
    both = pd.concat([households, idle], ignore_index=True)
    with_idle, without = (canonical_frame(frame, Path("f")).frame for frame in (both, households))
    one, other = (estimate_measure(frame, make_measure(), HIERARCHY).mpi for frame in (with_idle, without))
    pd.testing.assert_frame_equal(one, other)


def test_what_is_left_out_is_said_of_the_source(tmp_path):
    source = next(s for s in load_sources(KHM, simulated=False) if s.role == "survey")
    source = source.model_copy(update={"path": "wave"})
    (tmp_path / "wave").mkdir()
    wave(tmp_path / "wave", FRAME.assign(w=[0.0, 2.0, 1.0]))
    observed = observe(source, Quarter.from_label("2030Q1"), tmp_path, KHM)
    assert observed.metadata["quarantined"] == {"households of weight 0": 1}
    assert observed.rows == 2


def test_rows_are_counted_in_the_file_where_some_were_left_out_before(tmp_path):
    frame = FRAME.assign(w=[0.0, 2.0, 1.0], n=[1.0, 1.0, 0.0])
    with pytest.raises(ContractViolation) as caught:
        read_wave(wave(tmp_path, frame))
    assert caught.value.place == "row 3, column hh_size"
