"""Imports everything that a run imports, when it is imported itself: by the process from which runs of the UI are forked, and nobody else.

Belongs here: nothing but that. Does not belong here: which modules those are, or starting a run (``code_server``). A module that cannot be
imported here costs time and nothing else: the run that wants it imports it itself, and says what is wrong with it.
"""

import contextlib
import gc
import importlib

from poverty_assets.running.code_server import modules_of_runs

for _name in modules_of_runs():
    with contextlib.suppress(Exception):
        importlib.import_module(_name)
gc.collect()
gc.freeze()  # what is there now the collector leaves alone, so that forked processes go on sharing it
