"""A backfill through the UI against the same quarters from the command line: how much longer it takes.

Run as ``python -m benchmarks.bench_backfill [--quarters 6] [--twin]``. Each begins with a home of one published quarter, of the UI with one
that has been started and has nothing to do, and ends when all that were asked for are published: from the command line two quarters side by
side, through the UI by its own door (GraphQL), two runs at a time, with the publication that follows by itself. By default on the made-up
landing folder, where a quarter is little work and what a run costs beside it shows most; with ``--twin`` on the simulated twin with 40
replicates.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from poverty_assets.graph.sensors import NOTHING_NEW
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings
from poverty_assets_tests.integration.test_ui import BACKFILL, SELECTOR, Ui, published_quarters
from poverty_assets_tests.landing import write_landing

LAST = Quarter(2022, 4)
MARK = 1.3


def main() -> None:
    """Refresh, backfill, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quarters", type=int, default=6)
    parser.add_argument("--twin", action="store_true")
    asked = parser.parse_args()
    os.environ["POVERTY_ASSETS_REPLICATES"] = "40" if asked.twin else "20"
    quarters = [LAST.shift(-n) for n in range(1, asked.quarters + 1)]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        sources = [] if asked.twin else ["--sources", "landing", "--landing", str(write_landing(place / "landing"))]
        _refresh(place / "one", [LAST], sources)
        shutil.copytree(place / "one", place / "other")
        by_command = _refresh(place / "one", quarters, sources)
        by_ui = _backfill(place / "other", quarters)
    print(
        f"{len(quarters)} quarters: {by_command:.0f} s from the command line, {by_ui:.0f} s through the UI,"
        f" {by_ui / by_command:.2f} times as long (mark: {MARK})"
    )


def _refresh(home: Path, quarters: list[Quarter], sources: list[str]) -> float:
    started = time.perf_counter()
    labels = [word for quarter in quarters for word in ("--quarter", quarter.label)]
    command = [sys.executable, "-W", "ignore", "-m", "poverty_assets.cli", "refresh", *labels, *sources]
    subprocess.run(
        command, env={**os.environ, "POVERTY_ASSETS_HOME": str(home)}, check=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - started


def _backfill(home: Path, quarters: list[Quarter]) -> float:
    ui = Ui(home)
    try:
        ui.wait_for(lambda: _rests(ui, home), "the daemon has nothing to do")
        started = time.perf_counter()
        names = ", ".join(f'"{quarter.key}"' for quarter in quarters)
        ui.ask(BACKFILL % (names, SELECTOR))
        ui.wait_for(lambda: set(quarters) <= published_quarters(home), "they are published", seconds=7200, every=1)
        return time.perf_counter() - started
    finally:
        ui.process.terminate()
        ui.process.wait()


def _rests(ui: Ui, home: Path) -> bool:
    """Whether nothing is to be done: what lies in a landing folder has been judged, and what the lake holds is published."""
    judged = Settings(home=home).is_simulated or (home / "arrivals.json").is_file()
    return judged and ui.publication()[1] == NOTHING_NEW and set(ui.runs()) <= {"SUCCESS"}


if __name__ == "__main__":
    main()
