"""How far single pairs of published areas depart from what the area's strength says of all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from poverty_assets.small_area.association.drawn import pairs_apart
from poverty_assets.small_area.association.loadings import Association, PairResiduals
from poverty_assets.small_area.association.profiles import Associations, Spreads, learnt_pair_spread
from poverty_assets.small_area.people import Groups

GROUPS, PAIRS, NOISE, ANSWER = 40, 45, 0.004, 0.03


@pytest.mark.parametrize("true", [0.0, 0.1, 0.3])
def test_the_spread_of_pairs_is_learnt_beside_the_noise_of_the_sample(true: float) -> None:
    rng = np.random.default_rng(5)
    common = rng.normal(0, 0.02, PAIRS)  # of the whole country: no departure of any one area
    away = common + true * ANSWER * rng.standard_normal((GROUPS, PAIRS)) + NOISE * rng.standard_normal((GROUPS, PAIRS))
    seen = PairResiduals(away, np.full(away.shape, 1 / NOISE), np.full(away.shape, ANSWER))
    found = learnt_pair_spread(seen, away + NOISE * rng.standard_normal((20, *away.shape)))
    assert found == pytest.approx(true, rel=0.25, abs=0.06 if true == 0 else 0.0)


def test_pairs_depart_alike_within_a_published_area_by_the_spread_learnt() -> None:
    groups = Groups(np.repeat(np.arange(200), 2), np.repeat(np.arange(200), 2))
    one = Association(np.full(3, 0.5), np.ones(200), np.full(200, 0.1))
    fitted = Associations(groups, one, one, one.of_areas(groups.block), Spreads(pair=0.2))
    factor = pairs_apart(fitted, np.random.default_rng(1))
    np.testing.assert_array_equal(factor[::2], factor[1::2])
    log_odds_ratio = np.log(factor[::2, 3] * factor[::2, 0] / factor[::2, 1] / factor[::2, 2])
    assert log_odds_ratio.std() == pytest.approx(0.2, rel=0.15)
    still = replace(fitted, prior=Spreads(pair=0.0))
    np.testing.assert_array_equal(pairs_apart(still, np.random.default_rng(1)), 1.0)
