"""Published estimates of other institutions, cited.

Belongs here: the assets of group ``published``. Does not belong here: reading workbooks (``published.ophi``).
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import pictures
from poverty_assets.graph.assets.recipe import KNOWS_NO_QUARTER, Pack, Said, assets
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.source import OphiCsvSource, OphiWorkbookSource, SourceSpec

NAMES = ("published_mpi", "published_headcount", "published_contribution")
TEXT = "Published estimates in the form of fct_{}, method `published`."


def in_order(specs: list[SourceSpec]) -> list[OphiWorkbookSource | OphiCsvSource]:
    """Those with standard errors first: of two figures for one statistic the first wins."""
    published = [s for s in specs if isinstance(s, OphiWorkbookSource | OphiCsvSource) and s.role == "published"]
    return sorted(published, key=lambda s: s.reader != "ophi_workbook")


def _chosen(pack: Pack) -> Sequence[SourceSpec]:
    return in_order(pack.specs)


@assets(
    {name: Said("published", _chosen, description=TEXT.format(name.removeprefix("published_"))) for name in NAMES},
    reads=_chosen,
    again=KNOWS_NO_QUARTER,
)
def published_estimates(context: dg.AssetExecutionContext, dim_area: pd.DataFrame, home: Home) -> Iterator[dg.Output]:
    """Figures that others have published."""
    from poverty_assets.published.regions import region_map
    from poverty_assets.published.rows import PublishedSource, published_tables
    from poverty_assets.reports.pictures.published import headcounts

    quarter = quarter_of(context)
    read = home.reader(quarter)
    publications = [
        PublishedSource(frame, region_map(spec.options, home.country.folder))
        for spec in in_order(home.specs)
        if (frame := read(spec.source_id)) is not None
    ]
    tables = published_tables(publications, dim_area, home.country)
    said = {"region": tables.said.notes, "warning": tables.said.warnings}
    mpi = home.noted(tables.mpi, said)
    yield dg.Output(mpi, "published_mpi", metadata=pictures(headcounts(tables.mpi)))
    yield dg.Output(tables.headcount, "published_headcount")
    yield dg.Output(tables.contribution, "published_contribution")


ASSETS = (published_estimates,)
