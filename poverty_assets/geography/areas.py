"""Administrative areas: nested levels from polygons of the finest, with names and counts.

Belongs here: building the table of areas. Does not belong here: which of them lies in which once it is built (``hierarchy``),
how many people live in them (``counts``), mapping other years' codes to these areas (``crosswalk``), or reading files (``sources``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from poverty_assets.errors import ContractViolation, NotObserved
from poverty_assets.geography.counts import UNKNOWN_PARTS, Read
from poverty_assets.geography.crosswalk import edition_in_use
from poverty_assets.pack.country import Country
from poverty_assets.pack.levels import ANY_CODE
from poverty_assets.pack.source import SourceSpec, VectorSource

if TYPE_CHECKING:
    import geopandas as gpd

MOST_ABSENT = 0.05
"""Share of the shapes of a table of codes that polygons may lack: beyond it they were cut."""


def build_areas(
    polygons: pd.DataFrame,
    names: pd.DataFrame,
    country: Country,
    valid_from: dt.date | None = None,
) -> pd.DataFrame:
    """The table of areas (catalog: ``dim_area``) without counts of people.

    Parameters
    ----------
    polygons : DataFrame, a row an area of the finest level
        ``area_code``, ``geometry`` (WKB, EPSG:4326), ``name_<language>`` where it has any, and the columns by which areas know
        their parents, where the country's levels name any.
    names : DataFrame
        ``area_code``, ``name_<language>`` of any level, and such columns; the first row of a code that says something wins.
    country : Country
    valid_from : date, optional
        First day on which the areas existed in this form.

    Returns
    -------
    DataFrame, one row an area, sorted by level and code; ``geometry`` as WKB.

    Raises
    ------
    ContractViolation
        If a polygon's code is not of the finest level, or stands twice, or if an area's parent is not known.
    """
    import shapely

    codes = polygons["area_code"].astype(str)
    _refuse_codes(codes, country)
    _refuse_unknown_columns([*polygons.columns, *names.columns], country)
    order = np.argsort(codes.to_numpy())
    code = codes.to_numpy()[order]
    shapes = shapely.make_valid(shapely.from_wkb(polygons["geometry"].to_numpy()[order]))
    told = _told(pd.concat([names, polygons], ignore_index=True), country)
    ids = country.levels.ids
    parts, holders = {ids[-1]: pd.Series(shapes, index=code)}, {}
    for level in reversed(ids[1:]):
        holders[level] = _holders(parts[level].index, level, told, country)
        groups = parts[level].groupby(holders[level].to_numpy())
        parts[ids[ids.index(level) - 1]] = groups.agg(lambda part: shapely.union_all(part.to_numpy()))
        carried = told[told.columns.difference(_name_columns(country))].reindex(parts[level].index)
        told = told.combine_first(carried.groupby(holders[level].to_numpy()).first())
    frames = [_level(level, parts[level], holders.get(level), told, country) for level in ids]
    areas = pd.concat(frames, ignore_index=True)
    areas["valid_from"] = valid_from
    areas["valid_to"] = None
    return areas


def _refuse_codes(codes: pd.Series, country: Country) -> None:
    level = country.levels[country.levels.finest]
    wrong = codes[[not level.matches(code) for code in codes]]
    if len(wrong):
        other = next(
            (
                one
                for one in [country.levels[name] for name in country.levels.ids[1:-1]]
                if one.code != ANY_CODE and all(one.matches(code) for code in codes)
            ),
            None,
        )
        raise ContractViolation(
            f"{len(wrong)} of {len(codes)} polygons have no code of a {level.name('en')}, first {wrong.iloc[0]!r}"
            + (f"; all are written as those of a {other.name('en')}" if other else ""),
            place=f"record {wrong.index[0] + 1}",
            remedy=f"the level's codes are written {level.code} (levels in country.yaml)"
            + (f"; is this file of level {level.level_id}?" if other else ""),
        )
    if codes.duplicated().any():
        raise ContractViolation(f"{level.name('en')} {codes[codes.duplicated()].iloc[0]} has two polygons")


def _refuse_unknown_columns(there: Sequence[object], country: Country) -> None:
    """Refuse a column by which areas are to know their parents, and that no source has."""
    for level in country.levels:
        column = None if level.parent is None else level.parent.column
        if column is not None and column not in there:
            known = [str(name) for name in dict.fromkeys(there) if name not in ("geometry", "area_code")]
            raise ContractViolation(
                f"no column {column}, by which a {level.level_id} knows its parent; columns (our names) of the boundaries and of"
                f" names_from are {', '.join(known) or 'none'}",
                remedy=f"correct parent: {{column: ...}} of level {level.level_id} in country.yaml, or give the column to the boundaries,"
                " options: {columns: {our name: theirs}}",
            )


def _told(frame: pd.DataFrame, country: Country) -> pd.DataFrame:
    """What sources say of areas by code: names, and codes of parents where the levels take them from columns."""
    rules = [level.parent for level in country.levels if level.parent is not None]
    columns = [*_name_columns(country), *(rule.column for rule in rules if rule.column is not None)]
    text = frame.reindex(columns=["area_code", *dict.fromkeys(columns)]).astype("object")
    text = text.mask(text.isna() | (text == ""), None)
    return text.groupby("area_code", sort=False).first()


def _name_columns(country: Country) -> list[str]:
    return [f"name_{language}" for language in country.language_codes]


def _holders(codes: pd.Index, level: str, told: pd.DataFrame, country: Country) -> pd.Series:
    """Code of the area that each of a level lies in."""
    levels, rule = country.levels, country.levels[level].parent
    if rule is None:
        return pd.Series(country.area_id, index=codes)
    held = (
        told[rule.column].reindex(codes)
        if rule.column is not None
        else pd.Series([levels.parent_of(code, level) for code in codes], index=codes, dtype="object")
    )
    above = levels[str(levels.above(level))]
    lost = held[[holder is None or not above.matches(str(holder)) for holder in held.where(held.notna(), None)]]
    if len(lost):
        raise ContractViolation(
            f"{len(lost)} of {len(codes)} areas of level {level} lie in no {above.name('en')}; the first is {lost.index[0]!r},"
            f" in {lost.iloc[0]!r}",
            remedy=f"correct the code, or how a {level} knows its parent (levels in country.yaml)",
        )
    return held.astype(str)


def _level(
    level: str, geometry: pd.Series, holders: pd.Series | None, told: pd.DataFrame, country: Country
) -> pd.DataFrame:
    import shapely

    codes = geometry.index.to_numpy()
    shapes = geometry.to_numpy()
    points = shapely.point_on_surface(shapes)
    columns = _name_columns(country)
    named = told.reindex(codes)[columns]
    if holders is None:
        named.loc[country.area_id] = [country.names.get(language) for language in country.language_codes]
    named["name_en"] = named["name_en"].fillna(pd.Series(codes, index=codes))
    return pd.DataFrame(
        {
            "area_id": codes,
            "area_level": level,
            "parent_id": None if holders is None else holders.to_numpy(),
            **{column: named[column].to_numpy() for column in columns},
            "is_urban": None,
            "population": None,
            UNKNOWN_PARTS: None,
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


def to_geodataframe(areas: pd.DataFrame, level: str | None = None) -> gpd.GeoDataFrame:
    """The areas (of one level) with their geometry, EPSG:4326."""
    import geopandas as gpd
    import shapely

    chosen = areas if level is None else areas[areas["area_level"] == level]
    geometry = shapely.from_wkb(chosen["geometry"].to_numpy())
    return gpd.GeoDataFrame(chosen.drop(columns="geometry"), geometry=geometry, crs="EPSG:4326").reset_index(drop=True)


def boundary_source(specs: Sequence[SourceSpec]) -> VectorSource:
    """The source of the polygons of the finest level."""
    return next(s for s in specs if isinstance(s, VectorSource) and s.options.polygons)


def areas_from_sources(specs: Sequence[SourceSpec], read: Read, country: Country) -> pd.DataFrame:
    """Build the areas from the sources of role ``areas``.

    One of them holds the polygons of the finest level (option ``polygons``); where these carry no codes, ``codes_from`` names
    the source that maps ``shape_id`` to codes, and ``names_from`` those that name areas, before the polygons' own names.
    """
    spec = boundary_source(specs)
    polygons = _needed(read, spec.source_id)
    if spec.options.codes_from is not None:
        codes = _needed(read, spec.options.codes_from)[["shape_id", "area_code"]].astype("string")
        codes = _codes_of_shapes(polygons["shape_id"].astype("string"), codes, specs, spec)
        polygons = polygons.assign(area_code=codes.to_numpy())
    named = [_needed(read, source_id) for source_id in spec.options.names_from]
    names = pd.concat(named, ignore_index=True) if named else pd.DataFrame({"area_code": []})
    areas = build_areas(polygons, names, country, spec.options.valid_from)
    return areas.assign(edition=edition_in_use(spec, country))


def _codes_of_shapes(
    shapes: pd.Series, codes: pd.DataFrame, specs: Sequence[SourceSpec], spec: VectorSource
) -> pd.Series:
    """Code of each shape. A few shapes may be listed that the polygons lack, as those that an edition leaves out.

    Raises
    ------
    ContractViolation
        If the table lists a shape twice, or leaves one out, or lists too many that are not there.
    """
    file = next((one.path for one in specs if one.source_id == spec.options.codes_from), spec.options.codes_from)
    listed = codes["shape_id"]
    absent = listed[~listed.isin(shapes)]
    lost = absent if len(absent) > MOST_ABSENT * len(listed) else absent[:0]
    hint = f": {len(shapes)} shapes against {len(listed)} codes; is that file of level {spec.options.polygons}?"
    few = hint if len(shapes) < len(listed) / 2 else ""
    lists = (
        (listed[listed.duplicated()], "shapes are listed twice in the table of codes", "keep one row a shape"),
        (
            shapes[~shapes.isin(listed)],
            f"shapes of {spec.path} have no code here{few}",
            "the two are to be of one edition",
        ),
        (lost, f"shapes are not in {spec.path}{few}", "the two are to be of one edition, and whole"),
    )
    for found, why, remedy in lists:
        if len(found):
            raise ContractViolation(
                f"{len(found)} {why}; first {found.iloc[0]!r}",
                file=file,
                place=f"record {int(found.index[0]) + 1}",
                remedy=remedy,
            )
    return shapes.map(codes.set_index("shape_id")["area_code"])


def _needed(read: Read, source_id: str) -> pd.DataFrame:
    frame = read(source_id)
    if frame is None:
        raise NotObserved(
            f"source {source_id}, which the areas are made of, is absent", remedy="see the entry in sources.yaml"
        )
    return frame
