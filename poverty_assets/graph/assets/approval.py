"""What waits for approval, and the approval itself: assets of countries whose quarters are published once somebody has approved them.

Belongs here: the candidate, and the word that lets a quarter through. Does not belong here: what an approval holds for
(``warehouse.approval``), or publishing (``publication``).
"""

import datetime as dt
from typing import Any

import dagster as dg
from pydantic import Field

from poverty_assets.graph.assets.describe import publication_metadata
from poverty_assets.graph.assets.publication import POOL, SEALED_QUARTERS
from poverty_assets.graph.assets.recipe import Said, asset, every
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home


class Word(dg.Config):
    """What somebody says who approves a quarter."""

    by: str = Field(description="Your name and office.")
    embargo: str = Field(
        default="", description="First day on which it may be published (UTC), as 2026-12-01; empty: now."
    )


@asset(
    Said("warehouse", every, ("duckdb", "html")),
    deps=(dg.AssetDep("quarter_seal", partition_mapping=dg.AllPartitionMapping()), SEALED_QUARTERS.key),
    pool=POOL,
    partitioned=False,
)
def candidate(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
    """What would be published if every quarter that waits were approved: a file beside the published one, held against the same
    gate, and a page of what would change. Read the page, then approve the quarter."""
    from poverty_assets.graph.assets.lineage import backing
    from poverty_assets.reports.candidate import write_changes
    from poverty_assets.warehouse.build import propose

    asked = home.settings
    said: dict[str, Any] = {"is_simulated": asked.is_simulated, "run_id": context.run.run_id}
    done = propose(home.lake, asked.warehouse, asked.candidate, home.country, **said, backing=backing(context, home))
    page = write_changes(asked.candidate, asked.warehouse, home.country, home.desk.waiting())
    return dg.MaterializeResult(metadata=publication_metadata(done) | {"page": dg.MetadataValue.path(str(page))})


@asset(Said("warehouse", every, ("python",)), deps=("candidate",), again=None)
def approval(context: dg.AssetExecutionContext, config: Word, home: Home) -> dg.MaterializeResult:
    """Approves a quarter as the candidate shows it. It is then published by itself, once its embargo is over."""
    from poverty_assets.warehouse.approval import embargo_day

    day = embargo_day(config.embargo)
    given = home.desk.approve(quarter_of(context), config.by, dt.datetime.now(dt.UTC), day)
    return dg.MaterializeResult(metadata={name: str(value) for name, value in given.as_json().items() if value})


ASSETS = (candidate, approval)
