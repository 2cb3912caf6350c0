"""Direct estimates, overlap and change, from survey households; and the fact tables they share with published figures.

Belongs here: the assets of groups ``estimates``, ``overlap`` and ``change``. Does not belong here: any formula
(``measurement``), or which row of a figure to quote (``warehouse.headline``).
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import picture, shares_table
from poverty_assets.graph.assets.recipe import Said, asset, assets, evidence, of_role
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home

SURVEYS = of_role("survey")
DIRECT = ("direct_mpi", "direct_headcount", "direct_contribution")
TEXT = "Direct rows of fct_{}: survey households in the area, design-based standard errors, after disclosure control."
OVERLAP = {
    "pairs": "fct_overlap_pair",
    "counts": "fct_deprivation_count",
    "dimensions": "fct_dimension_overlap",
    "bundles": "fct_bundle",
    "typology": "fct_typology",
    "classes": "dim_typology",
}


@asset(Said("estimates", SURVEYS))
def disclosure_decision(survey_household: pd.DataFrame, dim_area: pd.DataFrame, home: Home) -> pd.DataFrame:
    """One decision for each area and subgroup: withheld, flagged or neither. It serves every table, so that no
    withheld cell follows from the others by subtraction."""
    from poverty_assets.geography.hierarchy import Hierarchy
    from poverty_assets.measurement.direct_tables import disclosure_decisions, no_decisions

    if survey_household.empty:
        return no_decisions()
    return disclosure_decisions(survey_household, home.measure, Hierarchy.of(dim_area))


@asset(Said(of=evidence))
def screening(
    survey_household: pd.DataFrame, published_headcount: pd.DataFrame, dim_area: pd.DataFrame, home: Home
) -> pd.DataFrame:
    """What the survey can bear, before anything is modelled."""
    from poverty_assets.measurement.screening import screen

    return screen(survey_household, published_headcount, dim_area, home.measure)


@assets({name: Said("estimates", SURVEYS, description=TEXT.format(name.removeprefix("direct_"))) for name in DIRECT})
def direct_estimates(
    survey_household: pd.DataFrame, disclosure_decision: pd.DataFrame, dim_area: pd.DataFrame, home: Home
) -> Iterator[dg.Output]:
    """What the survey says of areas by itself."""
    from poverty_assets.geography.hierarchy import Hierarchy
    from poverty_assets.measurement.direct_tables import direct_tables, no_direct_tables

    tables, kept = no_direct_tables(), home.decided
    if not survey_household.empty:
        tables = direct_tables(survey_household, home.measure, Hierarchy.of(dim_area), disclosure_decision, kept)
    yield dg.Output(tables.mpi, "direct_mpi", metadata={"households left out": shares_table(tables.left_out)})
    yield dg.Output(tables.headcount, "direct_headcount")
    yield dg.Output(tables.contribution, "direct_contribution")


@asset(Said(of=evidence))
def fct_mpi(
    context: dg.AssetExecutionContext,
    direct_mpi: pd.DataFrame,
    area_mpi: pd.DataFrame,
    published_mpi: pd.DataFrame,
    dim_area: pd.DataFrame,
    late_source: pd.DataFrame,
    home: Home,
) -> pd.DataFrame:
    """H, A, M0, near-poor and severe, of every evidence."""
    from poverty_assets.reports.pictures.drawing import headcount_map
    from poverty_assets.warehouse.headline import combine

    earlier = home.surveyed_earlier(quarter_of(context))
    parts = [direct_mpi, area_mpi, published_mpi]
    rows = combine("fct_mpi", parts, home.country.levels, earlier=earlier, late=late_source)
    png = headcount_map(rows, dim_area, home.settings.is_simulated)
    level = home.country.levels[home.country.levels.published].name("en")
    context.add_output_metadata({"map": picture(png, f"Headcount ratio by {level}, k of one third")})
    return rows


@asset(Said(of=evidence))
def fct_headcount(
    context: dg.AssetExecutionContext,
    direct_headcount: pd.DataFrame,
    area_headcount: pd.DataFrame,
    published_headcount: pd.DataFrame,
    late_source: pd.DataFrame,
    home: Home,
) -> pd.DataFrame:
    """Headcounts of indicators, of every evidence."""
    from poverty_assets.warehouse.headline import combine

    rows = [direct_headcount, area_headcount, published_headcount]
    earlier = home.surveyed_earlier(quarter_of(context))
    return combine("fct_headcount", rows, home.country.levels, earlier=earlier, late=late_source)


@asset(Said(of=evidence))
def fct_contribution(
    context: dg.AssetExecutionContext,
    direct_contribution: pd.DataFrame,
    area_contribution: pd.DataFrame,
    published_contribution: pd.DataFrame,
    late_source: pd.DataFrame,
    home: Home,
) -> pd.DataFrame:
    """Contributions of indicators, of every evidence."""
    from poverty_assets.warehouse.headline import combine

    rows = [direct_contribution, area_contribution, published_contribution]
    earlier = home.surveyed_earlier(quarter_of(context))
    return combine("fct_contribution", rows, home.country.levels, earlier=earlier, late=late_source)


@assets({name: Said(of=evidence) for name in OVERLAP.values()})
def overlap(
    context: dg.AssetExecutionContext,
    survey_household: pd.DataFrame,
    disclosure_decision: pd.DataFrame,
    dim_area: pd.DataFrame,
    area_pair: pd.DataFrame,
    area_count: pd.DataFrame,
    area_dimension: pd.DataFrame,
    area_bundle: pd.DataFrame,
    late_source: pd.DataFrame,
    home: Home,
) -> Iterator[dg.Output]:
    """Which deprivations meet in the same household."""
    from poverty_assets.geography.hierarchy import Hierarchy
    from poverty_assets.measurement.direct_tables import no_overlap_tables, overlap_tables
    from poverty_assets.reports.pictures.country_overlap import country_pictures
    from poverty_assets.warehouse.headline import combine_overlap

    if survey_household.empty:
        tables, pictures = no_overlap_tables(), {}
    else:
        areas, kept = Hierarchy.of(dim_area), home.decided
        tables = overlap_tables(survey_household, home.measure, areas, disclosure_decision, kept=kept)
        pictures = country_pictures(tables, home.measure, home.country, home.settings.is_simulated)
    of_areas = {"pairs": area_pair, "counts": area_count, "dimensions": area_dimension, "bundles": area_bundle}
    levels = home.country.levels
    flags = {"earlier": home.surveyed_earlier(quarter_of(context)), "late": late_source}
    for name, table in OVERLAP.items():
        rows = combine_overlap(table, getattr(tables, name), of_areas.get(name), levels, **flags)
        yield dg.Output(rows, table, metadata={"plot": picture(pictures[name], table)} if name in pictures else {})


@asset(Said(of=SURVEYS))
def fct_change(
    context: dg.AssetExecutionContext,
    direct_mpi: pd.DataFrame,
    direct_headcount: pd.DataFrame,
    survey_household_before: pd.DataFrame,
    dim_area: pd.DataFrame,
    late_source: pd.DataFrame,
    home: Home,
) -> pd.DataFrame:
    """Change between the two waves; that between quarters is added when they are published."""
    from poverty_assets.geography.hierarchy import Hierarchy
    from poverty_assets.measurement.direct_tables import DirectTables, wave_change
    from poverty_assets.warehouse.headline import combine

    if direct_mpi.empty or survey_household_before.empty:
        return combine("fct_change", [], home.country.levels)
    periods = [noted for _, noted in home.survey_waves(quarter_of(context))[-2:]]
    after, areas = DirectTables(direct_mpi, direct_headcount), Hierarchy.of(dim_area)
    rows = wave_change(survey_household_before, after, home.measure, areas, periods[0], periods[1], home.decided)
    made = [rows.assign(edition=dim_area["edition"].iloc[0])]
    return combine("fct_change", made, home.country.levels, late=late_source)


ASSETS = (
    disclosure_decision, screening, direct_estimates, fct_mpi, fct_headcount, fct_contribution, overlap, fct_change,
)  # fmt: skip
