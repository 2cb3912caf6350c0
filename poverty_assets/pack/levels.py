"""The levels of areas that a country has, and how an area of one level knows the area it lies in.

Belongs here: the list of levels as ``country.yaml`` states it, and the roles that code speaks of: the finest level, for which
estimates are made; the published level, where totals come from; those between. Does not belong here: areas themselves
(``geography``), or the name of any level in code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from pydantic import Field, field_validator, model_validator

from poverty_assets.lined_yaml import Form, misfit, raise_misfits

COUNTRY = "country"
"""The one level that every country has: the country itself."""
ANY_CODE = r"\S(.*\S)?"
"""What the code of an area looks like where the pack does not say."""
LONGEST = 16
"""No code of digits alone is looked for that is longer."""
_LOOKS_AROUND = re.compile(r"\(\?(?:[=!>(]|<[=!]|P=)|(?<!\\)(?:\\\\)*\\[1-9]")


class ParentRule(Form):
    """How an area knows its parent: by the first characters of its code, by a column of the polygons, or by a table.

    Attributes
    ----------
    prefix : int, optional
        The parent's code is the first so many characters of the area's own.
    column : str, optional
        Column (by our name) of the source of polygons, or of one that names areas, that holds the parent's code.
    table : dict of str to str, optional
        Code of the area to code of its parent.
    """

    prefix: int | None = Field(default=None, ge=1)
    column: str | None = None
    table: dict[str, str] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> ParentRule:
        if sum(way is not None for way in (self.prefix, self.column, self.table)) != 1:
            raise misfit("an area knows its parent in one way", "say one of prefix, column and table")
        return self


class Level(Form):
    """One level of areas.

    Attributes
    ----------
    level_id : str
        What the country calls it, in small letters (``id`` in the file); stands in ``area_level``.
    names : dict of str to str or (str, str)
        The same for people, by language: one such area, or one and many.
    code : str
        Regular expression that the whole code of an area matches.
    parent : ParentRule, optional
        Not given for the country and the level below it, whose areas lie in the country.
    """

    level_id: str = Field(alias="id", pattern=r"^[a-z][a-z0-9_]*$")
    names: dict[str, str | tuple[str, str]] = Field(min_length=1)
    code: str = ANY_CODE
    parent: ParentRule | None = None

    @field_validator("code")
    @classmethod
    def _is_an_expression(cls, code: str) -> str:
        try:
            re.compile(code)
        except re.error as error:
            raise misfit(
                f"{code!r} is not a regular expression: {error}", r"write one such as '\d{4}' for four digits"
            ) from error
        if _LOOKS_AROUND.search(code):
            raise misfit(
                f"{code!r} looks ahead, back or at what it found before, which SQL cannot",
                "write an expression without (?=...), (?!...), (?<...) and references",
            )
        return code

    def matches(self, code: str) -> bool:
        """Whether a code has the form of this level's."""
        return re.fullmatch(self.code, code) is not None

    def name(self, language: str, *, many: bool = False) -> str:
        """What one area of this level is called, or several are, in a language; in English where it has no word for it."""
        found = self.names.get(language, self.names.get("en", self.level_id))
        return found if isinstance(found, str) else found[int(many)]


class Levels:
    """The levels of a country, from the country down.

    Parameters
    ----------
    levels : sequence of Level
        The country first, then two to four more.

    Examples
    --------
    >>> levels = Levels([Level(id="country", names={"en": "country"}), Level(id="oblast", names={"en": "oblast"}),
    ...                  Level(id="rayon", names={"en": ("rayon", "rayons")}, code=r"\\d{5}", parent=ParentRule(prefix=2))])
    >>> levels.finest, levels.published, levels.between, levels.code_at("02205", "oblast")
    ('rayon', 'oblast', (), '02')
    >>> levels.digits
    [5]
    """

    def __init__(self, levels: list[Level] | tuple[Level, ...]) -> None:
        self._levels = {level.level_id: level for level in levels}
        self.ids = tuple(self._levels)

    @staticmethod
    def check(levels: list[Level]) -> None:
        """Refuse a list that is no country's: too short or long, a level twice, no country first, a parent that is not told."""
        ids = [level.level_id for level in levels]
        found = []
        if not 3 <= len(ids) <= 5:
            found.append(
                misfit(f"{len(ids)} levels are given", "give the country and two to four levels below it", "levels")
            )
        for i, level in enumerate(levels):
            if level.level_id in ids[:i]:
                found.append(misfit(f"level {level.level_id!r} is there twice", "rename one", "levels", i, "id"))
            if i >= 2 and level.parent is None:
                found.append(
                    misfit(
                        f"level {level.level_id} does not say how an area knows its parent",
                        "add parent: {prefix: 2}, {column: NAME} or {table: {code: parent}}",
                        "levels",
                        i,
                    )
                )
            if i < 2 and level.parent is not None:
                found.append(misfit("the country holds all of this level", "leave parent out", "levels", i, "parent"))
        if ids and ids[0] != COUNTRY:
            found.append(misfit(f"the first level is {ids[0]}", f"begin with id: {COUNTRY}", "levels", 0, "id"))
        raise_misfits(found)

    def __iter__(self) -> Iterator[Level]:
        return iter(self._levels.values())

    def __getitem__(self, level_id: str) -> Level:
        return self._levels[level_id]

    @property
    def finest(self) -> str:
        """The level that estimates are made for."""
        return self.ids[-1]

    @property
    def published(self) -> str:
        """The level where totals come from: the first below the country."""
        return self.ids[1]

    @property
    def between(self) -> tuple[str, ...]:
        """Levels between the published and the finest one, from large to small."""
        return self.ids[2:-1]

    def above(self, level_id: str) -> str | None:
        """The level next above; None for the country."""
        at = self.ids.index(level_id)
        return self.ids[at - 1] if at else None

    def of_code(self, code: str) -> str | None:
        """The level whose codes have the form of this one, the finest that does; None where none has."""
        return next((name for name in reversed(self.ids[1:]) if self._levels[name].matches(code)), None)

    def parent_of(self, code: str, level_id: str) -> str | None:
        """Code of the parent of an area, where it follows from the code or from the pack's table."""
        rule = self._levels[level_id].parent
        if rule is None or rule.column is not None:
            return None
        return code[: rule.prefix] if rule.prefix is not None else (rule.table or {}).get(code)

    def code_at(self, code: str, level_id: str) -> str | None:
        """Code of the area of a level that one of this code lies in, by the pack's rules alone; None where they do not tell.

        The code need be no area's own: that of another year will do, if its form tells.
        """
        own = self.of_code(code)
        at = len(self.ids) - 1 if own is None else self.ids.index(own)
        found: str | None = code
        while found is not None and at > self.ids.index(level_id):
            found = self.parent_of(found, self.ids[at])
            at -= 1
        return found

    @cached_property
    def digits(self) -> list[int]:
        """How many digits codes of digits alone may have."""
        levels = [level for level in self if level.code != ANY_CODE]
        return [
            n for n in range(1, LONGEST + 1) if any(level.matches(d * n) for level in levels for d in ("0", "1", "9"))
        ]
