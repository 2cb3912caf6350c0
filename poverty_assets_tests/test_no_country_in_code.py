"""A country is data: no code, query or script of the package names a level of areas, a language or a country."""

import re
from pathlib import Path

import poverty_assets

PACKAGE = Path(poverty_assets.__file__).parent
WORDS = re.compile("commune|province|district|khmer|name_km|cambodia", re.IGNORECASE)
MAY_KNOW_THEIR_COUNTRY = ("countries/khm/", "twin/cambodia/")


def test_no_code_names_a_level_a_language_or_a_country():
    found = [
        f"{name}:{number}: {line.strip()}"
        for path in sorted(PACKAGE.rglob("*"))
        if path.suffix in (".py", ".js", ".sql")
        and not (name := path.relative_to(PACKAGE).as_posix()).startswith(MAY_KNOW_THEIR_COUNTRY)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if WORDS.search(line)
    ]
    assert found == []
