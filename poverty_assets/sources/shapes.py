"""Shapes of a vector file as they can be used: of the right kind, with coordinates that are what the file says they are.

Belongs here: opening a layer, and its geometry and attributes as such. Does not belong here: whether the shapes lie in the country
(``intake.place``), or measures of areas (``features.vector``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from poverty_assets.errors import ContractViolation, MissingCRS, UnreadableFile
from poverty_assets.pack.source import VectorSource
from poverty_assets.sources.contract import CONTROL

if TYPE_CHECKING:
    import geopandas as gpd

KINDS = ("points", "lines", "areas")
_KIND = {0: 0, 1: 1, 2: 1, 3: 2, 4: 0, 5: 1, 6: 2}
"""Place in ``KINDS`` of shapely's types; a collection is of none."""
_NEEDS = {"length_km_per_km2": 1, "area_share": 2, "count": 0, "count_per_km2": 0, "mean_of": 0}
MOST_DEGREES = (180.0001, 90.0001)
"""Longitude and latitude up to which coordinates can be degrees."""


@dataclass(frozen=True)
class Shapes:
    """Shapes of a file.

    Attributes
    ----------
    geometry : array of bytes
        WKB in EPSG:4326; None for those that are set aside.
    set_aside : dict of str to list of int
        Places of the features without a usable shape, counted from 0, by the reason.
    """

    geometry: np.ndarray
    set_aside: dict[str, list[int]]


def opened(spec: VectorSource, path: Path) -> gpd.GeoDataFrame:
    """The layer of a file that the entry means: the one it names, or the only one with shapes and the entry's columns.

    Raises
    ------
    UnreadableFile, MissingCRS, ContractViolation
    """
    import geopandas as gpd

    try:
        if spec.reader == "geoparquet":
            data = gpd.read_parquet(path)
        else:
            source = f"/vsizip/{path}" if path.suffix == ".zip" else str(path)
            data = gpd.read_file(source, layer=spec.options.layer or _layer(source, spec, path))
    except ContractViolation:
        raise
    except Exception as error:  # each driver fails in its own way on a broken file
        raise UnreadableFile(
            f"cannot be read as {spec.reader}: {(str(error).splitlines() or ['no reason given'])[0]}",
            file=path,
            remedy=f"replace the file; {spec.obtain}",
        ) from error
    if not isinstance(data, gpd.GeoDataFrame) or data.active_geometry_name is None:
        raise UnreadableFile("the layer has no shapes", file=path, remedy=f"replace the file; {spec.obtain}")
    if data.empty:
        raise ContractViolation("no features", file=path, remedy=f"replace the file; {spec.obtain}")
    if data.crs is None:
        raise MissingCRS(
            "no coordinate reference system",
            file=path,
            remedy="assign the right one (ogr2ogr -a_srs) and run again",
        )
    return data


def _layer(source: str, spec: VectorSource, path: Path) -> str | None:
    """Name of the only layer with shapes that has the columns; None where the file has one layer."""
    import pyogrio

    layers = pyogrio.list_layers(source)
    if len(layers) == 1:
        return None
    wanted = {
        old if isinstance(old, str) else old.source
        for old in spec.options.columns.values()
        if not isinstance(getattr(old, "source", ""), list)
    }
    fits = [
        str(name)
        for name, kind in layers
        if kind is not None and wanted <= {*pyogrio.read_info(source, layer=name)["fields"]}
    ]
    if len(fits) != 1:
        named = ", ".join(str(name) for name, _ in layers[:8])
        raise ContractViolation(
            f"{len(fits)} of its {len(layers)} layers have shapes and the columns of the entry: {named}",
            file=path,
            remedy=f"state which it is: options: {{layer: NAME}} in the entry {spec.source_id} of sources.yaml",
        )
    return fits[0]


def plain_shapes(data: gpd.GeoDataFrame, spec: VectorSource, path: Path) -> Shapes:
    """Shapes in EPSG:4326, mended where they cross themselves; those that are none are set aside, of boundaries refused.

    Raises
    ------
    ContractViolation
        If coordinates are not what the file's CRS says, or a boundary has no area.
    """
    shapes = np.array(data.geometry.array, dtype=object)
    faults = np.full(len(shapes), "", dtype=object)
    faults[shapely.is_missing(shapes) | shapely.is_empty(shapes)] = "no geometry"
    points, of = shapely.get_coordinates(shapes, return_index=True)
    faults[np.unique(of[~np.isfinite(points).all(axis=1)])] = "coordinates that are no numbers"
    usable = faults == ""
    if usable.any():
        _refuse_other_units(points[usable[of]], data.crs, path)
    kind = np.array([_KIND.get(int(one), -1) for one in shapely.get_type_id(shapes)])
    wanted = _wanted(spec, kind[usable])
    if wanted == 2:
        crossing = usable & (kind == 2) & ~shapely.is_valid(shapes)
        shapes[crossing] = [_with_area(shape) for shape in shapely.make_valid(shapes[crossing])]
        faults[crossing & shapely.is_empty(shapes)] = "no area is left when it is mended"
    faults[(faults == "") & (kind != wanted)] = f"not one of {KINDS[wanted]}"
    reasons = {str(why): [int(i) for i in np.flatnonzero(faults == why)] for why in np.unique(faults) if why}
    if reasons and (spec.options.polygons is not None or sum(map(len, reasons.values())) == len(shapes)):
        why, places = min(reasons.items(), key=lambda one: one[1][0])
        number = sum(map(len, reasons.values()))
        raise ContractViolation(
            f"{number} of {len(shapes)} features have no usable shape: {why}",
            file=path,
            place=f"feature {places[0] + 1}",
            remedy=f"correct the shapes; {spec.obtain}",
        )
    import geopandas as gpd

    usable = faults == ""
    out = np.full(len(shapes), None, dtype=object)
    out[usable] = gpd.GeoSeries(shapes[usable], crs=data.crs).to_crs("EPSG:4326").to_wkb().to_numpy()
    return Shapes(out, reasons)


def _wanted(spec: VectorSource, kinds: np.ndarray) -> int:
    """Which kind of shapes the entry needs: areas are polygons; where it says nothing, the kind that most are."""
    if spec.options.polygons is not None or spec.options.outline or spec.role == "areas":
        return 2
    needs = [_NEEDS[feature.statistic] for feature in spec.features if feature.statistic in _NEEDS]
    if needs:
        return needs[0]
    known = kinds[kinds >= 0]
    return int(np.bincount(known).argmax()) if len(known) else 0


def _with_area(shape: Any) -> Any:
    """What of a mended polygon has an area."""
    parts = [part for part in shapely.get_parts(shape) if shapely.get_type_id(part) in (3, 6)]
    return shapely.union_all(parts) if parts else shapely.Polygon()


def _refuse_other_units(points: np.ndarray, crs: Any, path: Path) -> None:
    beyond = (np.abs(points) > MOST_DEGREES).any(axis=1)
    if crs.is_geographic and beyond.any():
        first = points[int(np.argmax(beyond))]
        swapped = bool((np.abs(points[:, ::-1]) <= MOST_DEGREES).all())
        guess = "latitude stands before longitude" if swapped else "they seem to be metres"
        raise ContractViolation(
            f"{int(beyond.sum())} of {len(points)} coordinates are no degrees, as {crs.to_string()} says: first"
            f" {first[0]:g}, {first[1]:g}; {guess}",
            file=path,
            remedy="write longitude first"
            if swapped
            else "assign the CRS that they are in (ogr2ogr -a_srs), and run again",
        )
    if crs.is_projected and (np.abs(points) <= (360, 360)).all():
        raise ContractViolation(
            f"coordinates are degrees, and the file says that they are of {crs.to_string()}: first"
            f" {points[0][0]:g}, {points[0][1]:g}",
            file=path,
            remedy="assign the CRS that they are in (ogr2ogr -a_srs EPSG:4326), and run again",
        )


def refuse_attributes(frame: pd.DataFrame, spec: VectorSource, path: Path) -> None:
    """Keys that are missing or stand twice, names with control characters, and text where features need numbers.

    Raises
    ------
    ContractViolation
    """
    for key in spec.options.key:
        plain = frame[key].astype("string").str.strip()
        _refuse(plain.isna() | (plain == ""), frame[key], f"no {key}", path, "give each feature its own")
        doubled = frame[key].duplicated(keep=False)
        _refuse(doubled, frame[key], f"duplicate key; first {key}", path, "keep one feature of each key")
    for name in frame.columns:
        if pd.api.types.is_numeric_dtype(frame[name]) or pd.api.types.is_datetime64_any_dtype(frame[name]):
            continue
        held = frame[name].astype("string").str.contains(CONTROL, regex=True).fillna(False)
        _refuse(held, frame[name].astype(str).map(repr), f"a control character in {name}", path, "take it out")
    used = [getattr(f.options, part, None) for f in spec.features for part in ("column", "weight")]
    for name in filter(None, used):
        if name in frame and not pd.api.types.is_numeric_dtype(frame[name]):
            number = pd.to_numeric(frame[name], errors="coerce")
            _refuse(number.isna(), frame[name], f"{name} is no number", path, "correct the value")


def _refuse(bad: Any, values: pd.Series, why: str, path: Path, remedy: str) -> None:
    places = np.flatnonzero(np.asarray(bad, dtype=bool))
    if len(places):
        raise ContractViolation(
            f"{len(places)} of {len(values)} features: {why} = {values.iloc[places[0]]!r}",
            file=path,
            place=f"feature {places[0] + 1}",
            remedy=remedy,
        )
