"""The two maps of a report: how many are poor, and where one may be sure that it is among the worst.

Belongs here: which areas have which colour, outlines, and the maps as SVG. Does not belong here: other forms of the same maps
(``passed_on``), or what a sentence says.

Light is few and dark is many, as on every map of the product.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from poverty_assets.reports.explorer.geometry import pack_boundaries
from poverty_assets.reports.quarterly.action import ROUNDED, SURE

FEW_TO_MANY = ("#ffffd4", "#fee391", "#fec44f", "#fe9929", "#ec7014", "#cc4c02", "#8c2d04")
UNKNOWN = "#d4d4d4"
_NICE = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_MOST = 6
_UNLIKELY = 0.1

Ring = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shade:
    """A colour of a map and what it means."""

    fill: str
    label: str


@dataclass(frozen=True)
class AreaMap:
    """A map: ``shade_of`` gives each area's place among ``shades``; ``borders`` are the larger areas whose edges are drawn over it.

    An area that has no figure has the last shade.
    """

    name: str
    title: str
    shades: tuple[Shade, ...]
    shade_of: Mapping[str, int]
    borders: tuple[str, ...]


class Outlines:
    """Outlines of every area in steps of one drawing, y downwards; neighbours share their border.

    Attributes
    ----------
    rings : dict
        By area, the rings of its polygons, outer and inner; each an array of shape (n, 2).
    """

    def __init__(self, areas: Any) -> None:
        packed = pack_boundaries(areas)
        self.rings: dict[str, list[Ring]] = {
            area: [
                np.cumsum(np.reshape(ring, (-1, 2)), axis=0).astype(float) for polygon in polygons for ring in polygon
            ]
            for area, polygons in zip(areas["area_id"], packed["rings"], strict=True)
        }

    @classmethod
    def read(cls, connection: Any) -> Outlines:
        """Those of a published file."""
        sql = "SELECT area_id, area_level, parent_id, geometry FROM dim_area JOIN dim_level USING (area_level) ORDER BY depth, area_id"
        areas = connection.execute(sql).df()
        return cls(areas.assign(geometry=areas["geometry"].map(bytes)))

    def frame(self, areas: Iterable[str]) -> tuple[float, float, float, float]:
        """Left, top, width and height of what these areas take."""
        points = np.concatenate([ring for area in areas for ring in self.rings[area]])
        left, top = points.min(axis=0)
        width, height = np.maximum(np.ptp(points, axis=0), 1)
        return float(left), float(top), float(width), float(height)


def area_maps(connection: Any, area: str, words: Mapping[str, str]) -> list[AreaMap]:
    """The maps of an area's parts; none where nothing is known of them."""
    maps = []
    rows = connection.execute(
        """SELECT area_id, estimate, level_key FROM headcount JOIN inside USING (area_id)
        WHERE subject = $area AND depth = (SELECT max(depth) FROM headcount JOIN inside USING (area_id) WHERE subject = $area)""",
        {"area": area},
    ).fetchall()
    if rows:
        cuts = cuts_of([value for _, value, _ in rows])
        shade = {code: int(np.searchsorted(cuts, value, side="right")) for code, value, _ in rows}
        title = words["report_map_poor"].format(level_many=words[f"{rows[0][2]}_many"])
        maps.append(_map(connection, area, "poor", title, _shades_of_shares(cuts, words), shade, words))
    if connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'ranked'").fetchone():
        rows = connection.execute(
            "SELECT area_id, p_worst_tenth FROM ranked JOIN inside USING (area_id) WHERE subject = $area AND role = 'finest'",
            {"area": area},
        ).fetchall()
        shade = {code: 2 if p >= SURE - ROUNDED else int(p >= _UNLIKELY) for code, p in rows if p is not None}
        if shade:
            said = ("report_act_not", "report_act_open", "report_act_sure")
            shades = [Shade(FEW_TO_MANY[i], words[key]) for i, key in zip((0, 2, 6), said, strict=True)]
            maps.append(_map(connection, area, "act", words["report_map_act"], shades, shade, words))
    return maps


def cuts_of(values: Sequence[float]) -> list[float]:
    """Where a share's classes end: even steps that people read easily, at most six classes, over all but the outermost values.

    Examples
    --------
    >>> cuts_of([0.03, 0.12, 0.18, 0.24, 0.41])
    [0.1, 0.2, 0.3]
    """
    low, high = np.quantile(values, [0.02, 0.98])
    step = next((s for s in _NICE if np.ceil(high / s) - np.floor(low / s) <= _MOST), _NICE[-1])
    first, last = int(np.floor(low / step)) + 1, int(np.ceil(high / step)) - 1
    return [round(step * i, 6) for i in range(first, max(first, last) + 1)]


def _shades_of_shares(cuts: list[float], words: Mapping[str, str]) -> list[Shade]:
    said = [f"{100 * cut:g}%" for cut in cuts]
    between = [words["say_interval_short"].format(low=a, high=b) for a, b in pairwise(said)]
    labels = [words["say_under"].format(value=said[0]), *between, words["report_or_more"].format(value=said[-1])]
    places = np.rint(np.linspace(0, len(FEW_TO_MANY) - 1, len(labels))).astype(int)
    return [Shade(FEW_TO_MANY[place], label) for place, label in zip(places, labels, strict=True)]


def _map(
    connection: Any,
    area: str,
    name: str,
    title: str,
    shades: list[Shade],
    known: dict[str, int],
    words: Mapping[str, str],
) -> AreaMap:
    """A map of all areas of the level of those that are known, the others in the last shade."""
    level = "(SELECT area_level FROM dim_area WHERE area_id = $one)"
    inside = connection.execute(
        f"""SELECT area_id, area_level = {level} FROM inside JOIN dim_area USING (area_id) WHERE subject = $area
            AND (area_level = {level} OR parent_id = $area) ORDER BY area_id""",
        {"area": area, "one": next(iter(known))},
    ).fetchall()
    drawn = [code for code, is_of_level in inside if is_of_level]
    borders = tuple(code for code, is_of_level in inside if not is_of_level) or (area,)
    shade_of = {code: known.get(code, len(shades)) for code in drawn}
    if len(shades) in shade_of.values():
        shades = [*shades, Shade(UNKNOWN, words["no_figure"])]
    return AreaMap(name, title, tuple(shades), shade_of, borders)


def svg_of(drawn: AreaMap, outlines: Outlines) -> str:
    """A map as SVG that stands in a page; areas without a figure are dotted."""
    left, top, width, height = outlines.frame(drawn.shade_of)
    line = max(width, height) / 900
    dots = (
        f'<pattern id="dots-{drawn.name}" width="{8 * line:.1f}" height="{8 * line:.1f}" patternUnits="userSpaceOnUse">'
        f'<rect width="100%" height="100%" fill="{UNKNOWN}"/>'
        f'<circle cx="{3 * line:.1f}" cy="{3 * line:.1f}" r="{line:.1f}" fill="#777"/></pattern>'
    )
    paths = []
    for place, shade in enumerate(drawn.shades):
        fill = f"url(#dots-{drawn.name})" if shade.fill == UNKNOWN else shade.fill
        rings = [ring for area, own in drawn.shade_of.items() if own == place for ring in outlines.rings[area]]
        paths.append(f'<path fill="{fill}" d="{_path(rings)}"/>')
    edges = _path([ring for area in drawn.borders for ring in outlines.rings[area]])
    return (
        f'<svg role="img" aria-label="{escape(drawn.title)}" viewBox="{left - line:.0f} {top - line:.0f} {width + 2 * line:.0f} '
        f'{height + 2 * line:.0f}" stroke-linejoin="round"><defs>{dots}</defs>'
        f'<g stroke="#8a7a66" stroke-width="{line / 2:.2f}" fill-rule="evenodd">{"".join(paths)}</g>'
        f'<path fill="none" stroke="#4a3c2c" stroke-width="{1.6 * line:.2f}" d="{edges}"/></svg>'
    )


def _path(rings: list[Ring]) -> str:
    parts = []
    for ring in rings:
        moves = np.diff(ring, axis=0).astype(int)
        start = ring[0].astype(int)
        parts.append(f"M{start[0]} {start[1]}l" + " ".join(f"{x} {y}" for x, y in moves.tolist()) + "z")
    return "".join(parts)
