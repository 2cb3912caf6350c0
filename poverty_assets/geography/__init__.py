"""Where areas are, and which lies in which: boundaries, names, codes of other years, neighbours, layers for orientation.

Belongs here: areas and the relations between them. Does not belong here: what is measured of an area (``features``), or
reading files (``sources``).
"""
