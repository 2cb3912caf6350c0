"""A landed survey with small cells put in on purpose, read as a refresh reads it: who solves everything at once finds none of them."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest

from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import load_measure
from poverty_assets.measurement.direct_tables import (
    direct_tables,
    disclosure_decisions,
    measured_households,
    overlap_tables,
)
from poverty_assets.pack.country import load_country
from poverty_assets.sources.surveys.canonical import read_households
from poverty_assets_tests import small_cells
from poverty_assets_tests.attacker import follows, interviewed, told
from poverty_assets_tests.attacker_of_sets import told_by_means, with_sets_and_classes
from poverty_assets_tests.landing import commune_codes

CODES = [*commune_codes()[:7], commune_codes()[10]]
AREAS = pd.DataFrame(
    [(code, "commune", code[:4]) for code in CODES]
    + [(code, "district", code[:2]) for code in ("0101", "0102")]
    + [("01", "province", "KH")],
    columns=["area_id", "area_level", "parent_id"],
)
PARENT = dict(zip(AREAS["area_id"], AREAS["parent_id"], strict=True))


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The households, and their direct tables in a database."""
    country = load_country("khm")
    measure = load_measure(country.folder / "measures" / "global_mpi.yaml")
    landed = small_cells.land(tmp_path_factory.mktemp("landing") / "survey", CODES)
    households = measured_households(read_households(landed, measure=measure, country=country).frame, measure)
    hierarchy = Hierarchy.of(AREAS, root="KH")
    decisions = disclosure_decisions(households, measure, hierarchy)
    means = direct_tables(households, measure, hierarchy, decisions)
    overlap = overlap_tables(households, measure, hierarchy, decisions)
    tables = {
        "fct_mpi": means.mpi, "fct_headcount": means.headcount, "fct_contribution": means.contribution,
        "fct_overlap_pair": overlap.pairs, "fct_deprivation_count": overlap.counts, "fct_dimension_overlap": overlap.dimensions,
        "fct_bundle": overlap.bundles, "fct_typology": overlap.typology, "dim_typology": overlap.classes,
        "dim_indicator": measure.dim_indicator(country.language_codes),
    }  # fmt: skip
    profile = {"measure_id": [measure.measure_id], "indicators": [list(measure.indicator_ids)]}
    with duckdb.connect() as warehouse:
        for name, rows in {**tables, "fct_profile": pd.DataFrame(profile)}.items():
            warehouse.register("rows", rows.assign(method="direct"))
            warehouse.execute(f"CREATE TABLE {name} AS FROM rows")
        yield households, warehouse


def test_the_survey_has_small_cells_of_every_kind(published):
    households, _ = published
    each = households.groupby("area_id").size()
    assert each[CODES[:4]].tolist() == [1, 2, 3, 4]
    assert (households[households["area_id"] == CODES[4]]["head_sex"] == "female").sum() == 1
    masks = households[small_cells.INDICATORS].to_numpy(dtype=int) @ (1 << np.arange(10))
    assert {n: (masks == mask).sum() for n, mask in small_cells.RARE.items()} == {1: 1, 2: 2, 3: 3, 4: 4}


def test_no_row_shows_a_cell_or_a_set_of_few(published):
    households, warehouse = published
    for name, rows in interviewed(households, PARENT, warehouse).items():
        shown = rows[~rows["suppressed"] & (rows["n"] > 0)]
        assert shown["n"].min() >= 5, name
        assert shown["clusters"].min() >= 2, name
        assert (shown["n_households"] >= 25).all(), name


def test_who_solves_means_overlap_named_sets_and_classes_at_once_finds_no_small_cell(published):
    households, warehouse = published
    known = with_sets_and_classes(told(households, PARENT, warehouse), households, PARENT, warehouse)
    small, means = (known.cells["n_households"] < 25).to_numpy()[:, None], known.means().figures
    of_some = np.array([figure not in means for figure in known.figures])
    secret = known.secrets() & (small | (of_some & (known.n < 5))) & ~told_by_means(known)
    found = follows(known.cells, PARENT, known.identities, known.shown, known.n == 0)
    assert (secret & small).sum() > 1000
    assert (secret & ~small).sum() > 1000
    assert (found & secret).sum() == 0
