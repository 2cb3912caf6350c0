"""What a real quarter brings is not refused: eight quarters of the twin one after the other, across a survey and a planted change."""

import shutil

import dagster as dg
import pytest
import yaml

from poverty_assets.definitions import build_definitions
from poverty_assets.graph.jobs import QUARTER
from poverty_assets.pack.country import COUNTRIES, country_folder
from poverty_assets.quarter import Quarter
from poverty_assets.running.instance import open_instance
from poverty_assets.settings import Settings, claim_home

PLANTED = {"from": "2025Q3", "areas": ["03"], "indicators": ["electricity", "housing", "sanitation"], "shift": 0.8}
QUARTERS = [Quarter(2024, 4).shift(number) for number in range(8)]


@pytest.fixture
def shaken(tmp_path, monkeypatch):
    """Settings of a home of the twin in which a province gets poorer on the way."""
    folder = shutil.copytree(country_folder("khm"), tmp_path / "packs" / "khm")
    twin = folder / "simulated.yaml"
    content = yaml.safe_load(twin.read_text(encoding="utf-8"))
    content["scenario"]["planted_change"] = PLANTED
    twin.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    monkeypatch.setenv(COUNTRIES, str(tmp_path / "packs"))
    settings = Settings(home=tmp_path / "home", country="khm")
    claim_home(settings)
    return settings


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_eight_quarters_of_the_twin_with_a_planted_change_pass_without_one_refusal(shaken):
    job = build_definitions(shaken).resolve_job_def(QUARTER)
    keys = set(job.asset_layer.executable_asset_keys)
    sources = [key for key in keys if key.path[-1].startswith("src_")]
    asked = dg.AssetSelection.assets(*sources).upstream().resolve(job.asset_layer.asset_graph) & keys
    refused, checked = [], 0
    with open_instance(shaken.dagster_home) as instance:
        for quarter in QUARTERS:
            run = job.get_subset(asset_selection=asked).execute_in_process(
                instance=instance, partition_key=quarter.key, raise_on_error=False
            )
            checks = run.get_asset_check_evaluations()
            checked += len(checks)
            refused += [(quarter.label, c.asset_key.path[-1], c.check_name) for c in checks if not c.passed]
            assert run.success, f"{quarter}: {refused}"
    assert refused == []
    assert checked > 100
