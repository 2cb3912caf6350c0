"""Backfilling eight quarters, two runs at a time, gives the lake that one run after the other gives."""

import json
import subprocess
import sys

from poverty_assets.quarter import Quarter
from poverty_assets_tests.integration.test_refresh import lake_bytes

QUARTERS = [Quarter(2021, 1).shift(n).label for n in range(8)]


def start():
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "poverty_assets_tests.integration.refresher"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def ask(program, home, landing, quarters, log):
    request = {"home": str(home), "landing": str(landing), "quarters": quarters, "log": str(log), "kill_after": None}
    program.stdin.write(json.dumps(request) + "\n")
    program.stdin.flush()


def test_two_at_a_time_and_one_after_the_other_agree_byte_for_byte(landing, tmp_path):
    log = tmp_path / "log"
    first, second = start(), start()
    ask(first, tmp_path / "parallel", landing, QUARTERS[0::2], log)
    ask(second, tmp_path / "parallel", landing, QUARTERS[1::2], log)
    codes = [json.loads(program.stdout.readline())["code"] for program in (first, second)]
    ask(first, tmp_path / "single", landing, QUARTERS, log)
    codes.append(json.loads(first.stdout.readline())["code"])
    for program in (first, second):
        program.stdin.close()
        program.wait(timeout=60)
    assert codes == [0, 0, 0], log.read_text()[-3000:]
    one, other = lake_bytes(tmp_path / "parallel"), lake_bytes(tmp_path / "single")
    assert sorted(one) == sorted(other)
    assert [name for name in one if one[name] != other[name]] == []
    assert sum(name.startswith("lake/fct_mpi/") for name in one) == len(QUARTERS)
