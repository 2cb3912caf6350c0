"""Published estimates of other institutions, cited.

Belongs here: the assets of group ``published``. Does not belong here: reading workbooks (``published.ophi``).
"""

from collections.abc import Iterator

import dagster as dg

from poverty_assets.graph.assets.describe import pictures
from poverty_assets.graph.assets.recipe import Pack, Said, assets
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.source import SourceSpec

NAMES = ("published_mpi", "published_headcount", "published_contribution")
TEXT = "Published estimates in the form of fct_{}, method `published`."


def in_order(specs: list[SourceSpec]) -> list[SourceSpec]:
    """Those with standard errors first: of two figures for one statistic the first wins."""
    return sorted((s for s in specs if s.role == "published"), key=lambda s: s.reader != "ophi_workbook")


def _chosen(pack: Pack) -> list[SourceSpec]:
    return in_order(pack.specs)


@assets(
    {name: Said("published", _chosen, description=TEXT.format(name.removeprefix("published_"))) for name in NAMES},
    reads=_chosen,
)
def published_estimates(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.Output]:
    """Figures that others have published."""
    from poverty_assets.published.rows import published_tables
    from poverty_assets.reports.pictures.published import headcounts

    read = home.reader(quarter_of(context))
    figures = [frame for spec in in_order(home.specs) if (frame := read(spec.source_id)) is not None]
    tables = published_tables(figures, home.country)
    yield dg.Output(tables.mpi, "published_mpi", metadata=pictures(headcounts(tables.mpi)))
    yield dg.Output(tables.headcount, "published_headcount")
    yield dg.Output(tables.contribution, "published_contribution")


ASSETS = (published_estimates,)
