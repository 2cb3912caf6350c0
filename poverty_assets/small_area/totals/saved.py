"""The saved model of downscaling: a skops archive of its arrays, a card, and the rows of ``model_run``.

Belongs here: what of it is kept, and which index is what is published. Does not belong here: fitting (``downscale``), choosing
(``held_out``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from poverty_assets.catalog import table
from poverty_assets.judging.saved import records, save
from poverty_assets.small_area.totals.downscale import Downscaled
from poverty_assets.small_area.totals.held_out import Judgement, Whole


@dataclass(frozen=True)
class DownscaledRun:
    """A model of downscaling and why it is this one.

    Attributes
    ----------
    model : Downscaled
    whole : Whole
    judgement : Judgement
    finest, published_ids : list of str
        In the order of the arrays.
    """

    model: Downscaled
    whole: Whole
    judgement: Judgement
    finest: list[str]
    published_ids: list[str]

    @property
    def features(self) -> list[str]:
        """Those that the index knows."""
        own, columns = self.judgement.chosen, self.whole.columns
        known = [own.feature] if own.feature else list(columns.names) if np.any(self.model.index) else []
        return [name for name in known if name not in columns.registers]

    @property
    def registers(self) -> list[str]:
        """Registers whose rates it knows."""
        own, columns = self.judgement.chosen, self.whole.columns
        known = [own.feature] if own.feature else columns.registers if np.any(self.model.index) else []
        return [name for name in known if name in columns.registers]

    @property
    def digest(self) -> str:
        """SHA-256 of the published figures and the covariates."""
        digest, published = hashlib.sha256(), self.whole.published
        for array in (published.uncensored, published.censored, published.headcount_ratio, self.whole.columns.ranks):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def save_downscaled(run: DownscaledRun, path: Path) -> Path:
    """Write ``model.skops`` and beside it ``model.json``; the same fit gives the same bytes, each file whole or not at all."""
    model, columns = run.model, run.whole.columns
    content = {
        "learner": run.judgement.chosen.name,
        "areas": run.finest,
        "published_areas": run.published_ids,
        "features": run.features,
        "registers": run.registers,
        "index": model.index,
        "slope": model.slope,
        "slope_error": model.slope_error,
        "spread": model.departures.spreads.mean,
        "common": model.departures.common,
        "covariates": columns.ranks,
    }
    metrics, chosen = run.judgement.metrics, run.judgement.chosen
    own = metrics[(metrics["learner"] == chosen.learner) & (metrics["feature"] == chosen.feature)]
    card = {
        "learner": chosen.name,
        "targets": run.whole.measure.indicator_ids,
        "n_training": len(run.published_ids),
        "training_digest": run.digest,
        "features": run.features,
        "registers": run.registers,
        "chosen_by": run.judgement.reason,
        "scores": records(own),
    }
    return save(content, card, path)


def downscaled_rows(run: DownscaledRun, artifact: str) -> pd.DataFrame:
    """The row of ``model_run``, without ``quarter``."""
    coverage = run.judgement.coverage
    row = {
        "model_id": f"downscaled:{run.judgement.chosen.name.replace(' ', ':')}",
        "target_kind": "downscaled",
        "target": "all",
        "learner": run.judgement.chosen.name,
        "chosen_by": run.judgement.reason,
        "n_training": len(run.published_ids),
        "features": run.features,
        "registers": run.registers,
        "training_digest": run.digest,
        "artifact": artifact,
        "interval_coverage": coverage if np.isfinite(coverage) else None,
    }
    return pd.DataFrame([row], columns=[c.name for c in table("model_run").lake_columns])
