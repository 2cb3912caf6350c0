"""Where data comes from: readers for the file formats of sources, surveys, and which release an earlier quarter saw.

Belongs here: turning a file as it is into a checked frame. Does not belong here: what an entry may say (``pack``), anything computed
from more than one source (``features``, ``measurement``, ``warehouse``), or Dagster.
"""
