"""What a phone passes on: a PDF and a card of each report, letters joined as its script joins them, the same bytes each time."""

from __future__ import annotations

import io
import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from poverty_assets.reports.pages import write_pages
from poverty_assets.reports.passed_on import Forms, pdf
from poverty_assets.reports.passed_on.fonts import face_for
from poverty_assets.reports.passed_on.lines import measure_of, wrapped
from poverty_assets.reports.quarterly.finding import Finding
from poverty_assets.reports.quarterly.maps import Outlines
from poverty_assets.reports.quarterly.page import Report
from poverty_assets.reports.quarterly.report import read_reports
from poverty_assets.reports.words import page_languages
from poverty_assets.warehouse.query import connect
from poverty_assets_tests.warehouse.made_warehouse import NOW, shared_made
from poverty_assets_tests.warehouse.small_lake import KHM

KHMER = next(one for one in page_languages(KHM) if one.code == "km")
SENTENCE = "គ្មានឃុំ សង្កាត់ណាអាចហៅថាស្ថិតក្នុងមួយភាគដប់ដែលក្រីក្របំផុតនៃប្រទេស"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fonts")


@pytest.fixture(scope="module")
def forms(folder) -> Forms:
    return Forms(folder)


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> tuple[list[Report], Outlines]:
    """The report of a province in Khmer and in English."""
    with connect(shared_made(tmp_path_factory)) as connection:
        found = [list(read_reports(connection, NOW, KHM, code, areas=True))[1] for code in ("km", "en")]
        return found, Outlines.read(connection)


@pytest.fixture(scope="module")
def made(forms, reports):
    found, outlines = reports
    return [forms.of(report, outlines) for report in found]


@pytest.mark.slow
def test_pages_come_with_a_small_pdf_and_a_card_of_each_report_of_the_newest_quarter(tmp_path, tmp_path_factory):
    written = write_pages(shared_made(tmp_path_factory), tmp_path, KHM, tmp_path / "fonts")
    named = {str(path.relative_to(tmp_path)) for path in written}
    made = {
        f"areas/2026Q3/{area}_{code}.{form}"
        for area in ("KH", "01", "02")
        for code in ("en", "km")
        for form in ("pdf", "png")
    }
    assert made <= named
    assert not [name for name in named - made if name.endswith((".pdf", ".png"))]
    assert max((tmp_path / name).stat().st_size for name in made) < 400_000
    assert 'href="../../areas/2026Q3/01_km.pdf"' in (tmp_path / "areas/2026Q3/01_km.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_same_report_gives_the_same_bytes_dated_by_its_quarter(made, reports, tmp_path):
    found, outlines = reports
    assert Forms(tmp_path).of(found[0], outlines) == made[0]
    assert re.search(rb"/CreationDate \(D:20260930", made[0][".pdf"])


def test_the_pdf_says_every_finding_and_note_and_that_data_are_simulated(reports, forms, monkeypatch):
    found, outlines = reports
    said = []
    monkeypatch.setattr(pdf, "wrapped", lambda text, *rest: said.append(text) or wrapped(text, *rest))
    assert forms.of(found[1], outlines)[".pdf"].startswith(b"%PDF")
    told = " ".join(said)
    assert [one.key for one in (*found[1].findings, *found[1].notes) if one.text not in told] == []
    assert "SIMULATED DATA" in told


def test_the_card_fits_a_phone_and_shows_the_maps_colours(made, reports):
    for files, report in zip(made, reports[0], strict=True):
        card = Image.open(io.BytesIO(files[".png"])).convert("RGB")
        assert card.size == (1080, 1350)
        colours = {colour for _, colour in card.getcolors(1 << 20)}
        for shade in {report.maps[0].shades[place].fill for place in report.maps[0].shade_of.values()}:
            wanted = [int(shade[i : i + 2], 16) for i in (1, 3, 5)]
            assert min(max(abs(a - b) for a, b in zip(wanted, got, strict=True)) for got in colours) < 12


@pytest.mark.slow
def test_lines_of_a_card_end_above_its_foot_however_long_they_are(reports, forms):
    found, outlines = reports
    card = Image.open(io.BytesIO(forms.of(found[1], outlines)[".png"])).convert("L")
    first, *rest = found[1].findings
    longer = [
        Finding(one.question, one.rows, {**one.words, f"say_{one.key}": "a long way to say it " * 16}) for one in rest
    ]
    long = Image.open(io.BytesIO(forms.of(replace(found[1], findings=[first, *longer]), outlines)[".png"])).convert("L")
    for picture in (card, long):
        assert picture.crop((0, 1350 - 76, 1080, 1350 - 54)).getextrema()[0] > 250
    assert long.tobytes() != card.tobytes()


@pytest.mark.slow
def test_a_font_is_cut_once_for_all_who_want_the_same(folder, monkeypatch):
    found = face_for("abc", "", folder, "once")
    monkeypatch.setattr("poverty_assets.reports.passed_on.fonts._cut", None)
    assert face_for("xyz", "", folder, "once") == found


@pytest.mark.slow
def test_khmer_is_shaped_and_no_letter_is_missing(made, folder, caplog):
    face = face_for(SENTENCE, KHMER.fonts, folder, "shaped")
    measure = measure_of(face.regular, 40)
    assert measure("ខ្មែ") < 0.9 * (measure("ខ") + measure("មែ"))  # the second consonant goes under the first
    assert "missing" not in caplog.text


@pytest.mark.slow
def test_lines_end_between_words_also_where_no_space_stands(folder):
    face = face_for(SENTENCE, KHMER.fonts, folder, "lines")
    lines = wrapped(SENTENCE, 100, measure_of(face.regular, 10), "km")
    assert len(lines) > 2
    assert "".join(lines).replace(" ", "") == SENTENCE.replace(" ", "")
    assert not [line for line in lines if unicodedata.category(line[0]).startswith("M")]
    assert all(measure_of(face.regular, 10)(line) <= 101 for line in lines)


@pytest.mark.slow
def test_where_no_font_draws_a_language_it_is_left_out_and_said_once(reports, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("poverty_assets.reports.passed_on.fonts._of_package", lambda family: None)
    monkeypatch.setattr("poverty_assets.reports.passed_on.fonts.FOLDERS", ())
    found, outlines = reports
    forms = Forms(tmp_path)
    assert [sorted(forms.of(report, outlines)) for report in (*found, *found)] == [[], [".pdf", ".png"]] * 2
    assert caplog.text.count("No font here has the letters of ខ្មែរ (km)") == 1
