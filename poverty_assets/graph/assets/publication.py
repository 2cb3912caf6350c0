"""Sealing a quarter and publishing the warehouse.

Belongs here: the last asset of a quarter, and the one unpartitioned asset. Does not belong here: building, checking and
swapping (``warehouse.build``).
"""

import logging
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
from dagster._core.definitions.data_version import DATA_VERSION_TAG

from poverty_assets.catalog import TABLES
from poverty_assets.errors import GateFailed
from poverty_assets.graph.assets.describe import OWNERS, gate_results, publication_metadata
from poverty_assets.graph.assets.recipe import Said, asset, every
from poverty_assets.graph.freshness import by_when
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.graph.reuse.outside import Outside
from poverty_assets.graph.reuse.watched import digest_of
from poverty_assets.warehouse.gate import KINDS

LOG = logging.getLogger("poverty_assets")
POOL = "warehouse"
# Dagster calls whatever depends on all quarters fresh, always; what it depends on as one thing it can tell to be behind
SEALED_QUARTERS = dg.AssetSpec(
    "sealed_quarters",
    description="Every complete quarter of the lake, as one thing: its version is a digest over all seals. The warehouse is behind"
    " where it was built from another version.",
    group_name="warehouse",
    owners=OWNERS,
    kinds={"parquet"},
)
# beside the tables of the catalog: replicates, from which the publication takes changes between quarters
SEALED = (*(t.name for t in TABLES if t.is_one_file), "area_draw")


@asset(Said("warehouse", every, ("python",), freshness=by_when), deps=SEALED, again=None)
def quarter_seal(context: dg.AssetExecutionContext, home: Home) -> pd.DataFrame:
    """Marks a quarter complete: every table is written and has passed its blocking checks. The digests of its files
    go into the seal; a quarter whose files differ from its seal is not published."""
    from poverty_assets.warehouse.behind import lake_version
    from poverty_assets.warehouse.lake import seal_digest

    quarter = quarter_of(context)
    seal = pd.DataFrame(sorted(home.lake.digests(quarter, SEALED).items()), columns=["file", "sha256"])
    version = lake_version(home.lake, {quarter: seal_digest(seal)})
    key = (
        SEALED_QUARTERS.key.with_prefix(context.asset_key.path[:-1])
        if context.asset_key.path[1:]
        else SEALED_QUARTERS.key
    )
    context.log_event(dg.AssetMaterialization(key, tags={DATA_VERSION_TAG: version}))
    context.add_output_metadata({"tables": len(seal)})
    return seal


@asset(
    Said("warehouse", every, ("duckdb",), metadata={"dagster/uri": "warehouse/poverty.duckdb"}, freshness=by_when),
    deps=(dg.AssetDep("quarter_seal", partition_mapping=dg.AllPartitionMapping()), SEALED_QUARTERS.key),
    pool=POOL,
    partitioned=False,
    checks=KINDS,
)
def warehouse(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """The published DuckDB file: built beside the old one from every complete quarter of the lake, checked (keys,
    parents, ranges, identities, disclosure) and swapped in whole. A failed check publishes nothing. Of quarters that have
    not changed, rows stay as they lie in the old one where the same code made it."""
    from poverty_assets.warehouse.build import clear
    from poverty_assets.warehouse.editions import want_again
    from poverty_assets.warehouse.query import mixed_replicates

    clear(home.settings.warehouse)
    published = Outside("warehouse", __name__, publishable(home))
    try:
        result = published.result(
            context, home, lambda: _published(context, home, published.to_build_on(context, home))
        )
    except GateFailed as error:
        yield from gate_results(error.failures)
        raise
    want_again(home.settings.warehouse)
    if home.country.wants_approval:
        home.desk.clear()
    mixed = mixed_replicates(home.settings.warehouse)
    if mixed:
        LOG.warning("%s. Refresh the ones with fewer.", mixed)
    yield result._replace(check_results=list(gate_results([])))


def _published(context: dg.AssetExecutionContext, home: Home, before: str) -> tuple[dict[str, Any], list[Path]]:
    from poverty_assets.graph.assets.lineage import backing
    from poverty_assets.warehouse.build import publish

    said: dict[str, Any] = {"is_simulated": home.settings.is_simulated, "run_id": context.run.run_id}
    wired = replace(backing(context, home), before=before)
    done = publish(home.lake, home.settings.warehouse, home.country, **said, backing=wired)
    for quarter, tables in done.kept.items():
        first = ", ".join(tables[:3])
        LOG.warning("%s is half remade (%s); its published rows were kept. Refresh it.", quarter, first)
    return publication_metadata(done), [done.path]


def publishable(home: Home) -> list[str]:
    """What the published file is made of, beside the pack: complete quarters of the lake, and whose word lets them through.

    A file that is made from one before it as well, since a quarter is half remade or waits, is never made of the same again.
    """
    from poverty_assets.warehouse.behind import lake_version, published_digests

    complete = [quarter for quarter in home.lake.quarters() if not home.lake.unsealed(quarter)]
    touched = {*published_digests(home.settings.warehouse), *home.lake.quarters()}
    if home.country.wants_approval or touched - {*complete}:
        return [uuid.uuid4().hex]
    wired = [
        digest_of(path) for path in sorted(Path(__file__).parent.glob("*.py"))
    ]  # lineage is told by the graph itself
    return [lake_version(home.lake), *wired]


ASSETS = (quarter_seal, warehouse)
