"""A refresh that is killed at any moment leaves a warehouse that opens, and the next refresh completes."""

import json
import random
import shutil
import subprocess
import sys

import duckdb
import pytest

from poverty_assets_tests.integration.conftest import QUARTER

MOMENTS = random.Random(20).sample(range(5, 98), 20)


@pytest.fixture
def refresher():
    program = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "poverty_assets_tests.integration.refresher"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip

    def ask(**request):
        program.stdin.write(json.dumps(request) + "\n")
        program.stdin.flush()
        return json.loads(program.stdout.readline())

    yield ask
    program.stdin.close()
    program.wait(timeout=60)


def opened(home):
    """Rows of the published file by quarter; raises if it does not open."""
    with duckdb.connect(str(home / "warehouse/poverty.duckdb"), read_only=True) as connection:
        return dict(connection.execute("SELECT label, (SELECT count(*) FROM fct_register) FROM dim_quarter").fetchall())


@pytest.mark.parametrize("moments", [MOMENTS[part::4] for part in range(4)], ids="abcd")
def test_kills_at_random_moments_harm_nothing(refresher, published_home, landing, tmp_path, moments):
    home = shutil.copytree(published_home, tmp_path / "home")
    request = {"home": str(home), "landing": str(landing), "quarters": [QUARTER], "log": str(tmp_path / "log")}
    whole = opened(home)
    seconds = refresher(**request, kill_after=None)["seconds"]
    killed = 0
    for percent in moments:
        killed += refresher(**request, kill_after=seconds * percent / 100)["killed"]
        assert opened(home) == whole, f"after a kill at {percent}% of {seconds:.1f} s"
        answer = refresher(**request, kill_after=None)
        assert answer["code"] == 0, (tmp_path / "log").read_text()[-2000:]
        assert opened(home) == whole
    assert killed >= len(moments) / 2
