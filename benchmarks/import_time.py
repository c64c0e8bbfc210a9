"""What `import minitensor` costs beyond `import numpy`, each in fresh interpreters, in turn.

Run with `python -m benchmarks.import_time`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median

from benchmarks import machine

ROUNDS = 15
MODULES = ("numpy", "minitensor")
PROGRAM = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def import_time(module: str) -> float:
    """Milliseconds that importing takes in a fresh interpreter, its own start not counted."""
    command = [sys.executable, "-c", PROGRAM.format(module)]
    bytecode = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # kept from the first import, as usual
    result = subprocess.run(command, check=True, capture_output=True, text=True, env=bytecode)
    return 1e3 * float(result.stdout)


def main() -> None:
    """Time both in turn, and print a table."""
    for module in MODULES:
        import_time(module)  # compiles the bytecode, and fills the file cache
    rounds = [[import_time(module) for module in MODULES] for _ in range(ROUNDS)]

    print(f"ms to import; {ROUNDS} fresh interpreters each")
    print(f"{'':14}{'median':>10}{'minimum':>10}")
    medians = []
    for module, times in zip(MODULES, zip(*rounds, strict=True), strict=True):
        medians.append(median(times))
        print(f"{module:14}{median(times):>10.1f}{min(times):>10.1f}")
    print(f"{'difference':14}{medians[1] - medians[0]:>10.1f}")
    print(machine("numpy"))


if __name__ == "__main__":
    main()
