"""Registers of poor households: who is listed where, the rate, and the model of the rate.

Belongs here: counting a register by area, its rate, learners that predict it, and their baselines. Does not belong here: whom a register
misses (``vulnerability.register_audit``), small-area estimation from a survey (``small_area``).
"""
