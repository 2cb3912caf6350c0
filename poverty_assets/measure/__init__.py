"""Who is deprived in what: a measure of multidimensional poverty, its indicators, cut-offs and weights.

Belongs here: the definition of a measure, and the rules that turn answers into deprivations. Does not belong here:
estimates of any kind (``measurement``).
"""
