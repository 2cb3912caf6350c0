"""No code that fits, chooses or calibrates can read the twin's truth or official rates: it neither imports what reads them, nor is
given the folder, nor sees their sources among a pack's."""

import ast
import functools
import shutil

import dagster as dg
import pandas as pd
import pytest

from poverty_assets.definitions import build_definitions
from poverty_assets.graph.assets.evaluation import official_metric
from poverty_assets.graph.assets.recipe import Pack
from poverty_assets.graph.partitions import quarterly
from poverty_assets.graph.resources import Home
from poverty_assets.pack.country import COUNTRIES, country_folder, load_sources, load_truth_sources
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings
from poverty_assets_tests.evaluation.test_official import figures
from poverty_assets_tests.parsed import PACKAGE, modules, nodes_of
from poverty_assets_tests.worlds import PREFIXED

GENERATORS = ("cambodia", "general")
READERS = {"poverty_assets.twin.truth", "poverty_assets.evaluation.truth"}
READERS |= {f"poverty_assets.twin.{name}.truth" for name in GENERATORS}
MAY_IMPORT = {"evaluation/truth.py", "evaluation/judge.py"}
MAY_IMPORT |= {f"twin/{name}/{file}.py" for name in GENERATORS for file in ("generate", "truth")}
OF_OFFICIAL_RATES = {
    "poverty_assets.pack.country.load_truth_sources", "poverty_assets.pack.truth", "poverty_assets.evaluation.official",
    "poverty_assets.pack.country.read_sources",
}  # fmt: skip
MAY_IMPORT_OFFICIAL_RATES = {
    "evaluation/official.py", "graph/assets/evaluation.py",
    # these hold files against their form
    "running/check_landing.py", "running/check_pack.py", "intake/validation.py",
}  # fmt: skip
MAY_NAME_THE_FOLDER = {"settings.py", "graph/assets/evaluation.py", "graph/assets/sources.py"}

ENTRY = """
- source_id: rates
  title: Official poverty rate
  description: made up
  role: truth
  reader: csv
  path: truth/rates.csv
  publisher: nobody
  licence: none
  url: none
  obtain: nowhere
  observed_from: 2020-01-01
  observed_to: 2020-12-31
  columns:
    area_code: {from: code, type: code, digits: 6}
    rate: {from: rate, minimum: 0, maximum: 100}
  options: {official: {rates: {rate: 2020}, percent: true}}
"""


@functools.cache
def imports(name: str) -> set[str]:
    found = set()
    for node in nodes_of(PACKAGE / name):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_only_the_twin_and_the_evaluation_import_what_reads_truth():
    assert {name for name in modules() if imports(name) & READERS} == MAY_IMPORT


def test_every_generator_of_a_twin_is_among_those_held():
    assert {path.parent.name for path in PACKAGE.glob("twin/*/generate.py")} == set(GENERATORS)


def test_only_the_twin_and_the_evaluation_are_told_where_truth_lies():
    told = {
        name
        for name in modules()
        if any(isinstance(node, ast.Attribute) and node.attr == "truth" for node in nodes_of(PACKAGE / name))
        or any(
            isinstance(node, ast.Constant) and node.value == "truth" and name == "settings.py"
            for node in nodes_of(PACKAGE / name)
        )
    }
    assert told == MAY_NAME_THE_FOLDER


def test_only_the_evaluation_and_checks_of_files_import_what_reads_official_rates():
    assert {name for name in modules() if imports(name) & OF_OFFICIAL_RATES} == MAY_IMPORT_OFFICIAL_RATES


def test_only_its_reader_asks_a_source_where_official_rates_stand():
    asks = {name for name in modules() for node in nodes_of(PACKAGE / name) if getattr(node, "attr", "") == "official"}
    assert asks == {"pack/source.py", "evaluation/official.py"}


@pytest.fixture
def with_rates(tmp_path, monkeypatch) -> Home:
    """A home of Cambodia's pack with an entry of official rates."""
    folder = shutil.copytree(country_folder("khm"), tmp_path / "khm")
    monkeypatch.setenv(COUNTRIES, str(tmp_path))
    with (folder / "sources.yaml").open("a", encoding="utf-8") as stream:
        stream.write(ENTRY)
    return Home.of(Settings(home=tmp_path / "home", sources="landing", landing=tmp_path))


def test_an_entry_with_its_file_suffices_for_scores(with_rates, tmp_path):
    shares = dict(zip(PREFIXED.finest, (0.1, 0.2, 0.3, 0.4, 0.5), strict=True))
    (tmp_path / "truth").mkdir()
    rates = [f"{code},{100 * share + 5}\n" for code, share in shares.items()]
    (tmp_path / "truth" / "rates.csv").write_text("code,rate\n" + "".join(rates))
    given = {
        "fct_mpi": figures(PREFIXED, shares),
        "area_feature": pd.DataFrame({"area_id": [], "feature_id": [], "value": []}),
        "dim_area": PREFIXED.dim_area,
    }
    quarters = quarterly(Quarter(2010, 1))

    def stands_for(name):
        return dg.asset(name=name, partitions_def=quarters)(lambda: given[name])

    pack = Pack(with_rates.specs, quarters, with_rates.country, simulated=False)
    steps = [official_metric.wire(pack), *map(stands_for, given)]
    fresh = Home.of(with_rates.settings)  # one that has been asked already is refused as a resource
    done = dg.materialize_to_memory(steps, partition_key="2022-10-01", resources={"home": fresh})
    made = done.output_for_node("official_metric")
    rows = made.frame[made.frame["learner"] == "downscaled"].set_index("metric")["value"]
    assert (round(rows["spearman"], 9), round(rows["rmse"], 9)) == (1, 0.05)
    assert set(made.frame["target"]) == {"rates"}
    assert made.metadata == {
        "scored": {"rates": "Official poverty rate (nobody; none): rates of 2020, 5 areas of level parish"}
    }


def test_a_pack_gives_its_sources_without_those_of_official_rates(with_rates):
    country = with_rates.country
    assert [spec.source_id for spec in load_truth_sources(country, simulated=False)] == ["rates"]
    assert "rates" not in {spec.source_id for spec in load_sources(country, simulated=False)}
    assert "rates" not in with_rates.sources
    graph = build_definitions(with_rates.settings).resolve_asset_graph()
    assert dg.AssetKey("src_rates") not in graph.get_all_asset_keys()
    assert graph.get(dg.AssetKey("official_metric")).child_keys == {dg.AssetKey("model_metric")}


def test_nothing_but_the_scores_is_made_from_what_was_compared_with_truth(tmp_path):
    graph = build_definitions(Settings(home=tmp_path)).resolve_asset_graph()
    children = graph.get(dg.AssetKey("truth_metric")).child_keys
    assert children == {dg.AssetKey("model_metric")}
    assert graph.get(dg.AssetKey("model_metric")).child_keys == {dg.AssetKey("quarter_seal")}
