"""The models of all registers of a quarter: fitted from the quarter's tables, saved, and told as rows of the warehouse.

Belongs here: from the quarter's tables to the inputs of each register's model, and from the fitted model to ``model_run``,
``model_metric`` and predictions. Does not belong here: fitting and judging one model (``model``), rows of ``fct_register``
(``rows``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from poverty_assets.catalog import table
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.judging.folds import BLOCKS, design_name
from poverty_assets.pack.country import Country
from poverty_assets.quarter import Quarter
from poverty_assets.registers.artifact import save_model
from poverty_assets.registers.counts import rate_of
from poverty_assets.registers.model import RegisterInputs, RegisterModel, fit_register_model
from poverty_assets.registers.rows import withheld_areas

LEAST_AREAS = 50
PREDICTION = (
    "register_id",
    "area_id",
    "modelled_rate",
    "modelled_rate_ci_low",
    "modelled_rate_ci_high",
    "quality_flag",
)
OUTSIDE = "outside_area_of_applicability"
_NO_ROWS: dict[str, Sequence[str]] = {
    "predictions": PREDICTION,
    "runs": (),
    "metrics": (),
    "scored": ("area_id", "rate", *PREDICTION[2:5]),
    "importance": ("register_id", "feature", "importance"),
}


@dataclass(frozen=True)
class RegisterModels:
    """What came of the models of a quarter's registers.

    Attributes
    ----------
    predictions : DataFrame
        Columns ``PREDICTION``, a row for every register and finest area.
    runs, metrics : DataFrame (catalog: ``model_run``, ``model_metric``)
    scored : DataFrame
        Finest areas with a rate, with their held-out prediction.
    importance : DataFrame
        ``register_id, feature, importance``.
    """

    predictions: pd.DataFrame
    runs: pd.DataFrame
    metrics: pd.DataFrame
    scored: pd.DataFrame
    importance: pd.DataFrame


@dataclass(frozen=True, eq=False)
class RegisterTables:
    """What a quarter knows when its registers' models are fitted.

    Attributes
    ----------
    features : DataFrame (catalog: ``area_feature``)
    counts : DataFrame (lake: ``register_count``)
        ``register_id, area_id, households, listed``.
    history : DataFrame (lake: ``register_history``)
        ``register_id, area_id, rate`` of earlier releases: baselines to beat, never features.
    areas : DataFrame (catalog: ``dim_area``)
    country : Country
    """

    features: pd.DataFrame
    counts: pd.DataFrame
    history: pd.DataFrame
    areas: pd.DataFrame
    country: Country


def fit_registers(
    tables: RegisterTables,
    models: Path,
    quarter: Quarter,
    *,
    champions: Mapping[str, str] | None = None,
    seed: int = 0,
) -> RegisterModels:
    """Fit a model of each register's rate from the quarter's features, and save it.

    Parameters
    ----------
    tables : RegisterTables
    models : Path
        Folder of artifacts.
    champions : mapping of str to str, optional
        For a register, the learner that served the last quarter; it stays unless another beats it on this quarter's folds.

    Notes
    -----
    A register with fewer than 50 finest areas is published without a modelled rate.
    """
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in _NO_ROWS}
    for register_id, inputs in register_inputs(tables).items():
        if inputs.rate.notna().sum() < LEAST_AREAS:
            continue
        fitted = fit_register_model(inputs, champion=(champions or {}).get(register_id), seed=seed)
        fitted = replace(fitted, metrics=_published_scores(fitted, Hierarchy.of(tables.areas), tables.country))
        path = save_model(fitted, models / f"register_rate_{register_id}" / f"quarter={quarter.key}" / "model.skops")
        made = _rows(fitted, inputs, quarter, path.relative_to(models.parent).as_posix())
        for name, frame in made.items():
            parts[name].append(frame)
    kept = {"runs": table("model_run"), "metrics": table("model_metric")}
    empty = _NO_ROWS | {name: [column.name for column in one.lake_columns] for name, one in kept.items()}
    joined = {
        name: pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(empty[name]))
        for name, frames in parts.items()
    }
    return RegisterModels(**joined)


def register_inputs(tables: RegisterTables) -> dict[str, RegisterInputs]:
    """What the model of each register is fitted from, by register: rows are finest areas, in order of ``area_id``.

    Areas whose number of listed households is withheld are not learnt from.
    """
    areas, country = tables.areas, tables.country
    hierarchy = Hierarchy.of(areas)
    numbers = hierarchy.members(hierarchy.finest)
    finest = areas.set_index("area_id").loc[hierarchy.ids[numbers]].reset_index()
    wide = tables.features.pivot(index="area_id", columns="feature_id", values="value").reindex(finest["area_id"])
    wide = wide.assign(**_of_areas(finest))
    xy = _metric_points(finest, country)
    answer = {}
    for register_id, counts in tables.counts.groupby("register_id", sort=True):
        # A model that had seen a withheld rate would hold it: in what is saved of it, and in what it predicts for others.
        shown = counts[~counts["area_id"].isin(withheld_areas(counts, hierarchy))]
        own = shown.set_index("area_id").reindex(finest["area_id"])
        past = tables.history[tables.history["register_id"] == register_id].set_index("area_id")["rate"]
        answer[str(register_id)] = RegisterInputs(
            target=str(register_id),
            features=wide,
            rate=rate_of(own).astype(float),
            households=own["households"].astype(float),
            xy=xy,
            published=hierarchy.ids[hierarchy.ancestor(numbers, hierarchy.published)].astype(str),
            lagged=past.reindex(finest["area_id"]) if len(past) else None,
            alone=tuple(name for name in country.baseline_features if name in wide),
            block_metres=country.block_metres,
        )
    return answer


def _of_areas(finest: pd.DataFrame) -> dict[str, np.ndarray]:
    """Features that the areas themselves give: small and thinly peopled finest areas have more of their households listed.

    People counted by the census, never the register's own number of households: that one divides the rate.
    """
    people, km2 = (finest[name].to_numpy(dtype=float) for name in ("population", "area_km2"))
    return {"area_population": people, "area_population_per_km2": people / km2, "area_km2": km2}


def _metric_points(finest: pd.DataFrame, country: Country) -> np.ndarray:
    from pyproj import Transformer

    to_metric = Transformer.from_crs("EPSG:4326", country.metric_crs, always_xy=True)
    return np.column_stack(to_metric.transform(finest["centroid_lon"], finest["centroid_lat"]))


def _published_scores(fitted: RegisterModel, hierarchy: Hierarchy, country: Country) -> pd.DataFrame:
    """Scores with the level of the areas scored, that of intervals among them, and fold designs by their published names."""
    own = fitted.metrics
    coverage = {"target": own["target"].iloc[0], "learner": fitted.learner, "feature": "", "fold_design": BLOCKS,
                "metric": "coverage95", "value": fitted.interval_coverage, "n": fitted.n_training}  # fmt: skip
    scores = pd.concat([own, pd.DataFrame([coverage])], ignore_index=True)
    designs = scores["fold_design"].map(lambda design: design_name(design, hierarchy.published, country.block_metres))
    return scores.assign(fold_design=designs, area_level=hierarchy.finest)


def _rows(fitted: RegisterModel, inputs: RegisterInputs, quarter: Quarter, artifact: str) -> dict[str, pd.DataFrame]:
    flag = fitted.predictions["in_area_of_applicability"].map({True: "ok", False: OUTSIDE})
    predictions = fitted.predictions.assign(register_id=inputs.target, quality_flag=flag)[list(PREDICTION)]
    run = {
        "model_id": f"register_rate:{inputs.target}:{fitted.learner}",
        "target_kind": "register_rate",
        "target": inputs.target,
        "learner": fitted.learner,
        "chosen_by": fitted.chosen_by,
        "n_training": fitted.n_training,
        "features": list(fitted.features),
        "registers": [],
        "training_digest": fitted.training_digest,
        "artifact": artifact,
        "interval_coverage": fitted.interval_coverage,
    }
    scored = predictions.assign(rate=inputs.rate.reindex(predictions["area_id"]).to_numpy()).dropna(subset=["rate"])
    return {
        "predictions": predictions,
        "runs": pd.DataFrame([run]),
        "metrics": fitted.metrics.assign(target_kind="register_rate", subgroup="all", as_of_quarter=quarter.start)[
            [c.name for c in table("model_metric").lake_columns]
        ],
        "scored": scored,
        "importance": fitted.importance.assign(register_id=inputs.target),
    }
