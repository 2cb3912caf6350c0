"""A country is data: no code, query or script of the package, and no helper of its tests, names a level, a language or a country.

A helper decides what every test that builds on it can see: were it to speak of one country's levels, code that assumes them would pass
everywhere. A test (``test_*.py``) states a case, and the words of the case are its data: it may name what the pack it asks for names.
Helpers that write or spoil files in the layout of one pack of the package belong to that pack, as its folder does.
"""

import re
from pathlib import Path

import pytest

import poverty_assets
import poverty_assets_tests

PACKAGE, TESTS = (Path(one.__file__).parent for one in (poverty_assets, poverty_assets_tests))
WORDS = re.compile("commune|province|district|khmer|name_km|cambodia", re.IGNORECASE)
MAY_KNOW_THEIR_COUNTRY = ("countries/khm/", "twin/cambodia/")
FILES_OF_A_PACK = (
    "landing.py",
    "intake/changes.py",
    "intake/landing_files.py",
    "intake/mutations.py",
    "intake/trial.py",
    "twin/conftest.py",
)


def named(folder, kinds, without):
    """Lines of files of a folder that name a level, a language or a country, by file."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix in kinds and not name.startswith(without):
            lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            found[name] = [f"{name}:{number}: {line.strip()}" for number, line in lines if WORDS.search(line)]
    return {name: lines for name, lines in found.items() if lines}


def test_no_code_names_a_level_a_language_or_a_country():
    assert named(PACKAGE, (".py", ".js", ".sql"), MAY_KNOW_THEIR_COUNTRY) == {}


def test_no_helper_of_tests_names_a_level_a_language_or_a_country():
    helpers = {name: lines for name, lines in named(TESTS, (".py",), FILES_OF_A_PACK).items() if "test_" not in name}
    assert helpers == {}


@pytest.mark.parametrize("name", FILES_OF_A_PACK)
def test_a_helper_that_may_know_its_country_does(name):
    assert WORDS.search((TESTS / name).read_text(encoding="utf-8"))
