"""Estimates of the simulated twin against its truth.

Belongs here: the asset of group ``evaluation``, the one step that is given the folder of truth. Does not belong here: scoring
(``poverty_assets.evaluation``). Real data have no truth: the asset then has no rows.
"""

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import pictures, scores_table
from poverty_assets.graph.assets.recipe import Said, asset, evidence
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home

SHOWN = ("coverage95", "width95", "bias", "bias_poorest_tenth", "sd_ratio", "mae", "spearman")


@asset(Said("evaluation", evidence))
def truth_metric(
    context: dg.AssetExecutionContext,
    area_draw: pd.DataFrame,
    commune_profile: pd.DataFrame,
    dim_area: pd.DataFrame,
    home: Home,
) -> pd.DataFrame:
    """Scores against the simulated twin's truth, by evidence and kind of commune: coverage, width, bias, error. No step that
    fits anything reads that truth."""
    from poverty_assets.evaluation.judge import judge
    from poverty_assets.reports.pictures.evaluation import evaluation_pictures

    if not home.settings.is_simulated or area_draw.empty:
        return pd.DataFrame()
    quarter = quarter_of(context)
    judged = judge(area_draw, commune_profile, dim_area, home.settings.truth, quarter, home.measure)
    tables = {
        "scores": scores_table(judged.metrics, SHOWN),
        "joint profiles": scores_table(judged.joint, tuple(judged.joint["metric"])),
    }
    context.add_output_metadata(pictures(evaluation_pictures(judged, dim_area)) | tables)
    return pd.concat([judged.metrics, judged.joint], ignore_index=True).assign(as_of_quarter=quarter.start)


ASSETS = (truth_metric,)
