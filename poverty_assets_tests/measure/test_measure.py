"""Measures as data: exact weights, and faults named with file and line."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poverty_assets.errors import MissingFile, SpecificationError
from poverty_assets.measure.measure import k_value, load_measure, measure_files
from poverty_assets.pack.country import country_folder
from poverty_assets_tests.measurement.factories import MEASURES, make_measure

WORDS = "name_en: n, name_km: n"
TEXT = "definition: d, definition_km: d, cutoff: c"
GOOD = f"""\
measure_id: small
name_en: Small
name_km: តូច
source: nobody
cutoffs: {{vulnerable: 1/5, poor: 1/3, severe: 1/2}}
dimensions:
  - {{dimension_id: d, {WORDS}}}
indicators:
  - {{indicator_id: a, dimension_id: d, {WORDS}, {TEXT}, weight: 1/2, rule: x > 1}}
  - {{indicator_id: b, dimension_id: d, {WORDS}, {TEXT}, weight: 1/2, rule: y}}
columns: {{x: a number}}
derived:
  - {{column_id: y, rule: x + 1 > 3, description: d}}
"""


def load(tmp_path: Path, text: str, **options: list[str]) -> object:
    file = tmp_path / "m.yaml"
    file.write_text(text, encoding="utf-8")
    return load_measure(file, **options)


def test_global_mpi_has_ten_indicators_in_eighteenths() -> None:
    measure = load_measure(MEASURES / "global_mpi.yaml")
    assert measure.denominator == 18
    assert dict(zip(measure.indicator_ids, measure.integer_weights.tolist(), strict=True)) == {
        "nutrition": 3, "child_mortality": 3, "years_schooling": 3, "school_attendance": 3, "cooking_fuel": 1,
        "sanitation": 1, "drinking_water": 1, "electricity": 1, "housing": 1, "assets": 1,
    }  # fmt: skip
    assert measure.dimension_ids == ["health", "education", "living_standards"]


def test_measure_of_the_ministry_has_sixteen_indicators_in_five_equal_dimensions() -> None:
    measure = load_measure(MEASURES / "undp_mop.yaml")
    assert len(measure.indicators) == 16
    for dimension in measure.dimension_ids:
        assert sum(i.weight for i in measure.indicators if i.dimension_id == dimension) == Fraction(1, 5)


def test_every_shipped_indicator_is_described_in_both_languages() -> None:
    for file in sorted(MEASURES.glob("*.yaml")):
        for indicator in load_measure(file).indicators:
            for text in (indicator.names["km"], indicator.definitions["km"]):
                assert any("\u1780" <= letter <= "\u17ff" for letter in text), (file.name, indicator.indicator_id)


def test_what_a_survey_lacks_gives_its_weight_to_its_dimension(tmp_path: Path) -> None:
    measure = load_measure(MEASURES / "global_mpi.yaml")
    less = measure.without(["nutrition", "cooking_fuel"])
    assert dict(zip(less.indicator_ids, map(str, (i.weight for i in less.indicators)), strict=True)) == {
        "child_mortality": "1/3", "years_schooling": "1/6", "school_attendance": "1/6", "sanitation": "1/15",
        "drinking_water": "1/15", "electricity": "1/15", "housing": "1/15", "assets": "1/15",
    }  # fmt: skip
    assert measure.without([]) == measure
    with pytest.raises(SpecificationError, match="no indicator of dimension education is left"):
        measure.without(["years_schooling", "school_attendance"])
    assert load(tmp_path, GOOD + "lacks: [b]\n").indicator_ids == ["a"]
    with pytest.raises(SpecificationError, match="no indicator 'z'") as caught:
        load(tmp_path, GOOD + "lacks: [z]\n")
    assert caught.value.place == "line 14"


def test_household_at_the_cutoff_is_poor() -> None:
    measure = make_measure()
    scores = measure.scores(np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]]))
    assert scores.tolist() == [2, 1, 3]
    assert measure.is_poor(scores, Fraction(1, 3)).tolist() == [True, False, True]
    assert measure.is_poor(scores, Fraction(1, 2)).tolist() == [False, False, True]


@given(st.lists(st.integers(0, 1), min_size=10, max_size=10), st.sampled_from([(1, 5), (1, 3), (1, 2), (7, 18)]))
def test_poor_exactly_as_fractions_say(flags: list[int], k: tuple[int, int]) -> None:
    measure = load_measure(MEASURES / "global_mpi.yaml")
    exact = sum((i.weight for i, flag in zip(measure.indicators, flags, strict=True) if flag), Fraction(0))
    assert bool(measure.is_poor(measure.scores([flags]), Fraction(*k))[0]) == (exact >= Fraction(*k))


def test_tie_at_the_cutoff_is_kept_where_floating_point_loses_it() -> None:
    measure = load_measure(MEASURES / "undp_mop.yaml")
    flags = np.array([[1] + [0] * 6 + [1] * 3 + [0] * 6])  # 1/10 + 3/30
    floating = sum(w for w, flag in zip(measure.weights.tolist(), flags[0], strict=True) if flag)
    assert floating < 1 / 5
    assert measure.is_poor(measure.scores(flags), Fraction(1, 5)).all()


def test_k_is_written_with_six_decimals() -> None:
    assert [k_value(k) for k in make_measure().cutoffs] == [0.2, 0.333333, 0.5]


def test_good_file_loads(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD).integer_weights.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("weight: 1/2, rule: x > 1", "weight: 1/3, rule: x > 1", 8, "weights sum to 5/6, not 1"),
        ("weight: 1/2, rule: y", "weight: 1/0, rule: y", 10, "'1/0' is not a fraction"),
        ("rule: y", "rule: z", 10, "no household column 'z'"),
        ("rule: x > 1", "rule: x.real", 9, "not part of the rule language"),
        ("indicator_id: b", "indicator_id: a", 10, "'a' is there twice"),
        ("dimension_id: d, name_en: n, name_km: n, definition: d, definition_km: d, cutoff: c, weight: 1/2, rule: y",
         "dimension_id: e, name_en: n, name_km: n, definition: d, definition_km: d, cutoff: c, weight: 1/2, rule: y",
         10, "no dimension 'e'"),
        ("rule: x + 1 > 3", "rule: y", 13, "depend on each other: y -> y"),
        ("severe: 1/2", "severe: 1/4", 5, "do not ascend"),
        ("source: nobody", "sauce: nobody", 4, "unknown key 'sauce'"),
        ("name_en: Small", "measure_id: again", 2, "'measure_id' is there twice"),
        ("columns: {x: a number}", "columns: [x", 12, "not valid yaml"),
        ("name_en: Small\n", "", 1, "name_en is missing"),
    ],
)  # fmt: skip
def test_bad_file_names_line_and_remedy(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    with pytest.raises(SpecificationError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert says in str(caught.value)
    assert caught.value.place == f"line {line}"
    assert caught.value.file.endswith("m.yaml")
    assert caught.value.remedy


def test_circle_of_two_is_refused(tmp_path: Path) -> None:
    circle = GOOD.replace("rule: x + 1 > 3", "rule: z") + "  - {column_id: z, rule: y, description: d}\n"
    with pytest.raises(SpecificationError, match="y -> z -> y"):
        load(tmp_path, circle)


def test_column_of_the_survey_need_not_be_described(tmp_path: Path) -> None:
    text = GOOD.replace("rule: y", "rule: extra == 1")
    with pytest.raises(SpecificationError, match="extra"):
        load(tmp_path, text)
    assert load(tmp_path, text, columns=["extra"]).indicator_ids == ["a", "b"]


def test_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"none\.yaml"):
        load_measure(tmp_path / "none.yaml")


def test_a_measure_may_build_on_another_and_watch_indicators_that_bear_no_weight() -> None:
    for country, language in (("khm", "km"), ("kgz", "ky"), ("mng", "mn")):
        folder = country_folder(country)
        measure = load_measure(measure_files(folder)["digital_exclusion"])
        ten = load_measure(folder / "measures" / "global_mpi.yaml")
        assert measure.indicator_ids == [*ten.indicator_ids, "internet", "device", "literacy", "digital_skills"]
        assert measure.integer_weights.tolist() == [0] * len(ten.indicators) + [1, 1, 1, 1]
        assert {language in one.names and language in one.definitions for one in measure.indicators} == {True}
        assert {i.source for i in measure.indicators[: len(ten.indicators)]} == {ten.source}
        assert measure.names[language] != ten.names[language]
        left = measure.without(["nutrition", "device"])
        assert left.weights[-3:].tolist() == [0.5, 0.25, 0.25]


def test_measures_that_build_on_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("measure_id: a\nbase: b\n")
    (tmp_path / "b.yaml").write_text("measure_id: b\nbase: a\n")
    with pytest.raises(SpecificationError, match="line 2: there is no measure 'a' beneath this one"):
        load_measure(tmp_path / "a.yaml")


def test_names_and_definitions_stand_in_every_language_of_the_country() -> None:
    rows = load_measure(country_folder("kgz") / "measures" / "global_mpi.yaml").dim_indicator(["en", "ky", "xx"])
    assert rows[["name_ky", "definition_ky", "definition"]].notna().all(axis=None)
    assert rows[["name_xx", "definition_xx"]].isna().all(axis=None)
    assert "definition_en" not in rows
