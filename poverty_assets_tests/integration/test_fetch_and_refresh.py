"""From an empty folder to a published quarter by two commands, of a provider on this machine; the next quarter moves what is new."""

import duckdb
import pytest

from poverty_assets.pack.country import COUNTRIES
from poverty_assets_tests.fetching.server import Provider
from poverty_assets_tests.integration.isle import landed, serve, serve_rain, write_pack


@pytest.fixture
def publishers(tmp_path, monkeypatch):
    with Provider(tagged=True) as provider:
        monkeypatch.setenv(COUNTRIES, str(write_pack(tmp_path / "packs", provider)))
        serve(provider, tmp_path)
        yield provider


def asked(home, sql):
    with duckdb.connect(str(home / "warehouse" / "poverty.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_two_commands_publish_a_quarter_and_the_next_quarter_moves_only_what_is_new(publishers, run_cli, tmp_path):
    home, quarter = tmp_path / "home", ("--country", "isl", "--quarter", "2026Q1")
    serve_rain(publishers, 2026, range(1, 4))
    fetched = run_cli(home, "fetch", *quarter)
    assert fetched.code == 0, fetched.err
    assert len(landed(home)) == 7
    made = run_cli(home, "refresh", *quarter, "--sources", "landing")
    assert made.code == 0, made.err
    assert asked(home, "SELECT count(*) FROM dim_area WHERE population > 0") == [(1 + 3 + 36,)]
    of_parishes = "SELECT count(DISTINCT area_id) FROM fct_headcount WHERE area_level = 'parish' AND is_headline"
    assert asked(home, of_parishes) == [(36,)]
    assert meta_source(home) == {name: told(record) for name, record in records(home).items()}

    served, sent = serve_rain(publishers, 2026, range(4, 7)), publishers.sent
    fetched = run_cli(home, "fetch", "--country", "isl", "--quarter", "2026Q2")
    assert fetched.code == 0, fetched.err
    assert set(landed(home)) == {*EVERY_QUARTER, "rain_2026Q1.tif", "rain_2026Q2.tif"}
    assert publishers.sent - sent < 0.05 * served
    later = publishers.asked[publishers.asked.index(("HEAD", "/rain_2026.04.tif", None)) :]
    assert {path for method, path, _ in later if method == "GET" and ".tif" in path} == {
        f"/rain_2026.0{m}.tif" for m in (4, 5, 6)
    }


EVERY_QUARTER = {
    "parishes.geojson",
    "regions.csv",
    "people_2025.json",
    "people_2025.tif",
    "national.xlsx",
    "regions.xlsx",
}


def records(home):
    return {record["source_id"]: record for record in landed(home).values()}


def told(record):
    """What the record of a file says that ``meta_source`` must say, too."""
    names = ("url", "licence", "citation", "release", "sha256", "observed_from", "observed_to")
    return *(record[name] for name in names), record["fetched_at"].removesuffix("Z")


def meta_source(home):
    sql = """
        SELECT source_id, url, licence, citation, release, sha256, observed_from::TEXT, observed_to::TEXT,
            strftime(fetched_at, '%Y-%m-%dT%H:%M:%S')
        FROM meta_source
    """
    return {name: tuple(row) for name, *row in asked(home, sql)}
