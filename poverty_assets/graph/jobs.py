"""The jobs: a quarter, and the publication, which follows by itself when the quarters that were asked for are done (``sensors``).

Belongs here: selections of assets that run together. Steps run in one process: an interpreter for every step, Dagster's
default, costs seconds each, and steps of a quarter follow one another anyway.
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from poverty_assets import __version__
from poverty_assets.settings import Settings

QUARTER = "quarter"
PUBLISH = "publish"


def build(settings: Settings, location: str | None = None) -> list[Any]:
    """All jobs; every run says how many replicates it was asked for and by which version of the code.

    Where several homes are served as one, the keys of assets begin with the location's name.
    """
    tags = {"replicates": str(settings.replicates), "code_version": __version__}
    warehouse = dg.AssetSelection.assets(
        *(dg.AssetKey([*([location] if location else []), name]) for name in ("warehouse", "pages"))
    )
    everything = dg.AssetSelection.all()
    return [
        dg.define_asset_job(
            QUARTER,
            selection=everything - warehouse,
            tags=tags,
            description="Everything of one quarter, up to its seal: what the schedule and backfills run. The publication follows"
            " by itself when all that were asked for are done.",
        ),
        dg.define_asset_job(
            PUBLISH,
            selection=warehouse,
            tags=tags,
            description="Builds the warehouse from every complete quarter, checks it, swaps it in and writes the pages.",
        ),
    ]
