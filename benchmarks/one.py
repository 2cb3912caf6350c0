"""One way of one subject at one size, in a process of its own: prints seconds, processor time, memory and what it says as JSON.

python -m benchmarks.one SUBJECT WAY FOLDER SIZE
"""

import json
import sys
import time
from pathlib import Path

from benchmarks.growth.subject import subject


def main() -> None:
    name, way, folder, size = sys.argv[1:]
    act = subject(name).ways[way].ready(Path(folder), int(size))
    wall, own = time.perf_counter(), time.process_time()
    said = dict(act() or {})
    seconds, processor = time.perf_counter() - wall, time.process_time() - own
    print(json.dumps({"seconds": seconds, "processor": processor, "megabytes": peak(), **said}))


def peak() -> float:
    """Megabytes that this process held at most."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    main()
