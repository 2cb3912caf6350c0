"""From an empty folder to a published quarter by two commands, of a provider on this machine; the next quarter moves what is new."""

import datetime as dt
import os

import duckdb
import pytest

from poverty_assets.definitions import build_definitions
from poverty_assets.graph.jobs import FETCH, LANDING, PUBLISH, QUARTER
from poverty_assets.graph.resources import Home
from poverty_assets.graph.sensors import begin
from poverty_assets.pack.country import COUNTRIES
from poverty_assets.quarter import Quarter
from poverty_assets.running.instance import open_instance
from poverty_assets.running.publication import run_job
from poverty_assets.settings import Settings
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


def test_two_commands_publish_a_quarter_and_the_schedule_the_next_one_with_what_is_new(publishers, run_cli, tmp_path):
    home, quarter = tmp_path / "home", ("--country", "isl", "--quarter", "2025Q3")
    serve_rain(publishers, 2025, range(7, 10))
    fetched = run_cli(home, "fetch", *quarter)
    assert fetched.code == 0, fetched.err
    assert {*landed(home)} == {*ALWAYS, *of_year(2024), "rain_2025Q3.tif"}
    made = run_cli(home, "refresh", *quarter, "--sources", "landing")
    assert made.code == 0, made.err
    assert asked(home, "SELECT count(*) FROM dim_area WHERE population > 0") == [(1 + 3 + 36,)]
    of_parishes = "SELECT count(DISTINCT area_id) FROM fct_headcount WHERE area_level = 'parish' AND is_headline"
    assert asked(home, of_parishes) == [(36,)]
    assert meta_source(home) == {name: told(record) for name, record in records(home).items()}

    served, sent = serve_rain(publishers, 2025, range(10, 13)), publishers.sent
    by_the_schedule(home, "2025Q4")
    assert {*landed(home)} == {*ALWAYS, *of_year(2024), *of_year(2025), "rain_2025Q3.tif", "rain_2025Q4.tif"}
    assert publishers.sent - sent < 0.05 * served
    later = publishers.asked[publishers.asked.index(("HEAD", "/rain_2025.10.tif", None)) :]
    assert {path for method, path, _ in later if method == "GET" and "rain" in path} == {
        f"/rain_2025.{month}.tif" for month in (10, 11, 12)
    }
    of_each_quarter(home)


def of_each_quarter(home):
    """People of each quarter are its own: of the grid laid on the census, by age group, as shares and as numbers."""
    people = "SELECT quarter_label, age_group, population, observed_on::TEXT, method FROM v_population WHERE area_id = 'IS' ORDER BY ALL"
    assert asked(home, people) == [
        ("2025Q3", "0_14", 10_800, "2024-07-01", "grid_benchmarked"),
        ("2025Q3", "all", 43_200, "2024-07-01", "grid_benchmarked"),
        ("2025Q4", "0_14", 11_880, "2025-07-01", "grid_benchmarked"),
        ("2025Q4", "all", 47_520, "2025-07-01", "grid_benchmarked"),
    ]
    assert asked(home, "SELECT population FROM dim_area WHERE area_id = 'IS'") == [(47_520,)]
    said = "SELECT text FROM quarter_note WHERE asset = 'fct_population' AND note = 'cross-check' ORDER BY quarter"
    first, second = (text for (text,) in asked(home, said))
    assert first.startswith(
        "43,200 persons where there are 86,400 by points, in 3 areas; in 2 one is more than 1.25 times"
    )
    assert second.startswith("47,520 persons")
    whole = """SELECT quarter_label, round(min(people / estimate)), round(max(people / estimate)) FROM v_figure
        WHERE area_id = 'IS' AND subgroup = 'all' AND share_of = 'people' AND estimate > 0 GROUP BY 1 ORDER BY 1"""
    assert asked(home, whole) == [("2025Q3", 43_200, 43_200), ("2025Q4", 47_520, 47_520)]


def by_the_schedule(home, label):
    """The next quarter as the sensors make it where a home fetches: they ask for a fetch, for the verdict on what came, for the quarter,
    and for its publication."""
    settings, quarter = Settings(home=home, country="isl", sources="landing", fetch=True), Quarter.from_label(label)
    now = dt.datetime.combine(quarter.end + dt.timedelta(25), dt.time(12), tzinfo=dt.UTC)
    definitions = build_definitions(settings)
    with open_instance(settings.dagster_home) as instance:

        def run(job, **more):
            run_job(definitions.resolve_job_def(job), instance, job, more.pop("tags", {}), **more)

        def settled():
            for path in (home / "landing").rglob("*"):
                os.utime(path, (path.stat().st_mtime - 3600,) * 2)
            run(LANDING)

        settled()
        for what, job in (("fetch", FETCH), ("start", QUARTER)):
            (asked_for,) = begin(Home.of(settings), now, what).run_requests
            assert asked_for.partition_key == quarter.key
            run(job, partition_key=asked_for.partition_key, tags=dict(asked_for.tags))
            settled()
        run(PUBLISH)


def of_year(year):
    """What is fetched of a year."""
    return {f"people_{year}.json", f"people_{year}.tif", f"children_{year}.tif"}


ALWAYS = {"parishes.geojson", "regions.csv", "national.xlsx", "regions.xlsx", "hexagons.json"}


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
