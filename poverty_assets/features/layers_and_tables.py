"""Features of areas from one layer of shapes or one table, as the source's entry in ``sources.yaml`` names them.

Belongs here: carrying out each ``statistic`` of a layer or a table with its options (see ``pack.feature``). Does not belong here:
rasters (``zonal``), reading the source, or models.

Values are made for the areas of the finest level and carried up to every larger area by adding numerators and
denominators, so that a province's value is that of its territory and not a mean of means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from poverty_assets.errors import ContractViolation, SpecificationError
from poverty_assets.features import vector
from poverty_assets.pack.feature import ColumnFeature, DistanceFeature, FeatureSpec, LayerFeature, MeanFeature

if TYPE_CHECKING:
    import geopandas as gpd

_ARITHMETIC = re.compile(r"[\w\s+\-*/().]+")
_ATTRIBUTE = re.compile(r"[^\W\d]\w*\s*\.|\.\s*[^\W\d]|\w\s*\(")


def features_from_source(
    features: Iterable[FeatureSpec],
    data: gpd.GeoDataFrame | pd.DataFrame,
    areas: gpd.GeoDataFrame,
    *,
    metric_crs: str,
    finest: str = "commune",
) -> pd.DataFrame:
    """Every feature of one source, for every area.

    Parameters
    ----------
    features : iterable of FeatureSpec
    data : GeoDataFrame or DataFrame
        A table has a column ``area_id`` with codes of any level.
    areas : GeoDataFrame
        ``area_id, area_level, parent_id, geometry``; geometry is used at level ``finest`` only.
    metric_crs : str
        For lengths and distances, for example ``EPSG:32648``.

    Returns
    -------
    DataFrame
        ``area_id, feature_id, value``. A missing value is a row with NaN.
    """
    tree = AreaTree(areas, finest)
    tables = []
    for feature in features:
        if isinstance(feature, ColumnFeature):
            values = _of_table(feature, data, tree)
        elif isinstance(feature, MeanFeature):
            values = _mean_of(feature, data, tree, metric_crs)
        elif isinstance(feature, LayerFeature | DistanceFeature):
            values = _of_layer(feature, data, tree, metric_crs)
        else:
            raise SpecificationError(
                f"feature {feature.feature_id}: {feature.statistic!r} cannot be made of a layer or a table"
            )
        tables.append(pd.DataFrame({"area_id": tree.ids, "feature_id": feature.feature_id, "value": values}))
    columns = ["area_id", "feature_id", "value"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


class AreaTree:
    """Areas numbered, with each one's line of ancestors.

    Attributes
    ----------
    ids : numpy.ndarray of str, shape (n,)
    zones : GeoDataFrame
        The areas of the finest level.
    zone_number : numpy.ndarray of int
        Where each zone is among ``ids``.
    """

    def __init__(self, areas: gpd.GeoDataFrame, finest: str) -> None:
        self.ids = areas["area_id"].to_numpy(dtype=object)
        index = pd.Index(self.ids)
        self.parent = index.get_indexer(areas["parent_id"])
        orphan = (self.parent < 0) & areas["parent_id"].notna().to_numpy()
        if orphan.any():
            raise ContractViolation(
                f"{int(orphan.sum())} areas name a parent that is not there, first {self.ids[orphan][0]!r}",
                place="parent_id",
            )
        at_finest = (areas["area_level"] == finest).to_numpy()
        if not at_finest.any():
            raise SpecificationError(f"no area is of level {finest!r}")
        self.zone_number = np.flatnonzero(at_finest)
        self.zones = areas.loc[at_finest, ["area_id", "geometry"]].reset_index(drop=True)
        self._index = index

    def number(self, ids: pd.Series) -> np.ndarray:
        """Number of each area id, -1 where there is none."""
        return self._index.get_indexer(ids)

    def add_up(self, number: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Sum of values at each area and everything below it, shape (n,)."""
        total = np.zeros(len(self.ids))
        for at, value in self._climb(number, values):
            total += np.bincount(at, weights=value, minlength=len(self.ids))
        return total

    def inherit(self, values: np.ndarray) -> np.ndarray:
        """Values with each missing one taken from the nearest area above that has one."""
        filled = values.copy()
        at = self.parent.copy()
        while (at >= 0).any():
            missing = ~np.isfinite(filled) & (at >= 0)
            filled[missing] = values[at[missing]]
            at = np.where(at >= 0, self.parent[at], -1)
        return filled

    def _climb(self, number: np.ndarray, values: np.ndarray) -> Iterable[tuple[np.ndarray, np.ndarray]]:
        while len(number):
            yield number, values
            number = self.parent[number]
            number, values = number[number >= 0], values[number >= 0]


def _of_layer(
    feature: LayerFeature | DistanceFeature, layer: gpd.GeoDataFrame, tree: AreaTree, metric_crs: str
) -> np.ndarray:
    layer = _chosen(layer, feature.options.where)
    zones, at = tree.zones, tree.zone_number
    if feature.statistic == "count":
        return tree.add_up(at, vector.count(layer, zones, metric_crs))
    size = vector.area_km2(zones, metric_crs)
    if isinstance(feature, DistanceFeature):
        per_zone = vector.distance_km(layer, zones, metric_crs, boundary=feature.options.boundary) * size
    elif feature.statistic == "count_per_km2":
        per_zone = vector.count(layer, zones, metric_crs)
    elif feature.statistic == "length_km_per_km2":
        per_zone = vector.length_km(layer, zones, metric_crs)
    else:
        per_zone = vector.covered_km2(layer, zones, metric_crs)
    return _ratio(tree.add_up(at, per_zone), tree.add_up(at, size))


def _mean_of(feature: MeanFeature, points: gpd.GeoDataFrame, tree: AreaTree, metric_crs: str) -> np.ndarray:
    options, at = feature.options, tree.zone_number
    chosen = _chosen(points, options.where)
    numerator, denominator = vector.sums_of(chosen, tree.zones, metric_crs, options.column, options.weight)
    return _ratio(tree.add_up(at, numerator), tree.add_up(at, denominator))


def _of_table(feature: ColumnFeature, table: pd.DataFrame, tree: AreaTree) -> np.ndarray:
    options = feature.options
    table = _chosen(table, options.where)
    value = _evaluate(feature, table, options.value)
    summed = options.combine == "sum"
    if options.per is not None:
        numerator, denominator = value, _evaluate(feature, table, options.per)
    else:
        weight = np.ones(len(table)) if options.weight is None else _evaluate(feature, table, options.weight)
        numerator, denominator = (value, weight) if summed else (value * weight, weight)
    number = tree.number(table["area_id"])
    use = np.isfinite(numerator) & np.isfinite(denominator) & (number >= 0)
    top = tree.add_up(number[use], numerator[use])
    bottom = tree.add_up(number[use], denominator[use])
    values = np.where(bottom > 0, top, np.nan) if summed else _ratio(top, bottom)
    return tree.inherit(values) if options.inherit else values


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
