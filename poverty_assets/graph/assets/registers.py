"""Registers, and the model of the register's rate.

Belongs here: the assets of groups ``models`` and ``registers``. Does not belong here: fitting, or counting (``registers``).
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import pictures, scores_table
from poverty_assets.graph.assets.recipe import KNOWS_NO_QUARTER, Said, asset, assets, featured_or, of_role
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.source import covariates

USED = featured_or("register")
_LEARNT = ("scikitlearn", "parquet")


@asset(Said("registers", of_role("register")), reads=of_role("register"), again=KNOWS_NO_QUARTER)
def register_count(
    context: dg.AssetExecutionContext, area_boundary: pd.DataFrame, area_crosswalk: pd.DataFrame, home: Home
) -> pd.DataFrame:
    """Households in all and listed, by area, for every register that the quarter sees."""
    from poverty_assets.geography.hierarchy import Hierarchy
    from poverty_assets.registers.counts import count_registers

    read = home.reader(quarter_of(context))
    return count_registers(home.tables_of_role("register"), read, area_crosswalk, Hierarchy.of(area_boundary))


@asset(Said("registers", of_role("history")), reads=of_role("history"), again=KNOWS_NO_QUARTER)
def register_history(context: dg.AssetExecutionContext, area_crosswalk: pd.DataFrame, home: Home) -> pd.DataFrame:
    """Rates of earlier releases of the registers, by area: a baseline for the model, never a feature of it."""
    from poverty_assets.registers.counts import register_history as history_of

    read = home.reader(quarter_of(context))
    return history_of(home.tables_of_role("history"), read, area_crosswalk)


@assets(
    {
        "register_prediction": Said(
            "models",
            USED,
            _LEARNT,
            "Rate of the register that a model predicts for every area of the finest level, without having seen its block of land, with its"
            " 95% prediction interval.",
        ),
        "register_run": Said("models", USED, _LEARNT, "Runs of the register models: rows of model_run."),
        "register_metric": Said(
            "models", USED, _LEARNT, "Scores of the register models and baselines: rows of model_metric."
        ),
    }
)
def register_model(
    context: dg.AssetExecutionContext,
    area_feature: pd.DataFrame,
    register_count: pd.DataFrame,
    register_history: pd.DataFrame,
    dim_area: pd.DataFrame,
    home: Home,
) -> Iterator[dg.Output]:
    """Models of every register's rate."""
    from poverty_assets.registers.quarter_models import RegisterTables, fit_registers
    from poverty_assets.reports.pictures.models import register_plots

    features = covariates(area_feature, home.specs)
    tables = RegisterTables(features, register_count, register_history, dim_area, home.country)
    quarter, champions = quarter_of(context), home.country.champions
    fitted = fit_registers(tables, home.settings.models, quarter, champions=champions)
    shown = register_plots(fitted.scored, fitted.importance, home.settings.is_simulated)
    yield dg.Output(fitted.predictions, "register_prediction", metadata=pictures(shown))
    yield dg.Output(fitted.runs, "register_run")
    yield dg.Output(fitted.metrics, "register_metric", metadata={"scores": scores_table(fitted.metrics)})


@asset(Said(of=USED))
def fct_register(
    context: dg.AssetExecutionContext,
    register_count: pd.DataFrame,
    register_prediction: pd.DataFrame,
    dim_area: pd.DataFrame,
    late_source: pd.DataFrame,
    home: Home,
) -> pd.DataFrame:
    """Households listed, the rate, and the rate that a model predicts."""
    from poverty_assets.geography.hierarchy import Hierarchy
    from poverty_assets.registers.rows import all_register_rows
    from poverty_assets.reports.pictures.models import gap_map
    from poverty_assets.warehouse.headline import combine

    made = all_register_rows(register_count, register_prediction, Hierarchy.of(dim_area))
    rows = combine("fct_register", [made], home.country.levels, late=late_source)
    context.add_output_metadata(pictures(gap_map(rows, dim_area, home.settings.is_simulated)))
    return rows


ASSETS = (register_count, register_history, register_model, fct_register)
