"""The data dictionary as code: every table, column, unit and key, once.

Belongs here: definitions. DDL, Arrow schemas, Great Expectations suites, COMMENTs and documentation are made from them
elsewhere. Does not belong here: computing, reading or checking data.
"""

from poverty_assets.catalog.inner import INNER_TABLES
from poverty_assets.catalog.model import METHODS, Column, Locale, Table
from poverty_assets.catalog.tables import TABLES

SCHEMA = 5
"""Form of a home's lake; it grows by one whenever a file of an older one cannot be read as it stands."""
SCHEMA_VERSION = 1
"""Form of the published file (``meta_build.schema_version``): it grows by one whenever a table, view or column is renamed, leaves,
or comes to mean something else. What is renamed stays readable under its old name for one version more: a column by its ``was``, a
table or view by ``RENAMED``. What is added does not change it."""
RENAMED: dict[str, str] = {}
"""Tables and views that had another name in the version before: that name, and the one of now."""

__all__ = [
    "INNER_TABLES",
    "METHODS",
    "RENAMED",
    "SCHEMA",
    "SCHEMA_VERSION",
    "TABLES",
    "Column",
    "Locale",
    "Table",
    "table",
]

_BY_NAME = {one.name: one for one in (*TABLES, *INNER_TABLES)}


def table(name: str) -> Table:
    """The table of that name, published or inner.

    Raises
    ------
    KeyError
        If the catalog has no such table.
    """
    return _BY_NAME[name]
