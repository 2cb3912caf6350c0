"""Registers, and the model of the register's rate.

Belongs here: the assets of groups ``models`` and ``registers``. Does not belong here: fitting, or counting
(``registers``).
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import OWNERS, of_table, picture, scores_table, source_table
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.source import SourceSpec, TableSource, covariates


def build(specs: list[SourceSpec], partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """All assets of both groups."""
    registers = [spec for spec in specs if isinstance(spec, TableSource) and spec.role == "register"]
    earlier = [spec for spec in specs if isinstance(spec, TableSource) and spec.role == "history"]
    used = [spec for spec in specs if spec.features or spec.role == "register"]

    def parts(description: str) -> dg.AssetOut:
        return dg.AssetOut(
            group_name="models",
            owners=OWNERS,
            kinds={"scikitlearn", "parquet"},
            metadata={"sources": source_table(used)},
            description=description,
        )

    @dg.asset(
        group_name="registers",
        owners=OWNERS,
        kinds={"python", "parquet"},
        deps=[f"src_{spec.source_id}" for spec in registers],
        metadata={"sources": source_table(registers)},
        partitions_def=partitions,
    )
    def register_count(
        context: dg.AssetExecutionContext, area_boundary: pd.DataFrame, area_crosswalk: pd.DataFrame, home: Home
    ) -> pd.DataFrame:
        """Households in all and listed, by area, for every register that the quarter sees."""
        from poverty_assets.geography.hierarchy import Hierarchy
        from poverty_assets.registers.counts import count_registers

        quarter = quarter_of(context)
        return count_registers(
            registers, lambda source_id: home.observed(source_id, quarter), area_crosswalk, Hierarchy.of(area_boundary)
        )

    @dg.asset(
        group_name="registers",
        owners=OWNERS,
        kinds={"python", "parquet"},
        deps=[f"src_{spec.source_id}" for spec in earlier],
        metadata={"sources": source_table(earlier)},
        partitions_def=partitions,
    )
    def register_history(context: dg.AssetExecutionContext, area_crosswalk: pd.DataFrame, home: Home) -> pd.DataFrame:
        """Rates of earlier releases of the registers, by commune: a baseline for the model, never a feature of it."""
        from poverty_assets.registers.counts import register_history as history_of

        quarter = quarter_of(context)
        return history_of(earlier, lambda source_id: home.observed(source_id, quarter), area_crosswalk, home.country)

    @dg.multi_asset(
        name="register_model",
        outs={
            "register_prediction": dg.AssetOut(
                group_name="models",
                owners=OWNERS,
                kinds={"scikitlearn", "parquet"},
                metadata={"sources": source_table(used)},
                description="Rate of the register that a model predicts for every commune, without having seen the"
                " commune's 50 km block, with its 95% prediction interval.",
            ),
            "register_run": parts("Runs of the register models: rows of model_run."),
            "register_metric": parts("Scores of the register models and baselines: rows of model_metric."),
        },
        partitions_def=partitions,
    )
    def register_model(
        context: dg.AssetExecutionContext,
        commune_feature: pd.DataFrame,
        register_count: pd.DataFrame,
        register_history: pd.DataFrame,
        dim_area: pd.DataFrame,
        home: Home,
    ) -> Iterator[dg.Output]:
        from poverty_assets.registers.quarter_models import RegisterTables, fit_registers
        from poverty_assets.reports.pictures.drawing import ranked, scatter

        features = covariates(commune_feature, specs)
        fitted = fit_registers(
            RegisterTables(features, register_count, register_history, dim_area, home.country),
            home.settings.models,
            quarter_of(context),
            champions=home.country.champions,
        )
        shown = {}
        if len(fitted.scored):
            png = scatter(
                fitted.scored["rate"], fitted.scored["modelled_rate"], "Register rate, held out by 50 km blocks",
                "rate on the register", "rate predicted without the block", home.settings.is_simulated,
                low=fitted.scored["modelled_rate_ci_low"], high=fitted.scored["modelled_rate_ci_high"],
            )  # fmt: skip
            top = fitted.importance.sort_values("importance", ascending=False).head(20)
            bars = ranked(
                list(top["feature"]), top["importance"], "Permutation importance, held out by 50 km blocks",
                "fall of the Spearman correlation", home.settings.is_simulated,
            )  # fmt: skip
            shown = {
                "plot": picture(png, "Held-out predictions with 95% intervals (grey)"),
                "importance": picture(bars, "How much each feature, with its neighbourhood means, is worth"),
            }
        yield dg.Output(fitted.predictions, "register_prediction", metadata=shown)
        yield dg.Output(fitted.runs, "register_run")
        yield dg.Output(fitted.metrics, "register_metric", metadata={"scores": scores_table(fitted.metrics)})

    @dg.asset(**of_table("fct_register", used, partitions))
    def fct_register(
        context: dg.AssetExecutionContext,
        register_count: pd.DataFrame,
        register_prediction: pd.DataFrame,
        dim_area: pd.DataFrame,
        home: Home,
    ) -> pd.DataFrame:
        from poverty_assets.geography.hierarchy import Hierarchy
        from poverty_assets.registers.rows import all_register_rows
        from poverty_assets.reports.pictures.drawing import area_map
        from poverty_assets.warehouse.headline import combine

        rows = combine("fct_register", [all_register_rows(register_count, register_prediction, Hierarchy.of(dim_area))])
        if len(rows):
            gap = rows[rows["area_level"] == "commune"].drop_duplicates("area_id").set_index("area_id")["coverage_gap"]
            title = "Modelled rate less the register's rate: where it may fall short (orange)"
            png = area_map(dim_area, gap, title, "share of households", home.settings.is_simulated, diverging=True)
            context.add_output_metadata({"map": picture(png, title)})
        return rows

    return [register_count, register_history, register_model, fct_register]
