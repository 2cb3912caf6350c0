"""The quarterly report: each sentence proved from whole tables, the page, and what may not be missed."""

from __future__ import annotations

import html
import re
from pathlib import Path

import duckdb
import pytest

from poverty_assets.errors import MissingFile, UsageError
from poverty_assets.pack.country import Language
from poverty_assets.quarter import Quarter
from poverty_assets.reports.pages import write_pages
from poverty_assets.reports.quarterly import findings_of, write_report
from poverty_assets.reports.quarterly.finding import Question, about, day, listed, percent, points, written
from poverty_assets.reports.quarterly.fragments import LEVELS
from poverty_assets.reports.quarterly.report import QUESTIONS, held, level_words
from poverty_assets.reports.words import package_words, page_languages
from poverty_assets.warehouse.local import read_levels
from poverty_assets_tests.reports.quarterly_proofs import PROOFS
from poverty_assets_tests.reports.quarterly_raw import Raw
from poverty_assets_tests.warehouse.made_warehouse import NOW, shared_made, unfolded
from poverty_assets_tests.warehouse.small_lake import KHM

ENGLISH = package_words("en")
WORDS = ENGLISH | {
    "published": "province", "published_many": "provinces", "between": "district", "between_many": "districts",
    "finest": "commune", "finest_many": "communes",
}  # fmt: skip
"""The words of the pages, and what the country of the file calls its levels."""


@pytest.fixture(scope="module")
def survey(tmp_path_factory) -> Path:
    return shared_made(tmp_path_factory)


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    return shared_made(tmp_path_factory, survey=False, simulated=False, quarters=1)


def assert_every_sentence_true(warehouse: Path, quarter: Quarter) -> int:
    """What is said is what the proofs say, word for word; what they do not prove is not said."""
    raw, said = Raw(warehouse, quarter), {f.key: f.text for f in findings_of(warehouse, quarter)}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        there = held(connection)
    asked = {q.key: q for q in QUESTIONS if set(q.needs) <= there}
    proved = {key: PROOFS[key](raw) for key in asked}
    assert {key: written(asked[key], tuple(rows), WORDS) for key, rows in proved.items() if rows} == said
    return len(said)


def test_every_question_has_one_proof():
    keys = [question.key for question in QUESTIONS]
    assert sorted(keys) == sorted(set(keys))
    assert set(keys) == set(PROOFS)


def test_every_sentence_is_true_where_there_is_a_survey(survey):
    assert assert_every_sentence_true(survey, NOW) >= 35


def test_every_sentence_is_true_where_only_totals_are_published(published):
    assert assert_every_sentence_true(published, NOW) >= 15


@pytest.mark.parametrize(
    "changes",
    [
        {
            "worst_finest": "UPDATE fct_mpi SET estimate = 0.999, ci_high = 1 WHERE area_id = '010201' AND is_headline",
            "change_none_significant": "UPDATE fct_change SET is_significant = false, ci_low = -0.5, ci_high = 0.5",
            "overlap_inferred": "UPDATE fct_overlap_pair SET method = 'downscaled'",
            "gap_none": "UPDATE fct_register SET coverage_gap_ci_low = -0.1",
            "checks_passed": "UPDATE check_result SET passed = true",
            "flags_none": "UPDATE fct_mpi SET quality_flag = 'ok'",
        },
        {
            "change_absent": "DELETE FROM fct_change",
            "register_absent": "DELETE FROM fct_register WHERE quarter = '2026-07-01'",
            "checks_stopping": "UPDATE check_result SET passed = false",
            "wide": "UPDATE fct_mpi SET ci_high = least(1, ci_low + 0.4) WHERE area_level = 'commune'",
            "sources_gone": "DELETE FROM meta_source WHERE quarter = '2026-07-01' AND source_id = 'boundaries'",
            "country_absent": "DELETE FROM fct_mpi WHERE area_level = 'country' AND statistic = 'headcount_ratio'",
            "levels_absent": "UPDATE fct_mpi SET ci_low = NULL, ci_high = NULL WHERE area_level = 'district'",
        },
    ],
)
def test_a_changed_warehouse_is_told_as_it_is(survey, tmp_path, changes):
    other = unfolded(survey, tmp_path)
    with duckdb.connect(str(other)) as connection:
        for change in changes.values():
            connection.execute(change)
    assert_every_sentence_true(other, NOW)
    before, after = ({f.key: f.text for f in findings_of(w, NOW)} for w in (survey, other))
    assert all(before.get(key) != after[key] for key in changes)


def test_same_sources_as_before_are_called_the_same(survey, tmp_path):
    other = unfolded(survey, tmp_path)
    with duckdb.connect(str(other)) as connection:
        connection.execute("DELETE FROM meta_source WHERE quarter = '2025-07-01'")
        connection.execute("INSERT INTO meta_source SELECT * REPLACE (DATE '2025-07-01' AS quarter) FROM meta_source")
    assert "sources_same" in {finding.key for finding in findings_of(other, NOW)}
    assert_every_sentence_true(other, NOW)


@pytest.fixture
def empty(survey, tmp_path):
    """A warehouse whose quarters have no estimate."""
    other = unfolded(survey, tmp_path)
    with duckdb.connect(str(other)) as connection:
        for table in sorted(name for name in held(connection) if name.startswith("fct_") and "." not in name):
            connection.execute(f"DELETE FROM {table}")
    return other


def test_without_any_estimate_there_are_reports_and_a_dictionary_but_no_explorer(empty, tmp_path):
    pages = [page.name for page in write_pages(empty, tmp_path / "reports", KHM)]
    assert pages[-1] == "dictionary.html"
    assert f"{NOW}.html" in pages
    assert sorted(page.name for page in (tmp_path / "reports").iterdir()) == sorted(pages)


def test_a_quarter_without_any_estimate_still_gets_its_page(empty, tmp_path):
    text = write_report(empty, tmp_path, NOW, KHM).read_text(encoding="utf-8")
    assert "No headcount ratio of the country is published for 2026Q3." in text
    assert "No register serves" not in text  # the file has none of any quarter
    assert text.count("SIMULATED DATA") >= 4


def test_the_figures_are_written_in_words_that_can_be_checked_by_hand():
    question = Question("k", "s", "")
    words = ENGLISH | {"say_k": "{share:pct} of people: {share_interval:pct}. {items}.", "say_k_item": "{names:words}"}
    rows = ({"share": 0.1317, "share_low": 0.124, "share_high": None, "names": ["a", "b", "c"]},)
    assert written(question, rows, words) == "13.2% of people: no interval published. a, b and c."
    rows = ({"share": 0.1317, "share_low": 0.124, "share_high": 0.14, "names": ["a"]},)
    assert written(question, rows, words) == "13.2% of people: between 12.4% and 14.0% (95%). a."
    assert [percent(share, words) for share in (0.0, 0.0004, 1.0)] == ["0.0%", "under 0.1%", "100.0%"]
    assert [points(-0.032), points(0.144), about(229_678), listed(["a", "b"], words)] == [
        "−3.2",
        "+14.4",
        "230,000",
        "a and b",
    ]


def test_sentences_of_the_made_up_country_read_as_expected(survey):
    said = {finding.key: finding.text for finding in findings_of(survey, NOW)}
    assert said["country_urban_rural"] == (
        "In rural areas 30.0% are poor, between 28.0% and 32.0% (95%); in urban areas 10.0%, between 8.0% and 12.0% (95%)."
    )
    assert said["gap_tally"].startswith("In 3 of 11 communes it lists significantly fewer")
    assert said["sources_gone"] == "Used in 2025Q3 and absent now: Old raster."


def test_the_page_says_the_findings_and_no_other_figure(survey, tmp_path):
    page = write_report(survey, tmp_path, NOW, KHM)
    assert page == tmp_path / "2026Q3.html"
    text = page.read_text(encoding="utf-8")
    said = [html.unescape(line) for line in re.findall(r'<li data-finding="[a-z_]+">(.*?)</li>', text)]
    assert said == [finding.text for finding in findings_of(survey, NOW)]
    rest = re.sub(r"<style>.*?</style>|<li .*?</li>|<img .*?>", "", text, flags=re.DOTALL)
    figures = re.findall(r"\d+(?:\.\d+)?%", re.sub("<[^>]+>", "", rest))
    assert set(figures) == {"95%"}


def test_nothing_is_fetched_and_nothing_withheld_is_told(survey, tmp_path):
    text = write_report(survey, tmp_path, NOW, KHM).read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)|url\(|@import|<script""", text)
    assert "too_few_households" not in text
    assert f"Quarter to {day(NOW.end, ENGLISH)}; published " in text
    assert re.search(r"; published \d+ [A-Z][a-z]+ \d{4}; data ", text)


def test_simulated_cannot_be_missed_and_real_is_not_called_so(survey, published, tmp_path):
    simulated = write_report(survey, tmp_path, NOW, KHM).read_text(encoding="utf-8")
    real = write_report(published, tmp_path / "real", NOW, KHM).read_text(encoding="utf-8")
    sheets = simulated.split('<section class="sheet">')[1:]
    assert len(sheets) == 2
    assert all(sheet.count("SIMULATED DATA") >= 2 for sheet in sheets)
    assert "<title>SIMULATED DATA" in simulated
    assert 'class="watermark"' in simulated
    assert "simulated" not in real.lower()


def test_same_warehouse_same_bytes(survey, tmp_path):
    one, two = (write_report(survey, tmp_path / name, NOW, KHM).read_bytes() for name in ("a", "b"))
    assert one == two


def test_a_quarter_that_is_not_published_is_refused_and_leaves_the_old_page(survey, tmp_path):
    page = tmp_path / "2020Q1.html"
    page.write_text("old")
    with pytest.raises(UsageError, match=r"2020Q1 has not been published\nRemedy: ask for one of 2025Q3, 2026Q3"):
        write_report(survey, tmp_path, Quarter(2020, 1), KHM)
    assert page.read_text() == "old"
    with pytest.raises(MissingFile, match="nothing has been published"):
        write_report(tmp_path / "none.duckdb", tmp_path, NOW, KHM)


@pytest.mark.parametrize("between", [(), ("zone",), ("zone", "woreda")])
def test_levels_are_called_by_the_words_of_the_file_however_many_there_are(between):
    levels = ["country", "region", *between, "kebele"]
    roles = ["country", "published", *("between" for _ in between), "finest"]
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE dim_level (area_level TEXT, depth INT, role TEXT, name_en TEXT, plural_en TEXT)"
        )
        for depth, (level, role) in enumerate(zip(levels, roles, strict=True)):
            connection.execute("INSERT INTO dim_level VALUES (?, ?, ?, ?, ?)", [level, depth, role, level, level + "s"])
        words = level_words(read_levels(connection))
        found = {word: connection.execute(f"SELECT {sql}").fetchone()[0] for word, sql in LEVELS.items()}
    expected = {"published": "region", "between": None, "between2": None, "finest": "kebele"}
    expected |= dict(zip(("between", "between2"), between, strict=False))
    assert found == expected
    assert {word: words[word] or None for word in LEVELS} == expected
    assert words["finest_many"] == "kebeles"


def test_where_the_home_has_no_register_nothing_is_said_of_registers(survey, tmp_path):
    other = unfolded(survey, tmp_path)
    with duckdb.connect(str(other)) as connection:
        for table in ("fct_register", "fct_register_audit", "model_metric"):
            connection.execute(f"DELETE FROM {table}")
    assert ">Registers<" in write_report(survey, tmp_path / "a", NOW, KHM).read_text(encoding="utf-8")
    assert ">Registers<" not in write_report(other, tmp_path / "b", NOW, KHM).read_text(encoding="utf-8")


@pytest.mark.parametrize("language", [one.code for one in KHM.languages if one.code != "en"])
def test_a_report_in_each_language_says_the_same_findings_in_its_words_and_names(survey, tmp_path, language):
    page = write_report(survey, tmp_path, NOW, KHM, language)
    assert page.name == f"2026Q3_{language}.html"
    text = html.unescape(page.read_text(encoding="utf-8"))
    words = next(one.words for one in page_languages(KHM) if one.code == language)
    assert f'<html lang="{language}" dir="ltr">' in text
    assert words["report_glance"] in text
    english = write_report(survey, tmp_path, NOW, KHM).read_text(encoding="utf-8")
    assert re.findall('data-finding="([a-z_0-9]+)"', text) == re.findall('data-finding="([a-z_0-9]+)"', english)
    said = " ".join(re.findall(r"<li data-finding=.*?>(.*?)</li>", text))
    assert "ឃុំ" in said  # the name of every area of the file
    assert not re.search(r"\b(people|between|intervals)\b", said)


def test_a_report_in_a_script_from_right_to_left_has_its_direction_and_falls_back_to_english(
    survey, tmp_path, monkeypatch
):
    folder = tmp_path / "packs" / "abc"
    (folder / "words").mkdir(parents=True)
    (folder / "country.yaml").write_text("{}")
    (folder / "words" / "ar.yaml").write_text(
        "report_glance: لمحة\nsay_country_poor: '{place}: {estimate:pct} فقراء.'\n"
    )
    monkeypatch.setenv("POVERTY_ASSETS_COUNTRIES", str(tmp_path / "packs"))
    arabic = Language(code="ar", name="العربية", direction="rtl", fonts='"Noto Naskh Arabic"')
    country = KHM.model_copy(update={"country_id": "abc", "languages": [*KHM.languages, arabic]})
    text = write_report(survey, tmp_path, NOW, country, "ar").read_text(encoding="utf-8")
    assert '<html lang="ar" dir="rtl">' in text
    assert "<h2>لمحة</h2>" in text
    assert "فقراء." in text
    assert "<h2>Sources</h2>" in text
    assert '"Noto Naskh Arabic"' in text
