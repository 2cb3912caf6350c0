"""Margins of many areas: the kernel whole up to 2,000 areas and in factors beyond, as it is used."""

from __future__ import annotations

from pathlib import Path

from benchmarks.bench_margins import world
from benchmarks.growth.subject import Act, Subject, Way


def make(folder: Path, n: int) -> None:
    """Nothing: the world is made in memory."""


def ours(folder: Path, n: int) -> Act:
    from poverty_assets.small_area.margins.fit import fit_margins

    survey, covariates, people = world(n, 0.39, 109.0, 2, 1)
    return lambda: fit_margins(survey, covariates, people) and None


SUBJECT = Subject(
    "Areas",
    "areas",
    (667, 2_000, 6_667, 20_000),
    (120, 240),
    make,
    {"ours, ten indicators, two waves": Way(ours, ours=True)},
    (),
    "Simulated areas of which 39% are visited; up to 2,000 the kernel is whole (its cost grows with the cube), beyond in factors.",
)
