"""What a refresh takes as it is, and what it makes anew when one thing changes."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest

from poverty_assets.graph import assets
from poverty_assets.graph.assets.recipe import Pack
from poverty_assets.graph.checks import asset_checks
from poverty_assets.graph.partitions import quarterly
from poverty_assets.graph.resources import Home
from poverty_assets.graph.reuse import code, step
from poverty_assets.pack.country import COUNTRIES, country_folder
from poverty_assets.quarter import Quarter
from poverty_assets.running.instance import open_instance
from poverty_assets.settings import Settings
from poverty_assets_tests.integration.conftest import QUARTER, set_landing
from poverty_assets_tests.integration.test_refresh import lake_bytes, made_of_last_run, one_household_more

NOW = Quarter.from_label(QUARTER)
EVERY: set[str] = set()


def steps_of(home: Home) -> dict[str, step.Step]:
    """Steps that look first whether they are there, by name."""
    quarters = quarterly(Quarter.from_label(home.country.first_quarter))
    made = assets.build(Pack(home.specs, quarters, home.country, home.settings.is_simulated))
    functions = [
        one.node_def.compute_fn.decorated_fn
        for one in [*made, *asset_checks.build(quarters)]
        if isinstance(one, dg.AssetsDefinition)
    ]
    return {each.step.name: each.step for each in functions if hasattr(each, "step")}


def to_make(folder: Path, **asked: object) -> set[str]:
    """Steps that would be made anew if the quarter were refreshed now, with what is before them as it lies in the lake."""
    home = Home.of(Settings(home=folder, **asked))
    object.__setattr__(home, "settings", home.settings)
    run = SimpleNamespace(run=SimpleNamespace(tags={}))
    running = {name: step._Running(one, run, home, NOW) for name, one in steps_of(home).items()}
    return {name for name, one in running.items() if one._found(one._base()) is None}


ALWAYS = {"quarter_seal", "late_source"}
"""What is made every time: the seal, and what only the whole graph can tell."""


@pytest.fixture
def landed(home, broken) -> Path:
    """The published home, with a landing folder of its own."""
    set_landing(home, broken)
    return home


def test_nothing_is_made_where_nothing_changed(landed):
    assert to_make(landed) == set()


def test_another_number_of_replicates_makes_anew_what_is_replicated(landed):
    assert to_make(landed, replicates=25) == {"small_area_estimates"}


def test_another_release_of_a_file_is_read_and_what_is_held_against_it(landed, broken):
    one_household_more(broken)
    made = to_make(landed)
    assert "src_idpoor_2022" in made
    assert not made & {"src_elevation", "src_roads", "survey_household", "area_boundary", "fct_mpi", "dim_context"}


def test_a_file_of_the_lake_that_is_not_as_it_was_made_is_made_again_and_its_readers(landed):
    path = landed / "lake" / "dim_shock" / f"quarter={NOW.key}" / "part.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    assert to_make(landed) == {"dim_shock", "vulnerability", "check_dim_shock"}


@pytest.mark.parametrize(
    ("file", "readers"),
    [
        ("registers.yaml", {"fct_register_audit"}),
        ("hazards.yaml", {"hazards", "dim_shock", "vulnerability", "small_area_estimates", "price_change"}),
        ("explorer.yaml", set()),
    ],
)
def test_a_file_of_the_pack_makes_anew_what_reads_it(landed, tmp_path, monkeypatch, file, readers):
    pack = Path(shutil.copytree(country_folder("khm"), tmp_path / "packs" / "khm"))
    monkeypatch.setenv(COUNTRIES, str(pack.parent))
    assert to_make(landed) == set()
    (pack / file).write_text((pack / file).read_text() + "\n# a word\n")
    assert to_make(landed) == readers
    (pack / "further.yaml").write_text("{}")
    assert to_make(landed) == steps_of(Home.of(Settings(home=landed))).keys()


def test_another_library_makes_everything_anew(landed, monkeypatch):
    monkeypatch.setattr(step, "environment", lambda: "another")
    assert to_make(landed) == steps_of(Home.of(Settings(home=landed))).keys()


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """The package's sources, for a test to change; versions are told from them."""

    def forget():
        for one in vars(code).values():
            if hasattr(one, "cache_clear"):
                one.cache_clear()
        step.code_of.cache_clear()

    leave = shutil.ignore_patterns("__pycache__", "countries", "static")
    copy = Path(shutil.copytree(code.ROOT, tmp_path / "poverty_assets", ignore=leave))
    monkeypatch.setattr(code, "ROOT", copy)
    forget()
    yield copy, forget
    monkeypatch.undo()
    forget()


@pytest.mark.parametrize(
    ("file", "some", "none"),
    [
        (
            "measurement/latent_classes.py",
            {"overlap", "direct_estimates"},
            {"src_elevation", "features", "dim_context"},
        ),
        ("features/zonal.py", {"features"}, {"src_elevation", "direct_estimates", "fct_mpi", "dim_area"}),
        ("geography/context.py", {"dim_context"}, {"dim_area", "small_area_estimates", "features"}),
        ("graph/assets/context.py", {"dim_context"}, {"dim_area", "small_area_estimates", "features"}),
        ("graph/checks/coverage.py", {"check_fct_mpi"}, {"fct_mpi", "features"}),
        ("reports/pages.py", set(), EVERY),
    ],
)
def test_a_change_of_code_makes_anew_what_it_makes(landed, sources, file, some, none):
    copy, forget = sources
    assert to_make(landed) == set()
    text = (copy / file).read_text()
    (copy / file).write_text(
        text.replace("    return ", "    _ = 0\n    return ", 1) if "graph" in file else text + "\n_ = 0\n"
    )
    forget()
    made = to_make(landed)
    assert some <= made
    assert not made & (steps_of(Home.of(Settings(home=landed))).keys() if none is EVERY else none)


def test_a_refresh_of_the_same_files_makes_and_publishes_nothing_and_says_of_each_asset_whence_it_is(run_cli, home):
    state = as_it_lies(home)
    again = run_cli(home, "refresh", "--quarter", QUARTER)
    assert again.code == 0, again.err
    assert made_of_last_run(home) == ALWAYS
    assert as_it_lies(home) == state
    assert "Published 2022Q4" in again.out
    with open_instance(home / "dagster") as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("fct_mpi"))
        maker = event.asset_materialization.metadata["reused_from_run"].value
        assert instance.get_run_by_id(maker) is not None
        assert event.asset_materialization.tags["dagster/data_version"]


def as_it_lies(folder: Path) -> tuple[object, ...]:
    """Which file is published, when it was last written or put there, and the lake; when it was read is no matter."""
    file = (folder / "warehouse" / "poverty.duckdb").stat()
    return file.st_ino, file.st_size, file.st_mtime_ns, file.st_ctime_ns, lake_bytes(folder)
