"""Totals of published areas, and finest areas where nothing else is known.

Belongs here: figures of published areas that finest areas are to add up to (``figures``), and bringing them down to finest
areas where no survey's households are to be had (``downscale``). Does not belong here: profiles that have given totals
(``small_area.association.tilt``).
"""
