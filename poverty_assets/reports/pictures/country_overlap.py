"""The pictures of overlap for the whole country, one for each overlap table.

Belongs here: choosing the rows and words of each picture. Does not belong here: drawing (``figures_overlap``).
"""

from __future__ import annotations

import pandas as pd

from poverty_assets.measure.measure import Measure
from poverty_assets.measurement.direct_tables import OverlapTables
from poverty_assets.pack.country import Country
from poverty_assets.reports.pictures.overlap import (
    PlotWords,
    bundle_upset,
    class_profile_plot,
    count_bars,
    dimension_bars,
    pair_heatmap,
)


def country_pictures(tables: OverlapTables, measure: Measure, country: Country, is_simulated: bool) -> dict[str, bytes]:
    """PNG bytes by the name of the table in ``OverlapTables``; tables whose country row is withheld have none."""
    names = {i.indicator_id: i.name_en for i in measure.indicators} | {
        d.dimension_id: d.name_en for d in measure.dimensions
    }
    source = "household survey, direct estimates" + (" (simulated)" if is_simulated else "")
    words = PlotWords(country.name_en, source, is_simulated, names)

    def rows(table: pd.DataFrame) -> pd.DataFrame:
        return table[(table["area_id"] == country.area_id) & (table["subgroup"] == "all")]

    if rows(tables.counts)["suppressed"].astype(bool).any():
        return {}
    return {
        "pairs": pair_heatmap(rows(tables.pairs), measure.indicator_ids, words, "lift"),
        "counts": count_bars(rows(tables.counts), words),
        "dimensions": dimension_bars(rows(tables.dimensions), words),
        "bundles": bundle_upset(rows(tables.bundles), measure.indicator_ids, words),
        "classes": class_profile_plot(tables.classes, words),
    }
