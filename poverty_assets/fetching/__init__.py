"""Open sources fetched from their publishers into the landing folder.

Belongs here: asking what a publisher has, moving it here whole, holding it against its contract, and recording where it came from. One
client a protocol (``clients``); which source uses which, and every address, is said by the pack. Does not belong here: reading landing
files (``sources``), any address, or a refresh: that opens no connection.

The parts, from the ground up: ``addresses`` (an entry's template filled in), ``answers`` (what need not come again), ``web`` (one polite
way to ask over HTTP), ``download`` (one file, resumed and counted), ``remote`` (pieces of one), ``windows`` (a country's cells of a
raster), ``orders`` (which file a quarter wants), ``clients``, ``landing`` (held against its contract, put in place, recorded),
``side_by_side`` (questions that do not keep each other), ``fetch`` (the conductor).
"""
