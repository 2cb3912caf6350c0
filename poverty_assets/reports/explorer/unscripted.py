"""What the page says where scripts are off: its first finding, in each language.

Belongs here: that text. Does not belong here: the page that scripts draw (``static``).
"""

from __future__ import annotations

from html import escape
from typing import Any

from poverty_assets.reports.explorer.figures import ONE_THIRD, Selection


def first_finding(
    connection: Any, chosen: Selection, country_names: dict[str, str], languages: list[dict[str, Any]]
) -> str:
    """HTML of the country's headcount ratio with its interval, newest quarter; only the title where that is not known."""
    row = connection.execute(
        f"""SELECT estimate, ci_low, ci_high FROM fct_mpi WHERE is_headline AND NOT suppressed AND subgroup = 'all'
            AND measure_id = $measure AND quarter = $quarter AND area_id = $area AND statistic = 'headcount_ratio' AND {ONE_THIRD}""",
        {"measure": chosen.measure, "quarter": chosen.quarters[-1].start, "area": chosen.areas[0]},
    ).fetchone()
    return "".join(_paragraph(one, country_names, chosen.quarters[-1].label, row) for one in languages)


def _paragraph(
    language: dict[str, Any], country_names: dict[str, str], quarter: str, row: tuple[float, ...] | None
) -> str:
    words, code = language["words"], language["code"]
    country = country_names.get(code) or next(iter(country_names.values()))
    said = [words["title"].replace("{country}", country)]
    if row is not None:
        value, *bounds = (None if part is None else f"{part * 100:.1f}%" for part in row)
        text = f"{country}, {quarter}: {words['headcount_ratio']}: {value}"
        if None not in bounds:
            text += f" ({words['interval']}: {words['range'].replace('{a}', bounds[0]).replace('{b}', bounds[1])})"
        said.append(text)
    said.append(words["no_script"])
    first, *rest = (escape(text) for text in said)
    return (
        f'<section lang="{code}" dir="{language["direction"]}"><h2>{first}</h2>'
        + "".join(f"<p>{text}</p>" for text in rest)
        + "</section>"
    )
