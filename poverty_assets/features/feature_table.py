"""The feature table of a quarter, from every source that states features.

Belongs here: handing each source's data to ``layers_and_tables`` or ``zonal`` in its right form, rasters one after the other so that those
on one grid share their coverage. Does not belong here: what a statistic means (``layers_and_tables``, ``zonal``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import pandas as pd

from poverty_assets.errors import InputError, NotObserved
from poverty_assets.features.kept_statistics import KeptStatistics, stamp_of
from poverty_assets.features.layers_and_tables import SHARE, features_from_source
from poverty_assets.features.zonal import CellStatistic, Statistic, name_of, zonal_statistics
from poverty_assets.geography.areas import to_geodataframe
from poverty_assets.geography.crosswalk import spread
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.pack.country import Country
from poverty_assets.pack.feature import AboveFeature, FeatureSpec, QuantileFeature, WeightedFeature
from poverty_assets.pack.source import RasterSource, SourceSpec, TableSource, VectorSource
from poverty_assets.quarter import Quarter
from poverty_assets.sources.earlier import EarlierTime, release_then
from poverty_assets.sources.kept_raster import KeptRaster
from poverty_assets.sources.raster import RasterCells, opened_raster
from poverty_assets.workers import Workers

_NOW = None
Time = EarlierTime | None


@dataclass(frozen=True)
class Observed:
    """What can be seen of the sources: by the quarter, from the lake; at earlier times, from the landing folder.

    Attributes
    ----------
    rows : callable
        Rows of a source as the quarter sees it; None where it had not been observed.
    noted : callable
        What was noted of them: ``absent``, or else ``file`` (below the landing folder) and ``observed_to``.
    quarter : Quarter
    landing : Path
    earlier : sequence of EarlierTime
    coverages : Path, optional
        Folder in which the coverage of grids by areas is kept from quarter to quarter.
    raster : callable, optional
        A source that is a raster, as the quarter sees it; None where it had not been observed.
    workers : Workers, optional
        Who takes rasters.
    """

    rows: Callable[[str], pd.DataFrame | None]
    noted: Callable[[str], dict[str, Any]]
    quarter: Quarter
    landing: Path
    earlier: Sequence[EarlierTime] = ()
    coverages: Path | None = None
    raster: Callable[[str], RasterCells | None] = lambda _: None
    workers: Workers | None = None


def quarter_features(
    specs: Iterable[SourceSpec], areas: pd.DataFrame, crosswalk: pd.DataFrame, country: Country, observed: Observed
) -> tuple[pd.DataFrame, dict[EarlierTime, pd.DataFrame]]:
    """Features of all areas but the country (catalog: ``area_feature``), and as they were at earlier times.

    Parameters
    ----------
    specs : iterable of SourceSpec
        Those that state features.
    areas, crosswalk : DataFrame
        Catalog: ``dim_area``, ``area_crosswalk``.
    observed : Observed

    Returns
    -------
    table : DataFrame
        ``area_id, feature_id, value, unit, source_id, observed_on``. An area without a value has no row.
    before : dict of EarlierTime to DataFrame
        ``area_id, feature_id, value`` at each earlier time: rasters of that time, other sources as they are now, since places
        and lines carry no date.
    """
    zones = to_geodataframe(areas)
    noted = {spec.source_id: observed.noted(spec.source_id) for spec in specs if spec.features}
    seen = [spec for spec in specs if "absent" not in noted.get(spec.source_id, {"absent": ""})]
    rasters = [spec for spec in seen if isinstance(spec, RasterSource)]
    at = _of_rasters(rasters, zones, country, observed)
    undated = [
        _of_shapes_or_table(spec, zones, areas, crosswalk, country, observed)
        for spec in seen
        if not isinstance(spec, RasterSource)
    ]
    columns = ["area_id", "feature_id", "value"]
    parts = [part for part in (at[_NOW], *undated) if len(part)]
    if not parts:
        nothing = pd.DataFrame(columns=[*columns, "unit", "source_id", "observed_on"])
        return nothing, dict.fromkeys(observed.earlier, nothing[columns])
    table = _valued(parts, country)
    of = {f.feature_id: (f.unit, spec.source_id) for spec in seen for f in spec.features}
    days = {spec.source_id: noted[spec.source_id]["observed_to"] for spec in seen}
    unit, source = (table["feature_id"].map({name: pair[i] for name, pair in of.items()}) for i in (0, 1))
    table = table.assign(unit=unit, source_id=source, observed_on=source.map(days))
    before = {time: _valued([part for part in (at[time], *undated) if len(part)], country) for time in observed.earlier}
    return table, before


def _valued(parts: list[pd.DataFrame], country: Country) -> pd.DataFrame:
    """Rows that have a value, the country's apart."""
    columns = ["area_id", "feature_id", "value"]
    table = pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
    return table[table["value"].notna() & (table["area_id"] != country.area_id)]


def _of_rasters(
    specs: list[RasterSource], zones: Any, country: Country, observed: Observed
) -> dict[Time, pd.DataFrame]:
    """Zonal statistics over each area's own shape, now and at each earlier time: sums of smaller areas would count twice what
    simplified shapes share."""
    below = zones.loc[zones["area_level"] != "country", ["area_id", "geometry"]].reset_index(drop=True)
    served, load, stamps = _looks(specs, country, observed)
    rows = [
        (time, spec.source_id, feature, asked)
        for spec in specs
        for feature in spec.features
        for time in (_NOW, *observed.earlier)
        if (asked := _asked(feature, time, spec, served)) is not None
    ]
    wanted: dict[str, list[Statistic]] = {}
    for time, source_id, _, asked in rows:
        wanted.setdefault(served[time, source_id], []).append(asked)
    asks = {name: list(dict.fromkeys(wanted[name])) for name in load if name in wanted}
    answers = _answers(asks, below, load, stamps, observed)
    named = pd.DataFrame(
        [(time, served[time, source_id], name_of(asked), f.feature_id) for time, source_id, f, asked in rows],
        columns=["time", "raster", "statistic", "feature_id"],
    )
    out = {}
    for time in (_NOW, *observed.earlier):
        own = named.loc[np.array([one == time for one in named["time"]], dtype=bool), named.columns[1:]]
        merged = own.merge(answers, on=["raster", "statistic"])
        out[time] = merged[["area_id", "feature_id", "value"]]
    return out


def _answers(
    asks: dict[str, list[Statistic]],
    zones: Any,
    load: dict[str, Callable[[], RasterCells]],
    stamps: dict[str, Callable[[], str | None]],
    observed: Observed,
) -> pd.DataFrame:
    """Statistics of each raster: those that were made before of the same, and the others made now."""
    by = {one.weight for asked in asks.values() for one in asked if _weighs(one)}
    kept = {}
    if observed.coverages is not None:
        known = KeptStatistics(observed.coverages / "answers", zones)
        told = {name: stamps[name]() for name in {*asks, *by}}
        weighing = {name: stamp or "" for name, stamp in told.items() if name in by}
        for name, asked in asks.items():
            stamp = told[name]
            if stamp is not None and all(weighing[one.weight] for one in asked if _weighs(one)):
                kept[name] = known.of(stamp, name, asked, weighing)
    found = {name: rows for name, answer in kept.items() if (rows := answer.read()) is not None}
    left = {name: asked for name, asked in asks.items() if name not in found}
    if found and not left:
        return pd.concat(found.values(), ignore_index=True)
    made = zonal_statistics(
        ((name, load[name]()) for name in left),
        zones,
        left,
        weights={one.weight: load[one.weight]() for asked in left.values() for one in asked if _weighs(one)},
        kept=observed.coverages,
        workers=observed.workers,
    )
    for name in left.keys() & kept.keys():
        kept[name].keep(made[made["raster"] == name])
    if kept:
        known.let_go()
    return pd.concat([*found.values(), made], ignore_index=True) if found else made


def _asked(
    feature: FeatureSpec, time: Time, spec: RasterSource, served: dict[tuple[Time, str], str]
) -> Statistic | None:
    """What a feature asks of its raster at a time; None where the raster, or that which weighs its cells, had not been observed."""
    if (time, spec.source_id) not in served:
        return None
    if isinstance(feature, AboveFeature):
        return CellStatistic(feature.statistic, number=feature.options.above)
    if isinstance(feature, QuantileFeature):
        return CellStatistic(feature.statistic, number=feature.options.quantile)
    if isinstance(feature, WeightedFeature):
        by = served.get((time, feature.options.weight))
        return None if by is None else CellStatistic(feature.statistic, weight=by)
    return feature.statistic


def _weighs(asked: Statistic) -> TypeGuard[CellStatistic]:
    return isinstance(asked, CellStatistic) and bool(asked.weight)


def _looks(
    specs: list[RasterSource], country: Country, observed: Observed
) -> tuple[dict[tuple[Time, str], str], dict[str, Callable[[], RasterCells]], dict[str, Callable[[], str | None]]]:
    """Which raster serves each time and source, how to come by it (now's from the lake, and of the earlier files each once), and what
    tells it from others (None of one in memory)."""
    served: dict[tuple[Time, str], str] = {}
    load: dict[str, Callable[[], RasterCells]] = {}
    stamps: dict[str, Callable[[], str | None]] = {}
    for spec in specs:
        now = _name(spec, observed.landing / observed.noted(spec.source_id)["file"], observed.quarter)
        served[_NOW, spec.source_id] = now
        load[now] = partial(_from_lake, observed, spec.source_id)
        stamps[now] = partial(_stamp_in_lake, observed, spec.source_id)
        for time in observed.earlier:
            found = release_then(spec, time.quarter, observed.landing)
            if found is not None:
                name, season = _name(spec, found.path, time.quarter), time.quarter.number
                served[time, spec.source_id] = name
                load.setdefault(
                    name, partial(opened_raster, found.path, spec.options, season=season, within=country.bounds)
                )
                stamps.setdefault(name, partial(stamp_of, found.path, spec.options, season, country.bounds))
    return served, load, stamps


def _name(spec: RasterSource, file: Path, quarter: Quarter) -> str:
    season = f"?{quarter.number}" if spec.options.band == "quarter" else ""
    return f"{spec.source_id}@{file}{season}"


def _from_lake(observed: Observed, source_id: str) -> RasterCells:
    found = observed.raster(source_id)
    if found is None:
        raise NotObserved(f"raster {source_id} had not been observed", remedy="run the quarter of its source first")
    return found


def _stamp_in_lake(observed: Observed, source_id: str) -> str | None:
    found = _from_lake(observed, source_id)
    return stamp_of(found.file, "lake") if isinstance(found, KeptRaster) else None


def _of_shapes_or_table(
    spec: SourceSpec, zones: Any, areas: pd.DataFrame, crosswalk: pd.DataFrame, country: Country, observed: Observed
) -> pd.DataFrame:
    frame = observed.rows(spec.source_id)
    if isinstance(spec, TableSource) and spec.options.points is None:
        data = _coded_table(frame, spec, crosswalk, areas)
    else:
        data = _shapes(frame, spec)
    try:
        return features_from_source(spec.features, data, zones, metric_crs=country.metric_crs)
    except InputError as error:
        raise type(error)(error.problem, file=spec.path, place=error.place, remedy=error.remedy) from error


def _shapes(frame: pd.DataFrame, spec: SourceSpec) -> Any:
    """The source's rows as points, shapes, or their common outline."""
    import geopandas as gpd
    import shapely

    if isinstance(spec, TableSource) and spec.options.points is not None:
        x, y = spec.options.points
        return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(frame[x], frame[y]), crs="EPSG:4326")
    geometry = shapely.from_wkb(frame["geometry"].to_numpy())
    if isinstance(spec, VectorSource) and spec.options.outline:
        parts = shapely.get_parts(shapely.union_all(geometry))  # without the slivers between simplified shapes
        return gpd.GeoDataFrame(geometry=shapely.polygons(shapely.get_exterior_ring(parts)), crs="EPSG:4326")
    return gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=geometry, crs="EPSG:4326")


def _coded_table(frame: pd.DataFrame, spec: TableSource, crosswalk: pd.DataFrame, areas: pd.DataFrame) -> pd.DataFrame:
    """The source's rows with ``area_id``."""
    own = crosswalk[crosswalk["source_id"] == spec.source_id]
    table = spread(frame, own).rename(columns={"share": SHARE}).drop(columns="own_area_id")
    if spec.options.absent_is_zero:
        finest = areas.loc[areas["area_level"] == Hierarchy.of(areas).finest, "area_id"]
        absent = pd.DataFrame({"area_id": finest[~finest.isin(table["area_id"])]})
        columns = [name for name in table if name != "area_id" and pd.api.types.is_numeric_dtype(table[name])]
        table = pd.concat([table, absent.assign(**(dict.fromkeys(columns, 0.0) | {SHARE: 1.0}))], ignore_index=True)
    return table
