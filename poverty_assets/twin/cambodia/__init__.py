"""The generator of Cambodia's twin: three levels with the government's codes, its lake and rivers, its towns and surveys.

Belongs here: what ``countries/khm/simulated.yaml`` states, made into files. It may know its country; nothing outside may. Does not
belong here: reading a landing folder, or using the truth.
"""
