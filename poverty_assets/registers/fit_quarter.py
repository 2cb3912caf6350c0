"""The register models of a quarter, as rows of the warehouse and saved artifacts.

Belongs here: from the quarter's tables to the model's inputs, and from the fitted model to ``model_run``, ``model_metric``
and predictions. Does not belong here: fitting and judging (``register_model``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from poverty_assets.catalog import table
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.pack.country import Country
from poverty_assets.quarter import Quarter
from poverty_assets.registers.artifact import save_model
from poverty_assets.registers.model import RegisterModel, fit_register_model

LEAST_COMMUNES = 50
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
class FittedQuarter:
    """Register models of a quarter.

    Attributes
    ----------
    predictions : DataFrame
        Columns ``PREDICTION``, a row for every register and commune.
    runs, metrics : DataFrame (catalog: ``model_run``, ``model_metric``)
    scored : DataFrame
        Communes with a rate, with their held-out prediction.
    importance : DataFrame
        ``register_id, feature, importance``.
    """

    predictions: pd.DataFrame
    runs: pd.DataFrame
    metrics: pd.DataFrame
    scored: pd.DataFrame
    importance: pd.DataFrame


@dataclass(frozen=True, eq=False)
class RegisterInputs:
    """Arguments of ``fit_register_model`` for one register: rows are communes, in order of ``area_id``."""

    features: pd.DataFrame
    rate: pd.Series
    households: pd.Series
    xy: np.ndarray
    province: np.ndarray
    lagged: pd.Series | None
    alone: tuple[str, ...]


def fit_quarter(
    features: pd.DataFrame,
    registers: pd.DataFrame,
    history: pd.DataFrame,
    areas: pd.DataFrame,
    country: Country,
    models: Path,
    quarter: Quarter,
    *,
    champions: Mapping[str, str] | None = None,
    seed: int = 0,
) -> FittedQuarter:
    """Fit a model of each register's rate from the quarter's features, and save it.

    Parameters
    ----------
    features : DataFrame (catalog: ``commune_feature``)
    registers : DataFrame
        ``register_id, area_id, households, listed``.
    history : DataFrame
        ``register_id, area_id, rate`` of earlier releases: baselines to beat, never features.
    areas : DataFrame (catalog: ``dim_area``)
    models : Path
        Folder of artifacts.
    champions : mapping of str to str, optional
        For a register, the learner that served the last quarter; it stays unless another beats it on this quarter's folds.

    Notes
    -----
    A register with fewer than 50 communes is published without a modelled rate.
    """
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in _NO_ROWS}
    for register_id, inputs in register_inputs(features, registers, history, areas, country).items():
        if inputs.rate.notna().sum() < LEAST_COMMUNES:
            continue
        fitted = fit_register_model(**vars(inputs), champion=(champions or {}).get(register_id), seed=seed)
        made = _rows(fitted, register_id, inputs.rate, models, quarter)
        for name, frame in made.items():
            parts[name].append(frame)
    tables = {"runs": table("model_run"), "metrics": table("model_metric")}
    empty = _NO_ROWS | {name: [column.name for column in one.lake_columns] for name, one in tables.items()}
    joined = {
        name: pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(empty[name]))
        for name, frames in parts.items()
    }
    return FittedQuarter(**joined)


def register_inputs(
    features: pd.DataFrame,
    registers: pd.DataFrame,
    history: pd.DataFrame,
    areas: pd.DataFrame,
    country: Country,
) -> dict[str, RegisterInputs]:
    """What the model of each register is fitted from, by register; arguments as of `fit_quarter`."""
    hierarchy = Hierarchy.of(areas)
    numbers = hierarchy.members(hierarchy.finest)
    communes = areas.set_index("area_id").loc[hierarchy.ids[numbers]].reset_index()
    wide = features.pivot(index="area_id", columns="feature_id", values="value").reindex(communes["area_id"])
    wide = wide.assign(**_of_areas(communes))
    xy = _metric_points(communes, country)
    answer = {}
    for register_id, counts in registers.groupby("register_id", sort=True):
        own = counts.set_index("area_id").reindex(communes["area_id"])
        past = history[history["register_id"] == register_id].set_index("area_id")["rate"]
        answer[str(register_id)] = RegisterInputs(
            features=wide,
            rate=(own["listed"] / own["households"]).astype(float),
            households=own["households"].astype(float),
            xy=xy,
            province=hierarchy.ids[hierarchy.ancestor(numbers, hierarchy.published)].astype(str),
            lagged=past.reindex(communes["area_id"]) if len(past) else None,
            alone=tuple(name for name in country.baseline_features if name in wide),
        )
    return answer


def _of_areas(communes: pd.DataFrame) -> dict[str, np.ndarray]:
    """Features that the areas themselves give: small and thinly peopled communes have more of their households listed.

    People counted by the census, never the register's own number of households: that one divides the rate.
    """
    people, km2 = (communes[name].to_numpy(dtype=float) for name in ("population", "area_km2"))
    return {"area_population": people, "area_population_per_km2": people / km2, "area_km2": km2}


def _metric_points(communes: pd.DataFrame, country: Country) -> np.ndarray:
    from pyproj import Transformer

    to_metric = Transformer.from_crs("EPSG:4326", country.metric_crs, always_xy=True)
    return np.column_stack(to_metric.transform(communes["centroid_lon"], communes["centroid_lat"]))


def _rows(
    fitted: RegisterModel, register_id: str, rate: pd.Series, models: Path, quarter: Quarter
) -> dict[str, pd.DataFrame]:
    target = f"register_rate:{register_id}"
    path = save_model(fitted, models / f"register_rate_{register_id}" / f"quarter={quarter.key}" / "model.skops")
    flag = fitted.predictions["in_area_of_applicability"].map({True: "ok", False: OUTSIDE})
    predictions = fitted.predictions.assign(register_id=register_id, quality_flag=flag)[list(PREDICTION)]
    run = {
        "model_id": f"{target}:{fitted.learner}",
        "target": target,
        "learner": fitted.learner,
        "chosen_by": fitted.chosen_by,
        "n_training": fitted.n_training,
        "features": list(fitted.features),
        "training_digest": fitted.training_digest,
        "artifact": path.relative_to(models.parent).as_posix(),
        "interval_coverage": fitted.interval_coverage,
    }
    scored = predictions.assign(rate=rate.reindex(predictions["area_id"]).to_numpy()).dropna(subset=["rate"])
    coverage = {"learner": fitted.learner, "fold_design": "block50km", "metric": "coverage95",
                "value": fitted.interval_coverage, "n": fitted.n_training}  # fmt: skip
    metrics = pd.concat([fitted.metrics, pd.DataFrame([coverage])], ignore_index=True)
    return {
        "predictions": predictions,
        "runs": pd.DataFrame([run]),
        "metrics": metrics.assign(target=target)[[c.name for c in table("model_metric").lake_columns]],
        "scored": scored,
        "importance": fitted.importance.assign(register_id=register_id),
    }
