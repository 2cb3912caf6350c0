"""Estimates against what is known otherwise: of the simulated twin its truth, of a country official rates.

Belongs here: the assets of group ``evaluation``, the only steps that are given the folder of truth or official rates. Does not belong
here: scoring (``poverty_assets.evaluation``). Real data have no truth, the twin has no official rates: the asset then has no rows.
"""

from typing import Any

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import pictures, scores_table
from poverty_assets.graph.assets.recipe import Again, Pack, Said, asset, evidence
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.graph.reuse.step import Statement
from poverty_assets.pack.country import load_truth_sources
from poverty_assets.pack.source import SourceSpec, covariates
from poverty_assets.quarter import Quarter

SHOWN = ("coverage95", "width95", "bias", "bias_poorest_tenth", "sd_ratio", "mae", "spearman")


def rates(pack: Pack) -> list[SourceSpec]:
    """Sources of official rates."""
    return [*load_truth_sources(pack.country, simulated=pack.simulated)]


def _truth(home: Home, quarter: Quarter) -> Statement:
    return Statement(files=[home.settings.truth])


def _official(home: Home, quarter: Quarter) -> Statement:
    of_landing = load_truth_sources(home.country, simulated=home.settings.is_simulated)
    return Statement(files=[home.landing / spec.path for spec in of_landing])


@asset(Said("evaluation", evidence), again=Again(states=_truth))
def truth_metric(
    context: dg.AssetExecutionContext,
    area_draw: pd.DataFrame,
    area_profile: pd.DataFrame,
    dim_area: pd.DataFrame,
    home: Home,
) -> pd.DataFrame:
    """Scores against the simulated twin's truth, by evidence and kind of area: coverage, width, bias, error. No step that
    fits anything reads that truth."""
    from poverty_assets.evaluation.judge import judge
    from poverty_assets.reports.pictures.evaluation import evaluation_pictures

    if not home.settings.is_simulated or area_draw.empty:
        return pd.DataFrame()
    quarter = quarter_of(context)
    judged = judge(area_draw, area_profile, dim_area, home.settings.truth, quarter, home.measure)
    tables = {"scores": scores_table(judged.metrics, SHOWN)}
    if len(judged.joint):
        tables["joint profiles"] = scores_table(judged.joint, tuple(judged.joint["metric"]))
    context.add_output_metadata(pictures(evaluation_pictures(judged, dim_area)) | tables)
    return pd.concat([judged.metrics, judged.joint], ignore_index=True).assign(as_of_quarter=quarter.start)


@asset(Said("evaluation", rates), again=Again(states=_official))
def official_metric(
    context: dg.AssetExecutionContext,
    fct_mpi: pd.DataFrame,
    area_feature: pd.DataFrame,
    dim_area: pd.DataFrame,
    home: Home,
) -> Any:  # rows with notes or alone: Dagster takes no union for a type
    """Published headcount ratios beside official rates of the nearest year, and beside baselines. No step that fits anything is given
    those rates; a covariate that holds them is refused."""
    from poverty_assets.evaluation.official import official_scores, read_official, refuse_truth_among_covariates

    official = read_official(home.country, home.landing, simulated=home.settings.is_simulated)
    refuse_truth_among_covariates(covariates(area_feature, home.specs), official.tables, dim_area)
    quarter = quarter_of(context)
    made = official_scores(fct_mpi, official.tables, dim_area, home.measure, quarter)
    rows = made.metrics.assign(as_of_quarter=quarter.start)
    if len(rows):
        context.add_output_metadata({"scores": scores_table(rows, ("spearman", "rmse", "bias"))})
    return home.noted(rows, {"scored": made.notes, "not there": official.absent})


ASSETS = (truth_metric, official_metric)
