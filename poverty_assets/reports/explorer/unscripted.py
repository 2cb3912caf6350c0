"""What the page says where scripts are off: its first finding and what sums leave out, in each language.

Belongs here: that text. Does not belong here: the page that scripts draw (``static``).
"""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd

from poverty_assets.reports.explorer.figures import ONE_THIRD, Selection


def first_finding(
    connection: Any,
    chosen: Selection,
    areas: pd.DataFrame,
    country_names: dict[str, str],
    languages: list[dict[str, Any]],
) -> str:
    """HTML of the country's headcount ratio with its interval, newest quarter, and of areas without people; only the title where
    neither is known."""
    row = connection.execute(
        f"""SELECT estimate, ci_low, ci_high FROM fct_mpi WHERE is_headline AND NOT suppressed AND subgroup = 'all'
            AND measure_id = $measure AND quarter = $quarter AND area_id = $area AND statistic = 'headcount_ratio' AND {ONE_THIRD}""",
        {"measure": chosen.measure, "quarter": chosen.quarters[-1].start, "area": chosen.areas[0]},
    ).fetchone()
    finest = areas[areas["area_level"] == areas["area_level"].iloc[-1]]
    return "".join(
        _paragraph(one, country_names, chosen.quarters[-1].label, row, _uncounted(finest, one, country_names))
        for one in languages
    )


def _uncounted(finest: pd.DataFrame, language: dict[str, Any], country_names: dict[str, str]) -> str:
    """What sums over areas leave out since nobody counts their people; the first that is named is a whole region, if one is."""
    lost = finest[finest["population"].isna() & finest["households"].isna()]
    words, code = language["words"], language["code"]
    if lost.empty:
        return ""
    if len(lost) == len(finest):
        return str(words["sums_alike"].replace("{area}", _of(country_names, code)))
    alone = ~finest["parent_id"].duplicated(keep=False)[lost.index]
    first = lost.loc[alone.idxmax()]
    own = first.get(f"name_{code}")
    name = own if isinstance(own, str) else first["name_en"]
    said = (
        words["without_many" if len(lost) > 1 else "without_one"]
        .replace("{n}", f"{len(lost):,}")
        .replace("{area}", name)
    )
    return str(words["sums_without"].replace("{without}", said))


def _of(names: dict[str, str], code: str) -> str:
    return names.get(code) or next(iter(names.values()))


def _paragraph(
    language: dict[str, Any], country_names: dict[str, str], quarter: str, row: tuple[float, ...] | None, uncounted: str
) -> str:
    words, code = language["words"], language["code"]
    country = _of(country_names, code)
    said = [words["title"].replace("{country}", country)]
    if row is not None:
        value, *bounds = (None if part is None else f"{part * 100:.1f}%" for part in row)
        text = f"{country}, {quarter}: {words['headcount_ratio']}: {value}"
        if None not in bounds:
            text += f" ({words['interval']}: {words['range'].replace('{a}', bounds[0]).replace('{b}', bounds[1])})"
        said.append(text)
    said += [uncounted] if uncounted else []
    said.append(words["no_script"])
    first, *rest = (escape(text) for text in said)
    return (
        f'<section lang="{code}" dir="{language["direction"]}"><h2>{first}</h2>'
        + "".join(f"<p>{text}</p>" for text in rest)
        + "</section>"
    )
