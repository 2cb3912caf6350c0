"""A sign that schedules and sensors are at work, which an outside monitor can miss.

Belongs here: what the sign is and how it is given. Does not belong here: word of what failed (``alerts``). A sensor gives it, so it is
given only while the daemon lives and can load the code.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import urllib.request
from pathlib import Path

from poverty_assets.atomic import write_text

URL = "POVERTY_ASSETS_HEARTBEAT_URL"
FILE = "heartbeat.json"
SECONDS = 10.0


def beat(home: Path, now: dt.datetime) -> str:
    """Write the home's ``heartbeat.json``, and ask for the address that the environment names; says how it went.

    An address that cannot be reached is no failure here: that is what the monitor behind it is there to notice.
    """
    write_text(home / FILE, json.dumps({"at": now.isoformat(timespec="seconds"), "process": os.getpid()}) + "\n")
    address = os.environ.get(URL)
    if not address:
        return f"{FILE} is written"
    try:
        with urllib.request.urlopen(address, timeout=SECONDS):
            return f"{FILE} is written, and the address of {URL} was asked for"
    except (OSError, ValueError) as error:
        return f"{FILE} is written; the address of {URL} could not be reached ({type(error).__name__})"
