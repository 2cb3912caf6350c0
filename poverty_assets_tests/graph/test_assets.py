"""An asset is a function: it can be called alone, with frames, without a run."""

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.models import model_run
from poverty_assets.graph.assets.recipe import Pack, featured, of_role
from poverty_assets.graph.assets.vulnerability import dim_shock
from poverty_assets.graph.partitions import quarterly
from poverty_assets.graph.resources import Home
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings


def pack():
    country = load_country("khm")
    specs = load_sources(country, simulated=False)
    return Pack(specs, quarterly(Quarter(2010, 1)), country, simulated=False)


def test_an_asset_gathers_what_it_is_given():
    one, other = pd.DataFrame({"model_id": ["a"]}), pd.DataFrame({"model_id": ["b"]})
    assert list(model_run(one, other)["model_id"]) == ["a", "b"]


def test_an_asset_asks_the_home_for_what_the_pack_says(tmp_path):
    rows = dim_shock(Home.of(Settings(home=tmp_path)))
    assert {"shock_id", "measure_id"} <= set(rows.columns)
    assert len(rows)


def test_wired_it_runs_alone_with_frames_in_place_of_the_assets_before_it():
    quarters = pack().partitions
    given = {"register_run": pd.DataFrame({"model_id": ["a"]}), "margin_run": pd.DataFrame({"model_id": ["b"]})}

    def stands_for(name):
        return dg.asset(name=name, partitions_def=quarters)(lambda: given[name])

    steps = [model_run.wire(pack()), *map(stands_for, given)]
    done = dg.materialize_to_memory(steps, partition_key="2022-10-01")
    assert list(done.output_for_node("model_run")["model_id"]) == ["a", "b"]


def test_wired_for_a_pack_it_reads_the_sources_of_its_role_and_shows_their_licences():
    from poverty_assets.graph.assets.registers import register_count

    wired = register_count.wire(pack())
    (spec,) = wired.specs
    registers = of_role("register")(pack())
    assert {f"src_{source.source_id}" for source in registers} < {dep.asset_key.to_user_string() for dep in spec.deps}
    assert registers[0].licence in spec.metadata["sources"].value
    assert spec.group_name == "registers"
    assert featured(pack())
