"""Profiles tilted to published poverty rates."""

from __future__ import annotations

import numpy as np

from poverty_assets.measurement.joint import figures_of_profiles
from poverty_assets.measurement.masks import profile_bits
from poverty_assets.small_area.association.raking import independent
from poverty_assets.small_area.association.tilt import Published, tilt_to_published
from poverty_assets.small_area.association.trait import trait_profiles
from poverty_assets_tests.measurement.factories import make_measure


def test_provinces_get_the_published_poverty_rate_and_keep_their_margins() -> None:
    measure = make_measure()
    rng = np.random.default_rng(0)
    margins, population = rng.uniform(0.1, 0.5, size=(12, 3)), rng.uniform(1, 5, size=12)
    province = np.repeat([0, 1], 6)
    truth = trait_profiles(margins, np.full_like(margins, 0.8))
    whole = np.stack(
        [population[province == g] @ truth[province == g] / population[province == g].sum() for g in (0, 1)]
    )
    f = figures_of_profiles(whole, measure)
    none = np.zeros((2, 3))
    wanted = Published(f.uncensored, f.censored[:, 1], f.headcount_ratio[:, 1], none, none[:, 0])
    p, _ = tilt_to_published(independent(margins), margins, population, province, wanted, measure)
    np.testing.assert_allclose(p @ profile_bits(np.arange(8), 3), margins, atol=1e-8)
    got = np.stack([population[province == g] @ p[province == g] / population[province == g].sum() for g in (0, 1)])
    np.testing.assert_allclose(
        figures_of_profiles(got, measure).headcount_ratio[:, 1], wanted.headcount_ratio, atol=1e-4
    )
