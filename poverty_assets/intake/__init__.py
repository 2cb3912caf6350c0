"""The gate in: whether a landing file is what its entry says, in form and in sense, before anything is made of it.

Belongs here: the one verdict that ``validate`` and the source assets share; what needs more than the file itself to be told: where it lies,
how large its sums are, whose codes it has, how it differs from the release before. Does not belong here: reading a format and holding rows
against their contract (``sources``), or the gate out (``warehouse.gate``).
"""
