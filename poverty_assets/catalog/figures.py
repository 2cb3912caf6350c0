"""What every figure is called, whatever table it stands in: one key for all facts.

Belongs here: of each fact table, which of its columns are figures, how ``figure_id`` follows from the table's own key, and whose share a
figure is. Does not belong here: the view that lays them under each other (``warehouse.figures``).

The names are those that ``fct_rank`` and ``fct_draw`` have; figures that those lack are named in the same manner.
"""

from __future__ import annotations

from dataclasses import dataclass

HEADLINE_K = "k BETWEEN 0.333 AND 0.334"
"""SQL of the poverty cut-off that is quoted where no other is named: one third."""
OF_K = f"CASE WHEN {HEADLINE_K} THEN '' ELSE '_k' || CAST(round(100 * k) AS INTEGER) END"
ONE_CUTOFF = "statistic IN ('vulnerable', 'severe')"
"""SQL of statistics that have one cut-off, which is their own."""

WHOSE = (
    "Whose share the figure is: people (of the area and subgroup), households, poor households; other: a mean score, a share of the"
    " adjusted headcount ratio, a ratio or a difference"
)

BOUNDS = {
    "interval": "a 95% interval",
    "tolerance": "a range over the hazard's threshold and one higher and lower by its tolerance: of a count, and no 95% interval",
    "widened": "a 95% interval widened by the hazard's tolerance, or by the interval of a change of prices, and so none any more",
}
"""What the bounds of a figure are the ends of."""


@dataclass(frozen=True)
class Figures:
    """Figures of one column of a fact table.

    Attributes
    ----------
    table : str
    figure_id : str
        SQL of the name, of the table's columns.
    column : str
        Column of the figure; empty where its error and interval are called ``se``, ``ci_low``, ``ci_high`` beside ``estimate``.
    share_of : str
        SQL of whose share it is.
    where : str
        SQL of the rows that count, where not all do.
    has_se : bool
    bounds : str
        SQL of what its bounds are the ends of (``BOUNDS``).
    """

    table: str
    figure_id: str
    column: str = ""
    share_of: str = "'people'"
    where: str = ""
    has_se: bool = True
    bounds: str = "'interval'"


_OF_MPI = f"statistic || CASE WHEN {ONE_CUTOFF} THEN '' ELSE {OF_K} END"
_PAIR = "indicator_a || ':' || indicator_b"
_ONE_SHOCK = "shock_id = (SELECT min(shock_id) FROM fct_vulnerability)"

_WIDENED = "SELECT shock_id FROM dim_shock WHERE exposed_to IS NOT NULL OR per_price_change IS NOT NULL"
_OF_SHOCK = f"CASE WHEN shock_id IN ({_WIDENED}) THEN 'widened' ELSE 'interval' END"


FIGURES: tuple[Figures, ...] = (
    Figures("fct_mpi", _OF_MPI, share_of="CASE WHEN statistic IN ('intensity', 'mpi') THEN 'other' ELSE 'people' END"),
    Figures("fct_headcount", "kind || ':' || indicator_id"),
    Figures("fct_contribution", f"'contribution' || {OF_K} || ':' || indicator_id", "share", "'other'"),
    Figures("fct_overlap_pair", f"'share_both:' || {_PAIR}", "share_both"),
    Figures("fct_overlap_pair", f"'lift:' || {_PAIR}", "lift", "'other'"),
    Figures("fct_deprivation_count", "'n_deprivations:' || n_deprivations"),
    Figures(
        "fct_dimension_overlap",
        "'dimensions:' || CASE WHEN dimension_mask = 0 THEN 'none' ELSE array_to_string(dimensions, '+') END",
    ),
    Figures(
        "fct_bundle",
        "'set:' || CASE bundle_mask WHEN 0 THEN 'none' WHEN -1 THEN 'other' ELSE array_to_string(indicators, '+') END",
        "share",
    ),
    Figures("fct_typology", "'class:' || class_id"),
    Figures("fct_hazard", "'exposed:' || hazard_id", "share_exposed", bounds="'tolerance'"),
    Figures("fct_hazard", "'poor_exposed:' || hazard_id", "share_poor_exposed", bounds="'widened'"),
    Figures("fct_hazard_overlap", "'n_hazards:' || n_hazards", "share_people", bounds="'tolerance'"),
    Figures("fct_hazard_overlap", "'poor_n_hazards:' || n_hazards", "share_poor", bounds="'widened'"),
    Figures("fct_vulnerability", "'exposed_near_poor'", "exposed_near_poor", where=_ONE_SHOCK, bounds="'widened'"),
    Figures("fct_vulnerability", "'expected_new_poor:' || shock_id", "expected_new_poor", bounds=_OF_SHOCK),
    Figures("fct_register", "'register_rate:' || register_id", "rate", "'households'", has_se=False),
    Figures("fct_register", "'coverage_gap:' || register_id", "coverage_gap", "'other'", has_se=False),
    Figures("fct_register_audit", "'register_missed:' || register_id", "share_missed", "'poor households'"),
)
