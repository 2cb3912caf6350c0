"""The household survey: the wave that serves the quarter, and the one before it.

Belongs here: the assets of groups ``survey`` and ``measures``. Household rows stay in the lake. Does not belong here:
reading surveys (``sources.surveys``) or deriving deprivations (``measure.measure``).
"""

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import OWNERS, of_table, source_table
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.source import SourceSpec
from poverty_assets.sources.readers import Observation

DESCRIPTION = (
    "Households of the survey wave that serves the quarter{which}, with the deprivations of the measure."
    " A wave serves from the end of its fieldwork until the next one's. Household rows never leave the lake."
)


def build(specs: list[SourceSpec], partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """All assets of both groups."""
    waves = [spec for spec in specs if spec.role == "survey"]

    @dg.asset(**of_table("dim_indicator", [], partitions))
    def dim_indicator(home: Home) -> pd.DataFrame:
        from poverty_assets.measure.measure import load_measure

        files = sorted((home.country.folder / "measures").glob("*.yaml"))
        return pd.concat([load_measure(file).dim_indicator() for file in files], ignore_index=True)

    def households(name: str, which: str, place: int) -> dg.AssetsDefinition:
        @dg.asset(
            name=name,
            description=DESCRIPTION.format(which=which),
            group_name="survey",
            owners=OWNERS,
            kinds={"python", "parquet"},
            partitions_def=partitions,
            deps=[f"src_{spec.source_id}" for spec in waves],
            metadata={"sources": source_table(waves)},
        )
        def wave(context: dg.AssetExecutionContext, home: Home) -> Observation:
            from poverty_assets.measurement.direct_tables import measured_households

            found = home.survey_waves(quarter_of(context))
            if len(found) <= place:
                return Observation(pd.DataFrame(), "", 0, metadata={"absent": "no such wave by the quarter's end"})
            source_id, noted = found[-1 - place]
            frame = measured_households(home.lake.read(f"src_{source_id}", quarter_of(context)), home.measure)
            context.add_output_metadata({"wave": source_id, "observed to": noted["observed_to"]})
            return Observation(frame, noted["sha256"], len(frame), metadata=noted)

        return wave

    return [
        dim_indicator,
        households("survey_household", "", 0),
        households("survey_household_before", " before it", 1),
    ]
