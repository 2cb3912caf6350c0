"""A report's first findings on one card, for a phone's screen.

Belongs here: where things stand on the card. Does not belong here: what is said (``quarterly``), fonts and line ends.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from poverty_assets.reports.passed_on.fonts import Face
from poverty_assets.reports.passed_on.lines import measure_of, wrapped
from poverty_assets.reports.quarterly.maps import AreaMap, Outlines
from poverty_assets.reports.quarterly.page import Report

SIZE = (1080, 1350)
ON_CARD = ("poor", "absent", "change_waves", "change", "change_absent", "act", "act_none", "act_far")
"""Findings that stand on a card."""
_MARGIN, _MAP_HEIGHT, _LEAST_MAP, _FOOT, _FINER = 64, 560, 280, 76, 2
_RED, _BLUE, _GREY, _INK = "#8d0f20", "#10355c", "#4a4a4a", "#1a1a1a"


def card_of(report: Report, outlines: Outlines, face: Face) -> bytes:
    """The card as PNG; the same report and fonts give the same bytes."""
    card = _Card(report, face)
    if report.edition.is_simulated:
        card.text(
            f"{report.edition.words['simulated_stamp']}. {report.edition.words['report_banner']}", 26, _RED, bold=True
        )
    card.text(report.title, 44, _BLUE, bold=True, after=14)
    said = [
        (finding.text, 38 if number == 0 else 30, number == 0)
        for number, finding in enumerate(one for one in report.findings if one.key in ON_CARD)
    ]
    if report.maps:
        lines = sum(card.height(text, size, bold=bold) + 16 for text, size, bold in said)
        card.map(report.maps[0], outlines, card.room() - lines)
    for text, size, bold in said:
        if card.height(text, size, bold=bold) <= card.room():
            card.text(text, size, _INK, bold=bold, after=16)
    return card.finished()


class _Card:
    """A card in the making and how far down it is filled."""

    def __init__(self, report: Report, face: Face) -> None:
        from PIL import Image, ImageDraw

        self.report, self.face, self.language = report, face, report.edition.language
        self.image = Image.new("RGB", SIZE, "white")
        self.draw: Any = ImageDraw.Draw(self.image)
        self.top = _MARGIN

    def text(self, said: str, size: int, colour: str, *, bold: bool = False, after: int = 10) -> None:
        """Lines of text from where the card is filled on."""
        font = self._font(size, bold)
        right = self.language.direction == "rtl"
        measure, lines = self._lines(said, size, bold)
        for line in lines:
            left = SIZE[0] - _MARGIN - measure(line) if right else _MARGIN
            self.draw.text((left, self.top), line, font=font, fill=colour)
            self.top += round(size * 1.5)
        self.top += after

    def height(self, said: str, size: int, *, bold: bool) -> int:
        """How much of the card a text takes."""
        return len(self._lines(said, size, bold)[1]) * round(size * 1.5)

    def room(self) -> int:
        """What is left above the foot."""
        return SIZE[1] - _FOOT - self.top

    def _lines(self, said: str, size: int, bold: bool) -> tuple[Callable[[str], float], list[str]]:
        measure = measure_of(self.face.bold if bold else self.face.regular, size)
        return measure, wrapped(said, SIZE[0] - 2 * _MARGIN, measure, self.language.code)

    def _font(self, size: int, bold: bool) -> Any:
        from PIL import ImageFont

        path = self.face.bold if bold else self.face.regular
        return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.RAQM)

    def map(self, drawn: AreaMap, outlines: Outlines, room: int) -> None:
        """The map, drawn larger and made smaller, so that its edges are smooth; beside it what its colours mean.

        It takes what the lines below it leave of the card.
        """
        from PIL import Image, ImageDraw

        x, y, wide, high = outlines.frame(drawn.shade_of)
        width = SIZE[0] - 2 * _MARGIN - 300
        tall = min(_MAP_HEIGHT, max(room - 24, _LEAST_MAP))
        scale = min(width / wide, tall / high) * _FINER
        size = (round(wide * scale) + 4, round(high * scale) + 4)
        finer = Image.new("RGB", size, "white")
        pen = ImageDraw.Draw(finer)

        def on_card(area: str) -> list[list[tuple[float, float]]]:
            return [
                [(2 + (a - x) * scale, 2 + (b - y) * scale) for a, b in ring.tolist()] for ring in outlines.rings[area]
            ]

        for area, place in drawn.shade_of.items():
            for ring in on_card(area):
                pen.polygon(ring, fill=drawn.shades[place].fill, outline="#8a7a66")
        for area in drawn.borders:
            for ring in on_card(area):
                pen.line([*ring, ring[0]], fill="#4a3c2c", width=3)
        whole = finer.resize((size[0] // _FINER, size[1] // _FINER), Image.Resampling.LANCZOS)
        self.image.paste(whole, (_MARGIN, self.top))
        legend = self._legend(drawn, _MARGIN + width + 24)
        self.top = max(self.top + size[1] // _FINER, legend) + 24

    def _legend(self, drawn: AreaMap, left: int) -> int:
        """What the colours mean; returns where it ends."""
        font, at = self._font(24, False), self.top
        measure = measure_of(self.face.regular, 24)
        for line in wrapped(drawn.title, SIZE[0] - _MARGIN - left, measure, self.language.code):
            self.draw.text((left, at), line, font=font, fill=_GREY)
            at += 36
        at += 10
        for shade in drawn.shades:
            self.draw.rectangle((left, at + 6, left + 34, at + 30), fill=shade.fill, outline="#8a7a66")
            self.draw.text((left + 46, at), shade.label, font=font, fill=_INK)
            at += 46
        return at

    def finished(self) -> bytes:
        """The file, with what it rests on at its foot."""
        from PIL import Image

        edition = self.report.edition
        font = self._font(22, False)
        self.draw.text(
            (_MARGIN, SIZE[1] - _FOOT + 24),
            f"poverty_assets · {edition.label} · {edition.digest}",
            font=font,
            fill=_GREY,
        )
        buffer = io.BytesIO()
        self.image.quantize(64, Image.Quantize.FASTOCTREE).save(buffer, format="PNG", compress_level=6)
        return buffer.getvalue()
