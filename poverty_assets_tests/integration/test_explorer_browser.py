"""The explorer as people use it: in a real browser, from disk, with the network cut off.

One page serves all tests of the made-up country: each begins at an address of its own. Screenshots, the printed page and a saved
picture are kept in ``POVERTY_ASSETS_TEST_OUTPUT`` where that names a folder.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from poverty_assets.reports.explorer import write_explorer
from poverty_assets_tests.chromium import opened_chromium
from poverty_assets_tests.integration.hands import PHONE, WIDE, Hand
from poverty_assets_tests.reports import explorer_warehouse as made
from poverty_assets_tests.warehouse.small_lake import KHM

KHMER = re.compile("[\u1780-\u17ff]")
PATIENCE = 120_000  # milliseconds; what never comes fails by it, and a busy machine is no reason to fail
LATEST = "quarter = '2026-07-01' AND area_level = 'commune' AND NOT suppressed"
BOTH = "indicator_a = 'sanitation' AND indicator_b = 'drinking_water'"


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> Path:
    folder = Path(os.environ.get("POVERTY_ASSETS_TEST_OUTPUT") or tmp_path_factory.mktemp("explorer"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory) -> Path:
    return made.write_warehouse(tmp_path_factory.mktemp("browser") / "poverty.duckdb")


@pytest.fixture(scope="module")
def file(warehouse) -> Path:
    return write_explorer(warehouse, warehouse.parent / "explorer.html", KHM)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with opened_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def opened(chromium, file) -> Iterator[Any]:
    """The page, opened once, and what it asked of a network or said in the console, which no test may find."""
    context = chromium.new_context(viewport=WIDE, locale="en-GB", accept_downloads=True, has_touch=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    troubles: list[str] = []

    def refuse(route: Any) -> None:
        if route.request.url.split("#")[0] == file.as_uri():
            route.continue_()
            return
        if not route.request.url.startswith(("data:", "blob:")):
            troubles.append(f"asked for {route.request.url}")
        route.abort()

    context.route("**/*", refuse)
    context.set_offline(True)
    page.on("console", lambda said: troubles.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(file.as_uri())
    settle(page)
    yield page, troubles
    context.close()


@pytest.fixture
def page(opened) -> Iterator[Any]:
    page, troubles = opened
    page.set_viewport_size(WIDE)
    page.emulate_media(media="null")
    go(page)
    yield page
    assert troubles == []


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


def test_one_screen_holds_map_legend_and_the_chosen_areas_profile(page, output):
    assert page.title() == "Overlapping deprivations: Cambodia"
    assert page.locator("#banner").inner_text().upper().startswith("SIMULATED DATA")
    assert all(
        inside_screen(page, part) for part in ("#maps .map canvas", "#legend", "#sureness", "#panel", ".side-title")
    )
    assert sides(page) == [("KH", "2026Q3")]
    page.screenshot(path=output / "explorer-en-wide.png")
    choose_by_name(page, "Khum 30")
    assert sides(page) == [("030205", "2026Q3")]
    assert page.evaluate("document.activeElement.className") == "side-title"
    assert inside_screen(page, ".headline")


def test_it_changes_to_khmer_and_back_and_shapes_the_script(page, output):
    page.click("[data-lang=km]")
    settle(page)
    assert page.locator("html").get_attribute("lang") == "km"
    texts = page.locator("[data-t]:visible, #title, #heading, [role=tab], #chart-key-a-KH th").all_inner_texts()
    assert [text for text in texts if text.strip() and not KHMER.search(text)] == []
    subscript, letters = page.evaluate(
        """() => { const pen = document.createElement("canvas").getContext("2d");
            pen.font = "40px " + getComputedStyle(document.body).fontFamily;
            return [pen.measureText("ខ្មែ").width, pen.measureText("ខ").width + pen.measureText("មែ").width]; }"""
    )
    assert subscript < letters * 0.9  # the second consonant goes under the first
    page.screenshot(path=output / "explorer-km-wide.png")
    page.click("[data-lang=en]")
    settle(page)
    assert not KHMER.search(page.locator("#heading").inner_text())


def test_a_phone_has_a_sheet_that_a_tap_on_the_map_opens(page, output):
    page.set_viewport_size(PHONE)
    for language in ("km", "en"):
        page.evaluate("document.body.classList.remove('sheet-open')")
        page.tap(f"[data-lang={language}]")
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert inside_screen(page, "#tab-profile")
        assert not page.locator(".side-title").is_visible()
        box = page.locator("#maps canvas.map-canvas").first.bounding_box()
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        settle(page)
        assert page.locator(".side-title").is_visible()
        assert sides(page)[0][0] != "KH"
        page.screenshot(path=output / f"explorer-{language}-phone.png")
        tab(page, "ranking")
        assert page.evaluate("(e => e.scrollWidth - e.clientWidth)(document.querySelector('#ranking .scroll'))") <= 0
        assert page.locator("#ranking-table tbody tr").first.locator(".value, .interval, .ranks, .change").count() == 4
        page.screenshot(path=output / f"explorer-{language}-phone-ranking.png")
        tab(page, "profile")
    page.tap("#sheet")
    assert not page.locator(".side-title").is_visible()


CONSTANT = ("intensity:flood", "exposed_near_poor", "school_count")  # alike in every area of the made-up country


def test_every_layer_can_be_picked_at_every_level(page):
    topics = [option.get_attribute("value") for option in page.locator("#topic option").all()]
    assert topics == [
        "poverty", "uncensored", "censored", "pair", "change", "count", "hazard", "vulnerability", "register", "feature", "own",
    ]  # fmt: skip
    tab(page, "ranking")
    seen = set()
    for topic in topics[:-1]:
        pick(page, topic=topic)
        control = "second" if topic == "pair" else "figure"
        for figure in [option.get_attribute("value") for option in page.locator(f"#{control} option").all()]:
            pick(page, **{control: figure})
            seen.add(page.locator("#heading").inner_text())
            areas = {"3": 15, "1": 3}[page.input_value("#level")]
            assert page.locator("#ranking-table tbody tr").count() == areas
            alike = "in each" in page.locator("#legend .ends").inner_text()
            assert page.locator("#legend .swatch").count() >= (1 if alike else 3)
            assert alike == (figure in CONSTANT)
    assert len(seen) == 5 + 4 + 4 + 3 + 2 * 6 + 5 + 3 + 3 + 3 + 2
    pick(page, topic="poverty")
    for level, areas in (("1", 3), ("2", 6)):
        pick(page, level=level)
        assert page.locator("#ranking-table tbody tr").count() == areas


def test_map_zooms_and_pans_and_its_tooltip_gives_figure_interval_and_rank(page, warehouse):
    canvas = page.locator("#maps canvas.map-canvas")
    box = canvas.bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    told = page.locator(".tip").inner_text()
    assert re.search(r"\d+\.\d% \(\d+\.\d% to \d+\.\d%\)", told)
    assert "of 29 communes" in told
    page.mouse.click(*middle)
    settle(page)
    ((area, _),) = sides(page)
    assert told.startswith(ask(warehouse, f"SELECT name_en FROM dim_area WHERE area_id = '{area}'")[0][0])
    ((value, low, high, rank),) = ask(
        warehouse, f"SELECT m.estimate, ci_low, ci_high, rank FROM fct_mpi m JOIN fct_rank r USING (quarter, area_id, statistic)"
        f" WHERE m.{LATEST.replace('AND ', 'AND m.', 1).replace('NOT ', 'NOT m.')} AND m.area_id = '{area}'"
        " AND statistic = 'headcount_ratio'"
    )  # fmt: skip
    headline = page.locator(".headline").inner_text()
    assert f"{percent(value)} (95% interval: {percent(low)} to {percent(high)})" in headline
    assert f"Rank {rank} of 29 communes" in headline
    before = canvas.evaluate("canvas => canvas.toDataURL()")
    for act in (
        lambda: page.click(".zoom_in"),
        lambda: page.mouse.wheel(0, -300),
        lambda: page.press("canvas.map-canvas", "+"),
    ):
        page.mouse.move(*middle)
        act()
        page.wait_for_timeout(60)
        after = canvas.evaluate("canvas => canvas.toDataURL()")
        assert after != before
        before = after
    page.mouse.down()
    page.mouse.move(middle[0] + 80, middle[1] + 40, steps=3)
    page.mouse.up()
    page.wait_for_timeout(60)
    assert canvas.evaluate("canvas => canvas.toDataURL()") != before
    assert sides(page) == [(area, "2026Q3")]  # a drag chooses nothing
    page.press("canvas.map-canvas", "ArrowDown")
    settle(page)
    assert sides(page)[0][0] != area
    page.press("canvas.map-canvas", "0")


def test_search_takes_names_as_people_type_them(page):
    def hits(text: str) -> list[str]:
        page.fill("#search", text)
        return [hit.split("\n")[0] for hit in page.locator("#search-list li").all_inner_texts()]

    assert hits("khum30") == hits("KHUM-30") == hits("khhum 30") == ["Khum 30"]
    assert hits("Kampong Khum") == []
    assert hits("ឃុំទី\u200b 30") == ["Khum 30"]
    assert hits("ឃំុទី 30") == ["Khum 30"]  # the vowel and its sign in the other order
    assert page.locator("#search-list li .path").inner_text() == "Commune · Srok 0302, Khet 03"
    assert hits("030205") == ["Khum 30"]
    page.keyboard.press("Escape")
    page.fill("#search", "ឃុំទី 1")
    assert page.locator("#search").get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    second = page.locator("#search-list [aria-selected=true]").inner_text().split("\n")[0]
    page.keyboard.press("Enter")
    settle(page)
    assert page.locator("#search").input_value() == second


SPELT = {
    "030205": ("Ban Lung", "បានលុង", ["Banlung", "ban lung", "BAN-LUNG", "បាន\u200bលុង"]),
    "0302": ("Siem Reap", "សៀមរាប", ["Siemreap", "siem reab", "សៀម រាប"]),
    "03": ("Ratanak Kiri", "រតនគិរី", ["Ratanakiri", "Ratanak-kiri", "Rattanakiri", "រតន\u200bគិរី"]),
    "02": ("Mondul Kiri", "មណ្ឌលគិរី", ["Mondulkiri", "Mondolkiri", "មណ្ឌល\u200bគិរី"]),
    "01": ("Kandal", "កណ្ដាល", ["កណ្តាល", "កណ្ដាល", "kandal"]),
}
"""Names of Cambodia, and how people type them: without spaces, with others' letters, the subscripts of da and ta, unseen spaces."""


def test_search_knows_cambodias_names_however_they_are_spelt(chromium, warehouse, tmp_path):
    other = Path(shutil.copy(warehouse, tmp_path / "poverty.duckdb"))
    with duckdb.connect(str(other)) as connection:
        for area, (english, khmer, _) in SPELT.items():
            connection.execute("UPDATE dim_area SET name_en = ?, name_km = ? WHERE area_id = ?", [english, khmer, area])
    page = chromium.new_page()
    page.goto(write_explorer(other, tmp_path / "explorer.html", KHM).as_uri() + "#lang=en")
    settle(page)
    for english, _, ways in SPELT.values():
        for way in ways:
            page.fill("#search", way)
            assert page.locator("#search-list li").first.inner_text().split("\n")[0] == english, way
    page.close()


def test_the_report_of_an_area_is_one_click_away_in_the_language_of_the_page(page):
    for language, name, files in (
        ("en", "Khet 03", ["2026Q3.html", "areas/2026Q3/03_en.html"]),
        ("km", "ខេត្ត 03", ["2026Q3_km.html", "areas/2026Q3/03_km.html"]),
    ):
        go(page)
        page.click(f"[data-lang={language}]")
        settle(page)
        assert page.locator(".report a").get_attribute("href") == files[0]
        choose_by_name(page, name)
        assert page.locator(".report a").get_attribute("href") == files[1]
    choose_by_name(page, "ឃុំទី 30")
    assert page.locator(".report a").count() == 0  # no report is made of a commune


STATES = {
    "1-as-it-opens": (WIDE, ""),
    "2-an-area-chosen": (WIDE, "area=030205"),
    "3-two-deprivations-ranked": (WIDE, "figure=pair:drinking_water%2Bsanitation&tab=ranking"),
    "4-where-to-act": (WIDE, "tab=act&act=tenth_0.3_60"),
    "5-an-own-set": (WIDE, "figure=own:all:sanitation%2Bnutrition&tab=own"),
    "6-two-areas-compared": (WIDE, "level=province&area=03&other=02.2026Q3"),
    "7-change": (WIDE, "figure=change:headcount_ratio&area=030205"),
    "8-a-hazard-greyed": (WIDE, "figure=poor_exposed:flood&level=district&area=0302&sure=3&context=roads.clinics"),
    "9-khmer": (WIDE, "lang=km&area=03&level=province"),
    "10-a-phone": (PHONE, ""),
    "11-a-phone-in-khmer-with-an-area": (PHONE, "lang=km&area=030205"),
    "12-a-phone-in-khmer-where-to-act": (PHONE, "lang=km&tab=act&act=tenth_0.3_60"),
}
CUT = """() => [...document.querySelectorAll(
        "button, summary, h2, h3, #legend .key, .cut, #controls label > span, .headline p, #difference")]
    .filter(e => e.checkVisibility({ visibilityProperty: true }) && !e.closest(".matrix, .tip, .off, .unseen, #tabs"))
    .filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline"
        || e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => `${e.className || e.id || e.tagName}: ${e.innerText.slice(0, 60)}`)"""
"""Texts that are visible and do not fit their own box, or the screen."""


@pytest.mark.parametrize("name", STATES)
def test_each_state_fits_its_screen_and_is_kept_to_be_looked_at(page, output, name):
    size, view = STATES[name]
    page.set_viewport_size(size)
    page.evaluate(
        "view => { location.hash = view + '&x=' + Math.random(); }", view if "lang" in view else f"lang=en&{view}"
    )
    page.wait_for_function("!location.hash.includes('&x=')", timeout=PATIENCE)
    page.evaluate("open => document.body.classList.toggle('sheet-open', open)", size is PHONE and bool(view))
    settle(page)
    page.screenshot(path=output / f"state-{name}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate(CUT) == []
    if size is WIDE:
        assert all(inside_screen(page, part) for part in ("#maps canvas.map-canvas", "#legend", "#panel", "#tabs"))
        zooms, canvas = (page.locator(part).first.bounding_box() for part in (".zooms", "#maps canvas.map-canvas"))
        assert zooms["x"] + zooms["width"] <= canvas["x"] + canvas["width"] + 1


def test_two_areas_and_two_quarters_stand_side_by_side(page, output):
    choose_by_name(page, "Khum 30")
    choose_by_name(page, "Khum 29", "other")
    assert sides(page) == [("030205", "2026Q3"), ("030204", "2026Q3")]
    assert page.locator("#maps canvas.map-canvas").count() == 1
    pick(page, **{"other-quarter": "0"})
    assert sides(page) == [("030205", "2026Q3"), ("030204", "2025Q3")]
    assert page.locator("#maps canvas.map-canvas").count() == 2
    page.screenshot(path=output / "explorer-en-compare.png")
    page.click("#compare-stop")
    settle(page)
    assert sides(page) == [("030205", "2026Q3")]


def test_a_withheld_area_says_so(page):
    choose_by_name(page, "Khum 10")
    values = page.locator(f"#chart-key-a-{made.WITHHELD} tbody td:first-of-type").all_inner_texts()
    assert set(values) == {"withheld"}
    assert page.locator("[id^=chart-bundles], [id^=chart-pairs], [id^=chart-indicators]").count() == 0


def test_with_scripts_off_the_first_finding_is_all_that_stands_there(chromium, file, warehouse):
    context = chromium.new_context(java_script_enabled=False, viewport=PHONE)
    page = context.new_page()
    page.goto(file.as_uri())
    ((value,),) = ask(
        warehouse, "SELECT estimate FROM fct_mpi WHERE area_id = 'KH' AND quarter = '2026-07-01' AND statistic = 'headcount_ratio'"
    )  # fmt: skip
    said = page.locator("body").inner_text()
    assert percent(value) in said
    assert "SIMULATED DATA" in said
    assert KHMER.search(said)
    assert page.locator("button:visible, select:visible, #panel:visible").count() == 0
    context.close()


def test_real_data_are_not_called_simulated(chromium, tmp_path):
    real = made.write_warehouse(tmp_path / "poverty.duckdb", simulated=False)
    page = chromium.new_page()
    page.goto(write_explorer(real, tmp_path / "explorer.html", KHM).as_uri())
    settle(page)
    assert page.locator("#banner").is_hidden()
    assert "simulated" not in page.locator("body").inner_text().lower()
    page.close()


def test_tables_are_saved_for_machines_and_for_spreadsheets(page, warehouse):
    water_and_sanitation(page)
    (codes_name, codes), (name, table) = saved(page, "#ranking .save.csv")
    assert name.startswith("SIMULATED-")
    assert codes_name == name.replace(".csv", "-codebook.csv")
    assert table.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8-sig"))))
    exact = dict(ask(warehouse, f"SELECT area_id, share_both FROM fct_overlap_pair WHERE {LATEST} AND {BOTH}"))
    assert {row["area_id"]: float(row["estimate"]) for row in rows if row["estimate"]} == pytest.approx(
        exact, abs=1 / 30000
    )
    assert [row["state"] for row in rows if not row["estimate"]] == ["withheld"]
    assert {row["is_simulated"] for row in rows} == {"true"}
    assert rows[0]["name_en"] == "Khum 30"
    assert rows[0]["name_km"] == "ឃុំទី 30"
    meaning = list(csv.DictReader(io.StringIO(codes.read_text(encoding="utf-8-sig"))))
    assert {row["column"] for row in meaning} >= set(rows[0])
    assert any("Night lights (Publisher, CC BY 4.0)" in row["meaning"] for row in meaning)
    ((_, book),) = saved(page, "#ranking .save.xlsx")
    data, codebook = openpyxl.load_workbook(io.BytesIO(book.read_bytes())).worksheets
    heads, first, *_ = data.iter_rows(values_only=True)
    assert (first[heads.index("area_id")], type(first[heads.index("estimate")])) == ("030205", float)
    assert codebook["A1"].value == "column"


def test_every_chart_is_saved_as_a_picture(page, output):
    choose_by_name(page, "Khum 30")
    buttons = page.locator(".save.png")
    names = set()
    for i in range(buttons.count()):
        with page.expect_download() as caught:
            buttons.nth(i).click()
        data = Path(caught.value.path()).read_bytes()
        names.add(caught.value.suggested_filename)
        assert data.startswith(b"\x89PNG")
        assert len(data) > 5_000
        (output / caught.value.suggested_filename).write_bytes(data)
    assert len(names) == buttons.count() >= 7


def test_it_prints_on_one_page_that_says_it_is_simulated(page, output):
    water_and_sanitation(page)
    choose_by_name(page, "Khum 30")
    for step in ("en", "km", "compare"):
        if step == "compare":
            choose_by_name(page, "Khum 29", "other")
            pick(page, **{"other-quarter": "0"})
        else:
            page.click(f"[data-lang={step}]")
            settle(page)
        printed = page.pdf(prefer_css_page_size=True, print_background=True)
        (output / f"explorer-{step}.pdf").write_bytes(printed)
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1, step
    page.emulate_media(media="print")
    assert page.locator("#banner").is_visible()
    assert page.locator("#ranking-table").is_visible()
    assert page.locator(".side-title").first.is_visible()
    assert page.locator("#controls").is_hidden()


INKS = {"parks": (2, 119, 189), "roads": (0, 0, 0), "clinics": (0, 105, 92)}


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


def is_drawn(page: Any, layer: str) -> bool:
    """Whether the map has more than a speck in the colour of the layer."""
    return pixels_of(page, INKS[layer], 12) > 10


def test_every_layer_of_orientation_is_switched_on_and_off_from_the_keyboard(page, output):
    picture = "document.querySelector('canvas.map-canvas').toDataURL()"
    if page.get_attribute("#context", "open") is None:
        page.click("#context summary")
    settle(page)
    bare = page.evaluate(picture)
    boxes = page.locator("#context input")
    assert [box.get_attribute("value") for box in boxes.all()] == ["parks", "roads", "clinics"]
    assert page.get_by_role("group", name="Also show on the map").get_by_role("checkbox", checked=True).count() == 0
    for layer in ("parks", "roads", "clinics"):
        assert not is_drawn(page, layer)
        page.focus(f"#context input[value={layer}]")
        page.keyboard.press("Space")
        settle(page)
        assert is_drawn(page, layer)
        assert page.evaluate("document.activeElement.value") == layer
        assert page.locator("#legend .layer").count() == 1
        page.keyboard.press("Space")
        settle(page)
        assert page.evaluate(picture) == bare
        assert page.locator("#legend .layer").count() == 0


def test_layers_stay_with_other_figures_and_languages_in_print_and_in_the_saved_picture(page, output):
    ((_, bare),) = saved(page, "#maps .save.png")
    go(page, "context=parks.roads.clinics")
    ((_, shown),) = saved(page, "#maps .save.png")
    (output / "explorer-context.png").write_bytes(shown.read_bytes())
    tall = [int.from_bytes(path.read_bytes()[20:24]) for path in (bare, shown)]
    assert tall[1] > tall[0] + 50  # by the legend of three layers
    assert page.locator("#legend .layer").all_inner_texts() == ["Parks", "Roads", "Clinics (1 of 2)"]
    pick(page, topic="uncensored", level="1")
    page.click("[data-lang=km]")
    settle(page)
    assert all(is_drawn(page, layer) for layer in INKS)
    assert page.locator("#context label").all_inner_texts() == ["ឧទ្យាន", "ផ្លូវ", "គ្លីនិក (1 ក្នុងចំណោម 2)"]
    page.emulate_media(media="print")
    assert page.locator("#legend .layer").first.is_visible()


def test_axe_finds_nothing_at_all(page):
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()

    def findings() -> dict[str, str]:
        return {v["id"]: v["nodes"][0]["html"][:200] for v in axe.run(page).response["violations"]}

    go(page, "figure=pair:drinking_water%2Bsanitation&area=030205&other=01.2026Q3&context=roads")
    page.locator("#sides summary").first.click()
    assert findings() == {}
    go(page, "tab=act&lang=km")
    page.click("#define")
    assert findings() == {}
    page.click("#definitions-close")
    page.set_viewport_size(PHONE)
    go(page, "figure=own:any:nutrition%2Bsanitation&tab=own")
    assert findings() == {}


def test_five_hundred_numbers_on_the_page_are_the_warehouses(page, warehouse):
    compared = 0
    queries = {
        "headcount_ratio": "estimate, ci_low, ci_high FROM fct_mpi WHERE statistic = 'headcount_ratio'",
        "vulnerable": "estimate, ci_low, ci_high FROM fct_mpi WHERE statistic = 'vulnerable'",
        "uncensored:cooking_fuel":
            "estimate, ci_low, ci_high FROM fct_headcount WHERE kind = 'uncensored' AND indicator_id = 'cooking_fuel'",
        "censored:nutrition":
            "estimate, ci_low, ci_high FROM fct_headcount WHERE kind = 'censored' AND indicator_id = 'nutrition'",
        "count:2": "estimate, ci_low, ci_high FROM fct_deprivation_count WHERE n_deprivations = 2",
        "exposed:flood":
            "share_exposed, share_exposed_ci_low, share_exposed_ci_high FROM fct_hazard WHERE true",
        "new_poor:prices":
            "expected_new_poor, expected_new_poor_ci_low, expected_new_poor_ci_high FROM fct_vulnerability"
            " WHERE shock_id = 'prices'",
    }  # fmt: skip
    ranges = {"exposed:flood": "range over the tolerance", "new_poor:prices": "range over sampling and tolerance"}
    for figure, sql in queries.items():
        go(page, f"figure={figure}&tab=ranking")
        expected = {row[0]: row[1:] for row in ask(warehouse, f"SELECT area_id, {sql} AND {LATEST}")}
        shown = {row["area"]: row for row in ranking(page) if row["Share"] != "withheld"}
        assert set(shown) == set(expected)
        for area, (value, low, high) in expected.items():
            assert shown[area]["Share"] == percent(value), (figure, area)
            assert shown[area][ranges.get(figure, "95% interval")] == f"{percent(low)} to {percent(high)}", (
                figure,
                area,
            )
            compared += 3
    assert compared == 7 * 29 * 3 > 500


TASKS: dict[int, Callable[[Any, Hand, str, Path], None]] = {}
"""What people come for, by number; each is done by a hand, in a language, and held against the file."""


def task(number: int) -> Callable[[Any], Any]:
    return lambda done: TASKS.setdefault(number, done)


@task(1)
def three_worst_for_water_and_sanitation_and_how_sure(page: Any, hand: Hand, language: str, warehouse: Path) -> None:
    """Topic: two deprivations together, drinking water and sanitation; tab Ranking; the sentence above it."""
    for name, value in (("topic", "pair"), ("first", "drinking_water"), ("second", "sanitation")):
        hand.choose(name, value)
    hand.tab("ranking")
    answer = ask(
        warehouse, f"SELECT area_id FROM fct_overlap_pair WHERE {LATEST} AND {BOTH} ORDER BY share_both DESC LIMIT 3"
    )
    assert first_areas(page) == [area for (area,) in answer]
    assert re.search(r"\d", page.locator("#sure").inner_text())


@task(2)
def did_poverty_fall_and_since_when(page: Any, hand: Hand, language: str, warehouse: Path) -> None:
    """Open the page: the profile of the country says it."""
    hand.open_sheet()
    ((low, high),) = ask(
        warehouse, "SELECT ci_low, ci_high FROM fct_change WHERE area_id = 'KH' AND method = 'direct' AND statistic = 'headcount_ratio'"
    )  # fmt: skip
    said = page.locator(".headline").inner_text()
    assert all(f"{bound * 100:+.1f}".replace("-", "\u2212") in said for bound in (low, high))
    assert "2022Q1" in said


@task(3)
def two_areas_compared(page: Any, hand: Hand, language: str, warehouse: Path) -> None:
    """Find the first; type the second into "Compare with"; read the sentence."""
    first, second = {"en": ("Khum 30", "Khum 29"), "km": ("ឃុំទី 30", "ឃុំទី 29")}[language]
    hand.find("search", first)
    hand.open_sheet()
    hand.find("other", second)
    estimates = dict(
        ask(warehouse, f"SELECT area_id, estimate FROM fct_mpi WHERE {LATEST} AND statistic = 'headcount_ratio'")
    )
    said = page.locator("#difference").inner_text()
    assert all(percent(estimates[area]) in said for area in ("030205", "030204"))


@task(4)
def where_to_act_at_ninety_per_cent(page: Any, hand: Hand, language: str, warehouse: Path) -> None:
    """Tab "Where to act": it opens at the worst tenth and 90%."""
    hand.tab("act")
    hand.choose("criterion", "tenth")
    answer = ask(
        warehouse,
        f"SELECT area_id FROM fct_rank WHERE {LATEST} AND figure_id = 'headcount_ratio' AND p_worst_tenth >= 0.9",
    )
    assert {row.get_attribute("data-area") for row in page.locator("#act-table tbody tr").all()} == {
        a for (a,) in answer
    }
    assert "90%" in page.locator("#act").inner_text()


@task(5)
def poor_people_exposed_in_a_district(page: Any, hand: Hand, language: str, warehouse: Path) -> None:
    """Topic: hazards; figure: people who are poor and exposed; level; tab Ranking."""
    for name, value in (("topic", "hazard"), ("figure", "poor_exposed:flood"), ("level", "2")):
        hand.choose(name, value)
    hand.tab("ranking")
    ((value,),) = ask(
        warehouse, "SELECT share_poor_exposed FROM fct_hazard WHERE quarter = '2026-07-01' AND area_id = '0302'"
    )
    assert page.locator("#ranking-table tr[data-area='0302'] .value").inner_text() == percent(value)


@task(6)
def print_one_province(page: Any, hand: Hand, language: str, warehouse: Path) -> None:
    """Find it; press Print."""
    page.evaluate("window.print = () => { window.printed = document.querySelector('.side').dataset.area; }")
    hand.find("search", {"en": "Khet 03", "km": "ខេត្ត 03"}[language])
    hand.press("#print")
    assert page.evaluate("window.printed") == "03"


@task(7)
def share_a_view(page: Any, hand: Hand, language: str, warehouse: Path) -> None:
    """Find an area; press Copy link: the address holds it (what another reader sees then has a test of its own)."""
    hand.find("search", {"en": "Srok 0302", "km": "ស្រុក 0302"}[language])
    before = page.locator("#link").inner_text()
    hand.press("#link")
    assert page.locator("#link").inner_text() != before
    assert {f"lang={language}", "area=0302"} <= set(page.evaluate("location.hash").strip("#").split("&"))


@task(8)
def what_deprived_in_sanitation_means(page: Any, hand: Hand, language: str, warehouse: Path) -> None:
    """Press the name beside its row of the matrix."""
    hand.open_sheet()
    hand.press(".matrix tbody button.define >> nth=2")
    named = dict(ask(warehouse, f"SELECT indicator_id, coalesce(name_{language}, name_en) FROM dim_indicator"))
    asked = page.locator("#definitions dt[data-asked]").inner_text()
    page.keyboard.press("Escape")
    assert asked == named["sanitation"]


OTHER_WAYS = [(way, language) for way in ("mouse", "keyboard", "touch") for language in ("en", "km")][1:]


@pytest.mark.parametrize(
    ("way", "language"), [("mouse", "en"), *(pytest.param(*other, marks=pytest.mark.soak) for other in OTHER_WAYS)]
)
@pytest.mark.parametrize("number", TASKS)
def test_each_task_takes_less_than_a_minute_by_mouse_keyboard_and_touch_in_both_languages(
    page, warehouse, output, number, way, language
):
    page.set_viewport_size(PHONE if way == "touch" else WIDE)
    page.evaluate("document.body.classList.remove('sheet-open')")
    page.evaluate("view => { location.hash = view; }", f"lang={language}&x={number}")
    page.wait_for_function("!location.hash.includes('&x=')", timeout=PATIENCE)
    settle(page)
    hand = Hand(page, way, settle)
    TASKS[number](page, hand, language, warehouse)
    page.screenshot(path=output / f"task-{number}-{way}-{language}.png")
    assert hand.seconds < 60


def test_task_1_the_three_worst_for_water_and_sanitation_and_how_sure(page, warehouse):
    """Topic: two deprivations together, drinking water and sanitation; tab Ranking; the sentence above it."""
    water_and_sanitation(page)
    answer = ask(
        warehouse, f"SELECT area_id FROM fct_overlap_pair WHERE {LATEST} AND {BOTH} ORDER BY share_both DESC LIMIT 3"
    )
    assert first_areas(page) == [area for (area,) in answer] == ["030205", "030204", "030203"]
    assert page.locator("#ranking-table .interval").nth(2).inner_text() == "55.0% to 65.0%"
    ((rivals,),) = ask(
        warehouse, f"SELECT count(*) FROM fct_overlap_pair WHERE {LATEST} AND {BOTH} AND share_both < 0.6"
        " AND share_both_ci_high >= 0.55"
    )  # fmt: skip
    assert rivals > 0
    assert f"{rivals} other areas have intervals that reach up" in page.locator("#sure").inner_text()
    page.click("[data-sort=people]")
    settle(page)
    answer = ask(
        warehouse, f"SELECT area_id, share_both * population FROM fct_overlap_pair JOIN dim_area USING (area_id, area_level)"
        f" WHERE {LATEST} AND {BOTH} ORDER BY 2 DESC LIMIT 3"
    )  # fmt: skip
    assert first_areas(page) == [area for area, _ in answer]
    shown = [int(text.replace(",", "")) for text in page.locator("#ranking-table .people").all_inner_texts()[:3]]
    assert shown == [int(float(f"{people:.2g}")) for _, people in answer]


def test_task_2_did_poverty_fall_and_since_when_is_said_once(page, warehouse):
    """Open the page: the profile of the country says it, and the map and ranking of change agree with it."""
    ((difference, low, high),) = ask(
        warehouse, "SELECT difference, ci_low, ci_high FROM fct_change WHERE area_id = 'KH' AND method = 'direct'"
        " AND statistic = 'headcount_ratio'"
    )  # fmt: skip
    said = page.locator(".headline").inner_text()
    interval = f"{low * 100:+.1f} to {high * 100:+.1f}".replace("-", "\u2212")
    assert said.count("Between the surveys, from 2022Q1 to Household survey") == 1
    assert interval in said
    verdict = f"by {abs(difference) * 100:.1f} points" if low > 0 or high < 0 else "cannot be told"
    assert verdict in said
    cell = page.locator("#chart-key-a-KH tbody tr").first.locator("td").nth(2).inner_text()  # the country has no rank
    assert interval in cell
    water_and_sanitation(page)
    assert "Change since 2025Q3" in page.locator("#ranking-table thead").inner_text()
    changes = page.locator("#ranking-table .change").all_inner_texts()[:3]
    assert changes[0] == "rose by 20.0 points (+14.5 to +25.5)"
    assert [text.split(" (")[0] for text in changes[1:]] == ["no clear change"] * 2


def test_task_3_two_areas_compared_in_one_sentence_with_its_interval(page, warehouse):
    """Find the first; type the second into "Compare with"; read the sentence. In Khmer, with the keyboard alone."""
    page.focus("[data-lang=km]")
    page.keyboard.press("Enter")
    settle(page)
    for box, name in (("search", "ឃុំទី 30"), ("other", "ឃុំទី 29")):
        page.focus(f"#{box}")
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        settle(page)
    said = page.locator("#difference").inner_text()
    drawn = dict(
        ask(
            warehouse, "SELECT area_id, list_transform(draws, lambda x: low + step * x) FROM fct_draw"
            " WHERE figure_id = 'headcount_ratio' AND area_id IN ('030205', '030204')"
        )
    )  # fmt: skip
    estimates = dict(
        ask(warehouse, f"SELECT area_id, estimate FROM fct_mpi WHERE {LATEST} AND statistic = 'headcount_ratio'")
    )
    difference = estimates["030205"] - estimates["030204"]
    apart = sorted(a - b for a, b in zip(drawn["030205"], drawn["030204"], strict=True))
    places = [min(max(share * 21 - 1, 0), 19) for share in (0.025, 0.975)]
    low, high = (apart[int(p)] + (p - int(p)) * (apart[min(int(p) + 1, 19)] - apart[int(p)]) for p in places)
    bounds = f"{min(low, difference) * 100:+.1f} ដល់ {max(high, difference) * 100:+.1f}".replace("-", "\u2212")
    assert bounds in said
    assert ("មិនអាចប្រាប់" in said) == (low <= 0 <= high)


def test_task_4_where_to_act_at_a_stated_certainty(page, warehouse):
    """Tab "Where to act"; a criterion; a certainty; the list, the sentence and black outlines on the map."""
    tab(page, "act")
    for criterion, column in (("tenth", "p_worst_tenth"), ("country", "p_above_country")):
        pick(page, criterion=criterion)
        for certainty in (60, 90):
            page.fill("#certainty", str(certainty))
            settle(page)
            answer = ask(
                warehouse, f"SELECT area_id FROM fct_rank WHERE {LATEST} AND figure_id = 'headcount_ratio'"
                f" AND floor({column} * 200 + 1e-6) / 200 >= {certainty / 100}"
            )  # fmt: skip
            listed = {row.get_attribute("data-area") for row in page.locator("#act-table tbody tr").all()}
            assert listed == {area for (area,) in answer}
            assert page.locator("#act-found").inner_text().startswith(f"{len(answer)} of 29 communes")
    pick(page, criterion="threshold")
    page.fill("#threshold", "0.2")
    settle(page)
    ((sure,),) = ask(
        warehouse, "SELECT count(*) FROM fct_draw WHERE figure_id = 'headcount_ratio' AND NOT suppressed"
        " AND list_avg(list_transform(draws, lambda x: (low + step * x > 0.2)::INT)) >= 0.9"
    )  # fmt: skip
    assert page.locator("#act-found").inner_text().startswith(f"{sure} of 29 communes")


def test_task_5_poor_people_who_are_exposed_in_an_area(page, warehouse):
    """Topic: hazards; figure: people who are poor and exposed; find the area; its figure and people."""
    pick(page, topic="hazard", figure="poor_exposed:flood", level="2")
    choose_by_name(page, "Srok 0302")
    tab(page, "ranking")
    shown = page.locator("#ranking-table tr[data-area='0302']")
    ((value, people),) = ask(
        warehouse, "SELECT share_poor_exposed, share_poor_exposed * population FROM fct_hazard JOIN dim_area USING (area_id)"
        " WHERE quarter = '2026-07-01' AND area_id = '0302'"
    )  # fmt: skip
    assert shown.locator(".value").inner_text() == percent(value)
    assert int(shown.locator(".people").inner_text().replace(",", "")) == pytest.approx(people, rel=0.05)
    assert "An assumption" not in page.locator(".headline").inner_text()


def test_task_7_an_address_brings_another_reader_to_the_same_view(page, chromium, file):
    """Button "Copy link"; whoever opens it sees the same figure, areas, choice, tab and language."""
    view = "figure=pair:drinking_water%2Bsanitation&level=district&area=0302&tab=ranking&within=03&sure=3&lang=km"
    go(page, view)
    page.click("#link")
    address = page.evaluate("location.href")
    seen = [page.locator(part).inner_text() for part in ("#heading", "#ranking-table", "#legend")]
    other = chromium.new_page(viewport=WIDE)
    other.goto(address)
    settle(other)
    assert (
        other.evaluate("document.querySelectorAll('script[data-block=rest]').length") == 0
    )  # read, as the view asked for it
    assert [other.locator(part).inner_text() for part in ("#heading", "#ranking-table", "#legend")] == seen
    assert sides(other) == sides(page) == [("0302", "2026Q3")]
    assert other.evaluate("location.href") == address
    other.close()


def test_a_view_is_embedded_without_controls_and_keeps_its_stamp(page):
    go(page, "figure=uncensored:sanitation&level=district")
    page.evaluate("navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }")
    page.click("#embed")
    frame = page.evaluate("window.copied")
    assert frame.startswith('<iframe src="file:')
    view = re.search(r'#(\S+?)"', frame).group(1).replace("&amp;", "&")
    go(page, view)
    assert page.locator("#controls, #about, .tools, h1 >> visible=true").count() == 0
    assert page.locator("#banner").is_visible()
    assert inside_screen(page, "#legend")
    go(page, "embed=0")


def test_change_is_drawn_over_time_as_time_with_surveys_at_their_fieldwork(page):
    box = page.locator("#chart-series-headcount_ratio-a-KH")
    box.scroll_into_view_if_needed()
    box.locator("svg").wait_for()
    marks = "nodes => nodes.map(n => [n.getAttribute('aria-label'), n.getBoundingClientRect().x])"
    points = page.eval_on_selector_all("#chart-series-headcount_ratio-a-KH svg [aria-roledescription=point]", marks)
    told = "\n".join(label for label, _ in points)
    assert re.search(r"kind: .*survey", told, re.I), told
    assert len({round(x) for _, x in points}) == len(points)


def test_task_8_what_a_deprivation_means_is_one_click_away(page):
    """Press the name beside its row of the matrix."""
    page.click(".matrix tbody button.define >> nth=2")
    asked = page.locator("#definitions dt[data-asked]")
    assert asked.inner_text() == "Sanitation"
    assert page.locator("#definitions dt[data-asked] + dd").inner_text() == "deprived"
    page.keyboard.press("Escape")
    assert page.locator("#definitions").is_hidden()


def test_a_cell_of_the_matrix_maps_the_pair_and_says_how_often_beyond_chance(page, warehouse):
    ((value, low, high),) = ask(
        warehouse, f"SELECT lift, lift_ci_low, lift_ci_high FROM fct_overlap_pair WHERE {LATEST.replace('commune', 'country')}"
        f" AND {BOTH}"
    )  # fmt: skip
    cell = page.locator(".matrix button.lift[data-pair='pair:drinking_water+sanitation']")
    assert cell.inner_text() == f"×{value:.1f}"
    assert cell.get_attribute("title").endswith(f"({low:.1f} to {high:.1f})")
    cell.click()
    settle(page)
    assert page.locator("#heading").inner_text() == "Deprived in both drinking water and sanitation, Communes, 2026Q3"


def test_an_own_set_is_added_up_from_joint_profiles_and_says_it_has_no_interval(page, warehouse):
    tab(page, "own")
    page.check("#own-indicators input[value=sanitation]")
    settle(page)
    page.check("#own-indicators input[value=nutrition]")
    settle(page)
    for how, test in (("all", "(c & 5) = 5"), ("any", "(c & 5) <> 0")):
        page.check(f"#own-how input[value={how}]")
        settle(page)
        ((exact,),) = ask(
            warehouse, f"""SELECT sum(population * part) / sum(population) FROM (
                SELECT population, list_sum(list_transform(profile, lambda p, i: CASE WHEN {test.replace("c", "(i - 1)")}
                       THEN (p / 65535.0) ** 2 ELSE 0 END)) / list_sum(list_transform(profile, lambda p: (p / 65535.0) ** 2)) AS part
                FROM fct_profile WHERE NOT suppressed)"""
        )  # fmt: skip
        shown = re.search(r"(\d+\.\d)%", page.locator("#own-found").inner_text()).group(1)
        assert float(shown) == pytest.approx(100 * exact, abs=0.1)
    assert "no interval" in page.locator("#legend").inner_text()


def test_unsure_areas_are_hatched_or_greyed_as_the_slider_says(page):
    words = []
    for stop in range(4):
        page.fill("#sureness", str(stop))
        settle(page)
        words.append(page.locator("#sureness").get_attribute("aria-valuetext"))
        assert (pixels_of(page, (236, 236, 236), 1) > 1000) == (stop == 3)
    assert len(set(words)) == 4
    assert words[3].startswith("Greyed out")


def test_figures_of_hazards_and_of_prices_stand_beside_what_they_rest_on_and_name_no_tolerance_an_interval(page):
    pick(page, topic="hazard", figure="exposed:flood", level="3")
    said = page.locator(".headline").first.inner_text()
    assert "95% interval:" not in said
    assert "range over the tolerance:" in said
    for words in (
        "observed 2026-07-01 to 2026-09-30",
        "from 0.25 on (flooded share)",
        "lower and higher by 0.1",
        "made up",
    ):
        assert words in page.locator(".hazard-basis").first.inner_text()
        assert words in page.locator("#legend .rests").text_content()
    pick(page, topic="vulnerability", figure="new_poor:prices", level="3")
    said = page.locator(".hazard-basis").first.inner_text()
    assert "Prices in Cambodia: 10.0% (95% interval over markets: 5.0% to 15.0%) against 2025Q3, 9 markets" in said
    assert "0.5 times the rise" in said


@pytest.mark.parametrize(
    ("unknown", "said"),
    [
        ("area_id IN ('010101', '020101')", "are without 2 communes whose population is not known, among them Khum 1."),
        ("area_level = 'commune'", "The population of no commune of Cambodia is known: in sums over communes each counts alike."),
    ],
)  # fmt: skip
def test_what_sums_leave_out_stands_under_the_figure(chromium, warehouse, tmp_path, unknown, said):
    copy = Path(shutil.copy(warehouse, tmp_path / "poverty.duckdb"))
    with duckdb.connect(str(copy)) as connection:
        connection.execute(f"UPDATE dim_area SET population = NULL, households = NULL WHERE {unknown}")
    page = chromium.new_page(viewport=WIDE)
    page.goto(write_explorer(copy, tmp_path / "explorer.html", KHM).as_uri() + "#lang=en")
    settle(page)
    assert page.inner_text(".left-out").endswith(said)
    page.close()
