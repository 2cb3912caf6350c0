"""The feature table of a quarter, from every source that states features.

Belongs here: handing each source's data to ``features`` in its right form, rasters together so that those on one grid share
their coverage. Does not belong here: what a statistic means (``features``, ``zonal``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from poverty_assets.errors import InputError
from poverty_assets.features.of_source import features_from_source
from poverty_assets.features.zonal import zonal_statistics
from poverty_assets.geography.areas import to_geodataframe
from poverty_assets.geography.crosswalk import commune_codes
from poverty_assets.pack.country import Country
from poverty_assets.pack.source import SourceSpec
from poverty_assets.sources.raster import Raster


def quarter_features(
    specs: Iterable[SourceSpec],
    areas: pd.DataFrame,
    crosswalk: pd.DataFrame,
    country: Country,
    *,
    rows: Callable[[str], pd.DataFrame | None],
    raster: Callable[[SourceSpec], Raster],
    observed_on: Callable[[str], dt.date],
    earlier: dict[str, Callable[[SourceSpec], Raster | None]] | None = None,
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Features of all areas but the country (catalog: ``commune_feature``), and as they were at earlier times.

    Parameters
    ----------
    specs : iterable of SourceSpec
        Those that state features.
    areas, crosswalk : DataFrame
        Catalog: ``dim_area``, ``area_crosswalk``.
    rows : callable
        Rows of a source as the quarter sees it; None where it had not been observed.
    raster : callable
        The raster of a source.
    observed_on : callable
        Last day of a source's observation.
    earlier : dict of str to callable, optional
        For each earlier time a name, and the raster of a source at that time: None where it had not been observed.

    Returns
    -------
    table : DataFrame
        ``area_id, feature_id, value, unit, source_id, observed_on``. An area without a value has no row.
    before : dict of str to DataFrame
        ``area_id, feature_id, value`` at each earlier time: rasters of that time, other sources as they are now, since places
        and lines carry no date.
    """
    zones = to_geodataframe(areas)
    seen = [(spec, frame) for spec in specs if spec.features and (frame := rows(spec.source_id)) is not None]
    rasters = {spec.source_id: raster(spec) for spec, _ in seen if spec.reader == "geotiff"}
    of_rasters = [spec for spec, _ in seen if spec.source_id in rasters]
    then = {
        f"{spec.source_id}{_AT}{name}": found
        for name, of_time in (earlier or {}).items()
        for spec in of_rasters
        if (found := of_time(spec)) is not None
    }
    # all times in one pass: rasters on one grid share their coverage
    answers = _of_rasters(rasters | then, of_rasters, zones) if rasters else {}
    parts = [answers.pop("")] if rasters else []
    for spec, frame in seen:
        if spec.source_id not in rasters:
            data = _vector_or_table(frame, spec, crosswalk, areas, country)
            try:
                parts.append(features_from_source(spec.features, data, zones, metric_crs=country.metric_crs))
            except InputError as error:
                raise type(error)(error.problem, file=spec.path, place=error.place, remedy=error.remedy) from error
    unit = {f.feature_id: f.unit for spec, _ in seen for f in spec.features}
    source = {f.feature_id: spec.source_id for spec, _ in seen for f in spec.features}
    if not parts:
        nothing = pd.DataFrame(columns=["area_id", "feature_id", "value", "unit", "source_id", "observed_on"])
        return nothing, {name: nothing[["area_id", "feature_id", "value"]] for name in earlier or {}}
    table = pd.concat(parts, ignore_index=True)
    table = table[table["value"].notna() & (table["area_id"] != country.area_id)]
    table = table.assign(unit=table["feature_id"].map(unit), source_id=table["feature_id"].map(source))
    days = {source_id: observed_on(source_id) for source_id in table["source_id"].unique()}
    table = table.assign(observed_on=table["source_id"].map(days)).drop(columns="coverage")
    undated = table.loc[~table["source_id"].isin(rasters), ["area_id", "feature_id", "value"]]
    before = {
        name: pd.concat([answers[name].dropna(subset="value")[list(undated.columns)], undated], ignore_index=True)
        if name in answers
        else undated
        for name in earlier or {}
    }
    return table, before


_AT = "@"


def _of_rasters(rasters: dict[str, Raster], specs: list[SourceSpec], zones: Any) -> dict[str, pd.DataFrame]:
    """Zonal statistics over each area's own shape, by time ("" is now): sums of communes would count twice what simplified
    shapes share."""
    below = zones.loc[zones["area_level"] != "country", ["area_id", "geometry"]].reset_index(drop=True)
    wanted = list(dict.fromkeys(f.statistic for spec in specs for f in spec.features))
    answers = zonal_statistics(rasters, below, wanted)
    parts = answers["raster"].str.partition(_AT)
    named = pd.DataFrame(
        [(spec.source_id, f.statistic, f.feature_id) for spec in specs for f in spec.features],
        columns=["source_id", "statistic", "feature_id"],
    )
    merged = named.merge(answers.assign(source_id=parts[0], time=parts[2]), on=["source_id", "statistic"])
    columns = ["area_id", "feature_id", "value", "coverage"]
    return {str(time): rows[columns].reset_index(drop=True) for time, rows in merged.groupby("time", sort=False)}


def _vector_or_table(
    frame: pd.DataFrame, spec: SourceSpec, crosswalk: pd.DataFrame, areas: pd.DataFrame, country: Country
) -> Any:
    """The source's rows as points, shapes, their common outline (option ``outline``), or a table with ``area_id``.

    Option ``absent_is_zero``: communes that the table does not list have 0 in every column.
    """
    import geopandas as gpd
    import shapely

    if "points" in spec.options:
        x, y = spec.options["points"]
        return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(frame[x], frame[y]), crs="EPSG:4326")
    if "geometry" in frame:
        geometry = shapely.from_wkb(frame["geometry"].to_numpy())
        if spec.options.get("outline", False):
            parts = shapely.get_parts(shapely.union_all(geometry))  # without the slivers between simplified shapes
            return gpd.GeoDataFrame(geometry=shapely.polygons(shapely.get_exterior_ring(parts)), crs="EPSG:4326")
        return gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=geometry, crs="EPSG:4326")
    if "district_code" in frame:
        renumbered = {district.old: district.new for district in country.renumbered_districts}
        table = frame.assign(area_id=frame["district_code"].replace(renumbered))
    else:
        mapped = crosswalk[crosswalk["source_id"] == spec.source_id].set_index("source_code")
        coded = commune_codes(frame, country)
        table = coded.assign(area_id=coded["area_code"].map(mapped["area_id"].fillna(mapped["parent_id"])))
    if spec.options.get("absent_is_zero", False):
        communes = areas.loc[areas["area_level"] == "commune", "area_id"]
        absent = pd.DataFrame({"area_id": communes[~communes.isin(table["area_id"])]})
        columns = [name for name in table if name != "area_id" and pd.api.types.is_numeric_dtype(table[name])]
        table = pd.concat([table, absent.assign(**dict.fromkeys(columns, 0.0))], ignore_index=True)
    return table
