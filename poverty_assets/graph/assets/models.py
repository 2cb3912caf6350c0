"""Models and their scores: what was fitted, and how every learner and baseline did.

Belongs here: ``model_run`` and ``model_metric``, which gather what each model reports. Does not belong here: fitting or scoring.
"""

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import scores_table
from poverty_assets.graph.assets.recipe import Said, asset, featured_or

USED = featured_or("survey", "register")


@asset(Said(of=USED))
def model_run(register_run: pd.DataFrame, margin_run: pd.DataFrame) -> pd.DataFrame:
    """What was fitted."""
    return pd.concat([register_run, margin_run], ignore_index=True)


@asset(Said(of=USED))
def model_metric(
    context: dg.AssetExecutionContext,
    register_metric: pd.DataFrame,
    margin_metric: pd.DataFrame,
    truth_metric: pd.DataFrame,
    official_metric: pd.DataFrame,
) -> pd.DataFrame:
    """How everything that was fitted, and every baseline, did."""
    rows = pd.concat([register_metric, margin_metric, truth_metric, official_metric], ignore_index=True)
    if len(rows):
        context.add_output_metadata({"scores": scores_table(rows)})
    return rows


ASSETS = (model_run, model_metric)
