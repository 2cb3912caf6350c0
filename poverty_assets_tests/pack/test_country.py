"""Where packs are looked for."""

import shutil

import pytest

from poverty_assets.errors import UsageError
from poverty_assets.pack.country import country_folder, load_country


def test_a_pack_may_lie_outside_the_package_and_comes_before_one_of_the_same_name(tmp_path, monkeypatch):
    own = country_folder("khm")
    shutil.copytree(own, tmp_path / "abc")
    shutil.copytree(own, tmp_path / "khm")
    monkeypatch.setenv("POVERTY_ASSETS_COUNTRIES", str(tmp_path))
    assert load_country("abc").country_id == "khm"
    assert country_folder("KHM") == tmp_path / "khm"


def test_a_country_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(UsageError, match=r"no country 'xyz'[\s\S]*khm"):
        country_folder("xyz")
