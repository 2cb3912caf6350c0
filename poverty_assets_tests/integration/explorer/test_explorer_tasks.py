"""What people come to the explorer for, done as they do it and held against the file."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from poverty_assets.reports.explorer import write_explorer
from poverty_assets_tests.integration.explorer.gestures import (
    BOTH,
    PATIENCE,
    ask,
    choose_by_name,
    first_areas,
    go,
    inside_screen,
    latest,
    percent,
    pick,
    pixels_of,
    settle,
    sides,
    tab,
    water_and_sanitation,
)
from poverty_assets_tests.integration.hands import PHONE, WIDE, Hand
from poverty_assets_tests.warehouse.small_lake import KHM

LATEST = latest("commune")

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
