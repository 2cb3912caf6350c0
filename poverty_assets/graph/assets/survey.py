"""The household survey: the wave that serves the quarter, and the one before it.

Belongs here: the assets of groups ``survey`` and ``measures``. Household rows stay in the lake. Does not belong here:
reading surveys (``sources.surveys``) or deriving deprivations (``measure.measure``).
"""

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.recipe import KNOWS_NO_QUARTER, Said, asset, of_role
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.sources.readers import Observation

WAVES = of_role("survey")
TEXT = (
    "Households of the survey wave that serves the quarter{which}, with the deprivations of the measure."
    " A wave serves from the end of its fieldwork until the next one's. Household rows never leave the lake."
)


@asset()
def dim_indicator(home: Home) -> pd.DataFrame:
    """Indicators of every measure of the pack."""
    from poverty_assets.measure.measure import load_measure, measure_files

    measures = [load_measure(file) for _, file in sorted(measure_files(home.country.folder).items())]
    return pd.concat([one.dim_indicator(home.country.language_codes) for one in measures], ignore_index=True)


@asset(Said("survey", WAVES, description=TEXT.format(which="")), reads=WAVES, again=KNOWS_NO_QUARTER)
def survey_household(context: dg.AssetExecutionContext, area_boundary: pd.DataFrame, home: Home) -> Observation:
    """Households of the serving wave."""
    return _wave(context, home, area_boundary, 0)


@asset(Said("survey", WAVES, description=TEXT.format(which=" before it")), reads=WAVES, again=KNOWS_NO_QUARTER)
def survey_household_before(context: dg.AssetExecutionContext, area_boundary: pd.DataFrame, home: Home) -> Observation:
    """Households of the wave before it."""
    return _wave(context, home, area_boundary, 1)


@asset(Said("survey", WAVES), reads=WAVES, again=KNOWS_NO_QUARTER)
def wave_level(context: dg.AssetExecutionContext, home: Home) -> pd.DataFrame:
    """Shares of the country at every wave that the quarter sees: which way it went before the latest two."""
    from poverty_assets.small_area.inputs import levels_of, waves_of

    found, quarter = home.survey_waves(quarter_of(context)), quarter_of(context)
    households = [home.lake.read(f"src_{source_id}", quarter) for source_id, _ in found]
    return levels_of([(wave, home.measure) for wave in waves_of(households, found)])


def _wave(context: dg.AssetExecutionContext, home: Home, areas: pd.DataFrame, place: int) -> Observation:
    from poverty_assets.geography.areas import boundary_source
    from poverty_assets.geography.crosswalk import areas_of_units
    from poverty_assets.measurement.direct_tables import measured_households

    found = home.survey_waves(quarter_of(context))
    if len(found) <= place:
        return Observation(pd.DataFrame(), "", 0, metadata={"absent": "no such wave by the quarter's end"})
    source_id, noted = found[-1 - place]
    frame = measured_households(home.lake.read(f"src_{source_id}", quarter_of(context)), home.measure)
    source, boundaries = home.sources[source_id], boundary_source(home.specs)
    placed = areas_of_units(frame["area_id"], source, areas, home.country, boundaries)
    said = _moved(frame["area_id"], placed)
    context.add_output_metadata({"wave": source_id, "observed to": str(noted["observed_to"]), **said})
    return Observation(frame.assign(area_id=placed), noted["sha256"], len(frame), metadata=noted | said)


def _moved(before: pd.Series, after: pd.Series) -> dict[str, str]:
    """How many households are in other areas than the survey writes, and in none."""
    other = (before.notna() & (before.astype("string") != after.astype("string"))).fillna(True)
    lost = other & after.isna()
    found = {}
    if other.any():
        found["areas of another edition"] = f"{int((other & ~lost).sum())} of {len(before)} households"
    if lost.any():
        found["areas not known"] = f"{int(lost.sum())} of {len(before)} households, first {before[lost].iloc[0]}"
    return found


ASSETS = (dim_indicator, survey_household, survey_household_before, wave_level)
