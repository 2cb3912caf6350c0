"""Which files are made of a report beside its page.

Belongs here: the forms, the font of each language, and what is said where a machine has none. Does not belong here: a form.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from poverty_assets.reports.passed_on.card import card_of
from poverty_assets.reports.passed_on.fonts import Face, face_for
from poverty_assets.reports.passed_on.pdf import pdf_of
from poverty_assets.reports.quarterly.maps import Outlines
from poverty_assets.reports.quarterly.page import Edition, Report

LOG = logging.getLogger("poverty_assets")


class Forms:
    """The PDF and the card of reports; a language that no font here can draw has neither, which is said once.

    Parameters
    ----------
    folder : Path
        Where fonts are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._faces: dict[str, Face | None] = {}

    def of(self, report: Report, outlines: Outlines) -> Mapping[str, bytes]:
        """The report's files by the ending of their names."""
        face = self._face(report.edition)
        return {} if face is None else {".pdf": pdf_of(report, outlines, face), ".png": card_of(report, outlines, face)}

    def _face(self, edition: Edition) -> Face | None:
        language = edition.language
        if language.code not in self._faces:
            written = "".join(
                text for key, text in edition.words.items() if key.startswith(("say_", "report_", "simulated_stamp"))
            )
            face = face_for(written, language.fonts, self._folder, language.code)
            if face is None:
                LOG.warning(
                    "No font here has the letters of %s (%s): areas get no PDF and no card in it. Install one of %s.",
                    language.name, language.code, language.fonts or "those that have them",
                )  # fmt: skip
            self._faces[language.code] = face
        return self._faces[language.code]
