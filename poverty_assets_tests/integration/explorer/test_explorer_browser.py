"""The explorer in a real browser, from disk, with the network cut off: what it shows on a screen, a phone, paper and in files."""

from __future__ import annotations

import csv
import io
import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from poverty_assets.reports.explorer import write_explorer
from poverty_assets_tests.integration.explorer.gestures import (
    BOTH,
    PATIENCE,
    ask,
    choose_by_name,
    go,
    inside_screen,
    latest,
    percent,
    pick,
    pixels_of,
    ranking,
    saved,
    settle,
    sides,
    tab,
    water_and_sanitation,
)
from poverty_assets_tests.integration.hands import PHONE, WIDE
from poverty_assets_tests.reports import explorer_warehouse as made
from poverty_assets_tests.warehouse.small_lake import KHM

LATEST = latest("commune")
KHMER = re.compile("[\u1780-\u17ff]")


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
