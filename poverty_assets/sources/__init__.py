"""Where data comes from: what a source is, readers for its file formats, surveys, and the simulated twin.

Belongs here: turning a file as it is into a checked frame. Does not belong here: anything computed from more than one
source (``spatial``, ``measurement``, ``warehouse``), or Dagster.
"""
