"""Registers of poor households: who is listed where, the rate, the model of the rate, and what a register finds of the poor.

Belongs here: counting a register by area, its rate, learners that predict it, and how well it finds the poor. Does not belong
here: how learners are judged (``judging``), small-area estimation from a survey (``small_area``), the audit of a register by
replicates of that (``vulnerability.register_audit``).
"""
