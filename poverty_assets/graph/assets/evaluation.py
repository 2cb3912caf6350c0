"""Estimates of the simulated twin against its truth.

Belongs here: the asset of group ``evaluation``, the one step that is given the folder of truth. Does not belong here: scoring
(``poverty_assets.evaluation``). Real data have no truth: the asset then has no rows.
"""

import dagster as dg
import numpy as np
import pandas as pd

from poverty_assets.graph.assets.describe import OWNERS, picture, scores_table, source_table
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.source import SourceSpec

SHOWN = ("coverage95", "width95", "bias", "bias_poorest_tenth", "sd_ratio", "mae", "spearman")


def build(specs: list[SourceSpec], partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The asset of the group."""
    used = [spec for spec in specs if spec.features or spec.role in ("survey", "register", "published")]

    @dg.asset(
        group_name="evaluation",
        owners=OWNERS,
        kinds={"python", "parquet"},
        partitions_def=partitions,
        metadata={"sources": source_table(used)},
    )
    def truth_metric(
        context: dg.AssetExecutionContext,
        area_draw: pd.DataFrame,
        commune_profile: pd.DataFrame,
        dim_area: pd.DataFrame,
        home: Home,
    ) -> pd.DataFrame:
        """Scores against the simulated twin's truth, by evidence and kind of commune: coverage, width, bias, error. No step that
        fits anything reads that truth."""
        from poverty_assets.evaluation import scores, truth
        from poverty_assets.reports.pictures.drawing import area_map
        from poverty_assets.reports.pictures.evaluation import coverage_page, evaluation_page

        if not home.settings.is_simulated or area_draw.empty:
            return pd.DataFrame(columns=list(scores.COLUMNS))
        folder, quarter, measure = home.settings.truth, quarter_of(context), home.measure
        known = truth.commune_truth(folder, quarter)
        compared = scores.compare(area_draw, known, measure)
        metrics = scores.scores(compared, truth.kinds_of_commune(known, dim_area))
        profiles = np.stack(commune_profile["profile"].to_list())
        true = truth.true_profiles(folder, quarter, list(commune_profile["area_id"]), measure)
        unseen = (compared[0].table["method"] != "composite").to_numpy()
        joint = scores.profile_scores(profiles, true, unseen, measure)
        poor = compared[0].table.set_index("area_id")
        error = area_map(
            dim_area,
            poor["estimate"] - poor["true"],
            "Error of the headcount ratio",
            "share of people",
            True,
            diverging=True,
        )
        context.add_output_metadata(
            {
                "headcount ratio": picture(
                    evaluation_page(compared[0], "Headcount ratio of communes"), "H against truth"
                ),
                "coverage": picture(coverage_page(metrics), "Coverage of every figure"),
                "map of error": picture(error, "Estimated less true headcount ratio"),
                "scores": scores_table(metrics, SHOWN),
                "joint profiles": scores_table(joint, tuple(joint["metric"])),
            }
        )
        return pd.concat([metrics, joint], ignore_index=True)

    return [truth_metric]
