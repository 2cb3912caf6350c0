"""What is written: the same bytes every time, once, whole, and nothing of the truth in the landing folder."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from poverty_assets.errors import MissingFile, SpecificationError, UsageError
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.quarter import Quarter
from poverty_assets.twin import files, truth, write_base, write_quarter
from poverty_assets.twin.cambodia import settings, world

from .conftest import COUNTRY, REFERENCE, SEED, Twin, small_country, write_small


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file, locks left out."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


@pytest.mark.slow
def test_two_processes_at_once_write_the_same_bytes_as_one(small: Twin, tmp_path: Path) -> None:
    country = small_country(tmp_path / "country")
    code = (
        "import sys; from pathlib import Path\n"
        "from poverty_assets.quarter import Quarter\n"
        "from poverty_assets.twin import write_base, write_quarter\n"
        "country, landing, truth = map(Path, sys.argv[1:4])\n"
        f"write_quarter(landing, truth, Quarter(2021, 4), country_dir=country, seed={SEED})\n"
        f"write_base(landing, truth, country_dir=country, seed={SEED})\n"
    )
    command = [sys.executable, "-c", code, str(country), str(tmp_path / "landing"), str(tmp_path / "truth")]
    running = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    assert contents(tmp_path / "landing") == contents(small.landing)
    assert contents(tmp_path / "truth") == contents(small.truth)


@pytest.mark.slow
def test_another_seed_gives_another_country(small: Twin, tmp_path: Path) -> None:
    other = write_small(tmp_path, seed=SEED + 1)
    for name in ("boundaries/communes.geojson", "rasters/nightlights_2021Q4.tif", "registers/register_2021.csv"):
        assert (other.landing / name).read_bytes() != (small.landing / name).read_bytes()


@pytest.mark.slow
def test_complete_output_is_left_alone_and_a_lost_file_is_written_again(tmp_path: Path) -> None:
    country = small_country(tmp_path / "country")
    landing, folder = tmp_path / "landing", tmp_path / "truth"

    def write() -> dict[str, int]:
        write_quarter(landing, folder, REFERENCE, country_dir=country, seed=SEED)
        return {p.name: p.stat().st_mtime_ns for p in landing.rglob("*.tif")}

    first = write()
    assert write() == first
    lost = landing / "rasters" / "ndvi_2021Q4.tif"
    whole = lost.read_bytes()
    lost.unlink()
    assert write()["ndvi_2021Q4.tif"] > first["ndvi_2021Q4.tif"]
    assert lost.read_bytes() == whole


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    target = files.write_text(tmp_path / "a.txt", "old")

    def fail(path: Path) -> None:
        path.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        files.write_atomic(target, fail)
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert target.read_text() == "old"


def test_landing_holds_nothing_of_the_truth(small: Twin) -> None:
    secret = {"mask", "minority_share", "remoteness", "headcount_ratio", "poor_listed_share", "on_register"}
    for path in small.landing.rglob("*"):
        if path.suffix == ".parquet":
            assert not secret & set(pq.read_schema(path).names), path
        if path.suffix in (".csv", ".yaml", ".json", ".geojson", ".txt"):
            text = path.read_text(encoding="utf-8")
            assert small.truth.parent.name not in text  # also of the name that it had while it was written
            assert "truth" not in text, path
            assert not secret & set(text.split("\n", 1)[0].split(",")), path


def test_sources_name_files_that_exist_and_say_simulated(small: Twin) -> None:
    specs = [spec for spec in load_sources(load_country("khm"), simulated=True) if spec.package is None]
    for spec in specs:
        assert spec.is_simulated
        assert spec.title.startswith("Simulated")
        assert (small.landing / spec.path.format(year=2021, label="2021Q4")).exists(), spec.source_id
    features = [feature.feature_id for spec in specs for feature in spec.features]
    assert len(set(features)) == len(features)


def test_every_file_says_that_it_is_simulated(small: Twin) -> None:
    import rasterio

    assert "SIMULATED" in (small.landing / "README.txt").read_text()
    for path in small.landing.rglob("*.tif"):
        with rasterio.open(path) as raster:
            assert raster.tags()["is_simulated"] == "true"
            assert raster.crs.to_epsg() == 4326
            assert raster.nodata == files.NODATA
    for path in small.landing.rglob("*.geojson"):
        assert '"is_simulated": true' in path.open(encoding="utf-8").readline()
    for path in small.landing.glob("survey/*/households.parquet"):
        assert pq.read_schema(path).metadata[b"is_simulated"] == b"true"


def test_a_quarter_beyond_the_horizon_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="runs from 2012Q1 to 2030Q4; 2031Q1 lies outside"):
        write_quarter(tmp_path / "a", tmp_path / "b", Quarter(2031, 1), country_dir=COUNTRY, seed=SEED)


def test_truth_inside_landing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one holds the other"):
        write_base(tmp_path, tmp_path / "truth", country_dir=COUNTRY, seed=SEED)


def test_a_country_without_a_twin_and_a_faulty_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="no simulated twin"):
        write_base(tmp_path / "a", tmp_path / "b", country_dir=tmp_path, seed=SEED)
    country = small_country(tmp_path / "country", weights_18=[18])
    with pytest.raises(SpecificationError, match="weights_18 has 1 values for 10 indicators"):
        settings.parse(settings.read_text(country))


def test_truth_of_an_unwritten_quarter_is_missed(small: Twin) -> None:
    with pytest.raises(MissingFile, match="no truth for 1999Q1"):
        truth.read_truth_areas(small.truth, Quarter(1999, 1))


def test_streams_do_not_depend_on_order() -> None:
    first = world.stream(1, "a").standard_normal()
    world.stream(1, "b").standard_normal(100)
    assert world.stream(1, "a").standard_normal() == first
    assert world.stream(2, "a").standard_normal() != first
