"""The explorer as people use it: in a real browser, from disk, with the network cut off.

Screenshots, the printed page and a saved picture are kept in ``POVERTY_ASSETS_TEST_OUTPUT`` where that names a folder.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from poverty_assets.reports.explorer import write_explorer
from poverty_assets_tests.reports import explorer_warehouse as made
from poverty_assets_tests.warehouse.small_lake import KHM

KHMER = re.compile("[\u1780-\u17ff]")
PATIENCE = 120_000  # milliseconds; what never comes fails by it, and a busy machine is no reason to fail
LATEST = "quarter = '2026-07-01' AND area_level = 'commune' AND NOT suppressed"


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
    program = shutil.which("chromium")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no chromium: .ci/run must install it")
        pytest.skip("chromium absent (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, file) -> Iterator[Any]:
    """The page, opened; the test fails on any request for another file, any error and any warning in the console."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1000}, locale="en-GB", accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    asked: list[str] = []
    troubles: list[str] = []

    def refuse(route: Any) -> None:
        if route.request.url == file.as_uri():
            route.continue_()
            return
        if not route.request.url.startswith(("data:", "blob:")):
            asked.append(route.request.url)
        route.abort()

    context.route("**/*", refuse)
    context.set_offline(True)
    page.on("console", lambda said: troubles.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(file.as_uri())
    settle(page)
    yield page
    context.close()
    assert asked == []
    assert troubles == []


def settle(page: Any) -> None:
    page.wait_for_function(
        "document.documentElement.dataset.ready && !document.documentElement.dataset.busy", timeout=PATIENCE
    )


def pick(page: Any, **choices: str) -> None:
    for control, value in choices.items():
        page.select_option(f"#{control}", value)
        settle(page)


def water_and_sanitation(page: Any) -> None:
    pick(page, topic="pair", first="drinking_water", second="sanitation")


def ranking(page: Any) -> list[dict[str, str]]:
    """Every row of the ranking, page after page, by the headings of its columns."""
    rows = []
    while True:
        heads = [
            head.split("\n")[0].rstrip(" ▲▼") for head in page.locator("#ranking-table thead th").all_inner_texts()
        ]
        for row in page.locator("#ranking-table tbody tr").all():
            cells = [cell.replace("\n", " ") for cell in row.locator("th, td").all_inner_texts()]
            rows.append({"area": row.get_attribute("data-area"), **dict(zip(heads, cells, strict=True))})
        if page.locator("#ranking .next").is_disabled():
            return rows
        page.click("#ranking .next")
        settle(page)


def choose_by_name(page: Any, name: str, box: str = "search") -> None:
    page.fill(f"#{box}", name)
    page.press(f"#{box}", "Enter")
    settle(page)


def sides(page: Any) -> list[tuple[str | None, str | None]]:
    return [(s.get_attribute("data-area"), s.get_attribute("data-quarter")) for s in page.locator(".side").all()]


def ask(warehouse: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def percent(value: float) -> str:
    return f"{value * 100:.1f}%"


def test_it_opens_in_english_and_says_at_once_that_data_are_simulated(page, output):
    assert page.title() == "Overlapping deprivations: Cambodia"
    assert page.locator("#banner").inner_text().upper().startswith("SIMULATED DATA")
    assert page.locator("#maps canvas").is_visible()
    assert sides(page) == [("KH", "2026Q3")]
    page.screenshot(path=output / "explorer-en-wide.png", full_page=True)


def test_it_changes_to_khmer_and_back_and_shapes_the_script(page, output):
    page.click("[data-lang=km]")
    settle(page)
    assert page.locator("html").get_attribute("lang") == "km"
    texts = page.locator("[data-t]:visible, #title, #heading, #ranking th, #chart-key-a-KH th").all_inner_texts()
    assert [text for text in texts if text.strip() and not KHMER.search(text)] == []
    subscript, letters = page.evaluate(
        """() => { const pen = document.createElement("canvas").getContext("2d");
            pen.font = "40px " + getComputedStyle(document.body).fontFamily;
            return [pen.measureText("ខ្មែ").width, pen.measureText("ខ").width + pen.measureText("មែ").width]; }"""
    )
    assert subscript < letters * 0.9  # the second consonant goes under the first
    page.screenshot(path=output / "explorer-km-wide.png", full_page=True)
    page.set_viewport_size({"width": 420, "height": 900})
    page.screenshot(path=output / "explorer-km-narrow.png", full_page=True)
    page.click("[data-lang=en]")
    settle(page)
    assert not KHMER.search(page.locator("#heading").inner_text())


def test_nothing_runs_off_a_narrow_screen(page, output):
    page.set_viewport_size({"width": 420, "height": 900})
    page.reload()
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    page.screenshot(path=output / "explorer-en-narrow.png", full_page=True)


def test_every_layer_can_be_picked_at_every_level(page):
    topics = [option.get_attribute("value") for option in page.locator("#topic option").all()]
    assert topics == [
        "poverty", "uncensored", "censored", "pair", "count", "hazard", "vulnerability", "register", "feature",
    ]  # fmt: skip
    seen = set()
    for topic in topics:
        pick(page, topic=topic)
        control = "second" if topic == "pair" else "figure"
        for figure in [option.get_attribute("value") for option in page.locator(f"#{control} option").all()]:
            pick(page, **{control: figure})
            seen.add(page.locator("#heading").inner_text())
            assert page.locator("#ranking-table tbody tr").count() == 15
            assert page.locator("#maps .legend svg").count() == 1
    assert len(seen) == 5 + 4 + 4 + 3 + 5 + 3 + 3 + 3 + 2
    for level, areas in (("1", 3), ("2", 6)):
        pick(page, level=level)
        assert page.locator("#ranking-table tbody tr").count() == areas


def test_a_click_on_the_map_opens_the_area_with_its_intervals(page, warehouse):
    page.locator("#maps canvas").click(position={"x": 300, "y": 330})
    settle(page)
    ((area, _),) = sides(page)
    ((value, low, high),) = ask(
        warehouse, f"SELECT estimate, ci_low, ci_high FROM fct_mpi WHERE {LATEST} AND area_id = '{area}'"
        " AND statistic = 'headcount_ratio'"
    )  # fmt: skip
    first = page.locator(f"#chart-key-a-{area} tbody tr").first.inner_text().split("\t")
    assert first[1:3] == [percent(value), f"{percent(low)} to {percent(high)}"]
    assert page.locator(f"tr[data-area='{area}'].picked").count() <= 1
    assert page.locator("#status").inner_text().endswith(f"({percent(low)} to {percent(high)})")


def test_the_keyboard_alone_finds_an_area_by_its_khmer_name(page):
    page.focus("#search")
    page.keyboard.type("ឃុំទី 1")
    assert page.locator("#search").get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    second = page.locator("#search-list [aria-selected=true]").inner_text().split("\n")[0]
    page.keyboard.press("Enter")
    settle(page)
    assert page.locator("#search").input_value() == second == "Khum 10"
    page.focus("#ranking-table button.area >> nth=2")
    page.keyboard.press("Enter")
    settle(page)
    assert sides(page)[0][0] == page.locator("#ranking-table tbody tr").nth(2).get_attribute("data-area")


def test_two_areas_and_two_quarters_stand_side_by_side(page, output):
    choose_by_name(page, "Khum 30")
    choose_by_name(page, "Khum 29", "other")
    assert sides(page) == [("030205", "2026Q3"), ("030204", "2026Q3")]
    assert page.locator("#maps canvas").count() == 1
    pick(page, **{"other-quarter": "0"})
    assert sides(page) == [("030205", "2026Q3"), ("030204", "2025Q3")]
    assert page.locator("#maps canvas").count() == 2
    page.screenshot(path=output / "explorer-en-compare.png", full_page=True)
    page.click("#compare-stop")
    settle(page)
    assert sides(page) == [("030205", "2026Q3")]


def test_a_withheld_area_says_so(page):
    choose_by_name(page, "Khum 10")
    values = page.locator(f"#chart-key-a-{made.WITHHELD} tbody td:first-of-type").all_inner_texts()
    assert set(values) == {"withheld"}
    assert page.locator("[id^=chart-bundles], [id^=chart-pairs], [id^=chart-indicators]").count() == 0


def test_real_data_are_not_called_simulated(chromium, tmp_path):
    real = made.write_warehouse(tmp_path / "poverty.duckdb", simulated=False)
    page = chromium.new_page()
    page.goto(write_explorer(real, tmp_path / "explorer.html", KHM).as_uri())
    settle(page)
    assert page.locator("#banner").is_hidden()
    assert "simulated" not in page.locator("body").inner_text().lower()
    page.close()


def test_what_is_shown_is_saved_as_csv_that_says_it_is_simulated(page):
    water_and_sanitation(page)
    with page.expect_download() as caught:
        page.click("#ranking .save.csv")
    text = Path(caught.value.path()).read_text(encoding="utf-8-sig")
    notes = [line for line in text.splitlines() if line.startswith("#")]
    assert notes[0].startswith("# SIMULATED DATA")
    assert any("2026Q3" in note for note in notes)
    assert notes[-1] == "# Sources: Night lights; Household survey"
    rows = list(csv.DictReader(io.StringIO("\n".join(line for line in text.splitlines() if not line.startswith("#")))))
    shown = ranking(page)
    assert [(row["area_id"], row["Share"]) for row in rows] == [(row["area"], row["Share"]) for row in shown]


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
    assert len(names) == buttons.count() >= 8


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
    assert page.locator("#controls").is_hidden()


INKS = {"parks": (208, 0, 0), "roads": (0, 0, 0), "clinics": (244, 81, 30)}


def is_drawn(page: Any, layer: str) -> bool:
    """Whether the map has more than a speck in the colour of the layer."""
    count = page.evaluate(
        """ink => { const canvas = document.querySelector("#maps canvas"), { width, height } = canvas;
            const copy = Object.assign(document.createElement("canvas"), { width, height });
            const pen = copy.getContext("2d", { willReadFrequently: true });
            pen.drawImage(canvas, 0, 0);
            const { data } = pen.getImageData(0, 0, width, height);
            let n = 0;
            for (let i = 0; i < data.length; i += 4) n += data[i + 3] > 250 && ink.every((v, c) => Math.abs(data[i + c] - v) < 12);
            return n; }""",
        INKS[layer],
    )
    return count > 10


def test_every_layer_of_orientation_is_switched_on_and_off_from_the_keyboard(page, output):
    picture = "document.querySelector('#maps canvas').toDataURL()"
    bare = page.evaluate(picture)
    page.screenshot(path=output / "explorer-context-off.png", full_page=True)
    boxes = page.locator("#context input")
    assert [box.get_attribute("value") for box in boxes.all()] == ["parks", "roads", "clinics"]
    assert page.get_by_role("group", name="Also show on the map").get_by_role("checkbox", checked=True).count() == 0
    for layer in ("parks", "roads", "clinics"):
        assert not is_drawn(page, layer)
        page.focus(f"#context input[value={layer}]")
        page.keyboard.press("Space")
        settle(page)
        assert is_drawn(page, layer)
        assert page.evaluate(picture) != bare
        assert page.evaluate("document.activeElement.value") == layer
        assert page.locator("#maps .legend.context svg text").count() == 1
        page.keyboard.press("Space")
        settle(page)
        assert page.evaluate(picture) == bare
        assert page.locator("#maps .legend.context").count() == 0


def test_layers_stay_with_other_figures_and_languages_in_print_and_in_the_saved_picture(page, output):
    with page.expect_download() as caught:
        page.click("#maps .save.png")
    bare = Path(caught.value.path()).read_bytes()
    for box in page.locator("#context input").all():
        box.check()
        settle(page)
    with page.expect_download() as caught:
        page.click("#maps .save.png")
    saved = Path(caught.value.path()).read_bytes()
    (output / "explorer-context.png").write_bytes(saved)
    assert int.from_bytes(saved[20:24]) > int.from_bytes(bare[20:24]) + 50  # taller: by the legend of three layers
    assert page.locator("#maps .legend.context").inner_text().split("\n") == ["Parks", "Roads", "Clinics (1 of 2)"]
    pick(page, topic="uncensored", level="1")
    page.click("[data-lang=km]")
    settle(page)
    assert all(is_drawn(page, layer) for layer in INKS)
    assert page.locator("#context label").all_inner_texts() == ["ឧទ្យាន", "ផ្លូវ", "គ្លីនិក (1 ក្នុងចំណោម 2)"]
    page.screenshot(path=output / "explorer-context-screen.png", full_page=True)
    choose_by_name(page, "Khum 30")
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    (output / "explorer-context.pdf").write_bytes(printed)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    page.emulate_media(media="print")
    assert page.locator("#maps .legend.context").is_visible()


def test_axe_finds_no_serious_trouble(page):
    from axe_playwright_python.sync_playwright import Axe

    def serious() -> dict[str, str]:
        found = Axe().run(page).response["violations"]
        return {v["id"]: v["nodes"][0]["html"][:200] for v in found if v["impact"] in ("serious", "critical")}

    water_and_sanitation(page)
    choose_by_name(page, "Khum 30")
    choose_by_name(page, "Khet 01", "other")
    page.locator("summary").first.click()
    page.locator("#context input").first.check()
    settle(page)
    assert serious() == {}
    page.click("[data-lang=km]")
    pick(page, topic="feature")
    page.click("#compare-stop")
    settle(page)
    assert serious() == {}


def test_five_hundred_numbers_on_the_page_are_the_warehouses(page, warehouse):
    compared = 0
    queries = {
        ("poverty", "headcount_ratio"): "estimate, ci_low, ci_high FROM fct_mpi WHERE statistic = 'headcount_ratio'",
        ("poverty", "vulnerable"): "estimate, ci_low, ci_high FROM fct_mpi WHERE statistic = 'vulnerable'",
        ("uncensored", "uncensored:cooking_fuel"):
            "estimate, ci_low, ci_high FROM fct_headcount WHERE kind = 'uncensored' AND indicator_id = 'cooking_fuel'",
        ("censored", "censored:nutrition"):
            "estimate, ci_low, ci_high FROM fct_headcount WHERE kind = 'censored' AND indicator_id = 'nutrition'",
        ("count", "count:2"): "estimate, ci_low, ci_high FROM fct_deprivation_count WHERE n_deprivations = 2",
        ("hazard", "exposed:flood"):
            "share_exposed, share_exposed_ci_low, share_exposed_ci_high FROM fct_hazard WHERE true",
        ("vulnerability", "new_poor:prices"):
            "expected_new_poor, expected_new_poor_ci_low, expected_new_poor_ci_high FROM fct_vulnerability"
            " WHERE shock_id = 'prices'",
    }  # fmt: skip
    for (topic, figure), sql in queries.items():
        pick(page, topic=topic, figure=figure)
        expected = {row[0]: row[1:] for row in ask(warehouse, f"SELECT area_id, {sql} AND {LATEST}")}
        shown = {row["area"]: row for row in ranking(page) if row["Share"] != "withheld"}
        assert set(shown) == set(expected)
        for area, (value, low, high) in expected.items():
            assert shown[area]["Share"] == percent(value), (figure, area)
            assert shown[area]["95% interval"] == f"{percent(low)} to {percent(high)}", (figure, area)
            compared += 3
    assert compared == 7 * 29 * 3 > 500


def test_path_1_the_three_communes_with_most_people_deprived_in_both(page, warehouse):
    """Topic: two deprivations together. First: drinking water. Second: sanitation. Read the first three rows."""
    water_and_sanitation(page)
    rows = [row.get_attribute("data-area") for row in page.locator("#ranking-table tbody tr").all()[:3]]
    both = "indicator_a = 'sanitation' AND indicator_b = 'drinking_water'"
    answer = ask(
        warehouse, f"SELECT area_id FROM fct_overlap_pair WHERE {LATEST} AND {both} ORDER BY share_both DESC LIMIT 3"
    )
    assert rows == [area for (area,) in answer] == ["030205", "030204", "030203"]


def test_path_1_by_number_of_people_instead_of_share(page, warehouse):
    """The same, then press the heading "People, about"."""
    water_and_sanitation(page)
    page.click("[data-sort=people]")
    settle(page)
    rows = [row.get_attribute("data-area") for row in page.locator("#ranking-table tbody tr").all()[:3]]
    answer = ask(
        warehouse, f"SELECT area_id, share_both * population FROM fct_overlap_pair JOIN dim_area USING (area_id, area_level)"
        f" WHERE {LATEST} AND indicator_a = 'sanitation' AND indicator_b = 'drinking_water' ORDER BY 2 DESC LIMIT 3"
    )  # fmt: skip
    assert rows == [area for area, _ in answer]
    shown = [int(text.replace(",", "")) for text in page.locator("#ranking-table .people").all_inner_texts()[:3]]
    assert shown == pytest.approx([people for _, people in answer], rel=0.01)


def test_path_2_how_sure_that_is(page, warehouse):
    """The same, then read the interval beside each share and the sentence above the ranking."""
    water_and_sanitation(page)
    assert page.locator("#ranking-table tbody tr").nth(2).locator(".interval").inner_text() == "55.0% to 65.0%"
    both = "indicator_a = 'sanitation' AND indicator_b = 'drinking_water'"
    ((rivals,),) = ask(
        warehouse, f"SELECT count(*) FROM fct_overlap_pair WHERE {LATEST} AND {both} AND share_both < 0.6"
        " AND share_both_ci_high >= 0.55"
    )  # fmt: skip
    assert rivals > 0
    assert (
        f"{rivals} other areas have intervals that reach up into that of the third"
        in page.locator("#sure").inner_text()
    )


def test_path_3_whether_it_changed_since_last_year(page):
    """The same, then read the column "Change since" of the first three rows."""
    water_and_sanitation(page)
    assert "Change since 2025Q3" in page.locator("#ranking-table thead").inner_text()
    said = page.locator("#ranking-table .change").all_inner_texts()[:3]
    assert said[0] == "rose by 20.0 points (+14.5 to +25.5)"
    assert [text.split(" (")[0] for text in said[1:]] == ["no clear change"] * 2
