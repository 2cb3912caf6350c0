"""The data dictionary's page."""

from __future__ import annotations

import html
import re

import duckdb
import pytest

from poverty_assets.catalog import TABLES
from poverty_assets.reports.dictionary import dictionary_page, write_dictionary
from poverty_assets.warehouse.views import views_of
from poverty_assets_tests.warehouse.made_warehouse import shared_made
from poverty_assets_tests.warehouse.small_lake import KHM


@pytest.mark.slow
def test_every_table_view_and_column_of_the_published_file_has_an_anchor_and_its_type(tmp_path_factory):
    page = dictionary_page(KHM)
    with duckdb.connect(str(shared_made(tmp_path_factory)), read_only=True) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = 'main' AND NOT internal"
        ).fetchall()
    assert {name for name, _, _ in columns} == {thing.name for thing in (*TABLES, *views_of(KHM))}
    for name, column, kind in columns:
        row = re.search(rf'<tr id="{name}\.{column}">(.*?)</tr>', page, re.DOTALL)
        assert row, f"{name}.{column} is not in the dictionary"
        assert f"<td>{html.escape(kind)}</td>" in row[1], f"{name}.{column} is {kind}"


def test_every_column_says_what_it_means():
    rows = re.findall(r'<tr id="([\w.]+)">.*?</tr>', dictionary_page(KHM), re.DOTALL)
    meanings = re.findall(r"<tr id=.*?<td>.*?</td><td>.*?</td><td>(.*?)</td><td>", dictionary_page(KHM), re.DOTALL)
    assert len(rows) == len(meanings) > 200
    assert all(len(meaning) > 3 for meaning in meanings)


def test_units_keys_and_legal_values_are_told():
    page = dictionary_page(KHM)
    row = re.search(r'<tr id="fct_mpi\.estimate">(.*?)</tr>', page, re.DOTALL)[1]
    assert "share, 0 to 1" in row
    assert "may be empty" in row
    assert "<td>key</td>" in re.search(r'<tr id="fct_mpi\.k">(.*?)</tr>', page, re.DOTALL)[1]
    assert "direct, modelled, composite" in re.search(r'<tr id="fct_mpi\.method">(.*?)</tr>', page, re.DOTALL)[1]


def test_every_link_leads_somewhere_on_the_page_and_anchors_stand_once():
    page = dictionary_page(KHM)
    anchors = re.findall(r'id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(anchors)
    assert not re.search(r'(?:href|src)="(?!#)', page)


def test_it_is_written_whole_and_the_same_each_time(tmp_path):
    one = write_dictionary(tmp_path / "a", KHM)
    assert one == tmp_path / "a" / "dictionary.html"
    assert one.read_bytes() == write_dictionary(tmp_path / "b", KHM).read_bytes()
    assert [path.name for path in one.parent.iterdir()] == ["dictionary.html"]
