"""What a source's rows, and its values taken together, can be, as its entry states it.

Belongs here: contracts of columns, rules of rows, and bounds beyond which a file is refused. Does not belong here: holding a file against
them (``sources.contract``, ``intake``), or the rest of the entry (``source``).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from poverty_assets.lined_yaml import Form, misfit, raise_misfits


class ColumnContract(Form):
    """One column that is read from a table, and what its values may be.

    ``type`` ``code`` is an area code, as text of any form. With ``digits`` it is made of so many, and zeros that were lost on
    the left are put back; ``without`` is left out where the code begins with it (the country's letters before a P-code);
    ``first`` keeps so many characters of it, as of a village's code those of the area that it lies in. ``flag`` is 0 for the
    values in ``zero_if`` and 1 for any other. ``on_violation`` says what happens to a row that breaks the contract: ``refuse``
    the file, or ``quarantine`` the row (set aside, counted). ``median`` is the least and the largest that the middle value of the
    column can be: outside it the column is in another unit, and the file is refused. ``description`` says what it holds, where its
    name does not.
    """

    source: str | list[str] = Field(alias="from")
    description: str = ""
    type: Literal["code", "integer", "number", "text", "date", "flag"] = "number"
    digits: int | None = Field(default=None, ge=1)
    without: str = ""
    first: int | None = Field(default=None, ge=1)
    zero_if: list[str] = Field(default_factory=list)
    minimum: float | None = None
    maximum: float | None = None
    nullable: bool = False
    median: tuple[float, float] | None = None
    on_violation: Literal["refuse", "quarantine"] = "refuse"

    @model_validator(mode="after")
    def _form_is_of_a_code(self) -> ColumnContract:
        given = [name for name in ("digits", "without", "first") if getattr(self, name) and self.type != "code"]
        raise_misfits([misfit(f"{name} is of a code", "leave it out, or write type: code", name) for name in given])
        return self


class RowRule(Form):
    """A rule over columns of a row: ``left`` is at most ``at_most``, or it is the sum of ``parts``."""

    left: str
    at_most: str | None = None
    parts: list[str] = Field(default_factory=list)
    on_violation: Literal["refuse", "quarantine"] = "refuse"

    @model_validator(mode="after")
    def _one_rule(self) -> RowRule:
        if (self.at_most is None) == (not self.parts):
            raise misfit("a rule says one thing", "state at_most, a column, or parts, a list of columns")
        return self


class Against(Form):
    """A column whose sum is to be about that of another source's: within the factor ``within`` of it."""

    column: str
    source: str
    other: str
    within: float = Field(default=2.0, gt=1)


class Sense(Form):
    """What the values of a source can be taken together: beyond it, the file is refused.

    Attributes
    ----------
    rows : (least, most), optional
        Rows or features that it has.
    areas : float, optional
        Least share of the areas of ``level`` that have a row. Of published figures: of the regions that another file has of a
        survey, or the file itself of another one.
    level : str, optional
        By default the finest.
    set_aside : float
        Largest share of rows that may be set aside for breaking the contract.
    outside : float
        Largest share of features or points that may lie outside the country.
    values : (low, high), optional
        Of a raster: what the values of cells can be, after scale and offset, within the country's bounds.
    mean : (low, high), optional
        Of a raster: what their mean within the country's bounds can be.
    step : float
        By what factor the number of rows and the sums of columns (the mean of a raster's cells) may differ from the release before; 0:
        they are not compared. Rasters are compared where it is stated.
    against : list of Against
        Sums that are to be about those of other sources.
    """

    rows: tuple[int, int] | None = None
    areas: float | None = Field(default=None, ge=0, le=1)
    level: str | None = None
    set_aside: float = Field(default=0.05, ge=0, le=1)
    outside: float = Field(default=0.1, ge=0, le=1)
    values: tuple[float, float] | None = None
    mean: tuple[float, float] | None = None
    step: float = Field(default=3.0, ge=0)
    against: list[Against] = Field(default_factory=list)
