"""How large the explorer is, how long it takes to write, and how soon a browser has it ready.

Run: ``python -m benchmarks.bench_explorer [WAREHOUSE]``. Without a warehouse one is made up: 1,664 communes,
four quarters, ten indicators, every table filled. Needs Debian's chromium. Budget: 10 MB, ready in 2 s.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from poverty_assets.pack.country import load_country
from poverty_assets.quarter import Quarter
from poverty_assets.reports.explorer import write_explorer
from poverty_assets_tests.reports.explorer_warehouse import World, write_warehouse

OPENINGS = 5
READY = "document.documentElement.dataset.ready && !document.documentElement.dataset.busy"


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
        ready, switched = [], []
        for _ in range(OPENINGS):
            tab = browser.new_page(viewport={"width": 1400, "height": 1000})
            tab.goto(page.as_uri())
            tab.wait_for_function(READY)
            ready.append(float(tab.evaluate("Number(document.documentElement.dataset.ready)")) / 1000)
            start = time.perf_counter()
            tab.select_option("#topic", "pair")
            tab.wait_for_function(READY)
            switched.append(time.perf_counter() - start)
            tab.close()
        browser.close()
    print(f"ready in {statistics.median(ready):.2f} s (slowest of {OPENINGS}: {max(ready):.2f} s)")
    print(f"another layer in {statistics.median(switched):.2f} s (slowest {max(switched):.2f} s)")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
