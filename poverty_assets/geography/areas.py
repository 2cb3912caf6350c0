"""Administrative areas: four nested levels from commune polygons, with names and counts.

Belongs here: building the table of areas. Does not belong here: which of them lies in which once it is built (``hierarchy``),
mapping other years' codes to these areas (``crosswalk``), or reading files (``sources``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from poverty_assets.errors import ContractViolation, NotObserved
from poverty_assets.geography.crosswalk import areas_of_codes
from poverty_assets.geography.gazetteer import read_gazetteer
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.pack.country import Country
from poverty_assets.pack.source import SourceSpec, TableSource, VectorSource

if TYPE_CHECKING:
    import geopandas as gpd

LEVELS = ("country", "province", "district", "commune")
Read = Callable[[str], "pd.DataFrame | None"]
"""Gives the rows of a source as the quarter sees it, or None where it had not been observed."""


def build_areas(
    polygons: pd.DataFrame,
    names: pd.DataFrame,
    country: Country,
    valid_from: dt.date | None = None,
) -> pd.DataFrame:
    """The table of areas (catalog: ``dim_area``) without counts of people.

    Parameters
    ----------
    polygons : DataFrame (n_communes rows)
        ``area_code``, ``geometry`` (WKB, EPSG:4326) and ``name_en``.
    names : DataFrame
        ``area_code``, ``name_en``, ``name_km`` of any level; the first row of a code that has a name wins.
    country : Country
    valid_from : date, optional
        First day on which the communes existed in this form.

    Returns
    -------
    DataFrame, one row an area, sorted by level and code; ``geometry`` as WKB.

    Raises
    ------
    ContractViolation
        If a polygon's code is not a commune code, or stands twice.
    """
    import shapely

    codes = polygons["area_code"].astype(str)
    wrong = codes[(codes.str.len() != country.area_digits[LEVELS[-1]]) | ~codes.str.isdecimal()]
    if len(wrong):
        raise ContractViolation(f"{len(wrong)} of {len(codes)} polygons have no commune code, first {wrong.iloc[0]!r}")
    if codes.duplicated().any():
        raise ContractViolation(f"commune {codes[codes.duplicated()].iloc[0]} has two polygons")
    order = np.argsort(codes.to_numpy())
    communes = pd.Series(
        shapely.make_valid(shapely.from_wkb(polygons["geometry"].to_numpy()[order])), index=codes.to_numpy()[order]
    )
    parts = {"commune": communes}
    for finer_level, level in (("commune", "district"), ("district", "province")):
        finer = parts[finer_level]
        groups = finer.groupby([country.code_at(code, level) for code in finer.index])
        parts[level] = groups.agg(lambda part: shapely.union_all(part.to_numpy()))
    parts["country"] = pd.Series([shapely.union_all(parts["province"].to_numpy())], index=[country.area_id])
    own_names = polygons[[c for c in ("area_code", "name_en", "name_km") if c in polygons]]
    lookup = _first_names(pd.concat([names, own_names], ignore_index=True))
    frames = [_level(level, parts[level], lookup, country) for level in LEVELS]
    areas = pd.concat(frames, ignore_index=True)
    areas["valid_from"] = valid_from
    areas["valid_to"] = None
    return areas


def _first_names(names: pd.DataFrame) -> pd.DataFrame:
    text = names.reindex(columns=["area_code", "name_en", "name_km"]).astype("object")
    text = text.mask(text.isna() | (text == ""), None)
    return text.groupby("area_code", sort=False).first()


def _level(level: str, geometry: pd.Series, names: pd.DataFrame, country: Country) -> pd.DataFrame:
    import shapely

    codes = geometry.index.to_numpy()
    above = None if level == LEVELS[0] else LEVELS[LEVELS.index(level) - 1]
    shapes = geometry.to_numpy()
    points = shapely.point_on_surface(shapes)
    named = names.reindex(codes)
    if level == "country":
        named.loc[country.area_id] = [country.name_en, country.name_km]
    return pd.DataFrame(
        {
            "area_id": codes,
            "area_level": level,
            "parent_id": [country.code_at(code, above) if above else None for code in codes],
            "name_en": named["name_en"].fillna(pd.Series(codes, index=codes)).to_numpy(),
            "name_km": named["name_km"].to_numpy(),
            "is_urban": None,
            "population": None,
            "households": None,
            "area_km2": _area_km2(shapes),
            "centroid_lon": shapely.get_x(points),
            "centroid_lat": shapely.get_y(points),
            "geometry": shapely.to_wkb(shapes),
        }
    )


def _area_km2(shapes: Any) -> np.ndarray:
    """Area on the WGS 84 ellipsoid, square kilometres."""
    from pyproj import Geod

    geod = Geod(ellps="WGS84")
    return np.array([abs(geod.geometry_area_perimeter(shape)[0]) / 1e6 for shape in shapes])


def add_counts(
    areas: pd.DataFrame,
    crosswalk: pd.DataFrame,
    tables: list[tuple[str, dict[str, str], pd.DataFrame, Any]],
) -> pd.DataFrame:
    """Fill ``population``, ``households`` and ``is_urban`` from sources, the oldest first, so that the newest wins.

    Parameters
    ----------
    areas : DataFrame from ``build_areas``
    crosswalk : DataFrame (catalog: ``area_crosswalk``)
    tables : list of (source_id, attribute -> column, frame with ``area_code``, values that mean urban)
        Ordered by the day observed.

    Notes
    -----
    A district, province or the country is the sum of its communes and of the source's units that have no boundary of
    their own but lie in it. A commune that a source of urban status does not list is rural.
    """
    hierarchy = Hierarchy.of(areas)
    areas = areas.set_index("area_id", drop=False)
    communes = areas.index[areas["area_level"] == hierarchy.finest]
    for source_id, attributes, frame, urban_values in tables:
        placed = areas_of_codes(frame["area_code"], crosswalk[crosswalk["source_id"] == source_id])
        for attribute, column in attributes.items():
            if attribute == "is_urban":
                urban = frame[column].astype(str).isin([str(v) for v in urban_values])
                areas["is_urban"] = areas["is_urban"].astype("object")
                areas.loc[communes, "is_urban"] = pd.Index(communes).isin(placed[urban])
                continue
            known = frame[column].notna().to_numpy()
            number = hierarchy.number(placed[known])
            counted = hierarchy.add_up(number, np.trunc(frame.loc[known, column].to_numpy(dtype=float)))
            covered = hierarchy.add_up(number, np.ones(len(number))) > 0
            totals = pd.Series(counted[covered].astype(np.int64), index=hierarchy.ids[covered], dtype="Int64")
            areas[attribute] = totals.reindex(areas.index).fillna(areas[attribute]).astype("Int64")
    return areas.reset_index(drop=True)


def to_geodataframe(areas: pd.DataFrame, level: str | None = None) -> gpd.GeoDataFrame:
    """The areas (of one level) with their geometry, EPSG:4326."""
    import geopandas as gpd
    import shapely

    chosen = areas if level is None else areas[areas["area_level"] == level]
    geometry = shapely.from_wkb(chosen["geometry"].to_numpy())
    return gpd.GeoDataFrame(chosen.drop(columns="geometry"), geometry=geometry, crs="EPSG:4326").reset_index(drop=True)


def areas_from_sources(specs: Sequence[SourceSpec], read: Read, country: Country) -> pd.DataFrame:
    """Build the areas from the sources of role ``areas``.

    One of them holds the commune polygons (option ``polygons: commune``); where these carry no codes, ``codes_from`` names
    the source that maps ``shape_id`` to codes, and ``names_from`` those that name areas, before the gazetteer.
    """
    spec = next(s for s in specs if isinstance(s, VectorSource) and s.options.polygons == "commune")
    polygons = _needed(read, spec.source_id)
    if spec.options.codes_from is not None:
        codes = _needed(read, spec.options.codes_from)[["shape_id", "area_code"]]
        polygons = polygons.merge(codes, on="shape_id", how="left", validate="one_to_one")
        polygons["area_code"] = polygons["area_code"].fillna("")
    named = [_named(_needed(read, source_id)) for source_id in spec.options.names_from]
    names = pd.concat([*named, read_gazetteer(country.gazetteer)], ignore_index=True)
    return build_areas(polygons, names, country, spec.options.valid_from)


def _needed(read: Read, source_id: str) -> pd.DataFrame:
    frame = read(source_id)
    if frame is None:
        raise NotObserved(
            f"source {source_id}, which the areas are made of, is absent", remedy="see the entry in sources.yaml"
        )
    return frame


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    if "pcode" in frame:
        return frame.assign(area_code=frame["pcode"].str.replace(r"^[A-Z]+", "", regex=True)).drop(columns="pcode")
    return frame


def counts_from_sources(
    areas: pd.DataFrame, crosswalk: pd.DataFrame, specs: Sequence[SourceSpec], read: Read
) -> pd.DataFrame:
    """Fill in the counts of people from the sources that state ``area_attributes``, the newest observation last."""
    tables = []
    for spec in sorted(specs, key=lambda s: (s.observed_to or dt.date.max, s.source_id)):
        if not isinstance(spec, TableSource) or spec.options.area_attributes is None:
            continue
        frame = read(spec.source_id)
        if frame is not None:
            attributes = spec.options.area_attributes.model_dump(exclude_none=True)
            tables.append((spec.source_id, attributes, frame, spec.options.urban_value))
    return add_counts(areas, crosswalk, tables)
