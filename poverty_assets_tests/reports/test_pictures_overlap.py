"""Pictures of overlap: what they refuse, and that same rows give same bytes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poverty_assets.errors import UsageError
from poverty_assets.measurement.bundles import bundles
from poverty_assets.measurement.coding import Columns
from poverty_assets.measurement.latent_classes import LatentClasses, class_profiles, fit_classes
from poverty_assets.measurement.masks import cells_of, count_masks
from poverty_assets.measurement.overlap import deprivation_counts, dimension_overlap, overlap_pairs
from poverty_assets.reports.pictures import overlap as figures
from poverty_assets.reports.pictures.overlap import PlotWords
from poverty_assets_tests.measurement.overlap_cases import HIERARCHY, INDICATORS, make_measure, make_survey

WORDS = PlotWords("Cambodia", "a small survey", is_simulated=True, names={"fuel": "Cooking fuel"})
MEASURE = make_measure(dimensions=["living", "living", "education"])


@pytest.fixture(scope="module")
def pictures():
    """Each picture as a function of the words around it."""
    counts = count_masks(make_survey(), Columns(tuple(INDICATORS)))
    cells = cells_of(counts, HIERARCHY)

    def country(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows["area_id"] == "KH"]

    sets, pairs = country(bundles(counts, cells, MEASURE)), country(overlap_pairs(counts, cells, MEASURE))
    numbers, dimensions = (
        country(deprivation_counts(counts, cells, MEASURE)),
        country(dimension_overlap(counts, cells, MEASURE)),
    )
    classes = class_profiles(fit_classes(counts, LatentClasses(2, n_starts=3)), MEASURE)
    return {
        "bundles": lambda words: figures.bundle_upset(sets, INDICATORS, words),
        "lift": lambda words: figures.pair_heatmap(pairs, INDICATORS, words, "lift"),
        "redundancy": lambda words: figures.pair_heatmap(pairs, INDICATORS, words, "redundancy"),
        "counts": lambda words: figures.count_bars(numbers, words),
        "dimensions": lambda words: figures.dimension_bars(dimensions, words),
        "classes": lambda words: figures.class_profile_plot(classes, words),
    }


@pytest.mark.parametrize("name", ["bundles", "lift", "redundancy", "counts", "dimensions", "classes"])
def test_every_picture_is_a_png_that_shows_whether_data_are_simulated(pictures, name):
    marked = pictures[name](WORDS)
    assert marked.startswith(b"\x89PNG")
    assert marked == pictures[name](WORDS)
    assert marked != pictures[name](PlotWords(WORDS.area, WORDS.source, False, WORDS.names))


def test_a_withheld_area_has_no_picture():
    rows = pd.DataFrame({"n_deprivations": [0, 1], "estimate": [np.nan, np.nan], "suppressed": True})
    with pytest.raises(UsageError, match="estimate is withheld in all 2 rows"):
        figures.count_bars(rows, WORDS)


def test_a_register_without_intervals_is_drawn_all_the_same():
    counts = count_masks(make_survey(), Columns(tuple(INDICATORS), psu=None))
    rows = overlap_pairs(counts, cells_of(counts, HIERARCHY), MEASURE)
    assert figures.pair_heatmap(rows[rows["area_id"] == "KH"], INDICATORS, WORDS, "lift").startswith(b"\x89PNG")
