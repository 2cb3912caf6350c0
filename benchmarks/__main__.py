"""All benchmarks, one after the other, each in its own process: ``make bench``."""

import subprocess
import sys
from pathlib import Path

for path in sorted(Path(__file__).parent.glob("bench_*.py")):
    print(f"\n== {path.stem}", flush=True)
    subprocess.run([sys.executable, "-W", "ignore", "-m", f"{__package__}.{path.stem}"], check=True)
