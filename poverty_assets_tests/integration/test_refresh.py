"""A refresh through the command line, on the made-up landing folder."""

import csv
import io
import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow.parquet as pq
import pytest

from poverty_assets.catalog import INNER_TABLES, TABLES
from poverty_assets.pack.country import load_country
from poverty_assets.running.instance import open_instance
from poverty_assets.warehouse.lake import SOURCE
from poverty_assets.warehouse.local import locale_of
from poverty_assets_tests.command_line import Answer
from poverty_assets_tests.integration.conftest import QUARTER, refresh_regions

REGISTER = "registers/*idpoor_communes*.json"


def lake_bytes(home):
    return {p.relative_to(home).as_posix(): p.read_bytes() for p in sorted((home / "lake").rglob("*.parquet"))}


def one_household_more(landing: Path) -> None:
    (register,) = landing.glob(REGISTER)
    records = json.loads(register.read_text())
    records["DataList"][0]["Total_HHs"] += 1
    register.write_text(json.dumps(records))


def made_of_last_run(folder: Path) -> set[str]:
    """Assets that the last run of the quarter did not take as they were."""
    with open_instance(folder / "dagster") as instance:
        (run,) = instance.get_runs(dg.RunsFilter(job_name="quarter"), limit=1)
        events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        shown = [event.get_dagster_event().step_materialization_data.materialization for event in events]
    reused = {
        one.asset_key.to_user_string() for one in shown if "reused" in one.metadata and one.metadata["reused"].value
    }
    return {one.asset_key.to_user_string() for one in shown} - reused - {"sealed_quarters"}


def published(folder: Path) -> dict[str, int]:
    """A digest of the rows of each published table that holds figures."""
    with duckdb.connect(str(folder / "warehouse" / "poverty.duckdb"), read_only=True) as connection:
        tables = connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        return {
            name: connection.execute(f'SELECT sum(hash(t)) FROM "{schema}"."{name}" t').fetchone()[0]
            for schema, name in tables
            if name.startswith("fct_")
        }


def rows(run_cli, home, sql):
    answer = run_cli(home, "query", sql, "--format", "csv")
    assert answer.code == 0, answer.err
    return list(csv.reader(io.StringIO(answer.out)))[1:]


@dataclass
class Taken:
    """A published quarter with a survey after another release of its register: what the refresh said and made, the lake before and after
    it, and what was published."""

    said: Answer
    made: set[str]
    before: dict[str, bytes]
    after: dict[str, bytes]
    published: dict[str, int]


@dataclass
class Again:
    """The same quarter made anew after that, beside packs of other countries that are broken: what was said, and how often each raster
    was opened."""

    home: Path
    taken: Taken
    said: Answer
    opened: Counter


BROKEN = {"aaa": "levels: [", "bbb": "name: {en: Bbb}\n", "ccc": "country_id: khm\nlevels: none\n"}
"""A pack whose yaml cannot be read, one without a key that it needs, one that is another country's in part."""


def write_broken_packs(folder: Path) -> Path:
    for name, text in BROKEN.items():
        (folder / name).mkdir()
        (folder / name / "country.yaml").write_text(text)
        (folder / name / "sources.yaml").write_text("sources: [")
    return folder


@pytest.fixture(scope="module")
def broken_packs(tmp_path_factory) -> Path:
    return write_broken_packs(tmp_path_factory.mktemp("packs"))


@pytest.fixture(scope="module")
def again(regions, tmp_path_factory):
    import rasterio

    folder = Path(shutil.copytree(regions, tmp_path_factory.mktemp("again") / "regions"))
    home, opened, really = folder / "home", Counter(), rasterio.open
    before = lake_bytes(home)
    one_household_more(folder / "landing")
    said = refresh_regions(folder)
    taken = Taken(said, made_of_last_run(home), before, lake_bytes(home), published(home))
    write_broken_packs(folder / "packs")

    def counted(path, *rest, **said):
        opened.update([str(path)])
        return really(path, *rest, **said)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rasterio, "open", counted)
        said = refresh_regions(folder, "--full")
    return Again(home, taken, said, opened)


def test_the_summary_says_what_was_published_where_and_what_to_type_next(again):
    assert f"Published {QUARTER}" in again.said.out
    assert str(again.home / "warehouse" / "poverty.duckdb") in again.said.out
    assert "poverty-assets query" in again.said.out
    assert "make ui" in again.said.out


def test_after_a_change_what_did_not_change_is_taken_as_it_was(again):
    taken = again.taken
    assert "assets were there already and were used again" in taken.said.out
    assert taken.made > {"src_idpoor_2022", "register_count", "fct_register", "area_draw"}
    assert not taken.made & {"src_elevation", "survey_household", "area_boundary", "dim_context"}
    assert taken.after != taken.before


def test_making_all_anew_gives_the_same_lake_byte_for_byte_and_publishes_the_same(again):
    after = lake_bytes(again.home)
    assert "used again" not in again.said.out
    assert sorted(after) == sorted(again.taken.after)
    assert [name for name in after if after[name] != again.taken.after[name]] == []
    assert published(again.home) == again.taken.published


def test_a_broken_pack_disturbs_another_countrys_refresh_and_pages_nowhere(again):
    packs = again.home.with_name("packs")
    assert {path.name for path in packs.iterdir()} == {"khm", *BROKEN}
    assert not [name for name in BROKEN if f"packs/{name}" in again.said.err]
    page = (again.home / "reports" / "explorer.html").read_text(encoding="utf-8")
    assert "Cambodia" in page
    assert str(packs) not in page


@pytest.mark.parametrize("command", ["status", "validate", "country check khm"])
def test_a_broken_pack_disturbs_no_other_command_of_another_country(run_cli, home, broken_packs, monkeypatch, command):
    alone = run_cli(home, *command.split())
    monkeypatch.setenv("POVERTY_ASSETS_COUNTRIES", str(broken_packs))
    assert run_cli(home, *command.split()) == alone
    assert alone.code == 0, alone.err


def test_a_quarter_opens_every_raster_once(again):
    assert len(again.opened) == 7
    assert set(again.opened.values()) == {1}


def test_every_commune_has_a_register_row_with_a_rate_that_a_model_predicts(run_cli, home):
    sql = "SELECT count(*), count(modelled_rate), count(rate) FROM fct_register WHERE area_level = 'commune' AND is_headline"
    assert rows(run_cli, home, sql) == [["80", "80", "80"]]


def test_published_figures_carry_their_errors_and_say_where_there_is_none(run_cli, home):
    sql = (
        "SELECT statistic, count(*), count(se), min(quality_flag) FROM fct_mpi WHERE method = 'published'"
        " GROUP BY 1 ORDER BY 1"
    )
    assert rows(run_cli, home, sql) == [
        ["headcount_ratio", "5", "5", "ok"],
        ["intensity", "5", "0", "se_not_published"],
        ["mpi", "5", "5", "ok"],
        ["severe", "5", "0", "se_not_published"],
        ["vulnerable", "5", "0", "se_not_published"],
    ]


def test_every_folder_of_the_lake_is_a_table_of_the_catalog_and_has_its_columns(home):
    locale = locale_of(load_country("khm"))
    definitions = {one.name: one.within(locale) for one in (*TABLES, *INNER_TABLES)}
    files, empty = sorted((home / "lake").rglob("part.parquet")), set()
    for path in files:
        name = path.relative_to(home / "lake").parts[0]
        if name.startswith(SOURCE):  # a source as it is; its own contract states its columns
            continue
        data, definition = pq.ParquetFile(path), definitions[name]
        schema, wanted = data.schema_arrow, definition.arrow_schema()
        assert schema.names[: len(wanted)] == wanted.names, path
        assert definition.further or len(schema) == len(wanted), path
        assert [schema.field(column).type for column in wanted.names] == wanted.types, path
        empty |= set() if data.metadata.num_rows else {name}
    assert {path.relative_to(home / "lake").parts[0] for path in files} >= {"fct_mpi", "quarter_note", "wave_feature"}
    assert {
        "survey_household",
        "direct_mpi",
        "fct_change",
    } <= empty  # no survey is in this landing folder: checked as well


def test_every_figure_names_its_sources_and_every_check_left_its_rows(run_cli, home):
    assert int(rows(run_cli, home, "SELECT count(*) FROM meta_source WHERE length(sha256) = 64")[0][0]) == 31
    tables = {row[0] for row in rows(run_cli, home, "SELECT DISTINCT table_name FROM check_result")}
    assert {"dim_area", "area_feature", "fct_register", "fct_mpi", "meta_source", "model_metric"} <= tables


def test_an_older_quarter_sees_only_what_was_observed_by_its_end(run_cli, home, landing):
    assert run_cli(home, "refresh", "--quarter", "2019Q2", "--landing", landing).code == 0
    sql = """
        SELECT source_id FROM meta_source WHERE quarter = '2019-04-01' AND observed_to > '2019-06-30'
            AND NOT regexp_matches(source_id, 'bound|gazetteer')  -- references serve every quarter
    """
    assert rows(run_cli, home, sql) == []
    assert rows(run_cli, home, "SELECT count(*) FROM fct_register WHERE quarter = '2019-04-01'") == [["0"]]
    assert rows(run_cli, home, "SELECT string_agg(label, ',' ORDER BY label) FROM dim_quarter") == [["2019Q2,2022Q4"]]


def test_status_tells_the_quarter_and_its_warnings(run_cli, home):
    answer = run_cli(home, "status")
    assert answer.code == 0
    assert "2022Q4: published" in answer.out
    assert "evidence downscaled, published" in answer.out
