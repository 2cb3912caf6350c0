"""Khmer words of pages beside the statistics office's own terms: those that it has are followed, the others are listed.

The office's terms are those of its Sustainable Development Goals: codes with a word for each, and titles of indicators.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import poverty_assets
from poverty_assets.pack.country import load_country
from poverty_assets.reports.words import TEXT, pack_texts, page_languages

ROOT = Path(poverty_assets.__file__).parent
PACK = ROOT / "countries" / "khm"
TERMS = (
    ("urban", "ទីប្រជុំជន", "URBANISATION", "U"), ("rural", "ជនបទ", "URBANISATION", "R"),
    ("totals?", "សរុប", "URBANISATION", "_T"), ("probability", "ប្រូបាប", "UNIT_MEASURE", "PROB"),
    ("percent(age)?", "ភាគរយ", "UNIT_MEASURE", "PT"), ("number", "ចំនួន", "UNIT_MEASURE", "NUMBER"),
    ("index", "សន្ទស្សន៍", "UNIT_MEASURE", "INDEX"), ("ratio", "សមាមាត្រ", "UNIT_MEASURE", "RO"),
    ("years?", "ឆ្នាំ", "UNIT_MEASURE", "Y"), ("unit( of measure)?", "ឯកតារង្វាស់", "UNIT_MEASURE", "UNIT_MEASURE"),
    ("kilometers|km(?!²)", "គីឡូម៉ែត្រ", "UNIT_MEASURE", "KM"),
    ("square kilometers|km²", "គីឡូម៉ែត្រការ៉េ", "UNIT_MEASURE", "KM2"),
    ("under 5 years|under five", "អាយុក្រោម ៥ ឆ្នាំ", "AGE", "Y0T4"), ("under 18", "អាយុក្រោម ១៨ ឆ្នាំ", "AGE", "Y0T17"),
    ("15 years old and over|aged 15 or older", "អាយុ ១៥ ឆ្នាំឡើងទៅ", "AGE", "Y_GE15"),
    ("cambodia", "កម្ពុជា", "REF_AREA", "116"),
    ("remote area|areas?(?<!rural areas)(?<!urban areas)(?<!of the area)", "តំបន់", "URBANISATION", "REMOTE"),
    ("sanitation", "អនាម័យ", "SERIES", "SH_SAN_SAFE"), ("improved (sanitation|toilet)", "បានកែលម្អ", "SERIES", "SH_SAN_SAFE"),
    ("drinking water", "ទឹកស្អាតសម្រាប់ទទួលទាន", "SERIES", "SH_H2O_SAFE"), ("sources?", "ប្រភព", "SERIES", "SH_H2O_SAFE"),
    ("electricity", "អគ្គិសនី", "SERIES", "EG_ACS_ELEC"), ("fuels?", "ឥន្ធនៈ", "SERIES", "EG_EGY_CLEAN"),
    ("population", "ប្រជាជន", "SERIES", "EG_EGY_CLEAN"), ("intensity", "អាំងតង់ស៊ីតេ", "SERIES", "EG_EGY_PRIM"),
    ("floods?", "ទឹកជំនន់", "SERIES", "N_KH_150301_01"), ("droughts?", "រាំងស្ងួត", "SERIES", "N_KH_150301_01"),
    ("vulnerab(le|ility)", "ងាយរងគ្រោះ", "SERIES", "N_KH_130101_01"), ("changed?", "ប្រែប្រួល", "SERIES", "N_KH_130101_01"),
    ("poverty", "ភាពក្រីក្រ", "SERIES", "SI_POV_NMPI"), ("multidimensional(ly)?|multiple dimensions", "គ្រប់សមាសភាព", "SERIES", "SI_POV_NMPI"),
    ("national poverty line", "បន្ទាត់ភាពក្រីក្រថ្នាក់ជាតិ", "SERIES", "SI_POV_NAHC"), ("child(ren)?", "កុមារ", "SERIES", "SI_POV_NMPI"),
    ("the poor(?! or)|(?<!near-)poor people|people who are poor", "ជនក្រីក្រ", "SERIES", "N_KH_010301_01"),
    ("services?", "សេវា", "SERIES", "N_KH_010301_01"), ("mortality", "មរណភាព", "SERIES", "SH_DYN_MORT"),
    ("communes?", "ឃុំ សង្កាត់", "SERIES", "N_KH_050503_01"), ("villages?", "ភូមិ", "SERIES", "N_KH_180202_01"),
    ("households?", "គ្រួសារ", "SERIES", "N_KH_070101_01"), ("indicators?", "សូចនាករ", "SERIES", "SD_SDG_AVLB"),
    ("census", "ជំរឿន", "SERIES", "SG_REG_CENSUSN"), ("regist(er|ers|ered)", "បញ្ជី", "SERIES", "SG_REG_BRTH"),
    ("protected areas?", "តំបន់ការពារ", "SERIES", "ER_PTD_FRHWTR"), ("land", "ផ្ទៃដី", "SERIES", "AG_LND_FRST"),
    ("schools|a school(?!-)|secondary school", "សាលា", "SERIES", "SE_ACS_H2O"),
    ("upper.secondary", "មធ្យមសិក្សាទុតិយភូមិ", "SERIES", "N_KH_040502_01"),
    ("primary", "បឋមសិក្សា", "SERIES", "SE_TRA_GRDL"), ("education", "ការអប់រំ", "SERIES", "N_KH_050602_01"),
    ("health", "សុខភាព", "SERIES", "N_KH_050602_01"), ("literacy", "អក្ខរជន", "SERIES", "N_KH_040601_01"),
    ("internet", "អ៊ិនធើណែត", "SERIES", "IT_USE_II99"), ("markets?|marke", "ទីផ្សារ", "SERIES", "N_KH_140b01_01"),
    ("prices?", "តម្លៃ", "SERIES", "N_KH_060401_01"), ("food", "ស្បៀង", "SERIES", "ER_GRF_PLNTSTOR"),
    ("exposed", "ប្រឈម", "UNIT_MEASURE", "PER_100000_WKRS_EXPD"), ("growth", "កំណើន", "SERIES", "NY_GDP_PCAP"),
)  # fmt: skip
"""How English says a thing, the office's Khmer, and the file and key where both stand."""
OTHERWISE = {
    "say_month_": "the name of a month",
    "within_a_sentence": "how a name is written within a sentence, no text",
    "search_hint": "names of languages",
}
"""Texts, by how their keys begin, that say nothing in Khmer."""


def plain(text: str) -> str:
    """Without spaces, seen or unseen."""
    return re.sub("[\\s\u200b]", "", text)


def missing(english: str, khmer: str) -> list[str]:
    """Official terms that a text asks for and does not use."""
    asked = (term for words, term, *_ in TERMS if re.search(rf"\b({words})\b", english, re.I))
    return [term for term in asked if plain(term) not in plain(khmer)]


def has_term(english: str) -> bool:
    return any(re.search(rf"\b({words})\b", english, re.I) for words, *_ in TERMS)


def texts_of_pages() -> Iterator[tuple[str, str, str]]:
    """Key, English and Khmer of every text: words of pages, then those of the pack."""
    english, khmer = (dict(one.words) for one in page_languages(load_country("khm")))
    for key in khmer:
        if not key.startswith(tuple(OTHERWISE)):
            yield key, re.sub(r"\{.*?\}", "{}", english.get(key, key.removeprefix(TEXT))), khmer[key]
    for file in sorted(PACK.rglob("*.yaml")):
        if not file.name.startswith(("sources", "simulated")) and file.parent.name != "texts":
            base = ROOT / "measures" / file.name
            shared = yaml.safe_load(base.read_text(encoding="utf-8")) if base.is_file() else {}
            yield from _pairs(yaml.safe_load(file.read_text(encoding="utf-8")), shared, file.stem)


def _pairs(node: Any, shared: Any, key: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(node, list):
        for i, part in enumerate(node):
            named = next((v for k, v in part.items() if k.endswith("_id")), i) if isinstance(part, dict) else i
            same = [one for one in shared if named in one.values()] if isinstance(shared, list) else []
            yield from _pairs(part, same[0] if same else {}, f"{key}.{named}")
    if not isinstance(node, dict):
        return
    shared = shared if isinstance(shared, dict) else {}
    english = shared | node
    for own, name in (("en", "km"), ("name_en", "name_km"), ("definition", "definition_km")):
        if isinstance(node.get(name), str) and node[name]:
            said = english[own]
            yield f"{key}.{name}", said if isinstance(said, str) else " ".join(said), node[name]
    for name, part in node.items():
        yield from _pairs(part, shared.get(name), f"{key}.{name}")


def said_in(node: Any, keys: tuple[str, ...]) -> Iterator[str]:
    """Texts under some keys, wherever they stand."""
    for key, part in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if key in keys and isinstance(part, str):
            yield part
        yield from said_in(part, keys)


def texts_of_the_pack() -> set[str]:
    """Titles of its sources and of those that it takes by name, units and reasons of hazards, and reasons of shocks of prices."""
    read = {name: yaml.safe_load((PACK / f"{name}.yaml").read_text(encoding="utf-8")) for name in (
        "sources", "sources_simulated", "simulated", "hazards", "shocks")}  # fmt: skip
    taken = {entry["open_source"] for entry in read["sources"] if "open_source" in entry}
    entries = [
        e for f in (ROOT / "pack/open_sources").glob("*.yaml") for e in yaml.safe_load(f.read_text(encoding="utf-8"))
    ]
    open_sources = [entry for entry in entries if entry["source_id"] in taken]
    titled = [read["sources"], read["sources_simulated"], read["simulated"]["surveys"], open_sources]
    priced = [shock["adds"] for shock in read["shocks"]["shocks"] if "price_change" in shock]
    found = set(said_in(titled, ("title",))) | set(said_in(read["hazards"], ("unit", "why", "source_of_threshold")))
    return found | set(said_in(priced, ("why", "source")))


def test_every_title_and_reason_of_the_pack_is_said_in_khmer(tmp_path):
    """Those that are not fall back, and are listed in ``texts-not-in-khmer.txt`` in ``POVERTY_ASSETS_TEST_OUTPUT``."""
    known, khmer = texts_of_the_pack(), pack_texts(load_country("khm"), "km")
    output = Path(os.environ.get("POVERTY_ASSETS_TEST_OUTPUT") or tmp_path)
    (output / "texts-not-in-khmer.txt").write_text("\n".join(sorted(known - set(khmer))), encoding="utf-8")
    assert sorted(known - set(khmer)) == []
    assert sorted(set(khmer) - known) == []  # of what nothing says any more


@pytest.mark.shared
def test_each_term_stands_in_the_offices_list(landing_khm):
    folder = landing_khm / "official_terms"
    read = {code: {} for code in ("en", "km")}
    for code, tables in read.items():
        for table in {table for *_, table, _ in TERMS}:
            tables[table] = yaml.safe_load((folder / f"{code}.{table}.yml").read_text(encoding="utf-8"))
    wrong = [
        (table, key)
        for words, term, table, key in TERMS
        if not re.search(rf"\b({words})", read["en"][table][key], re.I)
        or plain(term) not in plain(read["km"][table][key])
    ]
    assert wrong == []


def test_words_follow_official_terms_and_those_without_one_are_listed(tmp_path):
    """The list is ``words-without-official-term.tsv`` in ``POVERTY_ASSETS_TEST_OUTPUT``, where that names a folder."""
    texts = list(texts_of_pages())
    assert {key: lost for key, english, khmer in texts if (lost := missing(english, khmer))} == {}
    without = ["\t".join(text) for text in texts if not has_term(text[1])]
    output = Path(os.environ.get("POVERTY_ASSETS_TEST_OUTPUT") or tmp_path)
    (output / "words-without-official-term.tsv").write_text("\n".join(without), encoding="utf-8")
    assert len(texts) - len(without) > 200
    assert any(line.startswith("quarter\t") for line in without)


def test_a_text_with_another_word_than_the_offices_is_found():
    assert missing("Deprived in drinking water", "ខ្វះខាតទឹកផឹក") == ["ទឹកស្អាតសម្រាប់ទទួលទាន"]
    assert missing("Rural areas, percent", "ភាគរយ តំបន់ជន\u200bបទ") == []
