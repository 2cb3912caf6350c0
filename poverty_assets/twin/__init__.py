"""The simulated twin of a country: a landing folder in the formats real sources come in, and its truth beside it.

Belongs here: generating simulated data from ``countries/<code>/simulated.yaml``, by the generator that it names (a package within
this one, which may know its country), and reading the truth. Does not belong here: reading a landing
folder (``readers``), which treats simulated and real files alike, or using the truth, which is for evaluation alone.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from poverty_assets.errors import MissingFile
from poverty_assets.lined_yaml import nearest, read_lined_yaml
from poverty_assets.quarter import Quarter

__all__ = ["check_settings", "write_base", "write_quarter", "write_rasters"]


def _part(country_dir: Path, name: str) -> ModuleType:
    """A module of the generator that ``simulated.yaml`` names: a folder of this package."""
    path = Path(country_dir) / "simulated.yaml"
    if not path.is_file():
        raise MissingFile(
            "the country has no simulated twin", file=path, remedy="refresh with --sources landing and real files"
        )
    source = read_lined_yaml(path)
    known = sorted(folder.parent.name for folder in Path(__file__).parent.glob("*/generate.py"))
    chosen = source.choice("generator", known)
    if chosen not in known:
        source.refuse(f"there is no generator {chosen!r}", nearest(chosen, known), "generator")
    return import_module(f"{__name__}.{chosen}.{name}")


def check_settings(path: Path) -> None:
    """Read ``simulated.yaml`` as its generator does.

    Raises
    ------
    MissingFile, SpecificationError
        If it is absent or cannot be used; the message names every fault with its line.
    """
    _part(path.parent, "settings").read_settings(path)


def write_base(landing: Path, truth: Path, *, country_dir: Path, seed: int, difficulty: str | None = None) -> None:
    """Write everything that does not belong to one quarter: areas, static rasters, yearly population, points, roads,
    survey waves, yearly registers.

    Output that is complete for the same settings and seed is left alone; files appear whole or not at all; two
    processes may call this at once. The same settings and seed give the same bytes.

    Parameters
    ----------
    landing, truth : Path
        Folders for the sources and for the truth; made if absent. Neither holds the other.
    country_dir : Path
        The country's folder with ``simulated.yaml``.
    seed : int
        Non-negative seed of all randomness.
    difficulty : str, optional
        One of those that ``simulated.yaml`` states, in place of the one chosen there.

    Raises
    ------
    UsageError
        If the seed is negative or one folder holds the other.
    MissingFile, SpecificationError
        If ``simulated.yaml`` is absent or cannot be used.
    """
    _part(country_dir, "generate").base(
        Path(landing), Path(truth), country_dir=Path(country_dir), seed=seed, difficulty=difficulty
    )


def write_quarter(
    landing: Path, truth: Path, quarter: Quarter, *, country_dir: Path, seed: int, difficulty: str | None = None
) -> None:
    """Write one quarter: its rasters in `landing`, every household's deprivations in `truth`.

    Depends on the settings, the seed and the quarter alone; see `write_base` for the promises and parameters.

    Raises
    ------
    UsageError
        If the quarter lies beyond the twin's horizon, the seed is negative or one folder holds the other.
    MissingFile, SpecificationError
        If ``simulated.yaml`` is absent or cannot be used.
    """
    _part(country_dir, "generate").quarter(
        Path(landing), Path(truth), quarter, country_dir=Path(country_dir), seed=seed, difficulty=difficulty
    )


def write_rasters(
    landing: Path, quarters: list[Quarter], *, country_dir: Path, seed: int, difficulty: str | None = None
) -> None:
    """Write the rasters of earlier quarters in `landing`, without any truth: what sensors saw then.

    Quarters before the twin's horizon are passed over: nothing had been observed.
    """
    _part(country_dir, "generate").earlier_rasters(
        Path(landing), quarters, country_dir=Path(country_dir), seed=seed, difficulty=difficulty
    )
