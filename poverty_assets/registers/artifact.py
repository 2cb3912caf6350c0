"""Saved models: written in skops format, read back only if every type in them is trusted; a card beside each.

Belongs here: the two files. Does not belong here: fitting (``register_model``), or where files are kept.
"""

from __future__ import annotations

import json
import os
import zipfile
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from poverty_assets.arrays import rate_of_logit
from poverty_assets.errors import UnreadableFile
from poverty_assets.judging.applicability import TrainingCloud
from poverty_assets.registers.learners import Design, columns_for

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
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def save_model(model: RegisterModel, path: Path) -> Path:
    """Write the fitted estimators in skops format, and a card beside them; the same model gives the same bytes.

    Both files are written to a temporary name first. The card (``model.json`` beside ``model.skops``) says what a reader needs
    who will not load the model: learner, features, digest of the training data, every score, importance, area of applicability.

    Returns
    -------
    Path
        Of the skops file.
    """
    import skops.io

    path.parent.mkdir(parents=True, exist_ok=True)
    estimators = {name: copy(one) for name, one in model.estimators.items()}
    for one in estimators.values():
        vars(one).pop("inverse_", None)  # large, and of use for held-out predictions only
    beside = path.with_name(path.name + ".next")
    cloud = {name: value for name, value in vars(model.cloud).items() if name != "features"}
    whole = {"learner": model.learner, "features": list(model.features), "estimators": estimators, "cloud": cloud}
    skops.io.dump(whole, beside)
    make_reproducible(beside)
    card = path.with_suffix(".json")
    unfinished = card.with_name(card.name + ".next")
    unfinished.write_text(json.dumps(_card(model), indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, card)
    os.replace(beside, path)
    return path


def _card(model: RegisterModel) -> dict[str, Any]:
    cloud, inside = model.cloud, model.predictions["in_area_of_applicability"]
    return {
        "learner": model.learner,
        "members": list(model.estimators),
        "learner_of_provinces_without_a_rate": model.elsewhere,
        "chosen_by": model.chosen_by,
        "n_training": model.n_training,
        "training_digest": model.training_digest,
        "features": list(model.features),
        "interval_coverage": _number(model.interval_coverage),
        "scores": _records(model.metrics),
        "importance": _records(model.importance),
        "area_of_applicability": {
            "threshold": _number(cloud.threshold),
            "areas_inside": int(inside.sum()),
            "areas_outside": model.predictions.loc[~inside, "area_id"].astype(str).tolist(),
            "mean": {name: _number(value) for name, value in zip(cloud.features, cloud.mean, strict=True)},
            "spread": {name: _number(value) for name, value in zip(cloud.features, cloud.spread, strict=True)},
        },
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    columns = {name: frame[name].tolist() for name in frame.columns}
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, map(_number, row), strict=True)) for row in rows]


def _number(value: Any) -> Any:
    """A value as JSON has it, which knows neither infinity nor what is not a number."""
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not np.isfinite(plain) else plain


def make_reproducible(path: Path) -> None:
    """Number objects in their order, not by memory address, and leave the time of writing out of the archive."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    numbers: dict[int, int] = {}
    renamed: dict[str, str] = {}
    schema = _renumbered(json.loads(parts.pop("schema.json")), numbers, renamed)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(parts, key=lambda old: renamed.get(old, old)):
            archive.writestr(zipfile.ZipInfo(renamed.get(name, name), _LONG_AGO), parts[name], zipfile.ZIP_DEFLATED)
        text = json.dumps(schema, indent=2)
        archive.writestr(zipfile.ZipInfo("schema.json", _LONG_AGO), text, zipfile.ZIP_DEFLATED)


def _renumbered(node: Any, numbers: dict[int, int], renamed: dict[str, str]) -> Any:
    if isinstance(node, list):
        return [_renumbered(item, numbers, renamed) for item in node]
    if not isinstance(node, dict):
        return node
    answer = {}
    for key, value in node.items():
        if key == "__id__":
            value = numbers.setdefault(value, len(numbers))
        elif key == "file" and isinstance(value, str):
            value = renamed.setdefault(value, f"{len(renamed)}{Path(value).suffix}")
        else:
            value = _renumbered(value, numbers, renamed)
        answer[key] = value
    return answer


def load_model(path: Path) -> dict[str, Any]:
    """Read what ``save_model`` wrote: ``learner, features, estimators``, and the training ``cloud``.

    Raises
    ------
    UnreadableFile
        If the file holds a type that is not trusted; nothing of it is then run.
    """
    import skops.io

    strange = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED))
    if strange:
        raise UnreadableFile(
            f"{len(strange)} types are not trusted, first {strange[0]}", file=path, remedy="fit the model again"
        )
    saved = dict(skops.io.load(path, trusted=list(TRUSTED)))
    return {**saved, "cloud": TrainingCloud(features=tuple(saved["features"]), **saved["cloud"])}


def predict_with(saved: dict[str, Any], data: Design) -> np.ndarray:
    """Rates (0 to 1) of areas by a saved model, shape (n,)."""
    parts = [one.predict(columns_for(name, data)) for name, one in saved["estimators"].items()]
    return rate_of_logit(np.mean(parts, axis=0))
