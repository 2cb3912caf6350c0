"""``poverty-assets fetch`` through the door that people use, with the entries of the package at a provider on this machine."""

import re
import shutil
import sys
import zipfile
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
import stamina

import poverty_assets
from poverty_assets import cli
from poverty_assets.pack import open_sources
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.quarter import Quarter
from poverty_assets.sources.readers import observe
from poverty_assets_tests.fetching.conftest import tiff
from poverty_assets_tests.fetching.server import Provider

PROVIDERS = (
    "https://data.worldpop.org",
    "https://data.chc.ucsb.edu",
    "https://data.humdata.org",
    "https://planetarycomputer.microsoft.com",
)
WORLDPOP = "/GIS/Population/Global_2015_2030/R2025A/{0}/{2}/v1/1km_ua/constrained/{1}_pop_{0}_CN_1km_R2025A_UA_v1.tif"
CHIRPS = "/products/CHIRPS/v3.0/monthly/global/cogs/chirps-v3.0.{}.{:02d}.cog"
EARLY = "/products/CHIRPS/v3.0/prelim/monthly/global/tifs/chirps-v3.0.{}.{:02d}.tif"
NORMAL = "/products/CHPclim/v2/monthly_9090/CHPclim2.90-90.{:02d}.tif"


@pytest.fixture
def publishers(tmp_path, monkeypatch):
    """The publishers of three sources, at this machine instead of their own."""
    with Provider() as provider:
        for file in shutil.copytree(open_sources.FOLDER, tmp_path / "open_sources").glob("*.yaml"):
            text = file.read_text(encoding="utf-8")
            for host in PROVIDERS:
                text = text.replace(host, provider.address)
            text = re.sub(r"^ +pause_seconds: .*\n", "", text, flags=re.MULTILINE)
            text = re.sub(r"^( +)client: ", r"\1pause_seconds: 0\n\1client: ", text, flags=re.MULTILINE)
            file.write_text(text, encoding="utf-8")
        monkeypatch.setattr(open_sources, "FOLDER", tmp_path / "open_sources")
        over_cambodia = tiff()
        for year in (2020, 2021, 2025):
            provider.put(WORLDPOP.format(year, "khm", "KHM"), over_cambodia)
        for year in (2021, 2022, 2026):
            for month in range(1, 13):
                provider.put(CHIRPS.format(year, month), over_cambodia)
                provider.put(EARLY.format(year, month), over_cambodia)
        for month in range(1, 13):
            provider.put(NORMAL.format(month), over_cambodia)
        monkeypatch.setenv("POVERTY_ASSETS_HOME", str(tmp_path / "home"))
        stamina.set_testing(True, attempts=3, cap=True)
        yield provider
        stamina.set_testing(False)


def fetch(capsys, monkeypatch, *words):
    """Exit code, lines of the standard output, and the standard error."""
    monkeypatch.setattr(sys, "argv", ["poverty-assets", "fetch", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return ended.value.code or 0, said.out.splitlines(), said.err


@pytest.mark.slow
def test_a_quarter_is_fetched_and_the_next_time_nothing_moves(publishers, capsys, monkeypatch, tmp_path):
    names = ("population", "rainfall", "rainfall_normal")
    code, lines, err = fetch(capsys, monkeypatch, *names, "--quarter", "2026Q3")
    assert code == 0, err
    landed = sorted(path.name for path in (tmp_path / "home" / "landing").rglob("*.tif"))
    # the survey wave ended in 2022Q1, and the quarter of its season was 2021Q3: models learn from what was seen then
    assert landed == [
        "chirps_2021Q3.tif", "chirps_2022Q1.tif", "chirps_2026Q3.tif", "chpclim_v2_quarters.tif",
        "worldpop_2020.tif", "worldpop_2021.tif", "worldpop_2025.tif",
    ]  # fmt: skip
    sent = publishers.sent
    code, lines, _ = fetch(capsys, monkeypatch, *names, "--quarter", "2026Q3")
    assert code == 0
    assert sum(line.startswith("unchanged") for line in lines) == len(landed)
    assert publishers.sent == sent


def test_another_country_fetches_by_the_same_entries(publishers, capsys, monkeypatch, tmp_path):
    over_the_country = tiff(corner=(69, 44), degrees=12)
    publishers.put(WORLDPOP.format(2018, "kgz", "KGZ"), over_the_country)
    for month in (10, 11, 12):
        publishers.put(CHIRPS.format(2018, month), over_the_country)
    publishers.put("/scene.tif", tiff(30, corner=(69, 44), degrees=12, nodata=None))
    scene = {
        "id": "scene",
        "properties": {"start_datetime": "2018-11-01T00:00:00Z", "end_datetime": "2018-11-08T00:00:00Z"},
        "assets": {"LST_Day_1km": {"href": publishers.at("/scene.tif")}},
    }
    publishers.answers["/api/stac/v1/search"] = lambda words: {"features": [scene], "links": []}
    publishers.answers["/api/sas/v1/token/modis-11A2-061"] = lambda words: {"token": "sig=1"}
    names = ("population", "rainfall", "land_surface_temperature")
    code, _, err = fetch(capsys, monkeypatch, *names, "--quarter", "2018Q4", "--country", "kgz")
    assert code == 0, err
    landed = sorted(path.name for path in (tmp_path / "home" / "landing").rglob("*.tif"))
    assert landed == ["chirps_2018Q4.tif", "modis_lst_day_2018Q4.tif", "worldpop_2018.tif"]


@pytest.mark.parametrize("how", ["--dry-run", "--probe"])
def test_another_country_lists_what_it_takes(publishers, capsys, monkeypatch, how):
    _, lines, _ = fetch(capsys, monkeypatch, "rainfall", "population", "--quarter", "2018Q4", "--country", "kgz", how)
    assert {line.split()[1] for line in lines} == {"rainfall", "population"}


def test_prices_of_a_file_that_grows_are_those_of_up_to_the_quarter(publishers, capsys, monkeypatch, tmp_path):
    header = (
        "date,admin1,admin2,market,market_id,latitude,longitude,category,commodity,commodity_id,unit,priceflag,pricetype,"
        "currency,price,usdprice"
    )
    tags = ",".join(f"#{name}" for name in header.split(","))
    behind = "Kandal,,Takhmao,1,11.5,104.9,cereals and tubers,Rice,50,KG,actual,Retail,KHR,2500,0.6"
    rows = [f"{day},{behind}" for day in ("2026-09-15", "2026-10-15")]
    publishers.put("/download/wfp_food_prices_khm.csv", "\n".join([header, tags, *rows, ""]).encode())
    listed = [
        {
            "name": "Prices",
            "url": publishers.at("/download/wfp_food_prices_khm.csv"),
            "last_modified": "2026-11-01T00:00:00",
        }
    ]
    publishers.answers["/api/3/action/package_show"] = lambda words: {
        "result": {"resources": listed if words["id"] == "wfp-food-prices-for-cambodia" else []}
    }
    code, _, err = fetch(capsys, monkeypatch, "food_prices", "--quarter", "2026Q3")
    assert code == 0, err
    country = load_country("khm")
    (spec,) = [spec for spec in load_sources(country, simulated=False) if spec.source_id == "food_prices"]
    found = observe(spec, Quarter(2026, 3), tmp_path / "home" / "landing", country)
    assert found.frame[["date", "region", "commodity", "price"]].astype(str).to_numpy().tolist() == [
        ["2026-09-15", "Kandal", "Rice", "2500.0"]
    ]
    assert found.metadata["released_on"] == "2026-11-01"
    assert found.quarantined == {}


def test_a_dry_run_and_a_probe_leave_no_trace(publishers, capsys, monkeypatch, tmp_path):
    code, lines, _ = fetch(capsys, monkeypatch, "rainfall", "--quarter", "2026Q3", "--dry-run")
    assert code == 0
    assert lines[0].startswith("wanted    rainfall 2026Q3: would fetch the country's window of ")
    code, lines, _ = fetch(capsys, monkeypatch, "rainfall", "--quarter", "2026Q3", "--probe")
    assert code == 0
    assert any(line.startswith("there     rainfall 2026Q3: ") for line in lines)  # as they answer
    assert not (tmp_path / "home").exists()


def test_what_failed_is_said_with_source_address_reason_and_remedy(publishers, capsys, monkeypatch):
    path = NORMAL.format(4)
    del publishers.files[path]
    code, _, err = fetch(capsys, monkeypatch, "rainfall_normal", "rainfall", "--quarter", "2026Q3")
    assert code == 1
    assert f"rainfall_normal: {publishers.at(path)}: there is no such file (404)\nRemedy: " in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("rainfal",), "no source 'rainfal'"),
        (("elevation",), "no block fetch"),
        (("--quarter", "2126Q1"), "has not ended"),
        (("--quarter", "spring"), "is not a quarter"),
        (("--dry-run", "--probe"), "are different questions"),
    ],
)
def test_a_request_that_cannot_be_carried_out_asks_nobody(publishers, capsys, monkeypatch, words, problem):
    code, _, err = fetch(capsys, monkeypatch, *words)
    assert code == 2
    assert problem in err
    assert "Remedy: " in err
    assert publishers.asked == []


def test_a_home_of_simulated_data_is_refused(publishers, capsys, monkeypatch, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "home.json").write_text('{"country": "khm", "sources": "simulated"}')
    code, _, err = fetch(capsys, monkeypatch, "population")
    assert code == 2
    assert "this home holds simulated" in err


TELLING = ("graph/alerts.py", "graph/heartbeat.py")
"""What tells people of a run, if they have asked to be told; nothing of a figure comes or goes there."""


def test_nothing_but_fetching_opens_a_connection():
    """A refresh is offline: the libraries that ask over a network are named in the room ``fetching`` only."""
    package = Path(poverty_assets.__file__).parent
    users = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if path.relative_to(package).as_posix() not in TELLING
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip().startswith(
            ("import httpx", "from httpx", "import requests", "import urllib.request", "import stamina")
        )
        or "/vsicurl/" in line
    }
    assert users == {"fetching"}


def zipped(tmp_path, layers):
    """Shapefiles of several levels in one zip, as OCHA gives them out."""
    folder = tmp_path / "shapes"
    folder.mkdir()
    for name, columns in layers.items():
        square = gpd.GeoDataFrame(columns, geometry=[shapely.box(104, 11, 105, 12)], crs="EPSG:4326")
        square.to_file(folder / f"{name}.shp")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        for file in sorted(folder.iterdir()):
            out.write(file, file.name)
    return (tmp_path / "a.zip").read_bytes()


def test_of_boundaries_of_several_levels_the_pack_names_one(publishers, capsys, monkeypatch, tmp_path):
    level = {"adm3_pcode": ["KH010201"], "adm3_name": ["Banteay Neang"]}
    data = zipped(tmp_path, {"khm_admin1": {"adm1_pcode": ["KH01"]}, "khm_admin3": level})
    publishers.put("/khm_admin_boundaries.shp.zip", data)
    listed = [{"name": "khm_admin_boundaries.shp.zip", "url": publishers.at("/khm_admin_boundaries.shp.zip")}]
    publishers.answers["/api/3/action/package_show"] = lambda words: {
        "result": {"resources": listed if words["id"] == "cod-ab-khm" else []}
    }
    code, _, err = fetch(capsys, monkeypatch, "boundaries_cod", "--quarter", "2026Q3")
    assert code == 0, err
    country = load_country("khm")
    (spec,) = [spec for spec in load_sources(country, simulated=False) if spec.source_id == "boundaries_cod"]
    found = observe(spec, Quarter(2026, 3), tmp_path / "home" / "landing", country).frame
    assert found[["area_code", "name_en"]].to_numpy().tolist() == [["010201", "Banteay Neang"]]


def test_tables_of_points_are_read_where_they_are_named(publishers, capsys, monkeypatch, tmp_path):
    rows = "quadkey,latitude,longitude,rwi,error\n1,11.5,104.9,0.7,0.3\n2,11.6,105.0,-0.4,0.3\n"
    publishers.put("/khm_relative_wealth_index.csv", rows.encode())
    listed = [{"name": "Cambodia", "url": publishers.at("/khm_relative_wealth_index.csv")}]
    publishers.answers["/api/3/action/package_show"] = lambda words: {"result": {"resources": listed}}
    code, _, err = fetch(capsys, monkeypatch, "wealth_index_meta", "--quarter", "2026Q3")
    assert code == 0, err
    country = load_country("khm")
    (spec,) = [spec for spec in load_sources(country, simulated=False) if spec.source_id == "wealth_index_meta"]
    found = observe(spec, Quarter(2026, 3), tmp_path / "home" / "landing", country)
    assert found.frame["wealth"].tolist() == [0.7, -0.4]
    assert found.metadata["licence"] == "CC BY-NC 4.0"


def test_what_is_not_fetched_for_its_licence_is_said(publishers, capsys, monkeypatch):
    monkeypatch.setattr("poverty_assets.fetching.fetch.Fetching.fetch", lambda *words, **more: [])
    _, passed, _ = fetch(capsys, monkeypatch, "--quarter", "2026Q3", "--dry-run")
    assert all("forbids commercial use; name the source to fetch it" in line for line in passed)
    assert [line.split()[1].rstrip(":") for line in passed] == ["wealth_index_meta", "broadband_ookla"]
