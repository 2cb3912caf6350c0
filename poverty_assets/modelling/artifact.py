"""Saved models: written in skops format, read back only if every type in them is trusted.

Belongs here: the file. Does not belong here: fitting (``register_model``), or where files are kept.
"""

from __future__ import annotations

import json
import os
import zipfile
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from poverty_assets.errors import UnreadableFile
from poverty_assets.modelling.learners import Design, columns_for
from poverty_assets.modelling.validation import expit

if TYPE_CHECKING:
    from poverty_assets.modelling.register_model import RegisterModel

# What a saved model may hold beside what skops trusts of its own accord. Anything else is refused.
TRUSTED = (
    "numpy.dtype",
    "poverty_assets.modelling.gaussian_process.SpatialGaussianProcess",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.model_selection._split.KFold",
    "sklearn.tree._tree.Tree",
)
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def save_model(model: RegisterModel, path: Path) -> Path:
    """Write the fitted estimators in skops format, to a temporary name first; the same model gives the same bytes.

    Returns
    -------
    Path
        Of the file written.
    """
    import skops.io

    path.parent.mkdir(parents=True, exist_ok=True)
    estimators = {name: copy(one) for name, one in model.estimators.items()}
    for one in estimators.values():
        vars(one).pop("inverse_", None)  # large, and of use for held-out predictions only
    beside = path.with_name(path.name + ".next")
    skops.io.dump({"learner": model.learner, "features": list(model.features), "estimators": estimators}, beside)
    _make_reproducible(beside)
    os.replace(beside, path)
    return path


def _make_reproducible(path: Path) -> None:
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
    """Read what ``save_model`` wrote: ``learner, features, estimators``.

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
    return dict(skops.io.load(path, trusted=list(TRUSTED)))


def predict_with(saved: dict[str, Any], data: Design) -> np.ndarray:
    """Rates (0 to 1) of areas by a saved model, shape (n,)."""
    parts = [one.predict(columns_for(name, data)) for name, one in saved["estimators"].items()]
    return expit(np.mean(parts, axis=0))
