"""Small multiples of the features of small areas.

Belongs here: one picture of many features at a glance. Does not belong here: maps of one figure (``drawing``).
"""

from __future__ import annotations

import pandas as pd

from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.reports.pictures.choropleth import aspect_of
from poverty_assets.reports.pictures.style import FEW_TO_MANY, blank, in_style, png_of

_COLUMNS = 5
_MOST = 20


@in_style
def feature_maps(features: pd.DataFrame, areas: pd.DataFrame, is_simulated: bool) -> bytes:
    """Areas of the finest level as dots at a point inside each, coloured by the rank of the feature; one panel a feature.

    Dots keep the picture small: it stands in an asset's metadata.
    """
    finest = areas[areas["area_level"] == Hierarchy.of(areas).finest].set_index("area_id")
    names = sorted(features["feature_id"].unique())[:_MOST]
    n_rows = max(1, -(-len(names) // _COLUMNS))
    figure = blank(10, 2.0 * n_rows + 0.3)
    aspect = aspect_of(finest["centroid_lat"])
    panels = figure.subplots(n_rows, _COLUMNS, squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    for panel, name in zip(panels, names, strict=False):
        values = features[features["feature_id"] == name].set_index("area_id")["value"].reindex(finest.index)
        known = values.notna()
        ranks = values[known].rank(pct=True)
        lon, lat = finest["centroid_lon"], finest["centroid_lat"]
        panel.scatter(lon[~known], lat[~known], s=1, color="#d9d9d9")
        panel.scatter(lon[known], lat[known], s=1.5, c=ranks, cmap=FEW_TO_MANY, lw=0)
        panel.set_title(f"{name}" + ("" if known.all() else f" ({int((~known).sum())} missing)"), fontsize=7)
        panel.set_aspect(aspect)
    return png_of(figure, is_simulated)
