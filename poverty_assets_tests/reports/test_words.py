"""Words of pages: none is missing, each language has what the others have, and a country may have its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import poverty_assets
from poverty_assets.errors import SpecificationError
from poverty_assets.lined_yaml import read_lined_yaml
from poverty_assets.pack.country import Country, Language, country_folders, load_country
from poverty_assets.reports.quarterly.finding import Question, written
from poverty_assets.reports.words import missing_words, page_languages
from poverty_assets_tests.warehouse.small_lake import KHM

FILES = sorted((Path(poverty_assets.__file__).parent / "words").glob("*.yaml"))
BLANKS = re.compile(r"\{(\w+)(?::[^}]*)?\}")


@pytest.fixture
def country(tmp_path, monkeypatch) -> Country:
    """A country of three languages, one of which is written from right to left, with a folder of its own words."""
    folder = tmp_path / "abc"
    (folder / "words").mkdir(parents=True)
    (folder / "country.yaml").write_text("{}")
    monkeypatch.setenv("POVERTY_ASSETS_COUNTRIES", str(tmp_path))
    languages = [
        Language(code="en", name="English"),
        Language(code="fr", name="français"),
        Language(code="ar", name="العربية", direction="rtl", fonts='"Noto Naskh Arabic"'),
    ]
    return KHM.model_copy(update={"country_id": "abc", "languages": languages})


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_language_of_the_package_has_every_word_with_the_same_blanks(file):
    english = read_lined_yaml(FILES[0].with_name("en.yaml")).value
    words = read_lined_yaml(file).value
    assert set(words) == set(english)
    assert [key for key, text in words.items() if not text] == []
    assert [key for key, text in words.items() if set(BLANKS.findall(text)) != set(BLANKS.findall(english[key]))] == []


@pytest.mark.parametrize("country_id", country_folders())
def test_no_country_of_the_package_lacks_a_word(country_id):
    assert missing_words(load_country(country_id)) == {}


def test_a_country_may_have_words_of_its_own_and_others_for_those_there_are(country):
    (country.folder / "words" / "en.yaml").write_text("topic: Theme\nmotto: Onward\n")
    (country.folder / "words" / "fr.yaml").write_text("topic: Thème\n")
    english, french, arabic = page_languages(country)
    assert (english.words["topic"], french.words["topic"], arabic.words["topic"]) == ("Theme", "Thème", "Theme")
    assert french.words["motto"] == "Onward"
    assert (french.direction, arabic.direction, arabic.fonts) == ("ltr", "rtl", '"Noto Naskh Arabic"')
    missing = missing_words(country)
    assert "motto" in missing["fr"]
    assert "topic" not in missing["fr"]
    assert "topic" in missing["ar"]
    assert "en" not in missing


def test_words_for_levels_and_languages_are_those_of_the_country(country):
    (country.folder / "words" / "en.yaml").write_text('a: "{finest} of {finest_many} in a {published}: {n}"\n')
    english, *_ = page_languages(country)
    assert english.words["a"] == "commune of communes in a province: {n}"
    assert english.words["search_hint"] == "English, français, العربية"


def test_a_word_that_is_no_text_is_refused_with_its_line(country):
    (country.folder / "words" / "en.yaml").write_text("topic: Theme\nfirst: 1\n")
    with pytest.raises(SpecificationError, match="'first' is no text") as caught:
        page_languages(country)
    assert "line 2" in str(caught.value.several[0] if caught.value.several else caught.value)


def test_texts_of_the_packs_files_are_said_in_a_language_that_has_them_and_else_as_they_are(country):
    (country.folder / "texts").mkdir()
    (country.folder / "texts" / "fr.yaml").write_text("Night lights: Lumières nocturnes\n")
    (country.folder / "words" / "fr.yaml").write_text(
        'say_seen: "{source}; {titles:words}"\nsay_and: "{before} et {last}"\n'
    )
    (country.folder / "words" / "en.yaml").write_text('say_seen: "{source}; {titles:words}"\n')
    said = [
        written(Question("seen", ""), ({"source": "Night lights", "titles": ["Roads", "Night lights"]},), one.words)
        for one in page_languages(country)[:2]
    ]
    assert said == ["Night lights; Roads and Night lights", "Lumières nocturnes; Roads et Lumières nocturnes"]
    assert missing_words(country).keys() <= {"fr", "ar"}
