"""The twin of any pack: the same bytes every time, areas that the pack knows, and surveys and truth of one country."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from shapely import to_geojson
from shapely.geometry import box

from poverty_assets.errors import SpecificationError, UsageError
from poverty_assets.geography.areas import areas_from_sources
from poverty_assets.pack.country import COUNTRIES, country_folder, load_country, load_sources
from poverty_assets.quarter import Quarter
from poverty_assets.running.check_pack import check_pack
from poverty_assets.running.new_pack import write_skeleton
from poverty_assets.sources.readers import observe
from poverty_assets.sources.surveys.canonical import read_households
from poverty_assets.twin import write_base, write_quarter
from poverty_assets.twin.truth import read_truth_areas, read_truth_households

from .test_files import contents

QUARTER = Quarter(2022, 2)


@pytest.fixture
def packs(tmp_path, monkeypatch):
    """Folder of packs with a skeleton, `xyz`, and those that come with the package."""
    monkeypatch.setenv(COUNTRIES, str(tmp_path / "packs"))
    write_skeleton("XYZ", tmp_path / "packs")
    return tmp_path / "packs"


def written(name: str, home: Path, seed: int = 1) -> Path:
    landing = home / "landing" / "simulated"
    write_base(landing, home / "truth", country_dir=country_folder(name), seed=seed)
    write_quarter(landing, home / "truth", QUARTER, country_dir=country_folder(name), seed=seed)
    return landing


def areas_read(name: str, landing: Path) -> pd.DataFrame:
    country = load_country(name)
    specs = [spec for spec in load_sources(country, simulated=True) if spec.role == "areas"]
    return areas_from_sources(specs, lambda of: observe(_named(specs, of), QUARTER, landing, country).frame, country)


def _named(specs, source_id):
    return next(spec for spec in specs if spec.source_id == source_id)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["xyz", "kgz", "mng"])
def test_a_pack_whose_twin_is_general_checks_and_has_the_areas_that_it_states(packs, tmp_path, name):
    assert check_pack(name) == []
    country, areas = load_country(name), areas_read(name, written(name, tmp_path))
    assert list(areas["area_level"].unique()) == list(country.levels.ids)
    for level in country.levels.ids[1:]:
        assert all(country.levels[level].matches(code) for code in areas.loc[areas["area_level"] == level, "area_id"])
    west, south, east, north = country.bounds
    assert areas["centroid_lon"].between(west, east).all()
    assert areas["centroid_lat"].between(south, north).all()
    assert areas[[f"name_{language}" for language in country.language_codes]].notna().all(axis=None)


@pytest.mark.slow
def test_same_seed_same_bytes_and_another_seed_another_country(packs, tmp_path):
    one, two, other = (written("xyz", tmp_path / name, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert contents(one) == contents(two)
    assert contents(tmp_path / "a/truth") == contents(tmp_path / "b/truth")
    assert contents(one)["survey/2022/households.parquet"] != contents(other)["survey/2022/households.parquet"]


def test_the_survey_is_of_the_country_that_the_truth_tells_and_its_deprivations_meet(packs, tmp_path):
    landing = written("xyz", tmp_path)
    survey = read_households(landing / "survey" / "2022").frame
    truth = read_truth_areas(tmp_path / "truth", QUARTER)
    people = survey["weight"] * survey["hh_size"]
    assert people.sum() == pytest.approx(truth["population"].sum(), rel=0.08)
    for name in ("cooking_fuel", "sanitation", "nutrition"):
        assert np.average(survey[name], weights=people) == pytest.approx(
            np.average(truth[name], weights=truth["population"]), abs=0.05
        )
    assert truth["headcount_ratio"].std() > 0.05
    households = read_truth_households(tmp_path / "truth", QUARTER)
    sanitation, fuel = (households["mask"].to_numpy() >> bit & 1 for bit in (5, 4))
    assert (sanitation & fuel).mean() > 1.2 * sanitation.mean() * fuel.mean()


def test_polygons_of_the_landing_folder_are_the_twins(packs, tmp_path):
    shapes = {"0101": box(104, 12, 104.5, 12.5), "0102": box(104.5, 12, 105, 12.5), "0201": box(104, 12.5, 105, 13)}
    features = [
        {
            "type": "Feature",
            "properties": {"CODE": code, "NAME": f"District {code}"},
            "geometry": json.loads(to_geojson(shape)),
        }
        for code, shape in shapes.items()
    ]
    file = tmp_path / "landing" / "boundaries" / "finest.geojson"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    landing = written("xyz", tmp_path)
    areas = areas_read("xyz", landing).set_index("area_id")
    assert areas.index.tolist() == ["XY", "01", "02", "0101", "0102", "0201"]
    assert areas.loc["0102", "name_en"] == "District 0102"
    assert "areas with their own codes, names and boundaries" in (landing / "README.txt").read_text()


def test_what_cannot_be_made_is_refused_with_the_place(packs, tmp_path):
    settings = packs / "xyz" / "simulated.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('code: "{n:02d}"', 'code: "R{n}"'), encoding="utf-8")
    with pytest.raises(SpecificationError, match=r"simulated.yaml: the made-up code 'R1' is none of level region"):
        written("xyz", tmp_path / "a")
    settings.write_text(
        text.replace("reference_quarter: 2022Q2", "reference_quarter: 2022Q2\nhouseholdz: 3"), encoding="utf-8"
    )
    assert "unknown key 'householdz'" in check_pack("xyz")[0].message
    settings.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="runs from 2016Q1 to 2030Q4; 2031Q1 lies outside"):
        write_quarter(tmp_path / "l", tmp_path / "t", Quarter(2031, 1), country_dir=packs / "xyz", seed=1)
