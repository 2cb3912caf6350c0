import pytest

from poverty_assets.errors import MissingFile, UsageError
from poverty_assets.settings import Settings, claim_home


def test_a_home_is_simulated_unless_told_otherwise_and_remembers(tmp_path):
    landing = tmp_path / "landing"
    landing.mkdir()
    assert Settings(home=tmp_path / "a").is_simulated
    claim_home(Settings(home=tmp_path / "b", sources="landing", landing=landing))
    again = Settings(home=tmp_path / "b")
    assert not again.is_simulated
    assert again.landing_folder == landing


def test_a_home_that_holds_one_kind_of_data_refuses_the_other(tmp_path):
    claim_home(Settings(home=tmp_path, sources="simulated"))
    with pytest.raises(UsageError, match="holds simulated and was asked for landing"):
        claim_home(Settings(home=tmp_path, sources="landing", landing=tmp_path))


def test_a_landing_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(MissingFile, match="no such landing folder"):
        claim_home(Settings(home=tmp_path, sources="landing", landing=tmp_path / "none"))
    assert not (tmp_path / "home.json").exists()


def test_a_home_remembers_its_country_and_refuses_another(tmp_path, monkeypatch):
    claim_home(Settings(home=tmp_path, country="xyz"))
    assert Settings(home=tmp_path).country == "xyz"
    monkeypatch.setenv("POVERTY_ASSETS_COUNTRY", "abc")
    with pytest.raises(UsageError, match="holds xyz and was asked for abc"):
        claim_home(Settings(home=tmp_path))


def test_a_home_of_an_older_form_is_refused_with_what_to_do_and_left_as_it_is(tmp_path):
    (tmp_path / "lake" / "fct_mpi").mkdir(parents=True)
    (tmp_path / "home.json").write_text('{"country": "khm", "sources": "simulated"}')
    with pytest.raises(UsageError, match=r"form 1[\s\S]*name a new folder in POVERTY_ASSETS_HOME"):
        claim_home(Settings(home=tmp_path))
    assert "schema" not in (tmp_path / "home.json").read_text()


def test_a_home_that_has_no_lake_yet_takes_the_present_form(tmp_path):
    claim_home(Settings(home=tmp_path))
    claim_home(Settings(home=tmp_path))
    assert '"schema"' in (tmp_path / "home.json").read_text()
