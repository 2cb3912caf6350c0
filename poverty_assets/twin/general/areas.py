"""Areas of the twin: the country's own polygons where they lie in the landing folder, else rectangles cut from its bounds.

Belongs here: codes, names and shapes of areas of every level. Does not belong here: who lives there (``world``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from poverty_assets.errors import InputError, SpecificationError
from poverty_assets.geography.areas import areas_from_sources, build_areas
from poverty_assets.pack.country import Country, load_sources
from poverty_assets.pack.levels import Level
from poverty_assets.quarter import Quarter
from poverty_assets.sources.readers import observe
from poverty_assets.twin.general.settings import GeneralSettings
from poverty_assets.twin.streams import stream

_FAR = Quarter(9000, 4)
_MARGIN = 0.05


def areas_of(settings: GeneralSettings, country: Country, landing: Path, seed: int) -> tuple[pd.DataFrame, bool]:
    """The table of areas (catalog: ``dim_area``), and whether its shapes are made up.

    Parameters
    ----------
    landing : Path
        Folder in which the files of real sources would lie.
    """
    real = _from_landing(country, landing)
    return (real, False) if real is not None else (_made(settings, country, seed), True)


def _from_landing(country: Country, landing: Path) -> pd.DataFrame | None:
    """Areas of the country's real sources; None where their files are not there or cannot be used."""
    specs = [spec for spec in load_sources(country, simulated=False) if spec.role == "areas"]
    try:
        frames = {spec.source_id: observe(spec, _FAR, landing, country).frame for spec in specs}
        return areas_from_sources(specs, frames.get, country)
    except InputError:
        return None


def _made(settings: GeneralSettings, country: Country, seed: int) -> pd.DataFrame:
    """Rectangles: the bounds are cut into the areas of the first level, each of them into those in it, and so on."""
    west, south, east, north = country.bounds
    dx, dy = _MARGIN * (east - west), _MARGIN * (north - south)
    boxes = {country.area_id: (west + dx, south + dy, east - dx, north - dy)}
    told: list[dict[str, object]] = []
    for level in list(country.levels)[1:]:
        within = _codes_within(settings, country, level, list(boxes))
        rng = stream(seed, "cuts", level.level_id)
        cut: dict[str, tuple[float, float, float, float]] = {}
        for above, box in boxes.items():
            cut |= dict(zip(within[above], _cut(box, len(within[above]), rng), strict=True))
            told += [_row(country, level, code, above) for code in within[above]]
        boxes = cut
    import shapely

    polygons = pd.DataFrame(
        {"area_code": list(boxes), "geometry": shapely.to_wkb(shapely.box(*np.array(list(boxes.values())).T))}
    )
    return build_areas(polygons, pd.DataFrame(told), country, settings.horizon.quarters[0].start)


def _row(country: Country, level: Level, code: str, above: str) -> dict[str, object]:
    names = {f"name_{language}": f"{level.name(language)} {code}" for language in country.language_codes}
    parent = {level.parent.column: above} if level.parent is not None and level.parent.column is not None else {}
    return {"area_code": code, **names, **parent}


def _codes_within(settings: GeneralSettings, country: Country, level: Level, above: list[str]) -> dict[str, list[str]]:
    """Codes of a level's areas by the area above: those of the pack's table, else made as the settings say."""
    table = level.parent.table if level.parent is not None else None
    if table is not None:
        return {holder: sorted(code for code, held in table.items() if held == holder) for holder in above}
    below = country.levels.ids.index(level.level_id) + 1
    finer = country.levels[country.levels.ids[below]] if below < len(country.levels.ids) else None
    if level.parent is None and finer is not None and finer.parent is not None and finer.parent.table is not None:
        return {above[0]: sorted(set(finer.parent.table.values()))}
    made = settings.areas.get(level.level_id)
    if made is None:
        raise SpecificationError(
            f"there are no polygons of {country.name_en}, and nothing says what areas of level {level.level_id} to make up",
            file=country.folder / "simulated.yaml",
            remedy=f'add areas: {{{level.level_id}: {{within: 5, code: "{{above}}{{n:02d}}"}}}}, or put the boundaries into the landing'
            " folder",
        )
    within = {holder: [made.code.format(n=n, above=holder) for n in range(1, made.within + 1)] for holder in above}
    wrong = [code for codes in within.values() for code in codes if not level.matches(code)]
    if wrong:
        raise SpecificationError(
            f"the made-up code {wrong[0]!r} is none of level {level.level_id}, whose codes are written {level.code}",
            file=country.folder / "simulated.yaml",
            remedy=f"correct areas: {level.level_id}: code",
        )
    return within


def _cut(
    box: tuple[float, float, float, float], n: int, rng: np.random.Generator
) -> list[tuple[float, float, float, float]]:
    """A rectangle cut into n, by halving along the longer side, not quite evenly."""
    if n == 1:
        return [box]
    west, south, east, north = box
    half = n // 2
    share = half / n * rng.uniform(0.85, 1.15)
    if east - west >= north - south:
        at = west + share * (east - west)
        parts = (west, south, at, north), (at, south, east, north)
    else:
        at = south + share * (north - south)
        parts = (west, south, east, at), (west, at, east, north)
    return _cut(parts[0], half, rng) + _cut(parts[1], n - half, rng)
