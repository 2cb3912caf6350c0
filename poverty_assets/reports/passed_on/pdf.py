"""A report as PDF, for a phone: maps above, findings below, on one sheet of A4 or two.

Belongs here: where things stand on the sheet. Does not belong here: what is said (``quarterly``), fonts and line ends.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from poverty_assets.reports.passed_on.fonts import Face
from poverty_assets.reports.passed_on.lines import measure_of, wrapped
from poverty_assets.reports.quarterly.finding import day
from poverty_assets.reports.quarterly.maps import AreaMap, Outlines
from poverty_assets.reports.quarterly.page import Report

_MARGIN, _WIDTH, _HEIGHT = 14.0, 210.0, 297.0
_INNER = _WIDTH - 2 * _MARGIN
_MAP_HEIGHT, _GAP, _LEAD, _POINT = 66.0, 6.0, 8.0, 0.3528
_RED, _BLUE, _GREY, _INK = (141, 15, 32), (16, 53, 92), (74, 74, 74), (26, 26, 26)


def pdf_of(report: Report, outlines: Outlines, face: Face) -> bytes:
    """The report as PDF; the same report and fonts give the same bytes."""
    sheet = _Sheet(report, face)
    sheet.heading()
    sheet.maps(outlines)
    for number, finding in enumerate(report.findings, 1):
        said = report.edition.words["report_evidence"].format(evidence=finding.evidence) if finding.evidence else ""
        sheet.paragraph(f"{finding.text} {said}".strip(), 9.5, lead=f"{number}.", after=1.6)
    sheet.paragraph(report.edition.words["report_notes"], 9, bold=True, colour=_BLUE)
    sheet.paragraph(" ".join(note.text for note in report.notes), 7.5)
    sheet.paragraph(report.edition.words["report_how"], 7, colour=_GREY)
    return sheet.finished()


class _Sheet:
    """A PDF in the making and how far down its sheet is filled."""

    def __init__(self, report: Report, face: Face) -> None:
        from fpdf import FPDF

        self.report, self.face, self.words, self.language = report, face, report.edition.words, report.edition.language
        self.pdf: Any = FPDF(format="A4")
        self.pdf.set_auto_page_break(False)
        self.pdf.set_creation_date(dt.datetime.combine(report.edition.end, dt.time(), dt.UTC))
        self.pdf.set_producer("poverty_assets")
        self.pdf.set_title(report.title)
        self.pdf.set_lang(self.language.code)
        self.pdf.add_font("own", "", face.regular)
        self.pdf.add_font("own", "B", face.bold)
        self.pdf.set_text_shaping(True)
        self.pdf.c_margin = 0
        self.top = _MARGIN
        self._begin_page()

    def _begin_page(self) -> None:
        self.pdf.add_page()
        self.top = _MARGIN
        if self.report.edition.is_simulated:
            said = f"{self.words['simulated_stamp']}. {self.words['report_banner']}"
            self.paragraph(said, 9, bold=True, colour=_RED, after=3)

    def heading(self) -> None:
        """Title, and of which day."""
        self.paragraph(self.report.title, 16, bold=True, colour=_BLUE, after=1)
        days = {
            name: day(of, self.words)
            for name, of in (("end", self.report.edition.end), ("issued", self.report.edition.published))
        }
        said = self.words["report_edition"].format(**days, digest=self.report.edition.digest)
        self.paragraph(said, 7.5, colour=_GREY, after=3)

    def paragraph(
        self, text: str, size: float, *, bold: bool = False, colour: tuple[int, int, int] = _INK, lead: str = "",
        after: float = 1.5,
    ) -> None:  # fmt: skip
        """Lines of text from where the sheet is filled on, the first beside ``lead``."""
        height, indent = size * _POINT * 1.45, _LEAD if lead else 0.0
        measure = self._font(size, bold, colour)
        for number, line in enumerate(wrapped(text, _INNER - indent, measure, self.language.code)):
            if self.top + height > _HEIGHT - _MARGIN:
                self._begin_page()
                self._font(size, bold, colour)
            if lead and number == 0:
                self._font(size, True, _BLUE)
                self._line(lead, _MARGIN, indent, height)
                self._font(size, bold, colour)
            self._line(line, _MARGIN + indent, _INNER - indent, height)
            self.top += height
        self.top += after

    def _font(self, size: float, bold: bool, colour: tuple[int, int, int]) -> Callable[[str], float]:
        self.pdf.set_font("own", "B" if bold else "", size)
        self.pdf.set_text_color(*colour)
        return measure_of(self.face.bold if bold else self.face.regular, size * _POINT)

    def _line(self, text: str, left: float, width: float, height: float) -> None:
        self.pdf.set_xy(left, self.top)
        self.pdf.cell(width, height, text, align="R" if self.language.direction == "rtl" else "L")

    def maps(self, outlines: Outlines) -> None:
        """The maps side by side, each with its title and what its colours mean."""
        width = (_INNER - _GAP) / 2
        begin, lowest = self.top, self.top
        for place, drawn in enumerate(self.report.maps):
            left, self.top = _MARGIN + place * (width + _GAP), begin
            measure = self._font(8, True, _INK)
            for line in wrapped(drawn.title, width, measure, self.language.code):
                self._line(line, left, width, 4.2)
                self.top += 4.2
            self._map(drawn, outlines, left, width)
            self._legend(drawn, left, width)
            lowest = max(lowest, self.top)
        self.top = lowest + 3

    def _map(self, drawn: AreaMap, outlines: Outlines, left: float, width: float) -> None:
        x, y, wide, high = outlines.frame(drawn.shade_of)
        scale = min(width / wide, _MAP_HEIGHT / high)
        top = self.top + 1

        def on_paper(area: str) -> list[list[tuple[float, float]]]:
            return [
                [(left + (a - x) * scale, top + (b - y) * scale) for a, b in ring.tolist()]
                for ring in outlines.rings[area]
            ]

        self.pdf.set_draw_color(138, 122, 102)
        self.pdf.set_line_width(0.06)
        for area, place in drawn.shade_of.items():
            self.pdf.set_fill_color(drawn.shades[place].fill)
            for ring in on_paper(area):
                self.pdf.polygon(ring, style="DF")
        self.pdf.set_draw_color(74, 60, 44)
        self.pdf.set_line_width(0.2)
        for area in drawn.borders:
            for ring in on_paper(area):
                self.pdf.polygon(ring, style="D")
        self.top = top + high * scale + 2

    def _legend(self, drawn: AreaMap, left: float, width: float) -> None:
        measure = self._font(7, False, _INK)
        at = left
        self.pdf.set_draw_color(138, 122, 102)
        self.pdf.set_line_width(0.1)
        for shade in drawn.shades:
            needed = 5 + measure(shade.label)
            if at > left and at + needed > left + width:
                at, self.top = left, self.top + 4.2
            self.pdf.set_fill_color(shade.fill)
            self.pdf.rect(at, self.top + 0.7, 3.6, 2.6, style="DF")
            self._line(shade.label, at + 4.6, needed - 4.6, 4)
            at += needed + 4
        self.top += 5

    def finished(self) -> bytes:
        """The file."""
        return bytes(self.pdf.output())
