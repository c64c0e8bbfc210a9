"""What one elementary operation costs, recorded and walked back, where numbers do not matter."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.table import Table
from benchmarks.workers import Worker, take_turns

LENGTH = 200
KINDS = {
    "minitensor Value": "minitensor",
    "minitensor Tensor": "minitensor",
    "PyTorch": "torch",
    "micrograd": "micrograd",
    "MyGrad": "mygrad",
    "NumPy, nothing recorded": "numpy",
}


def build(kind: str) -> Callable[[], Any]:
    """A chain x · x · x ..., forward and backward, of one number or an array of one."""
    x: Any
    if kind == "minitensor Value":
        from minitensor import Value

        x = Value(1.0)
    elif kind == "minitensor Tensor":
        from minitensor import Tensor

        x = Tensor(np.ones(1, np.float32), requires_grad=True)
    elif kind == "PyTorch":
        import torch

        x = torch.ones(1, requires_grad=True)
    elif kind == "micrograd":
        from micrograd.engine import Value as Micro

        x = Micro(1.0)
    elif kind == "MyGrad":
        x = import_module("mygrad").tensor(np.ones(1, np.float32))
    else:
        x = np.ones(1, np.float32)

    def chain() -> None:
        y = x
        for _ in range(LENGTH):
            y = y * x
        if kind != "NumPy, nothing recorded":
            y.backward(*([np.ones(1, np.float32)] if kind == "minitensor Tensor" else []))

    return chain


def measure(rounds: int) -> Table:
    """Microseconds of a multiplication."""
    workers = {kind: Worker(build, kind) for kind, module in KINDS.items() if find_spec(module)}
    times = take_turns(workers, rounds, 0.02)
    rows: list[list[Any]] = [
        [kind, 1e6 * median(seconds) / LENGTH, 1e6 * min(seconds) / LENGTH] for kind, seconds in times.items()
    ]
    title = f"one multiplication of one number, forward and backward, in µs; of {rounds} rounds"
    return Table(title, ["", "median", "fastest"], rows, machine("numpy"))
