"""What costs how much at which size, beside peers: households, pixels, areas, quarters, and the measure with its errors.

Belongs here: one module a subject, with its sizes, how its input is made, and the ways of doing the same. Does not belong here: running
them (``benchmarks.one``), or what is written of them (``benchmarks.results``).
"""
