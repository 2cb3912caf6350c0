"""The saved model of margins of the finest level: a skops archive of its arrays, and a card of what they are.

Belongs here: the files and the rows of ``model_run``. Does not belong here: fitting (``fit``), the models of registers
(``registers.artifact``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.catalog import table
from poverty_assets.judging.saved import records, save
from poverty_assets.small_area.margins.fit import Margins
from poverty_assets.small_area.margins.kernel import Covariates
from poverty_assets.small_area.sample import Sample

KERNEL = "kernel"


@dataclass(frozen=True)
class Fitted:
    """The model of margins, and what it was fitted to.

    Attributes
    ----------
    margins : Margins
    sample : Sample
    covariates : Covariates
    finest : list of str
        In the order of the arrays.
    best : dict of str to str
        For each indicator the learner that predicts held-out finest areas best. Replicates are linear in the kernel, so that it
        serves in any case; where another does better, ``model_run`` says so.
    features : list of str
        Names of the columns of covariates.
    registers : list of str
        Those whose rates are the leading covariates.
    outside : list of str
        Finest areas outside the area of applicability.
    chosen_by : str
        The rule of choice, in words.
    """

    margins: Margins
    sample: Sample
    covariates: Covariates
    finest: list[str]
    best: dict[str, str]
    features: list[str]
    registers: list[str]
    outside: list[str]
    chosen_by: str


def training_digest(sample: Sample, covariates: Covariates) -> str:
    """SHA-256 of the sample and the covariates that margins are fitted to."""
    digest = hashlib.sha256()
    for array in (sample.area, sample.weight, sample.shares, sample.effective, covariates.features, covariates.leading):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def save_margins(fitted: Fitted, metrics: pd.DataFrame, path: Path) -> Path:
    """Write ``model.skops`` and beside it ``model.json``; the same fit gives the same bytes, each file whole or not at all.

    Parameters
    ----------
    fitted : Fitted
    metrics : DataFrame (catalog: ``model_metric``)
        Scores on held-out finest areas.
    path : Path
    """
    margins, sample, covariates = fitted.margins, fitted.sample, fitted.covariates
    fits = {
        name: {"parts": list(f.names), "variances": f.variances, "mean": f.mean, "working": f.working, "noise": f.noise}
        for name, f in zip(fitted.best, margins.fits, strict=True)
    }
    stage = {name: getattr(margins, name) for name in ("intercept", "slope", "scale")}
    stage["correlation"] = margins.errors.correlation
    columns = np.column_stack([covariates.features, covariates.leading])
    content = {
        "learner": KERNEL,
        "areas": fitted.finest,
        "sampled": sample.sampled,
        "features": fitted.features,
        "registers": fitted.registers,
        "covariates": columns,
        "xy": covariates.xy,
        "published": covariates.at_published,
        "fits": fits,
        "second_stage": stage,
    }
    return save(content, _card(fitted, metrics), path)


def _card(fitted: Fitted, metrics: pd.DataFrame) -> dict[str, Any]:
    return {
        "learner": KERNEL,
        "targets": list(fitted.best),
        "n_training": len(fitted.sample.sampled),
        "training_digest": training_digest(fitted.sample, fitted.covariates),
        "features": fitted.features,
        "registers": fitted.registers,
        "scores": records(metrics[metrics["learner"] == KERNEL]),
        "area_of_applicability": {"areas_outside": fitted.outside},
    }


def run_rows(fitted: Fitted, artifact: str) -> pd.DataFrame:
    """Rows of ``model_run``, without ``quarter``: one an indicator."""
    digest = training_digest(fitted.sample, fitted.covariates)
    rows = [
        {
            "model_id": f"margin:{name}:{KERNEL}",
            "target_kind": "margin",
            "target": name,
            "learner": KERNEL,
            "chosen_by": fitted.chosen_by
            if learner == KERNEL
            else f"kept although {learner} did better by {fitted.chosen_by}",
            "n_training": len(fitted.sample.sampled),
            "features": fitted.features,
            "registers": fitted.registers,
            "training_digest": digest,
            "artifact": artifact,
            "interval_coverage": None,
        }
        for name, learner in fitted.best.items()
    ]
    return pd.DataFrame(rows, columns=[c.name for c in table("model_run").lake_columns])
