"""What files of pages are called.

Belongs here: a name that every file system and every address takes, as the report that is written under it and the page that links
to it both need it. Does not belong here: which files there are (``quarterly``, ``pages``).
"""

from __future__ import annotations

import unicodedata


def file_name(code: str) -> str:
    """A code as a file may be called and linked to: letters and digits of any script, dots, dashes and blanks as they are.

    Examples
    --------
    >>> file_name("11"), file_name("ب/۱"), file_name("C#2")
    ('11', 'ب~2f۱', 'C~232')
    """
    return "".join(one if unicodedata.category(one)[0] in "LMN" or one in " -_." else f"~{ord(one):x}" for one in code)
