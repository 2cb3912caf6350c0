"""A refresh that is killed at any moment leaves a warehouse that opens, and the next refresh completes."""

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.editions import FOLDER
from poverty_assets_tests.integration.test_refresh import lake_bytes

KEY = Quarter(2025, 3).key
SEALED, SWAPPED = f"in place lake/quarter_seal/quarter={KEY}/part.parquet", "written warehouse/poverty.duckdb"
KEEPING = f"begins warehouse/{FOLDER}"  # the published file goes among the earlier ones, just before the new one takes its name


@dataclass
class Whole:
    """A home after a refresh that nobody disturbed: its moments, what it published, its lake."""

    home: Path
    moments: list[str]
    rows: dict[str, int]
    lake: dict[str, bytes]
    seconds: float


@pytest.fixture(scope="module")
def whole(isle_whole):
    home = isle_whole["home"]
    return Whole(home, isle_whole["moments"], opened(home), lake_bytes(home), isle_whole["seconds"])


def opened(home):
    """Rows of every table of the published file, a digest of its main figures, and its quarters; raises if it does not open."""
    with duckdb.connect(str(home / "warehouse/poverty.duckdb"), read_only=True) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "FROM information_schema.tables SELECT table_name WHERE table_schema = 'main' AND NOT starts_with(table_name, 'v_')"
            ).fetchall()
        ]
        rows = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
        labels = connection.execute("SELECT label FROM dim_quarter ORDER BY label").fetchall()
        rows["figures"] = connection.execute("SELECT bit_xor(hash(f)) FROM fct_mpi AS f").fetchone()[0]
    return rows | {label: 1 for (label,) in labels}


def few(draw, moments):
    """Early and late in the quarter, between seal and publication, while the warehouse is built, and as it is swapped in: in the order in
    which a refresh comes to them."""
    seal, built = moments.index(SEALED), moments.index(SWAPPED)
    steps = steps_of_the_quarter(moments)
    return [
        (draw.choice(steps[: len(steps) // 3]), None),
        (draw.choice(steps[len(steps) // 3 :]), None),
        (draw.choice(moments[seal : built - 1]), None),
        (moments[built - 1], draw.uniform(0.2, 0.9)),
        (SWAPPED, None),
    ]


def many(draw, moments):
    """Nine in the quarter, two between seal and publication, five in the building, three about the swap, two in the pages."""
    seal, built = moments.index(SEALED), moments.index(SWAPPED)
    kills = [(moment, None) for moment in draw.sample(steps_of_the_quarter(moments), 9)]
    kills += [(SEALED, None), (draw.choice(moments[seal + 1 : built - 1]), None)]
    kills += [(moments[built - 1], share + draw.uniform(0, 0.2)) for share in (0, 0.2, 0.4, 0.6, 0.8)]
    pages = [
        moment for moment in moments[built + 2 : -1] if moment[-1] != ")"
    ]  # how often a folder is made depends on what is there
    kills += [(moment, None) for moment in moments[built : built + 2] + draw.sample(pages, 2)]
    kills.append((KEEPING, None))
    draw.shuffle(kills)
    return kills


def steps_of_the_quarter(moments):
    """Moments before the seal that every refresh of the quarter comes to, whether or not its folders are there."""
    return [m for m in moments[: moments.index(SEALED)] if " lake/" in m and f"/quarter={KEY}" in m and m[-1] != ")"]


def assert_harmless(refresher, whole, isle, folder, kills):
    """Kill at each of the moments; after each the file opens and is the same, and so are file and lake of a whole refresh."""
    home = Path(shutil.copytree(whole.home, folder / "home"))
    request = {**isle, "home": home, "log": folder / "log"}
    size = (home / "warehouse/poverty.duckdb").stat().st_size
    for moment, grown in kills:
        refresher.ask(**request, full=True, kill_at=moment, grown=grown and round(grown * size))
        answer = refresher.answer()
        assert answer["struck"], f"the refresh never came to {moment!r}: {(folder / 'log').read_text()[-2000:]}"
        assert answer["code"] == -9, moment
        assert opened(home) == whole.rows, f"after a kill at {moment}"
        refresher.ask(**request)
        assert refresher.answer()["code"] == 0, f"after a kill at {moment}: {(folder / 'log').read_text()[-2000:]}"
        assert opened(home) == whole.rows, f"after a kill at {moment} and a whole refresh"
        assert lake_bytes(home) == whole.lake, f"after a kill at {moment} and a whole refresh"


def assert_harmless_one_after_the_other(refresher, whole, isle, folder, kills):
    """Make everything anew, and kill that at each of the moments: each refresh goes on from what the kill before it left. After each
    the file opens and is the same, and so are file and lake when at last nobody kills."""
    home = Path(shutil.copytree(whole.home, folder / "home"))
    request = {**isle, "home": home, "log": folder / "log"}
    size = (home / "warehouse/poverty.duckdb").stat().st_size
    shutil.rmtree(home / "made")  # the records by which anything would be used again
    for moment, grown in kills:
        refresher.ask(**request, kill_at=moment, grown=grown and round(grown * size))
        answer = refresher.answer()
        assert answer["struck"], f"the refresh never came to {moment!r}: {(folder / 'log').read_text()[-2000:]}"
        assert answer["code"] == -9, moment
        assert opened(home) == whole.rows, f"after a kill at {moment}"
    refresher.ask(**request)
    assert refresher.answer()["code"] == 0, (folder / "log").read_text()[-2000:]
    assert opened(home) == whole.rows
    assert lake_bytes(home) == whole.lake
    assert [path for path in home.rglob("*.tmp*") if path.is_file()] == []


def test_kills_early_late_and_about_the_publication_harm_nothing(refresher, whole, isle, tmp_path):
    kills = few(random.Random(20), whole.moments)
    assert len(kills) == 5
    assert_harmless_one_after_the_other(refresher, whole, isle, tmp_path, kills)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_each_of_these_kills_is_mended_by_the_next_refresh(refresher, whole, isle, tmp_path):
    assert_harmless(refresher, whole, isle, tmp_path, few(random.Random(20), whole.moments))


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(4))
def test_twenty_one_kills_harm_nothing(refresher, whole, isle, tmp_path, part):
    kills = many(random.Random(20), whole.moments)
    assert len(kills) == 21
    assert_harmless(refresher, whole, isle, tmp_path, kills[part::4])


READER = """
import json, pathlib, select, sys
from poverty_assets_tests.integration.test_kill import opened
home, rows, reads, wrong = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2]), 0, []
while not select.select([sys.stdin], [], [], 2.0)[0]:
    reads += 1
    try:
        if opened(home) != rows:
            wrong.append("other rows")
    except Exception as error:
        wrong.append(repr(error))
print(json.dumps([reads, wrong]))
"""


@contextlib.contextmanager
def two_readers(home, rows):
    """Two processes that read the published file again and again meanwhile; in the end what each read, and what was wrong with it."""
    program = [sys.executable, "-W", "ignore", "-c", READER, str(home), json.dumps(rows)]
    readers = [subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    found = []
    try:
        yield found
    finally:
        found += [json.loads(reader.communicate()[0]) for reader in readers]


def kill_at_random(refresher, whole, request, draw, kills):
    """So many kills, over passes in each of which everything is made anew; at the end of a pass the lake is as ever.

    What follows a kill goes on from what that left, until it is killed in its turn: by the clock, whatever it is at; after a number of
    moments; or while the file grows.

    Returns
    -------
    tuple of int
        How many passes there were, and how many moments a pass has.
    """
    home, size = request["home"], (request["home"] / "warehouse/poverty.duckdb").stat().st_size
    built = whole.moments[whole.moments.index(SWAPPED) - 1]
    struck = passes = 0
    while struck < kills:
        shutil.rmtree(home / "made")  # the records by which anything would be used again
        killed = True
        while killed:
            kill = draw.choices(
                (
                    {"kill_in": draw.uniform(0, 0.6 * whole.seconds)},
                    {"kill_after": draw.randint(1, len(whole.moments) // 6)},
                    {"kill_at": built, "grown": round(draw.uniform(0, 0.9) * size)},
                ),
                (6, 3, 1),
            )[0]
            refresher.ask(**request, **(kill if struck < kills else {}))
            code = refresher.answer()["code"]
            assert code in (0, -9), (kill, request["log"].read_text()[-2000:])
            killed = code == -9
            struck += killed
        assert lake_bytes(home) == whole.lake, f"after {struck} kills"
        passes += 1
    return passes, len(whole.moments)


@pytest.mark.soak
@pytest.mark.timeout(36000)
def test_two_hundred_kills_at_random_moments_harm_no_reader(refresher, whole, isle, tmp_path):
    kills, seed = (int(os.environ.get(f"POVERTY_ASSETS_SOAK_{name}", "200")) for name in ("KILLS", "SEED"))
    home = Path(shutil.copytree(whole.home, tmp_path / "home"))
    request = {**isle, "home": home, "log": tmp_path / "log"}
    with two_readers(home, whole.rows) as readers:
        passes, moments = kill_at_random(refresher, whole, request, random.Random(seed), kills)
    reads, wrong = [each[0] for each in readers], [what for each in readers for what in each[1]]
    print(
        f"{kills} kills of seed {seed} in {passes} passes of {moments} moments, {sum(reads)} reads by two readers, {len(wrong)} of them"
        " failed or wrong; the lake equal byte for byte"
    )
    assert min(reads) > kills
    assert wrong == []
    assert [path for path in home.rglob("*.tmp*") if path.is_file()] == []
