"""The quarterly report in a real browser: two sheets of A4, nothing fetched, nothing complained of."""

from __future__ import annotations

import re

import pytest

from poverty_assets.reports.quarterly import write_report
from poverty_assets_tests.chromium import opened_chromium
from poverty_assets_tests.warehouse.made_warehouse import NOW, shared_made
from poverty_assets_tests.warehouse.small_lake import KHM

A4_POINTS = (595, 842)


@pytest.fixture(scope="module")
def browser():
    with opened_chromium() as opened:
        yield opened


def sheets_of(pdf: bytes) -> list[tuple[int, int]]:
    """Width and height of each page, points."""
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert len(boxes) == len(re.findall(rb"/Type /Page\b(?!s)", pdf))
    return [(round(float(width)), round(float(height))) for width, height in boxes]


@pytest.mark.parametrize("survey", [True, False], ids=["survey", "published totals only"])
@pytest.mark.slow
def test_it_prints_on_two_sheets_of_a4_without_a_network(browser, tmp_path, tmp_path_factory, survey):
    only_totals = {"survey": False, "simulated": False, "quarters": 1}
    warehouse = shared_made(tmp_path_factory, **({} if survey else only_totals))
    page_file = write_report(warehouse, tmp_path / "reports", NOW, KHM)
    context = browser.new_context(offline=True)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(page_file.as_uri())
    sheets = sheets_of(page.pdf(prefer_css_page_size=True, print_background=True))
    page.emulate_media(media="print")
    seen = page.locator(".watermark").is_visible() if survey else page.locator(".watermark").count() == 0
    maps = page.eval_on_selector_all("figure svg", "all => all.map(one => one.getBBox().width > 0)")
    context.close()
    assert [abs(a - b) <= 1 for sheet in sheets for a, b in zip(sheet, A4_POINTS, strict=True)] == [True] * 4
    assert complaints == []
    assert maps == [True, True]
    assert seen


def test_it_fits_a_narrow_screen(browser, tmp_path, tmp_path_factory):
    page_file = write_report(shared_made(tmp_path_factory), tmp_path, NOW, KHM)
    context = browser.new_context(offline=True, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(page_file.as_uri())
    width = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert width <= 390
