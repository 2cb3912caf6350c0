"""How large the explorer is, how long it takes to write, and how soon a browser has it ready.

Run: ``python -m benchmarks.bench_explorer [WAREHOUSE]``. Without a warehouse one is made up: 1,664 communes,
four quarters, ten indicators, every table filled. Needs Debian's chromium. Budget: 10 MB, ready in 2 s, and in 3 s on a
processor that is six times as slow (Chromium's own throttling). Ready is the page when map, legend and profile are there and
answer; what the first view does not need is read, and charts are drawn, after it. An answer is the profile of an area that is chosen on
the map as soon as the page is ready, while the rest is still read. Processor time is that of the page's main thread until it is ready,
which other work on the machine lengthens less.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from poverty_assets.pack.country import load_country
from poverty_assets.quarter import Quarter
from poverty_assets.reports.explorer import write_explorer
from poverty_assets_tests.reports.explorer_warehouse import World, write_warehouse

OPENINGS = 5
SLOWER = 6
PATIENCE = 120_000
READY = "document.documentElement.dataset.ready"
ANSWERED = "document.querySelector('.side').dataset.area.length > 2"
SETTLED = f"{READY} && !document.documentElement.dataset.busy"


def main(given: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        warehouse = given or made_up(Path(folder))
        start = time.perf_counter()
        page = write_explorer(warehouse, Path(folder) / "explorer.html", load_country("khm"))
        print(f"written in {time.perf_counter() - start:.1f} s; {page.stat().st_size / 1e6:.2f} MB")
        open_in_browser(page)


def made_up(folder: Path) -> Path:
    newest = Quarter(2026, 3)
    quarters = tuple(newest.shift(-i) for i in (4, 3, 2, 1, 0))
    return write_warehouse(folder / "poverty.duckdb", quarters=quarters, world=World(26, 8, 8, 10, 100))


def open_in_browser(page: Path) -> None:
    program = shutil.which("chromium")
    if program is None:
        print("chromium absent: not opened")
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for slower in (1, SLOWER):
            measure(browser, page, slower)
        browser.close()


def measure(browser: Any, page: Path, slower: int) -> None:
    """How soon the page is ready, and shows another layer, on a processor so many times as slow; and the page's own processor time."""
    ready, worked, answered, switched = [], [], [], []
    for _ in range(OPENINGS):
        tab = browser.new_page(viewport={"width": 1366, "height": 768})
        session = tab.context.new_cdp_session(tab)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
        tab.goto(page.as_uri(), wait_until="commit")
        tab.wait_for_function(READY, timeout=PATIENCE)
        ready.append(float(tab.evaluate("Number(document.documentElement.dataset.ready)")) / 1000)
        metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        worked.append(metrics["TaskDuration"])
        asked = tab.evaluate("document.querySelector('canvas.map-canvas').focus() || performance.now()")
        tab.keyboard.press("ArrowDown")
        tab.wait_for_function(ANSWERED, timeout=PATIENCE)
        answered.append(float(tab.evaluate("performance.now()") - asked) / 1000)
        tab.wait_for_function(SETTLED, timeout=PATIENCE)
        start = time.perf_counter()
        tab.select_option("#topic", "pair")
        tab.wait_for_function(SETTLED, timeout=PATIENCE)
        switched.append(time.perf_counter() - start)
        tab.close()
    print(
        f"processor {slower} times as slow: ready in {said(ready)}; worked {said(worked)}; answers a key in {said(answered)};"
        f" another layer in {said(switched)}; load of the machine {os.getloadavg()[0]:.1f}"
    )


def said(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
