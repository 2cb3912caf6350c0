"""Coverage of cells: exactextract's own shares, kept and taken again, whole or not at all."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import box

from poverty_assets.features import coverage
from poverty_assets.features.coverage import coverage_of
from poverty_assets.features.zonal import zonal_statistics
from poverty_assets.sources.raster import Raster

WGS84 = "EPSG:4326"


@pytest.fixture
def outlines_alone(monkeypatch):
    """Small grids are taken as large ones are."""
    monkeypatch.setattr(coverage, "_BY_EXACTEXTRACT", 0)


def blank(rows, columns, bounds):
    return Raster(np.broadcast_to(np.zeros(1, np.float32), (rows, columns)), bounds, WGS84)


def zones(*shapes):
    return gpd.GeoDataFrame({"area_id": [f"z{i}" for i in range(len(shapes))]}, geometry=list(shapes), crs=WGS84)


def shares(found):
    """Every cell's share by area and cell."""
    cells = {}
    for area, start, stop in zip(found.run_area, found.run_start, found.run_stop, strict=True):
        cells |= {(int(area), cell): 1.0 for cell in range(start, stop)}
    edge = zip(found.edge_area.tolist(), found.edge_cell.tolist(), found.edge_share.tolist(), strict=True)
    return cells | {(area, cell): share for area, cell, share in edge}


def theirs(areas, raster):
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    source = NumPyRasterSource(raster.values.view(np.float32) * 0, *raster.bounds, srs_wkt=raster.crs)
    answer = exact_extract(source, areas[["geometry"]], ["cell_id", "coverage"], output="pandas")
    return {
        (area, int(cell)): float(share)
        for area, (cells, of) in enumerate(zip(answer["cell_id"], answer["coverage"], strict=True))
        for cell, share in zip(cells, of, strict=True)
    }


def crooked(seed, number=40):
    """Polygons with holes and in several parts, within, across and beyond a grid of 20 by 20."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(number):
        centre, angle = rng.random(2) * 24 - 2, np.sort(rng.random(rng.integers(3, 30))) * 2 * np.pi
        reach = rng.random(len(angle)) * rng.choice([0.3, 2, 6]) + 0.01
        shape = shapely.make_valid(shapely.Polygon(centre + np.c_[np.cos(angle), np.sin(angle)] * reach[:, None]))
        shape = shape.difference(shapely.Point(*(centre + 0.05)).buffer(rng.random() * 0.8))
        shape = shape.union(shapely.Point(*(centre + 3)).buffer(0.7)).difference(
            shapely.Point(*(centre + 3)).buffer(0.2)
        )
        made += [shape] if shape.geom_type in ("Polygon", "MultiPolygon") else []
    return zones(*made)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("grid", [(20, 20, (0, 0, 20, 20)), (37, 53, (0.3, 0.1, 19, 18.7))])
def test_shares_from_outlines_are_exactextracts_to_the_last_bit(outlines_alone, seed, grid):
    areas, raster = crooked(seed), blank(*grid)
    ours, other = shares(coverage_of(areas, raster)), theirs(areas, raster)
    assert ours.keys() == other.keys()
    assert [key for key, share in other.items() if ours[key] != share] == []


@pytest.mark.parametrize("most", [0, 99])
def test_outlines_along_the_lines_of_the_grid_and_beyond_it(monkeypatch, most):
    monkeypatch.setattr(coverage, "_BY_EXACTEXTRACT", most)
    shapes = [box(0, 0, 3, 3), box(1, 1, 2, 2), box(-1, -1, 5, 5), box(0.2, 0.2, 0.3, 0.3), box(-2, 1.2, 1.4, 1.7)]
    shapes += [box(8, 8, 9, 9)]
    found = shares(coverage_of(zones(*shapes), blank(3, 3, (0, 0, 3, 3))))
    by_area = [{cell: share for (area, cell), share in found.items() if area == n} for n in range(len(shapes))]
    assert by_area[0] == dict.fromkeys(range(9), 1.0) == by_area[2]
    assert by_area[1] == {4: 1.0}
    assert by_area[3] == pytest.approx({6: 0.01})
    assert by_area[4] == pytest.approx({3: 0.5, 4: 0.2})
    assert by_area[5] == {}


def test_a_corner_that_is_merely_touched_covers_nothing(outlines_alone):
    found = coverage_of(zones(shapely.Polygon([(1, 1), (0.5, 1.7), (0.2, 1.2)])), blank(3, 3, (0, 0, 3, 3)))
    assert {cell for _, cell in shares(found)} == {3}


def test_areas_taken_in_many_goes_are_those_taken_in_one(outlines_alone, monkeypatch):
    areas, raster = crooked(7), blank(20, 20, (0, 0, 20, 20))
    whole = shares(coverage_of(areas, raster))
    monkeypatch.setattr(coverage, "_PIECES_AT_A_TIME", 50)
    assert shares(coverage_of(areas, raster)) == whole


def test_a_coverage_is_made_once_for_a_grid_and_areas_and_taken_by_the_next(tmp_path, monkeypatch):
    areas, raster = crooked(1), blank(20, 20, (0, 0, 20, 20))
    first = shares(coverage_of(areas, raster, tmp_path))
    assert len(list(tmp_path.glob("*.npz"))) == 1
    made = []
    really = coverage._made
    monkeypatch.setattr(coverage, "_made", lambda *given: made.append(1) or really(*given))
    assert shares(coverage_of(areas, raster, tmp_path)) == first
    assert made == []
    coverage_of(areas, blank(20, 21, (0, 0, 20, 20)), tmp_path)  # another grid
    coverage_of(areas.iloc[1:], raster, tmp_path)  # other areas
    coverage_of(areas.iloc[::-1], raster, tmp_path)  # the same in another order
    assert len(made) == 3


def test_a_kept_file_that_is_cut_short_is_made_again(tmp_path):
    areas, raster = crooked(1), blank(20, 20, (0, 0, 20, 20))
    first = shares(coverage_of(areas, raster, tmp_path))
    file = next(tmp_path.glob("*.npz"))
    file.write_bytes(file.read_bytes()[:-200])
    assert shares(coverage_of(areas, raster, tmp_path)) == first
    assert shares(coverage._kept(file)) == first


def test_coverages_not_used_for_longest_are_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(coverage, "_KEPT", 2)
    areas = zones(box(0, 0, 1, 1))
    for columns in (2, 3):
        coverage_of(areas, blank(2, columns, (0, 0, 2, 2)), tmp_path)
    kept = {path.name: path for path in tmp_path.glob("*.npz")}
    coverage_of(areas, blank(2, 2, (0, 0, 2, 2)), tmp_path)  # used again: now the newest
    coverage_of(areas, blank(2, 4, (0, 0, 2, 2)), tmp_path)
    left = {path.name for path in tmp_path.glob("*.npz")}
    assert len(left) == 2
    assert len(left & set(kept)) == 1
    assert not list(tmp_path.glob(".*"))


def test_what_is_kept_gives_the_same_statistics(tmp_path):
    areas, values = crooked(3), np.random.default_rng(0).normal(size=(20, 20))
    raster = [("r", Raster(values, (0, 0, 20, 20), WGS84))]
    plain = zonal_statistics(raster, areas, ["mean", "stdev", "min"])
    for _ in range(2):
        assert zonal_statistics(raster, areas, ["mean", "stdev", "min"], kept=tmp_path).equals(plain)
