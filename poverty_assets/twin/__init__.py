"""The simulated twin of a country: a landing folder in the formats real sources come in, and its truth beside it.

Belongs here: generating simulated data from ``countries/<code>/simulated.yaml``. Does not belong here: reading a landing
folder (``readers``), which treats simulated and real files alike, or using the truth, which is for evaluation alone.
"""

from __future__ import annotations

from pathlib import Path

from poverty_assets.quarter import Quarter

__all__ = ["write_base", "write_quarter", "write_rasters"]


def write_base(landing: Path, truth: Path, *, country_dir: Path, seed: int) -> None:
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

    Raises
    ------
    UsageError
        If the seed is negative or one folder holds the other.
    MissingFile, SpecificationError
        If ``simulated.yaml`` is absent or cannot be used.
    """
    from poverty_assets.twin import generate

    generate.base(Path(landing), Path(truth), country_dir=Path(country_dir), seed=seed)


def write_quarter(landing: Path, truth: Path, quarter: Quarter, *, country_dir: Path, seed: int) -> None:
    """Write one quarter: its rasters in `landing`, every household's deprivations in `truth`.

    Depends on the settings, the seed and the quarter alone; see `write_base` for the promises and parameters.

    Raises
    ------
    UsageError
        If the quarter lies beyond the twin's horizon, the seed is negative or one folder holds the other.
    MissingFile, SpecificationError
        If ``simulated.yaml`` is absent or cannot be used.
    """
    from poverty_assets.twin import generate

    generate.quarter(Path(landing), Path(truth), quarter, country_dir=Path(country_dir), seed=seed)


def write_rasters(landing: Path, quarters: list[Quarter], *, country_dir: Path, seed: int) -> None:
    """Write the rasters of earlier quarters in `landing`, without any truth: what sensors saw then.

    Quarters before the twin's horizon are passed over: nothing had been observed.
    """
    from poverty_assets.twin import generate

    generate.earlier_rasters(Path(landing), quarters, country_dir=Path(country_dir), seed=seed)
