"""Figures that somebody else published, as rows of our fact tables.

Belongs here: reading such tables as they come, and giving them our names and keys. Does not belong here: an estimate of
our own.
"""
