"""What the folder of a country may say: the country itself, and each source as its entry states it.

Belongs here: the forms of those yaml files, and reading them into checked objects. Does not belong here: any fact about a
country (``countries/``), or reading the data that a source names (``sources``).
"""
