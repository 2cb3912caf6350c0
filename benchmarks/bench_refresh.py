"""The main job on the twin: how long, how much memory, how much of it is made again, and how much is Dagster's own.

    python -m benchmarks.bench_refresh [--before COMMIT] [--rounds 1] [--replicates 40] [--short]

Rounds, turn about: two quarters from nothing by the code of ``COMMIT`` (the one before rasters were streamed and files narrow; a copy
of it in a temporary folder, with the libraries of today), by this code without the PDFs and cards of reports, which that commit did not
make, and by this code; then, in its home, the same again, and one more quarter, of which only rasters are new. Each as people run it,
its quarters side by side. Last, one quarter in one process, where a thread looks at the main thread's stack a hundred times a second: a
sample belongs to the work when a frame of a domain package, or of a suite of checks, is on the stack; the rest (start-up, imports of
Dagster, events, overhead of steps) is Dagster's. Times are of the clock and of the processor: on a busy machine only the latter mean
something. ``--short`` takes the made-up landing folder of the tests and no commit before, and shows that all of it runs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
BEFORE = "52044e3^"
EVERY = 0.01
MARKS = {"two quarters": 0.6, "one more quarter": 0.2, "dagster": 0.2, "peak": 1.5}
WORK = (
    "sources", "intake", "geography", "features", "measurement", "registers", "small_area", "vulnerability", "evaluation", "twin",
    "published", "warehouse", "reports",
)  # fmt: skip


@dataclass(frozen=True)
class Took:
    """What a command took.

    Attributes
    ----------
    seconds, processor : float
    peak : float
        GB of its largest process.
    """

    seconds: float
    processor: float
    peak: float


@dataclass(frozen=True)
class Job:
    """What is refreshed.

    Attributes
    ----------
    two : tuple of str
        Quarters that are made from nothing.
    more : str
        The quarter after them, of which only rasters are new.
    arguments : tuple of str
        Further ones of ``refresh``.
    """

    two: tuple[str, ...]
    more: str
    arguments: tuple[str, ...] = ()


def main() -> None:
    """Refresh, sample, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", default=BEFORE, metavar="COMMIT")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--replicates", default="40")
    parser.add_argument("--short", action="store_true")
    asked = parser.parse_args()
    os.environ["POVERTY_ASSETS_REPLICATES"] = "20" if asked.short else asked.replicates
    for name in ("SOURCES", "LANDING", "COUNTRY"):
        os.environ.pop(f"POVERTY_ASSETS_{name}", None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = short_job(folder) if asked.short else Job(("2025Q3", "2026Q2"), "2026Q3")
        before = None if asked.short else checked_out(asked.before, folder / "before")
        rounds = [one_round(job, folder / str(number), before) for number in range(asked.rounds)]
        told(rounds)
        share_of_dagster(job, folder / "alone")


def short_job(folder: Path) -> Job:
    """The made-up landing folder of the tests."""
    from poverty_assets_tests.landing import write_landing

    os.environ["POVERTY_ASSETS_PASSED_ON"] = "false"
    write_landing(folder / "landing")
    return Job(("2022Q4",), "2023Q1", ("--sources", "landing", "--landing", str(folder / "landing")))


def checked_out(commit: str, folder: Path) -> Path | None:
    """The package as of a commit; None, said aloud, where it cannot be had."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True)
    if archive.returncode:
        print(f"no commit {commit} here: nothing to compare with ({archive.stderr.decode().strip()})")
        return None
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


def one_round(job: Job, home: Path, before: Path | None) -> dict[str, Took]:
    """Each of the jobs, one after the other."""
    found = {}
    if before is not None:
        found["two quarters, before"] = refresh(job, job.two, home / "before", before)
        found["two quarters, no PDFs"] = refresh(job, job.two, home / "no_pdfs", ROOT, POVERTY_ASSETS_PASSED_ON="false")
    found["two quarters"] = refresh(job, job.two, home / "ours", ROOT)
    found["the same again"] = refresh(job, job.two, home / "ours", ROOT)
    found["one more quarter"] = refresh(job, [job.more], home / "ours", ROOT)
    return found


def refresh(job: Job, quarters: tuple[str, ...] | list[str], home: Path, code: Path, **settings: str) -> Took:
    """One refresh by the code that lies in a folder."""
    asked = [part for quarter in quarters for part in ("--quarter", quarter)]
    command = [sys.executable, "-W", "ignore", "-m", "poverty_assets.cli", "refresh", *asked, *job.arguments]
    environment = {**os.environ, "POVERTY_ASSETS_HOME": str(home), "PYTHONPATH": str(code), **settings}
    started = time.perf_counter()
    with (home.parent.parent / "log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, cwd=code, stdout=log, stderr=log)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"refresh of {', '.join(quarters)} failed:\n" + tail(home.parent.parent / "log"))
    return Took(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024**2)


def tail(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-12:])


def told(rounds: list[dict[str, Took]]) -> None:
    """Print medians over rounds, and ratios of one round."""
    for name in rounds[0]:
        took = [one[name] for one in rounds]
        print(
            f"{name:<22} {median(t.seconds for t in took):7.1f} s, {median(t.processor for t in took):7.1f} s of processor time,"
            f" largest process {max(t.peak for t in took):.2f} GB"
        )
    cold = "two quarters"
    for of, over, mark in (
        (cold, f"{cold}, before", MARKS["two quarters"]),
        (f"{cold}, no PDFs", f"{cold}, before", None),
        ("the same again", cold, None),
        ("one more quarter", cold, MARKS["one more quarter"]),
    ):
        if over in rounds[0]:
            wall, own = (ratio(rounds, of, over, what) for what in ("seconds", "processor"))
            wanted = f" (mark: {mark})" if mark else ""
            print(f"{of} / {over}: {wall:.2f} by the clock, {own:.2f} of processor time{wanted}")
    print(f"largest process: {max(one[cold].peak for one in rounds):.2f} GB (mark: {MARKS['peak']} GB)", flush=True)


def ratio(rounds: list[dict[str, Took]], of: str, over: str, what: str) -> float:
    """Median over rounds."""
    return median(getattr(one[of], what) / getattr(one[over], what) for one in rounds)


def owner(frame: object, package: str) -> str:
    """Domain package of the innermost frame that is ours, or ``dagster``."""
    while frame is not None:
        name = frame.f_code.co_filename  # type: ignore[attr-defined]
        if name.startswith(package):
            part = name[len(package) :].split("/")[0]
            if part in WORK:
                return part
            if name.endswith("checks/suites.py"):
                return "checks (Great Expectations)"
        frame = frame.f_back  # type: ignore[attr-defined]
    return "dagster"


def share_of_dagster(job: Job, home: Path) -> None:
    """Print whose the samples of one quarter's run are."""
    home.mkdir(parents=True)
    command = [sys.executable, "-W", "ignore", "-c", f"from {__spec__.name} import sampled; sampled()", "refresh"]
    command += ["--quarter", job.two[0], *job.arguments]
    environment: Mapping[str, str] = {
        **os.environ, "POVERTY_ASSETS_HOME": str(home), "POVERTY_ASSETS_WORKERS": "1", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("in one process")), None)
    print("\n".join(lines[start:]) if start is not None else f"no samples:\n{done.stderr[-2000:]}")


def sampled() -> None:
    """In a process of its own: run the command, and say whose the samples were."""
    samples: Counter[str] = Counter()
    stop, main_thread = threading.Event(), threading.main_thread().ident
    package, started = f"{ROOT / 'poverty_assets'}/", time.perf_counter()

    def look() -> None:
        while not stop.wait(EVERY):
            samples[owner(sys._current_frames().get(main_thread or 0), package)] += 1

    threading.Thread(target=look, daemon=True).start()
    from poverty_assets import cli

    sys.argv = ["poverty-assets", *sys.argv[1:]]
    with contextlib.suppress(SystemExit):  # typer ends every command so
        cli.main()
    stop.set()
    seconds, total = time.perf_counter() - started, sum(samples.values())
    print(f"in one process, one quarter: {seconds:.1f} s")
    for name, count in samples.most_common():
        print(f"  {name:<28} {count / total:6.1%}  {seconds * count / total:6.1f} s")
    print(f"Dagster's own share: {samples['dagster'] / total:.1%} (mark: {MARKS['dagster']:.0%})", flush=True)


if __name__ == "__main__":
    main()
