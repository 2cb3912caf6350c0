"""Khmer words of pages beside the statistics office's own terms: those that it has are followed, the others are listed."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml

from poverty_assets.pack.country import load_country
from poverty_assets.reports.words import page_languages

FOLLOWED = {"urban": ("URBANISATION", "U"), "rural": ("URBANISATION", "R"), "probability": ("UNIT_MEASURE", "PROB")}
"""Terms that stand in the office's files by themselves, by how our English says them."""


@pytest.mark.shared
def test_words_follow_official_terms_and_those_without_one_are_listed(landing_khm, tmp_path):
    """The list is ``words-without-official-term.tsv`` in ``POVERTY_ASSETS_TEST_OUTPUT``, where that names a folder."""
    english, khmer = (dict(one.words) for one in page_languages(load_country("khm")))
    folder = landing_khm / "official_terms"
    terms = {
        said: yaml.safe_load((folder / f"km.{table}.yml").read_text(encoding="utf-8"))[key]
        for said, (table, key) in FOLLOWED.items()
    }
    asked = {
        key: [terms[said] for said in terms if re.search(rf"\b{said}\b", text, re.I)] for key, text in english.items()
    }
    assert {key: wanted for key, wanted in asked.items() if any(term not in khmer[key] for term in wanted)} == {}
    without = [f"{key}\t{english[key]}\t{khmer[key]}" for key in sorted(khmer) if not asked.get(key)]
    output = Path(os.environ.get("POVERTY_ASSETS_TEST_OUTPUT") or tmp_path)
    (output / "words-without-official-term.tsv").write_text("\n".join(without), encoding="utf-8")
    assert len(without) + sum(map(bool, asked.values())) == len(khmer)
