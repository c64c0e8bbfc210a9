"""Memory over 1,000 training steps with the garbage collector switched off: it must not grow.

A graph without reference cycles is freed the moment its loss is dropped. With one cycle per node, as in an
engine whose closures capture their own output, this program would grow by about two megabytes per step. It
trains an MLP 784-256-128-10 on batches of 128, and counts resident memory and live nodes before and after.

Linux only.
"""

from __future__ import annotations

import gc
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from benchmarks import machine, memory
from benchmarks.table import Table
from minitensor import nn, optim
from minitensor.core.graph import Node

WARM_UP, STEPS = 50, 1000


def train(model: nn.MLP, optimizer: optim.SGD, steps: int) -> None:
    """Take steps on random batches."""
    draw = np.random.default_rng(0)
    loss_of = nn.CrossEntropyLoss()
    for _ in range(steps):
        x = draw.standard_normal((128, 784), dtype=np.float32)
        loss = loss_of(model(x), draw.integers(10, size=128))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def live_nodes() -> int:
    """How many Values and Tensors exist."""
    return sum(issubclass(type(thing), Node) for thing in gc.get_objects())


def grown() -> tuple[int, ...]:
    """Nodes and bytes, before and after."""
    gc.disable()
    model = nn.MLP(784, [256, 128, 10], rng=0)
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    train(model, optimizer, WARM_UP)
    before = live_nodes(), memory("VmRSS")
    train(model, optimizer, STEPS)
    return *before, live_nodes(), memory("VmRSS")


def measure(rounds: int) -> Table:
    """Once, in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as processes:
        nodes, resident, nodes_after, resident_after = processes.submit(grown).result()
    rows: list[list[Any]] = [
        ["live nodes", nodes, nodes_after, nodes_after - nodes],
        ["resident KiB", resident // 1024, resident_after // 1024, (resident_after - resident) // 1024],
    ]
    title = f"{STEPS:,} training steps of 784-256-128-10, batch 128, without garbage collection"
    return Table(title, ["", "before", "after", "growth"], rows, machine("numpy"))
