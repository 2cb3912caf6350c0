"""Published estimates of other institutions, cited.

Belongs here: the assets of group ``published``. Does not belong here: reading workbooks (``published.ophi``).
"""

from collections.abc import Iterator

import dagster as dg

from poverty_assets.graph.assets.describe import OWNERS, picture, source_table
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.source import SourceSpec

NAMES = ("published_mpi", "published_headcount", "published_contribution")


def build(specs: list[SourceSpec], partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """All assets of the group."""
    # those with standard errors first: of two figures for one statistic the first wins
    chosen = sorted((s for s in specs if s.role == "published"), key=lambda s: s.reader != "ophi_workbook")
    outs = {
        name: dg.AssetOut(
            group_name="published",
            owners=OWNERS,
            kinds={"python", "parquet"},
            metadata={"sources": source_table(chosen)},
            description=f"Published estimates in the form of fct_{name.removeprefix('published_')}, method `published`.",
        )
        for name in NAMES
    }

    @dg.multi_asset(
        name="published_estimates",
        outs=outs,
        partitions_def=partitions,
        deps=[f"src_{spec.source_id}" for spec in chosen],
    )
    def published_estimates(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.Output]:
        from poverty_assets.published.rows import published_tables
        from poverty_assets.reports.pictures.drawing import ranked

        quarter = quarter_of(context)
        figures = [frame for spec in chosen if (frame := home.observed(spec.source_id, quarter)) is not None]
        tables = published_tables(figures, home.country)
        rows = tables.mpi[tables.mpi["statistic"] == "headcount_ratio"]
        metadata = {}
        if len(rows):
            png = ranked(
                list(rows["area_id"]), rows["estimate"], "Headcount ratio as published", "share of people", False,
                low=rows["ci_low"], high=rows["ci_high"],
            )  # fmt: skip
            metadata["plot"] = picture(png, "Headcount ratio as published, with 95% intervals")
        yield dg.Output(tables.mpi, "published_mpi", metadata=metadata)
        yield dg.Output(tables.headcount, "published_headcount")
        yield dg.Output(tables.contribution, "published_contribution")

    return [published_estimates]
