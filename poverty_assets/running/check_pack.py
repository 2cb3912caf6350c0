"""Everything that is wrong with what a country's folder says, at once.

Belongs here: reading every file of the folder as the parts of the project that use them do, and holding the files against each
other. Does not belong here: the form of any one file (``pack``, ``measure``, ``vulnerability``, ``registers``, ``twin``,
``reports.explorer``), or landing files (``intake.validation``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from poverty_assets.errors import InputError, SpecificationError
from poverty_assets.lined_yaml import LinedYaml, nearest, read_lined_yaml
from poverty_assets.measure.measure import Measure, load_measure, measure_files
from poverty_assets.pack.country import (
    Country,
    country_folder,
    load_country,
    load_sources,
    read_country,
    read_sources,
)
from poverty_assets.pack.editions import read_changes
from poverty_assets.pack.feature import ColumnFeature
from poverty_assets.pack.keys import read_codes
from poverty_assets.pack.source import (
    HOW_TO_ESTIMATE,
    NOTHING_ESTIMATED,
    OphiCsvSource,
    OphiWorkbookSource,
    SourceSpec,
    TableSource,
    is_anything_estimated,
)
from poverty_assets.pack.truth import read_truth_files
from poverty_assets.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


@dataclass
class _Pack:
    """A country's folder, and what was found wrong with it so far."""

    folder: Path
    found: list[InputError] = field(default_factory=list)

    def read(self, read: Callable[[Path], T], *name: str) -> T | None:
        """What ``read`` makes of a file of the folder; None where it is at fault."""
        try:
            return read(self.folder.joinpath(*name))
        except SpecificationError as error:
            self.note(error.several or (error,))
        except InputError as error:
            self.note((error,))
        return None

    def note(self, faults: Sequence[InputError]) -> None:
        """Take faults in; one that two files bring to light is there once."""
        known = {error.message for error in self.found}
        self.found += [error for error in faults if error.message not in known]

    def has(self, *name: str) -> bool:
        """Whether the folder has that file."""
        return self.folder.joinpath(*name).is_file()


def check_pack(country_id: str) -> list[InputError]:
    """Hold all that a country's folder says against the form of each file, and the files against each other.

    Returns
    -------
    list of InputError
        Each with its file, line and remedy; empty where the pack can be used.

    Raises
    ------
    UsageError
        If there is no such country.
    """
    pack = _Pack(country_folder(country_id))
    country = pack.read(read_country, "country.yaml")
    pack.read(_unique_levels, "country.yaml")
    _boundaries(pack)
    sources = _sources(pack)
    measures = _measures(pack)
    _vulnerability(pack, sources, measures)
    _explorer(pack, country, sources)
    for survey in ("dhs", "mics"):
        if pack.has("surveys", f"{survey}.yaml"):
            from poverty_assets.sources.surveys.recode import read_recode

            pack.read(lambda path: read_recode(path.stem, pack.folder), "surveys", f"{survey}.yaml")
    if country is not None:
        _named_in_country(pack, country, sources)
        _of_prices(pack, country)
        _editions(pack, country)
        _spoken(pack, country, measures)
    pack.read(read_truth_files)
    return pack.found


def _unique_levels(path: Path) -> None:
    """Refuse a level that is there twice, whatever else is wrong with the file."""
    read_lined_yaml(path).collected(lambda source: source.check_unique("levels", "id"))


def check_covariates(settings: Settings, read: Mapping[str, pd.DataFrame]) -> list[InputError]:
    """Columns of tables in the landing folder that hold official rates, and that features are made of which models learn from.

    Parameters
    ----------
    settings : Settings
    read : mapping of str to DataFrame
        Rows of sources by their ids, as ``validate_landing`` keeps them; of a file that cannot be read there are none.

    Returns
    -------
    list of InputError
        None or one, naming all of them.
    """
    from poverty_assets.evaluation.official import read_official, refuse_truth_among_columns

    country, landing, simulated = load_country(settings.country), settings.landing_folder, settings.is_simulated
    columns: dict[str, pd.Series] = {}
    for spec in load_sources(country, simulated=simulated):
        if not isinstance(spec, TableSource) or not spec.has_codes or spec.source_id not in read:
            continue
        made = [f.options for f in spec.features if isinstance(f, ColumnFeature) and f.covariate]
        learnt = " ".join(f"{options.value} {options.per}" for options in made)
        frame = read[spec.source_id]
        used = [name for name in frame.select_dtypes("number") if re.search(rf"\b{re.escape(str(name))}\b", learnt)]
        columns |= {f"{spec.source_id}.{name}": frame.set_index("area_code")[name] for name in used}
    try:
        refuse_truth_among_columns(columns, read_official(country, landing, simulated=simulated, read=read).tables)
    except InputError as error:
        return [error]
    return []


def _sources(pack: _Pack) -> list[SourceSpec]:
    """Sources of both files, none where one of them is at fault: what others name would seem to be missing. A country may do
    without a simulated twin."""
    files = [pack.read(read_sources, "sources.yaml")]
    if pack.has("simulated.yaml") or pack.has("sources_simulated.yaml"):
        from poverty_assets.twin import check_settings

        files.append(pack.read(read_sources, "sources_simulated.yaml"))
        pack.read(check_settings, "simulated.yaml")
    for name, specs in zip(("sources.yaml", "sources_simulated.yaml"), files, strict=False):
        if specs and not is_anything_estimated(specs):
            pack.note([SpecificationError(NOTHING_ESTIMATED, file=pack.folder / name, remedy=HOW_TO_ESTIMATE)])
        _regions(pack, specs or [])
        _codings(pack, specs or [])
    read = [specs for specs in files if specs is not None]
    return [spec for specs in read for spec in specs] if len(read) == len(files) else []


def _regions(pack: _Pack, sources: list[SourceSpec]) -> None:
    """What entries say of regions of published tables: names that are one, and csv tables of the pack."""
    from poverty_assets.published.regions import region_map

    for spec in sources:
        if isinstance(spec, OphiWorkbookSource | OphiCsvSource):
            pack.read(partial(region_map, spec.options))


def _codings(pack: _Pack, sources: list[SourceSpec]) -> None:
    """Csv tables of the pack that turn other codings into codes of areas."""
    for spec in sources:
        if (
            isinstance(spec, TableSource)
            and spec.options.coded_by is not None
            and spec.options.coded_by.table is not None
        ):
            pack.read(partial(read_codes, spec.options.coded_by))


def _measures(pack: _Pack) -> list[Measure]:
    measures = [pack.read(load_measure, str(file)) for file in measure_files(pack.folder).values()]
    return [measure for measure in measures if measure is not None]


def _vulnerability(pack: _Pack, sources: list[SourceSpec], measures: list[Measure]) -> None:
    from poverty_assets.registers.audit import load_targeting
    from poverty_assets.vulnerability.hazards import read_hazards, with_seasons
    from poverty_assets.vulnerability.shocks import load_shocks

    known = {spec.source_id for spec in sources}
    seasonal = with_seasons(sources) if sources else None
    hazards = pack.read(lambda path: read_hazards(path, known or None, seasonal), "hazards.yaml")
    named = hazards.hazard_ids if hazards is not None else _ids_in(pack, "hazards.yaml", "hazards", "hazard_id")
    for measure in measures:
        pack.read(partial(load_shocks, measure=measure, hazards=named), "shocks.yaml")
    _prices(pack, sources)
    targeting = pack.read(load_targeting, "registers.yaml")
    if targeting is not None:
        file = read_lined_yaml(pack.folder / "registers.yaml", optional=True)
        for i, register_id in enumerate(targeting):
            _known(pack, file, "register", register_id, _registers(sources), "registers", i, "register_id")


def _prices(pack: _Pack, sources: list[SourceSpec]) -> None:
    """Sources of shocks of prices: that there is such a one, and that it has the columns of one."""
    from poverty_assets.vulnerability.prices import NEEDS

    tables = {s.source_id: s for s in sources if isinstance(s, TableSource)}
    with suppress(InputError):
        file = read_lined_yaml(pack.folder / "shocks.yaml", optional=True)
        for i, shock in enumerate(file.items("shocks")):
            said = shock.value.get("price_change")
            if not isinstance(said, dict) or not sources or "source" not in said:
                continue
            name, at = str(said["source"]), ("shocks", i, "price_change", "source")
            lacks = [] if name not in tables else [one for one in NEEDS if one not in tables[name].columns]
            if name not in tables:
                pack.note([file.fault(f"there is no table {name!r}", nearest(name, tables), *at)])
            elif lacks:
                remedy = "name a source of prices at markets, as open_source: food_prices"
                pack.note([file.fault(f"source {name} has no column {lacks[0]!r}", remedy, *at)])


def _of_prices(pack: _Pack, country: Country) -> None:
    """What shocks of prices say of regions: codes of the published level."""
    level = country.levels[country.levels.published]
    with suppress(InputError):
        file = read_lined_yaml(pack.folder / "shocks.yaml", optional=True)
        for i, shock in enumerate(file.items("shocks")):
            said = shock.value.get("price_change")
            regions = said.get("regions") if isinstance(said, dict) else None
            for name, code in regions.items() if isinstance(regions, dict) else ():
                if not level.matches(str(code)):
                    remedy = f"write the code of a {level.level_id}, in quotes"
                    at = ("shocks", i, "price_change", "regions", name)
                    pack.note(
                        [file.fault(f"region {name} is {code!r}, which is no code of a {level.level_id}", remedy, *at)]
                    )


def _ids_in(pack: _Pack, name: str, key: str, of: str) -> list[str]:
    """Ids of the entries of a file that is at fault."""
    try:
        return [str(part.value.get(of)) for part in read_lined_yaml(pack.folder / name).items(key)]
    except InputError:
        return []


def _registers(sources: list[SourceSpec]) -> set[str]:
    return {s.register_id for s in sources if isinstance(s, TableSource) and s.role in ("register", "history")}


def _explorer(pack: _Pack, country: Country | None, sources: list[SourceSpec]) -> None:
    """The features that the map offers, and the words of pages."""
    from poverty_assets.reports.explorer.facts import read_facts
    from poverty_assets.reports.words import GROUP, page_languages

    spoken = None if country is None else pack.read(lambda _: page_languages(country), "words")
    words = {key.removeprefix(GROUP) for key in spoken[0].words if key.startswith(GROUP)} if spoken else set()
    facts = pack.read(read_facts, "explorer.yaml") if pack.has("explorer.yaml") else None
    if facts is None:
        return
    file = read_lined_yaml(pack.folder / "explorer.yaml")
    features = {feature.feature_id: feature for spec in sources for feature in spec.features}
    for name, feature in facts.features.items():
        _known(pack, file, "group with a word", feature.group, words, "features", name, "group")
        _known(pack, file, "feature", name, features, "features", name)
        if name in features:
            _known(pack, file, "word for the unit", features[name].unit, facts.units, "features", name)


def _named_in_country(pack: _Pack, country: Country, sources: list[SourceSpec]) -> None:
    """What ``country.yaml`` names and other files state."""
    from poverty_assets.registers.learners import LEARNERS

    file = read_lined_yaml(pack.folder / "country.yaml")
    features = {feature.feature_id for spec in sources for feature in spec.features}
    measures = list(measure_files(pack.folder))
    _known(pack, file, "measure", country.default_measure, measures, "default_measure")
    for i, name in enumerate(country.baseline_features):
        _known(pack, file, "feature", name, features, "baseline_features", i)
    for i, name in enumerate(country.leading):
        _known(pack, file, "feature", name, features, "leading", i)
    for register_id, learner in country.champions.items():
        _known(pack, file, "register", register_id, _registers(sources), "champions", register_id)
        _known(pack, file, "learner", learner, LEARNERS, "champions", register_id)
    known = {spec.source_id for spec in sources}
    for i, layer in enumerate(country.context_layers):
        for j, name in enumerate(layer.sources):
            _known(pack, file, "source", name, known, "context_layers", i, "sources", j)


def _editions(pack: _Pack, country: Country) -> None:
    """Tables of changes between editions of areas, and the editions that sources name."""
    for one in country.edition_list:
        if one.changes is not None:
            pack.read(read_changes, one.changes)
    ids = [one.edition_id for one in country.edition_list]
    for name in ("sources.yaml", "sources_simulated.yaml"):
        if pack.has(name):
            with suppress(InputError):  # noted where it was read
                file = read_lined_yaml(pack.folder / name, list)
                for i, spec in enumerate(read_sources(pack.folder / name)):
                    _edition_of(
                        pack, file, i, getattr(spec.options, "edition", None) if hasattr(spec, "options") else None, ids
                    )


def _edition_of(pack: _Pack, file: LinedYaml, entry: int, edition: str | None, known: list[str]) -> None:
    if edition is not None and edition not in known:
        remedy = nearest(edition, known) if known else "list it under editions in country.yaml"
        pack.note([file.fault(f"there is no edition {edition!r}", remedy, entry, "options", "edition")])


def _boundaries(pack: _Pack) -> None:
    """Note boundaries of another level than the finest, by what the files say before their forms are looked at: a fault elsewhere
    in either hides it not."""
    try:
        ids = [str(part.value.get("id")) for part in read_lined_yaml(pack.folder / "country.yaml").items("levels")]
    except InputError:  # noted where it was read
        return
    for name in ("sources.yaml", "sources_simulated.yaml"):
        if not ids or not pack.has(name):
            continue
        try:
            file = read_lined_yaml(pack.folder / name, list)
        except InputError:
            continue
        for i, entry in enumerate(file.value):
            options = entry.get("options") if isinstance(entry, dict) else None
            level = options.get("polygons") if isinstance(options, dict) else None
            at = (i, "options", "polygons")
            if level is not None and level not in ids:
                pack.note([file.fault(f"there is no level {level!r}", nearest(level, ids), *at)])
            elif level is not None and level != ids[-1]:
                remedy = f"give those of the finest level, {ids[-1]}: larger areas are made of them"
                pack.note([file.fault(f"the boundaries are of level {level!r}", remedy, *at)])


def _spoken(pack: _Pack, country: Country, measures: list[Measure]) -> None:
    """Note what has no name, and pages no word for, in one of the country's languages."""
    from poverty_assets.reports.words import missing_words

    named = {"country.yaml": ("context_layers", "layer_id"), "hazards.yaml": ("hazards", "hazard_id")}
    named |= {"shocks.yaml": ("shocks", "shock_id")}
    for language in country.language_codes[1:]:
        own = read_lined_yaml(pack.folder / "country.yaml")
        if language not in country.names:
            _unnamed(pack, own, country.name_en, language)
        for i, level in enumerate(country.levels):
            if language not in level.names:
                _unnamed(pack, own, f"level {level.level_id}", language, "levels", i)
        for name, (key, of) in named.items():
            if pack.has(name):
                file = read_lined_yaml(pack.folder / name)
                for i, part in enumerate(file.items(key)):
                    if f"name_{language}" not in part.value:
                        _unnamed(pack, file, str(part.value.get(of)), language, key, i)
        lacking = missing_words(country).get(language)
        if lacking:
            pack.note(
                [
                    own.fault(
                        f"{len(lacking)} words of pages are missing in {language}, the first {lacking[0]}",
                        f"add them in words/{language}.yaml; pages have them in English",
                        "languages",
                    )
                ]
            )
        for measure in measures:
            if (
                measure.file is not None and measure.file.is_relative_to(pack.folder)
            ) or measure.measure_id == country.default_measure:
                _unnamed_in(pack, measure, language)


def _unnamed_in(pack: _Pack, measure: Measure, language: str) -> None:
    """Note dimensions and indicators of a measure that have no name in a language."""
    kinds: dict[str, Sequence[Any]] = {"dimensions": measure.dimensions, "indicators": measure.indicators}
    lacking = {
        key: [str(getattr(one, f"{key[:-1]}_id")) for one in of if language not in one.names]
        for key, of in kinds.items()
    }
    every = [name for names in lacking.values() for name in names]
    if not every:
        return
    what = f"{measure.measure_id}: {every[0]} has no name in {language}, a language of the country's pages"
    what = what if len(every) == 1 else f"{what}, nor have {len(every) - 1} others: {', '.join(every[1:])}"
    name = f"measures/{measure.measure_id}.yaml"
    if measure.file is None or not measure.file.is_relative_to(pack.folder):
        of = "; ".join(
            f"{key}: [{{{key[:-1]}_id: {names[0]}, name_{language}: ...}}, ...]"
            for key, names in lacking.items()
            if names
        )
        remedy = (
            f"write {name} in the pack: measure_id: {measure.measure_id}, base: {measure.measure_id}, name_{language}: ...,"
            f" and of each of them its name: {of}"
        )
        pack.note([SpecificationError(what, file=pack.folder / name, remedy=remedy)])
        return
    file = read_lined_yaml(measure.file)
    key = next(key for key, names in lacking.items() if names)
    place = [i for i, part in enumerate(file.items(key)) if str(part.value.get(f"{key[:-1]}_id")) == lacking[key][0]]
    pack.note([file.fault(what, f"add name_{language} to each", key, *place)])


def _unnamed(pack: _Pack, file: LinedYaml, what: str, language: str, *key: str | int) -> None:
    remedy = f"add name_{language}, or for a level names: {{{language}: ...}}"
    pack.note([file.fault(f"{what} has no name in {language}, a language of the country's pages", remedy, *key)])


def _known(pack: _Pack, file: LinedYaml, what: str, name: str, known: Collection[str], *key: str | int) -> None:
    """Note a name that nothing stands behind; where no such thing could be read at all, that has been noted."""
    if known and name not in known:
        pack.note([file.fault(f"there is no {what} {name!r}", nearest(name, known), *key)])
