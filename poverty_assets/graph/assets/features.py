"""Features of areas.

Belongs here: the assets of group ``features``. Does not belong here: zonal statistics and distances (``poverty_assets.features``).
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import picture
from poverty_assets.graph.assets.recipe import Again, Pack, Said, assets, featured, of_role
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Compute, Home
from poverty_assets.graph.reuse.step import Statement
from poverty_assets.intake.grounds import Grounds, grounds_of
from poverty_assets.pack.source import SourceSpec, covariates
from poverty_assets.quarter import Quarter


def _read(pack: Pack) -> list[SourceSpec]:
    return [*featured(pack), *of_role("survey")(pack)]


def _earlier(home: Home, quarter: Quarter) -> Statement:
    """What is read of earlier times: releases that served them, and registers with what these are held against."""
    from poverty_assets.sources.earlier import earlier_times, release_then

    grounds = Grounds()
    for time in earlier_times(home.survey_waves(quarter), quarter):
        then = time.quarter
        releases = (release_then(spec, then, home.landing) for spec in home.specs if spec.features)
        grounds.files += [found.path for found in releases if found is not None]
        for spec in home.tables_of_role("register"):
            grounds += grounds_of(spec, then, home.landing, home.country, home.specs)
    return Statement(grounds.facts, grounds.files)


@assets(
    {
        "area_feature": Said(of=featured),
        "wave_feature": Said(
            "features",
            featured,
            ("python", "parquet", "exactextract"),
            "Features of areas as of the quarters in which the two latest survey waves ended: what their households are modelled"
            " with.",
        ),
        "feature_drift": Said(
            "features",
            featured,
            description="How far each feature's distribution over the finest areas has moved from the one that the latest wave was modelled"
            " with: population stability index, and whether the nowcast follows the feature.",
        ),
    },
    reads=_read,
    again=Again(states=_earlier),
)
def features(
    context: dg.AssetExecutionContext,
    dim_area: pd.DataFrame,
    area_crosswalk: pd.DataFrame,
    home: Home,
    compute: Compute,
) -> Iterator[dg.Output]:
    """Features as the quarter sees them, and as they were at earlier times."""
    from poverty_assets.features.feature_table import quarter_features
    from poverty_assets.reports.pictures.features import feature_maps
    from poverty_assets.reports.pictures.models import drift_plot
    from poverty_assets.small_area.time.covariate_drift import quarter_stability
    from poverty_assets.small_area.wave_features import wave_features
    from poverty_assets.sources.earlier import earlier_times

    quarter, simulated = quarter_of(context), home.settings.is_simulated
    seen = home.seen(quarter, earlier_times(home.survey_waves(quarter), quarter), compute.raster_workers)
    used = [spec for spec in home.specs if spec.features]
    now, before = quarter_features(used, dim_area, area_crosswalk, home.country, seen)
    maps = picture(feature_maps(now, dim_area, simulated), "Features by area, each from low (dark) to high (bright)")
    yield dg.Output(now, "area_feature", metadata={"maps": maps})
    earlier = wave_features(seen, now, before, home.specs, lambda then: _rates(home, then, dim_area, area_crosswalk))
    yield dg.Output(earlier, "wave_feature")
    finest = pd.Index(dim_area.loc[dim_area["area_level"] == home.country.levels.finest, "area_id"])
    stable = quarter_stability(earlier, covariates(now, home.specs), finest)
    drift = drift_plot(stable, simulated)
    moved = {"drift": picture(drift, "Population stability index by feature")} if drift else {}
    yield dg.Output(stable, "feature_drift", metadata=moved)


def _rates(home: Home, then: Quarter, areas: pd.DataFrame, crosswalk: pd.DataFrame) -> pd.DataFrame:
    from poverty_assets.geography.hierarchy import Hierarchy
    from poverty_assets.registers.counts import rates_then

    registers, hierarchy = home.tables_of_role("register"), Hierarchy.of(areas)
    return rates_then(registers, lambda spec: home.observe(spec.source_id, then).frame, crosswalk, hierarchy)


ASSETS = (features,)
