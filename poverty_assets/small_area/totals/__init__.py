"""Totals of provinces, and communes where nothing else is known.

Belongs here: figures of provinces that communes are to add up to (``figures``), and bringing them down to communes where no
survey's households are to be had (``downscale``). Does not belong here: profiles that have given totals
(``small_area.association.tilt``).
"""
