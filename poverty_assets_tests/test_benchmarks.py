"""What the benchmarks write: marks, growth, and that every subject is whole. None of them runs here."""

import pytest

from benchmarks.growth.subject import NAMES, Mark, Subject, Way, subject
from benchmarks.results import Timing, exponent, grown, marked, page, picture


def nothing(folder, n):
    return lambda: None


MADE_UP = Subject(
    "Things", "things", (10, 30), (1,), nothing, {"ours": Way(nothing, ours=True), "theirs": Way(nothing)},
    (Mark("ours", "theirs", 30, 2.0), Mark("theirs", "ours", 30, 0.6, at_least=True)), "Made up.",
)  # fmt: skip


def timing(size, way, *seconds):
    one = Timing(size, way)
    for each in seconds:
        one.take({"seconds": each, "processor": each, "megabytes": 100, "H": 0.25})
    return one


TIMINGS = [
    timing(10, "ours", 1.0, 1.2, 1.1),
    timing(10, "theirs", 2.0),
    timing(30, "ours", 9.0, 9.9),
    timing(30, "theirs", 3.0, 3.3),
]


@pytest.mark.parametrize("name", NAMES)
def test_marks_of_every_subject_name_its_own_ways_and_sizes(name):
    one = subject(name)
    assert len(one.sizes) == 4
    assert any(way.ours for way in one.ways.values())
    assert {way for mark in one.marks for way in (mark.of, mark.over)} <= one.ways.keys()
    assert {mark.size for mark in one.marks} <= {*one.sizes}


def test_a_mark_is_held_to_the_median_of_the_ratios_of_rounds():
    assert marked(MADE_UP.marks[0], TIMINGS) == "- ours / theirs at 30: 3.00 (at most 2): **missed**"
    assert marked(MADE_UP.marks[1], TIMINGS) == "- theirs / ours at 30: 0.33 (at least 0.6): **missed**"
    assert marked(Mark("ours", "theirs", 99, 1.0), TIMINGS) == ""


def test_growth_beyond_linear_is_said_of_our_ways():
    assert exponent(TIMINGS[:1]) != exponent(TIMINGS[:1])  # of one size nothing can be said
    assert grown(MADE_UP, TIMINGS) == ["- ours: cost grows as size to the 1.96: **more than linear**"]


def test_the_page_says_when_the_machine_was_busy(tmp_path):
    quiet, busy = (page([(MADE_UP, TIMINGS)], ["more"], (load, 0.0)) for load in (0.0, 99.0))
    assert "| 10 | ours | 1, 1.1, 1.2 | 100 | H 0.25 |" in quiet
    assert "was busy" not in quiet
    assert "was busy" in busy
    picture([(MADE_UP, TIMINGS)], tmp_path / "results.svg")
    assert (tmp_path / "results.svg").stat().st_size > 1000
