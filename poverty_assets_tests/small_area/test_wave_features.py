"""Covariates at survey waves and in the quarter: the same things under the same names."""

from __future__ import annotations

import pandas as pd
import pytest

from poverty_assets.features.feature_table import Observed
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.pack.source import TableSource
from poverty_assets.quarter import Quarter
from poverty_assets.registers.counts import count_registers, rates_then
from poverty_assets.small_area.inputs import with_rates
from poverty_assets.small_area.time.nowcast import in_common
from poverty_assets.small_area.wave_features import COLUMNS, wave_features
from poverty_assets.sources.earlier import EarlierTime
from poverty_assets_tests.worlds import WORLDS, World

SPECS = load_sources(load_country("khm"), simulated=True)
REGISTER = next(spec for spec in SPECS if isinstance(spec, TableSource) and spec.role == "register")
NEWER = REGISTER.model_copy(update={"source_id": "register_again", "observed_to": Quarter.from_label("2026Q1").end})
BEFORE, LATEST = (
    EarlierTime("wave", Quarter.from_label(label), wave) for wave, label in (("w1", "2021Q4"), ("w2", "2025Q4"))
)
every_world = pytest.mark.parametrize("world", WORLDS)


def crosswalk(world: World) -> pd.DataFrame:
    return pd.concat(
        [world.crosswalk.assign(source_id=spec.source_id) for spec in (REGISTER, NEWER)], ignore_index=True
    )


def at_waves(world: World) -> pd.DataFrame:
    """Two features and a register, at two waves."""
    features = pd.DataFrame(
        [(code, name, 1.0) for code in world.finest for name in ("lights", "roads")],
        columns=["area_id", "feature_id", "value"],
    )
    return wave_features(
        Observed(lambda _: None, lambda _: {}, Quarter.from_label("2026Q3"), None, (BEFORE, LATEST)),  # type: ignore[arg-type]
        features.assign(observed_on=None),
        {BEFORE: features, LATEST: features},
        [],
        lambda _: rates_then([REGISTER], lambda _: world.register, crosswalk(world), world.hierarchy),
    )


def in_the_quarter(world: World, *releases: TableSource) -> pd.DataFrame:
    counts = count_registers(list(releases), lambda _: world.register, crosswalk(world), world.hierarchy)
    features = at_waves(world).query("wave == 'w2' and register_id == ''")
    return with_rates(features[["area_id", "feature_id", "value"]], counts)


def covariates(*tables: pd.DataFrame) -> set[tuple[str, str]]:
    """What the model that moves from the first table to the second knows: features, and registers."""
    then, now = in_common(*tables)
    named = ["feature_id", "register_id"]
    assert set(then[named].itertuples(index=False, name=None)) == set(now[named].itertuples(index=False, name=None))
    return set(then[named].itertuples(index=False, name=None))


@every_world
def test_every_covariate_of_the_judged_nowcast_is_one_of_the_published_ones(world):
    assert REGISTER.source_id != REGISTER.register_id  # the case in which the two once went by different names
    seen = at_waves(world)
    before, latest = (seen[seen["wave"] == wave] for wave in ("w1", "w2"))
    judged = covariates(before, latest)
    assert judged == {("lights", ""), ("roads", ""), ("", REGISTER.register_id)}
    assert judged <= covariates(latest, in_the_quarter(world, REGISTER))


@every_world
def test_a_later_release_of_a_register_is_the_same_register(world):
    latest = at_waves(world).query("wave == 'w2'")
    assert ("", REGISTER.register_id) in covariates(latest, in_the_quarter(world, REGISTER, NEWER))


@every_world
def test_of_two_releases_at_one_time_the_newest_gives_the_rate(world):
    tables = {
        REGISTER.source_id: world.register,
        NEWER.source_id: world.register.assign(listed=world.register["households"]),
    }
    found = rates_then(
        [NEWER, REGISTER], lambda spec: tables[spec.source_id], crosswalk(world), world.hierarchy
    ).set_index("area_id")
    assert found.index.is_unique
    assert set(found["register_id"]) == {REGISTER.register_id}
    assert (found["value"] == 1).all()


@every_world
def test_a_row_is_of_a_feature_or_of_a_register_at_one_time(world):
    seen = at_waves(world)
    assert seen.columns.tolist() == COLUMNS
    assert ((seen["feature_id"] == "") != (seen["register_id"] == "")).all()
    assert not seen.duplicated(["time_kind", "wave", "at_quarter", "area_id", "feature_id", "register_id"]).any()
    assert set(zip(seen["wave"], seen["at_quarter"], strict=True)) == {
        ("w1", BEFORE.quarter.start),
        ("w2", LATEST.quarter.start),
    }
