"""The words of pages, in each language of a country.

Belongs here: reading ``words/<language>.yaml`` of the package and of a country's folder, what becomes of words for levels in them,
which words are missing, and ``texts/<language>.yaml``, in which a country says titles and reasons of its own files in its languages. Does
not belong here: a word (those files), or which page says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from poverty_assets.catalog.model import FALLBACK
from poverty_assets.errors import SpecificationError
from poverty_assets.lined_yaml import read_lined_yaml
from poverty_assets.pack.country import Country

TEXT = "text:"
"""Begins the key of a text of the pack's own, which is the text as its file has it."""
GROUP = "group_"
"""Begins the word for a group of features."""
_FOLDER = Path(__file__).parents[1] / "words"


@dataclass(frozen=True)
class PageLanguage:
    """A language in which a page speaks.

    Attributes
    ----------
    code, name : str
        ISO 639 code, and what its speakers call it.
    direction : {"ltr", "rtl"}
    fonts : str
        Fonts that draw its script, as a CSS font-family list; may be empty.
    words : mapping
        Every word that the fallback has, by key; one that the language lacks is the fallback's. Beside them the texts of the pack
        that the language has, by ``text:`` and the text.
    """

    code: str
    name: str
    direction: str
    fonts: str
    words: Mapping[str, str]


def page_languages(country: Country) -> list[PageLanguage]:
    """The languages of a country's pages with their words, the fallback first.

    Raises
    ------
    SpecificationError
        If a file of words holds something else than texts.
    """
    by_code = {language.code: language for language in country.languages}
    fallback = _words(FALLBACK, country)
    spoken = ", ".join(by_code[code].name for code in country.language_codes)
    languages = []
    for code in country.language_codes:
        one = by_code[code]
        filled = {**level_words(country, code), "languages": spoken}
        words = {key: _filled(text, filled) for key, text in {**fallback, **_words(code, country)}.items()}
        words |= {TEXT + text: said for text, said in pack_texts(country, code).items()}
        languages.append(PageLanguage(code, one.name, one.direction, one.fonts or "", words))
    return languages


def pack_texts(country: Country, language: str) -> dict[str, str]:
    """Titles of sources, reasons and units of the country's files in a language, by the text that the file has."""
    file = country.folder / "texts" / f"{language}.yaml"
    return _read(file) if file.is_file() else {}


def in_words(text: str, words: Mapping[str, str]) -> str:
    """A text of the pack as the language of the words has it; where it does not, as it is."""
    return words.get(TEXT + text, text)


def level_words(country: Country, language: str) -> dict[str, str]:
    """What a language calls an area of the finest and of the published level, and several of them."""
    words: dict[str, str] = {}
    for role, level_id in (("finest", country.levels.finest), ("published", country.levels.published)):
        level = country.levels[level_id]
        words |= {role: level.name(language), f"{role}_many": level.name(language, many=True)}
    return words


def missing_words(country: Country) -> dict[str, list[str]]:
    """Words that a language of the country lacks though the fallback has them, by language; only those that lack any."""
    fallback = _words(FALLBACK, country)
    lacking = {code: sorted(set(fallback) - set(_words(code, country))) for code in country.language_codes}
    return {code: keys for code, keys in lacking.items() if keys}


def _words(language: str, country: Country) -> dict[str, str]:
    """The language's words as they stand: the package's, then the country's own."""
    words: dict[str, str] = {}
    for file in (_FOLDER / f"{language}.yaml", country.folder / "words" / f"{language}.yaml"):
        if file.is_file():
            words |= _read(file)
    return words


def _read(file: Path) -> dict[str, str]:
    read = read_lined_yaml(file)
    wrong = [key for key, text in read.value.items() if not isinstance(text, str)]
    if wrong:
        raise SpecificationError.together(
            [read.fault(f"the word {key!r} is no text", "write a text, in quotes where it looks like a number", key)
             for key in wrong]
        )  # fmt: skip
    words: dict[str, str] = read.value
    return words


def _filled(text: str, words: Mapping[str, str]) -> str:
    """A text with its words for levels; other braces are left to the page."""
    for name, word in words.items():
        text = text.replace(f"{{{name}}}", word)
    return text
