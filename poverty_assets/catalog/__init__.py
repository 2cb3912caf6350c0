"""The data dictionary as code: every table, column, unit and key, once.

Belongs here: definitions. DDL, Arrow schemas, Great Expectations suites, COMMENTs and documentation are made from them
elsewhere. Does not belong here: computing, reading or checking data.
"""

from poverty_assets.catalog.model import METHODS, Column, Table
from poverty_assets.catalog.tables import TABLES, table

__all__ = ["METHODS", "TABLES", "Column", "Table", "table"]
