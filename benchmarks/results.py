"""What is written of the benchmarks: a page with every time beside its peers', and a picture of cost against size.

Belongs here: from what processes said to text and pictures. Does not belong here: running them (``benchmarks.__main__``).
"""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.growth.subject import Mark, Subject

LIBRARIES = ("numpy", "pandas", "duckdb", "pyarrow", "rasterio", "exactextract", "rasterstats", "polars", "mpitb")
BUSY = 0.5
"""Load a core before we began, above which times are not those of this machine alone."""
LINEAR = 1.15
"""Exponent of cost over size up to which growth counts as linear: some of what is measured is noise."""


@dataclass
class Timing:
    """What one way took at one size, a round each.

    Attributes
    ----------
    size : int
    way : str
    seconds : list of float
    megabytes : float
    said : dict
        What it says of the last round beside.
    """

    size: int
    way: str
    seconds: list[float] = field(default_factory=list)
    megabytes: float = 0.0
    said: dict[str, float] = field(default_factory=dict)

    def take(self, told: dict[str, Any]) -> None:
        """One more round."""
        self.seconds.append(float(told.pop("seconds")))
        self.megabytes = max(self.megabytes, float(told.pop("megabytes")))
        told.pop("processor", None)
        self.said = {name: float(value) for name, value in told.items()}

    @property
    def middle(self) -> float:
        """The median."""
        return float(np.median(self.seconds))


def exponent(timings: Sequence[Timing]) -> float:
    """With which power of the size the cost grows, from the smallest to the largest size; NaN of one size.

    Examples
    --------
    >>> exponent([Timing(10, "a", [1.0]), Timing(100, "a", [10.0])])
    1.0
    """
    ends = sorted(timings, key=lambda one: one.size)
    if len(ends) < 2:
        return math.nan
    return math.log(ends[-1].middle / ends[0].middle) / math.log(ends[-1].size / ends[0].size)


def page(found: Iterable[tuple[Subject, list[Timing]]], more: Sequence[str], load: tuple[float, float]) -> str:
    """The page."""
    lines = ["# Benchmarks", "", "Written by `python -m benchmarks` (`make bench`).", "", machine(), ""]
    before, after = (one / (os.cpu_count() or 1) for one in load)
    if before > BUSY:
        lines += [
            f"**The machine was busy** (load a core {before:.1f} before, {after:.1f} after): ratios of one run mean little, times nothing.",
            "",
        ]
    lines += ["![Cost against size](results.svg)", ""]
    for subject, timings in found:
        lines += section(subject, timings)
    return "\n".join([*lines, *more, ""])


def machine() -> str:
    """The machine, and versions of what was run."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    versions = ", ".join(f"{name} {one}" for name in LIBRARIES if (one := _version(name)))
    cpu = names[0] if names else platform.machine()
    return f"{os.cpu_count()} cores ({cpu}), {memory:.0f} GB, Python {platform.python_version()}; {versions}."


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def section(subject: Subject, timings: list[Timing]) -> list[str]:
    """What is said of one subject."""
    lines = [f"## {subject.title}", "", subject.note, ""]
    lines += ["| " + subject.unit + " | way | least, middle, greatest, s | peak, MB | says |", "|---|---|---|---|---|"]
    for one in timings:
        said = ", ".join(f"{name} {value:.6g}" for name, value in one.said.items())
        spread = ", ".join(f"{value:.3g}" for value in (min(one.seconds), one.middle, max(one.seconds)))
        lines.append(f"| {one.size:,} | {one.way} | {spread} | {one.megabytes:.0f} | {said} |")
    lines.append("")
    lines += [line for mark in subject.marks if (line := marked(mark, timings))]
    lines += grown(subject, timings)
    return [*lines, ""]


def marked(mark: Mark, timings: list[Timing]) -> str:
    """Whether a mark is met; nothing where its size was not measured."""
    at = {one.way: one.seconds for one in timings if one.size == mark.size}
    if mark.of not in at or mark.over not in at:
        return ""
    ratio = float(np.median([a / b for a, b in zip(at[mark.of], at[mark.over], strict=False)]))
    met = ratio >= mark.limit if mark.at_least else ratio <= mark.limit
    word, verdict = "at least" if mark.at_least else "at most", "met" if met else "**missed**"
    return f"- {mark.of} / {mark.over} at {mark.size:,}: {ratio:.2f} ({word} {mark.limit:g}): {verdict}"


def grown(subject: Subject, timings: list[Timing]) -> list[str]:
    """How the cost of each of our ways grows."""
    lines = []
    for name, way in subject.ways.items():
        power = exponent([one for one in timings if one.way == name])
        if way.ours and not math.isnan(power):
            verdict = "linear or better" if power <= LINEAR else "**more than linear**"
            lines.append(f"- {name}: cost grows as size to the {power:.2f}: {verdict}")
    return lines


def picture(found: Sequence[tuple[Subject, list[Timing]]], path: Path) -> None:
    """Cost against size, a panel a subject, both on scales of powers; grey lines are as steep as the size."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(found), 4), layout="constrained")
    FigureCanvasSVG(figure)
    for axes, (subject, timings) in zip(figure.subplots(1, len(found), squeeze=False)[0], found, strict=True):
        for name, way in subject.ways.items():
            rows = sorted((one for one in timings if one.way == name), key=lambda one: one.size)
            if rows:
                style = "-o" if way.ours else "--s"
                axes.plot([r.size for r in rows], [r.middle for r in rows], style, label=name, markersize=4)
        sizes = sorted({one.size for one in timings})
        if timings:
            start = min(one.middle for one in timings)
            axes.plot(sizes, [start * size / sizes[0] for size in sizes], color="0.8", zorder=0)
        axes.set(xscale="log", yscale="log", title=subject.title, xlabel=subject.unit, ylabel="seconds")
        axes.legend(fontsize=7, frameon=False)
    figure.savefig(path, metadata={"Date": None})
