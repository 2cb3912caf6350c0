"""What a person does on the explorer's page and reads off it, and what its file says of the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

PATIENCE = 120_000  # milliseconds; what never comes fails by it, and a busy machine is no reason to fail
BOTH = "indicator_a = 'sanitation' AND indicator_b = 'drinking_water'"


def latest(level: str) -> str:
    """SQL of the rows of a level of which the page's newest quarter shows figures."""
    return f"quarter = '2026-07-01' AND area_level = '{level}' AND NOT suppressed"


def settle(page: Any) -> None:
    page.wait_for_function(
        "document.documentElement.dataset.ready && !document.documentElement.dataset.busy", timeout=PATIENCE
    )
    # the map takes its new size in the frame after what is around it has taken its own
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


def go(page: Any, view: str = "") -> None:
    """The page as it opens in English, or at another address."""
    page.evaluate("view => { location.hash = 'lang=en' + view + '&x=' + Math.random(); }", f"&{view}")
    page.wait_for_function("!location.hash.includes('&x=')", timeout=PATIENCE)
    settle(page)


def pick(page: Any, **choices: str) -> None:
    for control, value in choices.items():
        page.select_option(f"#{control}", value)
        settle(page)


def tab(page: Any, name: str) -> None:
    page.click(f"#tab-{name}")
    settle(page)


def water_and_sanitation(page: Any) -> None:
    pick(page, topic="pair", first="drinking_water", second="sanitation")
    tab(page, "ranking")


def ranking(page: Any) -> list[dict[str, str]]:
    """Every row of the ranking, page after page, by the headings of its columns."""
    rows = []
    while True:
        heads, body = page.evaluate(
            """() => [[...document.querySelectorAll("#ranking-table thead th")].map(h => h.innerText.trim()),
                [...document.querySelectorAll("#ranking-table tbody tr")].map(r =>
                    [r.dataset.area, ...[...r.querySelectorAll("th, td")].map(c => c.innerText.replace(/\\s+/g, " "))])]"""
        )
        heads = [head.rstrip(" ▲▼\n") for head in heads]
        rows += [{"area": area, **dict(zip(heads, cells, strict=True))} for area, *cells in body]
        if page.locator("#ranking .next").is_disabled():
            return rows
        page.click("#ranking .next")
        settle(page)


def first_areas(page: Any, n: int = 3) -> list[str]:
    return [str(row.get_attribute("data-area")) for row in page.locator("#ranking-table tbody tr").all()[:n]]


def choose_by_name(page: Any, name: str, box: str = "search") -> None:
    page.fill(f"#{box}", name)
    page.press(f"#{box}", "Enter")
    settle(page)


def sides(page: Any) -> list[tuple[str | None, str | None]]:
    return [(s.get_attribute("data-area"), s.get_attribute("data-quarter")) for s in page.locator(".side").all()]


def saved(page: Any, button: str) -> list[tuple[str, Path]]:
    """Files that a press of the button saves: a table as CSV brings its codebook first."""
    caught: list[Any] = []
    keep = lambda one: caught.append(one)  # noqa: E731
    page.on("download", keep)
    try:
        with page.expect_download(lambda one: "codebook" not in one.suggested_filename):
            page.click(button)
    finally:
        page.remove_listener("download", keep)
    return [(one.suggested_filename, Path(one.path())) for one in caught]


def ask(warehouse: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def percent(value: float) -> str:
    return f"{value * 100:.1f}%"


def inside_screen(page: Any, selector: str) -> bool:
    box = page.locator(selector).first.bounding_box()
    size = page.viewport_size
    right, bottom = box["x"] + box["width"], box["y"] + box["height"]
    return min(box["x"], box["y"]) >= 0 and right <= size["width"] and bottom <= size["height"]


def pixels_of(page: Any, ink: tuple[int, int, int], near: int) -> int:
    """Pixels of the map in a colour."""
    return page.evaluate(
        """([ink, near]) => { const canvas = document.querySelector("canvas.map-canvas"), { width, height } = canvas;
            const copy = Object.assign(document.createElement("canvas"), { width, height });
            const pen = copy.getContext("2d", { willReadFrequently: true });
            pen.drawImage(canvas, 0, 0);
            const { data } = pen.getImageData(0, 0, width, height);
            let n = 0;
            for (let i = 0; i < data.length; i += 4) n += data[i + 3] > 250 && ink.every((v, c) => Math.abs(data[i + c] - v) < near);
            return n; }""",
        [list(ink), near],
    )
