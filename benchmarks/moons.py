"""Scalar mode against micrograd, on micrograd's own demo: two moons, 2-16-16-1, 100 samples.

A step is the demo's: the scores of all samples, their hinge loss and an L2 penalty, zero_grad, backward, and
an update of every parameter. Its code is here once and runs on both, with only the classes changed. Both
start from the same weights; after the first ten steps, which are not timed, their losses must agree. (Those
would flatter micrograd: its graphs wait for the garbage collector, which takes longer the more there is.)

Run with `python -m benchmarks.moons [--rounds 15]`; needs micrograd.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks import machine
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


def main() -> None:
    """Measure, and print both medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    workers = {name: Worker(build, name) for name in ("minitensor", "micrograd")}
    ours, theirs = (worker.run(STEPS_FIRST).result for worker in workers.values())
    if abs(ours - theirs) > 1e-9:
        raise SystemExit(f"they do not train alike: the losses are {ours} and {theirs}")
    times = take_turns(workers, rounds)
    print(f"loss after {STEPS_FIRST} steps: {ours:.12f} and {theirs:.12f}")
    for name, seconds in times.items():
        print(f"{name:12}{median(seconds):8.3f} s a step (median of {rounds}){min(seconds):8.3f} (fastest)")
    ratio, of_minima = (f("micrograd", "minitensor") for f in (times.ratio, times.ratio_of_minima))
    print(f"minitensor's is {ratio:.2f} times as fast by the medians, {of_minima:.2f} by the fastest")
    print(machine("numpy", "micrograd"))
    for worker in workers.values():
        worker.stop()


if __name__ == "__main__":
    main()
