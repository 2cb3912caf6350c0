"""Features of areas from one layer of shapes or one table, as the source's entry in ``sources.yaml`` names them.

Belongs here: carrying out each ``statistic`` of a layer or a table with its options (see ``pack.feature``). Does not belong here:
rasters (``zonal``), reading the source, or models.

Values are made for the areas of the finest level and carried up to every larger area by adding numerators and
denominators, so that a larger area's value is that of its territory and not a mean of means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from poverty_assets.errors import SpecificationError
from poverty_assets.features import vector
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.pack.feature import (
    ColumnFeature,
    CountFeature,
    DistanceFeature,
    Each,
    FeatureSpec,
    LayerFeature,
    MeanFeature,
)

if TYPE_CHECKING:
    import geopandas as gpd

SHARE = "share_of_row"
"""Column of a table, where it has one: the share of the row that is of its area, of a unit that was divided among several."""
_HELD: dict[Each, str] = {"person": "population", "household": "households", "km2": "area_km2"}
_ARITHMETIC = re.compile(r"[\w\s+\-*/().]+")
_ATTRIBUTE = re.compile(r"[^\W\d]\w*\s*\.|\.\s*[^\W\d]|\w\s*\(")


def features_from_source(
    features: Iterable[FeatureSpec],
    data: gpd.GeoDataFrame | pd.DataFrame,
    areas: gpd.GeoDataFrame,
    *,
    metric_crs: str,
) -> pd.DataFrame:
    """Every feature of one source, for every area.

    Parameters
    ----------
    features : iterable of FeatureSpec
    data : GeoDataFrame or DataFrame
        A table has a column ``area_id`` with codes of any level.
    areas : GeoDataFrame
        ``area_id, area_level, parent_id, geometry``, and ``population, households, area_km2`` where features ask for them
        (``each``); geometry is used at the finest level only.
    metric_crs : str
        For lengths and distances, for example ``EPSG:32648``.

    Returns
    -------
    DataFrame
        ``area_id, feature_id, value``. A missing value is a row with NaN.
    """
    zones = _Zones.of(areas)
    tables = []
    for feature in features:
        if isinstance(feature, ColumnFeature):
            values = _of_table(feature, data, zones)
        elif isinstance(feature, MeanFeature):
            values = _mean_of(feature, data, zones, metric_crs)
        elif isinstance(feature, CountFeature):
            values = _counted(feature, data, zones, metric_crs)
        elif isinstance(feature, LayerFeature | DistanceFeature):
            values = _of_layer(feature, data, zones, metric_crs)
        else:
            raise SpecificationError(
                f"feature {feature.feature_id}: {feature.statistic!r} cannot be made of a layer or a table"
            )
        tables.append(pd.DataFrame({"area_id": zones.hierarchy.ids, "feature_id": feature.feature_id, "value": values}))
    columns = ["area_id", "feature_id", "value"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


@dataclass(frozen=True, eq=False)
class _Zones:
    """Areas of the finest level with their shapes, in the order of the hierarchy that values are carried up in."""

    hierarchy: Hierarchy
    shapes: gpd.GeoDataFrame
    held: pd.DataFrame

    @classmethod
    def of(cls, areas: gpd.GeoDataFrame) -> _Zones:
        hierarchy = Hierarchy.of(areas)
        shapes = areas[["area_id", "geometry"]].set_index("area_id").loc[hierarchy.codes(hierarchy.finest)]
        held = areas.set_index("area_id").reindex(hierarchy.ids)
        return cls(hierarchy, shapes.reset_index(), held[[name for name in _HELD.values() if name in held]])

    def number_of(self, each: Each) -> np.ndarray:
        """How many persons, households, square kilometres or finest areas every area has; NaN where that is not known."""
        if each == "area":
            return self.add_up(np.ones(len(self.shapes)))
        return np.asarray(self.held[_HELD[each]].to_numpy(dtype=float, na_value=np.nan), dtype=float)

    def for_each(self, each: Each, number: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Sum of values at areas (by number, of any level), divided by what the areas have that they are of.

        Values of areas of which that is not known are left out, so that both sums are of the same areas. An area that has a value
        of its own is divided by its own number, one above by that of the largest areas in it that have values.
        """
        held, hierarchy = self.number_of(each), self.hierarchy
        use = np.isfinite(values) & (number >= 0)
        use[use] &= held[number[use]] > 0
        own = np.zeros(len(hierarchy), dtype=bool)
        own[number[use]] = True
        below = np.zeros(len(hierarchy), dtype=bool)
        for area in range(1, len(hierarchy)):  # areas above come first
            below[area] = own[hierarchy.parent[area]] or below[hierarchy.parent[area]]
        largest = np.flatnonzero(own & ~below)
        bottom = hierarchy.add_up(largest, held[largest])
        bottom[below] = np.where(hierarchy.add_up(number[use], np.ones(int(use.sum())))[below] > 0, held[below], 0.0)
        return _ratio(hierarchy.add_up(number[use], values[use]), bottom)

    def add_up(self, values: np.ndarray) -> np.ndarray:
        """Values of the zones, and their sums in every larger area."""
        return self.hierarchy.add_up(self.hierarchy.members(self.hierarchy.finest), values)


def _counted(feature: CountFeature, layer: gpd.GeoDataFrame, zones: _Zones, metric_crs: str) -> np.ndarray:
    counts = vector.count(_chosen(layer, feature.options.where), zones.shapes, metric_crs)
    if feature.options.each is None:
        return zones.add_up(counts)
    return zones.for_each(feature.options.each, zones.hierarchy.members(zones.hierarchy.finest), counts)


def _of_layer(
    feature: LayerFeature | DistanceFeature, layer: gpd.GeoDataFrame, zones: _Zones, metric_crs: str
) -> np.ndarray:
    layer = _chosen(layer, feature.options.where)
    shapes = zones.shapes
    size = vector.area_km2(shapes, metric_crs)
    if isinstance(feature, DistanceFeature):
        per_zone = vector.distance_km(layer, shapes, metric_crs, boundary=feature.options.boundary) * size
    elif feature.statistic == "count_per_km2":
        per_zone = vector.count(layer, shapes, metric_crs)
    elif feature.statistic == "length_km_per_km2":
        per_zone = vector.length_km(layer, shapes, metric_crs)
    else:
        per_zone = vector.covered_km2(layer, shapes, metric_crs)
    return _ratio(zones.add_up(per_zone), zones.add_up(size))


def _mean_of(feature: MeanFeature, points: gpd.GeoDataFrame, zones: _Zones, metric_crs: str) -> np.ndarray:
    options = feature.options
    chosen = _chosen(points, options.where)
    numerator, denominator = vector.sums_of(chosen, zones.shapes, metric_crs, options.column, options.weight)
    return _ratio(zones.add_up(numerator), zones.add_up(denominator))


def _of_table(feature: ColumnFeature, table: pd.DataFrame, zones: _Zones) -> np.ndarray:
    options, hierarchy = feature.options, zones.hierarchy
    table = _chosen(table, options.where)
    value = _evaluate(feature, table, options.value)
    share = table[SHARE].to_numpy(dtype=float) if SHARE in table else np.ones(len(table))
    if options.each is not None:
        values = zones.for_each(options.each, hierarchy.number(table["area_id"]), value * share)
        return hierarchy.inherit(values) if options.inherit else values
    summed = options.combine == "sum"
    if options.per is not None:
        numerator, denominator = value, _evaluate(feature, table, options.per)
    else:
        weight = np.ones(len(table)) if options.weight is None else _evaluate(feature, table, options.weight)
        numerator, denominator = (value, weight) if summed else (value * weight, weight)
    number = hierarchy.number(table["area_id"])
    use = np.isfinite(numerator) & np.isfinite(denominator) & (number >= 0)
    top = hierarchy.add_up(number[use], (numerator * share)[use])
    bottom = hierarchy.add_up(number[use], (denominator * share)[use])
    values = np.where(bottom > 0, top, np.nan) if summed else _ratio(top, bottom)
    return hierarchy.inherit(values) if options.inherit else values


def _chosen(rows: pd.DataFrame, where: str | None) -> pd.DataFrame:
    return rows if where is None else rows.query(where)


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)


def _evaluate(feature: FeatureSpec, table: pd.DataFrame, expression: str | float) -> np.ndarray:
    """A column, or arithmetic on columns; nothing else is carried out, so a yaml file cannot call code."""
    text = str(expression)
    if text in table.columns:
        return pd.to_numeric(table[text], errors="coerce").to_numpy(dtype=float)
    if not _ARITHMETIC.fullmatch(text) or _ATTRIBUTE.search(text):
        raise SpecificationError(
            f"feature {feature.feature_id}: {text!r} is neither a column nor arithmetic on columns",
            remedy=f"columns are {', '.join(str(name) for name in table.columns)}",
        )
    names = [name for name in table.columns if re.search(rf"\b{re.escape(str(name))}\b", text)]
    numeric = table[names].apply(pd.to_numeric, errors="coerce")
    try:
        answer = numeric.eval(text, engine="python")
    except Exception as error:  # pandas raises many kinds for a name or a sign it does not know
        raise SpecificationError(f"feature {feature.feature_id}: {text!r} cannot be worked out: {error}") from error
    return np.broadcast_to(np.asarray(answer, dtype=float), (len(table),)).copy()
