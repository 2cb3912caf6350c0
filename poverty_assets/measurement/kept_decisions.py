"""Decisions that are kept: what has been decided of the same households is not decided again.

Belongs here: under which digest a decision is kept, and taking it again. Does not belong here: deciding (``figure_disclosure``).

Several tables of a quarter rest on the same decision, a wave serves for years, and serves again as the one before the next. The digest
is over all that was decided on and the sources of the modules that decide, so that nothing needs to be struck out.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.atomic import replacing
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.kept import digest_of_code, digest_of_values, is_made_anew, let_go, one_at_a_time
from poverty_assets.measurement.figure_disclosure import Held, figures_to_publish, sets_to_publish

_KEPT = 32
"""Decisions that a folder keeps, those last used; the largest of a wave of 20,000 households is some 300 kB."""
_CODE = (
    "arrays.py",
    "geography/hierarchy.py",
    "measurement/cell_patterns.py",
    "measurement/difference_pool.py",
    "measurement/disclosure.py",
    "measurement/few_sets.py",
    "measurement/figure_differences.py",
    "measurement/figure_disclosure.py",
    "measurement/figures_within.py",
    "measurement/known_figures.py",
    "measurement/null_space.py",
    "measurement/zeros_shown.py",
)
_LIBRARIES = ("numpy", "scipy", "pandas")


@dataclass(frozen=True)
class KeptDecisions:
    """Where decisions are kept.

    Attributes
    ----------
    folder : Path, optional
        None: nowhere, each is made when it is asked for.
    """

    folder: Path | None = None

    def figures(self, held: Held, hierarchy: Hierarchy) -> npt.NDArray[np.bool_]:
        """`figures_to_publish`, of means apart, which stand beside others in one table and alone in another."""

        def decide() -> npt.NDArray[np.bool_]:
            some = held.of_all.any() and not held.of_all.all()
            return figures_to_publish(held, hierarchy, self.figures(held.means(), hierarchy) if some else None)

        return self.of(decide, "figures", *_said(held), hierarchy)

    def sets(
        self, held: pd.DataFrame, hierarchy: Hierarchy, beside: tuple[Held, npt.NDArray[np.bool_]]
    ) -> npt.NDArray[np.bool_]:
        """`sets_to_publish`."""
        said = [list(held), *(held[name].to_numpy() for name in held), *_said(beside[0]), beside[1]]
        return self.of(lambda: sets_to_publish(held, hierarchy, beside), "sets", *said, hierarchy)

    def of(self, decide: Callable[[], npt.NDArray[np.bool_]], *made_of: Any) -> npt.NDArray[np.bool_]:
        """A decision, made where it is not there.

        Parameters
        ----------
        decide : callable
            Makes it.
        made_of : arrays, texts, dataclasses
            All that it depends on (``kept.digest_of_values``).
        """
        if self.folder is None:
            return decide()
        name = digest_of_values(digest_of_code(_CODE, _LIBRARIES), *made_of)[:40]
        file = self.folder / f"{name}.npz"
        with one_at_a_time(file):
            known = None if is_made_anew() else _read(file)
            if known is None:
                known = decide()
                with replacing(file) as temporary, temporary.open("wb") as stream:
                    np.savez_compressed(stream, shape=known.shape, bits=np.packbits(known))
        let_go(self.folder.glob("*.npz"), _KEPT)
        return known


def _said(held: Held) -> list[Any]:
    """All that a decision on figures depends on, as values that have a digest."""
    cells = [held.cells[name].to_numpy() for name in ("area_id", "subgroup", "n_households", "suppressed")]
    return [*cells, *(getattr(held, one.name) for one in fields(held) if one.name != "cells")]


def _read(file: Path) -> npt.NDArray[np.bool_] | None:
    """The decision; None where there is none, or it cannot be read: then it is made again."""
    try:
        with np.load(file, allow_pickle=False) as parts:
            shape, bits = tuple(parts["shape"].tolist()), parts["bits"]
        os.utime(file)  # used now: others go first
        size = int(np.prod(shape))
        return np.unpackbits(bits)[:size].astype(bool).reshape(shape) if len(bits) == (size + 7) // 8 else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


NOT_KEPT = KeptDecisions()
