"""Backfilling quarters, two runs at a time, gives the lake that one run after the other gives."""

import pytest

from poverty_assets.quarter import Quarter
from poverty_assets_tests.integration.refresher import Refresher
from poverty_assets_tests.integration.test_refresh import lake_bytes

QUARTERS = [Quarter(2021, 1).shift(n).label for n in range(8)]


def assert_side_by_side_gives_the_same(landing, folder, quarters):
    log = folder / "log"
    with Refresher() as first, Refresher() as second:
        first.ask(home=folder / "parallel", landing=landing, quarters=quarters[0::2], log=log)
        second.ask(home=folder / "parallel", landing=landing, quarters=quarters[1::2], log=log)
        codes = [first.answer()["code"], second.answer()["code"]]
        first.ask(home=folder / "single", landing=landing, quarters=quarters, log=log)
        codes.append(first.answer()["code"])
    assert codes == [0, 0, 0], log.read_text()[-3000:]
    one, other = lake_bytes(folder / "parallel"), lake_bytes(folder / "single")
    assert sorted(one) == sorted(other)
    assert [name for name in one if one[name] != other[name]] == []
    assert sum(name.startswith("lake/fct_mpi/") for name in one) == len(quarters)


def test_four_quarters_two_at_a_time_and_one_after_the_other_agree_byte_for_byte(landing, tmp_path):
    assert_side_by_side_gives_the_same(landing, tmp_path, QUARTERS[2:6])


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_eight_quarters_two_at_a_time_and_one_after_the_other_agree_byte_for_byte(landing, tmp_path):
    assert_side_by_side_gives_the_same(landing, tmp_path, QUARTERS)
