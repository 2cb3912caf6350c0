"""The page beside a candidate: what would change, in words, fit for a phone."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from poverty_assets.quarter import Quarter
from poverty_assets.reports.candidate import write_changes
from poverty_assets_tests.reports import explorer_warehouse as made
from poverty_assets_tests.warehouse.small_lake import KHM

OLD, NEW = Quarter(2025, 3), Quarter(2026, 3)


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    """Of a candidate whose newest quarter is not published yet, and of which one source is no longer used."""
    folder = tmp_path_factory.mktemp("candidate")
    published = made.write_warehouse(folder / "published.duckdb")
    (folder / "candidate").mkdir()
    candidate = Path(shutil.copy(published, folder / "candidate" / "poverty.duckdb"))
    with duckdb.connect(str(published)) as connection:
        for table in ("dim_quarter", "meta_source"):
            connection.execute(f"DELETE FROM {table} WHERE quarter = ?", [NEW.start])
        connection.execute("UPDATE meta_source SET source_id = 'gone', title = 'A census' WHERE source_id = 'raster'")
    return write_changes(candidate, published, KHM, [OLD, NEW]).read_text(encoding="utf-8")


def test_a_new_quarter_is_held_against_the_last_published_one_with_its_interval(page):
    assert f"new: held against {OLD} as it is published" in page
    assert f'<th scope="col" class=n>published ({OLD})</th><th scope="col" class=n>its 95% interval</th>' in page
    assert f"poverty-assets approve {NEW} --by" in page


def test_evidence_levels_and_sources_are_said_in_words(page):
    assert "Headcount ratio of provinces" in page
    assert "Headcount ratio of communes" in page
    assert "<td>survey</td>" in page
    assert "<td>direct</td>" not in page
    assert "No longer used: A census." in page


def test_a_table_that_is_wider_than_a_phone_scrolls_by_itself(page):
    assert page.count("<table>") == page.count('<div class="scroll" tabindex="0" role="region" aria-label="')


def test_of_a_revision_that_nobody_noted_no_reason_is_given(page):
    assert f"revised: held against {OLD} as it is published.</p>" in page
    assert "Why:" not in page
