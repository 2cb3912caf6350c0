"""The jobs: a quarter, and the publication, which follows by itself when the quarters that were asked for are done (``sensors``).

Belongs here: selections of assets that run together. Steps run in one process: an interpreter for every step, Dagster's
default, costs seconds each, and steps of a quarter follow one another anyway.
"""

from __future__ import annotations

from typing import Any

import dagster as dg

QUARTER = "quarter"
PUBLISH = "publish"


def build() -> list[Any]:
    """All jobs."""
    warehouse = dg.AssetSelection.assets("warehouse", "pages")
    everything = dg.AssetSelection.all()
    return [
        dg.define_asset_job(
            QUARTER,
            selection=everything - warehouse,
            description="Everything of one quarter, up to its seal: what the schedule and backfills run. The publication follows"
            " by itself when all that were asked for are done.",
        ),
        dg.define_asset_job(
            PUBLISH,
            selection=warehouse,
            description="Builds the warehouse from every complete quarter, checks it, swaps it in and writes the pages.",
        ),
    ]
