"""Areas on a plane: the one way in which a picture of the UI draws a map of them.

Belongs here: outlines of areas, their fill, and how wide a degree of longitude is against one of latitude. Does not belong here: which
values are drawn, and what a map says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.geography.hierarchy import Hierarchy

_SIMPLIFY_DEGREES = 0.01
UNKNOWN: dict[str, Any] = {"facecolor": "#d4d4d4", "edgecolor": "#999", "hatch": "..", "lw": 0.1}
"""How areas without a value look: dotted, since hatching says of a value that it is not sure."""


def aspect_of(latitude: npt.ArrayLike) -> float:
    """Height of a degree of latitude over the width of one of longitude, at the middle of these latitudes.

    Examples
    --------
    >>> round(aspect_of([59.0, 61.0]), 6), round(aspect_of([0.0]), 6)
    (2.0, 1.0)
    """
    known = np.asarray(latitude, dtype=float)
    return float(1 / np.cos(np.radians((np.nanmin(known) + np.nanmax(known)) / 2)))


class Choropleth:
    """Areas of one level, ready to be drawn on axes.

    Parameters
    ----------
    areas : DataFrame (catalog: ``dim_area``)
    level : str, optional
        By default the finest.

    Attributes
    ----------
    ids : Index of str, shape (n,)
        In the order of the values that `fill` takes.
    """

    def __init__(self, areas: pd.DataFrame, level: str | None = None) -> None:
        import shapely

        chosen = areas[areas["area_level"] == (level or Hierarchy.of(areas).finest)]
        shapes = shapely.simplify(shapely.from_wkb(chosen["geometry"].to_numpy()), _SIMPLIFY_DEGREES)
        parts, self._owner = shapely.get_parts(shapes, return_index=True)
        self._rings = [shapely.get_coordinates(shapely.get_exterior_ring(part)) for part in parts]
        self.ids = pd.Index(chosen["area_id"])

    def values(self, of_areas: pd.Series) -> npt.NDArray[np.float64]:
        """Values by ``area_id`` as numbers in the order of ``ids``, NaN where there is none."""
        return pd.to_numeric(of_areas.reindex(self.ids), errors="coerce").to_numpy(dtype=float)

    def fill(
        self, axes: Any, which: npt.NDArray[np.bool_], values: npt.NDArray[np.float64] | None = None, **style: Any
    ) -> Any:
        """Draw some of the areas, coloured by their values where given; returns the collection, for a colour bar.

        Parameters
        ----------
        axes : matplotlib axes
        which : ndarray of bool, shape (n,)
        values : ndarray, shape (n,), optional
        **style
            Of matplotlib's ``PolyCollection``.
        """
        from matplotlib.collections import PolyCollection

        kept = which[self._owner]
        drawn = PolyCollection([ring for ring, keep in zip(self._rings, kept, strict=True) if keep], **style)
        if values is not None:
            drawn.set_array(values[self._owner][kept])
        axes.add_collection(drawn)
        return drawn

    def fill_each(self, axes: Any, colour_of: Callable[[int], str], **style: Any) -> None:
        """Draw every area in a colour of its own, by its number in ``ids``."""
        from matplotlib.collections import PolyCollection

        colours = [colour_of(int(number)) for number in self._owner]
        axes.add_collection(PolyCollection(self._rings, facecolor=colours, **style))

    def frame(self, axes: Any, title: str, size: int = 11) -> None:
        """Fit the axes to what was drawn, true to shape in the middle of the country, and set the title."""
        axes.autoscale_view()
        axes.set_aspect(aspect_of(np.concatenate([ring[:, 1] for ring in self._rings])) if self._rings else 1.0)
        axes.set_axis_off()
        axes.set_title(title, fontsize=size)
