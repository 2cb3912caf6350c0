"""Publishing a lake of so many quarters: seconds, megabytes, and the slowest of ten analyst queries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.bench_published import COUNTRY, questions, repeated, timed
from benchmarks.growth.subject import Act, Subject, Way

HOME = "POVERTY_ASSETS_BENCH_HOME"
"""Names a home of two quarters; without it one is made of the twin."""


def made_home(folder: Path) -> Path:
    """The home whose quarters are published again and again."""
    if os.environ.get(HOME):
        return Path(os.environ[HOME])
    home = folder.parent / "home"
    if not (home / "warehouse/poverty.duckdb").is_file():
        environment = {**os.environ, "POVERTY_ASSETS_HOME": str(home), "POVERTY_ASSETS_REPLICATES": "40"}
        command = [sys.executable, "-W", "ignore", "-m", "poverty_assets.cli", "refresh"]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return home


def make(folder: Path, n: int) -> None:
    from poverty_assets.warehouse.lake import Lake

    repeated(Lake(made_home(folder) / "lake"), folder / "lake", n)


def publishing(folder: Path, n: int) -> Act:
    import duckdb

    from poverty_assets.pack.country import load_country
    from poverty_assets.warehouse.build import publish
    from poverty_assets.warehouse.lake import Lake

    target, country = folder / "warehouse" / "poverty.duckdb", load_country(COUNTRY)
    target.unlink(missing_ok=True)

    def act() -> dict[str, float]:
        import time

        start = time.perf_counter()
        publish(Lake(folder / "lake"), target, country, is_simulated=True, run_id="bench")
        seconds = time.perf_counter() - start
        with duckdb.connect(str(target), read_only=True) as connection:
            slowest = max(median(timed(connection, sql) for _ in range(5)) for sql in questions().values())
        return {"seconds": seconds, "MB": target.stat().st_size / 1e6, "slowest query, ms": slowest}

    return act


SUBJECT = Subject(
    "Quarters",
    "quarters",
    (1, 4, 13, 40),
    (1, 2),
    make,
    {"ours, publication": Way(publishing, ours=True)},
    (),
    "The twin's quarters with 40 replicates, again and again under other labels. Marks: forty within 60 s, 600 MB, each query 100 ms.",
)
