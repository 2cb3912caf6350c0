"""What can be measured of an area from maps: rasters, points, lines, neighbours, blocks.

Belongs here: geometry and its numbers, by area. Does not belong here: reading sources, one country's facts, models, Dagster.
"""
