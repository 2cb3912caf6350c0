"""The main job on the embedded default: how long, how much memory, and how much of it is Dagster's own.

Run as ``python -m poverty_assets_tests.benchmarks.bench_refresh [--quarters 2025Q3 2026Q3] [--home DIR]``. A thread looks at
the main thread's stack a hundred times a second. A sample belongs to the work when a frame of a domain package, or of a
suite of checks, is on the stack; the rest (start-up, imports of Dagster, events, step overhead) is Dagster's.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

STARTED = time.perf_counter()
EVERY = 0.01
WORK = ("sources", "spatial", "measurement", "modelling", "small_area", "vulnerability", "warehouse", "reports")


def owner(frame, package: str) -> str:
    """Domain package of the outermost frame that is ours, or ``dagster``."""
    found = "dagster"
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(package):
            part = name[len(package) :].split("/")[0]
            if part in WORK:
                found = part
            elif part == "checks" and "suites.py" in name:
                found = "checks (Great Expectations)"
        frame = frame.f_back
    return found


def main() -> None:
    """Refresh, sample, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quarters", nargs="*", default=[])
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    samples: Counter[str] = Counter()
    stop = threading.Event()
    main_thread = threading.main_thread().ident
    package = str(Path(__file__).resolve().parents[2] / "poverty_assets") + "/"

    def look() -> None:
        while not stop.wait(EVERY):
            samples[owner(sys._current_frames().get(main_thread), package)] += 1

    with tempfile.TemporaryDirectory() as folder:
        os.environ["POVERTY_ASSETS_HOME"] = str(arguments.home or Path(folder) / "home")
        os.environ.pop("POVERTY_ASSETS_SOURCES", None)
        threading.Thread(target=look, daemon=True).start()
        from poverty_assets import cli

        sys.argv = ["poverty-assets", "refresh", *(x for q in arguments.quarters for x in ("--quarter", q))]
        with contextlib.suppress(SystemExit):  # typer ends every command so
            cli.main()
        stop.set()
    seconds = time.perf_counter() - STARTED
    total = sum(samples.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"\nwhole job: {seconds:.1f} s; peak memory {peak:.2f} GB (marks: 120 s, 2 GB)")
    for name, count in samples.most_common():
        print(f"  {name:<28} {count / total:6.1%}  {seconds * count / total:6.1f} s")
    print(f"Dagster's own share: {samples['dagster'] / total:.1%} (mark: 30%)")


if __name__ == "__main__":
    main()
