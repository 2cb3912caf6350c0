"""The quarterly report: two pages of findings, each written from figures of the warehouse.

Belongs here: which questions are put (``overlap``, ``areas``, ``record``), how an answer becomes a sentence
(``finding``), the two charts and the page. Does not belong here: estimating anything. Only headline rows that are not
suppressed are quoted.
"""

from poverty_assets.reports.quarterly.report import findings_of, write_report

__all__ = ["findings_of", "write_report"]
