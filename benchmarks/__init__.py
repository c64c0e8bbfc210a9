"""Measurements of speed and memory: `python -m benchmarks [name ...]`, from a checkout.

The numbers belong to the machine they were taken on, so each table ends with a line that describes it.
Leave the machine idle meanwhile: one other busy process makes two threads wait for each other, and a
library's median then grows many times over. Where the ratios of medians and of fastest rounds disagree,
believe neither.
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
    """One line: the versions, the processor, and how many threads each library could use."""
    versions = [f"{package} {version(package)}" for package in packages]
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    processor = names[0] if names else platform.processor()
    here = f"{processor}, {CORES} cores, {threads} threads"
    return f"python {platform.python_version()}, {', '.join(versions)}; {here}"


def memory(field: str) -> int:
    """The bytes of memory this process holds ("VmRSS"), or held at most so far ("VmHWM"); Linux only."""
    with open("/proc/self/status", encoding="ascii") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines[field].split()[0]) * 1024
