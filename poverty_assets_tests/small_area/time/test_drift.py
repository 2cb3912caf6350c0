"""How far areas may have moved since the survey."""

from __future__ import annotations

import numpy as np

from poverty_assets.small_area.time.drift import common_error
from poverty_assets_tests.small_area.test_sample import make_sample


def test_a_walk_has_gone_as_far_as_the_root_of_time() -> None:
    before, now = (make_sample(np.full((4, 2), share)) for share in (0.2, 0.3))
    far = common_error(before, now, years_between=4.0, years_since=1.0)
    change = np.log(0.3 / 0.7) - np.log(0.2 / 0.8)
    np.testing.assert_allclose(far, change / 2)
