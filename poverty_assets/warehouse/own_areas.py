"""Figures of a user's own areas (a flood zone, a project's site) from the published draws, with intervals.

Belongs here: reading the areas, how much of each area of the finest level lies in them, and their figures. Does not belong here: draws
(``small_area``), people counted on a grid (``vulnerability.exposure``), printing.

An area of the finest level that lies wholly inside counts with all its people, one that is cut with the share of its people who live
inside: by a grid of population where the lake has one, else by the share of its land. Within it people are taken to be alike: neither a
survey nor a register says who lives in which part.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray
from poverty_assets.errors import InputError, MissingCRS, MissingFile, UnreadableFile, UsageError
from poverty_assets.pack.country import Country
from poverty_assets.quarter import Quarter
from poverty_assets.small_area.intervals import WIDE, interval_of_draws
from poverty_assets.small_area.packed import PackedDraws
from poverty_assets.vulnerability.exposure import CellsOfPeople
from poverty_assets.vulnerability.hazards import load_hazards
from poverty_assets.warehouse.lake import Lake
from poverty_assets.warehouse.opening import connect, relations

if TYPE_CHECKING:
    import geopandas as gpd

FEWEST = 500
"""People of whom figures are given at least: of fewer a model says little, and a few households too much."""
_SLIVER = 1e-3  # share of an area's land that rounded coordinates may add or take
_EQUAL_AREA = "EPSG:6933"
_NAMES = ("name", "area_id", "id", "name_en")


@dataclass(frozen=True)
class Pieces:
    """How much of which area of the finest level lies in each of a user's areas; one entry a piece.

    Attributes
    ----------
    own, finest : ndarray of int
        Number of the user's area, and of the area of the finest level.
    share : ndarray
        Share of the latter's people who live inside.
    is_cut : ndarray of bool
    """

    own: np.ndarray
    finest: np.ndarray
    share: FloatArray
    is_cut: np.ndarray


def estimate_own(
    file: Path, warehouse: Path, lake: Lake, country: Country, quarter: Quarter | None = None
) -> pd.DataFrame:
    """Every figure that draws are published of, for every area of the file: a row an area and figure.

    Parameters
    ----------
    file : Path
        Polygons, in GeoJSON, GeoPackage or whatever else GDAL reads.
    warehouse : Path
    lake : Lake
        Where a grid of population may lie.
    country : Country
    quarter : Quarter, optional
        By default the latest that has draws.

    Raises
    ------
    InputError
        If the file cannot be used, nothing of the kind is published, or an area holds fewer than ``FEWEST`` people.
    """
    own = read_own(file)
    with connect(warehouse) as connection:
        found = _quarter(connection, quarter)
        finest = published_finest(connection, found)
        parts, by = parts_of(own, finest, grid_of(lake, country, found))
        inside = finest["population"].to_numpy(dtype=float)[parts.finest] * parts.share
        people: FloatArray = np.bincount(parts.own, inside, len(own)).astype(float)
        _refuse_small(own, people, file)
        weights = np.zeros((len(own), len(finest)))
        weights[parts.own, parts.finest] = inside
        rows = _figures(connection, found, finest, weights / people[:, None])
        simulated = bool(connection.execute("SELECT is_simulated FROM meta_build").fetchone()[0])
    cut = np.bincount(parts.own, parts.is_cut, len(own)).astype(int)
    said = pd.DataFrame(
        {
            "area": own["name"],
            "quarter": found.label,
            "people": np.rint(people).astype(int),
            "areas_whole": np.bincount(parts.own, len(parts.own) * [1], len(own)).astype(int) - cut,
            "areas_cut": cut,
            "cut_by": np.where(cut > 0, by, "none"),
            "is_simulated": simulated,
        }
    )
    return rows.join(said, on="number")[[*said.columns[:2], *rows.columns[1:], *said.columns[2:]]]


def read_own(file: Path) -> gpd.GeoDataFrame:
    """``name, geometry`` of a user's areas, EPSG:4326.

    Raises
    ------
    MissingFile, UnreadableFile, MissingCRS, InputError
    """
    import geopandas as gpd
    from pyogrio.errors import DataSourceError

    if not file.is_file():
        raise MissingFile(
            "there is no such file", file=file, remedy="name a file of polygons, as GeoJSON or GeoPackage"
        )
    try:
        frame = gpd.read_file(file)
    except DataSourceError as error:
        problem = f"the file cannot be read as areas: {str(error).splitlines()[0]}"
        raise UnreadableFile(problem, file=file, remedy="save it as GeoJSON or GeoPackage") from error
    if not isinstance(frame, gpd.GeoDataFrame) or frame.empty:
        raise InputError("the file holds no areas", file=file, remedy="draw at least one polygon")
    if frame.crs is None:
        raise MissingCRS(
            "the areas do not state their coordinate reference system", file=file, remedy="save them in EPSG:4326"
        )
    shapes = frame.geometry
    wrong = np.flatnonzero(~shapes.geom_type.isin(["Polygon", "MultiPolygon"]) | shapes.is_empty | shapes.isna())
    if len(wrong):
        kind = shapes.geom_type.iloc[wrong[0]] or "nothing"
        raise InputError(
            f"{len(wrong)} of {len(frame)} shapes are no polygons, the first is a {kind}",
            file=file, place=f"feature {wrong[0] + 1}", remedy="draw areas: lines and points have no people",
        )  # fmt: skip
    named = next((frame[column].astype(str) for column in _NAMES if column in frame), None)
    names = [str(i + 1) for i in range(len(frame))] if named is None else named.tolist()
    return gpd.GeoDataFrame({"name": names}, geometry=shapes.make_valid().to_numpy(), crs=frame.crs).to_crs("EPSG:4326")


def parts_of(own: gpd.GeoDataFrame, finest: gpd.GeoDataFrame, grid: tuple[Any, bool] | None) -> tuple[Pieces, str]:
    """How much of each area of the finest level lies in each of a user's, and by what those that are cut were shared out.

    Parameters
    ----------
    own : GeoDataFrame
    finest : GeoDataFrame
    grid : (Raster, bool), optional
        People of each cell, and whether they are given for each square kilometre.
    """
    import geopandas as gpd

    shapes, theirs = (frame.geometry.to_crs(_EQUAL_AREA) for frame in (finest, own))
    number, inside = theirs.sindex.query(shapes, predicate="intersects")[::-1], shapes
    pieces = inside.iloc[number[1]].intersection(theirs.iloc[number[0]], align=False)
    share = pieces.area.to_numpy() / shapes.iloc[number[1]].area.to_numpy()
    keep = share > _SLIVER
    which, of, share, pieces = number[0][keep], number[1][keep], share[keep], pieces[keep]
    cut = share < 1 - _SLIVER
    share = np.where(cut, share, 1.0)
    if grid is None or not cut.any():
        return Pieces(which, of, share, cut), "area"
    both = gpd.GeoSeries([*pieces[cut], *shapes.iloc[of[cut]]], crs=_EQUAL_AREA)
    within, whole = np.split(CellsOfPeople(*grid, gpd.GeoDataFrame(geometry=both)).total(), 2)
    # where the grid has nobody, land is all there is to go by
    share[cut] = np.where(whole > 0, within / np.where(whole > 0, whole, 1.0), share[cut])
    return Pieces(which, of, share, cut), "people"


def grid_of(lake: Lake, country: Country, quarter: Quarter) -> tuple[Any, bool] | None:
    """The lake's grid of population, and whether it gives people for each square kilometre; None where there is none."""
    for people in load_hazards(country).population:
        name = f"src_{people.source}"
        if lake.has(name, quarter) and "absent" not in lake.notes(name, quarter):
            return lake.raster(name, quarter), people.per_km2
    return None


def _quarter(connection: Any, asked: Quarter | None) -> Quarter:
    sql = "SELECT DISTINCT quarter FROM fct_draw ORDER BY 1"
    there = [row[0] for row in connection.execute(sql).fetchall()] if "fct_draw" in relations(connection) else []
    labels = ", ".join(Quarter.containing(day).label for day in there)
    if not there:
        raise UsageError(
            "no quarter of the published file has draws",
            remedy="refresh a quarter that has a survey or published totals",
        )
    if asked is not None and asked.start not in there:
        raise UsageError(f"no draws of {asked} are published", remedy=f"ask for one of {labels}")
    return asked or Quarter.containing(there[-1])


def published_finest(connection: Any, quarter: Quarter) -> gpd.GeoDataFrame:
    """``area_id, population, method, geometry`` of the areas of the finest level that a quarter has profiles of."""
    import geopandas as gpd

    rows = connection.execute(
        "SELECT p.area_id, p.population, p.method, a.geometry FROM fct_profile p JOIN dim_area a USING (area_id)"
        " WHERE p.quarter = ? ORDER BY p.area_id",
        [quarter.start],
    ).df()
    shapes = gpd.GeoSeries.from_wkb([bytes(one) for one in rows.pop("geometry")], crs="EPSG:4326")
    return gpd.GeoDataFrame(rows, geometry=shapes)


def _refuse_small(own: gpd.GeoDataFrame, people: FloatArray, file: Path) -> None:
    few = np.flatnonzero(people < FEWEST)
    if len(few):
        name, n = own["name"].iloc[few[0]], people[few[0]]
        raise UsageError(
            f"{len(few)} of {len(own)} areas hold fewer than {FEWEST} people of the country; first {name!r} with some {n:,.0f}",
            file=file, place=f"feature {few[0] + 1}", remedy="draw it larger, or leave it out",
        )  # fmt: skip


def _figures(connection: Any, quarter: Quarter, finest: pd.DataFrame, weights: FloatArray) -> pd.DataFrame:
    """Figures of areas with these weights (areas, finest): ``number`` of the area, the figure, and its estimate columns."""
    sql = (
        "SELECT d.figure_id, d.statistic, d.indicator_id, d.k, d.area_id, d.low, d.step, d.draws, r.estimate FROM fct_draw d"
        " JOIN fct_rank r USING (quarter, area_id, measure_id, figure_id) WHERE d.quarter = ?"
    )
    held = connection.execute(sql, [quarter.start]).df()
    number = np.arange(len(weights))
    uses = weights > 0
    method = [_method(finest["method"].to_numpy()[row]) for row in uses]
    parts = []
    for keys, rows in held.groupby(["figure_id", "statistic", "indicator_id", "k"], sort=False):
        rows = rows.set_index("area_id").loc[finest["area_id"]]
        packed = PackedDraws(rows["low"].to_numpy(), rows["step"].to_numpy(), np.stack(rows["draws"].to_list()))
        point, draws = weights @ rows["estimate"].to_numpy(), weights @ packed.values
        made = interval_of_draws(point[:, None], draws.T[:, :, None])
        named = dict(zip(("figure_id", "statistic", "indicator_id", "k"), keys, strict=True))
        values = {name: column[:, 0] for name, column in made.items()}
        wide = np.where(values["ci_high"] - values["ci_low"] > WIDE, "wide_interval", "ok")
        parts.append(pd.DataFrame({"number": number, **named, **values, "method": method, "quality_flag": wide}))
    return pd.concat(parts, ignore_index=True).sort_values("number", kind="stable", ignore_index=True)


def _method(methods: np.ndarray) -> str:
    """Evidence of a sum: that of its parts; composite where any of them has households."""
    return "composite" if "composite" in methods else str(methods[0])


def formed(rows: pd.DataFrame, form: str) -> str:
    """Rows as csv or json."""
    if form == "json":
        return rows.to_json(orient="records", force_ascii=False, double_precision=15) + "\n"
    buffer = io.StringIO()
    rows.to_csv(buffer, index=False)
    return buffer.getvalue()
