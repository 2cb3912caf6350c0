"""Features of areas from one source, as the source's entry in ``sources.yaml`` names them.

Belongs here: the meaning of ``statistic`` and ``options`` of a feature, for rasters, points and lines, and tables. Does
not belong here: reading the source, or models.

Values are made for the areas of the finest level and carried up to every larger area by adding numerators and
denominators, so that a province's value is that of its territory and not a mean of means.

=====================  ============  ===========================================================================
statistic              data          options
=====================  ============  ===========================================================================
mean sum stdev min     raster
max count
count                  points
count_per_km2          points
distance_km            points,       ``boundary`` (to the outline of polygons), ``where`` (query on the columns)
                       lines, areas  larger areas: mean over their parts, by size
length_km_per_km2      lines
area_share             polygons
mean_of                points        ``column``, ``weight``
column                 table         ``value``, ``per`` (ratio of sums), ``combine`` (``mean``, ``sum``),
                                     ``weight`` (of the mean), ``inherit`` (areas below take their parent's)
=====================  ============  ===========================================================================

``where`` is understood for every vector statistic and for tables. In tables ``value``, ``per`` and ``weight`` are columns
or arithmetic on columns (``0.5 * poor + near``). A table may hold several rows an area (villages): sums run over them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from poverty_assets.errors import ContractViolation, SpecificationError
from poverty_assets.features import vector
from poverty_assets.features.zonal import STATISTICS, zonal_statistics
from poverty_assets.sources.raster import Raster

if TYPE_CHECKING:
    import geopandas as gpd

VECTOR_STATISTICS = ("count", "count_per_km2", "distance_km", "length_km_per_km2", "area_share", "mean_of")
_ARITHMETIC = re.compile(r"[\w\s+\-*/().]+")
_ATTRIBUTE = re.compile(r"[^\W\d]\w*\s*\.|\.\s*[^\W\d]|\w\s*\(")


class Feature(Protocol):
    """What is needed of a feature's entry (``pack.source.FeatureSpec`` has it)."""

    feature_id: str
    statistic: str
    options: dict[str, Any]


def features_from_source(
    features: Iterable[Feature],
    data: Raster | gpd.GeoDataFrame | pd.DataFrame,
    areas: gpd.GeoDataFrame,
    *,
    metric_crs: str,
    finest: str = "commune",
) -> pd.DataFrame:
    """Every feature of one source, for every area.

    Parameters
    ----------
    features : iterable of Feature
    data : Raster, GeoDataFrame or DataFrame
        A table has a column ``area_id`` with codes of any level.
    areas : GeoDataFrame
        ``area_id, area_level, parent_id, geometry``; geometry is used at level ``finest`` only.
    metric_crs : str
        For lengths and distances, for example ``EPSG:32648``.

    Returns
    -------
    DataFrame
        ``area_id, feature_id, value, coverage``: ``coverage`` is the share of the area with valid cells for a raster, and
        1 for the rest where there is a value. A missing value is a row with NaN.
    """
    tree = AreaTree(areas, finest)
    tables = []
    rasters: list[Feature] = []
    for feature in features:
        if isinstance(data, Raster):
            rasters.append(feature)
        elif hasattr(data, "geometry") and hasattr(data, "crs"):
            tables.append(_long(feature, tree, _vector_feature(feature, data, tree, metric_crs)))
        else:
            tables.append(_long(feature, tree, _table_feature(feature, data, tree)))
    if isinstance(data, Raster) and rasters:
        tables.append(_raster_features(rasters, data, tree))
    columns = ["area_id", "feature_id", "value", "coverage"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


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

    def wholes(self) -> pd.DataFrame:
        """``area_id, part_id``: every area above the zones, with the zones in it."""
        part = np.arange(len(self.zone_number))
        pairs = [(at, part_) for at, part_ in self._climb(self.zone_number, part)][1:]
        number = np.concatenate([at for at, _ in pairs]) if pairs else np.empty(0, dtype=int)
        parts = np.concatenate([part_ for _, part_ in pairs]) if pairs else np.empty(0, dtype=int)
        return pd.DataFrame({"area_id": self.ids[number], "part_id": self.ids[self.zone_number[parts]]})

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


def _long(feature: Feature, tree: AreaTree, values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "area_id": tree.ids,
            "feature_id": feature.feature_id,
            "value": values,
            "coverage": np.isfinite(values).astype(float),
        }
    )


def _raster_features(features: list[Feature], raster: Raster, tree: AreaTree) -> pd.DataFrame:
    for feature in features:
        _known(feature, STATISTICS, ())
    wanted = list(dict.fromkeys(feature.statistic for feature in features))
    answers = zonal_statistics({"raster": raster}, tree.zones, wanted, wholes=tree.wholes())
    named = pd.DataFrame({"feature_id": [f.feature_id for f in features], "statistic": [f.statistic for f in features]})
    return named.merge(answers, on="statistic")


def _vector_feature(feature: Feature, layer: gpd.GeoDataFrame, tree: AreaTree, metric_crs: str) -> np.ndarray:
    options = _known(feature, VECTOR_STATISTICS, ("where", "boundary", "column", "weight"))
    if "where" in options:
        layer = layer.query(options["where"])
    zones, at = tree.zones, tree.zone_number
    if feature.statistic == "mean_of":
        if "column" not in options:
            raise SpecificationError(f"feature {feature.feature_id}: mean_of needs the option column")
        numerator, denominator = vector.sums_of(layer, zones, metric_crs, options["column"], options.get("weight"))
        return _ratio(tree.add_up(at, numerator), tree.add_up(at, denominator))
    if feature.statistic == "count":
        return tree.add_up(at, vector.count(layer, zones, metric_crs))
    size = vector.area_km2(zones, metric_crs)
    if feature.statistic == "count_per_km2":
        per_zone = vector.count(layer, zones, metric_crs)
    elif feature.statistic == "length_km_per_km2":
        per_zone = vector.length_km(layer, zones, metric_crs)
    elif feature.statistic == "area_share":
        per_zone = vector.covered_km2(layer, zones, metric_crs)
    else:
        boundary = bool(options.get("boundary", False))
        per_zone = vector.distance_km(layer, zones, metric_crs, boundary=boundary) * size
    return _ratio(tree.add_up(at, per_zone), tree.add_up(at, size))


def _table_feature(feature: Feature, table: pd.DataFrame, tree: AreaTree) -> np.ndarray:
    options = _known(feature, ("column",), ("value", "per", "combine", "weight", "inherit", "where"))
    if "where" in options:
        table = table.query(options["where"])
    if "value" not in options:
        raise SpecificationError(f"feature {feature.feature_id}: a table's feature needs the option value")
    value = _evaluate(feature, table, options["value"])
    combine = options.get("combine", "mean")
    if combine not in ("mean", "sum"):
        raise SpecificationError(f"feature {feature.feature_id}: combine is mean or sum, not {combine!r}")
    if "per" in options:
        numerator, denominator = value, _evaluate(feature, table, options["per"])
    else:
        weight = _evaluate(feature, table, options["weight"]) if "weight" in options else np.ones(len(table))
        numerator, denominator = (value, weight) if combine == "sum" else (value * weight, weight)
    number = tree.number(table["area_id"])
    use = np.isfinite(numerator) & np.isfinite(denominator) & (number >= 0)
    top = tree.add_up(number[use], numerator[use])
    bottom = tree.add_up(number[use], denominator[use])
    values = np.where(bottom > 0, top, np.nan) if combine == "sum" else _ratio(top, bottom)
    return tree.inherit(values) if options.get("inherit", False) else values


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)


def _evaluate(feature: Feature, table: pd.DataFrame, expression: str | float) -> np.ndarray:
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


def _known(feature: Feature, statistics: tuple[str, ...], options: tuple[str, ...]) -> Mapping[str, Any]:
    if feature.statistic not in statistics:
        raise SpecificationError(
            f"feature {feature.feature_id}: {feature.statistic!r} cannot be made from this kind of source",
            remedy=f"one of {', '.join(statistics)}",
        )
    unknown = sorted(set(feature.options) - set(options))
    if unknown:
        raise SpecificationError(
            f"feature {feature.feature_id}: unknown option {unknown[0]!r}",
            remedy=f"one of {', '.join(options)}" if options else "this kind of source takes no options",
        )
    return feature.options
