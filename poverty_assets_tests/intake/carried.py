"""Accepted inputs through a whole refresh: a change that means nothing must leave every figure as it was.

Belongs here: refreshing homes of changed landing folders and comparing their figures. Does not belong here: the changes (``mutations``),
what the gate says of them (``trial``), or comparing tables (``benchmarks.compare_homes``).

``python -m poverty_assets_tests.intake.carried [SEED] [NUMBER]`` prints each input whose figures differ, and how many were compared.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks.compare_homes import differences, warehouse_tables
from poverty_assets_tests.intake import changes
from poverty_assets_tests.intake.landing_files import Rng
from poverty_assets_tests.intake.mutations import Mutation, every
from poverty_assets_tests.intake.trial import QUARTER
from poverty_assets_tests.landing import write_landing

FIGURES = ("fct_", "dim_", "area_")
"""Beginnings of the names of tables that hold figures."""
OF_WAVES = "survey"
WAVE_SEED = 7
"""All waves are of the same households, so that one home says what their figures are."""


@dataclass(frozen=True)
class Carried:
    """What became of one input: ``code`` of the refresh and what it said, the values that were compared, and what differs."""

    mutation: Mutation
    code: int
    said: str
    n_values: int
    differences: list[str]

    @property
    def is_right(self) -> bool:
        """Whether it was published with the same figures."""
        return self.code == 0 and self.n_values > 0 and not self.differences


def chosen(seed: int, number: int) -> list[tuple[int, Mutation]]:
    """So many harmless changes, in an order of the seed, each with a seed of its own."""
    rng = np.random.default_rng(seed)
    ways = [one for one in every() if one.harmless]
    ways = [ways[i] for i in rng.permutation(len(ways))[:number]]
    return [(WAVE_SEED if one.kind == OF_WAVES else int(rng.integers(2**31)), one) for one in ways]


def refreshed(home: Path, landing: Path) -> tuple[int, str]:
    """Refresh a home from a landing folder in a process of its own: exit code and what it said."""
    command = [sys.executable, "-W", "ignore", "-m", "poverty_assets.cli", "refresh", "--quarter", QUARTER.label]
    command += ["--sources", "landing", "--landing", str(landing)]
    environment = {**os.environ, "POVERTY_ASSETS_HOME": str(home), "POVERTY_ASSETS_PASSED_ON": "false"}
    environment.setdefault("POVERTY_ASSETS_REPLICATES", "20")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr[-2000:]


def compared(before: Path, after: Path) -> tuple[int, list[str]]:
    """Values of figures that two homes both hold, and what differs between them."""
    (one, other), values, lines = (warehouse_tables(home) for home in (before, after)), 0, []
    for name, where in sorted({*one, *other}):
        if not name.startswith(FIGURES):
            continue
        if (name, where) not in one or (name, where) not in other:
            lines.append(f"{name}: in one of the two alone")
            continue
        first, second = one[name, where](), other[name, where]()
        values += first.num_rows * first.num_columns
        lines += [f"{name}: {text}" for text in differences(first, second, name, set(), set(), close=True)]
    return values, lines


def _weighed(frame: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """The households that `changes.idle` leaves with a weight."""
    frame = changes.idle(frame, rng)
    return frame[frame["w"] > 0]


class Homes:
    """Homes of the unchanged folder, without a wave of households and with one."""

    def __init__(self, work: Path, landing: Path) -> None:
        self.work, self.landing = work, landing

    def of(self, mutation: Mutation) -> Path:
        """The home whose figures a change has to give; made when first asked for."""
        wave = mutation.name if mutation.name == "weights of zero" else mutation.kind == OF_WAVES
        home = self.work / f"home_{str(wave).replace(' ', '_')}"
        if not home.exists():
            folder = self.landing
            if wave:
                folder = Path(shutil.copytree(self.landing, self.work / f"{home.name}_landing"))
                changed = {"change": _weighed} if isinstance(wave, str) else {}
                changes.a_wave(folder, np.random.default_rng(WAVE_SEED), suffix=".csv", **changed)
            code, said = refreshed(home, folder)
            if code:
                raise RuntimeError(f"the unchanged folder cannot be refreshed: {said}")
        return home

    def carried(self, seed: int, mutation: Mutation) -> Carried:
        """Refresh a copy of that home from a changed folder, and compare."""
        before = self.of(mutation)
        folder = Path(shutil.copytree(self.landing, self.work / f"landing_{seed}"))
        home = Path(shutil.copytree(before, self.work / f"home_{seed}"))
        try:
            mutation.change(folder, np.random.default_rng(seed))
            code, said = refreshed(home, folder)
            values, lines = compared(before, home) if code == 0 else (0, [])
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(home, ignore_errors=True)
        return Carried(mutation, code, said, values, lines)


def main() -> None:
    seed, number = (int(a) for a in (sys.argv[1:3] + ["1", "40"][len(sys.argv) - 1 :]))
    right, values = 0, 0
    with TemporaryDirectory() as made:
        homes = Homes(Path(made), write_landing(Path(made) / "landing"))
        for its_seed, mutation in chosen(seed, number):
            one = homes.carried(its_seed, mutation)
            right, values = right + one.is_right, values + one.n_values
            if not one.is_right:
                print(f"{mutation} seed {its_seed}: exit {one.code} {one.said} {one.differences[:5]}", flush=True)
    print(f"{right} of {number} inputs published with the same figures, {values:,} values compared")


if __name__ == "__main__":
    main()
