"""The page itself: data, words, style and scripts in one file.

Belongs here: putting the parts of ``static/`` and the payload together and writing the file whole. Does not belong here:
what the payload holds (``payload``).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path

from poverty_assets.atomic import write_text
from poverty_assets.pack.country import Country
from poverty_assets.quarter import Quarter
from poverty_assets.reports.explorer.blocks import FIRST, REST
from poverty_assets.reports.explorer.codec import deflated
from poverty_assets.reports.explorer.payload import plain, read_payload
from poverty_assets.warehouse.query import connect

_STATIC = Path(__file__).parent / "static"
_ELEMENT = 65_000  # letters of one element; a multiple of the five that four bytes take
_SCRIPTS = tuple(
    f"{name}.js"
    for name in (
        "inflate", "data", "words", "layers", "sure", "colour", "save", "charts", "context", "map", "legend",
        "table", "act", "profile", "search", "app",
    )
)  # fmt: skip


def write_explorer(
    warehouse: Path, target: Path, country: Country, quarters: Sequence[Quarter | str] | None = None
) -> Path:
    """Write the explorer of a published warehouse as one HTML file.

    Parameters
    ----------
    warehouse : Path
        ``poverty.duckdb``; opened read-only.
    target : Path
        The HTML file; written whole or not at all.
    country : Country
        That of the file; its pack states the languages of the page and the features that it offers.
    quarters : sequence of Quarter or str, optional
        Quarters to hold, as in ``2022Q1``; the newest four where not given.

    Returns
    -------
    Path
        ``target``.

    Raises
    ------
    MissingFile
        If there is no warehouse.
    UsageError
        If a quarter is not published.
    NotObserved
        If the warehouse has nothing to show.

    Notes
    -----
    The same warehouse gives the same bytes. Suppressed figures are left out of the file; it knows only that they are.
    """
    with connect(warehouse) as connection:
        payload = read_payload(connection, country, quarters)
    blocks, finding = payload.pop("blocks"), payload.pop("finding")
    stamp = (
        f"<p><strong>{payload['languages'][0]['words']['simulated_stamp']}</strong></p>" if payload["simulated"] else ""
    )
    data = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), default=plain, allow_nan=False)
    page = (_STATIC / "explorer.html").read_text(encoding="utf-8")
    parts = {
        "/*{title}*/": "poverty_assets",
        "/*{style}*/": (_STATIC / "explorer.css").read_text(encoding="utf-8"),
        "/*{finding}*/": stamp + finding,
        "/*{data}*/": _elements("data", data.encode()) + _elements(FIRST, blocks[FIRST]),
        "/*{gestures}*/": _inlined((_STATIC / "d3-zoom.min.js").read_text(encoding="utf-8")),
        "/*{scripts}*/": "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in _SCRIPTS),
        "/*{rest}*/": _elements(REST, blocks[REST]) + _elements("library", _library().encode()),
    }
    head, *rest = _split(page, list(parts))
    text = head + "".join(parts[mark] + after for mark, after in zip(parts, rest, strict=True))
    write_text(target, text)
    return target


def _elements(name: str, data: bytes) -> str:
    """Bytes as text of the page, in elements after one another: a browser reads many short ones sooner than one long one."""
    text = deflated(data)
    parts = (text[start : start + _ELEMENT] for start in range(0, len(text), _ELEMENT))
    return "\n".join(f'<script type="text/plain" data-block="{name}">{part}</script>' for part in parts)


@functools.cache
def _library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script (BSD 3-clause), as vl-convert carries them: no network is needed."""
    import vl_convert

    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def _inlined(script: str) -> str:
    """A script that may stand inside HTML: it would end at the first ``</script``."""
    return script.replace("</script", "<\\/script").replace("<!--", "\\x3c!--")


def _split(page: str, marks: list[str]) -> list[str]:
    parts = []
    for mark in marks:
        before, page = page.split(mark)
        parts.append(before)
    return [*parts, page]
