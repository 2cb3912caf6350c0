"""Maps and plots as PNG bytes, small enough to stand in an asset's metadata.

Belongs here: maps of one value, raster previews, scatter plots of areas. Does not belong here: how areas are drawn
(``choropleth``), plots of overlap (``overlap``).

Colour scales are sequential from light (few) to dark (many), or diverging with a neutral middle: both are read by colour-blind people.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.reports.pictures.choropleth import UNKNOWN, Choropleth, aspect_of
from poverty_assets.reports.pictures.style import FEW_TO_MANY, LESS_TO_MORE, blank, in_style, png_of
from poverty_assets.sources.raster import Raster


class Picture(NamedTuple):
    """A PNG and what it shows."""

    png: bytes
    caption: str


@in_style
def area_map(
    areas: pd.DataFrame,
    values: pd.Series,
    title: str,
    label: str,
    is_simulated: bool,
    *,
    level: str | None = None,
    diverging: bool = False,
) -> bytes:
    """Choropleth of one value per area; areas without a value are dotted grey.

    Parameters
    ----------
    areas : DataFrame (catalog: ``dim_area``)
    values : Series indexed by area_id
    title, label : str
        Title, and what the colour bar measures with its unit.
    level : str, optional
        Level of the areas drawn; by default the finest.
    diverging : bool
        Colours about 0, for differences.
    """
    shapes = Choropleth(areas, level)
    numbers = shapes.values(values)
    known = np.isfinite(numbers)
    figure = blank(6.4, 5.4)
    axes = figure.add_subplot()
    shapes.fill(axes, ~known, **UNKNOWN)
    drawn = shapes.fill(axes, known, numbers, edgecolor="white", lw=0.1)
    if known.any():
        low, high = np.nanpercentile(numbers[known], [2, 98])
        bound = max(abs(low), abs(high), 1e-9)
        drawn.set_cmap(LESS_TO_MORE if diverging else FEW_TO_MANY)
        drawn.set_clim(*((-bound, bound) if diverging else (low, max(high, low + 1e-9))))
        figure.colorbar(drawn, ax=axes, shrink=0.75, label=label, extend="both")
    missing = int((~known).sum())
    shapes.frame(axes, title + (f"\n{missing} of {len(known)} areas without a value (dotted)" if missing else ""))
    return png_of(figure, is_simulated)


def headcount_map(mpi: pd.DataFrame, areas: pd.DataFrame, is_simulated: bool) -> bytes:
    """Map of the headline headcount ratio at k of one third for all people, by areas of the published level."""
    level = Hierarchy.of(areas).published
    rows = mpi[(mpi["statistic"] == "headcount_ratio") & (mpi["subgroup"] == "all") & mpi["k"].between(0.33, 0.34)]
    rows = rows[rows["is_headline"].astype(bool) & (rows["area_level"] == level)]
    values = rows.set_index("area_id")["estimate"]
    return area_map(
        areas, values, f"Headcount ratio by {level}", "share of people who are poor", is_simulated, level=level
    )


@in_style
def raster_map(overview: Raster, title: str, is_simulated: bool) -> bytes:
    """The overview of a raster as a picture, true to shape in its middle; cells that are not valid are left out."""
    from pyproj import CRS

    thin = overview.values
    low, high = np.nanpercentile(thin, [2, 98])
    west, south, east, north = overview.bounds
    aspect = aspect_of([south, north]) if CRS(overview.crs).is_geographic else 1.0
    figure = blank(5.6, 4.6)
    axes = figure.add_subplot()
    image = axes.imshow(
        thin, extent=(west, east, south, north), vmin=low, vmax=max(high, low + 1e-12), cmap=FEW_TO_MANY, aspect=aspect
    )
    figure.colorbar(image, ax=axes, shrink=0.8, extend="both")
    axes.set_title(title)
    return png_of(figure, is_simulated)


@in_style
def scatter(
    x: Any, y: Any, title: str, labels: tuple[str, str], is_simulated: bool, *, interval: tuple[Any, Any] | None = None
) -> bytes:
    """Points about the line of equality, with intervals of ``y`` where given; labels of the axes: x, y."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    figure = blank(5.2, 5.0)
    axes = figure.add_subplot()
    if interval is not None:
        low, high = (np.asarray(bound, dtype=float) for bound in interval)
        axes.vlines(x, low, high, color="#bdbdbd", lw=0.4, zorder=1)
    axes.scatter(x, y, s=6, color="#3b528b", alpha=0.5, lw=0, zorder=2)
    top = float(np.nanmax([np.nanmax(x), np.nanmax(y)])) * 1.02
    axes.plot([0, top], [0, top], color="#d95f02", lw=1, zorder=3)
    axes.set(title=title, xlabel=labels[0], ylabel=labels[1], xlim=(0, top), ylim=(0, top))
    axes.grid()
    return png_of(figure, is_simulated)


@in_style
def ranked(
    labels: list[str], values: Any, title: str, x_label: str, is_simulated: bool, *, low: Any = None, high: Any = None
) -> bytes:
    """Horizontal dots with intervals, the largest on top."""
    numbers = np.asarray(values, dtype=float)
    order = np.argsort(np.nan_to_num(numbers, nan=-1.0))
    figure = blank(6.4, 0.24 * len(labels) + 1.2)
    axes = figure.add_subplot()
    place = np.arange(len(labels))
    if low is not None and high is not None:
        axes.hlines(
            place, np.asarray(low, dtype=float)[order], np.asarray(high, dtype=float)[order], color="#9ecae1", lw=3
        )
    axes.plot(numbers[order], place, "o", color="#08519c", ms=4)
    axes.set_yticks(place, [labels[i] for i in order])
    axes.set(title=title, xlabel=x_label)
    axes.set_xlim(left=0)
    axes.grid(axis="x")
    return png_of(figure, is_simulated)
