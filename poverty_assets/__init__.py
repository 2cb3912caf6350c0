"""Multidimensional deprivation for every province, district and commune of a country, quarter by quarter.

Belongs here: only the version. The packages below each say what belongs in them; none but ``assets``, ``checks``,
``automation``, ``resources``, ``partitions`` and ``definitions`` knows that Dagster exists.
"""

__version__ = "0.1.0"
