"""Models and their scores: what was fitted, and how every learner and baseline did.

Belongs here: ``model_run`` and ``model_metric``, which gather what each model reports. Does not belong here: fitting or scoring.
"""

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import of_table, scores_table
from poverty_assets.pack.source import SourceSpec


def build(specs: list[SourceSpec], partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Both assets of the group."""
    used = [spec for spec in specs if spec.features or spec.role in ("survey", "register")]

    @dg.asset(**of_table("model_run", used, partitions))
    def model_run(register_run: pd.DataFrame, margin_run: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([register_run, margin_run], ignore_index=True)

    @dg.asset(**of_table("model_metric", used, partitions))
    def model_metric(
        context: dg.AssetExecutionContext,
        register_metric: pd.DataFrame,
        margin_metric: pd.DataFrame,
        truth_metric: pd.DataFrame,
    ) -> pd.DataFrame:
        rows = pd.concat([register_metric, margin_metric, truth_metric], ignore_index=True)
        if rows.empty:
            return rows
        context.add_output_metadata({"scores": scores_table(rows[~rows["metric"].str.contains("[", regex=False)])})
        return rows

    return [model_run, model_metric]
