"""Sealing a quarter and publishing the warehouse.

Belongs here: the last asset of a quarter, and the one unpartitioned asset. Does not belong here: building, checking and
swapping (``warehouse.build``).
"""

import logging

import dagster as dg
import pandas as pd

from poverty_assets.catalog import TABLES
from poverty_assets.graph.assets.describe import OWNERS, source_table
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.source import SourceSpec

LOG = logging.getLogger("poverty_assets")
POOL = "warehouse"
# beside the tables of the catalog: replicates, from which the publication takes changes between quarters
SEALED = (*(t.name for t in TABLES if t.is_one_file), "area_draw")


def build(specs: list[SourceSpec], partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Both assets of the group."""

    @dg.asset(
        group_name="warehouse",
        owners=OWNERS,
        kinds={"python"},
        partitions_def=partitions,
        deps=list(SEALED),
        metadata={"sources": source_table(specs)},
    )
    def quarter_seal(context: dg.AssetExecutionContext, home: Home) -> pd.DataFrame:
        """Marks a quarter complete: every table is written and has passed its blocking checks. The digests of its files
        go into the seal; a quarter whose files differ from its seal is not published."""
        digests = home.lake.digests(quarter_of(context), SEALED)
        context.add_output_metadata({"tables": len(digests)})
        return pd.DataFrame(sorted(digests.items()), columns=["file", "sha256"])

    @dg.asset(
        group_name="warehouse",
        owners=OWNERS,
        kinds={"duckdb"},
        deps=[dg.AssetDep(quarter_seal, partition_mapping=dg.AllPartitionMapping())],
        pool=POOL,
        metadata={"dagster/uri": "warehouse/poverty.duckdb", "sources": source_table(specs)},
    )
    def warehouse(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
        """The published DuckDB file: built beside the old one from every complete quarter of the lake, checked (keys,
        parents, ranges, identities, disclosure) and swapped in whole. A failed check publishes nothing."""
        from poverty_assets.warehouse.build import publish

        done = publish(
            home.lake, home.settings.warehouse, is_simulated=home.settings.is_simulated, run_id=context.run.run_id
        )
        for quarter, tables in done.kept.items():
            LOG.warning(
                "%s is half remade (%s); its published rows were kept. Refresh it.", quarter, ", ".join(tables[:3])
            )
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(done.rows.values()),
                "quarters": ", ".join(quarter.label for quarter in done.quarters),
                "kept as published before": ", ".join(quarter.label for quarter in done.kept) or "none",
                "file": dg.MetadataValue.path(str(done.path)),
                "rows": dg.MetadataValue.md(
                    "| table | rows |\n|---|---|\n" + "\n".join(f"| {name} | {n:,} |" for name, n in done.rows.items())
                ),
            }
        )

    return [quarter_seal, warehouse]
