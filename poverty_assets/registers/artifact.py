"""Saved register models: what the archive holds, what its card says, and one that was read back.

Belongs here: the content of both files. Does not belong here: how they are written and read (``judging.saved``), fitting
(``model``), or where files are kept.
"""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poverty_assets.judging.applicability import TrainingCloud
from poverty_assets.judging.saved import load, number, records, save

if TYPE_CHECKING:
    from poverty_assets.registers.model import RegisterModel

# What a saved model may hold beside what skops trusts of its own accord. Anything else is refused.
TRUSTED = (
    "numpy.dtype",
    "poverty_assets.registers.gaussian_process.SpatialGaussianProcess",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.model_selection._split.KFold",
    "sklearn.tree._tree.Tree",
)


def save_model(model: RegisterModel, path: Path) -> Path:
    """Write the fitted estimators in skops format, and a card beside them; the same model gives the same bytes.

    The card (``model.json`` beside ``model.skops``) says what a reader needs who will not load the model: learner, features,
    digest of the training data, every score, importance, area of applicability.

    Returns
    -------
    Path
        Of the skops file.
    """
    estimators = {name: copy(one) for name, one in model.estimators.items()}
    for one in estimators.values():
        vars(one).pop("inverse_", None)  # large, and of use for held-out predictions only
    cloud = {name: value for name, value in vars(model.cloud).items() if name != "features"}
    whole = {"learner": model.learner, "features": list(model.features), "estimators": estimators, "cloud": cloud}
    return save(whole, _card(model), path, TRUSTED)


def _card(model: RegisterModel) -> dict[str, Any]:
    cloud, inside = model.cloud, model.predictions["in_area_of_applicability"]
    return {
        "learner": model.learner,
        "members": list(model.estimators),
        "learner_of_published_areas_without_a_rate": model.elsewhere,
        "chosen_by": model.chosen_by,
        "n_training": model.n_training,
        "training_digest": model.training_digest,
        "features": list(model.features),
        "interval_coverage": number(model.interval_coverage),
        "scores": records(model.metrics.drop(columns="target")),
        "importance": records(model.importance),
        "area_of_applicability": {
            "threshold": number(cloud.threshold),
            "areas_inside": int(inside.sum()),
            "areas_outside": model.predictions.loc[~inside, "area_id"].astype(str).tolist(),
            "mean": {name: number(value) for name, value in zip(cloud.features, cloud.mean, strict=True)},
            "spread": {name: number(value) for name, value in zip(cloud.features, cloud.spread, strict=True)},
        },
    }


def load_model(path: Path) -> dict[str, Any]:
    """Read what ``save_model`` wrote: ``learner, features, estimators``, and the training ``cloud``.

    Raises
    ------
    UnreadableFile
        If the file holds a type that is not trusted; nothing of it is then run.
    """
    saved = load(path, TRUSTED)
    return {**saved, "cloud": TrainingCloud(features=tuple(saved["features"]), **saved["cloud"])}
