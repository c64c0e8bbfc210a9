"""Memory over 1,000 training steps with the garbage collector switched off: it must not grow.

A graph without reference cycles is freed the moment its loss is dropped. With one cycle per node, as in an
engine whose closures capture their own output, this program would grow by about two megabytes per step. It
trains an MLP 784-256-128-10 on batches of 128, and counts resident memory and live nodes before and after.

Run with `python -m benchmarks.memory`; Linux only.
"""

from __future__ import annotations

import gc

import numpy as np

from benchmarks import machine, memory
from minitensor import nn, optim
from minitensor.graph import Node

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


def main() -> None:
    """Train, and print what there was before and after."""
    gc.disable()
    model = nn.MLP(784, [256, 128, 10], rng=0)
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    train(model, optimizer, WARM_UP)
    nodes, resident = live_nodes(), memory("VmRSS")
    train(model, optimizer, STEPS)
    nodes_after, resident_after = live_nodes(), memory("VmRSS")

    print(f"{STEPS:,} training steps of MLP 784-256-128-10, batch 128, without garbage collection")
    print(f"{'':16}{'before':>12}{'after':>12}{'growth':>12}")
    print(f"{'live nodes':16}{nodes:>12,}{nodes_after:>12,}{nodes_after - nodes:>12,}")
    kib = [size // 1024 for size in (resident, resident_after, resident_after - resident)]
    print(f"{'resident KiB':16}" + "".join(f"{size:>12,}" for size in kib))
    print(machine("numpy"))


if __name__ == "__main__":
    main()
