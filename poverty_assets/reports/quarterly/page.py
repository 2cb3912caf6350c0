"""The page: markup and styles, for the screen and for two sheets of A4.

Belongs here: HTML and CSS. Does not belong here: any figure; all of them stand in findings and charts.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from poverty_assets.reports.quarterly.areas import CHANGED, WORST
from poverty_assets.reports.quarterly.finding import Finding, day
from poverty_assets.reports.quarterly.overlap import GLANCE, OVERLAP
from poverty_assets.reports.quarterly.record import QUALITY, REGISTER, SOURCES
from poverty_assets.reports.quarterly.threats import THREAT
from poverty_assets.reports.words import PageLanguage

AREAS = "report_compared"
SHEETS = ((GLANCE, OVERLAP, WORST, REGISTER), (AREAS, CHANGED, THREAT, QUALITY, SOURCES))
_CHART_OF = {OVERLAP: "overlap", AREAS: "areas"}


@dataclass(frozen=True)
class Edition:
    """Which report this is, and in which language; ``words`` are the language's, with those for levels of areas."""

    label: str
    name: str
    end: dt.date
    published: dt.date
    is_simulated: bool
    digest: str
    language: PageLanguage
    words: Mapping[str, str]


@dataclass(frozen=True)
class Chart:
    """A chart and what it shows, for those who cannot see it."""

    svg: bytes
    caption: str


def page(edition: Edition, findings: list[Finding], charts: dict[str, Chart]) -> str:
    """The whole page, with nothing to be fetched from anywhere."""
    sheets = "\n".join(_sheet(number, edition, findings, charts) for number in range(len(SHEETS)))
    stamp, language = escape(edition.words["simulated_stamp"]), edition.language
    mark = f"{stamp} · " if edition.is_simulated else ""
    watermark = f'<div class="watermark" aria-hidden="true">{stamp}</div>' if edition.is_simulated else ""
    return f"""<!DOCTYPE html>
<html lang="{language.code}" dir="{language.direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{mark}{_title(edition)}</title>
<style>{_CSS.replace("/*fonts*/", f"{language.fonts}, " if language.fonts else "")}</style>
</head>
<body>
{watermark}
<main>
{sheets}
</main>
</body>
</html>
"""


def _title(edition: Edition) -> str:
    return escape(edition.words["report_title"].format(country=edition.name, label=edition.label))


def _sheet(number: int, edition: Edition, findings: list[Finding], charts: dict[str, Chart]) -> str:
    title, words = _title(edition), edition.words
    heading = f"<h1>{title}</h1>" if number == 0 else f'<p class="again">{title}</p>'
    banner = ""
    if edition.is_simulated:
        said = escape(words["report_banner"])
        banner = f'<p class="banner" role="note"><strong>{escape(words["simulated_stamp"])}.</strong> {said}</p>'
    sections = "\n".join(_section(name, words, findings, charts) for name in SHEETS[number])
    return f"""<section class="sheet">
<header>{banner}{heading}</header>
<div class="columns">
{sections}
</div>
<footer>{_footer(number, edition)}</footer>
</section>"""


def _section(name: str, words: Mapping[str, str], findings: list[Finding], charts: dict[str, Chart]) -> str:
    said = [finding for finding in findings if finding.question.section == name]
    chart = charts.get(_CHART_OF.get(name, ""))
    if not said and chart is None:
        return ""
    lines = "\n".join(f'<li data-finding="{finding.key}">{escape(finding.text)}</li>' for finding in said)
    listed = f"<ul>\n{lines}\n</ul>\n" if said else ""
    return f"<section><h2>{escape(words[name].format(**words))}</h2>\n{listed}{'' if chart is None else _figure(chart)}</section>"


def _figure(chart: Chart) -> str:
    caption = escape(chart.caption)
    data = base64.b64encode(chart.svg).decode()
    return f'<figure><figcaption>{caption}</figcaption><img alt="{caption}" src="data:image/svg+xml;base64,{data}"></figure>'


def _footer(number: int, edition: Edition) -> str:
    words = edition.words
    mark = f"<strong>{escape(words['simulated_stamp'])}.</strong> " if edition.is_simulated else ""
    how = escape(words["report_how" if number == 0 else "report_how_written"])
    days = {name: day(of, words) for name, of in (("end", edition.end), ("issued", edition.published))}
    said = words["report_edition"].format(**days, digest=edition.digest, number=number + 1, all=len(SHEETS))
    return f"{mark}{how} {escape(said)}"


_CSS = """
@page { size: A4; margin: 11mm 12mm; }
* { box-sizing: border-box; }
html { font: 8.5pt/1.3 "Noto Sans", /*fonts*/"DejaVu Sans", Arial, sans-serif; color: #1a1a1a; background: #eceff1; }
body { margin: 0; }
main { max-width: 210mm; margin: 0 auto; }
.sheet { background: #fff; margin: 8mm auto; padding: 11mm 12mm; box-shadow: 0 1px 6px #0003; }
h1 { font-size: 15pt; line-height: 1.2; margin: 0 0 3mm; color: #10355c; }
h2 { font-size: 10pt; margin: 0 0 1mm; color: #10355c; border-bottom: 0.6pt solid #9fb3c8; break-after: avoid; }
.again { font-weight: 600; color: #10355c; margin: 0 0 3mm; }
.banner { border: 1.4pt solid #b2182b; color: #8d0f20; background: #fdecea; padding: 1.2mm 2.5mm; margin: 0 0 2.5mm; font-size: 9pt; }
.columns { columns: 2; column-gap: 7mm; }
.columns > section { margin: 0 0 2.4mm; }
ul { margin: 0; padding: 0; padding-inline-start: 3.6mm; }
li { margin: 0 0 0.7mm; break-inside: avoid; }
figure { margin: 1mm 0 0; break-inside: avoid; }
figcaption { font-weight: 600; font-size: 7.6pt; }
img { width: 100%; height: auto; display: block; }
footer { font-size: 6.9pt; line-height: 1.3; color: #4a4a4a; border-top: 0.4pt solid #bbb; padding-top: 1mm; margin-top: 1mm; }
.watermark { display: none; }
@media (max-width: 700px) { .columns { columns: 1; } .sheet { margin: 0; padding: 5mm; } html { font-size: 11pt; } }
@media print {
  html { background: #fff; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { max-width: none; }
  .sheet { margin: 0; padding: 0; box-shadow: none; break-after: page; }
  .sheet:last-child { break-after: auto; }
  .columns { columns: 2; }
  .watermark { display: block; position: fixed; top: 45%; left: 0; right: 0; text-align: center; transform: rotate(-30deg);
    font-size: 54pt; font-weight: 700; color: #b2182b; opacity: 0.09; z-index: 2; }
}
"""
