"""Tables with a column for each year, made long: a row an area and year.

Belongs here: which columns are of years, and turning them. Does not belong here: how an entry says so (``pack.keys``), or types of
values (``contract``).
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from poverty_assets.errors import ContractViolation
from poverty_assets.pack.keys import Wide

YEAR, VALUE = "year", "value"


@dataclass(frozen=True)
class Long:
    """Rows of a table made long.

    Attributes
    ----------
    frame : DataFrame
        The columns that are of no year, ``year``, and ``value`` or one column for each variable; rows are numbered from 0.
    places : dict of int to str
        Where each row stands in the file.
    """

    frame: pd.DataFrame
    places: dict[int, str]

    @property
    def years(self) -> list[int]:
        """The years that it has, in order."""
        return sorted(int(year) for year in self.frame[YEAR].unique())


def lengthened(raw: pd.DataFrame, wide: Wide, file: object, *, last: int | None = None) -> Long:
    """A row for each year of each row that says anything of it.

    Parameters
    ----------
    raw : DataFrame
        Its index is the number of the row in the file.
    last : int, optional
        Only the newest year that the table has up to this one; by default all of them.

    Raises
    ------
    ContractViolation
        If no column is of a year, or none of such an early one.

    Examples
    --------
    >>> table = pd.DataFrame({"code": ["A", "B"], "hh_2019": [5, 7], "hh_2020": [6, None]}, index=[2, 3])
    >>> lengthened(table, Wide(columns="hh_{year}"), "t.csv").frame.to_dict("list")
    {'code': ['A', 'B', 'A'], 'year': [2019, 2019, 2020], 'value': [5.0, 7.0, 6.0]}
    """
    found = {name: match for name in raw.columns if (match := wide.pattern.fullmatch(str(name).strip()))}
    years = sorted({int(match["year"]) for match in found.values()})
    wanted = years if last is None else [year for year in years if year <= last][-1:]
    if not wanted:
        problem = f"no column is named {wide.columns}" + ("" if not years else f" with a year of up to {last}")
        shown = f"; the file has {', '.join(map(str, raw.columns[:8]))}"
        remedy = "check that this is the right file, or correct options: {wide: ...} of its entry"
        raise ContractViolation(problem + shown, file=file, place="header", remedy=remedy)
    kept = [name for name in raw.columns if name not in found]
    parts = []
    for year in wanted:
        own = {name: match.groupdict().get("variable") or VALUE for name, match in found.items()}
        own = {name: variable for name, variable in own.items() if int(found[name]["year"]) == year}
        part = raw[[*kept, *own]].rename(columns=own).assign(**{YEAR: year})
        text = part[list(own.values())].astype("string")
        says = (text.notna() & (text.apply(lambda column: column.str.strip()) != "")).any(axis=1)
        parts.append(part[says.fillna(False).astype(bool)])
    long = pd.concat(parts)
    order = [*kept, YEAR, *(name for name in long.columns if name not in kept and name != YEAR)]
    places = [f"row {row}, year {year}" for row, year in zip(long.index, long[YEAR], strict=True)]
    return Long(long[order].reset_index(drop=True), dict(enumerate(places)))
