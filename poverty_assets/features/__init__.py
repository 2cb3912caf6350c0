"""What is measured of an area: zonal statistics of rasters, distances, lengths and counts of vectors, columns of tables.

Belongs here: making one number an area and feature out of what a source observed. Does not belong here: reading a file
(``sources``), or areas themselves (``geography``).
"""
