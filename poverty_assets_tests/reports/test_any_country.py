"""The published file and the pages of countries that nobody has, of two levels below them and of four: nothing in them is another
country's, and every level is called as the pack calls it."""

import json
import re

import duckdb
import pytest
import yaml

from poverty_assets.pack.country import COUNTRIES, load_country
from poverty_assets.reports.explorer.payload import read_payload
from poverty_assets.reports.pages import write_pages
from poverty_assets.warehouse.query import connect
from poverty_assets_tests.made_country import MadeCountry
from poverty_assets_tests.test_no_country_in_code import WORDS
from poverty_assets_tests.warehouse.made_warehouse import publish_made

SHAPES = {"two": ("isle", "town"), "four": ("isle", "shire", "town", "ward")}


def signs(code):
    """Codes of digits of another script, which tell nothing of a parent."""
    return "№/" + "".join("०१२३४५६७८९"[int(one)] for one in reversed(code))


def write_pack(folder, ids):
    """A pack of these levels, its second language written from right to left (its words are those of a language of the package)."""
    levels = [{"id": "country", "names": {"en": "realm", "ky": "ҡр"}}]
    for depth, one in enumerate(ids):
        parent = {"parent": {"column": "above"}} if depth else {}
        levels.append(
            {"id": one, "names": {"en": [f"{one}let", f"{one}lets"], "ky": f"ҡ{depth}"}, "code": r"№/\d+", **parent}
        )
    languages = [{"code": "en", "name": "English"}, {"code": "ky", "name": "Ҡ", "direction": "rtl", "fonts": "serif"}]
    own = {
        "country_id": "abc", "iso3": "ABC", "area_id": "царь", "name_en": "Abcland", "name_ky": "Абв", "languages": languages,
        "levels": levels, "bounds": [102.0, 11.0, 106.0, 13.0], "default_measure": "global_mpi", "first_quarter": "2020Q1",
    }  # fmt: skip
    (folder / "abc").mkdir(parents=True)
    (folder / "abc" / "country.yaml").write_text(yaml.safe_dump(own, allow_unicode=True), encoding="utf-8")


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def country(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    write_pack(folder / "packs", SHAPES[request.param])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(COUNTRIES, str(folder / "packs"))
        made = MadeCountry(load_country("abc"), signs)
        file = publish_made(folder, made, quarters=1)
        write_pages(file, folder / "reports", made.pack)
        yield made, file, folder / "reports"


@pytest.mark.slow
def test_the_published_file_speaks_of_the_packs_levels_alone(country):
    made, file, _ = country
    with duckdb.connect(str(file), read_only=True) as connection:
        levels = connection.execute("SELECT area_level, count(*) FROM dim_area GROUP BY ALL").fetchall()
        shown = connection.execute("SELECT DISTINCT area_level FROM v_mpi_latest").fetchall()
        said = connection.execute(
            "SELECT coalesce(string_agg(concat_ws(' ', column_name, comment, data_type), ' '), '') FROM duckdb_columns()"
        ).fetchone()
        views = connection.execute(
            "SELECT string_agg(concat_ws(' ', view_name, comment), ' ') FROM duckdb_views()"
        ).fetchone()
    assert dict(levels) == {level.level_id: len(made.at(level.level_id)) for level in made.pack.levels}
    assert {one for (one,) in shown} == set(made.pack.levels.ids)
    assert WORDS.findall(f"{said} {views}") == []


def test_pages_name_no_other_country_and_call_levels_as_the_pack_does(country):
    made, file, reports = country
    with connect(file) as connection:
        payload = json.dumps(read_payload(connection, made.pack, None), ensure_ascii=False, default=str)
    pages = {path.name: path.read_text(encoding="utf-8") for path in sorted(reports.rglob("*.html"))}
    assert len(pages) >= 2 + 2 * (
        1 + 2
    )  # explorer, dictionary, and in both languages the country's report and two areas'
    found = {
        name: WORDS.findall(re.sub(r"<script.*?</script>|base64,[^)\"']*", "", text, flags=re.S))
        for name, text in pages.items()
    }
    assert {name: words for name, words in found.items() if words} == {}
    assert WORDS.findall(payload) == []
    outlined = made.at(made.pack.levels.published)[0]
    [name] = [own for code, own in json.loads(payload)["files"].items() if code == outlined]
    assert (reports / "areas" / "2026Q3" / f"{name}_ky.html").is_file()
    finest = made.pack.levels[made.pack.levels.finest]
    report = next(text for name, text in pages.items() if re.fullmatch(r"\d{4}Q\d\.html", name))
    other = next(text for name, text in pages.items() if re.fullmatch(r"\d{4}Q\d[._]ky\.html", name))
    assert finest.name("en", many=True) in report
    assert finest.name("ky", many=True) in other
    assert re.search(r'<html[^>]*dir="rtl"', other)
