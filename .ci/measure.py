"""Run a command, and write down how long it took and how much memory its largest process had.

python .ci/measure.py data/08_reporting/measured.json kedro run
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    """Run what stands behind the file's name; returns its exit code."""
    file, *command = sys.argv[1:]
    start = time.perf_counter()
    code = subprocess.run(command, check=False).returncode
    seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    measured = {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_memory_mb": round(used.ru_maxrss / 1024),
    }
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(json.dumps(measured) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
