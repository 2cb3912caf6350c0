"""The gate in: corrupted files are refused in words, harmless changes are accepted, and ``validate`` says what a refresh says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from poverty_assets.errors import ContractViolation
from poverty_assets.intake import size
from poverty_assets.intake.gate import RefusedFile
from poverty_assets.intake.validation import validate_landing
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.settings import Settings
from poverty_assets.sources.readers import Observation
from poverty_assets_tests.intake import trial
from poverty_assets_tests.intake.carried import Homes, chosen
from poverty_assets_tests.intake.landing_files import COMMUNES, DATABASE, PLACES, PUBLISHED, SUBNATIONAL, VILLAGES_2010
from poverty_assets_tests.intake.mutations import drawn, every
from poverty_assets_tests.intake.trial import agreed, tried
from poverty_assets_tests.landing import write_landing


@pytest.fixture(scope="module")
def landing(tmp_path_factory) -> Path:
    return write_landing(tmp_path_factory.mktemp("landing"))


def wrong(landing, work, seed, number):
    outcomes = [tried(landing, work, *one) for one in drawn(seed, number)]
    return [f"{o.said}: {o.mutation}, seed {o.seed}: {o.message[:300]}" for o in outcomes if not o.is_right]


@pytest.mark.slow
def test_forty_corrupted_inputs_get_what_they_deserve(landing, tmp_path):
    assert wrong(landing, tmp_path, 1, 40) == []


@pytest.mark.soak
def test_five_hundred_corrupted_inputs_get_what_they_deserve(landing, tmp_path):
    assert wrong(landing, tmp_path, 2, 500) == []


@pytest.mark.soak
def test_validate_and_the_source_assets_agree(landing, tmp_path):
    outcomes = [tried(landing, tmp_path, *one, agreed) for one in drawn(3, 100)]
    assert [f"{o.mutation}, seed {o.seed}: {o.message}" for o in outcomes if o.said == "differ"] == []


def test_what_validate_and_the_source_assets_disagree_on_is_said(landing, tmp_path, monkeypatch):
    mutation = next(one for one in every() if one.harmless and one.kind == "form")
    assert tried(landing, tmp_path, 1, mutation, agreed).said == "accepted"
    monkeypatch.setattr(trial, "validated", lambda folder, file: ["no"])
    outcome = tried(landing, tmp_path, 1, mutation, agreed)
    assert (outcome.said, outcome.is_right, outcome.message) == (
        "differ",
        False,
        "source assets: accepted; validate: ['no']",
    )


def test_a_number_as_text_is_refused_in_every_cell_that_there_is(landing, tmp_path):
    """Also beside the errors, where the estimate stands a second time."""
    for name, seed in (("subnational", 1378203000), ("national", 1378203000)):
        mutation = next(one for one in every() if one.name == "a number as text" and f"/{name}-" in one.file)
        outcome = tried(landing, tmp_path, seed, mutation)
        assert outcome.said == "refused", outcome.message
        assert "'16.6' stands where a figure is expected" in outcome.message


@pytest.mark.parametrize("seed", [204358429, 984365296])
def test_households_of_weight_zero_are_no_broken_rows_however_many(landing, tmp_path, seed):
    mutation = next(one for one in every() if one.name == "weights of zero")
    outcome = tried(landing, tmp_path, seed, mutation)
    assert outcome.said == "accepted", outcome.message


@pytest.mark.soak
@pytest.mark.timeout(6 * 3600)
def test_forty_accepted_inputs_are_published_with_the_figures_of_the_unchanged_folder(landing, tmp_path):
    homes = Homes(tmp_path, landing)
    wrong = [one for one in (homes.carried(*each) for each in chosen(4, 40)) if not one.is_right]
    assert [f"{o.mutation}: exit {o.code} {o.said} {o.differences[:5]}" for o in wrong] == []


def test_inputs_that_are_carried_through_are_harmless_and_repeat_by_seed():
    first = chosen(5150, 40)
    assert [(seed, str(one)) for seed, one in first] == [(seed, str(one)) for seed, one in chosen(5150, 40)]
    assert len(first) == 40
    assert all(one.harmless for _, one in first)


ONCE_PUBLISHED = [
    ("latitude before longitude", PLACES, "latitude", "correct the file"),
    ("another country", PLACES, "lie outside the country", "check longitude and latitude"),
    ("rates in percent", VILLAGES_2010, "would be set aside, more than 5%", "correct the file"),
    ("half of its rows set aside", VILLAGES_2010, "would be set aside, more than 5%", "correct the file"),
    ("above a hundred percent", DATABASE, "above 100", "correct the file"),
    ("Headcount Ratio as a share", PUBLISHED, "the MPI is not headcount ratio times intensity", "share where percent"),
    ("the country's row alone", PUBLISHED, "0 of 4 regions", "check that the file is whole"),
    ("a region lost", PUBLISHED, "3 of 4 regions", "check that the file is whole"),
    ("a region lost in every sheet", SUBNATIONAL, "the first that is not is 'Beta'", "check that the file is whole"),
    ("latitude before longitude", COMMUNES, "latitude stands before longitude", "write longitude first"),
    ("metres without saying so", COMMUNES, "they seem to be metres", "assign the CRS"),
]


@pytest.mark.parametrize(("name", "file", "reason", "remedy"), ONCE_PUBLISHED, ids=[case[0] for case in ONCE_PUBLISHED])
def test_what_was_once_published_wrong_is_refused(landing, tmp_path, name, file, reason, remedy):
    mutation = next(one for one in every() if (one.name, one.file) == (name, file))
    outcome = tried(landing, tmp_path, 5, mutation)
    assert outcome.said == "refused", outcome.message
    assert reason in outcome.message
    assert remedy in outcome.message.replace("\n", " ")


@pytest.mark.slow
@pytest.mark.parametrize("country", ["kgz", "mng", pytest.param("khm", marks=pytest.mark.soak)])
def test_real_folders_pass_without_one_refusal(shared, country, tmp_path):
    settings = Settings(sources="landing", landing=shared / "realdata" / country, home=tmp_path, country=country)
    assert [message for _, message in validate_landing(settings) if message] == []


def source(source_id, **sense):
    spec = next(s for s in load_sources(load_country("khm"), simulated=True) if s.source_id == source_id)
    return spec.model_copy(update={"sense": spec.sense.model_copy(update=sense)})


def counts(rows, people=9000):
    return pd.DataFrame({"area_code": [f"{i:06d}" for i in range(rows)], "population": people, "households": 2000})


@pytest.mark.parametrize(
    ("now", "problem"),
    [
        (counts(100), None),
        (counts(100, 12_000), None),
        (counts(30), "the number of rows is 30, and was 100 in the release before"),
        (counts(100, 90_000), r"the sum of population is 9e\+06, and was 900,000 in the release before"),
    ],
)
def test_a_step_that_no_release_makes_is_refused(now, problem):
    def act():
        return size.refuse_step(source("commune_counts"), now, counts(100), Path("now.csv"), Path("then.csv"))

    if problem is None:
        assert act() == "3 sizes as in then.csv"
    else:
        with pytest.raises(ContractViolation, match=problem):
            act()


def test_rows_set_aside_are_refused_beyond_the_entrys_share():
    seen = Observation(counts(90), "", 100, {"households: no value": 10})
    with pytest.raises(ContractViolation, match=r"10 of 100 rows .* more than 5%; most by: households: no value"):
        size.refuse_rows_lost(source("commune_counts"), seen, Path("c.csv"))
    assert (
        size.refuse_rows_lost(source("commune_counts", set_aside=0.2), seen, Path("c.csv"))
        == "10 of 100 rows set aside"
    )
    by_the_pack = Observation(counts(90), "", 100, {"left out by names.csv: a city": 10})
    assert size.refuse_rows_lost(source("commune_counts"), by_the_pack, Path("c.csv")) == "0 of 100 rows set aside"


def test_a_median_of_another_unit_is_refused():
    frame = counts(50, 9)
    with pytest.raises(ContractViolation, match="middle value of 50 rows is 9, where 500 to 100000 is expected"):
        size.refuse_other_units(source("commune_counts"), frame, Path("c.csv"))


@pytest.mark.slow
def test_one_refusal_names_all_that_is_wrong(landing, tmp_path):
    mutation = next(
        one
        for one in every()
        if (one.name, one.file) == ("in thousands", "registers/census2008_int_migration_commune.csv")
    )
    message = tried(landing, tmp_path, 5, mutation).message
    assert "column persons" in message
    assert issubclass(RefusedFile, ContractViolation)


def test_draws_hold_a_third_of_harmless_inputs_and_repeat_by_seed():
    first, again = drawn(11, 90), drawn(11, 90)
    assert [(seed, str(one)) for seed, one in first] == [(seed, str(one)) for seed, one in again]
    assert np.mean([one.harmless for _, one in first]) == pytest.approx(1 / 3)
