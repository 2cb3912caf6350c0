import contextlib
import datetime as dt
import shutil
import subprocess
import sys
from dataclasses import replace

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from poverty_assets.catalog import TABLES, table
from poverty_assets.errors import GateFailed, HeldElsewhere
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.build import publish
from poverty_assets.warehouse.lake import SEAL, Lake
from poverty_assets.warehouse.local import tables_of
from poverty_assets.warehouse.query import mixed_replicates
from poverty_assets.warehouse.views import views_of
from poverty_assets_tests.warehouse.small_lake import KHM, mpi, write_quarter

pytestmark = pytest.mark.slow

Q1, Q2 = Quarter(2022, 3), Quarter(2022, 4)


PUBLISHED = dt.datetime(2023, 1, 1)


def written(root):
    made = Lake(root)
    write_quarter(made, Q1, headcount_ratio=0.3)
    write_quarter(made, Q2, headcount_ratio=0.2)
    return made


@pytest.fixture
def lake(tmp_path):
    return written(tmp_path / "lake")


@pytest.fixture
def target(tmp_path):
    return tmp_path / "warehouse" / "poverty.duckdb"


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """The folder of a file published from that lake; tests copy it."""
    folder = tmp_path_factory.mktemp("published")
    file = folder / "warehouse" / "poverty.duckdb"
    publish(written(folder / "lake"), file, KHM, is_simulated=True, run_id="r", now=PUBLISHED)
    return file.parent


@pytest.fixture
def published(once, target):
    """The file that has been published from the lake as it is."""
    shutil.copytree(once, target.parent)
    return target


def headcounts(target):
    with duckdb.connect(str(target), read_only=True) as connection:
        rows = connection.execute(
            "SELECT label, round(estimate, 6) FROM fct_mpi JOIN dim_quarter USING (quarter)"
            " WHERE statistic = 'headcount_ratio' ORDER BY 1"
        ).fetchall()
    return dict(rows)


def test_every_table_view_and_column_is_there_with_a_comment(published):
    with duckdb.connect(str(published), read_only=True) as connection:
        tables = dict(
            connection.execute("SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'main'").fetchall()
        )
        views = dict(connection.execute("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall())
        bare = connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'main' AND NOT internal AND comment IS NULL"
        ).fetchall()
        keys = connection.execute(
            "SELECT count(*) FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY'"
        ).fetchone()
    assert set(tables) == {t.name for t in TABLES if not t.narrow}
    assert set(views) == {t.name for t in TABLES if t.narrow} | {view.name for view in views_of(KHM)}
    assert all(comment.startswith("SIMULATED DATA") for comment in [*tables.values(), *views.values()])
    assert bare == []
    assert keys[0] == sum(not t.narrow for t in TABLES)


def test_columns_read_as_the_catalog_has_them_though_they_are_kept_narrow(published):
    with duckdb.connect(str(published), read_only=True) as connection:
        for one in tables_of(KHM):
            read = [row[:2] for row in connection.execute(f'DESCRIBE "{one.name}"').fetchall()]
            assert read == [(column.name, column.type) for column in one.columns]
        kept = dict(connection.execute("SELECT column_name, column_type FROM (DESCRIBE kept.fct_mpi_rows)").fetchall())
    assert kept["estimate"] == "DECIMAL(18,8)"
    assert kept["area_id"].startswith("ENUM(")


def test_a_surveys_own_figures_lie_once_for_all_quarters_that_have_them_and_others_for_each(tmp_path, target):
    lake, ratios = Lake(tmp_path / "lake"), {Q1: 0.3, Q2: 0.3, Q2.shift(1): 0.2, Q2.shift(2): 0.3}
    for quarter, ratio in ratios.items():
        write_quarter(lake, quarter, headcount_ratio=ratio)
        own = mpi(0.5).assign(method="composite")
        lake.write("fct_mpi", quarter, pd.concat([mpi(ratio).assign(is_headline=False), own]))
        reseal(lake, quarter)
    publish(lake, target, KHM, is_simulated=False, run_id="r")
    publish(lake, target, KHM, is_simulated=False, run_id="again")
    read = "SELECT quarter, estimate FROM fct_mpi WHERE method = 'direct' AND statistic = 'headcount_ratio' ORDER BY 1"
    with duckdb.connect(str(target), read_only=True) as connection:
        kept = dict(connection.execute("SELECT method, count(*) FROM kept.fct_mpi_rows GROUP BY 1").fetchall())
        shown = connection.execute(read).fetchall()
    assert kept == {"direct": 2 * 3, "composite": 4 * 3}
    assert shown == [(quarter.start, ratio) for quarter, ratio in ratios.items()]


def test_a_quarter_taken_over_again_and_again_does_not_move(lake, target):
    odd = mpi(0.3).assign(ci_low=0.0123456, ci_high=0.9876543)
    lake.write("fct_mpi", Q1, odd)
    reseal(lake, Q1)
    publish(lake, target, KHM, is_simulated=False, run_id="r")
    ask = f"SELECT * FROM fct_mpi WHERE quarter = '{Q1.key}' ORDER BY ALL"
    with duckdb.connect(str(target), read_only=True) as connection:
        first = connection.execute(ask).fetchall()
        bounds = connection.execute("SELECT DISTINCT ci_low, ci_high FROM fct_mpi").fetchall()
    assert (0.0123, 0.9877) in bounds
    lake.path(SEAL, Q1).unlink()
    for _ in range(3):
        publish(lake, target, KHM, is_simulated=False, run_id="r")
    with duckdb.connect(str(target), read_only=True) as connection:
        assert connection.execute(ask).fetchall() == first


def test_every_quarter_is_published_and_areas_stand_once(lake, target):
    done = publish(lake, target, KHM, is_simulated=False, run_id="r")
    assert headcounts(target) == {"2022Q3": 0.3, "2022Q4": 0.2}
    assert done.rows["dim_area"] == 4


@pytest.mark.slow
def test_a_reader_that_holds_the_file_open_notices_nothing(lake, published):
    held = duckdb.connect(str(published), read_only=True)
    write_quarter(lake, Q2, headcount_ratio=0.25)
    held_file = published.stat().st_ino
    publish(lake, published, KHM, is_simulated=True, run_id="r")
    assert published.stat().st_ino != held_file
    assert held.execute(
        "SELECT max(estimate) FROM fct_mpi WHERE quarter = '2022-10-01' AND statistic = 'headcount_ratio'"
    ).fetchone() == (0.2,)
    held.close()
    assert headcounts(published)["2022Q4"] == 0.25


def test_a_failed_gate_leaves_the_last_good_file_and_says_what_failed(lake, published):
    before = published.read_bytes()
    lake.write("fct_mpi", Q2, mpi(0.2, area_id="99"))
    reseal(lake, Q2)
    with pytest.raises(GateFailed, match=r"fct_mpi: every area is in dim_area: 3 rows, first .*area_id=99"):
        publish(lake, published, KHM, is_simulated=True, run_id="r")
    assert published.read_bytes() == before
    assert sorted(p.name for p in published.parent.iterdir()) == [".publish.lock", "poverty.duckdb"]


@pytest.mark.slow
def test_a_quarter_half_remade_keeps_its_published_rows(lake, published):
    lake.write("fct_mpi", Q1, mpi(0.9))
    write_quarter(lake, Q2, headcount_ratio=0.22)
    done = publish(lake, published, KHM, is_simulated=True, run_id="r")
    assert done.kept == {Q1: ["fct_mpi"]}
    assert headcounts(published) == {"2022Q3": 0.3, "2022Q4": 0.22}


def test_a_quarter_never_completed_is_left_out_and_nothing_at_all_is_refused(lake, target):
    lake.path(SEAL, Q1).unlink()
    publish(lake, target, KHM, is_simulated=False, run_id="r")
    assert headcounts(target) == {"2022Q4": 0.2}
    lake.path(SEAL, Q2).unlink()
    target.unlink()
    with pytest.raises(GateFailed, match="nothing to publish"):
        publish(lake, target, KHM, is_simulated=False, run_id="r")


@pytest.mark.slow
def test_the_day_of_publication_changes_only_with_the_figures(lake, published):
    second = dt.datetime(2023, 2, 1)
    write_quarter(lake, Q2, headcount_ratio=0.25)
    publish(lake, published, KHM, is_simulated=True, run_id="r", now=second)
    with duckdb.connect(str(published), read_only=True) as connection:
        days = connection.execute("SELECT published_at FROM dim_quarter ORDER BY quarter").fetchall()
    assert days == [(PUBLISHED,), (second,)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"estimate": 0.5}, "mpi equals headcount ratio times intensity"),
        ({"suppressed": True}, "a suppressed row shows nothing"),
        ({"is_headline": False}, "exactly one headline per figure"),
        ({"method": "guess"}, "fct_mpi.method: legal values"),
        ({"subgroup": "urban"}, "fct_mpi.subgroup: legal values"),
        ({"ci_high": 0.0}, "intervals hold their estimate"),
    ],
)
def test_the_gate_stops_what_breaks_an_identity_or_a_rule(lake, target, change, message):
    lake.write("fct_mpi", Q2, mpi(0.2, **change))
    reseal(lake, Q2)
    with pytest.raises(GateFailed, match=message):
        publish(lake, target, KHM, is_simulated=False, run_id="r")
    assert not target.exists()


def test_a_key_that_stands_twice_fails_the_gate(lake, target):
    lake.write("fct_mpi", Q2, pd.concat([mpi(0.2), mpi(0.2)]))
    reseal(lake, Q2)
    with pytest.raises(GateFailed, match=r"fct_mpi: every key stands once: 3 rows, .*times=2"):
        publish(lake, target, KHM, is_simulated=False, run_id="r")
    assert not target.exists()


def test_so_does_one_of_a_table_without_an_index(lake, target):
    row = {
        "area_id": "0102", "area_level": "district", "measure_id": "m", "figure_id": "mpi", "statistic": "mpi", "indicator_id": "all",
        "indicator_b": "all", "k": 1 / 3, "estimate": 0.1, "rank": 1, "rank_low": 1, "rank_high": 2, "n_areas": 2,
        "p_worst_tenth": 0.5, "p_worst_fifth": 0.5, "p_above_country": 0.5, "method": "modelled", "n_households": None,
        "suppressed": False, "quality_flag": "ok", "is_headline": True,
    }  # fmt: skip
    lake.write("fct_rank", Q2, pd.DataFrame([row, row]))
    reseal(lake, Q2)
    with pytest.raises(GateFailed, match="fct_rank: every key stands once"):
        publish(lake, target, KHM, is_simulated=False, run_id="r")
    assert not target.exists()


def test_draws_are_published_of_the_newest_quarters_alone(lake, target, monkeypatch):
    row = {
        "area_id": "KH", "area_level": "country", "measure_id": "m", "figure_id": "mpi", "statistic": "mpi", "indicator_id": "all",
        "indicator_b": "all", "k": 1 / 3, "low": 0.1, "step": 0.001, "draws": [0, 7], "method": "modelled", "n_households": None,
        "suppressed": False, "quality_flag": "ok", "is_headline": True,
    }  # fmt: skip
    for quarter in (Q1, Q2):
        lake.write("fct_draw", quarter, pd.DataFrame([row]))
        reseal(lake, quarter)
    assert table("fct_draw").newest == 8
    cut = tuple(replace(t, newest=1) if t.name == "fct_draw" else t for t in tables_of(KHM))
    for tables, quarters in ((tables_of(KHM), [Q1.start, Q2.start]), (cut, [Q2.start])):
        monkeypatch.setattr("poverty_assets.warehouse.build.tables_of", lambda country, tables=tables: tables)
        publish(lake, target, KHM, is_simulated=False, run_id="r")
        with duckdb.connect(str(target), read_only=True) as connection:
            held = connection.execute("SELECT quarter, draws FROM fct_draw ORDER BY 1").fetchall()
        assert held == [(day, [0, 7]) for day in quarters]


def reseal(lake, quarter):
    files = [name.split("/")[0] for name in lake.read(SEAL, quarter)["file"] if not name.startswith("check_result")]
    digests = lake.digests(quarter, files)
    lake.write(SEAL, quarter, pd.DataFrame(sorted(digests.items()), columns=["file", "sha256"]))


@pytest.mark.parametrize("damage", ["truncated seal", "no seal", "no folder"])
def test_a_published_quarter_stays_when_the_lake_loses_its_seal(lake, published, damage):
    before = headcounts(published)
    seal = lake.path(SEAL, Q1)
    if damage == "truncated seal":
        seal.write_bytes(seal.read_bytes()[:40])
    elif damage == "no seal":
        seal.unlink()
    else:
        for path in lake.root.glob(f"*/quarter={Q1.key}/part.parquet"):
            path.unlink()
    done = publish(lake, published, KHM, is_simulated=True, run_id="s")
    assert headcounts(published) == before
    assert done.kept == {Q1: [SEAL]}


OF_A_LATER_VERSION = bytes(8) + b"DUCK" + (999).to_bytes(8, "little") + bytes(3 * 4096)


@pytest.mark.parametrize("content", [b"", b"no database" * 1000, OF_A_LATER_VERSION], ids=["empty", "other", "later"])
def test_a_published_file_that_cannot_be_read_is_set_aside_and_built_anew(lake, published, content):
    before = headcounts(published)
    published.write_bytes(content)
    publish(lake, published, KHM, is_simulated=True, run_id="s")
    assert headcounts(published) == before
    assert published.with_name("poverty.duckdb.unreadable").read_bytes() == content


@contextlib.contextmanager
def held_open(file):
    """Another process that has the file open for writing, has written, and is killed in the end."""
    program = (
        f"import duckdb, sys; c = duckdb.connect({str(file)!r}); c.execute('CREATE TABLE mine (a INT)');"
        " print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        holder.stdout.readline()
        yield holder
        holder.kill()


def test_a_file_that_is_open_for_writing_elsewhere_is_left_alone_and_the_holder_named(lake, published):
    before = published.read_bytes()
    with held_open(published) as holder, pytest.raises(HeldElsewhere, match=f"PID {holder.pid}"):
        publish(lake, published, KHM, is_simulated=True, run_id="s")
    assert published.read_bytes() == before


def test_the_file_says_how_many_replicates_stand_behind_it_and_where_quarters_differ(lake, target):
    lake.write("area_draw", Q2, pd.DataFrame(), {"replicates": 200, "reason": "composite"})
    publish(lake, target, KHM, is_simulated=True, run_id="r")
    assert mixed_replicates(target) == ""
    lake.write("area_draw", Q1, pd.DataFrame(), {"replicates": 40, "reason": "composite"})
    publish(lake, target, KHM, is_simulated=True, run_id="r")
    with duckdb.connect(str(target), read_only=True) as connection:
        assert connection.execute("SELECT replicates FROM dim_quarter ORDER BY quarter").fetchall() == [(40,), (200,)]
        assert connection.execute("SELECT replicates FROM meta_build").fetchall() == [(40,)]
    assert mixed_replicates(target) == "quarters differ in replicates: 40 for 2022Q3; 200 for 2022Q4"
    lake.write("area_draw", Q1, pd.DataFrame(), {"replicates": 0, "reason": "no evidence"})
    publish(lake, target, KHM, is_simulated=True, run_id="r")
    with duckdb.connect(str(target), read_only=True) as connection:
        assert connection.execute("SELECT replicates FROM dim_quarter ORDER BY quarter").fetchall() == [(None,), (200,)]
    assert mixed_replicates(target) == ""


def test_a_kept_quarter_of_an_older_file_without_that_column_is_kept_with_its_day(lake, published):
    with duckdb.connect(str(published)) as connection:
        for view in views_of(KHM):
            connection.execute(f"DROP VIEW {view.name}")
        connection.execute("CREATE TABLE copied AS SELECT * EXCLUDE (replicates) FROM dim_quarter")
        connection.execute("DROP TABLE dim_quarter")
        connection.execute("ALTER TABLE copied RENAME TO dim_quarter")
    lake.path(SEAL, Q1).unlink()
    publish(lake, published, KHM, is_simulated=True, run_id="r")
    with duckdb.connect(str(published), read_only=True) as connection:
        days = connection.execute("SELECT label, published_at, replicates FROM dim_quarter ORDER BY quarter").fetchall()
    assert [(label, day.year) for label, day, _ in days] == [("2022Q3", 2023), ("2022Q4", 2023)]
    assert days[0][2] is None


def test_a_quarter_of_before_a_column_that_may_be_empty_is_published_with_nothing_in_it(lake, target):
    path = lake.path("dim_area", Q1)
    pq.write_table(pq.read_table(path).drop_columns(["population_parts_unknown"]), path)
    reseal(lake, Q1)
    publish(lake, target, KHM, is_simulated=True, run_id="r")
    assert set(headcounts(target)) == {"2022Q3", "2022Q4"}
