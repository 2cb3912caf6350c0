"""The jobs: a quarter, and the publication, which follows by itself when the quarters that were asked for are done (``sensors``); of real
data also what comes into the landing folder.

Belongs here: selections of assets that run together. Steps run in one process: an interpreter for every step, Dagster's
default, costs seconds each, and steps of a quarter follow one another anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg

from poverty_assets import __version__
from poverty_assets.graph.assets import landed
from poverty_assets.settings import Settings

QUARTER = "quarter"
PUBLISH = "publish"
CANDIDATE = "candidate"
APPROVE = "approve"
LANDING = "landing"
FETCH, ASK = landed.FETCH, landed.ASK
BEGINS = "quarterly_refresh"
"""What begins quarters by itself: a schedule of the simulated twin, whose files are always there, a sensor of real data."""


def build(
    settings: Settings, quarters: dg.PartitionsDefinition, location: str | None = None, *, wants_approval: bool = False
) -> list[Any]:
    """All jobs; every run says how many replicates it was asked for and by which version of the code.

    Where several homes are served as one, the keys of assets begin with the location's name.
    """
    tags = {"replicates": str(settings.replicates), "code_version": __version__}

    def assets_of(*names: str) -> dg.AssetSelection:
        return dg.AssetSelection.assets(*(dg.AssetKey([*([location] if location else []), name]) for name in names))

    warehouse = assets_of("warehouse", "pages")
    of_quarter = dg.AssetSelection.all() - warehouse
    if wants_approval:
        of_quarter -= assets_of("candidate", "approval")
    if not settings.is_simulated:
        of_quarter -= assets_of("arrivals") | dg.AssetSelection.groups(*landed.GROUPS)
    return [
        dg.define_asset_job(
            QUARTER,
            selection=of_quarter,
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
        *(_of_approval(assets_of, tags) if wants_approval else []),
        *([] if settings.is_simulated else [_of_landing(assets_of, tags), *landed.jobs(quarters, location, tags)]),
    ]


def _of_approval(assets_of: Callable[..., dg.AssetSelection], tags: dict[str, str]) -> list[Any]:
    return [
        dg.define_asset_job(
            CANDIDATE,
            selection=assets_of("candidate"),
            tags=tags,
            description="Builds what would be published if every quarter that waits were approved, and a page of what would change.",
        ),
        dg.define_asset_job(
            APPROVE,
            selection=assets_of("approval"),
            tags=tags,
            description="Approves a quarter as the candidate shows it, in the name that the run's configuration gives. The publication"
            " follows by itself.",
        ),
    ]


def _of_landing(assets_of: Callable[..., dg.AssetSelection], tags: dict[str, str]) -> Any:
    return dg.define_asset_job(
        LANDING,
        selection=assets_of("arrivals"),
        tags=tags,
        description="Judges what came into the landing folder; writes it down, or moves it to quarantine with a report.",
    )
