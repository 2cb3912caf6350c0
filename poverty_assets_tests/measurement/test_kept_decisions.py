"""A decision on figures is made once for whoever asks after the same, and anew where anything else is asked or it cannot be read."""

import numpy as np
import pandas as pd
import pytest

from poverty_assets import kept
from poverty_assets.catalog import table
from poverty_assets.measurement import figure_disclosure
from poverty_assets.measurement.direct_tables import direct_tables, disclosure_decisions, overlap_tables
from poverty_assets.measurement.kept_decisions import KeptDecisions
from poverty_assets_tests.measurement.overlap_cases import HIERARCHY, make_measure, make_survey

NAMES = [f"i{j}" for j in range(4)]
MEASURE = make_measure(NAMES)
ANSWER = np.array([[True, False, True], [False, False, True], [True, True, True]])


class Decides:
    """Decides, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> np.ndarray:
        self.times += 1
        return ANSWER.copy()


def test_the_same_is_decided_once_and_something_else_anew(tmp_path):
    decide, decisions = Decides(), KeptDecisions(tmp_path)
    assert all((decisions.of(decide, "figures", np.arange(3)) == ANSWER).all() for _ in range(3))
    assert decide.times == 1
    decisions.of(decide, "figures", np.arange(4))
    decisions.of(decide, "sets", np.arange(3))
    assert decide.times == 3


def test_without_a_folder_each_is_decided_when_it_is_asked_for():
    decide = Decides()
    assert all((KeptDecisions().of(decide, "figures") == ANSWER).all() for _ in range(2))
    assert decide.times == 2


@pytest.mark.parametrize("left", [b"", b"no archive", None])
def test_a_decision_that_cannot_be_read_is_made_again(tmp_path, left):
    decide, decisions = Decides(), KeptDecisions(tmp_path)
    decisions.of(decide, "figures")
    (file,) = tmp_path.glob("*.npz")
    if left is None:
        np.savez(file, shape=(300, 3), bits=np.packbits(ANSWER))
    else:
        file.write_bytes(left)
    assert (decisions.of(decide, "figures") == ANSWER).all()
    assert decide.times == 2
    decisions.of(decide, "figures")
    assert decide.times == 2


def test_a_full_refresh_decides_anew(tmp_path, monkeypatch):
    decide, decisions = Decides(), KeptDecisions(tmp_path)
    decisions.of(decide, "figures")
    monkeypatch.setattr(kept, "_anew", True)
    decisions.of(decide, "figures")
    assert decide.times == 2


def test_means_of_a_wave_are_decided_once_for_its_own_tables_for_overlap_and_for_the_wave_after_it(
    tmp_path, monkeypatch
):
    """And the tables are what they are without anything kept."""
    survey = make_survey(n=500, seed=1, indicators=NAMES).assign(hh_size=4)
    asked = (survey, MEASURE, HIERARCHY, disclosure_decisions(survey, MEASURE, HIERARCHY))
    alone, overlap_alone = direct_tables(*asked), overlap_tables(*asked)
    of_means, withhold = [], figure_disclosure._withhold_further

    def counted(held, links, both, these):
        of_means.append(bool((these & held.of_all).any()))
        return withhold(held, links, both, these)

    monkeypatch.setattr(figure_disclosure, "_withhold_further", counted)
    decisions = KeptDecisions(tmp_path)
    first, overlap, again = (
        direct_tables(*asked, decisions), overlap_tables(*asked, kept=decisions), direct_tables(*asked, decisions)
    )  # fmt: skip
    assert sum(of_means) == 1
    overlap_tables(*asked, kept=decisions)
    assert len(of_means) == 2
    for made, before in ((first, alone), (again, alone), (overlap, overlap_alone)):
        for name, rows in vars(before).items():
            pd.testing.assert_frame_equal(getattr(made, name), rows, check_exact=True)


def rows_shown_of(survey):
    """Table and key of every row that is shown."""
    asked = (survey, MEASURE, HIERARCHY, disclosure_decisions(survey, MEASURE, HIERARCHY))
    means, overlap = direct_tables(*asked), overlap_tables(*asked)
    tables = {"fct_mpi": means.mpi, "fct_headcount": means.headcount, "fct_contribution": means.contribution,
              "fct_overlap_pair": overlap.pairs, "fct_deprivation_count": overlap.counts,
              "fct_dimension_overlap": overlap.dimensions, "fct_bundle": overlap.bundles}  # fmt: skip
    shown = set()
    for name, rows in tables.items():
        key = [column for column in table(name).key if column in rows]
        shown |= {(name, *row) for row in rows.loc[~rows["suppressed"], key].itertuples(index=False)}
    return shown


def test_two_files_of_a_wave_show_the_same_rows_whatever_the_order_of_its_households():
    """The next quarter's file, or one published again with nothing but rows in another order, gives whoever has both nothing more."""
    survey = make_survey(n=500, seed=1, indicators=NAMES).assign(hh_size=4)
    shown = rows_shown_of(survey)
    assert len(shown) > 500
    assert rows_shown_of(survey.sample(frac=1, random_state=1).reset_index(drop=True)) == shown
