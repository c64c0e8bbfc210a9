"""Scalar mode against micrograd, on micrograd's own demo: two moons, 2-16-16-1, 100 samples.

A step is the demo's: the scores of all samples, their hinge loss and an L2 penalty, zero_grad, backward, and
an update of every parameter. Its code is here once and runs on both, with only the classes changed. Both
start from the same weights; after the first ten steps, which are not timed, their losses must agree. (Those
would flatter micrograd: its graphs wait for the garbage collector, which takes longer the more there is.)

Needs micrograd.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks import machine
from benchmarks.table import Table
from benchmarks.workers import Worker, take_turns

STEPS_FIRST = 10
RATE = 0.1


def build(library: str) -> Callable[[], float]:
    """A function that takes one step and returns the loss."""
    if library == "micrograd":
        from micrograd.engine import Value
        from micrograd.nn import MLP
    else:
        from minitensor import Value
        from minitensor.nn.scalar import MLP
    from minitensor.data import make_moons

    x, labels = make_moons(100, noise=0.1, rng=0)
    rows, targets = x.tolist(), (labels * 2 - 1).tolist()
    model: Any = MLP(2, [16, 16, 1])
    draw = random.Random(0)
    for parameter in model.parameters():
        parameter.data = draw.uniform(-1, 1)

    def step() -> float:
        inputs = [list(map(Value, row)) for row in rows]
        scores = list(map(model, inputs))
        losses = [(1 + -target * score).relu() for target, score in zip(targets, scores, strict=True)]
        penalty = 1e-4 * sum(p * p for p in model.parameters())
        loss = sum(losses) * (1.0 / len(losses)) + penalty
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= RATE * p.grad
        return float(loss.data)

    return step


def measure(rounds: int) -> Table:
    """Both in turn.

    Raises:
        AssertionError: If they do not train alike.
    """
    workers = {name: Worker(build, name) for name in ("minitensor", "micrograd")}
    ours, theirs = (worker.run(STEPS_FIRST).result for worker in workers.values())
    assert abs(ours - theirs) < 1e-9, f"they do not train alike: the losses are {ours} and {theirs}"
    times = take_turns(workers, rounds)
    rows: list[list[Any]] = [
        [name, median(seconds), min(seconds), times.ratio("micrograd", name)]
        for name, seconds in times.items()
    ]
    title = f"a step of micrograd's moons demo in scalar mode, in s; of {rounds} rounds"
    columns = ["", "median", "fastest", "times as fast as micrograd"]
    return Table(title, columns, rows, machine("numpy", "micrograd"))
