"""Rows of a table whose key is another coding, given codes of areas.

Belongs here: joining a table to what turns its coding into area codes, and telling which rows do not join. Does not belong here: how
an entry says so (``pack.keys``), or codes of areas that changed (``geography.crosswalk``).
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from poverty_assets.pack.keys import CodedBy, Codes, comparable_key

MOST_NAMED = 5


@dataclass(frozen=True)
class Joined:
    """What a table's own coding turned into.

    Attributes
    ----------
    codes : Series
        Area code of each row of the table; missing where there is none.
    strange : list of int
        Index of the rows whose key is not known.
    named : str
        The first of those keys, for people.
    left_out : dict of str to list of int
        Index of the rows that are left out on purpose, by the reason.
    """

    codes: pd.Series
    strange: list[int]
    named: str
    left_out: dict[str, list[int]]


def joined(frame: pd.DataFrame, coded: CodedBy, codes: Codes) -> Joined:
    """Join a table with the columns of ``coded.key`` to what turns them into codes.

    Examples
    --------
    >>> codes = Codes.of([{"name": "Osh", "area_code": "06"}], ["name"], "names.csv", "names.csv", 2)
    >>> found = joined(pd.DataFrame({"name": [" OSH", "Talas"]}), CodedBy(key=["name"], table="names.csv"), codes)
    >>> found.codes.tolist(), found.strange, found.named
    (['06', <NA>], [1], 'Talas')
    """
    shown = [
        tuple("" if pd.isna(value) else str(value) for value in row) for row in frame[coded.key].itertuples(index=False)
    ]
    keys = [tuple(comparable_key(value) for value in row) for row in shown]
    found = pd.Series([codes.codes.get(key) for key in keys], index=frame.index, dtype="string")
    strange = [place for place, key in enumerate(keys) if key not in codes.codes]
    names = list(dict.fromkeys(", ".join(one or "(empty)" for one in shown[place]) for place in strange))
    left_out: dict[str, list[int]] = {}
    for row, key in zip(frame.index, keys, strict=True):
        if key in codes.codes and codes.codes[key] is None:
            left_out.setdefault(codes.reasons[key], []).append(int(row))
    named = "; ".join(names[:MOST_NAMED]) + ("; ..." if len(names) > MOST_NAMED else "")
    return Joined(found, [int(frame.index[place]) for place in strange], named, left_out)
