"""A made-up country: how well off its areas are, who lives in them, and what households lack in a quarter.

Belongs here: wealth, households, offsets and deprivations. Does not belong here: files (``generate``), shapes (``areas``).

A household is deprived in an indicator where a latent standard normal exceeds a threshold that moves with the wealth of its area and with
time. What is common to a household's latent normals makes deprivations overlap. A household keeps its traits for good.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import Measure, load_measure, measure_files
from poverty_assets.pack.country import Country, read_country
from poverty_assets.quarter import Quarter
from poverty_assets.twin.general.areas import areas_of
from poverty_assets.twin.general.settings import GeneralSettings, read_settings
from poverty_assets.twin.streams import stream

FORMAT = 1
"""Raised whenever the generator writes other bytes for the same settings, so that old output is written anew."""
Float = NDArray[np.float64]


@dataclass(frozen=True)
class MadeHouseholds:
    """Every household, by area in the order of ``Made.codes``; arrays of length n.

    ``latent`` has shape (indicators, n); ``cluster`` numbers enumeration areas of the whole country; ``visit`` is the error that a
    register's visit makes.
    """

    area: NDArray[np.intp]
    cluster: NDArray[np.intp]
    size: NDArray[np.int16]
    female_head: NDArray[np.bool_]
    latent: NDArray[np.float32]
    visit: NDArray[np.float32]


@dataclass(frozen=True)
class Made:
    """The country.

    Attributes
    ----------
    areas : DataFrame
        ``dim_area`` of every level, without counts.
    made_up : bool
        Whether shapes and names are.
    digest : str
        Hexadecimal: equal digests mean equal output.
    """

    settings: GeneralSettings
    country: Country
    measure: Measure
    areas: pd.DataFrame
    made_up: bool
    seed: int
    digest: str

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """Which area lies in which."""
        return Hierarchy.of(self.areas)

    @cached_property
    def finest(self) -> pd.DataFrame:
        """Rows of the finest level, in the order of their codes."""
        return self.areas[self.areas["area_level"] == self.country.levels.finest].reset_index(drop=True)

    @property
    def codes(self) -> list[str]:
        """Codes of the finest level."""
        return self.finest["area_id"].tolist()

    @cached_property
    def published(self) -> NDArray[np.intp]:
        """Number of the published area that each finest one lies in."""
        level = self.hierarchy.levels.index(self.hierarchy.published)
        above = [self.hierarchy.line(code)[::-1][level] for code in self.codes]
        return np.asarray(pd.factorize(pd.Series(above), sort=True)[0])

    @cached_property
    def published_codes(self) -> list[str]:
        """Their codes, in that order."""
        return sorted(self.hierarchy.codes(self.hierarchy.published))

    @cached_property
    def counts(self) -> NDArray[np.intp]:
        """Households of each finest area."""
        drawn = stream(self.seed, "counts").standard_normal(len(self.codes))
        return np.maximum(self.settings.households * np.exp(self.settings.spread * drawn), 10).astype(np.intp)

    @cached_property
    def is_urban(self) -> NDArray[np.bool_]:
        """The densest areas."""
        density = self.counts / self.finest["area_km2"].to_numpy()
        urban = np.zeros(len(density), dtype=bool)
        urban[np.argsort(-density, kind="stable")[: round(self.settings.urban_share * len(density))]] = True
        return urban

    @cached_property
    def wealth(self) -> Float:
        """Of each finest area, mean 0 and standard deviation 1: a smooth field, its published area's, its own, and that of towns."""
        rng = stream(self.seed, "wealth")
        place = self.finest[["centroid_lon", "centroid_lat"]].to_numpy()
        place = (place - place.mean(axis=0)) / max(float(np.ptp(place, axis=0).max()), 1e-9)
        waves = rng.normal(scale=6.0, size=(2, 24))
        smooth = np.cos(place @ waves + rng.uniform(0, 2 * np.pi, 24)).sum(axis=1) / np.sqrt(12)
        common = rng.standard_normal(len(self.published_codes))[self.published]
        value = 0.6 * smooth + 0.5 * common + 0.5 * rng.standard_normal(len(place)) + 0.6 * self.is_urban
        return np.asarray((value - value.mean()) / max(float(value.std()), 1e-9))

    def offsets(self, quarter: Quarter) -> Float:
        """What moves each finest area's thresholds in a quarter, shape (areas, indicators): deprived where latent > -offset."""
        from scipy.special import ndtri

        s = self.settings
        shares = [s.headcounts.get(name, s.headcount) for name in self.measure.indicator_ids]
        level = ndtri(np.array(shares)) * np.sqrt(1 + s.response**2)
        own = self.wealth + 0.3 * stream(self.seed, "own").standard_normal((len(shares), len(self.codes)))
        moved = np.zeros(len(self.codes))
        steps = (quarter.year - s.reference.year) * 4 + quarter.number - s.reference.number
        for step in range(min(steps, 0), max(steps, 0)):
            drawn = stream(self.seed, "innovation", s.reference.shift(step)).standard_normal(len(self.codes))
            moved += np.sign(steps) * s.innovation * drawn
        return np.asarray(level - s.response * own.T + (s.trend * steps / 4 + moved)[:, None])

    @cached_property
    def people(self) -> MadeHouseholds:
        """Every household."""
        s, counts = self.settings, self.counts
        rng, n, d = stream(self.seed, "households"), int(counts.sum()), len(self.measure.indicators)
        area = np.repeat(np.arange(len(counts)), counts)
        rank = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
        clusters = np.maximum(counts // s.cluster_households, 1)
        cluster = np.repeat(np.cumsum(clusters) - clusters, counts) + rank * clusters[area] // counts[area]
        common = np.sqrt(s.cluster_share) * rng.standard_normal(int(clusters.sum()))[cluster]
        common += np.sqrt(1 - s.cluster_share) * rng.standard_normal(n)
        latent = np.sqrt(1 - s.loading**2) * rng.standard_normal((d, n), dtype=np.float32)
        latent += np.float32(s.loading) * common.astype(np.float32)
        size = 1 + rng.choice(len(s.size_shares), n, p=s.size_shares)
        return MadeHouseholds(
            area, cluster, size.astype(np.int16), rng.random(n) < 0.25, latent.astype(np.float32),
            rng.standard_normal(n, dtype=np.float32),
        )  # fmt: skip

    def masks(self, quarter: Quarter) -> NDArray[np.uint16]:
        """Bitmask of deprivations of every household: bit j stands for the measure's indicator j."""
        offsets, people = self.offsets(quarter).astype(np.float32), self.people
        mask = np.zeros(len(people.area), dtype=np.uint16)
        for j, latent in enumerate(people.latent):
            mask |= (latent > -offsets[people.area, j]).astype(np.uint16) << np.uint16(j)
        return mask

    def listed(self, year: int) -> NDArray[np.bool_]:
        """Households on the register of a year; none where the country has no register."""
        register = self.settings.register_
        if register is None:
            return np.zeros(len(self.people.area), dtype=bool)
        masks = np.arange(1 << len(self.measure.indicators))
        score = (
            self.measure.scores(masks[:, None] >> np.arange(len(self.measure.indicators)) & 1)
            / self.measure.denominator
        )
        seen = score[self.masks(Quarter(year, 2))] + register.noise * self.people.visit
        return np.asarray(seen > np.quantile(seen, 1 - register.share))


def register_year(quarter: Quarter) -> int:
    """The register in force in a quarter: the last one that was complete by its end."""
    return quarter.year if quarter.number == 4 else quarter.year - 1


def build(country_dir: Path, landing: Path, seed: int) -> Made:
    """The country of a pack's folder.

    Parameters
    ----------
    landing : Path
        Folder in which files of real sources would lie: polygons that are there are the twin's.
    """
    files = [*sorted(country_dir.glob("*.yaml")), *sorted(country_dir.glob("measures/*.yaml"))]
    said = hashlib.sha256(b"\n".join(path.read_bytes() for path in files)).hexdigest()
    held = [(str(path), path.stat().st_mtime_ns) for path in sorted(landing.glob("*")) if path.name != "simulated"]
    return _build(country_dir, landing, seed, said, tuple(held))


@lru_cache(maxsize=2)
def _build(country_dir: Path, landing: Path, seed: int, said: str, held: tuple[tuple[str, int], ...]) -> Made:
    country, settings = read_country(country_dir / "country.yaml"), read_settings(country_dir / "simulated.yaml")
    measure = load_measure(measure_files(country_dir)[country.default_measure])
    areas, made_up = areas_of(settings, country, landing, seed)
    shapes = hashlib.sha256(
        b"".join(map(bytes, areas["geometry"])) + areas["area_id"].str.cat(sep="|").encode()
    ).hexdigest()
    weights = ",".join(f"{i.indicator_id}={i.weight}" for i in measure.indicators)
    digest = hashlib.sha256(f"{FORMAT}\n{seed}\n{said}\n{weights}\n{shapes}".encode()).hexdigest()
    return Made(settings, country, measure, areas, made_up, seed, digest)
