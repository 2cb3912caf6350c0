"""How every picture of the UI looks: one style, one way to begin a figure, one way to end it.

Belongs here: sizes of type, frames, grids, resolution, the mark of simulated data. Does not belong here: what a picture shows.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

STYLE: dict[str, Any] = {
    "figure.dpi": 80,  # pictures stand in an asset's metadata, and are kept small
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "figure.titlesize": 12,
    "axes.titlesize": 11,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
}
"""Matplotlib's settings while a picture is drawn."""


FEW_TO_MANY = "YlOrBr"
"""Colours of every map of one quantity, as on the explorer's page: light is few, dark is many."""
LESS_TO_MORE = "PuOr_r"
"""Colours of every map of differences: purple is less, orange is more."""


def in_style(draw: Callable[P, T]) -> Callable[P, T]:
    """A function that draws, with ``STYLE`` in force for as long as it does."""

    @functools.wraps(draw)
    def drawn(*arguments: P.args, **named: P.kwargs) -> T:
        import matplotlib as mpl

        with mpl.rc_context(STYLE):
            return draw(*arguments, **named)

    return drawn


def blank(width: float, height: float) -> Any:
    """A figure of so many inches, without axes."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def png_of(figure: Any, is_simulated: bool) -> bytes:
    """The figure as PNG, marked where its data are simulated.

    ``savefig`` would go through the whole figure once more beforehand, to lay it out, which drawing does anyhow.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if is_simulated:
        figure.text(
            0.995, 0.005, "SIMULATED DATA", ha="right", va="bottom", fontsize=10, color="#b2182b", weight="bold"
        )
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
