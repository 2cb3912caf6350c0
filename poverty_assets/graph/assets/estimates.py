"""Direct estimates, overlap and change, from survey households; and the fact tables they share with published figures.

Belongs here: the assets of groups ``estimates``, ``overlap`` and ``change``. Does not belong here: any formula
(``measurement``), or which row of a figure to quote (``warehouse.headline``).
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import OWNERS, of_table, out_of_table, picture, source_table
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.source import SourceSpec

DIRECT = ("direct_mpi", "direct_headcount", "direct_contribution")
OVERLAP = {
    "pairs": "fct_overlap_pair",
    "counts": "fct_deprivation_count",
    "dimensions": "fct_dimension_overlap",
    "bundles": "fct_bundle",
    "typology": "fct_typology",
    "classes": "dim_typology",
}


def build(specs: list[SourceSpec], partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """All assets of the three groups."""
    surveys = [spec for spec in specs if spec.role == "survey"]
    evidence = [spec for spec in specs if spec.features or spec.role in ("survey", "register", "published")]

    @dg.asset(
        group_name="estimates",
        owners=OWNERS,
        kinds={"python", "parquet"},
        metadata={"sources": source_table(surveys)},
        partitions_def=partitions,
    )
    def disclosure_decision(survey_household: pd.DataFrame, dim_area: pd.DataFrame, home: Home) -> pd.DataFrame:
        """One decision for each area and subgroup: withheld, flagged or neither. It serves every table, so that no
        withheld cell follows from the others by subtraction."""
        from poverty_assets.geography.hierarchy import Hierarchy
        from poverty_assets.measurement.direct_tables import disclosure_decisions, no_decisions

        if survey_household.empty:
            return no_decisions()
        return disclosure_decisions(survey_household, home.measure, Hierarchy.of(dim_area))

    @dg.multi_asset(
        name="direct_estimates",
        outs={
            name: dg.AssetOut(
                group_name="estimates",
                owners=OWNERS,
                kinds={"python", "parquet"},
                metadata={"sources": source_table(surveys)},
                description=f"Direct rows of fct_{name.removeprefix('direct_')}: survey households in the area, design-based"
                " standard errors, after disclosure control.",
            )
            for name in DIRECT
        },
        partitions_def=partitions,
    )
    def direct_estimates(
        survey_household: pd.DataFrame, disclosure_decision: pd.DataFrame, dim_area: pd.DataFrame, home: Home
    ) -> Iterator[dg.Output]:
        from poverty_assets.geography.hierarchy import Hierarchy
        from poverty_assets.measurement.direct_tables import direct_tables, no_direct_tables

        tables = (
            no_direct_tables()
            if survey_household.empty
            else direct_tables(survey_household, home.measure, Hierarchy.of(dim_area), disclosure_decision)
        )
        yield dg.Output(tables.mpi, "direct_mpi", metadata={"households left out": _left_out(tables.left_out)})
        yield dg.Output(tables.headcount, "direct_headcount")
        yield dg.Output(tables.contribution, "direct_contribution")

    @dg.asset(**of_table("fct_mpi", evidence, partitions))
    def fct_mpi(
        context: dg.AssetExecutionContext,
        direct_mpi: pd.DataFrame,
        area_mpi: pd.DataFrame,
        published_mpi: pd.DataFrame,
        dim_area: pd.DataFrame,
        home: Home,
    ) -> pd.DataFrame:
        from poverty_assets.reports.pictures.drawing import headcount_map
        from poverty_assets.warehouse.headline import combine

        rows = combine("fct_mpi", [direct_mpi, area_mpi, published_mpi])
        png = headcount_map(rows, dim_area, home.settings.is_simulated)
        context.add_output_metadata({"map": picture(png, "Headcount ratio by province, k of one third")})
        return rows

    @dg.asset(**of_table("fct_headcount", evidence, partitions))
    def fct_headcount(
        direct_headcount: pd.DataFrame, area_headcount: pd.DataFrame, published_headcount: pd.DataFrame
    ) -> pd.DataFrame:
        from poverty_assets.warehouse.headline import combine

        return combine("fct_headcount", [direct_headcount, area_headcount, published_headcount])

    @dg.asset(**of_table("fct_contribution", evidence, partitions))
    def fct_contribution(
        direct_contribution: pd.DataFrame, area_contribution: pd.DataFrame, published_contribution: pd.DataFrame
    ) -> pd.DataFrame:
        from poverty_assets.warehouse.headline import combine

        return combine("fct_contribution", [direct_contribution, area_contribution, published_contribution])

    @dg.multi_asset(
        name="overlap",
        outs={table: out_of_table(table, evidence) for table in OVERLAP.values()},
        partitions_def=partitions,
    )
    def overlap(
        survey_household: pd.DataFrame,
        disclosure_decision: pd.DataFrame,
        dim_area: pd.DataFrame,
        area_pair: pd.DataFrame,
        area_count: pd.DataFrame,
        area_dimension: pd.DataFrame,
        area_bundle: pd.DataFrame,
        home: Home,
    ) -> Iterator[dg.Output]:
        from poverty_assets.geography.hierarchy import Hierarchy
        from poverty_assets.measurement.direct_tables import no_overlap_tables, overlap_tables
        from poverty_assets.reports.pictures.country_overlap import country_pictures
        from poverty_assets.warehouse.headline import combine, of_one_method

        if survey_household.empty:
            tables, pictures = no_overlap_tables(), {}
        else:
            tables = overlap_tables(survey_household, home.measure, Hierarchy.of(dim_area), disclosure_decision)
            pictures = country_pictures(tables, home.measure, home.country, home.settings.is_simulated)
        of_areas = {"pairs": area_pair, "counts": area_count, "dimensions": area_dimension, "bundles": area_bundle}
        for name, table in OVERLAP.items():
            frame = getattr(tables, name)
            both = [part for part in (frame, of_areas.get(name, frame.head(0))) if len(part)]
            if name == "bundles" and both:
                both = [of_one_method(pd.concat(both, ignore_index=True))]
            rows = combine(table, both) if table.startswith("fct_") else frame
            shown = {"plot": picture(pictures[name], table)} if name in pictures else {}
            yield dg.Output(rows, table, metadata=shown)

    @dg.asset(**of_table("fct_change", surveys, partitions))
    def fct_change(
        context: dg.AssetExecutionContext,
        survey_household: pd.DataFrame,
        survey_household_before: pd.DataFrame,
        dim_area: pd.DataFrame,
        home: Home,
    ) -> pd.DataFrame:
        from poverty_assets.geography.hierarchy import Hierarchy
        from poverty_assets.measurement.direct_tables import wave_change
        from poverty_assets.warehouse.headline import combine

        if survey_household.empty or survey_household_before.empty:
            return combine("fct_change", [])
        periods = [noted for _, noted in home.survey_waves(quarter_of(context))[-2:]]
        rows = wave_change(
            survey_household_before, survey_household, home.measure, Hierarchy.of(dim_area), periods[0], periods[1]
        )
        return combine("fct_change", [rows])

    return [
        disclosure_decision, direct_estimates, fct_mpi, fct_headcount, fct_contribution, overlap, fct_change,
    ]  # fmt: skip


def _left_out(table: pd.DataFrame) -> dg.MarkdownMetadataValue:
    """Share of people left out because an indicator is not known, country first."""
    rows = table.head(26).itertuples(index=False)
    names = " | ".join(map(str, table.columns))
    lines = [f"| {names} |", "|" + "---|" * len(table.columns)]
    lines += ["| " + " | ".join(f"{v:.4f}" if isinstance(v, float) else str(v) for v in row) + " |" for row in rows]
    return dg.MetadataValue.md("\n".join(lines))
