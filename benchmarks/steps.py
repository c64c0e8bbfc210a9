"""Training steps and inferences of every library that is here, and how their time grows."""

from __future__ import annotations

from statistics import median
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.peers import INFERENCES, LARGE, MNIST, SMALL, STEPS, Case, installed
from benchmarks.table import Table
from benchmarks.workers import Times, Worker, take_turns

FLOOR = "the products alone"
MEASURE = 0.2  # seconds of each round
CASES = (SMALL, MNIST, LARGE)
MB = 2**20


def steps(rounds: int) -> Table:
    """Milliseconds of a training step."""
    return _compare(f"a training step, in ms; median and fastest of {rounds} rounds", STEPS, rounds)


def inference(rounds: int) -> Table:
    """Milliseconds of an inference."""
    return _compare(f"scores of a batch, in ms; median and fastest of {rounds} rounds", INFERENCES, rounds)


def _compare(title: str, peers: Any, rounds: int) -> Table:
    columns = ["network, batch", "library", "median", "fastest", "of PyTorch", "of the products", "peak MB"]
    table = Table(title, columns, notes=f"Ratios are of medians. {versions()}")
    for case in CASES:
        workers = {name: Worker(build, case) for name, build in installed(peers).items()}
        check_agreement(workers)
        times = take_turns(workers, rounds, MEASURE)
        for name, seconds in times.items():
            ratios = [times.ratio(name, other) if other in times else None for other in ("PyTorch", FLOOR)]
            peak = workers[name].run().peak // MB
            table.rows.append([str(case), name, 1e3 * median(seconds), 1e3 * min(seconds), *ratios, peak])
        for worker in workers.values():
            worker.stop()
    return table


def check_agreement(workers: dict[str, Worker], calls: int = 20) -> None:
    """Stop if the peers do not compute the same: the twentieth loss, or the scores.

    Raises:
        AssertionError: Naming the one that differs.
    """
    first = None
    for name, worker in workers.items():
        result = worker.run(calls).result
        if name == FLOOR:
            continue
        first = result if first is None else first
        np.testing.assert_allclose(result, first, rtol=1e-3, atol=1e-4, err_msg=f"{name} computes otherwise")


def growth(rounds: int) -> Table:
    """Milliseconds of a training step as width, batch and depth grow."""
    wanted = ("compiled", "eager", "PyTorch", "jax.jit")
    names: list[str] = [name for name in wanted if name in installed(STEPS)]
    cases = {
        **{f"width {n}": Case((64, n, 10), 32) for n in (16, 64, 256, 1024)},
        **{f"batch {n}": Case((64, 32, 10), n) for n in (1, 8, 64, 512)},
        **{f"depth {n}": Case((64, *[32] * n, 10), 32) for n in (1, 4, 16, 64)},
    }
    title = f"a training step as one thing grows from 64-32-10, batch 32; ms, median of {rounds} rounds"
    table = Table(title, ["", *names], notes=versions())
    for label, case in cases.items():
        times = _times(case, names, rounds)
        table.rows.append([label, *[1e3 * median(times[name]) for name in names]])
    return table


def _times(case: Case, names: list[str], rounds: int) -> Times:
    workers = {name: Worker(STEPS[name][1], case) for name in names}
    times = take_turns(workers, rounds, MEASURE)
    for worker in workers.values():
        worker.stop()
    return times


def check() -> Table:
    """A small part, by ratios to the same step written by hand in NumPy.

    Raises:
        AssertionError: If a ratio is far above what it was.
    """
    names, limits = ["compiled", "eager", "NumPy by hand"], {"compiled": 1.0, "eager": 2.6}
    times = _times(SMALL, names, 15)
    table = Table(
        f"a training step of {SMALL}, of NumPy by hand", ["", "ratio", "limit"], notes=machine("numpy")
    )
    for name, limit in limits.items():
        ratio = times.ratio_of_minima(name, "NumPy by hand")
        table.rows.append([name, ratio, limit])
        assert ratio <= limit, (
            f"{name} takes {ratio:.2f} of the time of NumPy by hand; at most {limit} is allowed"
        )
    return table


def versions() -> str:
    """The line that describes this machine."""
    packages = {"numpy": "numpy", "torch": "torch", "jax": "jax", "sklearn": "scikit-learn"}
    packages |= {"mygrad": "mygrad", "autograd": "autograd"}
    here = {module for module, _ in STEPS.values() if module in packages} & _found()
    return machine(*[packages[module] for module in packages if module in here])


def _found() -> set[str]:
    return {STEPS[name][0] for name in installed(STEPS)}
