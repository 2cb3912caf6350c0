"""Every benchmark, beside its peers, in one run: ``make bench``.

    python -m benchmarks [--short] [--only households pixels ...] [--rounds 3] [--to benchmarks] [--quality]

Writes ``results.md`` and ``results.svg``: of households, pixels, areas, quarters and the measure the cost at 1, 3, 10 and 30 times a size,
each way in a process of its own and turn about, and what a refresh takes (``bench_refresh``). Takes hours, and a machine that does nothing
else; ``--short`` takes minutes at small sizes and shows that all of it runs. ``--quality`` runs the benchmarks of how good figures are
(`bench_*.py`) afterwards, which print and write nothing. Peers come with ``pip install 'poverty-assets[bench]'`` and Debian's
``r-cran-survey``; one that is not there is named and left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.growth.subject import NAMES, Subject, subject
from benchmarks.results import Timing, page, picture

LONGEST = 3_600  # seconds of one way at one size
IN_RESULTS = ("bench_masks", "bench_zonal", "bench_margins", "bench_published", "bench_refresh")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", nargs="*", choices=(*NAMES, "refresh"), default=(*NAMES, "refresh"))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--to", type=Path, default=Path(__file__).parent)
    parser.add_argument("--quality", action="store_true")
    asked = parser.parse_args()
    before = os.getloadavg()[0]
    rounds = asked.rounds or (1 if asked.short else 3)
    with tempfile.TemporaryDirectory() as folder:
        found = [
            (one, measured(name, one, one.short if asked.short else one.sizes, rounds, Path(folder)))
            for name in asked.only
            if name in NAMES
            for one in [subject(name)]
        ]
    more = refreshed(asked.short) if "refresh" in asked.only else []
    asked.to.mkdir(parents=True, exist_ok=True)
    text = page(found, more, (before, os.getloadavg()[0]))
    (asked.to / "results.md").write_text(text, encoding="utf-8")
    if found:
        picture(found, asked.to / "results.svg")
    print(text)
    if asked.quality:
        for path in sorted(Path(__file__).parent.glob("bench_*.py")):
            if path.stem not in IN_RESULTS:
                print(f"\n== {path.stem}", flush=True)
                subprocess.run([sys.executable, "-W", "ignore", "-m", f"{__package__}.{path.stem}"], check=True)


def measured(name: str, one: Subject, sizes: tuple[int, ...], rounds: int, folder: Path) -> list[Timing]:
    """Every way at every size, turn about."""
    found = []
    for size in sizes:
        place = folder / f"{name}-{size}"
        place.mkdir()
        make = f"from benchmarks.growth.subject import subject; subject({name!r}).make(__import__('pathlib').Path({str(place)!r}), {size})"
        subprocess.run([sys.executable, "-W", "ignore", "-c", make], check=True)
        timings = {way: Timing(size, way) for way, how in one.ways.items() if size <= how.up_to}
        for number in range(rounds):
            for way in list(timings):
                if number < one.ways[way].rounds and not once(name, way, place, timings[way]):
                    del timings[way]
        found += [timing for timing in timings.values() if timing.seconds]
        subprocess.run(["rm", "-rf", str(place)], check=True)
    return found


def once(name: str, way: str, place: Path, timing: Timing) -> bool:
    """One round of one way; says why where it cannot be had."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.one", name, way, str(place), str(timing.size)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        print(f"{name}, {way}, {timing.size:,}: gave up after {LONGEST} s", flush=True)
        return False
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["ended without a word"])[-1]
        print(f"{name}, {way}, {timing.size:,}: left out ({last})", flush=True)
        return False
    timing.take(json.loads(done.stdout.strip().splitlines()[-1]))
    print(f"{name}, {way}, {timing.size:,}: {timing.seconds[-1]:.3f} s", flush=True)
    return True


def refreshed(short: bool) -> list[str]:
    """What the benchmark of a refresh prints."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.bench_refresh", *(["--short"] if short else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    lines = done.stdout.strip().splitlines() if not done.returncode else ["It failed."]
    return ["## A refresh of the twin", "", "```text", *lines, "```"]


if __name__ == "__main__":
    main()
