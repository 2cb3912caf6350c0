"""The page: markup and styles, for the screen and for two sheets of A4.

Belongs here: HTML and CSS, and what a report is made of. Does not belong here: any figure; all of them stand in findings and maps.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from poverty_assets.catalog.model import FALLBACK
from poverty_assets.pack.country import Language
from poverty_assets.reports.files import file_name
from poverty_assets.reports.quarterly.finding import Finding, day
from poverty_assets.reports.quarterly.maps import AreaMap, Outlines, svg_of
from poverty_assets.reports.words import PageLanguage

SHEETS = 2


@dataclass(frozen=True)
class Edition:
    """Which quarter's reports these are, and in which language; ``words`` are the language's, with those for levels of areas."""

    label: str
    name: str
    end: dt.date
    published: dt.date
    is_simulated: bool
    digest: str
    language: PageLanguage
    words: Mapping[str, str]


@dataclass(frozen=True)
class Subject:
    """The area that a report is of."""

    area_id: str
    name: str
    is_country: bool


@dataclass(frozen=True)
class Report:
    """A report: its findings in order, what else is to be known, its maps, and the areas below that have reports of their own."""

    edition: Edition
    subject: Subject
    findings: list[Finding]
    notes: list[Finding]
    maps: list[AreaMap]
    below: tuple[Subject, ...]

    def file(self, ending: str = ".html", language: str = "") -> str:
        """Its file, from the folder of pages on."""
        return file_of(self.subject, self.edition.label, language or self.edition.language.code, ending)

    @property
    def title(self) -> str:
        """What it is called."""
        return self.edition.words["report_title"].format(country=self.subject.name, label=self.edition.label)


def file_of(subject: Subject, label: str, language: str, ending: str = ".html") -> str:
    """Where a report lies in the folder of pages: the country's beside the explorer, those of areas in a folder a quarter.

    Examples
    --------
    >>> whole, part = Subject("MN", "Mongolia", True), Subject("11", "Ulaanbaatar", False)
    >>> file_of(whole, "2022Q1", "en"), file_of(whole, "2022Q1", "mn"), file_of(part, "2022Q1", "en")
    ('2022Q1.html', '2022Q1_mn.html', 'areas/2022Q1/11_en.html')
    """
    if subject.is_country and ending == ".html":
        return f"{label}{'' if language == FALLBACK else f'_{language}'}{ending}"
    return f"areas/{label}/{file_name(subject.area_id)}_{language}{ending}"


def page(report: Report, outlines: Outlines, languages: Sequence[Language], beside: Sequence[str] = ()) -> str:
    """The whole page, with nothing to be fetched from anywhere; ``beside`` are the endings of the same report's other files."""
    edition = report.edition
    stamp, language = escape(edition.words["simulated_stamp"]), edition.language
    mark = f"{stamp} · " if edition.is_simulated else ""
    watermark = f'<div class="watermark" aria-hidden="true">{stamp}</div>' if edition.is_simulated else ""
    sheets = "\n".join(_sheet(number, report, outlines) for number in range(SHEETS))
    return f"""<!DOCTYPE html>
<html lang="{language.code}" dir="{language.direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{mark}{escape(report.title)}</title>
<style>{_CSS.replace("/*fonts*/", f"{language.fonts}, " if language.fonts else "")}</style>
</head>
<body>
{watermark}
<main>
{sheets}
{_ways(report, languages, beside)}
</main>
</body>
</html>
"""


def _sheet(number: int, report: Report, outlines: Outlines) -> str:
    edition, words, title = report.edition, report.edition.words, escape(report.title)
    heading = f"<h1>{title}</h1>" if number == 0 else f'<p class="again">{title}</p>'
    banner = ""
    if edition.is_simulated:
        said = escape(words["report_banner"])
        banner = f'<p class="banner" role="note"><strong>{escape(words["simulated_stamp"])}.</strong> {said}</p>'
    half = (len(report.findings) + 1) // SHEETS
    first, findings = (0, report.findings[:half]) if number == 0 else (half, report.findings[half:])
    lines = "\n".join(_line(finding, words) for finding in findings)
    listed = f'<ol start="{first + 1}">\n{lines}\n</ol>' if findings else ""
    drawn = _figure(report.maps[number], outlines) if number < len(report.maps) else ""
    notes = "" if number == 0 else _notes(report)
    return f"""<section class="sheet">
<header>{banner}{heading}</header>
<div class="beside">
{listed}
{drawn}
</div>
{notes}
<footer>{_footer(number, edition)}</footer>
</section>"""


def _line(finding: Finding, words: Mapping[str, str]) -> str:
    evidence = finding.evidence
    said = f" <small>{escape(words['report_evidence'].format(evidence=evidence))}</small>" if evidence else ""
    return f'<li data-finding="{finding.key}"><span>{escape(finding.text)}</span>{said}</li>'


def _figure(drawn: AreaMap, outlines: Outlines) -> str:
    keys = "".join(f'<li><i style="background:{shade.fill}"></i>{escape(shade.label)}</li>' for shade in drawn.shades)
    return f"<figure><figcaption>{escape(drawn.title)}</figcaption>{svg_of(drawn, outlines)}<ul>{keys}</ul></figure>"


def _notes(report: Report) -> str:
    if not report.notes:
        return ""
    said = " ".join(f'<span data-note="{note.key}">{escape(note.text)}</span>' for note in report.notes)
    return f'<section class="notes"><h2>{escape(report.edition.words["report_notes"])}</h2><p>{said}</p></section>'


def _footer(number: int, edition: Edition) -> str:
    words = edition.words
    mark = f"<strong>{escape(words['simulated_stamp'])}.</strong> " if edition.is_simulated else ""
    how = escape(words["report_how" if number == 0 else "report_how_written"])
    days = {name: day(of, words) for name, of in (("end", edition.end), ("issued", edition.published))}
    said = words["report_edition"].format(**days, digest=edition.digest)
    return f"{mark}{how} {escape(said)} {escape(words['report_page'].format(number=number + 1, all=SHEETS))}"


def _ways(report: Report, languages: Sequence[Language], beside: Sequence[str]) -> str:
    """Where else to go: the explorer at the same area, the other languages, the areas below, or back to the country."""
    words, edition, subject = report.edition.words, report.edition, report.subject
    up = "" if subject.is_country else "../../"
    view = {
        "lang": edition.language.code,
        "figure": "headcount_ratio",
        "quarter": edition.label,
        "area": subject.area_id,
    }
    ways = [f'<a href="{up}explorer.html#{urlencode(view)}">{escape(words["report_to_explorer"])}</a>']
    said = {".pdf": "report_as_pdf", ".png": "report_as_card"}
    ways += [f'<a href="{up}{report.file(ending)}">{escape(words[said[ending]])}</a>' for ending in beside]
    others = [one for one in languages if one.code != edition.language.code]
    ways += [
        f'<a href="{up}{report.file(language=one.code)}" lang="{one.code}">{escape(one.name)}</a>' for one in others
    ]
    if not subject.is_country:
        whole = Subject("", edition.name, True)
        ways.append(f'<a href="{up}{file_of(whole, edition.label, edition.language.code)}">{escape(edition.name)}</a>')
    below = [
        f'<li><a href="{file_of(one, edition.label, edition.language.code)}">{escape(one.name)}</a></li>'
        for one in report.below if subject.is_country
    ]  # fmt: skip
    listed = ""
    if below:
        listed = f"<h2>{escape(words['report_areas'].format(**words))}</h2><ul>{''.join(below)}</ul>"
    return f"<nav><p>{' · '.join(ways)}</p>{listed}</nav>"


_CSS = """
@page { size: A4; margin: 12mm; }
* { box-sizing: border-box; }
html { font: 10.5pt/1.42 "Noto Sans", /*fonts*/"DejaVu Sans", Arial, sans-serif; color: #1a1a1a; background: #eceff1; }
body { margin: 0; }
main { max-width: 210mm; margin: 0 auto; }
.sheet { background: #fff; margin: 8mm auto; padding: 12mm; box-shadow: 0 1px 6px #0003; }
h1 { font-size: 17pt; line-height: 1.25; margin: 0 0 4mm; color: #10355c; }
h2 { font-size: 10pt; margin: 0 0 1mm; color: #10355c; }
.again { font-weight: 600; color: #10355c; margin: 0 0 4mm; }
.banner { border: 1.4pt solid #b2182b; color: #8d0f20; background: #fdecea; padding: 1.2mm 2.5mm; margin: 0 0 3mm; font-size: 9pt; }
.beside { display: grid; grid-template-columns: 1fr 1fr; gap: 8mm; align-items: start; }
ol { margin: 0; padding: 0; padding-inline-start: 6mm; }
ol > li { margin: 0 0 3.4mm; break-inside: avoid; }
ol > li::marker { font-weight: 700; color: #10355c; }
small { color: #4a4a4a; font-size: 8pt; white-space: nowrap; }
figure { margin: 0; break-inside: avoid; }
figcaption { font-weight: 600; font-size: 9pt; margin: 0 0 1.5mm; }
svg { display: block; width: 100%; height: auto; max-height: 150mm; }
figure ul { list-style: none; margin: 2mm 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.8mm 4mm; font-size: 8pt; }
figure i { display: inline-block; width: 4mm; height: 3mm; border: 0.3pt solid #8a7a66; margin-inline-end: 1.5mm; vertical-align: -0.3mm; }
.notes { font-size: 8.5pt; margin: 4mm 0 0; }
.notes p { margin: 0; }
footer { font-size: 7.5pt; line-height: 1.35; color: #4a4a4a; border-top: 0.4pt solid #bbb; padding-top: 1.5mm; margin-top: 4mm; }
nav { background: #fff; padding: 6mm 12mm; margin: 8mm auto; }
nav ul { columns: 3; margin: 0; padding-inline-start: 4mm; }
a { color: #10508a; }
.watermark { display: none; }
@media (max-width: 700px) {
  .beside { grid-template-columns: 1fr; } .sheet { margin: 0; padding: 5mm; } nav { padding: 5mm; } nav ul { columns: 1; }
  small { white-space: normal; }
}
@media print {
  html { background: #fff; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { max-width: none; }
  nav { display: none; }
  .sheet { margin: 0; padding: 0; box-shadow: none; break-after: page; }
  .sheet:nth-last-of-type(1) { break-after: auto; }
  .beside { grid-template-columns: 1fr 1fr; }
  .watermark { display: block; position: fixed; top: 45%; left: 0; right: 0; text-align: center; transform: rotate(-30deg);
    font-size: 54pt; font-weight: 700; color: #b2182b; opacity: 0.09; z-index: 2; }
}
"""
