"""Whether what a file tells of lies in the country: shapes and points by where they are, rows by their codes.

Belongs here: place, and how many of the areas have a row. Does not belong here: sums and units (``size``), or shapes as such
(``sources.shapes``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from poverty_assets.errors import ContractViolation
from poverty_assets.geography.crosswalk import map_codes
from poverty_assets.pack.source import SourceSpec, TableSource, VectorSource

if TYPE_CHECKING:
    from poverty_assets.intake.bench import Bench

NEAR = 0.1
"""Degrees around the country, some ten kilometres, within which a shape counts as in it: outlines are drawn differently."""
ONE_UPON_ANOTHER = 0.5
"""Share of an area under another area from which the two are not neighbours whose borders were drawn differently."""


def refuse_elsewhere(spec: SourceSpec, frame: pd.DataFrame, bench: Bench, file: Path) -> str:
    """Refuse shapes or points of which too many lie outside the country; says how many do.

    Raises
    ------
    ContractViolation
    """
    points = _points(spec, frame)
    if points is None or not len(points):
        return ""
    boundaries = isinstance(spec, VectorSource) and spec.options.polygons is not None
    outline = None if boundaries else bench.outline
    away = ~_inside(points, outline, bench.country.bounds)
    share = float(away.mean())
    if share > spec.sense.outside:
        at = int(np.argmax(away))
        swapped = ~_inside(points[:, ::-1], outline, bench.country.bounds)
        hint = "; with latitude and longitude exchanged they would not" if swapped.mean() < share / 2 else ""
        raise ContractViolation(
            f"{int(away.sum())} of {len(points)} lie outside the country; first {points[at][0]:.4f}, {points[at][1]:.4f}{hint}",
            file=file,
            place=f"feature {at + 1}",
            remedy="check longitude and latitude, the CRS and the country; or state sense: {outside: SHARE} in the entry"
            f" {spec.source_id} of sources.yaml",
        )
    return f"{int(away.sum())} of {len(points)} outside the country"


def _points(spec: SourceSpec, frame: pd.DataFrame) -> np.ndarray | None:
    """Longitude and latitude of a point of each feature."""
    if isinstance(spec, VectorSource):
        shapes = shapely.from_wkb(frame["geometry"].to_numpy())
        return shapely.get_coordinates(shapely.point_on_surface(shapes))
    if isinstance(spec, TableSource) and spec.options.points is not None:
        return frame[list(spec.options.points)].dropna().to_numpy(dtype=float)
    return None


def _inside(points: np.ndarray, outline: Any, bounds: tuple[float, float, float, float]) -> np.ndarray:
    west, south, east, north = bounds
    x, y = points.T
    near = (x >= west - NEAR) & (x <= east + NEAR) & (y >= south - NEAR) & (y <= north + NEAR)
    if outline is not None and near.any():
        near[near] = shapely.dwithin(outline, shapely.points(points[near]), NEAR)
    return np.asarray(near)


def refuse_overlaps(frame: pd.DataFrame, file: Path) -> None:
    """Refuse boundaries of which one lies upon another: its people would be counted twice.

    Raises
    ------
    ContractViolation
    """
    shapes = shapely.from_wkb(frame["geometry"].to_numpy())
    one, other = shapely.STRtree(shapes).query(shapes)
    one, other = one[one < other], other[one < other]
    west, south, east, north = shapely.bounds(shapes).T
    width = np.minimum(east[one], east[other]) - np.maximum(west[one], west[other])
    height = np.minimum(north[one], north[other]) - np.maximum(south[one], south[other])
    size = np.minimum(shapely.area(shapes)[one], shapely.area(shapes)[other])
    may = width.clip(0) * height.clip(0) > ONE_UPON_ANOTHER * size
    one, other, size = one[may], other[may], size[may]
    upon = shapely.area(shapely.intersection(shapes[one], shapes[other])) > ONE_UPON_ANOTHER * size
    if upon.any():
        at = int(np.argmax(upon))
        label = next((str(name) for name in frame.columns if name != "geometry"), None)
        named = [str(frame.iloc[int(i)][label]) if label else f"feature {i + 1}" for i in (one[at], other[at])]
        raise ContractViolation(
            f"{int(upon.sum())} boundaries lie upon another; first {named[0]} and {named[1]}",
            file=file,
            place=f"feature {int(one[at]) + 1}",
            remedy="give each area its own shape, without its neighbour's",
        )


def refuse_strange_codes(spec: SourceSpec, frame: pd.DataFrame, bench: Bench, file: Path) -> str:
    """Refuse rows of no area, or of too few of the areas; says how many areas have a row.

    Raises
    ------
    ContractViolation
    """
    areas = bench.areas
    if areas is None or "area_code" not in frame:
        return ""
    if spec.role == "areas":
        named = set(frame["area_code"].astype(str))
    else:
        mapped = map_codes(spec.source_id, frame, areas, bench.country, bench.listed, file, bench.changes(spec))
        named = set(mapped["area_id"].dropna())
    level = spec.sense.level or bench.country.levels.finest
    wanted = areas.loc[areas["area_level"] == level]
    there = wanted["area_id"].isin(named)
    if spec.sense.areas is not None and there.mean() < spec.sense.areas:
        lacking = wanted[~there].iloc[0]
        raise ContractViolation(
            f"{int(there.sum())} of {len(there)} areas of level {level} have a row, and at least {spec.sense.areas:.0%} are to;"
            f" the first without is {lacking['area_id']} {lacking['name_en']}",
            file=file,
            remedy="check that the file is whole and of this level; or correct sense: {areas: SHARE} in the entry"
            f" {spec.source_id} of sources.yaml",
        )
    return f"{int(there.sum())} of {len(there)} areas of level {level} have a row"


def refuse_strange_households(frame: pd.DataFrame, spec: SourceSpec, bench: Bench, file: Path) -> str:
    """Refuse a survey of which too many households live in no area of the country; says how many do.

    Raises
    ------
    ContractViolation
    """
    if bench.areas is None:
        return ""
    codes = frame["area_id"].astype("string")
    known = codes.isin({*bench.areas["area_id"], *bench.listed, *bench.changes(spec).codes})
    strange = codes.notna() & ~known
    if strange.mean() > spec.sense.outside:
        raise ContractViolation(
            f"{int(strange.sum())} of {len(frame)} households live in an area that is not known; first {codes[strange].iloc[0]!r}",
            file=file,
            place="area_id",
            remedy="map area_id to the country's codes in survey.yaml (codes, digits)",
        )
    return f"{int(strange.sum())} of {len(frame)} households in no area"
