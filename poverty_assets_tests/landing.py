"""A made-up landing folder in the layout of Cambodia's sources: 80 square communes in four provinces.

Belongs here: writing every required file of ``countries/khm/sources.yaml`` in its own format, so that tests can break one
of them. The numbers are invented; none is Cambodia's.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from poverty_assets_tests.made_files import write_raster, write_workbook

WEST, NORTH, SIDE, COLUMNS, ROWS = 103.0, 13.6, 0.2, 10, 8
CORNER = WEST - 0.1, NORTH + 0.1
"""The north-west corner of rasters, a little outside the communes."""
COUNTRY = ("KHM", "Cambodia")
PROVINCES = {"01": "Alpha", "02": "Beta", "03": "Gamma", "04": "Delta"}


def commune_codes() -> list[str]:
    """80 codes: four provinces of two districts of ten communes."""
    return [f"{p}{d:02d}{c:02d}" for p in PROVINCES for d in (1, 2) for c in range(1, 11)]


def surveyed_households() -> pd.DataFrame:
    """1,200 households in those areas, in canonical form."""
    from poverty_assets_tests.sources.surveys.families import made

    return made(1200, commune_codes())


def write_landing(folder: Path) -> Path:
    """Write the whole folder; returns it."""
    rng = np.random.default_rng(7)
    codes = commune_codes()
    squares = [
        shapely.box(x := WEST + SIDE * (i % COLUMNS), (y := NORTH - SIDE * (i // COLUMNS)) - SIDE, x + SIDE, y)
        for i in range(len(codes))
    ]
    wealth = np.array([np.sin(i % COLUMNS / 2) + i // COLUMNS / 4 for i in range(len(codes))])
    for name in ("boundaries", "registers", "published", "points", "rasters/gds4ae"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _boundaries(folder / "boundaries", codes, squares)
    _registers(folder / "registers", codes, wealth, rng)
    _published(folder / "published")
    _points(folder / "points", codes, squares, rng)
    _rasters(folder / "rasters", rng)
    return folder


def list_few(registers: Path, codes: Sequence[str] = ()) -> None:
    """Let some communes of a landed register (by default the first six of the made-up ones) list nobody to four households."""
    codes = codes or commune_codes()[:6]
    (file,) = registers.glob("prism_idpoor_communes_*.json")
    told = json.loads(file.read_text(encoding="utf-8"))
    for number, row in enumerate(one for one in told["DataList"] if one["Adm3_text"] in codes):
        listed = number % 5
        row |= {"Total_Poor_12_HHs": listed, "Total_Poor_1_HHs": listed // 2, "Total_Poor_2_HHs": listed - listed // 2}
        row["Total_Poor_12_Persons"] = 4 * listed
    file.write_text(json.dumps(told), encoding="utf-8")


def _boundaries(folder: Path, codes: list[str], squares: list[Any]) -> None:
    shape_ids = [f"S{code}" for code in codes]
    names = [f"Commune {code}" for code in codes]
    frame = gpd.GeoDataFrame({"shapeName": names, "shapeID": shape_ids}, geometry=squares, crs="EPSG:4326")
    frame.to_file(folder / "geoBoundaries-KHM-ADM3_simplified.geojson", driver="GeoJSON")
    table = pd.DataFrame({"shapeID": shape_ids, "shapeName": names, "commune_code": codes, "how": "exact"})
    table.to_csv(folder / "derived_geoBoundaries_ADM3_to_NCDD_code.csv", index=False)
    provinces = gpd.GeoDataFrame(
        {"Adm1_text": list(PROVINCES), "Adm1_Name": list(PROVINCES.values()), "Adm1_Name_": "ខេត្ត"},
        geometry=[shapely.union_all(squares[20 * i : 20 * i + 20]) for i in range(4)],
        crs="EPSG:4326",
    )
    provinces.to_file(folder / "khm_bnd_admin1_gov_ed2022.json", driver="GeoJSON")
    districts = sorted({code[:4] for code in codes})
    pcodes = [f"KH{code}" for code in [*PROVINCES, *districts]]
    listed = [*PROVINCES.values(), *(f"District {code}" for code in districts)]
    rows = pd.DataFrame({"Location": "KHM", "Admin Level": 1, "P-Code": pcodes, "Name": listed})
    rows.to_csv(folder / "hdx_global_pcodes_adm1_2_KHM.csv", index=False)


def _mac(path: Path, frame: pd.DataFrame) -> None:
    path.write_bytes(frame.to_csv(index=False, lineterminator="\r").encode("mac_roman"))


def _registers(folder: Path, codes: list[str], wealth: np.ndarray, rng: np.random.Generator) -> None:
    households = rng.integers(500, 2000, len(codes))
    rate = np.clip(0.25 - 0.08 * wealth + rng.normal(0, 0.02, len(codes)), 0.02, 0.6)
    listed = np.round(households * rate).astype(int)
    records = [
        {
            "date": "2022-01-01", "Adm3_Name": f"Commune {code}", "Adm3_text": code, "Total_HHs": int(n),
            "Total_Poor_12_HHs": int(k), "Total_Poor_1_HHs": int(k) // 2, "Total_Poor_2_HHs": int(k) - int(k) // 2,
            "Total_Poor_12_Persons": int(k) * 4,
        }
        for code, n, k in zip(codes, households, listed, strict=True)
    ]  # fmt: skip
    (folder / "prism_idpoor_communes_2022_01_01.json").write_text(json.dumps({"DataList": records}))
    flood = [
        {"commune": code, "flood_hazard_index": float(round(10 * abs(w), 1))}
        for code, w in zip(codes, wealth, strict=True)
    ]
    (folder / "prism_flood_hazard_index_communes.json").write_text(json.dumps({"DataList": flood}))
    plain = [int(code) for code in codes]
    for year, suffix, half in ((2010, "Per_HH,TOT_HH", codes[:40]), (2011, "PerHH,TOP_HH", codes[40:])):
        rate_name, count_name = ("TOT_" + suffix.split(",")[0]), suffix.split(",")[1]
        villages = pd.DataFrame({"Vil_Code": [int(code + "01") for code in half], "Village": "Thmei"})
        villages[rate_name], villages[count_name] = 0.25, 40
        _mac(folder / f"odc_idpoor_villages_{year}.csv", villages)
    database = pd.DataFrame(
        {"NCDD_CodeC": plain, "Commune": [f"Commune {code}" for code in codes], "TT_Family": households}
    )
    database["Per_HH_El"] = np.round(50 + 10 * wealth + rng.normal(0, 5, len(codes)), 2)
    for name in (
        "Fami_Impro", "Fami_Unim", "RLUn_1Ha_N", "CowRaised", "PigRaised", "BuffRaised", "ChickRaise", "DuckRaised",
        "RiField_Ha", "Cass_Ha", "Corn_Ha", "Cash_Ha", "LSize_Ha", "CowFarm", "PigFarm", "Cass_Yield",
    ):  # fmt: skip
        database[name] = rng.integers(0, 50, len(codes))
    _mac(folder / "cdb_commune_census_data_2011.csv", database)
    census = pd.DataFrame({"Com_Code": plain, "Commune": database["Commune"], "TT_Family": households})
    census["TT_Both"], census["Both_UP_18"] = households * 5, households * 2
    for name in ("M_18_24", "F_18_24", "M_25_35", "F_25_35", "M_36_45", "F_36_45", "M_UP_61", "F_UP_61", "Both_IM_18"):
        census[name] = rng.integers(1, 90, len(codes))
    census.to_csv(folder / "census2008_int_migration_commune.csv", index=False)
    districts = pd.DataFrame({"NCDD_CodeD": sorted({int(code[:4]) for code in codes}), "TOTPOP": 90000})
    districts["NB_OUTMIGR"], districts["Nb_InMIG_1"], districts["NB_EMIGRAN_PP"] = 9000, 5000, 300
    _mac(folder / "census2008_migration_district.csv", districts)
    urban = pd.DataFrame(
        {"Com_Code": plain[:10], "Commune": database["Commune"][:10], "URB_RC2011": "U11", "U_Den08": 500.0}
    )
    _mac(folder / "unfpa_urban_density_2011.csv", urban)


def _published(folder: Path) -> None:
    mpi = (0.070052, 16.6, 42.2, 20.5, 4.1)  # H x A, and ten censored headcounts of 7.0052%
    write_workbook(folder / "national-results-mpi.xlsx", {"": mpi}, "1", 6, COUNTRY)
    write_workbook(folder / "subnational-results-mpi.xlsx", dict.fromkeys(PROVINCES.values(), mpi), "5", 7, COUNTRY)
    header = (
        "Country ISO3,Admin 1 PCode,Admin 1 Name,MPI,Headcount Ratio,Intensity of Deprivation,Vulnerable to Poverty,"
        "In Severe Poverty,Survey,Start Date,End Date"
    )
    figures = "0.070052,16.6,42.2,20.5,4.1,DHS,2021-01-01 00:00:00+00:00,2022-12-31 00:00:00+00:00"
    lines = [header, f"KHM,,,{figures}", *(f"KHM,KH{code},{name},{figures}" for code, name in PROVINCES.items())]
    for name in ("global_mpi.csv", "global_mpi_trends.csv"):
        (folder / name).write_text("\n".join(lines) + "\n")


def _points(folder: Path, codes: list[str], squares: list[Any], rng: np.random.Generator) -> None:
    centres = [square.centroid for square in squares]
    lines = [shapely.LineString(centres[row * COLUMNS : (row + 1) * COLUMNS]) for row in (2, 5)]
    roads = gpd.GeoDataFrame({"unique_id": ["r1", "r2"], "highway": "trunk"}, geometry=lines, crs="EPSG:4326")
    roads.to_file(folder / "gds4ae_cambodia_roads_cache.gpkg", driver="GPKG")
    cities = gpd.GeoDataFrame(
        {"UC_NM_MN": ["A", "B"], "NTL_AV": [1.0, 2.0]}, geometry=[centres[5], centres[60]], crs="EPSG:4326"
    )
    cities.to_file(folder / "gds4ae_ghsl_cambodian_cities.geojson", driver="GeoJSON")
    zones = gpd.GeoDataFrame({"map_id": [1], "name": ["Zone"]}, geometry=[centres[33]], crs="EPSG:4326")
    zones.to_file(folder / "odc_special_economic_zones.geojson", driver="GeoJSON")
    places = pd.DataFrame({"geonameid": range(1, 41), "name": "Phum", "latitude": [p.y for p in centres[::2]],
                           "longitude": [p.x for p in centres[::2]], "population": [600, 20_000, 200_000, 1_500_000] * 10})  # fmt: skip
    places.to_csv(folder / "geonames_KH_cities500.csv", index=False)
    villages = gpd.GeoDataFrame(
        {"Vil_Code": [code + "01" for code in codes], "Distance": rng.uniform(500, 20000, len(codes))},
        geometry=centres,
        crs="EPSG:4326",
    )
    inside = folder / "shp"
    inside.mkdir(exist_ok=True)
    villages.to_file(inside / "villages.shp")
    with zipfile.ZipFile(folder / "odc_villages_secondary_school_distance_shp.zip", "w") as archive:
        for part in sorted(inside.iterdir()):
            archive.write(part, part.name)
            part.unlink()
    inside.rmdir()


def _rasters(folder: Path, rng: np.random.Generator) -> None:
    fine = ("gds4ae/cambodia_2020_motorized_friction_surface.tif", "gds4ae/cambodia_2020_walking_friction_surface.tif")
    coarse = ("gds4ae/cambodia_s5_no2.tif", "cop_ndvi_lta_june21_cambodia.tif", "gpw_v411_popdensity_2020_decoded_3857.tif",
              "gpw_v410_popdensity_2015_8bit_3857.tif")  # fmt: skip
    for name in fine:
        write_raster(folder / name, rng.uniform(0.01, 0.05, (80, 100)), 0.025, CORNER)
    for name in coarse:
        write_raster(folder / name, rng.uniform(1, 200, (20, 25)), 0.1, CORNER)
    write_raster(folder / "CamGeorel.tif", rng.uniform(0, 900, (80, 100)), 0.025, CORNER)
    with zipfile.ZipFile(folder / "odc_usgs_kh_geographical_relief_tif.zip", "w") as archive:
        archive.write(folder / "CamGeorel.tif", "CamGeorel.tif")
    (folder / "CamGeorel.tif").unlink()
