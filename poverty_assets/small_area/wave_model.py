"""The model of a survey wave: its margins, and how learners compete for them. Every quarter that the wave serves starts from it.

Belongs here: what of the chain knows nothing of the quarter, and keeping it. Does not belong here: fitting (``margins.fit``), judging
(``league``), or what a quarter makes of it (``estimate``).

A model is kept as a skops archive under the digest of the sample, the covariates as of the wave, and the code; of the types in it none but
this package's own are read. It is used as it is read, also by the quarter that made it, so that every quarter uses the same bits.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray
from poverty_assets.atomic import replacing
from poverty_assets.kept import digest_of_code, digest_of_values, is_made_anew, let_go, one_at_a_time
from poverty_assets.memory import give_back
from poverty_assets.small_area.inputs import Inputs, covariate_names
from poverty_assets.small_area.league import Competition, FeatureNames, WaveBefore, compete
from poverty_assets.small_area.margins.fit import Margins, Since, fit_margins
from poverty_assets.small_area.margins.kernel import Covariates

_KEPT = 2
"""Models that a folder keeps, those last used: each is 230 MB for 1,661 areas."""
_CODE = ("arrays.py", "judging", "small_area", "registers", "measurement", "measure", "geography")
_LIBRARIES = ("numpy", "pandas", "pyarrow", "scipy", "scikit-learn", "skops")
_OWN = "poverty_assets.small_area."


@dataclass(frozen=True)
class WaveModel:
    """What a wave is modelled by.

    Attributes
    ----------
    margins : Margins
        As at the survey.
    found : Competition
    """

    margins: Margins
    found: Competition

    def at(self, since: Since) -> Margins:
        """Margins for a quarter, with what areas may have gained since the survey."""
        return replace(self.margins, since=since)


def wave_model(inputs: Inputs, covariates: Covariates, distance: FloatArray, seed: int, kept: Path | None) -> WaveModel:
    """The model of the wave that serves a quarter.

    Parameters
    ----------
    inputs : Inputs
        Of the quarter.
    covariates : Covariates
        As of the wave.
    distance : ndarray, shape (n,)
        See ``fit_margins``.
    seed : int
        Of the folds.
    kept : Path, optional
        Folder in which models are kept.
    """
    place, survey = inputs.place, inputs.survey
    names, registers = covariate_names(inputs.at_waves[-1])
    features = FeatureNames(tuple(names), tuple(registers), tuple(inputs.country.baseline_features))

    def make() -> WaveModel:
        give_back()
        margins = fit_margins(survey, covariates, place.people, distance=distance)
        give_back()
        before = None if survey.before is None else WaveBefore(survey.before, place.holder)
        found = compete(
            survey.now, margins.fits, inputs.measure.indicator_ids, covariates, features, before=before, seed=seed
        )
        return WaveModel(margins, found)

    if kept is None:
        return make()
    made_of = (survey.now, survey.before, survey.effect, covariates, place.people, place.holder, distance)
    said = (list(inputs.measure.indicator_ids), features, seed, digest_of_code(_CODE, _LIBRARIES))
    return _kept_or(make, kept / f"{digest_of_values(made_of, said)[:40]}.skops")


def _kept_or(make: Callable[[], WaveModel], file: Path) -> WaveModel:
    with one_at_a_time(file):
        found = None if is_made_anew() else _read(file)
        if found is not None:
            os.utime(file)  # used now: others go first
            return found
        # not held on to: it is read again, and two at once would be a third of what a process takes
        _write(make(), file)
        give_back()
        let_go(file.parent.glob("*.skops"), _KEPT)
    return _read(file) or make()


def _write(made: WaveModel, file: Path) -> None:
    import skops.io

    found = made.found
    content = {
        "margins": made.margins,
        "chosen": found.chosen,
        "metrics": _packed(found.metrics),
        "importance": _packed(found.importance),
    }
    with replacing(file) as temporary:
        skops.io.dump(content, temporary)


def _read(file: Path) -> WaveModel | None:
    """The model that a file keeps; None where there is none, or it cannot be read: then it is made again."""
    import skops.io

    try:
        types = skops.io.get_untrusted_types(file=file)
        if any(not one.startswith(_OWN) for one in types):
            return None
        content: dict[str, Any] = skops.io.load(file, trusted=types)
        frames = (_unpacked(content["metrics"]), _unpacked(content["importance"]))
        return WaveModel(content["margins"], Competition(frames[0], dict(content["chosen"]), frames[1]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, zipfile.BadZipFile):
        return None


def _packed(frame: pd.DataFrame) -> np.ndarray:
    """A frame as bytes of Parquet."""
    stream = io.BytesIO()
    frame.to_parquet(stream)
    return np.frombuffer(stream.getvalue(), dtype=np.uint8)


def _unpacked(data: np.ndarray) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(data.tobytes()))
