"""Multidimensional deprivation for every area of a country, at every level, quarter by quarter.

Belongs here: only the version. The packages below each say what belongs in them; none but ``assets``, ``checks``,
``automation``, ``resources``, ``partitions`` and ``definitions`` knows that Dagster exists.
"""

__version__ = "0.1.0"
