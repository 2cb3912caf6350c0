"""The twin as a whole: where its communes lie, how deprived they are in any quarter, how many households they have.

Belongs here: assembling terrain, areas and calibrated parameters, and their course over time. Does not belong here:
files of any kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from poverty_assets.quarter import Quarter
from poverty_assets.twin.cambodia import areas as areas_
from poverty_assets.twin.cambodia import calibration, settings, terrain
from poverty_assets.twin.cambodia.households import Composition, Province, draw
from poverty_assets.twin.streams import smooth_noise, stream

Array = NDArray[np.float64]

_MINORITY_ELSEWHERE = 0.01
_SHIFT_RANGE = (-0.2, 1.6)


def _steps(first: Quarter, quarter: Quarter) -> int:
    """Quarters from `first` to `quarter`."""
    return (quarter.year - first.year) * 4 + quarter.number - first.number


@dataclass(frozen=True, eq=False)
class World:
    """Everything about the twin that the seed decides.

    Arrays over communes have length n, over indicators d. ``base`` (n, d) are the communes' offsets at the reference
    quarter, thresholds included; ``slope_before`` and ``slope_after`` (n, d) their change a year; ``paths`` the
    innovations (quarters, n, d) since the horizon's first quarter; ``loading`` (n, d).
    """

    settings: settings.TwinSettings
    seed: int
    terrain: terrain.Terrain
    areas: areas_.Areas
    composition: Composition
    eligibility: calibration.Eligibility
    base: Array
    slope_before: Array
    slope_after: Array
    paths: NDArray[np.float32]
    loading: Array
    minority_share: Array
    remoteness: Array

    def offsets(self, quarter: Quarter) -> Array:
        """Offsets of the communes in `quarter`, thresholds included, shape (n, d): shares are Phi of them."""
        self.settings.check_quarter(quarter)
        reference = self.settings.reference_quarter
        offset = self.base.copy()
        if not self.settings.scenario.no_change:
            now, then = (_steps(self.settings.first_quarter, q) for q in (quarter, reference))
            years = (now - then) / 4
            offset += years * (self.slope_before if years < 0 else self.slope_after)
            offset += self.paths[now] - self.paths[then]
            for indicator, season in self.settings.model.season.items():
                j = self.settings.indicators.index(indicator)
                offset[:, j] += season[quarter.number - 1] - season[reference.number - 1]
        planted = self.settings.scenario.planted_change
        if planted is not None and quarter >= Quarter.from_label(planted.since):
            hit = np.array([code.startswith(tuple(planted.areas)) for code in self.areas.commune_code.tolist()])
            columns = [self.settings.indicators.index(name) for name in planted.indicators]
            offset[np.ix_(np.nonzero(hit)[0], np.array(columns))] += planted.shift
        return offset + self.broken(quarter)[:, None]

    def broken(self, quarter: Quarter) -> Array:
        """What a break has added to the communes' offsets by `quarter`, in every indicator alike, shape (n,)."""
        shock = self.settings.scenario.broken
        if shock is None or quarter < Quarter.from_label(shock.since):
            return np.zeros(len(self.areas))
        rng = stream(self.seed, "break")
        of_provinces = rng.standard_normal(len(self.areas.provinces))[self.areas.province]
        of_communes = rng.standard_normal(len(self.areas))
        return np.asarray(shock.shift + shock.province * of_provinces + shock.commune * of_communes)

    def seen(self, quarter: Quarter) -> Array:
        """Offsets of the communes as registers and satellites see them, shape (n, d): little of a break."""
        shock = self.settings.scenario.broken
        unseen = 0.0 if shock is None else 1 - shock.seen
        return np.asarray(self.offsets(quarter) - unseen * self.broken(quarter)[:, None])

    def wealth(self, quarter: Quarter) -> Array:
        """How little the communes are seen to lack in `quarter`, standardised at the reference quarter, shape (n,)."""
        weights = np.asarray(self.settings.weights_18) / 18
        reference = self.base @ weights
        return np.asarray((reference.mean() - self.seen(quarter) @ weights) / reference.std())

    def growth(self, years: float) -> Array:
        """Factor by which the communes' households have grown `years` after the reference year, shape (n,)."""
        h = self.settings.households
        rate = np.where(self.areas.is_urban, h.urban_growth, h.mean_growth * (1.4 - 0.9 * self.remoteness))
        return np.asarray((1 + rate) ** years)

    def households(self, quarter: Quarter) -> NDArray[np.intp]:
        """Number of households of each commune in `quarter`, shape (n,)."""
        at = self.settings.reference_quarter if self.settings.scenario.no_change else quarter
        years = at.year + (at.number - 0.5) / 4 - (self.settings.households.reference_year + 0.5)
        base = self.areas.persons / self.composition.mean_size
        return np.maximum(np.round(base * self.growth(years)), 12).astype(np.intp)

    def province(self, p: int) -> Province:
        """Draw the households of province number `p`."""
        members = np.nonzero(self.areas.province == p)[0]
        most = np.maximum(self.households(self.settings.last_quarter), self.households(self.settings.first_quarter))
        code = self.areas.provinces[p]
        return draw(self.settings, self.composition, self.seed, code, members, most[members], self.loading[members])


def _minority(s: settings.TwinSettings, a: areas_.Areas, remoteness: Array, seed: int) -> Array:
    """Share of people of ethnic minorities: the province's, higher in remote and rural communes."""
    share = np.array([s.minority_share.get(code, _MINORITY_ELSEWHERE) for code in a.province_code.tolist()])
    noise = stream(seed, "minority").standard_normal(len(a))
    logit = np.log(share / (1 - share)) + 1.0 * noise + 1.5 * (remoteness - 0.5) - 1.2 * a.is_urban
    return np.asarray(1 / (1 + np.exp(-logit)))


def _commune_offsets(
    s: settings.TwinSettings, t: terrain.Terrain, a: areas_.Areas, minority: Array, seed: int
) -> Array:
    """Offsets of communes before thresholds, shape (n, d): wealth, smooth fields, noise, minority share."""
    model, sigma = s.model, s.model.smooth_km / t.grid.cell_km
    cells = t.grid.cell_of(a.seed_lon, a.seed_lat)
    rng = stream(seed, "communes", "noise")
    near = t.nearness[cells] - 0.012 * np.minimum(t.minutes[cells], 150)
    parts = [
        (model.wealth_access, (near - near.mean()) / near.std()),
        (model.wealth_smooth, smooth_noise(stream(seed, "wealth"), t.grid.shape, sigma)[cells]),
        (model.wealth_noise, rng.standard_normal(len(a))),
    ]
    wealth = sum(weight * part for weight, part in parts)
    offset = -np.outer(wealth, model.wealth_response) + model.minority_response * (minority[:, None] - minority.mean())
    for j, name in enumerate(s.indicators):
        offset[:, j] += model.smooth_spread[j] * smooth_noise(stream(seed, "field", name), t.grid.shape, sigma)[cells]
    return np.asarray(offset + rng.standard_normal(offset.shape) * model.noise_spread)


def _paths(s: settings.TwinSettings, a: areas_.Areas, seed: int) -> NDArray[np.float32]:
    """Random walks of the offsets, shape (quarters, n, d): of districts, of communes, of single indicators."""
    steps = _steps(s.first_quarter, s.last_quarter) + 1
    model, n, d = s.model, len(a), len(s.indicators)
    of_districts = stream(seed, "path", "district").standard_normal((steps, a.district.max() + 1), dtype=np.float32)
    of_communes = stream(seed, "path", "commune").standard_normal((steps, n), dtype=np.float32)
    single = stream(seed, "path", "indicator").standard_normal((steps, n, d), dtype=np.float32)
    common = model.innovation_district * of_districts[:, a.district] + model.innovation_commune * of_communes
    single *= np.float32(model.innovation_indicator)
    single += common[:, :, None].astype(np.float32)
    return np.asarray(np.cumsum(single, axis=0, dtype=np.float32))


def _loadings(s: settings.TwinSettings, scale: Array) -> Array:
    """Loadings on the first factor for communes with the given scale, kept within the largest communality."""
    second = np.asarray(s.model.loading_second)
    most = np.sqrt(s.model.max_communality - second**2)
    return np.minimum(np.outer(scale, s.model.loading), most)


def _group_ratio(
    s: settings.TwinSettings,
    eligibility: calibration.Eligibility,
    offset: Array,
    loading: Array,
    weight: Array,
    group: NDArray[np.intp],
) -> Array:
    """Expected headcount ratio of each group of communes."""
    ratio = calibration.expected_headcount_ratio(s, offset, loading, eligibility)
    return np.asarray(np.bincount(group, weight * ratio) / np.bincount(group, weight))


def _calibrate_loadings(
    s: settings.TwinSettings, a: areas_.Areas, eligibility: calibration.Eligibility, base: Array, variety: Array
) -> Array:
    """Loadings (n, d): those of the settings, scaled so that the provinces' headcount ratios come out."""
    chosen, weight = calibration.representatives(base, a.persons, a.province)
    group = a.province[chosen]
    target = np.array([s.published.provinces[code].headcount_ratio for code in a.provinces])
    scale = calibration.meet(
        lambda x: _group_ratio(s, eligibility, base[chosen], _loadings(s, x[group] * variety[chosen]), weight, group),
        target,
        *s.model.loading_scale_range,
    )
    return _loadings(s, scale[a.province] * variety)


def _calibrate_slopes(
    s: settings.TwinSettings,
    a: areas_.Areas,
    eligibility: calibration.Eligibility,
    base: Array,
    loading: Array,
    paths: NDArray[np.float32],
) -> Array:
    """Change of offsets a year (n, d) with which the regions' earlier headcount ratios come out."""
    earlier = Quarter.from_label(s.published_2014.quarter)
    at_reference, at_earlier = (_steps(s.first_quarter, quarter) for quarter in (s.reference_quarter, earlier))
    region_of = {code: i for i, region in enumerate(s.published_2014.regions) for code in region.provinces}
    region = np.array([region_of[code] for code in a.province_code.tolist()])
    shape = np.asarray(s.model.trend_shape)
    chosen, weight = calibration.representatives(base, a.persons, a.province)
    group, start = region[chosen], base[chosen] + paths[at_earlier][chosen] - paths[at_reference][chosen]
    shift = calibration.meet(
        lambda x: _group_ratio(s, eligibility, start + np.outer(x[group], shape), loading[chosen], weight, group),
        np.array([r.headcount_ratio for r in s.published_2014.regions]),
        *_SHIFT_RANGE,
    )
    return np.outer(-shift[region] / ((at_reference - at_earlier) / 4), shape)


@lru_cache(maxsize=4)
def build(text: str, seed: int) -> World:
    """The twin for the text of ``simulated.yaml`` and a seed. Kept, since every quarter needs it."""
    s = settings.parse(text)
    t = terrain.build(s, seed)
    a = areas_.build(s, t, seed)
    cells = t.grid.cell_of(a.seed_lon, a.seed_lat)
    remoteness = t.minutes[cells].argsort(kind="stable").argsort(kind="stable") / (len(a) - 1)
    minority = _minority(s, a, remoteness, seed)
    raw = _commune_offsets(s, t, a, minority, seed)
    paths = _paths(s, a, seed)
    composition = Composition.of(s.households)
    eligibility = composition.eligibility(s)

    published = [s.published.provinces[code].uncensored for code in a.provinces]
    target = np.maximum(published, s.model.headcount_floor)
    base = raw + calibration.solve_thresholds(raw, a.persons, a.province, target, eligibility.persons)[a.province]
    field = smooth_noise(stream(seed, "loading"), t.grid.shape, s.model.smooth_km / t.grid.cell_km)[cells]
    loading = _calibrate_loadings(s, a, eligibility, base, np.exp(s.model.loading_spread * field))
    slope = _calibrate_slopes(s, a, eligibility, base, loading, paths)
    return World(
        settings=s,
        seed=seed,
        terrain=t,
        areas=a,
        composition=composition,
        eligibility=eligibility,
        base=base,
        slope_before=slope,
        slope_after=slope * s.model.pace_after,
        paths=paths,
        loading=loading,
        minority_share=minority,
        remoteness=remoteness,
    )
