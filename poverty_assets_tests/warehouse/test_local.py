"""What a pack makes of the published file: names a language, levels with their parts, forms of codes, older names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from poverty_assets.catalog import SCHEMA_VERSION, TABLES, Locale, table
from poverty_assets.errors import GateFailed, SpecificationError
from poverty_assets.graph.checks.suites import validate
from poverty_assets.pack.country import Country, Language
from poverty_assets.pack.levels import Level, ParentRule
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.build import publish
from poverty_assets.warehouse.lake import Lake
from poverty_assets.warehouse.local import locale_of, read_levels, tables_of
from poverty_assets.warehouse.query import answer
from poverty_assets.warehouse.views import views_of
from poverty_assets_tests.warehouse.small_lake import KHM, areas, write_quarter
from poverty_assets_tests.warehouse.small_lake import columns as lake_columns

QUARTER = Quarter(2022, 1)
SPEAKING = KHM.model_copy(
    update={"languages": [*KHM.languages, Language(code="fr", name="français")], "aliases": {}, "country_id": "abc"}
)
"""A country of three languages, of which the rows of the lake have two."""


def with_levels(levels: list[Level]) -> Country:
    """The country with other levels, and no older names."""
    country = KHM.model_copy(update={"level_list": levels, "aliases": {}})
    vars(country).pop("levels", None)  # worked out once
    return country


def published(tmp_path, country: Country = KHM) -> duckdb.DuckDBPyConnection:
    lake = Lake(tmp_path / "lake")
    write_quarter(lake, QUARTER)
    publish(lake, tmp_path / "poverty.duckdb", country, is_simulated=True, run_id="r")
    return duckdb.connect(str(tmp_path / "poverty.duckdb"), read_only=True)


def columns(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    return [row[0] for row in connection.execute(f'DESCRIBE "{name}"').fetchall()]


@pytest.mark.slow
def test_every_dimension_and_view_has_a_name_in_each_language(tmp_path):
    with published(tmp_path, SPEAKING) as connection:
        for name in (
            "dim_area",
            "dim_indicator",
            "dim_context",
            "dim_hazard",
            "dim_shock",
            "v_mpi_latest",
            "v_area_profile",
        ):
            assert [c for c in columns(connection, name) if c in ("name_en", "name_km", "name_fr")] == [
                "name_en", "name_km", "name_fr",
            ], name  # fmt: skip
        names = connection.execute("SELECT names['en'], names['fr'], map_keys(names) FROM dim_area").fetchall()
    assert names == [(code, None, ["en", "km", "fr"]) for code in sorted(areas()["area_id"])]


@pytest.mark.slow
def test_levels_are_rows_with_the_part_that_each_plays(tmp_path):
    with published(tmp_path) as connection:
        assert [(one.area_level, one.role) for one in read_levels(connection)] == [
            ("country", "country"), ("province", "published"), ("district", "between"), ("commune", "finest"),
        ]  # fmt: skip
        held = connection.execute("SELECT depth, plural_en FROM dim_level ORDER BY depth").fetchall()
    assert held == [(0, "countries"), (1, "provinces"), (2, "districts"), (3, "communes")]


@pytest.mark.slow
def test_a_code_that_has_not_the_form_of_its_level_stops_publication(tmp_path):
    levels = [
        level if level.level_id != "commune" else level.model_copy(update={"code": r"\d{7}"}) for level in KHM.levels
    ]
    with pytest.raises(
        GateFailed, match="every code has the form of its level: 1 rows, first area_level=commune, area_id=010101"
    ):
        published(tmp_path, with_levels(levels))


@pytest.mark.slow
@pytest.mark.parametrize(("code", "passed"), [("KH", True), ("010101", True), ("01010", False), ("XX", False)])
def test_the_suite_of_a_table_knows_the_forms_of_codes(code, passed):
    frame = areas().assign(area_id=["KH", "01", "0101", code]).drop_duplicates("area_id")
    found = {one.check: one.passed for one in validate(frame, table("dim_area").within(locale_of(KHM)))}
    assert found["area_id has its form"] is passed


def test_a_name_that_the_pack_lacks_in_one_of_its_languages_is_warned_of():
    frame = pd.DataFrame(
        [("flood", "Flood", None, "s", "m", 1.0, 0.0, False, "made up", None, None, None, True)],
        columns=lake_columns("dim_hazard"),
    )
    (found,) = (one for one in validate(frame, table("dim_hazard").within(locale_of(KHM))) if not one.passed)
    assert (found.check, found.severity) == ("name_km is never NULL", "warn")


def test_levels_of_a_table_are_those_of_the_country():
    frame = areas().replace({"area_level": {"commune": "rayon"}})
    found = {one.check: one.passed for one in validate(frame, table("dim_area").within(locale_of(KHM)))}
    assert found["area_level is one of 4 values"] is False


@pytest.mark.slow
def test_queries_that_use_older_names_run_as_they_are(tmp_path):
    with published(tmp_path) as connection:
        assert columns(connection, "commune_feature") == columns(connection, "area_feature")
        old = connection.execute("SELECT area_id, province_name_en, district_name_en FROM v_commune_profile").fetchall()
        comments = dict(
            connection.execute("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall()
        )
    assert old == [("010101", "01", "0101")]
    assert "Other name of area_feature" in comments["commune_feature"]


@pytest.mark.parametrize("aliases", [{"old": "no_such_table"}, {"dim_area": "area_feature"}])
def test_an_older_name_of_nothing_or_of_something_else_is_refused(aliases):
    with pytest.raises(SpecificationError, match="1 aliases name no table or view"):
        views_of(KHM.model_copy(update={"aliases": aliases}))


def test_the_profile_names_the_areas_above_whatever_their_levels_are_called(tmp_path):
    names = {"province": "oblast", "district": "rayon", "commune": "aul"}
    levels = [
        Level(id=names.get(one.level_id, one.level_id), names={"en": one.level_id}, code=one.code, parent=one.parent)
        for one in KHM.levels
    ]
    country = with_levels(levels)
    views = {view.name: view.sql for view in views_of(country)}
    with duckdb.connect() as connection:
        for one in tables_of(country):
            connection.execute(one.ddl)
        for name in ("v_area", "v_area_profile"):
            connection.execute(f"CREATE VIEW {name} AS {views[name]}")
        assert [c for c in columns(connection, "v_area_profile") if c.endswith("_name_en")] == [
            "oblast_name_en",
            "rayon_name_en",
        ]


def test_a_country_with_no_level_between_has_one_area_above():
    levels = [
        Level(id="country", names={"en": "country"}),
        Level(id="oblast", names={"en": "oblast"}, code=r"\d{2}"),
        Level(id="rayon", names={"en": "rayon"}, code=r"\d{4}", parent=ParentRule(prefix=2)),
    ]
    view = views_of(with_levels(levels))[0]
    assert [c for c in view.columns if c.endswith("_name_en")] == ["oblast_name_en"]
    assert "p2" not in view.sql


@pytest.mark.slow
def test_names_by_language_are_written_in_every_form_of_an_answer(tmp_path):
    published(tmp_path).close()
    sql = "SELECT names FROM dim_area WHERE area_id = 'KH'"
    warehouse = tmp_path / "poverty.duckdb"
    assert answer(warehouse, sql, "csv").decode().splitlines() == ['"names"', '"en=KH|km="']
    assert answer(warehouse, sql, "json").decode().strip() == '[{"names":{"en":"KH","km":null}}]'


def test_tables_know_a_column_a_language_of_the_rows_they_are_given():
    generic = table("dim_hazard")
    assert [c.name for c in generic.as_in(["hazard_id", "name_en", "name_sw", "unit"]).columns if "name" in c.name] == [
        "name_en", "name_sw",
    ]  # fmt: skip
    assert "name_{lang}" not in [c.name for c in generic.within(Locale()).columns]


@pytest.mark.slow
def test_what_was_renamed_is_read_under_its_old_name_too(monkeypatch, tmp_path):
    renamed = {"fct_mpi": "estimate", "dim_quarter": "label"}
    tables = tuple(
        replace(
            one, columns=tuple(replace(c, was="before" if c.name == renamed.get(one.name) else "") for c in one.columns)
        )
        for one in TABLES
    )
    monkeypatch.setattr("poverty_assets.warehouse.local.TABLES", tables)
    monkeypatch.setattr("poverty_assets.warehouse.views.RENAMED", {"fct_old": "fct_mpi"})
    with published(tmp_path) as connection:
        assert connection.execute("SELECT before = label, count(*) FROM dim_quarter GROUP BY ALL").fetchall() == [
            (True, 1)
        ]
        held = connection.execute("SELECT before, estimate FROM fct_old WHERE statistic = 'headcount_ratio'").fetchall()
        said = connection.execute(
            "SELECT comment FROM duckdb_columns() WHERE column_name = 'before' AND table_name = 'fct_mpi'"
        )
        assert said.fetchall() == [
            ("Older name of estimate, which the next version will not have. Unit: share, 0 to 1. From 0 to 1.",)
        ]
    assert held == [(0.2, 0.2)]


@pytest.mark.slow
def test_no_name_of_this_version_of_the_published_file_is_lost(tmp_path):
    """A column that is renamed has its old name for one version (``was``); then ``SCHEMA_VERSION`` grows, with a list of its own."""
    listed = (Path(__file__).parent / f"names_of_version_{SCHEMA_VERSION}.txt").read_text().split()
    with published(tmp_path) as connection:
        sql = "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'main'"
        held = {row[0] for row in connection.execute(sql).fetchall()}
        assert connection.execute("SELECT schema_version FROM meta_build").fetchall() == [(SCHEMA_VERSION,)]
    assert [name for name in listed if name not in held] == []
    assert len(listed) > 800
