"""README and the pages in ``docs/``: what they name is there, and what they say to type can be typed."""

from __future__ import annotations

import ast
import functools
import re
import sys
import unicodedata
from pathlib import Path

import pytest
import typer
import yaml
from pydantic import TypeAdapter

import poverty_assets
from poverty_assets.catalog import TABLES
from poverty_assets.cli import app
from poverty_assets.measure.measure import Measure, load_measure
from poverty_assets.pack.country import Country, Language
from poverty_assets.pack.levels import Level
from poverty_assets.pack.source import AnySource, SourceSpec
from poverty_assets.registers.audit import load_targeting
from poverty_assets.settings import Settings
from poverty_assets.sources.surveys import read_wave_description
from poverty_assets.sources.surveys.wave import ColumnForm, WaveForm
from poverty_assets.vulnerability.hazards import read_hazards
from poverty_assets.vulnerability.shocks import load_shocks
from poverty_assets_tests.parsed import PACKAGE, modules, nodes_of

ROOT = Path(poverty_assets.__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = [re.sub(r"[`*]", "", unicodedata.normalize("NFC", heading)).strip().lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def code(page: Path) -> list[str]:
    """Everything set as code: fenced blocks, line by line, and spans."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", prose(page))


@each_page
def test_every_link_leads_somewhere(page):
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)) if not re.match(r"[a-z]+:", link)]
    for link in links:
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES[2:], ids=lambda page: page.name)
def test_a_page_says_at_once_for_whom_it_is(page):
    title, first = page.read_text(encoding="utf-8").split("\n\n")[:2]
    assert title.startswith("# ")
    assert re.match(r"For (whoever|the) ", first)
    assert first.rstrip().endswith(".")


def test_readme_leads_to_every_page():
    assert {f"docs/{page.name}" for page in PAGES[2:]} <= set(re.findall(r"\]\(([^)#\s]+)", prose(PAGES[0])))


@each_page
def test_every_command_named_is_one_of_the_command_line_with_the_flags_named(page):
    commands = typer.main.get_command(app).commands
    typed = [line.split("#")[0] for line in code(page) if re.search(r"(^|\s|=\w+ )poverty-assets ", line)]
    for line in typed:
        words = re.sub(r'"[^"]*"', "TEXT", line.split("poverty-assets ", 1)[1]).split()
        assert words[0] in commands, line
        command = commands[words[0]]
        command = command.commands[words[1]] if hasattr(command, "commands") else command
        known = {option for parameter in command.params for option in parameter.opts}
        named = set(re.findall(r"--[a-z][a-z-]*", re.sub(r'"[^"]*"', "", line.split("poverty-assets ", 1)[1])))
        assert named <= known, line


@each_page
def test_every_make_target_named_is_there(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[1].split())
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    assert {m for line in code(page) for m in re.findall(r"^make ([a-z-]+)", line)} <= targets


@each_page
def test_every_setting_named_is_one(page):
    named = {name for line in code(page) for name in re.findall(r"POVERTY_ASSETS_([A-Z_]+)", line)}
    of_tests = {"SHARED", "REQUIRE_SHARED", "SOAK_KILLS", "SOAK_SEED", "SOAK_SIZES"}
    read_alone = {
        text.removeprefix("POVERTY_ASSETS_") for text in _texts() if re.fullmatch(r"POVERTY_ASSETS_[A-Z_]+", text)
    }
    assert named <= {name.upper() for name in Settings.model_fields} | read_alone | of_tests


@each_page
def test_every_path_named_is_there(page):
    here = {path.name for path in ROOT.iterdir()}
    spans = [span for span in re.findall(r"`([^`\n]+)`", prose(page)) if re.fullmatch(r"[\w.*/<>-]+", span)]
    paths = [s for s in spans if s.split("/")[0] in here - {"data"} and ("/" in s or "." in s)]
    assert [path for path in paths if not list(ROOT.glob(re.sub(r"<\w+>", "*", path).rstrip("/")))] == []


@each_page
def test_every_module_named_to_run_is_there(page):
    named = {name for line in code(page) for name in re.findall(r"python -m ([\w.]+)", line)} - {"pytest"}
    files = [ROOT.joinpath(*name.split(".")) for name in named]
    assert [file for file in files if not (file.with_suffix(".py").is_file() or (file / "__main__.py").is_file())] == []


def test_every_published_table_has_a_row_on_the_analysts_page():
    listed = (ROOT / "docs/analyst.md").read_text(encoding="utf-8").split("## Tables")[1].split("\n## ")[0]
    assert [table.name for table in TABLES if f"`{table.name}`" not in listed] == []


def test_messages_in_the_runbook_are_those_of_the_code():
    page = ROOT / "docs" / "runbook.md"
    quoted = [
        span
        for line in page.read_text("utf-8").splitlines()
        if line.startswith("> ")
        for span in re.findall(r"`([^`]+)`", line)
    ]
    said = _texts()
    assert len(quoted) > 25
    pieces = {piece for message in quoted for piece in message.split("…") if piece.strip(" ;:.")}
    assert [piece for piece in sorted(pieces) if not any(piece in text for text in said)] == []


@functools.cache
def _texts() -> list[str]:
    """Every piece of text in the package's code."""
    return [
        n.value
        for name in modules()
        for n in nodes_of(PACKAGE / name)
        if isinstance(n, ast.Constant) and isinstance(n.value, str)
    ]


@pytest.fixture(scope="module")
def example() -> dict[str, str]:
    """The example of each file of a country pack."""
    text = (ROOT / "docs" / "country-pack.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    found = {title: re.search(r"^```yaml\n(.*?)^```", body, re.DOTALL | re.MULTILINE) for title, body in sections}
    return {title: block[1] for title, block in found.items() if block}


def test_the_example_of_a_country_pack_loads_and_its_files_fit_each_other(example, tmp_path):
    def file(title: str, name: str | None = None) -> Path:
        path = tmp_path / (name or title)
        path.write_text(example[title], encoding="utf-8")
        return path

    country = TypeAdapter(Country).validate_python(yaml.safe_load(example["country.yaml"]))
    sources = TypeAdapter(list[AnySource]).validate_python(yaml.safe_load(example["sources.yaml"]))
    (table,) = TypeAdapter(list[AnySource]).validate_python(yaml.safe_load(example["Tables in other keys"]))
    assert table.options.wide.pattern.fullmatch("clinics 2020")
    measure = load_measure(file("measures", "basic.yaml"))
    assert isinstance(measure, Measure)
    assert measure.measure_id == country.default_measure
    hazards = read_hazards(file("hazards.yaml"), [source.source_id for source in sources])
    (shock,) = load_shocks(file("shocks.yaml"), measure, hazards.hazard_ids)
    assert {addition.indicator_id for addition in shock.adds} <= set(measure.indicator_ids)
    assert list(load_targeting(file("registers.yaml"))) == ["social_register"]
    wave = read_wave_description(file("survey.yaml").parent)
    survey = next(source for source in sources if source.role == "survey")
    assert (wave.start, wave.end) == (survey.observed_from, survey.observed_to)
    assert set(wave.spec.value["indicators"]) == set(measure.indicator_ids)


def test_every_example_of_a_wave_can_be_read(tmp_path):
    text = (ROOT / "docs" / "country-pack.md").read_text(encoding="utf-8")
    section = text.split("\n## survey.yaml\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    for block in blocks:
        (tmp_path / "survey.yaml").write_text(block, encoding="utf-8")
        assert "area_id" in read_wave_description(tmp_path).form.columns


def test_every_field_of_a_country_and_of_a_source_is_told():
    text = (ROOT / "docs" / "country-pack.md").read_text(encoding="utf-8")
    forms = [*Country.model_fields.items(), *Level.model_fields.items(), *Language.model_fields.items()]
    fields = {field.alias or name for name, field in forms}
    fields |= {*SourceSpec.model_fields, *WaveForm.model_fields, *ColumnForm.model_fields}
    assert {field for field in fields if f"`{field}`" not in text} == set()


def test_the_picture_of_the_house_is_drawn_from_its_imports(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    sys.modules.pop("make_architecture", None)
    import make_architecture

    rooms = make_architecture.read_rooms(ROOT / "poverty_assets")
    drawn = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    arrows = re.findall(r'data-from="(\w+)" data-to="(\w+)"', drawn)
    again = "draw it again: python docs/make_architecture.py"
    assert sorted(arrows) == make_architecture.reduced(rooms), again
    assert set(re.findall(r'data-room="(\w+)"', drawn)) == set(rooms), again
