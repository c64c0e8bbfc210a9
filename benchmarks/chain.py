"""A chain of additions, 10⁴ to 10⁶ long: time and memory per node, which must not grow with the length.

y = x + 1 + 1 + ... is built and walked backward; then it is built again and dropped without a walk. A
recursive walk would overflow the stack here, a quadratic one would show in the last row, and reference
cycles in the graph would leave the dropping to the garbage collector. Each row has a process of
its own, and so a peak of memory of its own.

Linux only.
"""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import minitensor
from benchmarks import machine, memory
from benchmarks.table import Table

KINDS = ("Value", "Tensor")
LENGTHS = (10**4, 10**5, 10**6)


def build(x: minitensor.Value | minitensor.Tensor, length: int) -> minitensor.Value | minitensor.Tensor:
    """x + 1 + 1 + ..."""
    for _ in range(length):
        x = x + 1.0
    return x


def per_node(kind: str, length: int) -> tuple[float, ...]:
    """Per node: seconds of forward, backward and drop; bytes after forward, and at the peak of backward."""
    x = minitensor.Value(0.0) if kind == "Value" else minitensor.Tensor(0.0, requires_grad=True)
    build(x, 100).backward()  # whatever is loaded or allocated at first use
    x.grad *= 0.0

    before = memory("VmRSS")
    start = time.perf_counter()
    y = build(x, length)
    forward = time.perf_counter() - start
    held = memory("VmRSS") - before

    start = time.perf_counter()
    y.backward()
    backward = time.perf_counter() - start
    peak = memory("VmHWM") - before
    assert float(y.data) == length
    assert float(x.grad) == 1.0

    y = build(x, length)
    start = time.perf_counter()
    del y
    drop = time.perf_counter() - start
    return tuple(total / length for total in (forward, backward, drop, held, peak))


def measure(rounds: int) -> Table:
    """Every kind and length, once each."""
    rows: list[list[Any]] = []
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as processes:
        for kind in KINDS:
            for length in LENGTHS:
                forward, backward, drop, held, peak = processes.submit(per_node, kind, length).result()
                rows.append(
                    [kind, length, 1e6 * forward, 1e6 * backward, 1e6 * drop, round(held), round(peak)]
                )
    columns = ["", "nodes", "forward µs", "backward µs", "drop µs", "held bytes", "peak bytes"]
    return Table("each node of a chain of additions", columns, rows, machine("numpy"))
