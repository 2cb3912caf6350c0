"""Pages for people: the explorer, a report of each published quarter, the data dictionary.

Belongs here: the asset that writes them once the warehouse is published. Does not belong here: what stands on a page (``reports``).
"""

from pathlib import Path
from typing import Any

import dagster as dg

from poverty_assets.graph.assets.describe import picture
from poverty_assets.graph.assets.recipe import Said, asset, every
from poverty_assets.graph.freshness import by_when
from poverty_assets.graph.resources import Home
from poverty_assets.graph.reuse.outside import Outside
from poverty_assets.graph.reuse.watched import digest_of


@asset(Said("reports", every, ("html",), freshness=by_when), deps=("warehouse",), partitioned=False)
def pages(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
    """Files for people who have no database: ``explorer.html``, ``<quarter>.html`` of the newest quarters, ``dictionary.html``, and
    in ``areas/`` a report of each area, with a PDF and a card. Each opens from disk, without a server or a network, and is read from the
    published warehouse."""
    of = [digest_of(home.settings.warehouse), repr(home.settings.passed_on)]
    return Outside("pages", __name__, of).result(context, home, lambda: _written(home))


def _written(home: Home) -> tuple[dict[str, Any], list[Path]]:
    from poverty_assets.reports.pages import change_pictures, write_pages

    settings = home.settings
    fonts = settings.fonts if settings.passed_on else None
    written = write_pages(settings.warehouse, settings.reports, home.country, fonts)
    shown = {caption: picture(png, caption) for caption, png in change_pictures(settings.warehouse).items()}
    files: dict[str, Any] = {
        path.name: dg.MetadataValue.path(str(path)) for path in written if path.parent == settings.reports
    }
    return files | {"bytes": sum(path.stat().st_size for path in written)} | shown, written


ASSETS = (pages,)
