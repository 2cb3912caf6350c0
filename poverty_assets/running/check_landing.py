"""Whether the files of a landing folder fit together as the pack says: codes, parents, people, regions, years.

Belongs here: what can only be seen with several files at hand, all of it at once, before anything is run. Does not belong here: a
file against its own contract (``intake.validation``), or the pack's own files (``check_pack``).

What would lose a figure or put it elsewhere is a *fault*; what a person should know and may be right is only *said*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from poverty_assets.errors import InputError
from poverty_assets.geography.areas import areas_from_sources, boundary_source
from poverty_assets.geography.counts import counts_from_sources
from poverty_assets.geography.crosswalk import (
    COLUMNS,
    CodeChanges,
    areas_of_units,
    edition_in_use,
    map_codes,
    spread,
)
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.geography.neighbours import least_bordered
from poverty_assets.pack.country import Country, load_country, load_sources, load_truth_sources
from poverty_assets.pack.keys import letters_of
from poverty_assets.pack.source import (
    OphiCsvSource,
    OphiWorkbookSource,
    SourceSpec,
    SurveySource,
    TableSource,
    VectorSource,
)
from poverty_assets.settings import Settings

LEAST_BORDER = 0.15
"""Share of an area's border with others that should be with areas of the same parent."""
PARENT = "parent_name"
"""Column of a table, by our name, that says in words which area each row lies in."""
MOST_ALIKE = 0.9
"""Share of areas with the same rate in two years from which one year is taken to repeat the other."""
SMALL = 5
"""How many times smaller than others areas without people are from which they may be towns."""
MOST_STRETCHED = 0.02
"""By what share lengths of a projection may be off anywhere in the country."""


@dataclass
class Findings:
    """What was found, each as one sentence."""

    faults: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def check_landing(settings: Settings, read: Mapping[str, pd.DataFrame]) -> Findings:
    """Hold the files of the landing folder against each other.

    Where the areas cannot be built, that is the one finding, since all else is held against them.

    Parameters
    ----------
    settings : Settings
    read : mapping of str to DataFrame
        Rows of sources by their ids, as ``validate_landing`` keeps them: it names the files that are absent or break their own contract.
    """
    country = load_country(settings.country)
    specs = load_sources(country, simulated=settings.is_simulated)
    truth = load_truth_sources(country, simulated=settings.is_simulated)
    frames = {name: frame for name, frame in read.items() if len(frame)}
    found = Findings()
    if any(spec.role == "areas" and spec.required and spec.source_id not in read for spec in specs):
        return found  # absent or refused for itself, which is said of the file
    try:
        areas = areas_from_sources([s for s in specs if s.role == "areas"], frames.get, country)
    except InputError as error:
        found.faults.append(error.message)
        return found
    _shapeless(found, specs, frames)
    _unnamed(found, areas, country)
    tables = [s for s in [*specs, *truth] if isinstance(s, TableSource) and s.has_codes and s.role != "areas"]
    crosswalk = _codes(found, tables, frames, areas, country, boundary_source(specs))
    _households(found, specs, frames, areas, country)
    _editions(found, tables, frames, areas, country, boundary_source(specs))
    _parents(found, tables, frames, areas, crosswalk)
    counted_in = [table for table in tables if table.role != "truth"]
    _people(found, counts_from_sources(areas, crosswalk, counted_in, frames.get, found.said), country)
    _borders(found, areas, country)
    _projection(found, country)
    _regions(found, specs, frames, areas, country)
    _prices(found, country, frames, areas)
    _units(found, tables, frames)
    _years(found, settings, country, frames)
    return found


def _first(items: Iterable[object], most: int = 5) -> str:
    every = [str(item) for item in items]
    return ", ".join(every[:most]) + (", ..." if len(every) > most else "")


def _shapeless(found: Findings, specs: list[SourceSpec], frames: dict[str, pd.DataFrame]) -> None:
    """Shapes that a table of codes lists and that the boundaries lack: few, or the areas could not be built."""
    boundaries = boundary_source(specs)
    table = frames.get(boundaries.options.codes_from or "")
    if table is None:
        return
    shapes = set(frames[boundaries.source_id]["shape_id"].astype(str))
    lost = table[~table["shape_id"].astype(str).isin(shapes)]
    if len(lost):
        named = _first(f"{row.area_code} (shape {row.shape_id})" for row in lost.itertuples())
        found.said.append(
            f"{boundaries.options.codes_from} lists {len(lost)} of {len(table)} codes without a shape in {boundaries.path}: {named};"
            " there is no such area, and figures leave it out"
        )


def _unnamed(found: Findings, areas: pd.DataFrame, country: Country) -> None:
    """Areas that pages call by their codes, and those that have no name in a language of the pages."""
    called = areas[areas["name_en"] == areas["area_id"]]
    lacking = [("name and are called by their codes", called)]
    for language in country.language_codes[1:]:
        own = areas.get(f"name_{language}")
        lacking.append((f"name in {language}", areas if own is None else areas[own.isna()]))
    for what, lost in lacking:
        if len(lost):
            numbers = lost["area_level"].value_counts(sort=False)
            levels = [f"{n} {country.levels[str(one)].name('en', many=n > 1)}" for one, n in numbers.items()]
            first = lost.iloc[0]
            named = (
                first["area_id"] if first["name_en"] == first["area_id"] else f"{first['area_id']} {first['name_en']}"
            )
            found.said.append(
                f"{len(lost)} of {len(areas)} areas have no {what} ({', '.join(levels)}), first {named}: name the source that has it"
                " under names_from of the boundaries"
            )


def _codes(
    found: Findings,
    tables: list[TableSource],
    frames: dict[str, pd.DataFrame],
    areas: pd.DataFrame,
    country: Country,
    boundaries: VectorSource,
) -> pd.DataFrame:
    """Crosswalk rows of the tables whose codes all join; the others are faults."""
    edition, lists = edition_in_use(boundaries, country), boundaries.options.names_from
    known = {str(code) for name in lists if name in frames for code in frames[name].get("area_code", ())}
    parts = [pd.DataFrame(columns=list(COLUMNS))]
    for spec in tables:
        if spec.source_id in frames:
            try:
                changes = CodeChanges.of(spec, country, edition)
                frame = frames[spec.source_id]
                parts.append(map_codes(spec.source_id, frame, areas, country, known, spec.path, changes))
            except InputError as error:
                found.faults.append(error.message)
    return pd.concat(parts, ignore_index=True)


def _households(
    found: Findings, specs: list[SourceSpec], frames: dict[str, pd.DataFrame], areas: pd.DataFrame, country: Country
) -> None:
    """Households whose code is of no area of the boundaries, and those that are put into other areas by a table of changes."""
    for spec in specs:
        frame = frames.get(spec.source_id)
        if not isinstance(spec, SurveySource) or frame is None:
            continue
        written = frame["area_id"]
        placed = areas_of_units(written, spec, areas, country, boundary_source(specs))
        lost = written.notna() & placed.isna()
        moved = written.notna() & placed.notna() & (written.astype("string") != placed.astype("string"))
        if lost.any():
            found.said.append(
                f"{spec.path}: {int(lost.sum())} of {len(frame)} households name {written[lost].nunique()} codes of no area,"
                f" first {written[lost].iloc[0]}: they count for the country alone. Map them in survey.yaml, or enter what became"
                " of the areas in a table of changes (editions in country.yaml)"
            )
        if moved.any():
            pairs = [
                f"{one} in {other}" for one, other in dict(zip(written[moved], placed[moved], strict=True)).items()
            ]
            found.said.append(
                f"{spec.path}: {int(moved.sum())} of {len(frame)} households are put where their area is now: {_first(pairs)}"
            )


def _editions(
    found: Findings,
    tables: list[TableSource],
    frames: dict[str, pd.DataFrame],
    areas: pd.DataFrame,
    country: Country,
    boundaries: VectorSource,
) -> None:
    """Codes that areas became and that no area has; and sources that list another number of areas than their edition has."""
    edition = edition_in_use(boundaries, country)
    if edition is None:
        return
    there, finest = set(areas["area_id"]), areas["area_level"] == country.levels.finest
    became = {
        code
        for one in country.editions.ids
        for parts in country.editions.between(one, edition).values()
        for code, _ in parts
    }
    if lost := sorted(became - there):
        found.faults.append(
            f"tables of changes end in {len(lost)} codes that are of no area of edition {edition}; {_first(lost)}."
            " Correct them, or say which edition the boundaries are of (options: {edition: ...})"
        )
    listed = {boundaries.source_id: (edition, int(finest.sum()))}
    for spec in tables:
        frame = frames.get(spec.source_id)
        if frame is not None and spec.options.edition is not None:
            codes = frame["area_code"].drop_duplicates().astype(str)
            level = country.levels[country.levels.finest]
            if all(level.matches(code) for code in codes):
                listed[spec.source_id] = (spec.options.edition, len(codes))
    for source_id, (own, number) in listed.items():
        areas_then = country.editions.by_id[own].areas
        if areas_then is not None and number != areas_then:
            found.said.append(f"{source_id} has {number} areas, edition {own} has {areas_then}")


def _parents(
    found: Findings,
    tables: list[TableSource],
    frames: dict[str, pd.DataFrame],
    areas: pd.DataFrame,
    crosswalk: pd.DataFrame,
) -> None:
    """Rows whose code lies in another area than the row says in words."""
    hierarchy = Hierarchy.of(areas)
    name = areas.set_index("area_id")["name_en"]
    for spec in tables:
        frame = frames.get(spec.source_id)
        if frame is None or PARENT not in frame:
            continue
        rows = spread(frame, crosswalk[crosswalk["source_id"] == spec.source_id])
        wrong = []
        for code, area, said in zip(rows["area_code"], rows["area_id"], rows[PARENT], strict=True):
            line = [] if pd.isna(area) else hierarchy.line(area)[1:]
            if line and not any(_alike(name[one], said) for one in line):
                wrong.append(f"{code} ({name[area]}) lies in {name[line[0]]} by its code, in {said} by the row")
        if wrong:
            found.faults.append(
                f"{spec.path}: {len(wrong)} of {len(frame)} rows contradict their codes; {_first(wrong, 3)}."
                " Codes may be crossed: correct them, or map the names"
            )


def _alike(one: str, other: object) -> bool:
    """Whether two spellings may be of one name: equal but for accents and blanks, or one letter in four apart at most."""
    from difflib import SequenceMatcher

    first, second = letters_of(one), letters_of(other)
    return SequenceMatcher(None, first, second).ratio() >= 0.75


def _people(found: Findings, areas: pd.DataFrame, country: Country) -> None:
    """Areas without people, and what is lost by them: land tells little, since a town has little."""
    finest = areas[areas["area_level"] == areas["area_level"].iloc[-1]]
    lost = finest[finest["population"].isna() & finest["households"].isna()]
    if len(lost):
        named = [f"{row.area_id} {row.name_en}" for row in lost.itertuples()]
        land = lost["area_km2"].sum() / finest["area_km2"].sum()
        if len(lost) == len(finest):
            many = country.levels[country.levels.finest].name("en", many=True)
            found.said.append(
                f"no population is known of any of the {len(finest)} {many}: in sums over them, those of the whole country too, each"
                " counts alike. Give them a population (area_attributes), if need be of another year"
            )
            return
        found.said.append(
            f"{len(lost)} of {len(finest)} areas have no population, and are kept out of totals: {_first(named, 20)};"
            f" {len(lost) / len(finest):.0%} of the areas, {land:.1%} of the land{_as_towns(len(lost) / len(finest), land)}."
            f" {_lost_by(areas, country)}"
        )


def _as_towns(areas: float, land: float) -> str:
    return ", small as towns are" if land < areas / SMALL else ""


def _lost_by(areas: pd.DataFrame, country: Country) -> str:
    """What areas without people are missing from."""
    level = country.levels[country.levels.published]
    published = areas[areas["area_level"] == level.level_id]
    empty = published[published["population"].isna() & published["households"].isna()]
    lost = (
        f"Overlaps and all other sums over {country.levels[country.levels.finest].name('en', many=True)}, those of the whole"
        " country too, leave these people out"
    )
    whole = [f"{row.area_id} {row.name_en}" for row in empty.itertuples()]
    named = f"; no number at all is known of {len(whole)} {level.name('en', many=True)}: {_first(whole)}"
    return f"{lost}{named if whole else ''}. Give them a population (area_attributes), if need be of another year"


def _borders(found: Findings, areas: pd.DataFrame, country: Country) -> None:
    finest = areas[areas["area_level"] == country.levels.finest]
    share = least_bordered(finest, country.metric_crs)
    few = finest[share.to_numpy() < LEAST_BORDER]
    if len(few):
        named = [f"{row.area_id} {row.name_en} in {row.parent_id}" for row in few.itertuples()]
        found.said.append(
            f"{len(few)} areas have under {LEAST_BORDER:.0%} of their border with areas of the same parent: {_first(named, 20)}."
            " Enclaves are such; so are areas that bear another's code"
        )


def _projection(found: Findings, country: Country) -> None:
    """A projection that stretches lengths somewhere in the country: a country may be wider than the zone that it was drawn for."""
    from pyproj import CRS, Proj

    west, south, east, north = country.bounds
    lon, lat = (grid.ravel() for grid in np.meshgrid(np.linspace(west, east, 9), np.linspace(south, north, 9)))
    factors = Proj(CRS(country.metric_crs)).get_factors(lon, lat)
    scale = np.concatenate([factors.meridional_scale, factors.parallel_scale])
    off = float(np.max(np.abs(scale[np.isfinite(scale)] - 1), initial=0.0))
    if off > MOST_STRETCHED:
        found.said.append(
            f"metric_crs {country.metric_crs} is off by up to {off:.1%} in lengths within the country's bounds."
            " Leave it out of country.yaml, and one about their middle is used"
        )


def _regions(
    found: Findings, specs: list[SourceSpec], frames: dict[str, pd.DataFrame], areas: pd.DataFrame, country: Country
) -> None:
    """Regions of published tables that no area stands for, and what is to be said of others."""
    from poverty_assets.published.regions import region_map
    from poverty_assets.published.rows import PublishedSource, published_tables

    read = [s for s in specs if isinstance(s, OphiWorkbookSource | OphiCsvSource) and s.source_id in frames]
    publications = [PublishedSource(frames[s.source_id], region_map(s.options, country.folder)) for s in read]
    try:
        said = published_tables(publications, areas, country).said
    except InputError as error:
        found.faults.append(f"{', '.join(s.path for s in read)}: {error.message}")
    else:
        found.said += [f"published region {region}: {why}" for region, why in sorted(said.warnings.items())]


def _prices(found: Findings, country: Country, frames: dict[str, pd.DataFrame], areas: pd.DataFrame) -> None:
    """Regions and goods of shocks of prices, held against the prices that there are."""
    from poverty_assets.vulnerability.prices import findings_of_prices, stated_prices

    with suppress(InputError):  # what is wrong with the file itself is said of it
        for shock_id, stated in stated_prices(country.folder).items():
            if stated.source in frames:
                one = findings_of_prices(frames[stated.source], stated, areas, country.levels.published, shock_id)
                found.faults += one.faults
                found.said += one.said


def _units(found: Findings, tables: list[TableSource], frames: dict[str, pd.DataFrame]) -> None:
    """Tables of the same smaller units, by a key column of the same name, that do not list the same."""
    by_key: dict[str, list[TableSource]] = {}
    for spec in tables:
        if len(spec.key) == 1 and spec.key[0] != "area_code" and spec.source_id in frames:
            by_key.setdefault(spec.key[0], []).append(spec)
    for key, listed in by_key.items():
        codes = {spec.source_id: set(frames[spec.source_id][key].astype(str)) for spec in listed}
        every = set().union(*codes.values())
        if not all(2 * len(own) > len(every) for own in codes.values()):  # parts of the country, each in its own table
            continue
        short = {name: sorted(every - own) for name, own in codes.items() if every - own}
        if short:
            told = [f"{name} has {len(codes[name])}, without {_first(lost, 3)}" for name, lost in short.items()]
            found.said.append(f"tables differ in {key}: of {len(every)} in all {'; '.join(told)}")


def _years(found: Findings, settings: Settings, country: Country, frames: dict[str, pd.DataFrame]) -> None:
    """Years of official rates that repeat another's."""
    from poverty_assets.evaluation.official import read_official

    with suppress(InputError):  # holding covariates against them says so
        landing, simulated = settings.landing_folder, settings.is_simulated
        for table in read_official(country, landing, simulated=simulated, read=frames).tables:
            rates = table.rates.pivot_table(index="area_id", columns="year", values="rate")
            for i, later in enumerate(rates):
                for earlier in list(rates)[:i]:
                    both = rates[[earlier, later]].dropna()
                    same = int(np.isclose(both[earlier], both[later]).sum())
                    if len(both) >= 10 and same >= MOST_ALIKE * len(both):
                        found.said.append(
                            f"official rates {table.name}: {later} repeats {earlier} in {same} of {len(both)} areas"
                        )
