"""Measurements of speed and memory; each file is a program: `python -m benchmarks.step`, and so on.

The numbers belong to the machine they were taken on, so each program ends with a line that describes it.
"""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

CORES = os.cpu_count() or 1


def use_all_cores() -> None:
    """Give the libraries that processes started from here will load as many threads as there are cores."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(CORES)


def machine(*packages: str, threads: int = CORES) -> str:
    """One line: the versions, the cores, and how many threads each library could use."""
    versions = [f"{package} {version(package)}" for package in packages]
    return f"python {platform.python_version()}, {', '.join(versions)}; {CORES} cores, {threads} threads"


def memory(field: str) -> int:
    """The bytes of memory this process holds ("VmRSS"), or held at most so far ("VmHWM"); Linux only."""
    with open("/proc/self/status", encoding="ascii") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines[field].split()[0]) * 1024
