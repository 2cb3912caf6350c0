"""The report of a quarter: two pages with ten findings and two maps, of the country and of each area of the level below.

Belongs here: which questions are put (``poverty``, ``action``, ``record``), how an answer becomes a sentence (``finding``), the maps
and the page. Does not belong here: estimating anything. Only headline rows that are not suppressed are quoted.
"""

from poverty_assets.reports.quarterly.report import write_report, write_reports

__all__ = ["write_report", "write_reports"]
