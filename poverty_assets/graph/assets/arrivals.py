"""What came into the landing folder: an asset of homes of real data.

Belongs here: the asset. Does not belong here: judging a file (``intake``), or noticing that there is one (``sensors``).
"""

import datetime as dt
from typing import Any

import dagster as dg

from poverty_assets.graph.assets.landed import arrived
from poverty_assets.graph.assets.recipe import Said, asset, every
from poverty_assets.graph.resources import Home


@asset(Said("sources", every, ("python", "json")), partitioned=False)
def arrivals(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
    """Files that are new in the landing folder, or not as they were: each gets the verdict that ``poverty-assets validate`` gives, and
    is written down with digest, origin, licence and period, or moved to ``quarantine/`` with a report."""
    from poverty_assets.intake.arrivals import receive

    location = next(iter(context.asset_key.path[:-1]), None)
    judged = receive(home.settings, dt.datetime.now(dt.UTC))
    lines = ["| file | verdict | rows | said |", "|---|---|---|---|"]
    lines += [f"| {one.file} | {one.verdict} | {one.rows:,} | {one.said.partition(chr(10))[0]} |" for one in judged]
    for one in judged:
        context.log_event(arrived(one, home.sources[one.source_id], location))
    refused = sum(one.verdict == "refused" for one in judged)
    shown: dict[str, Any] = {
        "files": dg.MetadataValue.md("\n".join(lines)),
        "accepted": len(judged) - refused,
        "refused": refused,
    }
    return dg.MaterializeResult(metadata=shown)


ASSETS = (arrivals,)
