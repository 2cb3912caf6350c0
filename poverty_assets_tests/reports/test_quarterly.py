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
from poverty_assets.reports.quarterly import write_report, write_reports
from poverty_assets.reports.quarterly.finding import Question, about, chance, day, listed, percent, points, written
from poverty_assets.reports.quarterly.fragments import EXTRACTS
from poverty_assets.reports.quarterly.page import Report
from poverty_assets.reports.quarterly.record import NOTES
from poverty_assets.reports.quarterly.report import FINDINGS, held, level_words, read_reports
from poverty_assets.reports.words import page_languages
from poverty_assets.warehouse.local import read_levels
from poverty_assets_tests.reports.quarterly_proofs import PROOFS
from poverty_assets_tests.reports.quarterly_raw import Raw
from poverty_assets_tests.warehouse.made_warehouse import BEFORE, FINEST, NOW, shared_made, unfolded
from poverty_assets_tests.warehouse.small_lake import KHM

ENGLISH = dict(page_languages(KHM)[0].words)
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


QUESTIONS = (*(question for slot in FINDINGS for question in slot), *NOTES)


def reports_of(warehouse: Path, quarter: Quarter = NOW) -> dict[str, Report]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return {r.subject.area_id: r for r in read_reports(connection, quarter, KHM, areas=True)}


def said_of(warehouse: Path, area: str = "KH") -> dict[str, str]:
    report = reports_of(warehouse)[area]
    return {finding.key: finding.text for finding in (*report.findings, *report.notes)}


def assert_every_sentence_true(warehouse: Path, quarter: Quarter = NOW) -> list[int]:
    """What is said of each area is what the proofs say, word for word; what they do not prove is not said."""
    raw, reports = Raw(warehouse, quarter), reports_of(warehouse, quarter)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        there = held(connection)
    for area, report in reports.items():
        proved = {q.key: tuple(PROOFS[q.key](raw.on(area))) for q in QUESTIONS if set(q.needs) <= there}
        first = [next((q for q in slot if proved.get(q.key)), None) for slot in FINDINGS]
        due = [*(q for q in first if q is not None), *(q for q in NOTES if proved.get(q.key))]
        told = [(f.key, f.text) for f in (*report.findings, *report.notes)]
        assert [(q.key, written(q, proved[q.key], WORDS)) for q in due] == told, area
    return [len(report.findings) for report in reports.values()]


def test_every_question_has_one_proof():
    keys = [question.key for question in QUESTIONS]
    assert sorted(keys) == sorted(set(keys))
    assert set(keys) == set(PROOFS)


@pytest.mark.slow
def test_every_sentence_of_each_area_is_true_where_there_is_a_survey(survey):
    assert assert_every_sentence_true(survey) == [10, 10, 10]


@pytest.mark.slow
def test_every_sentence_of_each_area_is_true_where_only_totals_are_published(published):
    assert assert_every_sentence_true(published) == [9, 7, 7]


REVISION = (
    "INSERT INTO meta_revision BY NAME SELECT DATE '2026-07-01' AS quarter, {0} AS revision, 'what' AS what, 'why' AS why, [] AS sources,"
    " 9 AS figures, {0} + 3 AS moved, {0} AS outside, 0 AS changes, 0 AS turned, 0 AS turned_clear, [] AS wants_new_run, 'r' AS run_id,"
    " TIMESTAMP '2026-10-01' AS replaced, TIMESTAMP '2026-11-0{0}' AS built_at;"
)


PRICES = (
    "INSERT INTO price_change BY NAME SELECT DATE '2026-07-01' AS quarter, {0} AS area_id, {1} AS area_level, 'pandemic' AS shock_id,"
    " 'basket' AS commodity, 0.108 AS price_change, 0.02 AS price_change_se, 0.075 AS price_change_ci_low, 0.141 AS price_change_ci_high,"
    " {2} AS basis, {3} AS n_markets, 20 AS n_series, 60 AS n_prices, 'raster' AS source_id, '2025Q3' AS baseline,"
    " 'markets' AS spread_method;"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {
            "most_poor_people": "UPDATE fct_mpi SET estimate = 0.9, ci_high = 1 WHERE area_id = '02' AND is_headline",
            "change_waves": "UPDATE fct_change SET is_significant = false, ci_low = -0.5, ci_high = 0.5",
            "act_none": "UPDATE fct_rank SET p_worst_tenth = least(p_worst_tenth, 0.8)",
            "gap_tally": "DELETE FROM fct_register_audit",
            "checks_passed": "UPDATE check_result SET passed = true",
            "prices_taken": PRICES.format("'KH'", "'country'", "'level_above'", 0),
            "vulnerable": "DELETE FROM fct_mpi WHERE subgroup <> 'all'",
            "widespread": "UPDATE fct_overlap_pair SET share_both = 0.001",
        },
        {
            "change_absent": "DELETE FROM fct_change",
            "act_far": "UPDATE fct_rank SET p_worst_tenth = 0",
            "alike": "UPDATE dim_area SET population = NULL, households = NULL WHERE area_level = 'commune';"
            " UPDATE fct_population SET population = NULL WHERE area_level = 'commune'",
            "missed": "UPDATE fct_register_audit SET share_missed = 0.25",
            "checks_stopping": "UPDATE check_result SET passed = false",
            "sure": "UPDATE fct_mpi SET ci_high = least(1, ci_low + 0.4) WHERE area_level = 'commune'",
            "threatened": "UPDATE fct_hazard SET share_poor_exposed = 0.3 WHERE hazard_id = 'drought'",
            "absent": "DELETE FROM fct_mpi WHERE area_level = 'country' AND statistic = 'headcount_ratio'",
            "worst": "UPDATE fct_mpi SET ci_low = NULL, ci_high = NULL WHERE area_level = 'province'",
        },
        {
            "levels_absent": "UPDATE fct_mpi SET ci_low = NULL, ci_high = NULL",
            "change": "UPDATE fct_change SET method = 'composite'",
            "register_absent": "DELETE FROM fct_register WHERE quarter = '2026-07-01'; DELETE FROM fct_register_audit",
            "uncounted": "UPDATE dim_area SET population = NULL, households = NULL WHERE area_id IN ('010101', '020101');"
            " UPDATE fct_population SET population = NULL WHERE area_id IN ('010101', '020101')",
            "population_laid": "UPDATE fct_population SET benchmark_on = '2019-03-03', benchmark_total = 70000",
            "prices": PRICES.format("'KH'", "'country'", "'own'", 9) + PRICES.format("'01'", "'province'", "'own'", 2),
            "preliminary": "UPDATE meta_source SET is_preliminary = true WHERE source_id = 'idpoor'",
            "revised": REVISION.format(1) + REVISION.format(2),
            "overlap_inferred": "UPDATE dim_quarter SET survey_wave = NULL; UPDATE fct_overlap_pair SET method = 'downscaled'",
        },
    ],
)
def test_a_changed_warehouse_is_told_as_it_is(survey, tmp_path, changes):
    other = unfolded(survey, tmp_path)
    with duckdb.connect(str(other)) as connection:
        for change in changes.values():
            connection.execute(change)
    assert_every_sentence_true(other)
    before, after = said_of(survey), said_of(other)
    assert all(before.get(key) != after[key] for key in changes)


@pytest.fixture
def empty(survey, tmp_path):
    """A warehouse whose quarters have no estimate."""
    other = unfolded(survey, tmp_path)
    with duckdb.connect(str(other)) as connection:
        for table in sorted(name for name in held(connection) if name.startswith("fct_") and "." not in name):
            connection.execute(f"DELETE FROM {table}")
    return other


@pytest.mark.slow
def test_without_any_estimate_there_are_reports_and_a_dictionary_but_no_explorer(empty, tmp_path):
    pages = [page.name for page in write_pages(empty, tmp_path / "reports", KHM)]
    assert pages[-1] == "dictionary.html"
    assert f"{NOW}.html" in pages
    assert sorted(page.name for page in (tmp_path / "reports").rglob("*.*")) == sorted(pages)


@pytest.mark.slow
def test_a_quarter_without_any_estimate_still_gets_its_page(empty, tmp_path):
    text = write_report(empty, tmp_path, NOW, KHM).read_text(encoding="utf-8")
    assert "No headcount ratio of Cambodia is published for 2026Q3." in text
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
    assert [chance(p, words) for p in (1.0, 0.995, 0.682, 0.9, 0.0)] == [
        "over 99%",
        "over 99%",
        "68%",
        "90%",
        "under 1%",
    ]
    assert [points(-0.032), points(0.144), about(229_678), listed(["a", "b"], words)] == [
        "−3.2",
        "+14.4",
        "230,000",
        "a and b",
    ]


def test_sentences_of_the_made_up_country_read_as_expected(survey):
    said = said_of(survey)
    assert said["urban_rural"] == (
        "In rural areas 30.0% are poor, between 28.0% and 32.0% (95%); in urban areas 10.0%, between 8.0% and 12.0% (95%)."
    )
    assert said["worst"].startswith(
        "Provinces with the highest estimated headcount ratio (95% intervals in brackets): Province 02 "
    )
    assert said_of(survey, "02")["gap_tally"].startswith("In 3 of 6 communes the register lists significantly fewer")


def test_the_page_says_the_findings_and_no_other_figure(survey, tmp_path):
    page = write_report(survey, tmp_path, NOW, KHM)
    assert page == tmp_path / "2026Q3.html"
    text, report = page.read_text(encoding="utf-8"), reports_of(survey)["KH"]
    said = [
        html.unescape(line) for line in re.findall(r'data-(?:finding|note)="[a-z_]+">(?:<span>)?(.*?)</span>', text)
    ]
    assert said == [finding.text for finding in (*report.findings, *report.notes)]
    assert "<small>Evidence: survey.</small>" in text
    drawn = r"<style>.*?</style>|<figure>.*?</figure>"
    rest = re.sub(rf"{drawn}|<li .*?</li>|<span data-note.*?</span>", "", text, flags=re.DOTALL)
    assert set(re.findall(r"\d+(?:\.\d+)?%", re.sub("<[^>]+>", "", rest))) == {"95%"}


def test_maps_shade_each_commune_by_its_figure_from_light_to_dark(survey):
    poor, act = reports_of(survey)["KH"].maps
    with duckdb.connect(str(survey), read_only=True) as connection:
        h = connection.execute(
            "SELECT area_id, 100 * estimate FROM fct_mpi WHERE quarter = ? AND area_level = 'commune' AND is_headline"
            " AND statistic = 'headcount_ratio' AND k BETWEEN 0.33 AND 0.34 AND subgroup = 'all'", [NOW.start]
        ).fetchall()  # fmt: skip
        sure = connection.execute(
            "SELECT area_id FROM fct_rank WHERE quarter = ? AND area_level = 'commune' AND statistic = 'headcount_ratio'"
            " AND k BETWEEN 0.33 AND 0.34 AND p_worst_tenth >= 0.9", [NOW.start]
        ).fetchall()  # fmt: skip
    for area, percentage in h:
        bounds = [float(n) for n in re.findall(r"\d+", poor.shades[poor.shade_of[area]].label)]
        label = poor.shades[poor.shade_of[area]].label
        assert "under" in label or percentage >= bounds[0]
        assert "more" in label or percentage < bounds[-1]
    brightness = [sum(int(shade.fill[i : i + 2], 16) for i in (1, 3, 5)) for shade in poor.shades]
    assert brightness == sorted(brightness, reverse=True)
    assert {area for area, place in act.shade_of.items() if act.shades[place].label == "90% or more: act"} == {
        a for (a,) in sure
    }


def test_an_area_without_a_figure_is_dotted_and_the_legend_says_so(survey, tmp_path):
    other = unfolded(survey, tmp_path)
    with duckdb.connect(str(other)) as connection:
        connection.execute("UPDATE fct_mpi SET suppressed = true WHERE area_id = '010201'")
    poor = reports_of(other)["01"].maps[0]
    assert poor.shades[poor.shade_of["010201"]].label == "no figure"
    assert set(poor.shade_of) == {code for code in FINEST if code.startswith("01")}
    assert "url(#dots-poor)" in write_report(other, tmp_path, NOW, KHM).read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_area_has_its_report_and_all_ways_between_pages_lead_somewhere(survey, tmp_path):
    written_pages = write_reports(survey, tmp_path, KHM, [BEFORE, NOW])
    names = [str(page.relative_to(tmp_path)) for page in written_pages]
    areas = [f"areas/2026Q3/{area}" for area in ("01", "02")]
    assert sorted(names) == sorted(
        [f"{q}{end}.html" for q in ("2025Q3", "2026Q3") for end in ("", "_km")]
        + [f"{a}_{c}.html" for a in areas for c in ("en", "km")]
    )
    for page in written_pages:
        for way in re.findall(r'href="([^"#]+)', page.read_text(encoding="utf-8")):
            target = (page.parent / way).resolve()
            assert target in written_pages or target == tmp_path / "explorer.html", (page, way)


def test_nothing_is_fetched_and_nothing_withheld_is_told(survey, tmp_path):
    text = write_report(survey, tmp_path, NOW, KHM).read_text(encoding="utf-8")
    assert not re.search(r"""src=|<link|url\((?!#)|@import|<script|https?:""", text)
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
        found = dict(connection.execute(f"SELECT level_key, area_level FROM ({EXTRACTS[0].sql})").fetchall())
    expected = {"country": "country", "published": "region", "finest": "kebele"}
    expected |= dict(zip(("between", "between2"), between, strict=False))
    assert found == expected
    assert {word: words[word] for word in expected} == expected
    assert words["finest_many"] == "kebeles"


@pytest.mark.slow
def test_where_the_home_has_no_register_nothing_is_said_of_registers(survey, tmp_path):
    other = unfolded(survey, tmp_path)
    with duckdb.connect(str(other)) as connection:
        for table in ("fct_register", "fct_register_audit", "model_metric"):
            connection.execute(f"DELETE FROM {table}")
    assert "on the register" in " ".join(said_of(survey).values())
    assert "regist" not in " ".join(said_of(other).values())


@pytest.mark.parametrize("language", [one.code for one in KHM.languages if one.code != "en"])
def test_a_report_in_each_language_says_the_same_findings_in_its_words_and_names(survey, tmp_path, language):
    page = write_report(survey, tmp_path, NOW, KHM, language)
    assert page.name == f"2026Q3_{language}.html"
    text = html.unescape(page.read_text(encoding="utf-8"))
    words = next(one.words for one in page_languages(KHM) if one.code == language)
    assert f'<html lang="{language}" dir="ltr">' in text
    assert words["report_notes"] in text
    english = write_report(survey, tmp_path, NOW, KHM).read_text(encoding="utf-8")
    assert re.findall('data-finding="([a-z_0-9]+)"', text) == re.findall('data-finding="([a-z_0-9]+)"', english)
    said = " ".join(re.findall(r"<li data-finding=.*?><span>(.*?)</span>", text))
    assert "ឃុំ" in said  # the name of every area of the file
    assert not re.search(r"\b(people|between|intervals)\b", said)


def test_a_report_in_a_script_from_right_to_left_has_its_direction_and_falls_back_to_english(
    survey, tmp_path, monkeypatch
):
    folder = tmp_path / "packs" / "abc"
    (folder / "words").mkdir(parents=True)
    (folder / "country.yaml").write_text("{}")
    (folder / "words" / "ar.yaml").write_text("report_notes: لمحة\nsay_poor: '{place}: {estimate:pct} فقراء.'\n")
    monkeypatch.setenv("POVERTY_ASSETS_COUNTRIES", str(tmp_path / "packs"))
    arabic = Language(code="ar", name="العربية", direction="rtl", fonts='"Noto Naskh Arabic"')
    country = KHM.model_copy(update={"country_id": "abc", "languages": [*KHM.languages, arabic]})
    text = write_report(survey, tmp_path, NOW, country, "ar").read_text(encoding="utf-8")
    assert '<html lang="ar" dir="rtl">' in text
    assert "<h2>لمحة</h2>" in text
    assert "فقراء." in text
    assert ">The same in the explorer</a>" in text
    assert '"Noto Naskh Arabic"' in text
