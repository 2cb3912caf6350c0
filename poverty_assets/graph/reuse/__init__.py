"""Nothing twice: what was made of the same things by the same code is taken as it is.

Belongs here: telling what a step of the graph is made of, keeping that beside what it made, and taking it again. Does not belong here:
any asset (``assets``). No package below knows that something is reused.
"""
