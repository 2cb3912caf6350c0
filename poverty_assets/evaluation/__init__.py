"""Estimates of the simulated twin against what is so in it.

Belongs here: the only code of the pipeline that reads the twin's truth, and the scores that come of it. Does not belong here:
anything that fits, chooses or calibrates; nothing that does may import this package.
"""
