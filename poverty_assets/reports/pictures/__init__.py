"""Pictures that the UI shows beside what an asset made, as PNG.

Belongs here: drawing a frame that is already computed. Does not belong here: statistics, or pages (``explorer``,
``quarterly``).
"""
