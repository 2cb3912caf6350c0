"""A generator for any pack: areas, households and their truth, surveys, registers and rasters, whatever the country is.

Belongs here: what a pack's ``simulated.yaml`` states, made into files over the country's own polygons, or, where there are none, over
rectangles that are cut from its bounds. Does not belong here: any fact about a country, reading a landing folder, or using the truth.
"""
