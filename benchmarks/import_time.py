"""What `import minitensor` costs beyond `import numpy`, each in fresh interpreters, in turn."""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median
from typing import Any

from benchmarks import machine
from benchmarks.table import Table

MODULES = ("numpy", "minitensor")
PROGRAM = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def import_time(module: str) -> float:
    """Milliseconds that importing takes in a fresh interpreter, its own start not counted."""
    command = [sys.executable, "-c", PROGRAM.format(module)]
    bytecode = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # kept from the first import, as usual
    result = subprocess.run(command, check=True, capture_output=True, text=True, env=bytecode)
    return 1e3 * float(result.stdout)


def measure(rounds: int) -> Table:
    """Both in turn."""
    for module in MODULES:
        import_time(module)  # compiles the bytecode, and fills the file cache
    taken = [[import_time(module) for module in MODULES] for _ in range(rounds)]
    rows: list[list[Any]] = [
        [module, median(times), min(times)]
        for module, times in zip(MODULES, zip(*taken, strict=True), strict=True)
    ]
    rows.append(["difference", rows[1][1] - rows[0][1], rows[1][2] - rows[0][2]])
    title = f"an import, in ms, of {rounds} fresh interpreters each"
    return Table(title, ["", "median", "fastest"], rows, machine("numpy"))
