"""What a phone passes on: a report as PDF, and its first findings on one card (PNG).

Belongs here: both forms of a report that ``quarterly`` has read, the fonts that they carry, and where their lines end. Does not belong
here: what a report says, or its page (``quarterly``).
"""

from poverty_assets.reports.passed_on.forms import Forms

__all__ = ["Forms"]
