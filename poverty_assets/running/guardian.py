"""The guardian of a UI: ends what came of it when it was killed.

Belongs here: waiting for the end of a pipe. Does not belong here: how processes are found and ended (``ui``).
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Wait until the other end of the pipe is closed, then end every process that bears the mark."""
    descriptor, mark = int(sys.argv[1]), sys.argv[2]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(descriptor, 1):
        pass
    from poverty_assets.running.ui import end_marked

    end_marked(mark)


if __name__ == "__main__":
    main()
