"""The main job on the embedded default: how long, how much memory, and how much of it is Dagster's own.

Run as ``python -m benchmarks.bench_refresh [--quarters 2025Q3 2026Q3] [--replicates 40] [--only-again]``. A quarter runs for the first
time, once more, and then the quarter after it, in one home: what is there already is not made again. Then the job runs twice:
first as people run it, its quarters side by side, for time and memory; then in one process, where a thread looks at the main
thread's stack a hundred times a second. A sample belongs to the work when a frame of a domain package, or of a suite of checks,
is on the stack; the rest (start-up, imports of Dagster, events, step overhead) is Dagster's.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

EVERY = 0.01
VULNERABILITY = ("hazards", "dim_shock", "vulnerability", "fct_register_audit", "fct_hot_spot")
WORK = (
    "sources", "spatial", "measurement", "modelling", "small_area", "vulnerability", "evaluation", "warehouse", "reports",
)  # fmt: skip


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
    parser.add_argument("--replicates", default="40")
    parser.add_argument(
        "--only-again", action="store_true", help="only how long a refresh takes that finds all or much there already"
    )
    arguments = parser.parse_args()
    asked = ["refresh", *(x for q in arguments.quarters for x in ("--quarter", q))]
    os.environ["POVERTY_ASSETS_REPLICATES"] = arguments.replicates
    os.environ.pop("POVERTY_ASSETS_SOURCES", None)
    _again(arguments.quarters[0] if arguments.quarters else "2025Q3")
    if arguments.only_again:
        return
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        environment = {**os.environ, "POVERTY_ASSETS_HOME": folder}
        subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "poverty_assets.cli", *asked], env=environment, check=True
        )
        seconds = time.perf_counter() - started
        steps = _seconds_of_steps(Path(folder))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    print(
        f"\nwhole job: {seconds:.1f} s (mark: 180 s), {arguments.replicates} replicates; largest process {peak:.2f} GB"
    )
    for quarter, taken in sorted(steps.items()):
        whole = sum(taken.get(name, 0.0) for name in VULNERABILITY)
        parts = ", ".join(f"{name} {taken.get(name, 0.0):.1f}" for name in VULNERABILITY)
        print(
            f"  {quarter}: hazards, shocks, audit, hot spots {whole:.1f} s ({parts}); mark with change and drift: 20 s"
        )
    _share_of_dagster(asked)


def _again(first: str) -> None:
    """A quarter for the first time, the same again, and the next one, each as people run it."""
    from poverty_assets.quarter import Quarter

    following = str(Quarter.from_label(first).shift(1))
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        for quarter in (first, first, following):
            started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [sys.executable, "-W", "ignore", "-m", "poverty_assets.cli", "refresh", "--quarter", quarter]
            subprocess.run(
                command,
                env={**os.environ, "POVERTY_ASSETS_HOME": folder},
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            taken.append((time.perf_counter() - started, processor))
    for what, (seconds, processor) in zip(("first", "the same again", "the next quarter"), taken, strict=True):
        ratios = f"{seconds / taken[0][0]:.2f} of the first, {processor / taken[0][1]:.2f} of its processor time"
        print(f"{what:<17} {seconds:6.1f} s, {processor:6.1f} s of processor time; {ratios}")


def _seconds_of_steps(home: Path) -> dict[str, dict[str, float]]:
    """Seconds of each step by quarter, as Dagster recorded them while two quarters ran side by side."""
    from poverty_assets.running.instance import open_instance

    found: dict[str, dict[str, float]] = {}
    with open_instance(home / "dagster") as instance:
        for record in instance.get_run_records():
            quarter = record.dagster_run.tags.get("dagster/partition", "publication")
            stats = instance.get_run_step_stats(record.dagster_run.run_id)
            found[quarter] = {s.step_key: s.end_time - s.start_time for s in stats if s.start_time and s.end_time}
    print("publication: " + ", ".join(f"{name} {taken:.1f} s" for name, taken in found.pop("publication", {}).items()))
    return found


def _share_of_dagster(asked: list[str]) -> None:
    started = time.perf_counter()
    samples: Counter[str] = Counter()
    stop = threading.Event()
    main_thread = threading.main_thread().ident
    package = str(Path(__file__).resolve().parents[1] / "poverty_assets") + "/"

    def look() -> None:
        while not stop.wait(EVERY):
            samples[owner(sys._current_frames().get(main_thread), package)] += 1

    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"POVERTY_ASSETS_HOME": folder, "POVERTY_ASSETS_WORKERS": "1"}
        threading.Thread(target=look, daemon=True).start()
        from poverty_assets import cli

        sys.argv = ["poverty-assets", *asked]
        with contextlib.suppress(SystemExit):  # typer ends every command so
            cli.main()
        stop.set()
    seconds = time.perf_counter() - started
    total = sum(samples.values())
    print(f"\nin one process: {seconds:.1f} s")
    for name, count in samples.most_common():
        print(f"  {name:<28} {count / total:6.1%}  {seconds * count / total:6.1f} s")
    print(f"Dagster's own share: {samples['dagster'] / total:.1%} (mark: 30%)")


if __name__ == "__main__":
    main()
