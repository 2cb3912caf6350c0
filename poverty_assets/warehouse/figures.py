"""Views of areas with those that hold them, and of every figure under one key.

Belongs here: ``v_area`` and ``v_figure``. Does not belong here: what figures are called (``catalog.figures``), or other views
(``views``).
"""

from __future__ import annotations

from collections.abc import Sequence

from poverty_assets.catalog import table
from poverty_assets.catalog.figures import BOUNDS, FIGURES, WHOSE, Figures
from poverty_assets.pack.country import Country
from poverty_assets.pack.levels import Level
from poverty_assets.warehouse.view import AGE_GROUP, EVERYBODY, View, holders, people_of


def area_view(country: Country) -> View:
    """``v_area``; areas of each larger level are found from parent to parent, whatever level a parent is of."""
    levels = holders(country)
    steps = range(len(levels) + 1)
    above = "".join(
        f", {_of_level(level, steps, 'area_id')} AS {level.level_id}_id"
        f", {_of_level(level, steps, 'name_en')} AS {level.level_id}_name_en"
        for level in levels
    )
    joins = "".join(f" LEFT JOIN dim_area p{i + 1} ON p{i + 1}.area_id = p{i}.parent_id" for i in steps[:-1])
    return View(
        "v_area",
        "Areas of every level with the names of the areas that hold them, a column a level",
        f"""
        SELECT p0.area_id, p0.area_level, {{names}}, p0.parent_id{above}, p0.is_urban, p0.population, p0.households
        FROM dim_area p0{joins}
        """.replace("{names}", ", ".join(f"p0.name_{code}" for code in country.language_codes)),
    )


def _of_level(level: Level, steps: Sequence[int], column: str) -> str:
    """SQL of the code or name of the area of a level, among an area and those above it."""
    cases = " ".join(f"WHEN p{i}.area_level = '{level.level_id}' THEN p{i}.{column}" for i in steps)
    return f"CASE {cases} END"


def figure_view() -> View:
    """``v_figure``: tables are joined to areas and quarters once they lie under each other.

    A join in each arm of the UNION is what DuckDB 1.5.1 to 1.5.5 now and then answers with wrong rows (its issue 25819).
    """
    arms = " UNION ALL ".join(_arm(one) for one in FIGURES)
    people = people_of("estimate", "f.share_of = 'people'", by_subgroup=True)
    return View(
        "v_figure",
        "Headline figures of every fact table under one key: quarter, area, measure, subgroup and figure, as shares and as people",
        f"""
        SELECT f.quarter, q.label AS quarter_label, f.area_id, f.area_level, {{names}}{{above}}, f.measure_id, f.subgroup,
               f.figure_id, f.share_of, f.estimate, f.se, f.ci_low, f.ci_high, f.bounds, {people},
               f.method, f.n_households, f.suppressed, f.quality_flag, f.table_name
        FROM ({arms}) f JOIN v_area a USING (area_id) JOIN dim_quarter q USING (quarter) {EVERYBODY} {AGE_GROUP}
        """,
        {
            "measure_id": "Measure (dim_indicator); all: of no measure in particular",
            "subgroup": "Part of the population: all, or column=value",
            "figure_id": "What the figure is called: as in fct_rank where that has it; contribution, lift, n_deprivations, dimensions, set,"
            " class, exposed, poor_exposed, n_hazards, poor_n_hazards, expected_new_poor, register_rate, coverage_gap and register_missed"
            " with what they are of after a colon; _k20 and _k50 where the cut-off is not one third",
            "share_of": f"{WHOSE}.",
            "people": "People that the share is of the people of the area and subgroup in the quarter (fct_population), not rounded,"
            " so that parts add up; NULL where it is no share of people, withheld, or of a subgroup whose people are not known. Known"
            " are towns and countryside (by the areas' status, not each household's), and age groups that a source of people"
            " tells. Unit: persons.",
            "estimate": "The figure; NULL where suppressed",
            "ci_low": "Lower bound, of what bounds says",
            "ci_high": "Upper bound of it",
            "bounds": f"What the bounds are the ends of. {'; '.join(f'{name}: {what}' for name, what in BOUNDS.items())}",
            "people_ci_low": "Lower bound of people, of what bounds says; the population is taken as known. Unit: persons.",
            "table_name": "Table that holds it",
        },
    )


def _arm(one: Figures) -> str:
    """SQL of the figures of one column, under the common key."""
    held = {column.name for column in table(one.table).columns}
    value = one.column or "estimate"
    stem = f"{one.column}_" if f"{one.column}_ci_low" in held else ""
    picked = {
        "quarter": "quarter",
        "area_id": "area_id",
        "area_level": "area_level",
        "measure_id": "measure_id" if "measure_id" in held else "'all'",
        "subgroup": "subgroup" if "subgroup" in held else "'all'",
        "figure_id": one.figure_id,
        "share_of": one.share_of,
        "estimate": value,
        "se": f"{stem}se" if one.has_se else "CAST(NULL AS DOUBLE)",
        "ci_low": f"{stem}ci_low" if f"{stem}ci_low" in held else "CAST(NULL AS DOUBLE)",
        "ci_high": f"{stem}ci_high" if f"{stem}ci_high" in held else "CAST(NULL AS DOUBLE)",
        "method": "method",
        "n_households": "n_households" if "n_households" in held else "CAST(NULL AS BIGINT)",
        "suppressed": "suppressed",
        "quality_flag": "quality_flag",
        "table_name": f"'{one.table}'",
        "bounds": one.bounds,
    }
    where = f" AND {one.where}" if one.where else ""
    return f"SELECT {', '.join(f'{sql} AS {name}' for name, sql in picked.items())} FROM {one.table} WHERE is_headline{where}"
